//! The thread that writes. Whoever waits for the disk shares one wait with all who came meanwhile.

use std::{
    collections::VecDeque,
    fs,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    runtime,
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};

use super::{
    chain::Head,
    file::{Found, Trail},
    flood::Flood,
    record::{Missing, NewFile, Start},
    sink::Sink,
    to_record,
};
use crate::{config::AuditSettings, metrics};

/// Records in one batch, so that the first who waits is not kept for long.
const BATCH_RECORDS_MAX: usize = 1024;

/// How often the trail's end is written down, and how soon what failed is tried again.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// Lines that are kept for those who look.
const RECENT_MAX: usize = 1_000;

/// What the writer is told.
pub(super) enum Job {
    Write {
        record: Vec<u8>,
        /// Who waits until the disk has it.
        done: Option<oneshot::Sender<bool>>,
    },
    /// Nothing comes after this.
    Close(oneshot::Sender<()>),
}

/// What the writer shares with those who give it records.
pub(super) struct Shared {
    pub(super) settings: ArcSwap<AuditSettings>,
    /// Whether the last attempt to write failed.
    pub(super) failed: AtomicBool,
    /// Records that were not written, since the last one that said how many those are.
    pub(super) lost: AtomicU64,
    /// The last lines, and where the trail ends.
    pub(super) recent: Mutex<(VecDeque<Arc<str>>, Option<Head>)>,
    /// Refusals that are counted, and told when their time is over.
    pub(super) flood: Flood,
}

pub(super) struct Writer {
    host: String,
    /// `None`: records go to the sinks only.
    trail: Option<Trail>,
    head: Head,
    sinks: Vec<Sink>,
    shared: Arc<Shared>,
    jobs: mpsc::Receiver<Job>,
    beat_at: Instant,
    /// Whether something was written since the trail's end was last written down.
    dirty: bool,
}

/// Lines that are to be written together.
#[derive(Default)]
struct Batch {
    records: Vec<Vec<u8>>,
    waiting: Vec<oneshot::Sender<bool>>,
    closed: Option<oneshot::Sender<()>>,
}

impl Shared {
    pub(super) fn new(settings: &AuditSettings) -> Self {
        Self {
            settings: ArcSwap::from_pointee(settings.clone()),
            failed: AtomicBool::default(),
            lost: AtomicU64::default(),
            recent: Mutex::default(),
            flood: Flood::default(),
        }
    }

    /// Goes on with other settings, but for where records go.
    pub(super) fn take_up(&self, settings: AuditSettings) {
        let AuditSettings { file, stdout, otlp, .. } = (**self.settings.load()).clone();
        // Only a file can be durable.
        let durable = settings.durable && file.is_some();
        self.settings.store(Arc::new(AuditSettings { file, stdout, otlp, durable, ..settings }));
    }
}

impl Writer {
    /// A writer whose first records say that the host began, and what it found.
    pub(super) fn new(
        host: &str,
        trail: Option<(Trail, Found)>,
        sinks: Vec<Sink>,
        shared: &Arc<Shared>,
        jobs: mpsc::Receiver<Job>,
    ) -> Result<Self, String> {
        let (trail, found) = trail.map_or((None, Found::default()), |(trail, found)| (Some(trail), found));
        let mut writer = Self {
            host: host.to_owned(),
            head: trail.as_ref().map_or_else(Head::of_nothing, |trail| trail.head().clone()),
            trail,
            sinks,
            shared: Arc::clone(shared),
            jobs,
            beat_at: Instant::now(),
            dirty: true,
        };
        let mut records = Vec::new();
        if let Some(torn) = found.torn {
            tracing::warn!(bytes = torn.bytes, "the audit trail ends in half a line: a host ended while it wrote");
            records.push(to_record(host, &torn));
        }
        if let Some(cut) = found.cut {
            tracing::error!(
                expected_seq = cut.expected_seq,
                "the audit trail ends before the record that was last written down as its end: records are missing"
            );
            records.push(to_record(host, &cut));
        }
        let start = Start { version: env!("CARGO_PKG_VERSION"), durable: shared.settings.load().durable };
        records.push(to_record(host, &start));
        writer.write(&records, true).map_err(|error| format!("the audit trail cannot be written: {error}"))?;
        Ok(writer)
    }

