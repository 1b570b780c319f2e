//! Beside a guest while it runs: the lease is renewed, the guest's words are written, and it ends when it must.
//!
//! The store may be away for a time. The guest goes on meanwhile, and what is to be written is tried again; when the lease
//! is over the guest is dropped, since another host may then begin. Its end, by contrast, may come late: what is written
//! under a lease's number counts as long as no other host has taken the task over.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{self, BoxFuture, Either},
};
use tokio::{
    select,
    sync::{Notify, OwnedSemaphorePermit},
};

use super::{
    Ended, Failure, Held, INTERNAL_ERROR, Task, TaskId, Tasks,
    machine::{Event, Ignored, LEASE_MS},
    record::{Patience, Seen},
    world::chance,
};
use crate::{ids::TenantId, metrics, store::Wrote};

pub(super) const LEASE: Duration = Duration::from_millis(LEASE_MS);

/// How often a lease is renewed. Four fifths of it are left for a store that is away.
const RENEW_EVERY: Duration = Duration::from_millis(LEASE_MS / 5);

/// How often the guest's words are written.
const SAY_EVERY: Duration = Duration::from_secs(1);

/// How long the end of a guest is kept for a store that is away. Beyond it, others have long found the lease run out.
const DELIVER_MAX: Duration = Duration::from_secs(60);

/// Why a guest is ended.
enum Over {
    /// It is cancelled, or another host's, or its lease could not be renewed.
    Lost,
    /// This host stops, and others may run it from the beginning.
    Drained,
    /// This host stops, and nobody may run it again.
    CutShort,
}

/// A task that runs here, or is about to, for as long as it does. While it is there, this host does not claim the task.
pub(super) struct Entry {
    tasks: Arc<Tasks>,
    id: TaskId,
    tenant: TenantId,
    /// Wakes when somebody else may have changed the record.
    woken: Arc<Notify>,
    place: Option<OwnedSemaphorePermit>,
}

/// The lease of a guest that runs.
struct Keeper<'a> {
    tasks: &'a Tasks,
    held: &'a mut Held,
    woken: &'a Notify,
    /// When the lease was last renewed, as far as is known.
    renewed: Duration,
    /// When the guest's words may be written again.
    say_at: Duration,
}

impl Tasks {
    pub(super) async fn carry_through(&self, mut held: Held, guest: BoxFuture<'static, Ended>) {
        let (renewed, woken) = (held.sent, Arc::clone(&held.entry.woken));
        let ended = {
            let keeper = Keeper { tasks: self, held: &mut held, woken: &woken, renewed, say_at: renewed };
            match future::select(guest, pin!(keeper.keep())).await {
                Either::Left((ended, _)) => Ok(ended),
                // The guest ends here, before anybody else can be told to begin.
                Either::Right((over, guest)) => {
                    drop(guest);
                    Err(over)
                }
            }
        };
        let number = held.number;
        let event = match ended {
            Ok(ended) => Event::Finish { number, ended, chance: chance(self.world.as_ref()) },
            Err(Over::Lost) => {
                tracing::info!(task = %held.entry.id, "this host runs the task no longer");
                return;
            }
            Err(Over::Drained) => Event::Release { number },
            Err(Over::CutShort) => Event::Finish { number, ended: Ended::Failed(cut_short()), chance: 0 },
        };
        self.deliver(&mut held.seen, &event).await;
    }

    /// Writes how it ended, however often that takes.
    async fn deliver(&self, seen: &mut Seen, event: &Event) {
        let mut patience = Patience::new(self, DELIVER_MAX);
        let id = seen.task.id.clone();
        loop {
            let Ok(task) = seen.task.apply(event, self.world.now_ms(), &self.settings.rules) else { return };
            match self.write(seen.version, &task).await {
                Ok(Wrote::Done) => return self.tell(Some(&seen.task), &task),
                Ok(Wrote::Stale | Wrote::Full) => {}
                Err(error) => {
                    tracing::warn!(task = %id, "the end of the task is not written yet: {error}");
                    if !patience.wait().await {
                        tracing::error!(task = %id, "the end of the task could not be written, and is lost");
                        return;
                    }
                }
            }
            // Somebody else changed it, or the answer was lost: what is there now tells.
            loop {
                match self.read(&id).await {
                    Ok(Some(now)) => break *seen = now,
                    Ok(None) => return,
                    Err(_) if patience.wait().await => {}
                    Err(_) => return,
                }
            }
        }
    }
}

