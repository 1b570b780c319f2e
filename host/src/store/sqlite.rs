//! The store in one file: SQLite in WAL mode, which several processes of one machine may share.
//!
//! One thread owns the connection. Whatever waits when it is free is done in one transaction: under load a commit is shared
//! by many, alone it is made at once. With `synchronous = NORMAL` a commit survives the end of the process, however it ends;
//! when the machine loses power, the last ones may be lost, as a whole each: what is there after that is what was there at
//! some moment shortly before. This holds for kept values too.

mod kept;
mod notes;
mod records;
mod schema;

use std::{
    fs,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use tokio::sync::{broadcast, oneshot};

use self::notes::{LOOK_EVERY, Notes};
use super::{Change, Heard, Kept, Record, Room, Store, StoreError, Stored, Swapped, Usage, Write, Wrote};
use crate::{
    clock::{millis, now_ms},
    metrics,
};

/// How long an operation waits for another process's transaction.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Operations in one transaction: enough to share its cost, few enough that the first does not wait long.
const BATCH_MAX: usize = 256;

/// How often what has expired is removed.
const PURGE_EVERY: Duration = Duration::from_secs(60);

/// SQLite as a [`Store`].
#[derive(Debug)]
pub struct Sqlite {
    jobs: mpsc::Sender<Job>,
    notes: Arc<Notes>,
}

/// Runs within a transaction; what it returns runs when that has ended, with why it failed if it did.
type Job = Box<dyn FnOnce(&Connection) -> Box<dyn FnOnce(Option<StoreError>)> + Send>;

impl Sqlite {
    /// Opens or makes the file. The error says what is wrong with it.
    ///
    /// What it holds is for this user alone, whatever folder it is in.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let private = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        private.map_err(|error| StoreError(error.to_string()))?;
        let connection = Connection::open(path).map_err(failed).and_then(prepare)?;
        Self::start(connection)
    }

    /// A store that ends with the process.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::start(Connection::open_in_memory().map_err(failed).and_then(prepare)?)
    }

    fn start(connection: Connection) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel();
        let notes = Arc::new(Notes::new(&connection)?);
        let heard = Arc::clone(&notes);
        let work = move || work(connection, &queue, &heard);
        thread::Builder::new().name("store".into()).spawn(work).map_err(|error| StoreError(error.to_string()))?;
        Ok(Self { jobs, notes })
    }

    fn run<T, E>(
        &self,
        operation: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, E>>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, done) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = operation(connection);
            Box::new(move |not_committed| {
                // Whoever asked may be gone.
                let _ = sender.send(match not_committed {
                    Some(error) => Err(error.into()),
                    None => result,
                });
            })
        });
        let sent = self.jobs.send(job);
        Box::pin(async move {
            let gone = || StoreError("its thread has ended".into());
            sent.map_err(|_| gone())?;
            done.await.map_err(|_| gone())?
        })
    }

    /// The same, where nothing can go wrong but the database.
    fn query<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Stored<'_, T> {
        self.run(move |connection| operation(connection).map_err(failed))
    }
}

