//! Clients that begin tasks, look, answer, cancel, each time at whichever host; and what they must see.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{
    FutureExt,
    future::{self, BoxFuture, Either},
};
use serde_json::{json, value::RawValue};
use tokio::{select, sync::oneshot};

use super::{
    TTL_MS_MAX,
    executor::Owner as Life,
    guests::{Guests, Wanted, raw},
    hosts::{self, Hosts},
    store::{BEGINNING_MS, end, number},
};
use crate::tasks::{New, Owner, State, Task, TaskError, Tasks};

/// One client with one thing it wants done.
pub(super) struct Client {
    hosts: Arc<Hosts>,
    owner: Owner,
    wanted: Wanted,
    accepted: Accepted,
}

/// All tasks that any client was told of, with what was wanted.
pub(super) type Accepted = Arc<Mutex<BTreeMap<String, u64>>>;

impl Client {
    pub(super) fn begin(hosts: &Arc<Hosts>, wanted: u64, accepted: &Accepted) {
        let wanted = Wanted { number: wanted, round: 1, idempotent: hosts.executor.happens(50) };
        let subject = format!("client {}", wanted.number % 3);
        let owner = Owner { tenant: crate::ids::TenantId::default(), subject };
        let client = Self { hosts: Arc::clone(hosts), owner, wanted, accepted: Arc::clone(accepted) };
        hosts.executor.spawn(Life::World, Box::pin(client.live()));
    }

