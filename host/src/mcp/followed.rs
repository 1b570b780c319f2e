//! Tasks that a listener follows, without an era.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::{self, Instant};

use super::{Core, fault::Fault, tasking::owner};
use crate::{
    auth::Principal,
    tasks::{Owner, Task, TaskError},
};

/// Tasks that one stream may follow.
const FOLLOWED_MAX: usize = 100;

/// How often they are looked at without news: what another host says may be lost.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Tasks, as far as the listener has been told of them.
pub(super) struct Followed {
    core: Arc<Core>,
    owner: Owner,
    /// The revision that was told last of each.
    told: BTreeMap<String, u64>,
    /// Those that may be further than was told.
    look: Vec<String>,
    look_again: Instant,
}

/// Whether there may be so many.
pub(super) fn check(ids: &[String]) -> Result<(), Fault> {
    if ids.len() > FOLLOWED_MAX {
        return Err(Fault::InvalidParams(format!("`taskIds` holds more than {FOLLOWED_MAX} ids")));
    }
    Ok(())
}

impl Followed {
    /// None yet, of this caller.
    pub(super) fn none(core: &Arc<Core>, principal: &Principal) -> Self {
        let (core, owner, look_again) = (Arc::clone(core), owner(principal), Instant::now() + LOOK_EVERY);
        Self { core, owner, told: BTreeMap::new(), look: Vec::new(), look_again }
    }

    /// Follows a task from its creation on, which the caller knows of, unless there are too many.
    pub(super) fn add(&mut self, id: &str) {
        if self.told.len() < FOLLOWED_MAX {
            self.told.insert(id.to_owned(), 1);
            self.look_at(id);
        }
    }

    /// Those of `ids`, of which there may be so many, that are tasks of this caller. The others are as if there were none.
    pub(super) async fn new(core: &Arc<Core>, principal: &Principal, ids: &[String]) -> Result<Self, Fault> {
        let mut followed = Self::none(core, principal);
        for id in ids {
            match core.tasking.tasks.get(id, &followed.owner).await {
                Ok(_) => drop(followed.told.insert(id.clone(), 0)),
                Err(TaskError::Unknown) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // Each is told once at the beginning, so that nothing is missed between its creation and now.
        followed.look_at_all();
        Ok(followed)
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.told.keys().cloned().collect()
    }

    /// Whether this task is followed.
    pub(super) fn has(&self, id: &str) -> bool {
        self.told.contains_key(id)
    }

    /// This task may have changed.
    pub(super) fn look_at(&mut self, id: &str) {
        if self.told.contains_key(id) && !self.look.iter().any(|other| other == id) {
            self.look.push(id.to_owned());
        }
    }

    /// Any of them may have changed.
    pub(super) fn look_at_all(&mut self) {
        self.look = self.told.keys().cloned().collect();
    }

    /// The next task that is further than was told; never, if none is followed. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Task {
        loop {
            while let Some(id) = self.look.last() {
                let task = self.core.tasking.tasks.get(id, &self.owner).await;
                let id = self.look.pop().unwrap_or_default();
                let told = self.told.get(&id).copied().unwrap_or_default();
                match task {
                    Ok(task) if task.revision > told => {
                        if task.is_ended() {
                            self.told.remove(&id);
                        } else {
                            self.told.insert(id, task.revision);
                        }
                        return task;
                    }
                    // Whatever there was to say has been said.
                    Err(TaskError::Unknown) => drop(self.told.remove(&id)),
                    // A store that is away is asked again with the next look.
                    Ok(_) | Err(_) => {}
                }
            }
            if self.told.is_empty() {
                return std::future::pending().await;
            }
            time::sleep_until(self.look_again).await;
            self.look_again = Instant::now() + LOOK_EVERY;
            self.look_at_all();
        }
    }
}
