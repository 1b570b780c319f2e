//! What the service does, one thing at a time, and how long it takes in virtual time.

use std::{
    sync::{Arc, Mutex, atomic::AtomicI64},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use serde_json::{json, value::RawValue};
use tokio_util::sync::CancellationToken;

use super::{
    OPEN_MAX, RULES,
    executor::{Executor, Owner as Life},
    guests::raw,
    hosts::HostWorld,
    store::Disk,
};
use crate::{
    ids::TenantId,
    signals::{Signal, Signals},
    tasks::{Ended, Failure, New, Owner, Run, Settings, State, Status, Task, TaskError, Tasks, Turn},
};

const HOUR_MS: u64 = 3_600_000;
const DRAIN: Duration = Duration::from_secs(10);

/// What guests do here.
type Guest = Arc<dyn Fn(Executor, Turn, Status) -> BoxFuture<'static, Ended> + Send + Sync>;

/// Two hosts, one place each, and what their guests did.
struct Yard {
    executor: Executor,
    disk: Arc<Disk>,
    hosts: Vec<(Arc<Tasks>, CancellationToken)>,
    said: Arc<Mutex<Vec<String>>>,
}

struct Script {
    executor: Executor,
    host: usize,
    guest: Guest,
    said: Arc<Mutex<Vec<String>>>,
}

/// Says when a guest ends, however it does.
struct Alive {
    executor: Executor,
    said: Arc<Mutex<Vec<String>>>,
    what: String,
}

impl Alive {
    fn say(&self, verb: &str) {
        let at = self.executor.now().as_millis() / 1000;
        self.said.lock().unwrap().push(format!("{at}s {} {verb}", self.what));
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.say("ends");
    }
}

impl Run for Script {
    fn run(&self, turn: Turn, status: Status) -> BoxFuture<'static, Ended> {
        let what = format!("host {} attempt {}", self.host, turn.attempt);
        let alive = Alive { executor: self.executor.clone(), said: Arc::clone(&self.said), what };
        let guest = (self.guest)(self.executor.clone(), turn, status);
        async move {
            alive.say("begins");
            let ended = guest.await;
            drop(alive);
            ended
        }
        .boxed()
    }
}

impl Yard {
    /// Two hosts whose signals arrive if `are_heard`.
    fn new(are_heard: bool, guest: &Guest) -> Self {
        let executor = Executor::new(1);
        let disk = Disk::new(executor.clone());
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let signals = [Signals::new(), Signals::new()];
        let hosts = (0..2).map(|host| {
            let owner = Life::Host { index: host, life: 0 };
            let world = HostWorld { executor: executor.clone(), owner, skew: Arc::new(AtomicI64::new(0)) };
            let settings = Settings {
                rules: RULES,
                ttl_ms: HOUR_MS,
                ttl_ms_max: HOUR_MS,
                open_max: OPEN_MAX,
                ended_max: u64::MAX,
                running_max: 1,
                running_of_tenant_max: 1,
                drain_max: DRAIN,
            };
            let (heard, stop) = (signals[host].clone(), CancellationToken::new());
            let tasks = Tasks::new(disk.seen_by(host), heard, Arc::new(world), format!("host-{host}"), settings);
            let (guest, said) = (Arc::clone(guest), Arc::clone(&said));
            let run = Arc::new(Script { executor: executor.clone(), host, guest, said });
            executor.spawn(owner, Box::pin(Arc::clone(&tasks).work(run, stop.clone())));
            (tasks, stop)
        });
        let hosts = hosts.collect();
        if are_heard {
            for (from, to) in [(0, 1), (1, 0)] {
                let (mut said, to) = (signals[from].listen_outward(), signals[to].clone());
                let pass_on = async move {
                    while let Ok(signal) = said.recv().await {
                        to.repeat(signal);
                    }
                };
                executor.spawn(Life::World, pass_on.boxed());
            }
        }
        let yard = Self { executor, disk, hosts, said };
        yard.pass(1);
        yard
    }

    /// Lets so many seconds pass.
    fn pass(&self, seconds: u64) {
        self.executor.run(self.executor.now() + Duration::from_secs(seconds));
        assert_eq!(self.executor.failure(), None);
    }

