//! The life of a task as a pure function: what it is, what happens to it, what it is then.
//!
//! Nothing here reads a clock, waits, or knows a store. Whoever calls [`Task::apply`] writes what comes of it, upon the very
//! record it was made from; so all hosts together do what one host with one task would do.
//!
//! A host that runs a task holds a lease: its name, a number that no other lease of this task has, and a time. What comes
//! with another number is of an earlier holder and is ignored. Attempts are counted when a lease is given, before the guest
//! runs: however a host ends, no guest was started that is not counted.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::id::TaskId;
use crate::ids::TenantId;

/// What the caller reads when a host was lost (JSON-RPC "internal error").
pub const INTERNAL_ERROR: i32 = -32603;

/// How far the clocks of two hosts may be apart. Machines that ask a time server are within a tenth of a second; a lease is
/// taken over this much later than it ends, and nothing expires earlier than promised.
pub(super) const SKEW_MS_MAX: u64 = 2_000;

/// How long a lease lasts. A store that is away for shorter than this, less one renewal, is not noticed by those that run:
/// enough for a restart, or for another node to become the primary. A lost host is noticed this much later.
pub(super) const LEASE_MS: u64 = 15_000;

/// The first wait before something is tried again; it doubles each time.
const BACKOFF_MS: u64 = 1_000;
const BACKOFF_MS_MAX: u64 = 60_000;

/// The wait after a host had no place for it: places change hands within a call's time.
const NO_PLACE_MS: u64 = 500;

/// How long a task that ran out of time can be read of, before it is gone.
const TOMBSTONE_MS: u64 = 5 * 60 * 1000;

/// How long the record of a task that has not ended outlives its time. As long as some host looks at it within that, it
/// ends as it should; without any host nobody could ask.
const UNENDED_MS: u64 = 24 * 3600 * 1000;

/// What the operator decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Times that a guest is started for one round, the first included. At least 1.
    pub attempts_max: u32,
    /// How long a result can be read at least.
    pub result_ttl_ms: u64,
}

/// Whose task it is. Nobody else learns that it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub tenant: TenantId,
    pub subject: String,
}

/// A task as it is in the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    pub id: TaskId,
    pub owner: Owner,
    /// What is to be run, in the words of whoever runs it. `None` once it has ended.
    pub work: Option<Box<RawValue>>,
    /// Whether it may be run again by a host that does not know how far another came.
    pub idempotent: bool,
    pub created_ms: u64,
    /// When something changed that the owner can see.
    pub updated_ms: u64,
    /// From `created_ms`. Grows, never shrinks.
    pub ttl_ms: u64,
    /// Counts changes that the owner can see.
    pub revision: u64,
    /// How far it is, for people.
    pub message: Option<String>,
    /// Guests started in this round.
    pub attempts: u32,
    /// Leases ever given: the number of the last one.
    pub leases: u64,
    /// What the client answered in the last round, by the guest's own keys.
    pub answers: Vec<(String, Box<RawValue>)>,
    /// All keys under which anything was ever asked.
    pub keys: BTreeSet<String>,
    pub state: State,
}

/// Where a task stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum State {
    /// It runs, or waits for a host that does.
    Working {
        lease: Option<Lease>,
        not_before_ms: u64,
    },
    /// It waits for the client.
    InputRequired {
        questions: Vec<Question>,
    },
    Completed {
        result: Box<RawValue>,
    },
    Failed(Failure),
    Cancelled,
}

/// Why there is no result: the members of a JSON-RPC error.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    pub code: i32,
    pub message: String,
    pub data: Option<Box<RawValue>>,
}

/// The right to run a task, for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub host: String,
    pub number: u64,
    /// By the holder's clock.
    pub until_ms: u64,
}

/// Something the client is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Question {
    /// What it goes under: no other question of this task ever does.
    pub key: String,
    /// What the guest calls it.
    pub own: String,
    /// The request, in the words of whoever runs the task.
    pub asked: Box<RawValue>,
    pub answer: Option<Box<RawValue>>,
}

