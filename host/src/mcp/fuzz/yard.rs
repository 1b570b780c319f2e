//! A host without plugins, and what it stands on.

use std::{
    collections::BTreeMap,
    future::ready,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use tokio::{io::AsyncWrite, runtime::Runtime, sync::broadcast, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{HOUR, split};
use crate::{
    auth::Principal,
    catalog::Tenants,
    config::Config,
    hosts::Hosts,
    mcp::{Answer, Parts, Refusal, Request, Server, Via},
    policy::Policy,
    seal::{Binding, KEY_BYTES, KeyRing},
    signals::Signals,
    store::{Change, Heard, Kept, Record, Room, Store, StoreError, Stored, Swapped, Usage, Write, Wrote},
    telemetry::Trace,
};

/// Stands in headers for the id of a session that is good: nobody guesses one.
pub(super) const SESSION: &[u8] = b"{session}";

/// That session's number.
pub(super) const OWN: &str = "00000000000000000000000000000001";

/// A host without plugins.
pub(super) struct Yard {
    pub(super) server: Server,
    pub(super) runtime: &'static Runtime,
}

impl Yard {
    /// One that has not been asked anything yet.
    pub(super) fn empty() -> Self {
        Self::new(Arc::new(Memory::default()))
    }

    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        let signals = Signals::new();
        let (config, tenants) = (Config::new(), Arc::new(Tenants::new(signals.clone())));
        tenants.set(&config.tenants);
        let parts = Parts {
            tenants,
            hosts: Arc::new(Hosts::new(Arc::clone(&store), signals.clone()).expect("random numbers")),
            signals,
            ring: ring(),
            lanes: Arc::default(),
            store,
            background: TaskTracker::new(),
            stopping: CancellationToken::new(),
            audit: crate::audit::Audit::off(),
            observer: None,
            tracer: None,
            policy: Policy::open(),
        };
        Self { server: Server::new(&config, parts), runtime: runtime() }
    }

    pub(super) fn by<'a>(&self, headers: &'a HeaderMap) -> Request<'a> {
        let visitor = self.server.visitor(Arc::new(Principal::anonymous()));
        let visitor = visitor.expect("every configuration has the tenant `default`");
        Request { via: Via::Http { headers, takes_events: true }, visitor, trace: Trace::Off }
    }

    pub(super) fn post(&self, headers: &HeaderMap, body: &[u8]) -> Result<Answer, Refusal> {
        self.runtime.block_on(self.server.answer(self.by(headers), body))
    }

    /// What comes of `future`, if something does by then.
    pub(super) fn within<T>(&self, wait: Duration, future: impl Future<Output = T>) -> Option<T> {
        self.runtime.block_on(async { timeout(wait, future).await.ok() })
    }

    /// Those lines that are headers.
    pub(super) fn headers(&self, lines: &[u8]) -> HeaderMap {
        let header = |line: &[u8]| {
            let (name, value) = split(line, b":");
            let good = (value.trim_ascii() == SESSION).then(|| session_of(&own_session()));
            let value = good.map_or(value.to_vec(), String::into_bytes);
            Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(&value).ok()?))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in lines.split(|byte| *byte == b'\n').filter_map(header).take(100) {
            headers.append(name, value);
        }
        headers
    }
}

/// One for each thread: who runs in it runs alone.
pub(super) fn runtime() -> &'static Runtime {
    fn build() -> Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
    }
    thread_local! {
        static RUNTIME: &'static Runtime = Box::leak(Box::new(build()));
    }
    RUNTIME.with(|runtime| *runtime)
}

/// Two keys, the same in every run.
pub(super) fn ring() -> KeyRing {
    KeyRing::new(&[("new".into(), [7; KEY_BYTES]), ("old".into(), [8; KEY_BYTES])]).expect("the ids are legal")
}

/// A session's id around any bytes.
pub(super) fn session_of(plain: &[u8]) -> String {
    let binding = Binding::new("session", &[b"default", b"anonymous"]);
    ring().seal(plain, &binding, HOUR).expect("it is short enough")
}

fn own_session() -> Vec<u8> {
    json!({ "u": OWN, "v": "2025-11-25", "c": 31 }).to_string().into_bytes()
}

