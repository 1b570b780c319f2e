//! The store on a Redis or Valkey server that several hosts share: one, one that sentinels watch, or a cluster.
//!
//! What has to be done as a whole is a script, and all keys of one script carry the same hash tag, so that they are in one
//! slot of a cluster: all records are in one, all values in one, each stream and each space of kept values in one of its own.
//!
//! Keys, behind the configured prefix, with what they hold:
//!
//! | key | |
//! | --- | --- |
//! | `:schema` | the version of this layout |
//! | `:{r}:k:KEY` | a record, as a hash |
//! | `:{r}:due:QUEUE`, `:{r}:group:NAME` | keys of records, by when they are due, and by when they expire |
//! | `:{v}:k:KEY` | a value |
//! | `:{v}:names`, `:{v}:expiry` | keys of values, in order, and by when they expire |
//! | `:{s:STREAM}` | the entries of a stream, by number |
//! | `:{k:SPACE}:values`, `:names`, `:bytes`, `:done:OPERATION` | a space; how long it is, and what was done last |
//! | `:notes` | the channel of notes |
//!
//! Each operation is done once, though it is sent again when the connection broke before its answer came: those that would do
//! something else the second time have a number of their own, which the script remembers.

mod keeper;
mod link;
mod script;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use redis::{Cmd, FromRedisValue, cmd};
use tokio::{sync::broadcast, time};

use self::{
    keeper::Keeper,
    link::{ConnectError, Servers},
    script::Script,
};
use super::{
    Change, Full, Heard, KeepError, Kept, REPLACED_MAX, Record, Room, Store, StoreError, Stored, Swapped, Usage,
    WhenFull, Write, Wrote,
};
use crate::{
    clock::millis,
    config::{Secret, SharedStore},
    seal::random,
};

/// How long an operation may take, with all that is done to reach the server: long enough for a server that starts anew or
/// hands over to another, short enough for whoever waits.
const OPERATION_MAX: Duration = Duration::from_secs(5);

/// How long a space remembers what was done: longer than anybody tries again.
const DONE_STAYS: Duration = Duration::from_secs(15);

/// Times and numbers are floating-point numbers in sorted sets. What is beyond their 53 bits is as good as never.
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Values that one script reads: others wait for as long.
const SCAN_MAX: usize = 500;

/// Redis as a [`Store`].
#[derive(Debug)]
pub struct Redis {
    keeper: Keeper,
    prefix: Arc<str>,
}

/// What it takes to be let in.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    pub password: Option<Secret>,
    pub sentinel_password: Option<Secret>,
    /// Certificates to trust instead of the system's, in PEM.
    pub ca: Option<Vec<u8>>,
}

impl Redis {
    /// Connects. If the server cannot be reached, the store is away, and connects when it can; the error is about what will not
    /// be better then: what was configured, or a server whose data is of a newer version.
    pub async fn connect(shared: &SharedStore, credentials: &Credentials) -> Result<Self, StoreError> {
        let servers = Servers::new(shared, credentials).map_err(StoreError)?;
        let keeper = match servers.connect().await {
            Ok(line) => Keeper::start(servers, Ok(line)),
            Err(ConnectError::Away(reason)) => Keeper::start(servers, Err(reason)),
            Err(ConnectError::Refused(reason)) => return Err(StoreError(reason)),
        };
        Ok(Self { keeper, prefix: shared.prefix.as_str().into() })
    }

    fn run<T: FromRedisValue + Send + 'static>(&self, command: Cmd) -> Stored<'_, T> {
        Box::pin(async move {
            let done = time::timeout(OPERATION_MAX, self.keeper.run(&command)).await;
            done.unwrap_or_else(|_| Err(self.keeper.too_late()))
        })
    }

    /// The beginning of a key, or of all keys with the hash tag `tag`.
    fn base(&self, tag: &str) -> String {
        format!("{}:{{{tag}}}:", self.prefix)
    }

    /// A change of kept values.
    fn change<T: Send + 'static>(
        &self,
        script: Script,
        space: &str,
        room: Room,
        arguments: Vec<Vec<u8>>,
        read: fn(Answer) -> Result<T, StoreError>,
    ) -> Kept<'_, T> {
        let base = self.base(&format!("k:{space}"));
        Box::pin(async move {
            let mut command = script.on(&[&format!("{base}values")]);
            command.arg(base).arg(operation()?).arg(room.keys_max).arg(room.bytes_max).arg(millis(DONE_STAYS));
            command.arg(arguments);
            let answer: Vec<Vec<u8>> = self.run(command).await?;
            let mut answer = answer.into_iter();
            match (answer.next().as_deref(), answer.next()) {
                (Some(b"done"), answer) => Ok(read(Answer::Done(answer.unwrap_or_default()))?),
                (Some(b"not"), is) => Ok(read(Answer::Not(is))?),
                (Some(b"keys"), _) => Err(KeepError::Full(Full::Keys)),
                (Some(b"bytes"), _) => Err(KeepError::Full(Full::Bytes)),
                (Some(b"no number"), _) => Err(KeepError::NoNumber),
                (other, _) => Err(unexpected(other.unwrap_or_default()).into()),
            }
        })
    }
}