    /// Lets time pass until `work` is done, which must not take longer than a minute.
    fn wait<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let done = Arc::new(Mutex::new(None));
        let inside = Arc::clone(&done);
        self.executor.spawn(Life::World, async move { *inside.lock().unwrap() = Some(work.await) }.boxed());
        let end = self.executor.now() + Duration::from_secs(60);
        while done.lock().unwrap().is_none() && self.executor.now() < end {
            self.executor.run(self.executor.now() + Duration::from_millis(20));
        }
        let mut done = done.lock().unwrap();
        done.take().expect("done within a minute")
    }

    fn queue(&self, host: usize, idempotent: bool) -> Result<Task, TaskError> {
        let tasks = Arc::clone(&self.hosts[host].0);
        self.wait(async move { tasks.queue(new(idempotent)).await })
    }

    fn get(&self, host: usize, task: &Task) -> Task {
        let (tasks, id) = (Arc::clone(&self.hosts[host].0), task.id.to_string());
        self.wait(async move { tasks.get(&id, &owner()).await }).unwrap()
    }

    fn cancel(&self, host: usize, task: &Task) {
        let (tasks, id) = (Arc::clone(&self.hosts[host].0), task.id.to_string());
        self.wait(async move { tasks.cancel(&id, &owner()).await }).unwrap();
    }

    /// What guests did since this was last asked.
    fn said(&self) -> Vec<String> {
        std::mem::take(&mut *self.said.lock().unwrap())
    }
}

fn owner() -> Owner {
    Owner { tenant: TenantId::default(), subject: "ann".into() }
}

fn new(idempotent: bool) -> New {
    let work = raw(&json!({ "number": 1 }));
    New { owner: owner(), work, answers: Vec::new(), idempotent, ttl_ms: None, message: None }
}

fn result() -> Ended {
    Ended::Result(raw(&json!({ "number": 1 })))
}

/// A guest that takes so long.
fn slow(seconds: u64) -> Guest {
    Arc::new(move |executor, _, _| {
        async move {
            executor.sleep(Duration::from_secs(seconds)).await;
            result()
        }
        .boxed()
    })
}

fn failure(task: &Task) -> &Failure {
    let State::Failed(failure) = &task.state else { panic!("it is {:?}", task.state) };
    failure
}

#[test]
fn a_task_runs_where_it_was_begun_and_any_host_knows_of_it() {
    let yard = Yard::new(true, &slow(2));
    let task = yard.queue(0, false).unwrap();
    assert!(matches!(yard.get(1, &task).state, State::Working { .. }));
    yard.pass(3);
    assert!(matches!(yard.get(1, &task).state, State::Completed { .. }));
    assert_eq!(yard.said(), ["1s host 0 attempt 1 begins", "3s host 0 attempt 1 ends"]);
}

#[test]
fn what_one_host_has_no_place_for_another_runs_at_once_or_the_first_later() {
    let yard = Yard::new(true, &slow(5));
    for _ in 0..3 {
        yard.queue(0, false).unwrap();
    }
    let held = yard.wait({
        let tasks = Arc::clone(&yard.hosts[0].0);
        async move { tasks.hold(new(false)).await.map(drop) }
    });
    assert!(matches!(held, Err(TaskError::Busy)));
    yard.pass(1);
    assert_eq!(yard.said(), ["1s host 0 attempt 1 begins", "1s host 1 attempt 1 begins"]);
    yard.pass(5);
    let said = yard.said();
    assert_eq!(said.iter().filter(|said| said.contains("begins")).count(), 1, "{said:?}");
}

#[test]
fn a_cancelled_guest_ends_at_once_and_without_signals_at_the_next_renewal() {
    for (are_heard, seconds_max) in [(true, 1), (false, 4)] {
        let yard = Yard::new(are_heard, &slow(1_000));
        let task = yard.queue(0, false).unwrap();
        yard.pass(5);
        yard.said();
        let begun = yard.executor.now();
        yard.cancel(1, &task);
        assert!(matches!(yard.get(0, &task).state, State::Cancelled));
        yard.wait({
            let (executor, said) = (yard.executor.clone(), Arc::clone(&yard.said));
            async move {
                while said.lock().unwrap().is_empty() {
                    executor.sleep(Duration::from_millis(10)).await;
                }
            }
        });
        let took = yard.executor.now().checked_sub(begun).unwrap();
        assert!(took <= Duration::from_secs(seconds_max), "{took:?}");
        // Its place is free again.
        yard.queue(0, false).unwrap();
        assert!(yard.said().iter().any(|said| said.contains("host 0 attempt 1 begins")));
    }
}

#[test]
fn a_host_that_stops_hands_over_what_may_be_run_again() {
    let yard = Yard::new(true, &slow(5));
    let task = yard.queue(0, true).unwrap();
    yard.pass(2);
    yard.hosts[0].1.cancel();
    yard.pass(7);
    let expected = [
        "1s host 0 attempt 1 begins",
        "3s host 0 attempt 1 ends",
        "3s host 1 attempt 1 begins",
        "8s host 1 attempt 1 ends",
    ];
    assert_eq!(yard.said(), expected);
    assert!(matches!(yard.get(1, &task).state, State::Completed { .. }));
    // What is begun here meanwhile goes to the other one.
    yard.queue(0, true).unwrap();
    yard.pass(1);
    assert!(yard.said()[0].contains("host 1"));
}

