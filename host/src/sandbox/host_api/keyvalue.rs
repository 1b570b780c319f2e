//! `wasi:keyvalue`: values that outlive a call, in the store.
//!
//! A plugin has one space, the store called `default`, whoever calls it and however often it is loaded anew. Its bounds are kept
//! by the store, in the transaction that writes; the length of keys and values is looked at here.

use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime::component::{Resource, ResourceTableError};

use crate::{
    config::KeyValueGrant,
    metrics::OfPlugin,
    observe::{self, Effect},
    sandbox::{
        call::CallState,
        contract::wasi::keyvalue::{
            atomics::{self, CasError, HostCas},
            batch,
            store::{self, Error, HostBucket, KeyResponse},
        },
    },
    store::{Change, Full, KeepError, Room, Store, StoreError, Swapped},
};

/// The only store there is for a plugin.
const STORE_NAME: &str = "default";

/// Keys in one part of a list.
const PAGE_KEYS: usize = 256;

/// Keys in one batch: what a transaction writes keeps others waiting.
const BATCH_KEYS_MAX: usize = 1000;

/// What one batch may read: it is all in the host's memory before the guest has it.
const BATCH_BYTES_MAX: usize = 8 << 20;

/// What the `cas` handles of a call may hold together, beyond the first.
const CAS_BYTES_MAX: usize = 4 << 20;

/// Operations of one plugin that are with the store at once. Its other calls wait for their turn here, so that a plugin that
/// floods the store fills no queue that others stand in.
const TURNS: usize = 4;

/// Where one plugin's values are.
pub(crate) struct Keyspace {
    plugin: Arc<OfPlugin>,
    store: Arc<dyn Store>,
    space: String,
    bounds: KeyValueGrant,
    turns: Semaphore,
}

/// An opened store. There is one for each plugin, so there is nothing to remember.
pub struct Bucket;

