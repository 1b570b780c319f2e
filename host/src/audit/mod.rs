//! The trail: who called what, by what right, what it touched and what came of it, in lines that vouch for each other.
//!
//! A record is made where something happens, and written by one thread (`writer`), which gives it a number and the hash of the
//! line before it (`chain`). With `durable`, a call is answered only when the disk has its record; where that cannot be, it is
//! not answered. Otherwise nobody waits, and what could not be written is counted in the trail itself.

mod arguments;
mod chain;
mod file;
mod flood;
mod otlp;
mod query;
pub mod record;
mod sink;
mod verify;
mod writer;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    sync::{Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Instant,
};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

pub use chain::{Head, is_hash};
pub use query::{Filter, Follow, query};
pub use record::Event;
pub use verify::{Known, Problem, Report, verify, verify_files};

use crate::{
    clock,
    config::{AuditSettings, Taker},
    ids::HostId,
    metrics,
};
use file::Trail;
use record::{Arguments, Refused, Stop};
use sink::Sink;
use writer::{Job, Shared, Writer};

/// Records that wait for the writer. Beyond it, those that nobody waits for are counted and not written.
const WAITING_MAX: usize = 8192;

/// The trail of this host, or none. Cheap to clone.
#[derive(Clone, Default)]
pub struct Audit(Option<Arc<Inner>>);

struct Inner {
    host: String,
    jobs: mpsc::Sender<Job>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    refused: AtomicU64,
}

/// The record could not be written, and without it nothing may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit trail cannot be written")]
pub struct Unwritten;

impl Audit {
    /// No trail: nothing is written, and nothing waits.
    pub fn off() -> Self {
        Self(None)
    }

    /// Goes on with the trail that the configuration names, or begins it. Reads and writes files. The error is a sentence for
    /// the operator.
    pub fn start(settings: &AuditSettings, host: &HostId) -> Result<Self, String> {
        let trail = settings.file.as_deref().map(Trail::open).transpose()?;
        let mut sinks = Vec::new();
        let wrong = |error: std::io::Error| format!("the audit trail has nowhere to go: {error}");
        if settings.stdout {
            sinks.push(Sink::stdout().map_err(wrong)?);
        }
        if let Some(url) = &settings.otlp {
            sinks.push(Sink::otlp(url, host.as_str()).map_err(wrong)?);
        }
        let (sender, jobs) = mpsc::channel(WAITING_MAX);
        let shared = Arc::new(Shared::new(settings));
        let writer = Writer::new(host.as_str(), trail, sinks, &shared, jobs)?;
        let thread = thread::Builder::new().name("audit".into()).spawn(move || writer.run()).map_err(wrong)?;
        Ok(Self(Some(Arc::new(Inner {
            host: host.to_string(),
            jobs: sender,
            shared,
            thread: Mutex::new(Some(thread)),
            refused: AtomicU64::new(0),
        }))))
    }

    /// Takes up what records have of arguments, whether calls wait for the disk, and when files are begun and removed. Where records
    /// go, and whether there is a trail at all, holds from the next start on.
    pub fn taker(&self) -> Taker {
        let audit = self.clone();
        Box::new(move |config| {
            let (audit, settings) = (audit.clone(), config.audit.clone());
            Ok(Box::new(move || {
                if let (Some(inner), Some(settings)) = (&audit.0, settings) {
                    inner.shared.take_up(settings);
                }
            }))
        })
    }

    /// Whether there is a trail.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Whether calls may run: not where they would have to be written down and cannot be.
    pub fn ready(&self) -> Result<(), Unwritten> {
        match &self.0 {
            Some(inner) if inner.shared.settings.load().durable && inner.shared.failed.load(Ordering::Acquire) => {
                inner.refused.fetch_add(1, Ordering::Relaxed);
                Err(Unwritten)
            }
            _ => Ok(()),
        }
    }