/// What came of running a guest.
#[derive(Debug, Clone)]
pub enum Ended {
    /// A result; that of a tool which failed in a way that a model can read is one too.
    Result(Box<RawValue>),
    Failed(Failure),
    /// It had no effect and may be tried again, after so long if the guest says so. `otherwise` is its result if it is not.
    Retryable {
        after_ms: Option<u64>,
        otherwise: Box<RawValue>,
    },
    /// The guest must know something of the client before it can go on; `work` is then what is run.
    Asks {
        work: Box<RawValue>,
        questions: Vec<(String, Box<RawValue>)>,
    },
    /// There was no place, and no guest was started.
    NotRun,
}

/// What happens to a task. `chance` is a random number, which spreads what would otherwise happen everywhere at once.
#[derive(Debug, Clone)]
pub enum Event {
    /// A host wants to run it.
    Claim {
        host: String,
        chance: u64,
    },
    /// Somebody looks at it since it is due.
    Look {
        chance: u64,
    },
    /// The holder of this lease is still at it.
    Renew {
        number: u64,
    },
    /// The guest says how far it is.
    Progress {
        number: u64,
        message: String,
    },
    /// The guest has ended.
    Finish {
        number: u64,
        ended: Ended,
        chance: u64,
    },
    /// The holder gives it back before the guest has ended: its host stops.
    Release {
        number: u64,
    },
    /// The client answers, by key: JSON.
    Answer {
        answers: Vec<(String, Box<RawValue>)>,
    },
    Cancel,
}

/// Why nothing came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// The task has ended, and stays as it is.
    Ended,
    /// It is another host's, or was given to this one anew.
    NotHeld,
    /// The lease has run out: whoever held it must stop, since another host may begin.
    LeaseOver,
    /// Another host runs it.
    Taken,
    /// There is nothing to be done, or not yet.
    NotDue,
}

impl Task {
    /// Whether this is the end: nothing changes it any more.
    pub fn is_ended(&self) -> bool {
        matches!(self.state, State::Completed { .. } | State::Failed(_) | State::Cancelled)
    }

    /// The lease it is under.
    pub fn lease(&self) -> Option<&Lease> {
        match &self.state {
            State::Working { lease, .. } => lease.as_ref(),
            _ => None,
        }
    }

    /// What the client has not answered yet.
    pub fn outstanding(&self) -> impl Iterator<Item = &Question> {
        let questions: &[Question] = match &self.state {
            State::InputRequired { questions } => questions,
            _ => &[],
        };
        questions.iter().filter(|question| question.answer.is_none())
    }

    /// When somebody has to look at it. `None` once it has ended.
    pub fn due_ms(&self) -> Option<u64> {
        let end = self.end_ms();
        match &self.state {
            State::Working { lease: Some(lease), .. } => Some(end.min(lease.until_ms.saturating_add(SKEW_MS_MAX))),
            State::Working { lease: None, not_before_ms } => Some(end.min(*not_before_ms)),
            State::InputRequired { .. } => Some(end),
            State::Completed { .. } | State::Failed(_) | State::Cancelled => None,
        }
    }

    /// When nothing of it need be there any more.
    pub fn expires_ms(&self) -> u64 {
        self.end_ms().saturating_add(if self.is_ended() { 0 } else { UNENDED_MS })
    }

    /// When its time is over. Not before every host's clock says so: it was promised to last that long.
    fn end_ms(&self) -> u64 {
        self.created_ms.saturating_add(self.ttl_ms).saturating_add(SKEW_MS_MAX)
    }

    /// A task that begins now: held by `host`, or due for whoever comes first.
    pub(super) fn begin(id: TaskId, new: super::New, ttl_ms: u64, now_ms: u64, host: Option<&str>) -> Self {
        let mut task = Self {
            id,
            owner: new.owner,
            work: Some(new.work),
            idempotent: new.idempotent,
            created_ms: now_ms,
            updated_ms: now_ms,
            ttl_ms,
            revision: 1,
            message: new.message,
            attempts: 0,
            leases: 0,
            answers: new.answers,
            keys: BTreeSet::new(),
            state: State::Working { lease: None, not_before_ms: now_ms },
        };
        if let Some(host) = host {
            task.lend(host, now_ms);
        }
        task
    }

