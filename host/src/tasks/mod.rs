//! Calls that outlive their request. A task is a record in the store, which any host can read, change and go on with.
//!
//! [`machine`] says what a task is and becomes; here it is written, each change upon what was seen; `carry` is beside the
//! guest while it runs, and `worker` looks for tasks that nobody runs. What is run, and in whose words, is not known here.

mod carry;
mod glance;
mod id;
mod machine;
mod record;
mod shares;
mod worker;
mod world;

#[cfg(test)]
mod sim;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use serde_json::value::RawValue;
use tokio::{
    select,
    sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast::error::RecvError, watch},
};
use tokio_util::sync::CancellationToken;

use self::{
    carry::{Entry, LEASE},
    machine::Event,
    record::Seen,
    shares::Shares,
};
pub use self::{
    glance::{Counts, Glance},
    id::TaskId,
    machine::{Ended, Failure, INTERNAL_ERROR, Lease, Owner, Question, Rules, State, Task},
    world::{Real, World},
};
use crate::{
    ids::TenantId,
    metrics,
    signals::{Signal, Signals},
    store::{Store, StoreError},
};

/// How often somebody who waits for a change looks without having heard of one: signals may be lost.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);

/// Characters of a status message; it is for one line on a screen.
const MESSAGE_CHARS_MAX: usize = 500;

/// What the operator decides.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub rules: Rules,
    /// How long a task lives that does not ask for a time of its own.
    pub ttl_ms: u64,
    /// How long a task may ask to live.
    pub ttl_ms_max: u64,
    /// Tasks of one tenant that have not ended.
    pub open_max: u64,
    /// Tasks of one tenant that have ended and can be read of. Those that would be gone first make room for others.
    pub ended_max: u64,
    /// Tasks that this host runs at once.
    pub running_max: usize,
    /// Those of one tenant among them.
    pub running_of_tenant_max: usize,
    /// How long this host may take to stop. What must not be cut short gets nearly all of it.
    pub drain_max: Duration,
}

/// A task that is to be.
#[derive(Debug, Clone)]
pub struct New {
    pub owner: Owner,
    /// What any host needs to run it.
    pub work: Box<RawValue>,
    /// What the client has answered already, by the guest's keys.
    pub answers: Vec<(String, Box<RawValue>)>,
    /// Whether it may be run again by a host that does not know how far another came.
    pub idempotent: bool,
    /// How long it is to live, if not as long as usual.
    pub ttl_ms: Option<u64>,
    pub message: Option<String>,
}

/// One start of a guest for a task.
#[derive(Debug, Clone)]
pub struct Turn {
    pub id: TaskId,
    pub owner: Owner,
    pub work: Box<RawValue>,
    /// What the client answered in the last round, by the guest's keys.
    pub answers: Vec<(String, Box<RawValue>)>,
    /// 1 for the first start in this round.
    pub attempt: u32,
}

/// Whoever can run what tasks hold.
pub trait Run: Send + Sync {
    /// Runs a guest. It ends where it stands when the future is dropped.
    fn run(&self, turn: Turn, status: Status) -> BoxFuture<'static, Ended>;

    /// What `work` is, in a word for the operator.
    fn name(&self, _work: &RawValue) -> Option<String> {
        None
    }
}

/// Where a guest says how far it is. Of what is said faster than it is written, the last word counts.
#[derive(Debug, Clone)]
pub struct Status(watch::Sender<Option<String>>);

/// A task that this host runs. It must be carried, or its lease runs out.
#[must_use]
pub struct Held {
    seen: Seen,
    /// The lease's.
    number: u64,
    /// When the lease was asked for, by the clock that is never set: it counts from then.
    sent: Duration,
    status: Status,
    said: watch::Receiver<Option<String>>,
    entry: Entry,
}

/// Why nothing was done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TaskError {
    /// There is none, or not any more, or it is somebody else's: these look the same.
    #[error("there is no such task, or its time is over; begin anew")]
    Unknown,
    #[error("{max} tasks are open, which is as many as may be; wait for one to end, or cancel one")]
    Full { max: u64 },
    #[error("this host runs as many tasks as it can; try again shortly")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// All tasks of all hosts that share the store, as one of these hosts sees them.
