//! Tasks on the embedded store, in real time. What takes time is in `sim/service.rs`.

use futures_util::FutureExt;
use tokio_util::task::TaskTracker;

use super::*;
use crate::{ids::TenantId, store::Sqlite};

struct Greeter;

impl Run for Greeter {
    fn run(&self, turn: Turn, _: Status) -> BoxFuture<'static, Ended> {
        async move {
            match turn.answers.first() {
                None => Ended::Asks { work: turn.work, questions: vec![("name".into(), raw("\"who?\""))] },
                Some((key, name)) => Ended::Result(raw(&format!("{{\"{key}\":{name}}}"))),
            }
        }
        .boxed()
    }
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn owner() -> Owner {
    Owner { tenant: TenantId::default(), subject: "ann".into() }
}

fn new() -> New {
    New { owner: owner(), work: raw("{}"), answers: Vec::new(), idempotent: false, ttl_ms: None, message: None }
}

/// Tasks that have ended and can be read of.
const ENDED_MAX: u64 = 2;

/// A host on a store that ends with the test.
fn host(background: &TaskTracker, open_max: u64) -> Arc<Tasks> {
    shared(background, open_max, 4)
}

/// The same, where one tenant may have so many of the four places.
fn shared(background: &TaskTracker, open_max: u64, running_of_tenant_max: usize) -> Arc<Tasks> {
    let settings = Settings {
        rules: Rules { attempts_max: 3, result_ttl_ms: 1_000 },
        ttl_ms: 60_000,
        ttl_ms_max: 60_000,
        open_max,
        ended_max: ENDED_MAX,
        running_max: 4,
        running_of_tenant_max,
        drain_max: Duration::from_secs(1),
    };
    let world = Arc::new(Real::new(background.clone()));
    Tasks::new(Arc::new(Sqlite::in_memory().unwrap()), Signals::new(), world, "host".into(), settings)
}

#[tokio::test]
async fn a_task_is_run_asks_and_ends_on_the_embedded_store() {
    let (background, stop) = (TaskTracker::new(), CancellationToken::new());
    let tasks = host(&background, 10);
    background.spawn(Arc::clone(&tasks).work(Arc::new(Greeter), stop.clone()));
    let mut task = tasks.queue(new()).await.unwrap();
    let id = task.id.to_string();
    while task.outstanding().next().is_none() {
        task = tasks.follow(&id, &owner(), task.revision).await.unwrap();
    }
    let key = task.outstanding().next().unwrap().key.clone();
    task = tasks.update(&id, &owner(), vec![(key, raw("\"ann\""))]).await.unwrap();
    while !task.is_ended() {
        task = tasks.follow(&id, &owner(), task.revision).await.unwrap();
    }
    let State::Completed { result } = task.state else { panic!("it is {:?}", task.state) };
    assert_eq!(result.get(), r#"{"name":"ann"}"#);
    stop.cancel();
    background.close();
    background.wait().await;
}

#[tokio::test]
async fn what_has_ended_makes_room() {
    let background = TaskTracker::new();
    let tasks = host(&background, 1);
    // Nobody works here, so that it stays open.
    let task = tasks.queue(new()).await.unwrap();
    assert!(matches!(tasks.queue(new()).await, Err(TaskError::Full { max: 1 })));
    tasks.cancel(task.id.as_str(), &owner()).await.unwrap();
    let held = tasks.hold(new()).await.unwrap();
    let id = held.task().id.to_string();
    tasks.carry(held, std::future::ready(Ended::Result(raw("1"))).boxed());
    let ended = tasks.follow(&id, &owner(), 1).await.unwrap();
    assert!(matches!(ended.state, State::Completed { .. }));
    tasks.queue(new()).await.unwrap();
    assert!(matches!(tasks.get("no id", &owner()).await, Err(TaskError::Unknown)));
}

#[tokio::test]
async fn of_those_that_have_ended_the_first_to_expire_make_room() {
    let background = TaskTracker::new();
    let tasks = host(&background, 10);
    let mut ids = Vec::new();
    // Nobody works here, so that they stay open.
    for ttl_ms in [20_000, 30_000, 10_000, 40_000] {
        let task = tasks.queue(New { ttl_ms: Some(ttl_ms), ..new() }).await.unwrap();
        ids.push(task.id.to_string());
    }
    for id in &ids[..3] {
        tasks.cancel(id, &owner()).await.unwrap();
    }
    let is_there = async |at: usize| tasks.get(&ids[at], &owner()).await.is_ok();
    // The third has just ended, so it is another that goes; and what is open is not counted.
    assert_eq!([is_there(0).await, is_there(1).await, is_there(2).await, is_there(3).await], [false, true, true, true]);
    tasks.cancel(&ids[3], &owner()).await.unwrap();
    assert_eq!([is_there(1).await, is_there(2).await, is_there(3).await], [true, false, true]);
}

/// Runs tasks of one tenant without end, and those of others at once.
struct Stuck(&'static str);

impl Run for Stuck {
    fn run(&self, turn: Turn, _: Status) -> BoxFuture<'static, Ended> {
        if turn.owner.tenant.as_str() == self.0 {
            return std::future::pending().boxed();
        }
        std::future::ready(Ended::Result(raw("1"))).boxed()
    }
}

#[tokio::test]
async fn a_tenant_with_many_tasks_leaves_places_to_others() {
    const TASKS: usize = 200;
    let (background, stop) = (TaskTracker::new(), CancellationToken::new());
    let tasks = shared(&background, 1_000, 3);
    let of = |tenant: &str| Owner { tenant: tenant.parse().unwrap(), subject: "ann".into() };
    let new_of = |tenant: &str| New { owner: of(tenant), idempotent: true, ..new() };
    background.spawn(Arc::clone(&tasks).work(Arc::new(Stuck("acme")), stop.clone()));
    for _ in 0..TASKS {
        tasks.queue(new_of("acme")).await.unwrap();
    }
    // All that is due before it is the other's.
    for _ in 0..5 {
        let mut task = tasks.queue(new_of("bolt")).await.unwrap();
        while !task.is_ended() {
            task = tasks.follow(task.id.as_str(), &of("bolt"), task.revision).await.unwrap();
        }
        assert!(matches!(task.state, State::Completed { .. }));
    }
    assert!(tasks.carried().len() <= 3, "{}", tasks.carried().len());
    assert!(matches!(tasks.hold(new_of("acme")).await, Err(TaskError::Busy)));
    assert!(tasks.hold(new_of("bolt")).await.is_ok());
    stop.cancel();
    background.close();
    background.wait().await;
}