#[test]
fn a_host_that_stops_lets_the_rest_end_and_says_so_where_it_cannot() {
    let yard = Yard::new(true, &slow(5));
    let task = yard.queue(0, false).unwrap();
    yard.hosts[0].1.cancel();
    yard.pass(6);
    assert!(matches!(yard.get(1, &task).state, State::Completed { .. }));

    let yard = Yard::new(true, &slow(1_000));
    let task = yard.queue(0, false).unwrap();
    yard.hosts[0].1.cancel();
    yard.pass(DRAIN.as_secs());
    assert!(failure(&yard.get(1, &task)).message.contains("stopped"));
    assert_eq!(yard.said(), ["1s host 0 attempt 1 begins", "10s host 0 attempt 1 ends"]);
}

#[test]
fn when_a_host_dies_another_goes_on_with_what_may_be_run_again() {
    for idempotent in [true, false] {
        let yard = Yard::new(true, &slow(10));
        let task = yard.queue(0, idempotent).unwrap();
        yard.pass(1);
        yard.executor.kill(Life::Host { index: 0, life: 0 });
        yard.pass(22);
        let said = yard.said();
        if idempotent {
            assert!(said.last().unwrap().contains("host 1 attempt 2 begins"), "{said:?}");
            yard.pass(10);
            assert!(matches!(yard.get(1, &task).state, State::Completed { .. }));
        } else {
            assert_eq!(said.len(), 2, "{said:?}");
            assert!(failure(&yard.get(1, &task)).message.contains("lost"));
        }
    }
}

#[test]
fn a_store_that_is_away_is_borne_for_a_while() {
    let yard = Yard::new(true, &slow(20));
    let task = yard.queue(0, false).unwrap();
    yard.pass(1);
    (0..2).for_each(|host| yard.disk.cut(host, Duration::from_secs(10)));
    yard.pass(21);
    assert_eq!(yard.said(), ["1s host 0 attempt 1 begins", "21s host 0 attempt 1 ends"]);
    assert!(matches!(yard.get(1, &task).state, State::Completed { .. }));
}

#[test]
fn a_result_waits_for_the_store() {
    // Whether the host comes first to look for what is due, or to write the result.
    for away_ms in (25_000..27_000).step_by(100) {
        let yard = Yard::new(true, &slow(8));
        let task = yard.queue(0, false).unwrap();
        yard.pass(5);
        yard.executor.kill(Life::Host { index: 1, life: 0 });
        // The guest ends while the store is away, and its lease is over when it is back.
        yard.disk.cut(0, Duration::from_millis(away_ms));
        yard.pass(40);
        assert!(matches!(yard.get(0, &task).state, State::Completed { .. }));
        assert_eq!(yard.said(), ["1s host 0 attempt 1 begins", "9s host 0 attempt 1 ends"]);
    }
}

#[test]
fn a_guest_without_a_lease_is_dropped() {
    let yard = Yard::new(true, &slow(1_000));
    let task = yard.queue(0, false).unwrap();
    yard.pass(5);
    yard.disk.cut(0, Duration::from_secs(60));
    yard.pass(15);
    assert_eq!(yard.said(), ["1s host 0 attempt 1 begins", "19s host 0 attempt 1 ends"]);
    yard.pass(5);
    assert!(failure(&yard.get(1, &task)).message.contains("lost"));
}

#[test]
fn a_tenant_has_only_so_many_open_tasks() {
    let yard = Yard::new(true, &slow(1_000));
    let tasks: Vec<Task> = (0..OPEN_MAX).map(|_| yard.queue(0, false).unwrap()).collect();
    let full = yard.queue(1, false).unwrap_err();
    assert!(matches!(full, TaskError::Full { max: OPEN_MAX }), "{full}");
    yard.cancel(1, &tasks[3]);
    yard.queue(1, false).unwrap();
}

#[test]
fn what_a_guest_says_is_written_once_a_second() {
    let chatty: Guest = Arc::new(|executor, _, status| {
        async move {
            for step in 0..500 {
                executor.sleep(Duration::from_millis(10)).await;
                status.say(&format!("step {step}"));
            }
            executor.sleep(Duration::from_secs(1_000)).await;
            result()
        }
        .boxed()
    });
    let yard = Yard::new(true, &chatty);
    let task = yard.queue(0, false).unwrap();
    yard.pass(7);
    let now = yard.get(1, &task);
    assert_eq!(now.message.as_deref(), Some("step 499"));
    assert!((4..=8).contains(&(now.revision - task.revision)), "{}", now.revision);
}

