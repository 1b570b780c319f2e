//! The one place for state that must outlive a request. A plain call never comes here.
//!
//! Two shapes of state: values by key, and streams of numbered entries. Everything has an expiry; what has expired is as
//! good as gone, and is removed some time later.

mod sqlite;

use std::time::Duration;

use futures_util::future::BoxFuture;

pub use sqlite::Sqlite;

/// What the store promises of one operation: done and visible to everybody who shares the store, or an error.
pub type Stored<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Why the store did not do it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the store did not answer: {0}")]
pub struct StoreError(pub String);

/// Values by key and streams by name. Cheap to share; its operations do not wait for each other.
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
}

#[cfg(test)]
mod tests;
