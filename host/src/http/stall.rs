//! Connections on which nothing moves: cut off, without a timer for each request.
//!
//! hyper's own header timer is armed and disarmed for every request, under a lock that all connections share, and it counts
//! the silence between two requests as slowness. Here a connection notes when it last moved, and looks at its notes now
//! and then.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

/// A connection without a request is closed after this; clients open another when they need one.
const IDLE_MAX: Duration = Duration::from_secs(300);

/// The same where others wait for its place; twice as long as streams are ever silent.
const IDLE_CROWDED_MAX: Duration = Duration::from_secs(30);

/// What is known of a connection's movement. Times are in milliseconds since it began, 0 meaning "not".
#[derive(Debug)]
pub(super) struct Movement {
    began: Instant,
    last_ms: AtomicU64,
    /// When the first byte of the headers came that are being read.
    head_ms: AtomicU64,
    /// Whether a request is being answered; what is read then is its body.
    serving: AtomicBool,
}

impl Movement {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            last_ms: AtomicU64::new(1),
            head_ms: AtomicU64::new(0),
            serving: AtomicBool::new(false),
        })
    }

    /// Notes that a request's headers are there.
    pub(super) fn serving(self: &Arc<Self>) -> Serving {
        self.serving.store(true, Ordering::Relaxed);
        self.head_ms.store(0, Ordering::Relaxed);
        Serving(Arc::clone(self))
    }

    /// Whether there is no use in waiting any longer. `crowded`: every place is taken.
    pub(super) fn has_stalled(&self, header_read_max: Duration, crowded: bool) -> bool {
        self.had_stalled(self.now_ms(), header_read_max, if crowded { IDLE_CROWDED_MAX } else { IDLE_MAX })
    }

    fn had_stalled(&self, now: u64, header_read_max: Duration, idle_max: Duration) -> bool {
        let older = |since: u64, max: Duration| u128::from(now.saturating_sub(since)) > max.as_millis();
        let head = self.head_ms.load(Ordering::Relaxed);
        let serving = self.serving.load(Ordering::Relaxed);
        (head > 0 && older(head, header_read_max))
            || (!serving && older(self.last_ms.load(Ordering::Relaxed), idle_max))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }

    fn has_read(&self, now: u64) {
        self.last_ms.store(now, Ordering::Relaxed);
        if !self.serving.load(Ordering::Relaxed) && self.head_ms.load(Ordering::Relaxed) == 0 {
            self.head_ms.store(now, Ordering::Relaxed);
        }
    }
}

/// A request that is being answered, until its answer begins.
pub(super) struct Serving(Arc<Movement>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.serving.store(false, Ordering::Relaxed);
    }
}

/// A stream that notes its movement.
pub(super) struct Noted<S> {
    pub(super) stream: S,
    pub(super) movement: Arc<Movement>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.movement.has_read(self.movement.now_ms());
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.movement.last_ms.store(self.movement.now_ms(), Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.movement.last_ms.store(self.movement.now_ms(), Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_does_not_move_is_stalled() {
        let movement = Movement::new();
        let max = Duration::from_secs(10);
        assert!(!movement.had_stalled(60_000, max, IDLE_MAX), "silence between requests is no slowness");
        assert!(movement.had_stalled(60_000, max, IDLE_CROWDED_MAX), "unless somebody else has a request");
        movement.has_read(60_000);
        assert!(!movement.had_stalled(69_000, max, IDLE_MAX));
        assert!(movement.had_stalled(71_000, max, IDLE_MAX), "half a header is");
        let serving = movement.serving();
        movement.has_read(71_000);
        assert!(!movement.had_stalled(1_071_000, max, IDLE_MAX), "a request may take its time");
        drop(serving);
        assert!(movement.had_stalled(1_071_000, max, IDLE_MAX), "and then nobody came back");
    }
}
