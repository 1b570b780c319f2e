//! What tasks need of the world: clocks, chance, and somebody who goes on with work. The simulator has a world of its own,
//! in which all of it can be repeated.

use std::{io, time::Duration};

use futures_util::future::BoxFuture;
use tokio::time::{self, Instant};
use tokio_util::task::TaskTracker;

use super::id::ID_BYTES;
use crate::{clock, seal};

/// Clocks, chance, and somebody who goes on with work.
pub trait World: Send + Sync {
    /// Milliseconds since 1970, by a clock that may be set, and that others' clocks are near to.
    fn now_ms(&self) -> u64;

    /// Time since some moment, by a clock that is never set.
    fn elapsed(&self) -> Duration;

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;

    /// Bytes that nobody can guess.
    fn random(&self) -> io::Result<[u8; ID_BYTES]>;

    /// Goes on with `work`, which ends with the host.
    fn spawn(&self, work: BoxFuture<'static, ()>);
}

/// The world of a host that serves.
pub struct Real {
    started: Instant,
    background: TaskTracker,
}

impl Real {
    /// What is spawned is tracked by `background`.
    pub fn new(background: TaskTracker) -> Self {
        Self { started: Instant::now(), background }
    }
}

impl World for Real {
    fn now_ms(&self) -> u64 {
        clock::now_ms()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(time::sleep(time))
    }

    fn random(&self) -> io::Result<[u8; ID_BYTES]> {
        seal::random()
    }

    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.background.spawn(work);
    }
}

/// A number to spread things with. It need not be secret, and without one nothing is spread.
pub(super) fn chance(world: &dyn World) -> u64 {
    let bytes = world.random().unwrap_or_default();
    bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