    /// Writes something down. Waits for the disk if the trail is durable, and for nothing otherwise.
    pub async fn write<E: Event>(&self, event: &E) -> Result<(), Unwritten> {
        let Some(inner) = self.0.as_deref().filter(|inner| inner.shared.settings.load().durable) else {
            self.note(event);
            return Ok(());
        };
        let (done, written) = oneshot::channel();
        let job = Job::Write { record: to_record(&inner.host, event), done: Some(done) };
        inner.jobs.send(job).await.map_err(|_| Unwritten)?;
        if written.await == Ok(true) { Ok(()) } else { Err(Unwritten) }
    }

    /// Writes something down that nobody waits for.
    pub fn note<E: Event>(&self, event: &E) {
        let Some(inner) = &self.0 else { return };
        let job = Job::Write { record: to_record(&inner.host, event), done: None };
        if inner.jobs.try_send(job).is_err() {
            inner.shared.lost.fetch_add(1, Ordering::AcqRel);
            metrics::audit_lost("file", 1);
        }
    }

    /// Writes down that somebody was refused who proved nothing. What is like one that was written down a moment ago is counted
    /// (`flood`): whoever has no credentials must not be able to fill the disk.
    pub fn note_stranger(&self, refused: &Refused<'_>) {
        let Some(inner) = &self.0 else { return };
        if inner.shared.flood.is_news(refused, Instant::now()) {
            self.note(refused);
        }
    }

    /// Arguments, as far as the configuration lets records show them. `None` where there is no trail.
    pub fn arguments(&self, value: &Value) -> Option<Arguments> {
        self.0.as_ref().map(|inner| arguments::shown(value, &inner.shared.settings.load().arguments))
    }

    /// The last lines, at most `count`, the oldest first.
    pub fn recent(&self, count: usize) -> Vec<Arc<str>> {
        let Some(inner) = &self.0 else { return Vec::new() };
        let recent = inner.shared.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.0.iter().skip(recent.0.len().saturating_sub(count)).cloned().collect()
    }

    /// Where the trail ends now: what `toolyard audit verify --head` takes.
    pub fn head(&self) -> Option<Head> {
        let inner = self.0.as_ref()?;
        inner.shared.recent.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Writes that the host ends, and waits until all is written.
    pub async fn close(&self) {
        let Some(inner) = &self.0 else { return };
        let refused = inner.refused.load(Ordering::Relaxed);
        if refused > 0 {
            tracing::warn!(refused, "calls were refused because the audit trail could not be written");
        }
        let counted = inner.shared.flood.end();
        let last = counted.iter().map(|again| to_record(&inner.host, again)).chain([to_record(&inner.host, &Stop {})]);
        for record in last {
            let _ = inner.jobs.send(Job::Write { record, done: None }).await;
        }
        let (closed, done) = oneshot::channel();
        if inner.jobs.send(Job::Close(closed)).await.is_ok() {
            let _ = done.await;
        }
        let thread = inner.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // It has said that it ends.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "Audit(on)" } else { "Audit(off)" })
    }
}

/// A trail in `dir`.
#[cfg(test)]
pub(crate) fn for_tests(dir: &std::path::Path) -> Audit {
    let host = "0011223344556677".parse().expect("it is the id of a host");
    Audit::start(&tests::settings(dir), &host).expect("a trail can be begun")
}

/// A record as the chain takes it: a JSON object without its opening brace.
fn to_record<E: Event>(host: &str, event: &E) -> Vec<u8> {
    let time = clock::timestamp(clock::now_ms());
    let mut record = Vec::with_capacity(512);
    // Ids of hosts are hexadecimal digits, and times and kinds the host's own words: nothing in them is to be escaped.
    record.extend_from_slice(format!("\"time\":\"{time}\",\"host\":\"{host}\",\"kind\":\"{}\"", E::KIND).as_bytes());
    let begin = record.len();
    // Writing our own types to memory cannot fail: they have string keys and no errors of their own.
    serde_json::to_writer(&mut record, event).expect("our own records are JSON");
    if record[begin..] == *b"{}" {
        record.truncate(begin);
        record.push(b'}');
    } else {
        record[begin] = b',';
    }
    record
}

#[cfg(test)]
mod tests;