    /// Writes until it is closed, or nobody is left who could give it anything.
    pub(super) fn run(mut self) {
        // A clock is all that is needed of it: what blocks may block here.
        let runtime = match runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!(%error, "the audit trail has no thread to be written in");
                self.shared.failed.store(true, Ordering::Release);
                return;
            }
        };
        loop {
            let batch = runtime.block_on(self.next());
            let Some(batch) = batch else { break };
            let closed = self.take(batch);
            if closed.is_some() || Instant::now() >= self.beat_at {
                self.beat();
            }
            if let Some(closed) = closed {
                self.end();
                let _ = closed.send(());
                return;
            }
        }
        self.beat();
    }

    /// What came since last time; nothing, if it is time for a beat. `None`: nobody is left.
    async fn next(&mut self) -> Option<Batch> {
        let mut batch = Batch::default();
        let shared = &self.shared;
        let is_well = !shared.failed.load(Ordering::Relaxed) && shared.lost.load(Ordering::Relaxed) == 0;
        let idle = is_well && !self.dirty && shared.flood.is_over();
        let first = if idle {
            Some(self.jobs.recv().await?)
        } else {
            match timeout_at(self.beat_at, self.jobs.recv()).await {
                Ok(job) => Some(job?),
                Err(_) => None,
            }
        };
        let mut next = first;
        while let Some(job) = next {
            match job {
                Job::Write { record, done } => {
                    batch.records.push(record);
                    batch.waiting.extend(done);
                }
                Job::Close(closed) => {
                    batch.closed = Some(closed);
                    break;
                }
            }
            next = if batch.records.len() < BATCH_RECORDS_MAX { self.jobs.try_recv().ok() } else { None };
        }
        let counted = self.shared.flood.due(std::time::Instant::now());
        batch.records.extend(counted.iter().map(|again| to_record(&self.host, again)));
        Some(batch)
    }

    fn take(&mut self, batch: Batch) -> Option<oneshot::Sender<()>> {
        let Batch { mut records, waiting, closed } = batch;
        let lost = self.shared.lost.swap(0, Ordering::AcqRel);
        if lost > 0 {
            records.insert(0, to_record(&self.host, &Missing { records: lost }));
        }
        if records.is_empty() {
            return closed;
        }
        self.rotate_if_full();
        let written = self.write(&records, !waiting.is_empty());
        if let Err(error) = &written {
            // The record that says how many are missing is none of those that are.
            let missing = records.len() as u64 - u64::from(lost > 0);
            self.shared.lost.fetch_add(lost + missing, Ordering::AcqRel);
            metrics::audit_lost("file", missing);
            if !self.shared.failed.swap(true, Ordering::AcqRel) {
                tracing::error!(%error, "the audit trail cannot be written");
            }
        } else if self.shared.failed.swap(false, Ordering::AcqRel) {
            tracing::info!("the audit trail can be written again");
        }
        for done in waiting {
            let _ = done.send(written.is_ok());
        }
        closed
    }

    /// Writes records as the next lines. Where that fails, the trail is as it was.
    fn write(&mut self, records: &[Vec<u8>], sync: bool) -> std::io::Result<()> {
        let (mut lines, mut head) = (Vec::new(), self.head.clone());
        for record in records {
            head.append(record, &mut lines);
        }
        if let Some(trail) = &mut self.trail {
            trail.append(&lines, head.clone(), sync)?;
        }
        self.head = head;
        self.dirty = true;
        self.show(&lines);
        Ok(())
    }

    /// Gives lines to the sinks and to those who look.
    fn show(&self, lines: &[u8]) {
        let lines = String::from_utf8_lossy(lines);
        let mut recent = self.shared.recent.lock().unwrap_or_else(PoisonError::into_inner);
        for line in lines.lines() {
            let line: Arc<str> = line.into();
            for sink in &self.sinks {
                sink.give(&line);
            }
            if recent.0.len() == RECENT_MAX {
                recent.0.pop_front();
            }
            recent.0.push_back(line);
        }
        recent.1 = Some(self.head.clone());
    }

    fn rotate_if_full(&mut self) {
        let settings = self.shared.settings.load();
        let Some(trail) = self.trail.as_mut().filter(|trail| trail.is_full(settings.rotate_bytes_max)) else {
            return;
        };
        let begun = trail.rotate().and_then(|after| {
            let surplus = settings.keep_files_max.map(|max| trail.surplus(max)).transpose()?.unwrap_or_default();
            Ok((after, surplus))
        });
        let (after, surplus) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                tracing::error!(%error, "the audit trail cannot begin a new file, or not look after the old ones");
                return;
            }
        };
        tracing::info!(
            full = after,
            seq = self.head.seq,
            hash = self.head.hash,
            "the audit trail goes on in a new file"
        );
        let mut records = vec![to_record(&self.host, &NewFile { after })];
        records.extend(surplus.iter().map(|(_, removed)| to_record(&self.host, removed)));
        // What is removed is removed when the trail says so.
        match self.write(&records, !surplus.is_empty()) {
            Ok(()) => {
                for (path, _) in surplus {
                    if let Err(error) = fs::remove_file(&path) {
                        tracing::error!(file = %path.display(), %error, "an old file of the audit trail cannot be removed");
                    }
                }
            }
            Err(error) => tracing::error!(%error, "the audit trail cannot be written"),
        }
    }

    /// Writes down where the trail ends, and tries again what failed.
    fn beat(&mut self) {
        self.beat_at = Instant::now() + BEAT_EVERY;
        if let (Some(trail), true) = (&self.trail, self.dirty) {
            match trail.anchor() {
                Ok(()) => self.dirty = false,
                Err(error) => tracing::warn!(%error, "where the audit trail ends cannot be written down"),
            }
        } else {
            self.dirty = false;
        }
    }

    fn end(&mut self) {
        tracing::info!(seq = self.head.seq, hash = self.head.hash, "the audit trail ends here");
        for sink in self.sinks.drain(..) {
            sink.end();
        }
    }
}

#[cfg(test)]
impl Writer {
    /// The writer with another file in place of the trail's own.
    pub(super) fn break_disk(&mut self, file: fs::File) {
        self.trail.as_mut().expect("it has a trail").break_disk(file);
    }
}
