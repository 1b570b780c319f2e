//! Tasks as the operator sees them: those that are open on any host, and those that this host saw end. What they were given
//! and what came of them is not told.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use super::{State, Task, Tasks};
use crate::{ids::TenantId, inflight::pseudonym, store::StoreError};

/// Ended tasks that are kept in mind.
const ENDED_MAX: usize = 50;

/// Characters of an id that are told: enough to tell tasks apart, and too few to ask for one.
const ID_CHARS: usize = 8;

/// One task.
#[derive(Debug, Clone, Serialize)]
pub struct Glance {
    pub id: String,
    pub tenant: TenantId,
    /// A pseudonym that holds for the life of the process.
    pub subject: String,
    pub state: &'static str,
    /// What is run, as whoever runs it calls it.
    pub what: Option<String>,
    pub attempts: u32,
    pub message: Option<String>,
    pub created_ms: u64,
    pub updated_ms: u64,
}

/// How many of each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub completed: u64,
    pub failed: u64,
    pub cancelled: u64,
}

/// What this host saw end since it started.
#[derive(Debug, Default)]
pub(super) struct Endings(Mutex<(Counts, VecDeque<Glance>)>);

impl Endings {
    /// A change of a task. Told of it is only what was open before and has ended after.
    pub(super) fn note(&self, before: Option<&Task>, after: &Task, what: impl FnOnce(&Task) -> Option<String>) {
        if !after.is_ended() || before.is_some_and(Task::is_ended) {
            return;
        }
        let glance = Glance::of(after, before.and_then(what));
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (counts, endings) = &mut *seen;
        match after.state {
            State::Completed { .. } => counts.completed += 1,
            State::Failed(_) => counts.failed += 1,
            State::Cancelled => counts.cancelled += 1,
            State::Working { .. } | State::InputRequired { .. } => {}
        }
        if endings.len() >= ENDED_MAX {
            endings.pop_front();
        }
        endings.push_back(glance);
    }
}

impl Tasks {
    /// At most `max` tasks that are open, those that somebody has to look at next first; and whether there are more.
    pub async fn open(&self, max: usize) -> Result<(Vec<Glance>, bool), StoreError> {
        let keys = self.open_keys(max + 1).await?;
        let more = keys.len() > max;
        let mut open = Vec::with_capacity(keys.len().min(max));
        for key in keys.iter().take(max) {
            let Some(id) = super::record::id_of(key) else { continue };
            // It may have ended since.
            if let Some(seen) = self.read(&id).await?.filter(|seen| !seen.task.is_ended()) {
                open.push(Glance::of(&seen.task, self.what(&seen.task)));
            }
        }
        Ok((open, more))
    }

    /// How many tasks this host saw end since it started, and the last of them, the newest first.
    pub fn endings(&self) -> (Counts, Vec<Glance>) {
        let seen = self.endings.0.lock().unwrap_or_else(PoisonError::into_inner);
        (seen.0, seen.1.iter().rev().cloned().collect())
    }

    /// What a task that is open runs.
    pub(super) fn what(&self, task: &Task) -> Option<String> {
        self.run.get()?.name(task.work.as_deref()?)
    }
}

impl Glance {
    fn of(task: &Task, what: Option<String>) -> Self {
        let state = match task.state {
            State::Working { .. } => "working",
            State::InputRequired { .. } => "input_required",
            State::Completed { .. } => "completed",
            State::Failed(_) => "failed",
            State::Cancelled => "cancelled",
        };
        Self {
            id: task.id.as_str().chars().take(ID_CHARS).collect(),
            tenant: task.owner.tenant.clone(),
            subject: pseudonym(&task.owner.tenant, &task.owner.subject),
            state,
            what,
            attempts: task.attempts,
            message: task.message.clone(),
            created_ms: task.created_ms,
            updated_ms: task.updated_ms,
        }
    }
}