/// A value as it was read.
pub struct Cas {
    key: String,
    was: Option<Vec<u8>>,
}

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl Keyspace {
    /// The values under `space`, within `bounds`.
    pub(crate) fn new(plugin: &Arc<OfPlugin>, store: &Arc<dyn Store>, space: &str, bounds: KeyValueGrant) -> Self {
        let store = Arc::clone(store);
        Self { plugin: Arc::clone(plugin), store, space: space.to_owned(), bounds, turns: Semaphore::new(TURNS) }
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await;
        self.store.kept(&self.space, key).await.map_err(|error| self.failed(&error))
    }

    async fn get_many(&self, keys: Vec<String>) -> Result<Vec<Option<(String, Vec<u8>)>>, Error> {
        self.check_batch(keys.len())?;
        let (mut values, mut bytes) = (Vec::with_capacity(keys.len()), 0);
        for key in keys {
            let value = self.get(&key).await?;
            bytes += value.as_ref().map_or(0, |value| key.len() + value.len());
            if bytes > BATCH_BYTES_MAX {
                return Err(self.limit("keyvalue_batch_bytes", "a batch gives at most 8 MiB: ask for fewer keys"));
            }
            values.push(value.map(|value| (key, value)));
        }
        Ok(values)
    }

    async fn keys(&self, after: Option<&str>) -> Result<KeyResponse, Error> {
        let _turn = self.turns.acquire().await;
        let keys = self.store.kept_keys(&self.space, after, PAGE_KEYS + 1).await;
        let mut keys = keys.map_err(|error| self.failed(&error))?;
        let more = keys.len() > PAGE_KEYS;
        keys.truncate(PAGE_KEYS);
        let cursor = if more { keys.last().cloned() } else { None };
        Ok(KeyResponse { keys, cursor })
    }

    async fn change(&self, changes: Vec<Change>) -> Result<(), Error> {
        self.check_batch(changes.len())?;
        for Change { key, value } in &changes {
            if let Some(value) = value {
                self.check_key(key)?;
                self.check_value(value)?;
            }
        }
        let _turn = self.turns.acquire().await;
        self.store.keep(&self.space, changes, self.room()).await.map_err(|error| self.not_kept(error))
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, Error> {
        self.check_key(key)?;
        let _turn = self.turns.acquire().await;
        let sum = self.store.keep_sum(&self.space, key, delta, self.room()).await;
        sum.map_err(|error| self.not_kept(error))
    }

    /// Gives what is there now if it is not what `cas` read.
    async fn swap(&self, cas: Cas, value: &[u8]) -> Result<Option<Cas>, Error> {
        self.check_value(value)?;
        let _turn = self.turns.acquire().await;
        let swapped = self.store.keep_if(&self.space, &cas.key, cas.was.as_deref(), value, self.room()).await;
        match swapped.map_err(|error| self.not_kept(error))? {
            Swapped::Done => Ok(None),
            Swapped::Not(now) => Ok(Some(Cas { key: cas.key, was: now })),
        }
    }

    fn room(&self) -> Room {
        Room { keys_max: self.bounds.keys_max, bytes_max: self.bounds.bytes_max }
    }

    /// Only what is written is checked: a longer key is not there, or was when the bounds were others.
    fn check_key(&self, key: &str) -> Result<(), Error> {
        let max = self.bounds.key_bytes_max;
        match key.len() {
            // Not every store can have such a key.
            0 => Err(Error::Other("a key must not be empty".into())),
            bytes if bytes > max => {
                Err(self.limit("keyvalue_key_bytes_max", &format!("a key has at most {max} bytes (key_bytes_max)")))
            }
            _ => Ok(()),
        }
    }

    fn check_value(&self, value: &[u8]) -> Result<(), Error> {
        let max = self.bounds.value_bytes_max;
        if value.len() > max {
            let text = format!("a value has at most {max} bytes (value_bytes_max)");
            return Err(self.limit("keyvalue_value_bytes_max", &text));
        }
        Ok(())
    }

    fn check_batch(&self, keys: usize) -> Result<(), Error> {
        if keys > BATCH_KEYS_MAX {
            return Err(self.limit("keyvalue_batch_keys", "a batch has at most 1000 keys"));
        }
        Ok(())
    }

    fn not_kept(&self, error: KeepError) -> Error {
        let KeyValueGrant { keys_max, bytes_max, .. } = self.bounds;
        match error {
            KeepError::Full(Full::Keys) => self
                .limit("keyvalue_keys_max", &format!("the store is full: it holds at most {keys_max} keys (keys_max)")),
            KeepError::Full(Full::Bytes) => self.limit(
                "keyvalue_bytes_max",
                &format!("the store is full: it holds at most {bytes_max} bytes (bytes_max)"),
            ),
            KeepError::NoNumber => {
                Error::Other("the value is no decimal number of 64 bits, or the sum would be none".into())
            }
            KeepError::Store(error) => self.failed(&error),
        }
    }

    fn limit(&self, limit: &'static str, text: &str) -> Error {
        self.plugin.limit_reached(limit);
        Error::Other(text.to_owned())
    }

    /// Why the store failed is for the log.
    fn failed(&self, error: &StoreError) -> Error {
        tracing::error!(tenant = self.plugin.tenant(), plugin = self.plugin.name(), %error, "key-value data cannot be reached");
        Error::Other("the store did not answer".into())
    }
}

impl CallState {
    /// Without a space there is no bucket, so no function that takes one can be called.
    fn keyspace(&self) -> wasmtime::Result<&Keyspace> {
        self.granted.keyspace.as_ref().ok_or_else(|| wasmtime::Error::msg("there is no bucket"))
    }

    fn push_cas(&mut self, cas: Cas) -> Answer<Resource<Cas>> {
        let bytes = self.cas_bytes + cas.bytes();
        if self.cas_bytes > 0 && bytes > CAS_BYTES_MAX {
            let text = "the call holds too much in cas handles: drop those it no longer needs";
            return Ok(Err(self.keyspace()?.limit("keyvalue_cas_bytes", text)));
        }
        let pushed = self.table.push(cas);
        if pushed.is_ok() {
            self.cas_bytes = bytes;
        }
        self.handle(pushed)
    }

    fn take_cas(&mut self, cas: Resource<Cas>) -> wasmtime::Result<Cas> {
        let cas = self.table.delete(cas)?;
        self.cas_bytes -= cas.bytes();
        Ok(cas)
    }

    fn handle<T>(&self, pushed: Result<Resource<T>, ResourceTableError>) -> Answer<Resource<T>> {
        match pushed {
            Ok(handle) => Ok(Ok(handle)),
            Err(ResourceTableError::Full) => {
                let text = "the call holds too many handles: drop those it no longer needs";
                Ok(Err(self.keyspace()?.limit("handles", text)))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Cas {
    fn bytes(&self) -> usize {
        self.key.len() + self.was.as_ref().map_or(0, Vec::len)
    }
}

impl store::Host for CallState {
    fn open(&mut self, identifier: String) -> Answer<Resource<Bucket>> {
        if self.granted.keyspace.is_none() {
            let identifier: String = identifier.chars().take(64).collect();
            let plugin = Arc::clone(self.granted.plugin());
            self.refusals.add(&plugin, "keyvalue", &format_args!("the store `{identifier}`"));
            return Ok(Err(Error::AccessDenied));
        }
        if identifier != STORE_NAME {
            return Ok(Err(Error::NoSuchStore));
        }
        let pushed = self.table.push(Bucket);
        self.handle(pushed)
    }
}

impl HostBucket for CallState {
    async fn get(&mut self, _: Resource<Bucket>, key: String) -> Answer<Option<Vec<u8>>> {
        saw("read", &key);
        Ok(self.keyspace()?.get(&key).await)
    }

    async fn set(&mut self, _: Resource<Bucket>, key: String, value: Vec<u8>) -> Answer<()> {
        saw("write", &key);
        Ok(self.keyspace()?.change(vec![Change { key, value: Some(value) }]).await)
    }

    async fn delete(&mut self, _: Resource<Bucket>, key: String) -> Answer<()> {
        saw("delete", &key);
        Ok(self.keyspace()?.change(vec![Change { key, value: None }]).await)
    }

    async fn exists(&mut self, _: Resource<Bucket>, key: String) -> Answer<bool> {
        saw("read", &key);
        Ok(self.keyspace()?.get(&key).await.map(|value| value.is_some()))
    }

    async fn list_keys(&mut self, _: Resource<Bucket>, cursor: Option<String>) -> Answer<KeyResponse> {
        saw("list", "*");
        Ok(self.keyspace()?.keys(cursor.as_deref()).await)
    }

    fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for CallState {
    async fn increment(&mut self, _: Resource<Bucket>, key: String, delta: i64) -> Answer<i64> {
        saw("write", &key);
        Ok(self.keyspace()?.increment(&key, delta).await)
    }

    async fn swap(&mut self, cas: Resource<Cas>, value: Vec<u8>) -> wasmtime::Result<Result<(), CasError>> {
        let cas = self.take_cas(cas)?;
        saw("write", &cas.key);
        let now = match self.keyspace()?.swap(cas, &value).await {
            Ok(None) => return Ok(Ok(())),
            Ok(Some(now)) => now,
            Err(error) => return Ok(Err(CasError::StoreError(error))),
        };
        Ok(Err(match self.push_cas(now)? {
            Ok(now) => CasError::CasFailed(now),
            Err(error) => CasError::StoreError(error),
        }))
    }
}

impl HostCas for CallState {
    async fn new(&mut self, _: Resource<Bucket>, key: String) -> Answer<Resource<Cas>> {
        let keyspace = self.keyspace()?;
        if let Err(error) = keyspace.check_key(&key) {
            return Ok(Err(error));
        }
        saw("read", &key);
        match keyspace.get(&key).await {
            Ok(was) => self.push_cas(Cas { key, was }),
            Err(error) => Ok(Err(error)),
        }
    }

    fn current(&mut self, cas: Resource<Cas>) -> Answer<Option<Vec<u8>>> {
        Ok(Ok(self.table.get(&cas)?.was.clone()))
    }

    fn drop(&mut self, cas: Resource<Cas>) -> wasmtime::Result<()> {
        self.take_cas(cas).map(drop)
    }
}

impl batch::Host for CallState {
    async fn get_many(&mut self, _: Resource<Bucket>, keys: Vec<String>) -> Answer<Vec<Option<(String, Vec<u8>)>>> {
        keys.iter().for_each(|key| saw("read", key));
        Ok(self.keyspace()?.get_many(keys).await)
    }

    async fn set_many(&mut self, _: Resource<Bucket>, key_values: Vec<(String, Vec<u8>)>) -> Answer<()> {
        key_values.iter().for_each(|(key, _)| saw("write", key));
        let changes = key_values.into_iter().map(|(key, value)| Change { key, value: Some(value) }).collect();
        Ok(self.keyspace()?.change(changes).await)
    }

    async fn delete_many(&mut self, _: Resource<Bucket>, keys: Vec<String>) -> Answer<()> {
        keys.iter().for_each(|key| saw("delete", key));
        let changes = keys.into_iter().map(|key| Change { key, value: None }).collect();
        Ok(self.keyspace()?.change(changes).await)
    }
}

/// Tells what the guest sets out to do with a key.
fn saw(how: &'static str, key: &str) {
    observe::touched(|| Effect::key(how, key));
}
