//! The one place for state that must outlive a request. A plain call never comes here, unless its plugin keeps values.
//!
//! Four shapes of state. Values by key, streams of numbered entries and records, which several hosts change, are the host's
//! own; they have an expiry, and what has expired is as good as gone, and is removed some time later. Kept values are what
//! plugins keep: they stay until they are deleted, in a space of the plugin's own that has bounds.
//!
//! Beside them, notes: what one host tells all others that share the store. They are no state; nothing rests on one arriving.

mod redis;
mod sqlite;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::sync::broadcast;

pub use redis::{Credentials, Redis};
pub use sqlite::Sqlite;

/// What the store promises of one operation: done and visible to everybody who shares the store, or an error.
pub type Stored<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// The same of an operation on kept values, which can also be refused.
pub type Kept<'a, T> = BoxFuture<'a, Result<T, KeepError>>;

/// Why the store did not do it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the store did not answer: {0}")]
pub struct StoreError(pub String);

/// Why a value is not kept. The space is then as it was before.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeepError {
    #[error("the space is full")]
    Full(Full),
    /// What is there is no decimal number of 64 bits, or the sum would be none.
    #[error("it is no number, or the sum is beyond 64 bits")]
    NoNumber,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which bound of a [`Room`] a change runs into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    Keys,
    Bytes,
}

/// The bounds of a space. They come with each change, since they are the configuration's and may be others tomorrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    pub keys_max: u64,
    /// Of all keys and values together.
    pub bytes_max: u64,
}

/// What is in a space.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub keys: u64,
    /// Of all keys and values together.
    pub bytes: u64,
}

/// What is to become of one key: its value, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub key: String,
    pub value: Option<Vec<u8>>,
}

/// What several hosts change, each only upon what it has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The first is 1, and each write adds 1.
    pub version: u64,
    pub bytes: Vec<u8>,
}

/// What is to become of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    pub bytes: Vec<u8>,
    /// In milliseconds since 1970. What expires now, or earlier, is deleted.
    pub expires_ms: u64,
    /// When somebody has to look at it again. Holds until the next write.
    pub due: Option<Due>,
    /// It is counted in this group until the next write.
    pub group: Option<Group>,
}

/// A record's place among those that have to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub queue: String,
    /// In milliseconds since 1970.
    pub at_ms: u64,
}

/// Records that are counted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    /// What is in it already may stay, even if there are more.
    pub max: u64,
    pub when_full: WhenFull,
}

/// What becomes of a record that would enter a group with as many as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// It is not written.
    Refuse,
    /// It enters, and what would expire first is deleted in its place.
    Replace,
}

/// Records that one write deletes where the bound was drawn closer: whoever enters takes away more than it brings, and
/// others do not wait long for it.
const REPLACED_MAX: u64 = 100;

/// What came of [`Store::write`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrote {
    Done,
    /// Somebody else was first; nothing was changed.
    Stale,
    /// The group is full; nothing was changed.
    Full,
}

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Note(Arc<[u8]>),
    /// Something may have been missed: look at everything anew.
    Gap,
}

/// Notes that a listener may be behind before it loses the oldest, which its receiver then says.
const NOTES_BEHIND_MAX: usize = 1024;

impl Room {
    /// Whether a change from `before` to `after` may be. What makes a space smaller always may, even where the bounds were
    /// drawn closer than what was there already.
    fn admit(self, before: Usage, after: Usage) -> Result<(), KeepError> {
        if after.keys > self.keys_max && after.keys > before.keys {
            return Err(KeepError::Full(Full::Keys));
        }
        if after.bytes > self.bytes_max && after.bytes > before.bytes {
            return Err(KeepError::Full(Full::Bytes));
        }
        Ok(())
    }
}

/// Values by key, streams by name, records by key, and kept values by space and key. Cheap to share; its operations do not
/// wait for each other.
///
/// Keys are compared and ordered by their bytes.
pub trait Store: Send + Sync {
    /// Sets `key`, for `ttl` from now.
    fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Stored<'_, ()>;

    /// The value of `key`, if it has one.
    fn get(&self, key: &str) -> Stored<'_, Option<Vec<u8>>>;

    /// Forgets `key`. Not an error if it was not there.
    fn delete(&self, key: &str) -> Stored<'_, ()>;

    /// All keys that begin with `prefix`, in order, with their values.
    fn scan(&self, prefix: &str) -> Stored<'_, Vec<(String, Vec<u8>)>>;

    /// Adds entry `number` to `stream`. The whole stream lives for `ttl` after the last entry.
    fn append(&self, stream: &str, number: u64, entry: &[u8], ttl: Duration) -> Stored<'_, ()>;

    /// The entries of `stream` after number `after`, in order.
    fn read(&self, stream: &str, after: u64) -> Stored<'_, Vec<(u64, Vec<u8>)>>;

    /// The kept value of `key`, if it has one.
    fn kept(&self, space: &str, key: &str) -> Stored<'_, Option<Vec<u8>>>;

    /// The first `limit` keys of `space` after `after`, in order; from the first if it is `None`. The key `after` need not
    /// be there.
    fn kept_keys(&self, space: &str, after: Option<&str>, limit: usize) -> Stored<'_, Vec<String>>;

    /// What is in `space`. Exact: it changes together with what it counts.
    fn kept_usage(&self, space: &str) -> Stored<'_, Usage>;

    /// Makes all `changes`, or none of them. Where a key is changed twice, the last one counts; to delete what is not there
    /// is no error. Once done, they outlive the process; how much of the last moment a loss of power takes is for the
    /// backend to say.
    fn keep(&self, space: &str, changes: Vec<Change>, room: Room) -> Kept<'_, ()>;

    /// Adds `delta` to the number at `key`, decimal text, which is 0 if it is not there; gives the sum. Whoever else does so
    /// at the same time, no addition is lost.
    fn keep_sum(&self, space: &str, key: &str, delta: i64, room: Room) -> Kept<'_, i64>;

    /// Sets `key` to `value` if it still is what it `was`; `None` is a key that was not there. Otherwise changes nothing and
    /// gives what it is now.
    fn keep_if(&self, space: &str, key: &str, was: Option<&[u8]>, value: &[u8], room: Room) -> Kept<'_, Swapped>;

    /// The record at `key`, if there is one.
    fn record(&self, key: &str) -> Stored<'_, Option<Record>>;

    /// Writes the record at `key` if its version still `was` this one; 0 is a record that is not there. The record, its place
    /// in a queue and its group change together, or not at all.
    fn write(&self, key: &str, was: u64, write: Write) -> Stored<'_, Wrote>;

    /// The keys of at most `limit` records that are due in `queue` at `by_ms` or earlier, the earliest first. They stay due
    /// until they are written.
    fn due(&self, queue: &str, by_ms: u64, limit: usize) -> Stored<'_, Vec<String>>;

    /// How many records are in the group `name`.
    fn group_count(&self, name: &str) -> Stored<'_, u64>;

    /// Tells `note` to everybody who shares the store and listens, the sender too. Who does not listen at that moment never
    /// hears it.
    fn publish(&self, note: &[u8]) -> Stored<'_, ()>;

    /// What is published from now on; a note from shortly before may be among it. A receiver that lags has missed something,
    /// as after a [`Heard::Gap`].
    fn listen(&self) -> broadcast::Receiver<Heard>;
}

/// What came of [`Store::keep_if`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swapped {
    Done,
    /// Somebody else was first: what they wrote, or `None` if they deleted it.
    Not(Option<Vec<u8>>),
}

#[cfg(test)]
mod tests;
