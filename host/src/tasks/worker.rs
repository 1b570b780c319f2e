//! Looking for tasks that nobody runs: those that wait for a place, those whose wait is over, those whose host was lost, those
//! that ran out of time.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{
    select,
    sync::broadcast::{Receiver, error::RecvError},
};
use tokio_util::sync::CancellationToken;

use super::{
    Held, Run, TaskId, Tasks,
    carry::{Entry, LEASE},
    machine::Event,
    record::{Patience, Seen, id_of},
    world::chance,
};
use crate::{signals::Signal, store::Wrote};

/// How often this host looks without having heard of anything: a lost host, a wait that is over, and a signal that was lost
/// are noticed so late.
const LOOK_EVERY_MS: u64 = 1_000;

/// The least time between two looks, however much is heard: many signals are one look.
const LOOK_GAP: Duration = Duration::from_millis(10);

/// Records that one look is about.
const LOOK_MAX: usize = 64;

/// Records that are claimed at the same time.
const CLAIMS_MAX: usize = 16;

/// How far a look goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// What there are places for.
    Places,
    /// Also what needs none: what ran out of time, and what a lost host held.
    All,
}

impl Tasks {
    /// Runs what is due, until `stop`. Then nothing new is begun: what may be run elsewhere is given back, and the rest has
    /// nearly all of `drain_max` to end. Ends when nothing runs any more.
    pub async fn work(self: Arc<Self>, run: Arc<dyn Run>, stop: CancellationToken) {
        let signals = self.signals.listen();
        let run = self.run.get_or_init(|| run);
        let working = async {
            select! {
                biased;
                () = stop.cancelled() => {}
                () = self.look_on(run) => {}
            }
            self.draining.cancel();
            let all = u32::try_from(self.settings.running_max).unwrap_or(u32::MAX);
            // Places are never closed.
            let _ = self.places.acquire_many(all).await;
        };
        select! {
            biased;
            () = self.hear(signals) => {}
            () = working => {}
        }
    }

