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
    calls_max: AtomicU32,
    /// Places that are taken away as soon as they are free.
    surplus: AtomicU32,
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
        let places = Arc::new(Semaphore::new(calls_max as usize));
        let (surplus, waiting) = Default::default();
        Self { places, calls_max: calls_max.into(), surplus, waiting, queue_max }
    }

    /// Has another number of places from now on. Those that are taken stay so. Not to be called twice at the same time.
    pub fn resize(&self, calls_max: u32) {
        let before = self.calls_max.swap(calls_max, Ordering::Relaxed);
        let mut more = calls_max.saturating_sub(before);
        let keep = |surplus: u32| Some(surplus.saturating_sub(more));
        if let Ok(surplus) = self.surplus.fetch_update(Ordering::Relaxed, Ordering::Relaxed, keep) {
            more -= more.min(surplus);
        }
        self.places.add_permits(more as usize);
        let fewer = before.saturating_sub(calls_max);
        let gone = self.places.forget_permits(fewer as usize);
        self.surplus.fetch_add(fewer.saturating_sub(u32::try_from(gone).unwrap_or(fewer)), Ordering::Relaxed);
    }

    /// Takes a place if one is free.
    pub fn take_free(&self) -> Option<Slot> {
        loop {
            let slot = Arc::clone(&self.places).try_acquire_owned().ok()?;
            if let Some(slot) = self.unless_surplus(slot) {
                return Some(slot);
            }
        }
    }

    /// The place, if it is still to be one.
    fn unless_surplus(&self, slot: Slot) -> Option<Slot> {
        if self.surplus.load(Ordering::Relaxed) == 0 {
            return Some(slot);
        }
        let one_less = |surplus: u32| surplus.checked_sub(1);
        match self.surplus.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less) {
            Ok(_) => {
                slot.forget();
                None
            }
            Err(_) => Some(slot),
        }
    }

    /// Takes a place, waiting up to `wait_max` for one if there is room in the queue.
    pub async fn take(&self, wait_max: Duration) -> Result<Slot, Full> {
        if let Some(slot) = self.take_free() {
            return Ok(slot);
        }
        let _place = Waiting::begin(&self.waiting, self.queue_max)?;
        let turn = async {
            loop {
                // The semaphore is never closed.
                let slot = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Full)?;
                if let Some(slot) = self.unless_surplus(slot) {
                    return Ok(slot);
                }
            }
        };
        tokio::time::timeout(wait_max, turn).await.unwrap_or(Err(Full))
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
    async fn whoever_waits_gets_no_place_that_was_taken_away() {
        let slots = Slots::new(2, 2);
        let (first, second) = (slots.take(SOON).await.unwrap(), slots.take(SOON).await.unwrap());
        let mut waits = Box::pin(slots.take(SOON));
        assert!(poll!(&mut waits).is_pending());
        slots.resize(1);
        drop(first);
        assert!(poll!(&mut waits).is_pending(), "one runs, and there is one place");
        // What was to be taken away is kept after all, and nothing is made twice.
        slots.resize(0);
        slots.resize(1);
        drop(second);
        assert!(matches!(poll!(&mut waits), Poll::Ready(Ok(_))));
    }

    #[tokio::test]
    async fn waiting_has_an_end() {
        let slots = Slots::new(1, 1);
        let _first = slots.take(SOON).await.unwrap();
        assert!(matches!(slots.take(Duration::ZERO).await, Err(Full)));
    }
}