    async fn live(self) {
        let executor = &self.hosts.executor;
        executor.sleep(executor.some_ms(super::BUSY_MS)).await;
        let ttl_ms = Some(20_000 + executor.below(TTL_MS_MAX));
        let new = New {
            owner: self.owner.clone(),
            work: self.wanted.raw(),
            answers: Vec::new(),
            idempotent: self.wanted.idempotent,
            ttl_ms,
            message: None,
        };
        let begun = if executor.happens(40) { self.held(new).await } else { self.queued(new).await };
        let Some(task) = begun else { return };
        executor.event(|| format!("client {} was told of {}", self.wanted.number, task.id));
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).insert(task.id.to_string(), self.wanted.number);
        self.watch(task).await;
    }

    /// Something a host does for this client, unless it dies first.
    async fn at_some<T: Send + 'static>(
        &self,
        work: impl FnOnce(Arc<Tasks>) -> BoxFuture<'static, T> + Send + 'static,
    ) -> Option<T> {
        let hosts::Life { owner, tasks, .. } = self.hosts.any()?;
        let (done, answer) = oneshot::channel();
        let work = async move {
            let _ = done.send(work(tasks).await);
        };
        self.hosts.executor.spawn(owner, work.boxed());
        answer.await.ok()
    }

    async fn queued(&self, new: New) -> Option<Task> {
        self.at_some(|tasks| async move { tasks.queue(new).await.ok() }.boxed()).await?
    }

    /// A call that runs already becomes a task.
    async fn held(&self, new: New) -> Option<Task> {
        let (executor, guests, wanted) = (self.hosts.executor.clone(), Arc::clone(&self.hosts.guests), self.wanted);
        let call = move |tasks: Arc<Tasks>| {
            async move {
                let slow = executor.some_ms(2_000);
                let guest = Guests::guest(guests, wanted, None, None).boxed();
                let guest = match future::select(guest, pin!(executor.sleep(slow))).await {
                    Either::Left(_) => return None,
                    Either::Right(((), guest)) => guest,
                };
                let (held, guest) = match future::select(guest, pin!(tasks.hold(new))).await {
                    Either::Left((ended, hold)) => (hold.await, future::ready(ended).boxed()),
                    Either::Right((held, guest)) => (held, guest),
                };
                let held = held.ok()?;
                let task = held.task().clone();
                tasks.carry(held, guest);
                Some(task)
            }
            .boxed()
        };
        self.at_some(call).await?
    }

    /// Does what clients do until some time after the end.
    async fn watch(&self, mut task: Task) {
        let executor = &self.hosts.executor;
        let mut looks_left = 8;
        while looks_left > 0 {
            executor.sleep(executor.some_ms(4_000)).await;
            let (id, owner) = (task.id.to_string(), self.owner.clone());
            let answered = match executor.below(100) {
                0..4 => self.at_some(move |tasks| async move { tasks.cancel(&id, &owner).await }.boxed()).await,
                4..10 => {
                    self.look_at_anothers(id).await;
                    continue;
                }
                10..20 => self.follow(&task).await,
                20..60 if task.outstanding().next().is_some() => {
                    let answers = self.answers(&task);
                    if executor.happens(20) {
                        // The same is answered twice, perhaps elsewhere.
                        let (id, owner, answers) = (id.clone(), owner.clone(), answers.clone());
                        let again = |tasks: Arc<Tasks>| async move { tasks.update(&id, &owner, answers).await }.boxed();
                        let _ = self.at_some(again).await;
                    }
                    self.at_some(|tasks| async move { tasks.update(&id, &owner, answers).await }.boxed()).await
                }
                _ => self.at_some(move |tasks| async move { tasks.get(&id, &owner).await }.boxed()).await,
            };
            match answered {
                Some(Ok(now)) => {
                    self.compare(&task, &now);
                    task = now;
                }
                Some(Err(TaskError::Unknown)) => return self.gone(&task),
                Some(Err(_)) | None => {}
            }
            looks_left -= u32::from(task.is_ended());
        }
    }

    async fn follow(&self, task: &Task) -> Option<Result<Task, TaskError>> {
        let (executor, owner) = (self.hosts.executor.clone(), self.owner.clone());
        let (id, revision) = (task.id.to_string(), task.revision);
        let follow = move |tasks: Arc<Tasks>| {
            async move {
                select! {
                    biased;
                    task = tasks.follow(&id, &owner, revision) => Some(task),
                    () = executor.sleep(executor.some_ms(8_000)) => None,
                }
            }
            .boxed()
        };
        self.at_some(follow).await?
    }

    /// Nobody learns anything of what is another's.
    async fn look_at_anothers(&self, id: String) {
        let owner = Owner { subject: "somebody else".into(), ..self.owner.clone() };
        let cancels = self.hosts.executor.happens(50);
        let look = move |tasks: Arc<Tasks>| {
            async move { if cancels { tasks.cancel(&id, &owner).await } else { tasks.get(&id, &owner).await } }.boxed()
        };
        if let Some(Ok(task)) = self.at_some(look).await {
            self.hosts.executor.violation(format!("somebody else saw task {}", task.id));
        }
    }

    /// Some of the answers, and some that nobody asked for.
    fn answers(&self, task: &Task) -> Vec<(String, Box<RawValue>)> {
        let executor = &self.hosts.executor;
        let answer = |key: &str| (key.to_owned(), raw(&json!({ "said": true })));
        let mut answers: Vec<_> =
            task.outstanding().filter(|_| executor.happens(80)).map(|question| answer(&question.key)).collect();
        if executor.happens(30) {
            answers.push(answer("never asked"));
        }
        answers
    }

    /// What the client sees only ever goes on, and its end stays and is its own.
    fn compare(&self, before: &Task, now: &Task) {
        let violation = |what: &str| {
            self.hosts
                .executor
                .violation(format!("{what}: task {} was {:?}, is {:?}", now.id, before.state, now.state));
        };
        if now.id != before.id || now.owner != self.owner {
            violation("another's task");
        }
        if now.revision < before.revision {
            violation("what was seen went back");
        }
        if before.is_ended() && end(before) != end(now) {
            violation("the end changed");
        }
        if let State::Completed { result } = &now.state
            && number(result.get()) != Some(self.wanted.number)
        {
            violation("another's result");
        }
    }

    /// The task is not there any more, as it may be once its time is over.
    fn gone(&self, task: &Task) {
        let executor = &self.hosts.executor;
        let now_ms = BEGINNING_MS + u64::try_from(executor.now().as_millis()).unwrap_or_default();
        if now_ms < task.created_ms + task.ttl_ms {
            executor.violation(format!("task {} was gone before its time", task.id));
        }
    }
}
