//! A guest's standard output and error: into the host's log, line by line, up to the call's
//! `log_bytes_max` and `log_lines_max`.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

use crate::{
    config::Limits,
    metrics::OfPlugin,
    observe::{self, Seen},
};

/// What one write may carry; the guest splits longer ones.
const WRITE_BYTES_MAX: usize = 4096;

/// A line that is longer is cut there.
const LINE_BYTES_MAX: usize = 4096;

/// Where a call's log goes, and how much of it is still taken. Cheap to clone; clones share the room.
#[derive(Debug, Clone)]
pub(crate) struct LogPipe {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    plugin: Arc<OfPlugin>,
    bytes_left: AtomicUsize,
    lines_left: AtomicUsize,
    /// Whether there was too little once.
    full: AtomicBool,
}

impl LogPipe {
    pub(crate) fn new(plugin: Arc<OfPlugin>, limits: &Limits) -> Self {
        let (bytes_left, lines_left) = (limits.log_bytes_max.into(), limits.log_lines_max.into());
        Self { shared: Arc::new(Shared { plugin, bytes_left, lines_left, full: AtomicBool::new(false) }) }
    }

    /// Sets the room anew.
    pub(crate) fn arm(&self, limits: &Limits) {
        self.shared.bytes_left.store(limits.log_bytes_max, Ordering::Relaxed);
        self.shared.lines_left.store(limits.log_lines_max, Ordering::Relaxed);
        self.shared.full.store(false, Ordering::Relaxed);
    }

    pub(crate) fn plugin(&self) -> &OfPlugin {
        &self.shared.plugin
    }

    /// Takes room for a line of `bytes`. The first time there is too little, says so in the log, and then stays silent.
    pub(crate) fn take_room(&self, bytes: usize) -> bool {
        let Shared { plugin, bytes_left, lines_left, full } = &*self.shared;
        let reached = match (take(lines_left, 1), take(bytes_left, bytes)) {
            (true, true) => return true,
            (false, _) => "log_lines_max",
            (true, false) => "log_bytes_max",
        };
        // Nothing more is taken of either.
        lines_left.store(0, Ordering::Relaxed);
        if !full.swap(true, Ordering::Relaxed) {
            plugin.limit_reached(reached);
            tracing::warn!(target: "plugin", tenant = plugin.tenant(), plugin = plugin.name(), "the call said more than {reached}; the rest is dropped");
        }
        false
    }
}

fn take(left: &AtomicUsize, wanted: usize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(wanted)).is_ok()
}

/// One of the guest's two standard streams.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    name: &'static str,
    log: LogPipe,
    /// A line that is not whole yet. Clones write to the same.
    line: Arc<Mutex<Vec<u8>>>,
}

impl Stream {
    pub(crate) fn new(name: &'static str, log: LogPipe) -> Self {
        Self { name, log, line: Arc::default() }
    }

    /// Gives out whole lines. What is written in pieces, as a panic's message is, is put together first.
    fn say(&self, bytes: &[u8]) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = LINE_BYTES_MAX.saturating_sub(line.len()).min(piece.len());
            line.extend_from_slice(&piece[..room]);
            if piece.ends_with(b"\n") || line.len() == LINE_BYTES_MAX {
                self.log_line(&std::mem::take(&mut *line));
            }
        }
    }

    fn log_line(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end();
        if !text.is_empty() && self.log.take_room(text.len()) {
            let (plugin, stream) = (self.log.plugin(), self.name);
            tracing::info!(target: "plugin", tenant = plugin.tenant(), plugin = plugin.name(), stream, "{text:?}");
            observe::say(|| Seen::Output { stream, line: text.to_owned() });
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // The last of the clones says what was left without an end of line.
        if Arc::strong_count(&self.line) == 1 {
            let rest = std::mem::take(&mut *self.line.lock().unwrap_or_else(PoisonError::into_inner));
            self.log_line(&rest);
        }
    }
}

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.say(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.say(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