impl Store for Sqlite {
    fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Stored<'_, ()> {
        let (key, value, expires_ms) = (key.to_owned(), value.to_vec(), expiry(ttl));
        self.query(move |connection| {
            connection
                .prepare_cached("INSERT OR REPLACE INTO value (key, value, expires_ms) VALUES (?1, ?2, ?3)")?
                .execute(params![key, value, expires_ms])
                .map(drop)
        })
    }

    fn get(&self, key: &str) -> Stored<'_, Option<Vec<u8>>> {
        let key = key.to_owned();
        self.query(move |connection| {
            connection
                .prepare_cached("SELECT value FROM value WHERE key = ?1 AND expires_ms > ?2")?
                .query_row(params![key, expiry(Duration::ZERO)], |row| row.get(0))
                .optional()
        })
    }

    fn delete(&self, key: &str) -> Stored<'_, ()> {
        let key = key.to_owned();
        self.query(move |connection| {
            connection.prepare_cached("DELETE FROM value WHERE key = ?1")?.execute(params![key]).map(drop)
        })
    }

    fn scan(&self, prefix: &str) -> Stored<'_, Vec<(String, Vec<u8>)>> {
        let prefix = prefix.to_owned();
        self.query(move |connection| {
            // `substr` rather than LIKE: a prefix may hold any character.
            connection
                .prepare_cached(
                    "SELECT key, value FROM value
                     WHERE key >= ?1 AND substr(key, 1, length(?1)) = ?1 AND expires_ms > ?2 ORDER BY key",
                )?
                .query_map(params![prefix, expiry(Duration::ZERO)], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }

    fn append(&self, stream: &str, number: u64, entry: &[u8], ttl: Duration) -> Stored<'_, ()> {
        let (stream, entry, expires_ms) = (stream.to_owned(), entry.to_vec(), expiry(ttl));
        self.query(move |connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO entry (stream, number, entry, expires_ms) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![stream, number.cast_signed(), entry, expires_ms])?;
            connection
                .prepare_cached("UPDATE entry SET expires_ms = ?2 WHERE stream = ?1 AND expires_ms < ?2")?
                .execute(params![stream, expires_ms])
                .map(drop)
        })
    }

    fn read(&self, stream: &str, after: u64) -> Stored<'_, Vec<(u64, Vec<u8>)>> {
        let stream = stream.to_owned();
        self.query(move |connection| {
            connection
                .prepare_cached(
                    "SELECT number, entry FROM entry WHERE stream = ?1 AND number > ?2 AND expires_ms > ?3 ORDER BY number",
                )?
                .query_map(params![stream, i64::try_from(after).unwrap_or(i64::MAX), expiry(Duration::ZERO)], |row| {
                    Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?))
                })?
                .collect()
        })
    }

    fn kept(&self, space: &str, key: &str) -> Stored<'_, Option<Vec<u8>>> {
        let (space, key) = (space.to_owned(), key.to_owned());
        self.query(move |connection| kept::value(connection, &space, &key))
    }

    fn kept_keys(&self, space: &str, after: Option<&str>, limit: usize) -> Stored<'_, Vec<String>> {
        let (space, after) = (space.to_owned(), after.map(str::to_owned));
        self.query(move |connection| kept::keys(connection, &space, after.as_deref(), limit))
    }

    fn kept_usage(&self, space: &str) -> Stored<'_, Usage> {
        let space = space.to_owned();
        self.query(move |connection| kept::usage(connection, &space))
    }

    fn keep(&self, space: &str, changes: Vec<Change>, room: Room) -> Kept<'_, ()> {
        let space = space.to_owned();
        self.run(move |connection| kept::change(connection, &space, changes, room))
    }

    fn keep_sum(&self, space: &str, key: &str, delta: i64, room: Room) -> Kept<'_, i64> {
        let (space, key) = (space.to_owned(), key.to_owned());
        self.run(move |connection| kept::sum(connection, &space, key, delta, room))
    }

    fn keep_if(&self, space: &str, key: &str, was: Option<&[u8]>, value: &[u8], room: Room) -> Kept<'_, Swapped> {
        let (space, was) = (space.to_owned(), was.map(<[u8]>::to_vec));
        let change = Change { key: key.to_owned(), value: Some(value.to_vec()) };
        self.run(move |connection| kept::swap(connection, &space, was.as_deref(), change, room))
    }

    fn record(&self, key: &str) -> Stored<'_, Option<Record>> {
        let key = key.to_owned();
        self.query(move |connection| records::read(connection, &key))
    }

    fn write(&self, key: &str, was: u64, write: Write) -> Stored<'_, Wrote> {
        let key = key.to_owned();
        self.query(move |connection| records::write(connection, &key, was, &write))
    }

    fn due(&self, queue: &str, by_ms: u64, limit: usize) -> Stored<'_, Vec<String>> {
        let queue = queue.to_owned();
        self.query(move |connection| records::due(connection, &queue, by_ms, limit))
    }

    fn group_count(&self, name: &str) -> Stored<'_, u64> {
        let name = name.to_owned();
        self.query(move |connection| records::group_count(connection, &name))
    }

    fn publish(&self, note: &[u8]) -> Stored<'_, ()> {
        let (note, notes) = (note.to_vec(), Arc::clone(&self.notes));
        let written = {
            let (note, notes) = (note.clone(), Arc::clone(&notes));
            self.query(move |connection| notes.write(connection, &note))
        };
        Box::pin(async move {
            written.await?;
            // Whoever is in this process need not wait for the next look.
            notes.tell(Heard::Note(note.into()));
            Ok(())
        })
    }

    fn listen(&self) -> broadcast::Receiver<Heard> {
        let receiver = self.notes.listen();
        // The thread may be waiting for something to do; with somebody who listens, it looks by itself.
        let _ = self.jobs.send(Box::new(|_| Box::new(|_| ())));
        receiver
    }
}

fn prepare(mut connection: Connection) -> Result<Connection, StoreError> {
    let settings = |connection: &Connection| {
        connection.busy_timeout(BUSY_WAIT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")
    };
    settings(&connection).map_err(failed)?;
    schema::bring_up(&mut connection)?;
    Ok(connection)
}

/// The thread. Ends when the last [`Sqlite`] does.
fn work(mut connection: Connection, queue: &mpsc::Receiver<Job>, notes: &Notes) {
    let (mut purged, mut ears) = (Instant::now(), notes.ears());
    loop {
        let first = match notes.is_heard() {
            true => queue.recv_timeout(LOOK_EVERY),
            false => queue.recv().map_err(RecvTimeoutError::from),
        };
        match first {
            Ok(first) => {
                let jobs = [first].into_iter().chain(queue.try_iter().take(BATCH_MAX - 1));
                batch(&mut connection, jobs, &mut purged);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        ears.look(&connection, notes);
    }
}

/// Does `jobs` in one transaction.
fn batch(connection: &mut Connection, jobs: impl Iterator<Item = Job>, purged: &mut Instant) {
    let mut done = Vec::new();
    let committed = connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|transaction| {
        done.extend(jobs.map(|job| job(&transaction)));
        if purged.elapsed() > PURGE_EVERY {
            *purged = Instant::now();
            purge(&transaction)?;
        }
        transaction.commit()
    });
    let error = committed.err().map(failed);
    for tell in done {
        tell(error.clone());
    }
}

fn purge(connection: &Connection) -> rusqlite::Result<()> {
    for table in ["value", "entry", "record", "note"] {
        connection.execute(&format!("DELETE FROM {table} WHERE expires_ms <= ?1"), params![expiry(Duration::ZERO)])?;
    }
    Ok(())
}

/// `ttl` from now, as SQLite's signed integer.
fn expiry(ttl: Duration) -> i64 {
    signed(now_ms().saturating_add(millis(ttl)))
}

/// A time as SQLite's signed integer. What is later than that is as good as never.
fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn failed(error: rusqlite::Error) -> StoreError {
    metrics::store_error();
    StoreError(error.to_string())
}
