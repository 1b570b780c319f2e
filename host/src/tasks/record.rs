//! Tasks as records of the store: each change is written upon what was seen, and seen anew where somebody else was first.

use std::time::Duration;

use tokio::select;

use super::{
    Owner, Task, TaskError, TaskId, Tasks,
    machine::{Event, Ignored},
    world::chance,
};
use crate::store::{Due, Group, Record, StoreError, Stored, WhenFull, Write, Wrote};

/// The queue of what is due, for all hosts.
const QUEUE: &str = "tasks";

/// What stands before the id in a record's key.
const PREFIX: &str = "task/";

/// How long a request waits for a store that is away: as long as one takes to start again.
const PATIENCE: Duration = Duration::from_secs(5);

/// The wait before the store is asked again, at first; it doubles up to the second.
const AGAIN_MIN: Duration = Duration::from_millis(50);
const AGAIN_MAX: Duration = Duration::from_secs(1);

/// How long the store has for one answer. What takes longer is asked again: whether a request or its answer was lost, a lease
/// has room for some tries.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// A task as it was read, or written.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) version: u64,
    pub(super) task: Task,
}

/// Waits that grow, within a time.
pub(super) struct Patience<'a> {
    tasks: &'a Tasks,
    until: Duration,
    wait: Duration,
}

impl<'a> Patience<'a> {
    pub(super) fn new(tasks: &'a Tasks, patience: Duration) -> Self {
        Self { tasks, until: tasks.world.elapsed().saturating_add(patience), wait: AGAIN_MIN }
    }

    /// Waits before the next try. `false` if there is none.
    pub(super) async fn wait(&mut self) -> bool {
        let world = &self.tasks.world;
        if world.elapsed().saturating_add(self.wait) > self.until {
            return false;
        }
        // Not all hosts at once: many will have found out at the same moment.
        let wait_ms = u64::try_from(self.wait.as_millis()).unwrap_or(u64::MAX);
        let spread = Duration::from_millis(chance(world.as_ref()) % (wait_ms / 2 + 1));
        world.sleep(self.wait / 2 + spread).await;
        self.wait = (self.wait * 2).min(AGAIN_MAX);
        true
    }
}

impl Tasks {
    /// Reads a task.
    pub(super) async fn read(&self, id: &TaskId) -> Result<Option<Seen>, StoreError> {
        let Some(Record { version, bytes }) = self.answer(self.store.record(&key(id))).await? else { return Ok(None) };
        let unread = |error| StoreError(format!("the task {id} does not read: {error}"));
        Ok(Some(Seen { version, task: serde_json::from_slice(&bytes).map_err(unread)? }))
    }

    /// Writes a task if its record's version still is `was`.
    pub(super) async fn write(&self, was: u64, task: &Task) -> Result<Wrote, StoreError> {
        let write = Write {
            bytes: serde_json::to_vec(task).map_err(|error| StoreError(error.to_string()))?,
            expires_ms: task.expires_ms(),
            due: task.due_ms().map(|at_ms| Due { queue: QUEUE.to_owned(), at_ms }),
            group: Some(self.group(task)),
        };
        self.answer(self.store.write(&key(&task.id), was, write)).await
    }

    /// The keys of what is due, the earliest first.
    pub(super) async fn due_keys(&self, limit: usize) -> Result<Vec<String>, StoreError> {
        self.answer(self.store.due(QUEUE, self.world.now_ms(), limit)).await
    }

    /// The keys of what will ever be due: of all tasks that are open.
    pub(super) async fn open_keys(&self, limit: usize) -> Result<Vec<String>, StoreError> {
        self.answer(self.store.due(QUEUE, i64::MAX.cast_unsigned(), limit)).await
    }

    async fn answer<T>(&self, asked: Stored<'_, T>) -> Result<T, StoreError> {
        select! {
            biased;
            answer = asked => answer,
            () = self.world.sleep(ANSWER_MAX) => Err(StoreError(format!("it took longer than {} s", ANSWER_MAX.as_secs()))),
        }
    }

    /// Writes a task that is new. Where an answer was lost, the record tells: nobody else has this id.
    pub(super) async fn create(&self, task: Task) -> Result<Seen, TaskError> {
        let mut patience = Patience::new(self, PATIENCE);
        loop {
            match self.write(0, &task).await {
                Ok(Wrote::Done) => {
                    self.tell(None, &task);
                    return Ok(Seen { version: 1, task });
                }
                Ok(Wrote::Full) => return Err(TaskError::Full { max: self.settings.open_max }),
                Ok(Wrote::Stale) => match self.read(&task.id).await {
                    Ok(Some(seen)) => return Ok(seen),
                    // It has expired already.
                    Ok(None) => return Err(TaskError::Unknown),
                    Err(error) if !patience.wait().await => return Err(error.into()),
                    Err(_) => {}
                },
                Err(error) if !patience.wait().await => return Err(error.into()),
                Err(_) => {}
            }
        }
    }

    /// Reads a task of this owner.
    pub(super) async fn own(&self, id: &str, owner: &Owner) -> Result<Seen, TaskError> {
        let id = TaskId::read(id).ok_or(TaskError::Unknown)?;
        let mut patience = Patience::new(self, PATIENCE);
        loop {
            match self.read(&id).await {
                Ok(seen) => return seen.filter(|seen| seen.task.owner == *owner).ok_or(TaskError::Unknown),
                Err(error) if !patience.wait().await => return Err(error.into()),
                Err(_) => {}
            }
        }
    }

    /// What the owner wants to happen. What is ignored is no error: the task is then as it is.
    pub(super) async fn change(&self, id: &str, owner: &Owner, event: &Event) -> Result<Task, TaskError> {
        let mut patience = Patience::new(self, PATIENCE);
        loop {
            let seen = self.own(id, owner).await?;
            let task = match seen.task.apply(event, self.world.now_ms(), &self.settings.rules) {
                Ok(task) => task,
                Err(Ignored::Ended | Ignored::NotDue | Ignored::NotHeld | Ignored::LeaseOver | Ignored::Taken) => {
                    return Ok(seen.task);
                }
            };
            match self.write(seen.version, &task).await {
                Ok(Wrote::Done) => {
                    self.tell(Some(&seen.task), &task);
                    return Ok(task);
                }
                // Somebody was first, or the answer was lost: what is there now tells. All of an owner's changes may be
                // made twice.
                Ok(Wrote::Stale | Wrote::Full) => {
                    if !patience.wait().await {
                        return Err(StoreError("the task changed each time it was read".into()).into());
                    }
                }
                Err(error) if !patience.wait().await => return Err(error.into()),
                Err(_) => {}
            }
        }
    }

    /// A tenant's tasks that are open, or those of its that have ended, of which the oldest make room for others.
    fn group(&self, task: &Task) -> Group {
        let tenant = &task.owner.tenant;
        if task.is_ended() {
            Group { name: format!("ended/{tenant}"), max: self.settings.ended_max, when_full: WhenFull::Replace }
        } else {
            Group { name: format!("tasks/{tenant}"), max: self.settings.open_max, when_full: WhenFull::Refuse }
        }
    }
}

fn key(id: &TaskId) -> String {
    format!("{PREFIX}{id}")
}

/// The task that a key of the queue is about.
pub(super) fn id_of(key: &str) -> Option<TaskId> {
    TaskId::read(key.strip_prefix(PREFIX)?)
}