    /// What the task is after `event`. By the clock of whoever applies it, it is `now_ms`.
    pub fn apply(&self, event: &Event, now_ms: u64, rules: &Rules) -> Result<Self, Ignored> {
        if self.is_ended() {
            return Err(Ignored::Ended);
        }
        let mut task = self.clone();
        match event {
            Event::Cancel => task.end(State::Cancelled, now_ms, rules.result_ttl_ms),
            Event::Finish { number, ended, chance } => {
                task.held(*number)?;
                task.finish(ended, *chance, now_ms, rules);
            }
            _ if now_ms >= task.end_ms() => task.run_out(now_ms),
            Event::Claim { host, chance } => {
                task.look(*chance, now_ms, rules).or_else(|ignored| match ignored {
                    Ignored::NotDue => task.claim(host, now_ms),
                    other => Err(other),
                })?;
            }
            Event::Look { chance } => task.look(*chance, now_ms, rules)?,
            Event::Renew { number } => {
                let lease = task.held(*number)?;
                if now_ms >= lease.until_ms {
                    return Err(Ignored::LeaseOver);
                }
                lease.until_ms = now_ms.saturating_add(LEASE_MS);
            }
            Event::Progress { number, message } => {
                task.held(*number)?;
                if task.message.as_ref() == Some(message) {
                    return Err(Ignored::NotDue);
                }
                task.say(message.clone(), now_ms);
            }
            Event::Release { number } => {
                task.held(*number)?;
                task.attempts = task.attempts.saturating_sub(1);
                task.wait(now_ms);
            }
            Event::Answer { answers } => task.answer(answers, now_ms)?,
        }
        Ok(task)
    }

    /// The lease of that number, if it is the one in force.
    fn held(&mut self, number: u64) -> Result<&mut Lease, Ignored> {
        match &mut self.state {
            State::Working { lease: Some(lease), .. } if lease.number == number => Ok(lease),
            _ => Err(Ignored::NotHeld),
        }
    }

    /// Takes a lease back that has run out.
    fn look(&mut self, chance: u64, now_ms: u64, rules: &Rules) -> Result<(), Ignored> {
        let Some(lease) = self.lease() else { return Err(Ignored::NotDue) };
        if now_ms < lease.until_ms.saturating_add(SKEW_MS_MAX) {
            return Err(Ignored::Taken);
        }
        if !self.idempotent {
            let why = "the host that ran this was lost, and the tool is not idempotent: whether it had its effect is not \
                       known; look, and call again if it had not";
            self.fail(why, now_ms, rules);
        } else if self.attempts >= rules.attempts_max {
            let why = format!("the host that ran this was lost, {} times in a row; call again later", self.attempts);
            self.fail(&why, now_ms, rules);
        } else {
            let again = self.again(rules);
            self.say(format!("the host that ran this was lost; {again}"), now_ms);
            self.wait(now_ms.saturating_add(backoff(self.attempts, chance)));
        }
        Ok(())
    }

    fn claim(&mut self, host: &str, now_ms: u64) -> Result<(), Ignored> {
        match &self.state {
            State::Working { lease: None, not_before_ms } if now_ms >= *not_before_ms => {
                self.lend(host, now_ms);
                Ok(())
            }
            _ => Err(Ignored::NotDue),
        }
    }

    fn lend(&mut self, host: &str, now_ms: u64) {
        self.attempts += 1;
        self.leases += 1;
        let until_ms = now_ms.saturating_add(LEASE_MS);
        let lease = Lease { host: host.to_owned(), number: self.leases, until_ms };
        self.state = State::Working { lease: Some(lease), not_before_ms: now_ms };
    }

    fn finish(&mut self, ended: &Ended, chance: u64, now_ms: u64, rules: &Rules) {
        let ttl_ms = rules.result_ttl_ms;
        match ended {
            Ended::Result(result) => self.end(State::Completed { result: result.clone() }, now_ms, ttl_ms),
            Ended::Failed(failure) => self.end(State::Failed(failure.clone()), now_ms, ttl_ms),
            Ended::Retryable { after_ms, otherwise } => {
                let wait_ms = after_ms.unwrap_or_else(|| backoff(self.attempts, chance));
                let next_ms = now_ms.saturating_add(wait_ms);
                if self.attempts >= rules.attempts_max || next_ms >= self.created_ms.saturating_add(self.ttl_ms) {
                    self.end(State::Completed { result: otherwise.clone() }, now_ms, ttl_ms);
                } else {
                    let again = self.again(rules);
                    self.say(format!("it did not work yet; {again}"), now_ms);
                    self.wait(next_ms);
                }
            }
            Ended::Asks { work, questions } => {
                self.work = Some(work.clone());
                self.ask(questions, now_ms);
            }
            Ended::NotRun => {
                self.attempts = self.attempts.saturating_sub(1);
                self.wait(now_ms.saturating_add(spread(NO_PLACE_MS, chance)));
            }
        }
    }