pub struct Tasks {
    store: Arc<dyn Store>,
    signals: Signals,
    world: Arc<dyn World>,
    /// This process, under a name that no other ever has.
    host: String,
    settings: Settings,
    /// One for each task that may run here.
    places: Arc<Semaphore>,
    /// How they are shared by tenants.
    shares: Shares,
    /// Tasks that run here, each with what makes it look at its record.
    carried: Mutex<BTreeMap<TaskId, Arc<Notify>>>,
    run: OnceLock<Arc<dyn Run>>,
    /// Something may be due.
    due: Notify,
    /// More is due than this host has places for.
    is_behind: AtomicBool,
    draining: CancellationToken,
    endings: glance::Endings,
}

impl Tasks {
    /// The tasks in `store`, for the host of that name.
    pub fn new(
        store: Arc<dyn Store>,
        signals: Signals,
        world: Arc<dyn World>,
        host: String,
        settings: Settings,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            signals,
            world,
            host,
            settings,
            places: Arc::new(Semaphore::new(settings.running_max)),
            shares: Shares::new(settings.running_of_tenant_max, settings.running_max),
            carried: Mutex::default(),
            run: OnceLock::new(),
            due: Notify::new(),
            is_behind: AtomicBool::new(false),
            draining: CancellationToken::new(),
            endings: glance::Endings::default(),
        })
    }

    /// Begins a task for a guest that runs already, or is about to. It is in the store when this returns, and is to be
    /// handed to [`Tasks::carry`].
    pub async fn hold(self: &Arc<Self>, new: New) -> Result<Held, TaskError> {
        let place = self.place(&new.owner.tenant).ok_or(TaskError::Busy)?;
        self.begin_held(new, place).await
    }

    /// Begins a task that runs as soon as some host has a place for it: this one if it has. It is in the store when this
    /// returns.
    pub async fn queue(self: &Arc<Self>, new: New) -> Result<Task, TaskError> {
        let is_free = !self.draining.is_cancelled() && !self.is_behind.load(Ordering::Relaxed);
        let run = self.run.get().filter(|_| is_free);
        let Some((run, place)) = run.and_then(|run| Some((run, self.place(&new.owner.tenant)?))) else {
            self.is_behind.store(true, Ordering::Relaxed);
            let task = self.new_task(new, None)?;
            return Ok(self.create(task).await?.task);
        };
        let held = self.begin_held(new, place).await?;
        let task = held.task().clone();
        self.start(run.as_ref(), held);
        Ok(task)
    }

    async fn begin_held(self: &Arc<Self>, new: New, place: OwnedSemaphorePermit) -> Result<Held, TaskError> {
        let sent = self.world.elapsed();
        let task = self.new_task(new, Some(&self.host))?;
        let entry = Entry::enter(self, &task, place);
        Ok(Held::new(self.create(task).await?, sent, entry))
    }

    fn new_task(&self, new: New, host: Option<&str>) -> Result<Task, StoreError> {
        let random = self.world.random().map_err(|error| StoreError(error.to_string()))?;
        let ttl_ms = new.ttl_ms.map_or(self.settings.ttl_ms, |wanted| wanted.min(self.settings.ttl_ms_max));
        Ok(Task::begin(TaskId::new(random), new, ttl_ms, self.world.now_ms(), host))
    }

    /// A place for a task of this tenant, if there is one and the tenant has not all of its share.
    fn place(&self, tenant: &TenantId) -> Option<OwnedSemaphorePermit> {
        self.shares.has_room(tenant).then(|| Arc::clone(&self.places).try_acquire_owned().ok())?
    }

    /// The task of that id.
    pub async fn get(&self, id: &str, owner: &Owner) -> Result<Task, TaskError> {
        Ok(self.own(id, owner).await?.task)
    }

    /// Gives it the client's answers, by key. Keys that nothing was asked under, or that were answered, are ignored.
    pub async fn update(
        &self,
        id: &str,
        owner: &Owner,
        answers: Vec<(String, Box<RawValue>)>,
    ) -> Result<Task, TaskError> {
        self.change(id, owner, &Event::Answer { answers }).await
    }

    /// Cancels it, if it has not ended. The host that runs it drops the guest as soon as it hears of that.
    pub async fn cancel(&self, id: &str, owner: &Owner) -> Result<Task, TaskError> {
        self.change(id, owner, &Event::Cancel).await
    }

    /// The task once it is past `revision`: whatever its owner can see has changed, it comes back with that.
    pub async fn follow(&self, id: &str, owner: &Owner, revision: u64) -> Result<Task, TaskError> {
        // Heard from here on, so that nothing is missed between looking and waiting.
        let mut signals = self.signals.listener();
        signals.want(id);
        loop {
            let task = self.get(id, owner).await?;
            if task.revision > revision {
                return Ok(task);
            }
            let news = async {
                loop {
                    match signals.recv().await {
                        Ok(Signal::TaskChanged { .. } | Signal::Missed) | Err(RecvError::Lagged(_)) => return,
                        Ok(_) => {}
                        Err(RecvError::Closed) => std::future::pending().await,
                    }
                }
            };
            select! {
                biased;
                () = news => {}
                () = self.world.sleep(FOLLOW_EVERY) => {}
            }
        }
    }

    /// Stays beside `guest`, which runs for the task, until it ends: renews the lease, writes what it says, drops it when
    /// the task is cancelled or the lease is lost, and writes what came of it. All of it happens in the background.
    pub fn carry(self: &Arc<Self>, held: Held, guest: BoxFuture<'static, Ended>) {
        let tasks = Arc::clone(self);
        self.world.spawn(Box::pin(async move { tasks.carry_through(held, guest).await }));
    }

    fn start(self: &Arc<Self>, run: &dyn Run, held: Held) {
        // The store may have taken so long that another host may begin.
        if self.world.elapsed() >= held.sent + LEASE {
            return;
        }
        let Some(turn) = held.turn() else { return };
        let guest = run.run(turn, held.status.clone());
        self.carry(held, guest);
    }

    /// Tells those who wait for it that a task is not what it was.
    fn tell(&self, before: Option<&Task>, after: &Task) {
        if before.is_none_or(|before| before.state.name() != after.state.name()) {
            metrics::task(after.state.name());
        }
        if before.is_none_or(|before| before.revision != after.revision) {
            self.signals.send(Signal::TaskChanged { id: after.id.to_string() });
        }
        self.endings.note(before, after, |task| self.what(task));
        let is_free = |task: &Task| matches!(task.state, State::Working { lease: None, .. });
        if is_free(after) && !before.is_some_and(is_free) {
            self.signals.send(Signal::TasksDue);
        }
    }

    fn carried(&self) -> std::sync::MutexGuard<'_, BTreeMap<TaskId, Arc<Notify>>> {
        self.carried.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// As clients and metrics call it. A result that tells of a failure is a result.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Working { .. } => "working",
            Self::InputRequired { .. } => "input_required",
            Self::Completed { .. } => "completed",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Status {
    /// Says how far it is.
    pub fn say(&self, message: &str) {
        let message: String = message.chars().take(MESSAGE_CHARS_MAX).collect();
        self.0.send_replace(Some(message));
    }
}

impl Held {
    fn new(seen: Seen, sent: Duration, entry: Entry) -> Self {
        let (sender, said) = watch::channel(None);
        Self { number: seen.task.leases, seen, sent, status: Status(sender), said, entry }
    }

    /// The task as it was when it was begun.
    pub fn task(&self) -> &Task {
        &self.seen.task
    }

    /// Where its guest says how far it is.
    pub fn status(&self) -> Status {
        self.status.clone()
    }

    /// What its guest is to do.
    fn turn(&self) -> Option<Turn> {
        let task = &self.seen.task;
        Some(Turn {
            id: task.id.clone(),
            owner: task.owner.clone(),
            work: task.work.clone()?,
            answers: task.answers.clone(),
            attempt: task.attempts,
        })
    }
}

#[cfg(test)]
mod tests;
