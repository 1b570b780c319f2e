//! So many at once, and so many waiting: whoever comes beyond is refused at once, and honestly.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places for calls, with a queue before them.
#[derive(Debug)]
pub struct Slots {
    places: Arc<Semaphore>,
    waiting: AtomicU32,
    queue_max: u32,
}

/// A place that is taken until this is dropped.
pub type Slot = OwnedSemaphorePermit;

/// There is no place, and none came free in time.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl Slots {
    /// `calls_max` places, and `queue_max` that may wait for one.
    pub fn new(calls_max: u32, queue_max: u32) -> Self {
        Self { places: Arc::new(Semaphore::new(calls_max as usize)), waiting: AtomicU32::new(0), queue_max }
    }

    /// Takes a place if one is free.
    pub fn take_free(&self) -> Option<Slot> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Takes a place, waiting up to `wait_max` for one if there is room in the queue.
    pub async fn take(&self, wait_max: Duration) -> Result<Slot, Full> {
        if let Some(slot) = self.take_free() {
            return Ok(slot);
        }
        let _place = Waiting::begin(&self.waiting, self.queue_max)?;
        let turn = tokio::time::timeout(wait_max, Arc::clone(&self.places).acquire_owned());
        turn.await.ok().and_then(Result::ok).ok_or(Full)
    }
}

/// A place in the queue. Given back also by a call that is dropped while it waits.
struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicU32, queue_max: u32) -> Result<Self, Full> {
        let more = |waiting: u32| (waiting < queue_max).then_some(waiting + 1);
        waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).map_err(|_| Full)?;
        Ok(Self(waiting))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures_util::{FutureExt, poll};

    use super::*;

    const SOON: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn whoever_finds_the_queue_full_is_refused_at_once() {
        let slots = Slots::new(1, 1);
        let first = slots.take(SOON).await.unwrap();
        let mut second = Box::pin(slots.take(SOON));
        assert!(poll!(&mut second).is_pending());
        assert!(matches!(slots.take(SOON).now_or_never(), Some(Err(Full))));
        drop(first);
        assert!(matches!(poll!(&mut second), Poll::Ready(Ok(_))));
    }

    #[tokio::test]
    async fn one_that_gives_up_leaves_its_place_in_the_queue() {
        let slots = Slots::new(1, 1);
        let _first = slots.take(SOON).await.unwrap();
        let mut second = Box::pin(slots.take(SOON));
        assert!(poll!(&mut second).is_pending());
        drop(second);
        let mut third = Box::pin(slots.take(SOON));
        assert!(poll!(&mut third).is_pending());
        assert!(matches!(slots.take(Duration::ZERO).await, Err(Full)));
    }

    #[tokio::test]
    async fn waiting_has_an_end() {
        let slots = Slots::new(1, 1);
        let _first = slots.take(SOON).await.unwrap();
        assert!(matches!(slots.take(Duration::ZERO).await, Err(Full)));
    }
}