    /// Passes on what is heard, without end.
    async fn hear(&self, mut signals: Receiver<Signal>) {
        loop {
            match signals.recv().await {
                Ok(Signal::TaskChanged { id }) => {
                    if let Some(id) = TaskId::read(&id)
                        && let Some(woken) = self.carried().get(&id)
                    {
                        woken.notify_one();
                    }
                }
                Ok(Signal::TasksDue) => self.due.notify_one(),
                Ok(Signal::Missed) | Err(RecvError::Lagged(_)) => {
                    self.carried().values().for_each(|woken| woken.notify_one());
                    self.due.notify_one();
                }
                Ok(_) => {}
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// Looks again and again, without end.
    async fn look_on(self: &Arc<Self>, run: &Arc<dyn Run>) {
        let world = &self.world;
        loop {
            self.look(run, Depth::All).await;
            // Not all hosts at the same moment; and at some time, however much is heard.
            let wait_ms = LOOK_EVERY_MS / 2 + chance(world.as_ref()) % LOOK_EVERY_MS;
            let all_at = world.elapsed() + Duration::from_millis(wait_ms);
            while world.elapsed() < all_at {
                world.sleep(LOOK_GAP).await;
                select! {
                    biased;
                    () = self.due.notified() => self.look(run, Depth::Places).await,
                    () = world.sleep(all_at.saturating_sub(world.elapsed())) => {}
                }
            }
        }
    }

    async fn look(self: &Arc<Self>, run: &Arc<dyn Run>, depth: Depth) {
        let room = self.places.available_permits();
        // One more than there is room for tells whether this host is behind.
        // Where a tenant has all of its share, what is first may be its, and what is behind that another's.
        let is_shared = self.shares.is_any_used();
        let limit = match depth {
            Depth::Places if room == 0 => return,
            Depth::Places if !is_shared => (room + 1).min(LOOK_MAX),
            Depth::All if !is_shared => (room + 1).clamp(CLAIMS_MAX, LOOK_MAX),
            _ => LOOK_MAX,
        };
        let mut keys = match self.due_keys(limit + self.shares.passed()).await {
            Ok(keys) => keys,
            Err(error) => {
                tracing::debug!("what is due is not known: {error}");
                return;
            }
        };
        self.shares.leave_out(&mut keys, self.world.elapsed());
        keys.truncate(limit);
        self.is_behind.store(keys.len() > room, Ordering::Relaxed);
        if depth == Depth::Places && !is_shared {
            keys.truncate(room);
        }
        let passed = self.shares.passed();
        if !keys.is_empty() && keys.len() <= room {
            // Hosts that look at the same time begin at different places.
            let first = usize::try_from(chance(self.world.as_ref())).unwrap_or_default() % keys.len();
            keys.rotate_left(first);
        }
        for some in keys.chunks(CLAIMS_MAX) {
            join_all(some.iter().map(|key| self.take(run, key))).await;
        }
        if self.shares.passed() > passed {
            // There may be something behind what was passed over just now.
            self.due.notify_one();
        }
    }

    /// Does what is to be done about one task that is due.
    async fn take(self: &Arc<Self>, run: &Arc<dyn Run>, key: &str) {
        let Some(id) = id_of(key) else { return };
        // Its guest runs here, or its end is not written yet.
        if self.carried().contains_key(&id) {
            return;
        }
        let seen = match self.read(&id).await {
            Ok(Some(seen)) => seen,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(task = %id, "a task that is due was not looked at: {error}");
                return;
            }
        };
        let tenant = &seen.task.owner.tenant;
        let place = self.place(tenant);
        if !self.shares.has_room(tenant) {
            self.shares.pass_over(key, tenant, self.world.elapsed());
        }
        let chance = chance(self.world.as_ref());
        let event = match &place {
            Some(_) => Event::Claim { host: self.host.clone(), chance },
            None => Event::Look { chance },
        };
        let (sent, now_ms) = (self.world.elapsed(), self.world.now_ms());
        let Ok(task) = seen.task.apply(&event, now_ms, &self.settings.rules) else { return };
        let is_claimed = task.leases > seen.task.leases;
        // From here on this host claims it no second time, whatever it hears of this one.
        let entry = place.filter(|_| is_claimed).map(|place| Entry::enter(self, &task, place));
        let written = self.write(seen.version, &task).await;
        if matches!(written, Ok(Wrote::Done)) {
            self.tell(Some(&seen.task), &task);
        }
        let Some(entry) = entry else { return };
        let held = Held::new(Seen { version: seen.version + 1, task }, sent, entry);
        match written {
            Ok(Wrote::Done) => self.start(run.as_ref(), held),
            Ok(Wrote::Stale | Wrote::Full) => {}
            Err(_) => {
                let (tasks, run) = (Arc::clone(self), Arc::clone(run));
                self.world.spawn(Box::pin(async move { tasks.settle(run.as_ref(), seen.version, held).await }));
            }
        }
    }

    /// Finds out whether a task was claimed, the answer to which was lost, and runs it if it was: it is counted as started,
    /// and nobody else would.
    async fn settle(self: &Arc<Self>, run: &dyn Run, was: u64, mut held: Held) {
        let mut patience = Patience::new(self, LEASE);
        while patience.wait().await {
            // Written twice it is the same: the first makes the second stale.
            let seen = match self.write(was, held.task()).await {
                Ok(Wrote::Done) => return self.start(run, held),
                Ok(Wrote::Stale | Wrote::Full) => self.read(&held.task().id).await,
                Err(_) => continue,
            };
            match seen {
                Ok(Some(seen)) if seen.task.lease() == held.task().lease() => {
                    held.seen = seen;
                    return self.start(run, held);
                }
                Ok(_) => return,
                Err(_) => {}
            }
        }
    }
}