impl Keeper<'_> {
    /// Keeps the lease until the guest must end.
    async fn keep(mut self) -> Over {
        let Err(over) = self.keep_on().await;
        over
    }

    async fn keep_on(&mut self) -> Result<Infallible, Over> {
        let (tasks, woken) = (self.tasks, self.woken);
        let mut stop_at = None;
        loop {
            let now = tasks.world.elapsed();
            let sleep_until = |at: Duration| tasks.world.sleep(at.saturating_sub(now));
            let renew = sleep_until(self.renewed + RENEW_EVERY);
            let stop = stop_at.map_or_else(|| future::pending().boxed(), sleep_until);
            let may_say = sleep_until(self.say_at);
            let words = &mut self.held.said;
            let said = async {
                may_say.await;
                // `held` has a sender too, so there always is one.
                let _ = words.changed().await;
            };
            select! {
                biased;
                () = renew => self.push(&Event::Renew { number: self.held.number }).await?,
                () = tasks.draining.cancelled(), if stop_at.is_none() => {
                    if self.held.task().idempotent {
                        return Err(Over::Drained);
                    }
                    stop_at = Some(now + tasks.settings.drain_max * 9 / 10);
                }
                () = stop => return Err(Over::CutShort),
                () = woken.notified() => self.look().await?,
                () = said => self.say().await?,
            }
        }
    }

    async fn say(&mut self) -> Result<(), Over> {
        self.say_at = self.tasks.world.elapsed() + SAY_EVERY;
        let message = self.held.said.borrow_and_update().clone();
        let Some(message) = message else { return Ok(()) };
        self.push(&Event::Progress { number: self.held.number, message }).await
    }

    /// Writes `event`, however often that takes.
    async fn push(&mut self, event: &Event) -> Result<(), Over> {
        let tasks = self.tasks;
        let mut patience = Patience::new(tasks, LEASE);
        loop {
            let (sent, now_ms) = (tasks.world.elapsed(), tasks.world.now_ms());
            let task = match self.held.seen.task.apply(event, now_ms, &tasks.settings.rules) {
                Ok(task) => task,
                Err(Ignored::NotDue) => return Ok(()),
                Err(Ignored::Ended | Ignored::NotHeld | Ignored::LeaseOver | Ignored::Taken) => return Err(Over::Lost),
            };
            match self.in_time(tasks.write(self.held.seen.version, &task)).await? {
                Ok(Wrote::Done) => {
                    tasks.tell(Some(self.held.task()), &task);
                    self.held.seen = Seen { version: self.held.seen.version + 1, task };
                    if matches!(event, Event::Renew { .. }) {
                        self.renewed = sent;
                    }
                    return self.check();
                }
                Ok(Wrote::Stale | Wrote::Full) => {}
                Err(error) => {
                    tracing::warn!(task = %self.held.task().id, "the lease of the task is not renewed yet: {error}");
                    self.in_time(patience.wait()).await?;
                }
            }
            self.look().await?;
        }
    }

    /// Looks at what the record is now.
    async fn look(&mut self) -> Result<(), Over> {
        let tasks = self.tasks;
        let mut patience = Patience::new(tasks, LEASE);
        loop {
            match self.in_time(tasks.read(&self.held.seen.task.id)).await? {
                Ok(Some(seen)) => {
                    self.held.seen = seen;
                    return self.check();
                }
                Ok(None) => return Err(Over::Lost),
                Err(_) if self.in_time(patience.wait()).await? => {}
                Err(_) => return Err(Over::Lost),
            }
        }
    }

    /// Whether the lease still is this host's.
    fn check(&self) -> Result<(), Over> {
        let is_held = self.held.task().lease().is_some_and(|lease| lease.number == self.held.number);
        if is_held { Ok(()) } else { Err(Over::Lost) }
    }

    /// Does `work` unless the lease is over first.
    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, Over> {
        let world = &self.tasks.world;
        let left = (self.renewed + LEASE).saturating_sub(world.elapsed());
        if left.is_zero() {
            return Err(Over::Lost);
        }
        select! {
            biased;
            () = world.sleep(left) => Err(Over::Lost),
            done = work => Ok(done),
        }
    }
}

impl Entry {
    pub(super) fn enter(tasks: &Arc<Tasks>, task: &Task, place: OwnedSemaphorePermit) -> Self {
        let (id, tenant) = (task.id.clone(), task.owner.tenant.clone());
        let woken = Arc::new(Notify::new());
        tasks.shares.begin(&tenant);
        let count = {
            let mut carried = tasks.carried();
            carried.insert(id.clone(), Arc::clone(&woken));
            carried.len()
        };
        metrics::in_use("running tasks", count);
        Self { tasks: Arc::clone(tasks), id, tenant, woken, place: Some(place) }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let count = {
            let mut carried = self.tasks.carried();
            carried.remove(&self.id);
            carried.len()
        };
        metrics::in_use("running tasks", count);
        // First the place, then the news of it.
        drop(self.place.take());
        self.tasks.shares.end(&self.tenant);
        if self.tasks.is_behind.load(Ordering::Relaxed) || self.tasks.shares.passed() > 0 {
            self.tasks.due.notify_one();
        }
    }
}

fn cut_short() -> Failure {
    let message = "the host that ran this was stopped before it ended, and the tool is not idempotent: whether it had its \
                   effect is not known; look, and call again if it had not";
    Failure { code: INTERNAL_ERROR, message: message.into(), data: None }
}