/// Standard output.
#[derive(Clone, Default)]
pub(super) struct Written {
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Written {
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl AsyncWrite for Written {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A store that answers at once and begins empty, so that each input finds the same host.
#[derive(Default)]
struct Memory {
    values: Mutex<BTreeMap<String, Vec<u8>>>,
    records: Mutex<BTreeMap<String, Record>>,
}

impl Memory {
    fn records(&self) -> MutexGuard<'_, BTreeMap<String, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T: Send + 'static>(&self, operation: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T) -> Stored<'_, T> {
        let done = operation(&mut self.values.lock().unwrap_or_else(PoisonError::into_inner));
        Box::pin(ready(Ok(done)))
    }
}

impl Store for Memory {
    fn put(&self, key: &str, value: &[u8], _: Duration) -> Stored<'_, ()> {
        self.with(|values| drop(values.insert(key.to_owned(), value.to_vec())))
    }

    fn get(&self, key: &str) -> Stored<'_, Option<Vec<u8>>> {
        self.with(|values| values.get(key).cloned())
    }

    fn delete(&self, key: &str) -> Stored<'_, ()> {
        self.with(|values| drop(values.remove(key)))
    }

    fn scan(&self, prefix: &str) -> Stored<'_, Vec<(String, Vec<u8>)>> {
        let fits = |(key, value): (&String, &Vec<u8>)| key.starts_with(prefix).then(|| (key.clone(), value.clone()));
        self.with(|values| values.iter().filter_map(fits).collect())
    }

    /// Without plugins there are no calls, and so no streams.
    fn append(&self, _: &str, _: u64, _: &[u8], _: Duration) -> Stored<'_, ()> {
        self.with(|_| ())
    }

    fn read(&self, _: &str, _: u64) -> Stored<'_, Vec<(u64, Vec<u8>)>> {
        self.with(|_| Vec::new())
    }

    fn kept(&self, _: &str, _: &str) -> Stored<'_, Option<Vec<u8>>> {
        self.with(|_| None)
    }

    fn kept_keys(&self, _: &str, _: Option<&str>, _: usize) -> Stored<'_, Vec<String>> {
        self.with(|_| Vec::new())
    }

    fn kept_usage(&self, _: &str) -> Stored<'_, Usage> {
        self.with(|_| Usage::default())
    }

    fn keep(&self, _: &str, _: Vec<Change>, _: Room) -> Kept<'_, ()> {
        no_plugins()
    }

    fn keep_sum(&self, _: &str, _: &str, _: i64, _: Room) -> Kept<'_, i64> {
        no_plugins()
    }

    fn keep_if(&self, _: &str, _: &str, _: Option<&[u8]>, _: &[u8], _: Room) -> Kept<'_, Swapped> {
        no_plugins()
    }

    fn record(&self, key: &str) -> Stored<'_, Option<Record>> {
        let record = self.records().get(key).cloned();
        Box::pin(ready(Ok(record)))
    }

    fn write(&self, key: &str, was: u64, write: Write) -> Stored<'_, Wrote> {
        let mut records = self.records();
        let is = records.get(key).map_or(0, |record| record.version);
        let wrote = if is == was {
            records.insert(key.to_owned(), Record { version: was + 1, bytes: write.bytes });
            Wrote::Done
        } else {
            Wrote::Stale
        };
        Box::pin(ready(Ok(wrote)))
    }

    /// Nobody starts here, and so nobody recalls.
    fn due(&self, _: &str, _: u64, _: usize) -> Stored<'_, Vec<String>> {
        self.with(|_| Vec::new())
    }

    fn group_count(&self, _: &str) -> Stored<'_, u64> {
        self.with(|_| 0)
    }

    /// There is no other host.
    fn publish(&self, _: &[u8]) -> Stored<'_, ()> {
        self.with(|_| ())
    }

    fn listen(&self) -> broadcast::Receiver<Heard> {
        broadcast::channel(1).1
    }
}

fn no_plugins<'a, T: Send + 'a>() -> Kept<'a, T> {
    Box::pin(ready(Err(StoreError("there are no plugins here, and nothing is kept".into()).into())))
}
