//! Warm starts: instances that are made ahead, for components whose start costs more than their calls.
//!
//! A snapshot of JavaScript or Python takes up to a millisecond to instantiate. A few fresh instances of such a component are
//! kept ready; each serves one call and is gone, like any other. New ones are made in the slow lane, when there is a processor
//! to spare: a host that has none makes instances as they are needed, as without this.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{
    Store,
    component::{Instance, InstancePre},
};

use super::{Granted, Lanes, call::CallState};
use crate::config::Limits;

/// A start that takes longer than this is worth an instance ahead. A Rust component takes a tenth of it, QuickJS more.
const WORTH: Duration = Duration::from_micros(100);

/// Instances ahead of a component for which nobody set a number.
const COUNT: u32 = 4;

/// What is shared by all components: where instances are made, and how many there may be.
#[derive(Clone)]
pub(super) struct Warmth {
    lanes: Arc<Lanes>,
    room: Arc<Semaphore>,
    instances_max: usize,
}

impl Warmth {
    pub(super) fn new(lanes: &Arc<Lanes>, instances_max: u32) -> Self {
        let instances_max = instances_max as usize;
        Self { lanes: Arc::clone(lanes), room: Arc::new(Semaphore::new(instances_max)), instances_max }
    }

    /// How many are ready or being made.
    pub(super) fn ready(&self) -> usize {
        self.instances_max.saturating_sub(self.room.available_permits())
    }
}

/// An instance that nobody has used.
pub(super) struct Ready {
    pub(super) store: Store<CallState>,
    pub(super) instance: Instance,
}

/// The instances of one component that are ready.
pub(super) struct Warm {
    pre: InstancePre<CallState>,
    granted: Arc<Granted>,
    warmth: Warmth,
    /// How many there should be; 0 until the component has been described.
    count: AtomicU32,
    /// Those that are ready, each with its place among all of the host's. Held for a push or a pop.
    ready: Mutex<Vec<(Ready, OwnedSemaphorePermit)>>,
    me: Weak<Self>,
}

impl Warm {
    pub(super) fn new(pre: &InstancePre<CallState>, granted: &Arc<Granted>, warmth: &Warmth) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            pre: pre.clone(),
            granted: Arc::clone(granted),
            warmth: warmth.clone(),
            count: AtomicU32::new(0),
            ready: Mutex::default(),
            me: Weak::clone(me),
        })
    }

    /// Makes `count` instances, and from then on one for each that is taken.
    pub(super) fn start(&self, count: u32) {
        self.count.store(count, Ordering::Relaxed);
        for _ in 0..count {
            let Ok(place) = Arc::clone(&self.warmth.room).try_acquire_owned() else { return };
            self.make(place);
        }
    }

    /// An instance, if one is ready.
    pub(super) fn take(&self) -> Option<Ready> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let (ready, place) = self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        // The place stays this component's: given back, another could take it, and this one would have no instance ready any more.
        self.make(place);
        Some(ready)
    }

    fn make(&self, place: OwnedSemaphorePermit) {
        let (pre, granted, me) = (self.pre.clone(), Arc::clone(&self.granted), Weak::clone(&self.me));
        let work = async move {
            // Calls set their own limits; until then those of an ordinary one hold.
            let limits = Limits { memory_bytes_max: usize::MAX, table_elements_max: usize::MAX, ..Limits::default() };
            let mut store = CallState::store(pre.engine(), &granted, &limits);
            let instance = tokio::time::timeout(limits.timeout(), pre.instantiate_async(&mut store)).await;
            let (Ok(Ok(instance)), Some(warm)) = (instance, me.upgrade()) else { return };
            let mut all = warm.ready.lock().unwrap_or_else(PoisonError::into_inner);
            all.push((Ready { store, instance }, place));
        };
        self.warmth.lanes.spawn(&self.granted.spent, Box::pin(work));
    }
}

/// How many instances are worth keeping ready.
pub(super) async fn worth(pre: &InstancePre<CallState>, granted: &Arc<Granted>, limits: &Limits) -> u32 {
    let mut least = Duration::MAX;
    // The first touches memory and code that the others then find; the best of some is what calls would pay.
    for _ in 0..3 {
        let started = Instant::now();
        let mut store = CallState::store(pre.engine(), granted, limits);
        let instance = tokio::time::timeout(limits.timeout(), pre.instantiate_async(&mut store)).await;
        if !matches!(instance, Ok(Ok(_))) {
            return 0;
        }
        least = least.min(started.elapsed());
    }
    if least > WORTH { COUNT } else { 0 }
}
