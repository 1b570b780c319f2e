//! Notes. Those of this process are told as soon as they are written; those of others are found in their table, which is
//! looked at when `PRAGMA data_version` says that somebody else has written something.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::broadcast;

use super::{expiry, failed, signed};
use crate::{
    clock::{millis, now_ms},
    seal::random,
    store::{Heard, NOTES_BEHIND_MAX, StoreError},
};

/// How often others' notes are looked for, while somebody listens: soon enough for a person, and of no cost.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long a note can be found: longer than a thread of this store is ever away.
const STAYS: Duration = Duration::from_secs(60);

/// What was written so long before somebody began to listen may have become visible after that: a transaction can wait.
const BEFORE: Duration = Duration::from_secs(5);

/// What is shared with the thread.
#[derive(Debug)]
pub(super) struct Notes {
    /// Marks this process' own.
    sender: i64,
    heard: broadcast::Sender<Heard>,
    /// When somebody began to listen after nobody had.
    since_ms: AtomicU64,
    /// The newest note when the file was opened.
    newest: i64,
}

impl Notes {
    pub(super) fn new(connection: &Connection) -> Result<Self, StoreError> {
        let random = random().map_err(|error| StoreError(error.to_string()))?;
        Ok(Self {
            sender: i64::from_le_bytes(random),
            heard: broadcast::Sender::new(NOTES_BEHIND_MAX),
            since_ms: AtomicU64::new(0),
            newest: newest(connection).map_err(failed)?,
        })
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<Heard> {
        if !self.is_heard() {
            self.since_ms.store(now_ms(), Ordering::Release);
        }
        self.heard.subscribe()
    }

    pub(super) fn is_heard(&self) -> bool {
        self.heard.receiver_count() > 0
    }

    pub(super) fn tell(&self, heard: Heard) {
        // Nobody may listen.
        let _ = self.heard.send(heard);
    }

    pub(super) fn write(&self, connection: &Connection, note: &[u8]) -> rusqlite::Result<()> {
        connection
            .prepare_cached("INSERT INTO note (sender, note, expires_ms) VALUES (?1, ?2, ?3)")?
            .execute(params![self.sender, note, expiry(STAYS)])
            .map(drop)
    }

    /// What the thread has seen so far.
    pub(super) fn ears(&self) -> Ears {
        Ears { seen: self.newest, looked: None, data_version: None }
    }
}

/// How far the thread has looked.
#[derive(Debug)]
pub(super) struct Ears {
    /// The number of the last note.
    seen: i64,
    looked: Option<Instant>,
    data_version: Option<i64>,
}

impl Ears {
    /// Looks for what others wrote, unless that was just done.
    pub(super) fn look(&mut self, connection: &Connection, notes: &Notes) {
        if !notes.is_heard() {
            // Whoever listens next finds everything new.
            (self.looked, self.data_version) = (None, None);
            return;
        }
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return;
        }
        // What cannot be read now is found the next time.
        if let Err(error) = self.look_now(connection, notes) {
            tracing::debug!("notes of other hosts cannot be read: {error}");
        }
    }

    fn look_now(&mut self, connection: &Connection, notes: &Notes) -> rusqlite::Result<()> {
        if self.looked.is_none() {
            let since_ms = notes.since_ms.load(Ordering::Acquire);
            self.seen = self.seen.max(before(connection, since_ms)?);
        }
        self.looked = Some(Instant::now());
        let data_version = connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if self.data_version.replace(data_version) != Some(data_version) {
            self.read(connection, notes).inspect_err(|_| self.data_version = None)?;
        }
        Ok(())
    }

    fn read(&mut self, connection: &Connection, notes: &Notes) -> rusqlite::Result<()> {
        // First, so that what is written meanwhile is not taken for lost.
        let newest = newest(connection)?;
        let mut select = connection.prepare_cached("SELECT id, sender, note FROM note WHERE id > ?1 ORDER BY id")?;
        let mut rows = select.query([self.seen])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            if id != self.seen + 1 {
                notes.tell(Heard::Gap);
            }
            self.seen = id;
            if row.get::<_, i64>(1)? != notes.sender {
                notes.tell(Heard::Note(row.get::<_, Vec<u8>>(2)?.into()));
            }
        }
        // The rest was removed before it was seen.
        if newest > self.seen {
            self.seen = newest;
            notes.tell(Heard::Gap);
        }
        Ok(())
    }
}

/// The number of the newest note that there ever was.
fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    let newest = connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'note'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(newest.unwrap_or_default())
}

/// The number of the last note that cannot have been published after `since_ms`.
fn before(connection: &Connection, since_ms: u64) -> rusqlite::Result<i64> {
    let expires_ms = since_ms.saturating_add(millis(STAYS)).saturating_sub(millis(BEFORE));
    let first: Option<i64> = connection
        .prepare_cached("SELECT min(id) FROM note WHERE expires_ms >= ?1")?
        .query_row([signed(expires_ms)], |row| row.get(0))?;
    first.map_or_else(|| newest(connection), |first| Ok(first - 1))
}