/// What a script answers that changed kept values, or found that it is not to.
enum Answer {
    Done(Vec<u8>),
    Not(Option<Vec<u8>>),
}

impl Store for Redis {
    fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Stored<'_, ()> {
        let base = self.base("v");
        let mut command = Script::Put.on(&[&format!("{base}k:{key}")]);
        command.arg(base).arg(key).arg(value).arg(number(millis(ttl)));
        self.run(command)
    }

    fn get(&self, key: &str) -> Stored<'_, Option<Vec<u8>>> {
        let mut command = cmd("GET");
        command.arg(format!("{}k:{key}", self.base("v")));
        self.run(command)
    }

    fn delete(&self, key: &str) -> Stored<'_, ()> {
        let base = self.base("v");
        let mut command = Script::Delete.on(&[&format!("{base}k:{key}")]);
        command.arg(base).arg(key);
        self.run(command)
    }

    fn scan(&self, prefix: &str) -> Stored<'_, Vec<(String, Vec<u8>)>> {
        let (base, prefix) = (self.base("v"), prefix.to_owned());
        Box::pin(async move {
            let (mut found, mut from) = (Vec::new(), [b"[", prefix.as_bytes()].concat());
            // No byte of a text is 255.
            let to = [b"(", prefix.as_bytes(), b"\xff"].concat();
            loop {
                let mut command = Script::Scan.on(&[&format!("{base}names")]);
                command.arg(&base).arg(&from).arg(&to).arg(SCAN_MAX);
                let page: Vec<(String, Vec<Vec<u8>>)> = self.run(command).await?;
                let Some((last, _)) = page.last().filter(|_| page.len() >= SCAN_MAX) else {
                    found.extend(page);
                    break;
                };
                from = [b"(", last.as_bytes()].concat();
                found.extend(page);
            }
            Ok(found.into_iter().filter_map(|(key, value)| Some((key, value.into_iter().next()?))).collect())
        })
    }

    fn append(&self, stream: &str, number: u64, entry: &[u8], ttl: Duration) -> Stored<'_, ()> {
        let mut command = Script::Append.on(&[&self.stream(stream)]);
        let entry = [&number.to_be_bytes(), entry].concat();
        command.arg(number).arg(entry).arg(self::number(millis(ttl)));
        self.run(command)
    }

    fn read(&self, stream: &str, after: u64) -> Stored<'_, Vec<(u64, Vec<u8>)>> {
        let mut command = cmd("ZRANGEBYSCORE");
        command.arg(self.stream(stream)).arg(format!("({after}")).arg("+inf");
        Box::pin(async move {
            let entries: Vec<Vec<u8>> = self.run(command).await?;
            Ok(entries.iter().filter_map(|entry| entry_of(entry)).collect())
        })
    }

    fn kept(&self, space: &str, key: &str) -> Stored<'_, Option<Vec<u8>>> {
        let mut command = cmd("HGET");
        command.arg(format!("{}values", self.base(&format!("k:{space}")))).arg(key);
        self.run(command)
    }

    fn kept_keys(&self, space: &str, after: Option<&str>, limit: usize) -> Stored<'_, Vec<String>> {
        let mut command = cmd("ZRANGEBYLEX");
        command.arg(format!("{}names", self.base(&format!("k:{space}"))));
        command.arg(after.map_or("-".into(), |after| format!("({after}"))).arg("+");
        command.arg("LIMIT").arg(0).arg(number(limit as u64));
        self.run(command)
    }

    fn kept_usage(&self, space: &str) -> Stored<'_, Usage> {
        let base = self.base(&format!("k:{space}"));
        let command = Script::KeptUsage.on(&[&format!("{base}values"), &format!("{base}bytes")]);
        Box::pin(async move {
            let (keys, bytes) = self.run(command).await?;
            Ok(Usage { keys, bytes })
        })
    }

    fn keep(&self, space: &str, changes: Vec<Change>, room: Room) -> Kept<'_, ()> {
        // Where a key is changed twice, the last one counts.
        let changes: BTreeMap<_, _> = changes.into_iter().map(|change| (change.key, change.value)).collect();
        let arguments = changes.into_iter().flat_map(|(key, value)| {
            let what = if value.is_some() { "set" } else { "delete" };
            [key.into_bytes(), what.into(), value.unwrap_or_default()]
        });
        self.change(Script::Keep, space, room, arguments.collect(), |_| Ok(()))
    }

    fn keep_sum(&self, space: &str, key: &str, delta: i64, room: Room) -> Kept<'_, i64> {
        let arguments = vec![key.into(), delta.to_string().into_bytes()];
        self.change(Script::KeepSum, space, room, arguments, |answer| match answer {
            Answer::Done(sum) | Answer::Not(Some(sum)) => {
                std::str::from_utf8(&sum).ok().and_then(|sum| sum.parse().ok()).ok_or_else(|| unexpected(&sum))
            }
            Answer::Not(None) => Err(unexpected(b"")),
        })
    }

    fn keep_if(&self, space: &str, key: &str, was: Option<&[u8]>, value: &[u8], room: Room) -> Kept<'_, Swapped> {
        let is = if was.is_some() { "is" } else { "none" };
        let arguments = vec![key.into(), is.into(), was.unwrap_or_default().to_vec(), value.to_vec()];
        self.change(Script::KeepIf, space, room, arguments, |answer| {
            Ok(match answer {
                Answer::Done(_) => Swapped::Done,
                Answer::Not(is) => Swapped::Not(is),
            })
        })
    }

    fn record(&self, key: &str) -> Stored<'_, Option<Record>> {
        let mut command = cmd("HMGET");
        command.arg(format!("{}k:{key}", self.base("r"))).arg("version").arg("bytes");
        Box::pin(async move {
            let (version, bytes): (Option<u64>, Option<Vec<u8>>) = self.run(command).await?;
            Ok(version.zip(bytes).map(|(version, bytes)| Record { version, bytes }))
        })
    }

    fn write(&self, key: &str, was: u64, write: Write) -> Stored<'_, Wrote> {
        let (base, key) = (self.base("r"), key.to_owned());
        Box::pin(async move {
            let mut command = Script::Write.on(&[&format!("{base}k:{key}")]);
            command.arg(base).arg(key).arg(was).arg(operation()?).arg(write.bytes).arg(number(write.expires_ms));
            command.arg(signed(write.due.as_ref().map(|due| due.queue.as_str())));
            command.arg(write.due.map_or(0, |due| number(due.at_ms)));
            command.arg(signed(write.group.as_ref().map(|group| group.name.as_str())));
            command.arg(write.group.as_ref().map_or(0, |group| number(group.max)));
            let replaces = write.group.is_some_and(|group| group.when_full == WhenFull::Replace);
            command.arg(if replaces { "replace" } else { "refuse" }).arg(REPLACED_MAX);
            let wrote: String = self.run(command).await?;
            match wrote.as_str() {
                "done" => Ok(Wrote::Done),
                "stale" => Ok(Wrote::Stale),
                "full" => Ok(Wrote::Full),
                other => Err(unexpected(other.as_bytes())),
            }
        })
    }

    fn due(&self, queue: &str, by_ms: u64, limit: usize) -> Stored<'_, Vec<String>> {
        let base = self.base("r");
        let mut command = Script::Due.on(&[&format!("{base}due:{queue}")]);
        command.arg(base).arg(queue).arg(number(by_ms)).arg(number(limit as u64));
        self.run(command)
    }

    fn group_count(&self, name: &str) -> Stored<'_, u64> {
        self.run(Script::GroupCount.on(&[&format!("{}group:{name}", self.base("r"))]))
    }

    fn publish(&self, note: &[u8]) -> Stored<'_, ()> {
        let mut command = cmd("PUBLISH");
        command.arg(link::channel(&self.prefix)).arg(note);
        self.run(command)
    }

    fn listen(&self) -> broadcast::Receiver<Heard> {
        self.keeper.listen()
    }
}

impl Redis {
    fn stream(&self, stream: &str) -> String {
        format!("{}:{{s:{stream}}}", self.prefix)
    }
}

/// Which operation this is, so that it is not done a second time.
fn operation() -> Result<Vec<u8>, StoreError> {
    random::<16>().map(Vec::from).map_err(|error| StoreError(error.to_string()))
}

fn number(number: u64) -> u64 {
    number.min(NUMBER_MAX)
}

/// A name that may be absent, as scripts read it.
fn signed(name: Option<&str>) -> String {
    name.map_or_else(|| "-".into(), |name| format!("+{name}"))
}

/// An entry of a stream: its number stands before it.
fn entry_of(entry: &[u8]) -> Option<(u64, Vec<u8>)> {
    let (number, entry) = entry.split_first_chunk()?;
    Some((u64::from_be_bytes(*number), entry.to_vec()))
}

fn unexpected(answer: &[u8]) -> StoreError {
    StoreError(format!("it answered what a host of this version does not know: {}", answer.escape_ascii()))
}
