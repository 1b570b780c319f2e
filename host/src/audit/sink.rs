//! Where lines go beside the file: to whoever can take them, as fast as they can.
//!
//! A sink that is too slow, or away, keeps nobody waiting: what it misses is counted.

use std::{
    io::{self, Write},
    sync::{Arc, mpsc as std_mpsc},
    thread,
    time::Duration,
};

use tokio::sync::mpsc;
use url::Url;

use super::otlp;
use crate::metrics;

/// Lines that wait for a sink.
const WAITING_MAX: usize = 8192;

/// How long the host's end may wait for a sink.
const END_MAX: Duration = Duration::from_secs(3);

pub(super) struct Sink {
    name: &'static str,
    lines: mpsc::Sender<Arc<str>>,
    /// Nothing is ever sent: it ends with the sink.
    ended: std_mpsc::Receiver<()>,
}

impl Sink {
    /// Standard output, one line each.
    pub(super) fn stdout() -> io::Result<Self> {
        Self::start("stdout", |mut lines| {
            while let Some(line) = lines.blocking_recv() {
                let mut out = io::stdout().lock();
                if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
                    metrics::audit_lost("stdout", 1);
                }
            }
        })
    }

    /// A collector of OTLP logs. The error is a sentence for the operator.
    pub(super) fn otlp(url: &Url, host: &str) -> io::Result<Self> {
        let exporter = otlp::Exporter::new(url, host)?;
        Self::start("otlp", move |lines| exporter.run(lines))
    }

    fn start(name: &'static str, work: impl FnOnce(mpsc::Receiver<Arc<str>>) + Send + 'static) -> io::Result<Self> {
        let (sender, lines) = mpsc::channel(WAITING_MAX);
        let (end, ended) = std_mpsc::channel();
        thread::Builder::new().name(format!("audit-{name}")).spawn(move || {
            work(lines);
            drop(end);
        })?;
        Ok(Self { name, lines: sender, ended })
    }

    pub(super) fn give(&self, line: &Arc<str>) {
        if self.lines.try_send(Arc::clone(line)).is_err() {
            metrics::audit_lost(self.name, 1);
        }
    }

    /// Lets it take what it has, for a while.
    pub(super) fn end(self) {
        let Self { name, lines, ended } = self;
        drop(lines);
        if ended.recv_timeout(END_MAX) == Err(std_mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!(sink = name, "not all of the audit trail was taken before the host ended");
        }
    }
}