    /// Asks `questions`, each under a key that was never used. With none, the guest only wanted to be called anew.
    fn ask(&mut self, questions: &[(String, Box<RawValue>)], now_ms: u64) {
        let questions = questions.iter().map(|(own, asked)| {
            let key = self.fresh_key(own);
            self.keys.insert(key.clone());
            Question { key, own: own.clone(), asked: asked.clone(), answer: None }
        });
        let questions: Vec<Question> = questions.collect();
        self.state = State::InputRequired { questions };
        self.touch(now_ms);
        self.go_on(now_ms);
    }

    fn fresh_key(&self, own: &str) -> String {
        let numbered = (2_u64..).map(|number| format!("{own}-{number}"));
        let mut keys = std::iter::once(own.to_owned()).chain(numbered);
        keys.find(|key| !self.keys.contains(key)).unwrap_or_default()
    }

    fn answer(&mut self, answers: &[(String, Box<RawValue>)], now_ms: u64) -> Result<(), Ignored> {
        let State::InputRequired { questions } = &mut self.state else { return Err(Ignored::NotDue) };
        let mut is_new = false;
        for (key, answer) in answers {
            let open = questions.iter_mut().find(|question| question.key == *key && question.answer.is_none());
            if let Some(question) = open {
                question.answer = Some(answer.clone());
                is_new = true;
            }
        }
        if !is_new {
            return Err(Ignored::NotDue);
        }
        self.touch(now_ms);
        self.go_on(now_ms);
        Ok(())
    }

    /// Begins the next round if all questions of this one are answered.
    fn go_on(&mut self, now_ms: u64) {
        let State::InputRequired { questions } = &mut self.state else { return };
        if questions.iter().all(|question| question.answer.is_some()) {
            let answered = questions.drain(..).filter_map(|question| Some((question.own, question.answer?)));
            self.answers = answered.collect();
            self.attempts = 0;
            self.wait(now_ms);
        }
    }

    fn run_out(&mut self, now_ms: u64) {
        let failure = Failure { code: INTERNAL_ERROR, message: "the task expired before it ended".into(), data: None };
        self.end(State::Failed(failure), now_ms, TOMBSTONE_MS);
    }

    fn fail(&mut self, message: &str, now_ms: u64, rules: &Rules) {
        let failure = Failure { code: INTERNAL_ERROR, message: message.into(), data: None };
        self.end(State::Failed(failure), now_ms, rules.result_ttl_ms);
    }

    /// The end, which can be read for `ttl_ms` at least.
    fn end(&mut self, state: State, now_ms: u64, ttl_ms: u64) {
        self.touch(now_ms);
        let age_ms = self.updated_ms.saturating_sub(self.created_ms);
        self.ttl_ms = self.ttl_ms.max(age_ms.saturating_add(ttl_ms));
        self.state = state;
        // Nobody runs it any more, and arguments may be large.
        self.work = None;
        self.answers = Vec::new();
        self.keys = BTreeSet::new();
        self.message = None;
    }

    /// Gives it to whoever comes first, not before `not_before_ms`.
    fn wait(&mut self, not_before_ms: u64) {
        self.state = State::Working { lease: None, not_before_ms };
    }

    fn again(&self, rules: &Rules) -> String {
        format!("it is run again, {} of {} times", self.attempts + 1, rules.attempts_max)
    }

    fn say(&mut self, message: String, now_ms: u64) {
        self.message = Some(message);
        self.touch(now_ms);
    }

    /// The owner sees a change. Clocks may disagree; what is seen does not go back.
    fn touch(&mut self, now_ms: u64) {
        self.updated_ms = self.updated_ms.max(now_ms);
        self.revision += 1;
    }
}

/// The wait after so many attempts: doubled each time, up to a minute, and between half of that and all of it.
fn backoff(attempts: u32, chance: u64) -> u64 {
    let doublings = attempts.saturating_sub(1).min(16);
    spread((BACKOFF_MS << doublings).min(BACKOFF_MS_MAX), chance)
}

fn spread(wait_ms: u64, chance: u64) -> u64 {
    wait_ms / 2 + chance % (wait_ms / 2 + 1)
}

#[cfg(test)]
mod tests;
