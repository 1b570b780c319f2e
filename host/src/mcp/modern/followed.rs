//! Tasks that a listener follows.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::{self, Instant};

use crate::{
    auth::Principal,
    mcp::{Core, fault::Fault, tasking::owner},
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

impl Followed {
    /// Those of `ids` that are tasks of this caller. The others are as if there were none.
    pub(super) async fn new(core: &Arc<Core>, principal: &Principal, ids: &[String]) -> Result<Self, Fault> {
        if ids.len() > FOLLOWED_MAX {
            return Err(Fault::InvalidParams(format!("`taskIds` holds more than {FOLLOWED_MAX} ids")));
        }
        let (core, owner, mut told) = (Arc::clone(core), owner(principal), BTreeMap::new());
        for id in ids {
            match core.tasking.tasks.get(id, &owner).await {
                Ok(_) => drop(told.insert(id.clone(), 0)),
                Err(TaskError::Unknown) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // Each is told once at the beginning, so that nothing is missed between its creation and now.
        let look = told.keys().cloned().collect();
        Ok(Self { core, owner, told, look, look_again: Instant::now() + LOOK_EVERY })
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.told.keys().cloned().collect()
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
