//! Guests that end, ask, fail, want to be run again, never end; and what must hold of their starts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::BoxFuture;
use serde_json::{Value, json, value::RawValue};

use super::executor::Executor;
use crate::tasks::{Ended, Failure, Run, Status, TaskId, Turn};

/// Questions a guest asks before it has enough.
const ROUNDS_MAX: u64 = 4;

/// All guests, on whatever host.
pub(super) struct Guests {
    executor: Executor,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// What runs now, by what the client wanted.
    alive: BTreeSet<u64>,
    /// Rounds of tools that are not idempotent in which a guest was started.
    started: BTreeSet<(u64, u64)>,
    starts: u64,
    tally: BTreeMap<&'static str, u64>,
}

/// What a client wants done: what is in `work`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) number: u64,
    pub(super) round: u64,
    pub(super) idempotent: bool,
}

impl Wanted {
    pub(super) fn raw(self) -> Box<RawValue> {
        raw(&json!({ "number": self.number, "round": self.round, "idempotent": self.idempotent }))
    }

    fn read(work: &RawValue) -> Self {
        let value: Value = serde_json::from_str(work.get()).expect("written above");
        let number = |key: &str| value[key].as_u64().expect("written above");
        Self { number: number("number"), round: number("round"), idempotent: value["idempotent"] == true }
    }
}

pub(super) fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("a value is JSON")
}

/// A guest that runs, for as long as it does.
struct Alive {
    guests: Arc<Guests>,
    number: u64,
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.guests.inner().alive.remove(&self.number);
    }
}

impl Guests {
    pub(super) fn new(executor: Executor) -> Arc<Self> {
        Arc::new(Self { executor, inner: Mutex::default() })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn starts(&self) -> u64 {
        self.inner().starts
    }

    /// How many guests ended in each way.
    pub(super) fn tally(&self, tally: &mut BTreeMap<String, u64>) {
        for (how, count) in &self.inner().tally {
            *tally.entry((*how).to_owned()).or_default() += count;
        }
    }

    /// A guest is started: no other one runs for the same task, and none did that must not be run twice.
    fn start(self: &Arc<Self>, wanted: Wanted, id: Option<&TaskId>) -> Alive {
        self.executor.event(|| format!("a guest starts for {wanted:?}, {id:?}"));
        let mut inner = self.inner();
        inner.starts += 1;
        if !inner.alive.insert(wanted.number) {
            self.executor.violation(format!("two guests at once for {wanted:?}"));
        }
        if !wanted.idempotent && !inner.started.insert((wanted.number, wanted.round)) {
            self.executor.violation(format!("a guest that is not idempotent was started twice for {wanted:?}"));
        }
        Alive { guests: Arc::clone(self), number: wanted.number }
    }

    /// What one guest does. `id` is missing for one that began before there was a task.
    pub(super) async fn guest(self: Arc<Self>, wanted: Wanted, id: Option<TaskId>, status: Option<Status>) -> Ended {
        let executor = self.executor.clone();
        if id.is_some() && executor.happens(5) {
            return Ended::NotRun;
        }
        let alive = self.start(wanted, id.as_ref());
        for step in 0..executor.below(4) {
            let most = if executor.happens(10) { 30_000 } else { 3_000 };
            executor.sleep(executor.some_ms(most)).await;
            if let Some(status) = &status {
                status.say(&format!("step {step}"));
            }
        }
        let (how, ended) = match executor.below(100) {
            0..45 => ("result", Ended::Result(raw(&json!({ "number": wanted.number })))),
            45..55 => ("fault", Ended::Failed(Failure { code: -1, message: "it broke".into(), data: None })),
            55..75 => {
                // It says that it had no effect: it may be started once more.
                self.inner().started.remove(&(wanted.number, wanted.round));
                let after_ms = executor.happens(50).then(|| executor.below(20_000));
                ("retryable", Ended::Retryable { after_ms, otherwise: raw(&json!({ "number": wanted.number })) })
            }
            75..95 if wanted.round < ROUNDS_MAX => {
                let next = Wanted { round: wanted.round + 1, ..wanted };
                let count = executor.below(4);
                let questions = (0..count).map(|key| (format!("q{key}"), raw(&json!({}))));
                ("asks", Ended::Asks { work: next.raw(), questions: questions.collect() })
            }
            75..95 => ("result", Ended::Result(raw(&json!({ "number": wanted.number })))),
            _ => {
                *self.inner().tally.entry("never ends").or_default() += 1;
                std::future::pending().await
            }
        };
        drop(alive);
        *self.inner().tally.entry(how).or_default() += 1;
        ended
    }

    /// What is asked of a guest is answered under its own keys, all of them.
    fn check(&self, turn: &Turn) {
        let known = |key: &str| key.strip_prefix('q').is_some_and(|number| number.parse::<u64>().is_ok());
        if turn.answers.iter().any(|(key, _)| !known(key)) {
            self.executor.violation(format!("answers under keys that are not the guest's: {:?}", turn.answers));
        }
    }
}

/// A guest for each turn.
pub(super) struct Runner(pub(super) Arc<Guests>);

impl Run for Runner {
    fn run(&self, turn: Turn, status: Status) -> BoxFuture<'static, Ended> {
        self.0.check(&turn);
        Box::pin(Arc::clone(&self.0).guest(Wanted::read(&turn.work), Some(turn.id), Some(status)))
    }
}