#[test]
fn answers_reach_the_guest_under_its_own_keys() {
    let asking: Guest = Arc::new(|_, turn, _| {
        let keys: Vec<String> = turn.answers.iter().map(|(key, answer)| format!("{key}={answer}")).collect();
        let number = serde_json::from_str::<serde_json::Value>(turn.work.get()).unwrap()["round"].as_u64().unwrap_or(0);
        async move {
            match number {
                0 | 1 => {
                    let work = raw(&json!({ "number": 1, "round": number + 1 }));
                    Ended::Asks { work, questions: vec![("name".into(), raw(&json!({})))] }
                }
                _ => Ended::Result(raw(&json!({ "number": 1, "answers": keys }))),
            }
        }
        .boxed()
    });
    let yard = Yard::new(true, &asking);
    let task = yard.queue(0, false).unwrap();
    for (host, key) in [(1, "name"), (0, "name-2")] {
        yard.pass(1);
        let asked = yard.get(1, &task);
        assert_eq!(asked.outstanding().map(|question| question.key.as_str()).collect::<Vec<_>>(), [key]);
        let (tasks, id) = (Arc::clone(&yard.hosts[host].0), task.id.to_string());
        let answers: Vec<(String, Box<RawValue>)> = vec![(key.to_owned(), raw(&json!(host)))];
        yard.wait(async move { tasks.update(&id, &owner(), answers).await }).unwrap();
    }
    yard.pass(1);
    let State::Completed { result } = yard.get(1, &task).state else { panic!() };
    assert_eq!(result.get(), r#"{"number":1,"answers":["name=0"]}"#);
}

#[test]
fn who_waits_for_a_change_hears_of_it_even_without_signals() {
    for are_heard in [true, false] {
        let yard = Yard::new(are_heard, &slow(3));
        let task = yard.queue(0, false).unwrap();
        let (tasks, id, revision) = (Arc::clone(&yard.hosts[1].0), task.id.to_string(), task.revision);
        let now = yard.wait(async move { tasks.follow(&id, &owner(), revision).await }).unwrap();
        assert!(now.is_ended());
        let took = yard.executor.now().as_millis();
        assert!(took < if are_heard { 4_200 } else { 5_300 }, "{took} ms");
    }
}

#[test]
fn others_learn_nothing() {
    let yard = Yard::new(true, &slow(1));
    let task = yard.queue(0, false).unwrap();
    let mut others = vec![owner(), owner()];
    others[0].subject = "bob".into();
    others[1].tenant = "elsewhere".parse().unwrap();
    for other in others {
        let (tasks, id) = (Arc::clone(&yard.hosts[0].0), task.id.to_string());
        let seen = yard.wait(async move {
            [
                tasks.get(&id, &other).await,
                tasks.cancel(&id, &other).await,
                tasks.update(&id, &other, Vec::new()).await,
                tasks.follow(&id, &other, 0).await,
            ]
        });
        assert!(seen.iter().all(|seen| matches!(seen, Err(TaskError::Unknown))));
    }
    yard.pass(2);
    assert!(matches!(yard.get(0, &task).state, State::Completed { .. }));
}

#[test]
fn signals_say_which_task_is_not_what_it_was() {
    let signals = Signals::new();
    let mut heard = signals.listen();
    let executor = Executor::new(1);
    let disk = Disk::new(executor.clone());
    let world = HostWorld { executor: executor.clone(), owner: Life::World, skew: Arc::default() };
    let settings = Settings {
        rules: RULES,
        ttl_ms: HOUR_MS,
        ttl_ms_max: HOUR_MS,
        open_max: 1,
        ended_max: u64::MAX,
        running_max: 1,
        running_of_tenant_max: 1,
        drain_max: DRAIN,
    };
    let tasks = Tasks::new(disk.seen_by(0), signals, Arc::new(world), "host".into(), settings);
    let work = async move {
        let task = tasks.queue(new(false)).await.unwrap();
        tasks.cancel(task.id.as_str(), &owner()).await.unwrap();
    };
    executor.spawn(Life::World, work.boxed());
    executor.run(Duration::from_secs(1));
    let Ok(Signal::TaskChanged { id }) = heard.try_recv() else { panic!() };
    // Nobody runs it here: others are told that they may.
    assert_eq!(heard.try_recv(), Ok(Signal::TasksDue));
    assert_eq!(heard.try_recv(), Ok(Signal::TaskChanged { id }));
    assert!(heard.try_recv().is_err());
}
