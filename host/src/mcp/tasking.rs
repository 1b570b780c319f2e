//! Calls as tasks, without an era: a call written down so that any host can run it, the call that is written there, and what
//! came of it.

use std::{pin::pin, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use futures_util::{FutureExt, future::BoxFuture};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::{
    select,
    sync::{mpsc, oneshot},
    time,
};
use tokio_util::task::TaskTracker;

use super::{
    call::{self, Call, Reply, Span, Wanted},
    caller::{Caller, WrittenCaller},
    fault::Fault,
    interact::Round,
    raw, recorded,
    runner::Runner,
    to_tool_result,
    visitor::Visitor,
};
use crate::{
    audit::Audit,
    auth::{Pass, Principal},
    catalog::{Exceeded, Tenants, Tool},
    clock::{self, millis, now_ms},
    config::Config,
    policy::Policy,
    sandbox::{Longer, Said, Voice},
    signals::Signals,
    store::Store,
    tasks::{
        Ended, Failure, Held, New, Owner, Real, Rules, Run, Settings, State, Status, Task, TaskError, Tasks, Turn,
    },
};

/// Times that a guest is started for one round of a task. A third failure in a row is hardly bad luck.
const ATTEMPTS_MAX: u32 = 3;

/// Words of a guest that may wait to be passed on.
const WORDS_MAX: usize = 64;

/// Between these bounds is what a client waits before it asks again.
const POLL_MS_MIN: u64 = 500;
const POLL_MS_MAX: u64 = 5_000;

/// What makes tasks of calls.
pub(super) struct Tasking {
    audit: Audit,
    pub(super) tasks: Arc<Tasks>,
    background: TaskTracker,
}

/// What runs the calls that tasks are.
pub(super) struct Guests {
    tenants: Arc<Tenants>,
    policy: Policy,
    runner: Runner,
}

/// A call as it is written down. The client's answers are kept beside it, by whoever keeps tasks.
#[derive(Serialize, Deserialize)]
struct Work {
    /// Its public name: whatever is called so where it is run.
    tool: String,
    arguments: Box<RawValue>,
    /// As it was known when it called.
    principal: Principal,
    caller: WrittenCaller,
    /// [`Round::to_bytes`] in base64.
    round: String,
}

/// What became of a call that would have become a task if it were slow.
pub(super) enum Soon {
    Done(Arc<Call>, Result<Reply, Fault>),
    Task(Task),
}

impl Tasking {
    /// Those of the host of that name.
    pub(super) fn new(
        config: &Config,
        host: String,
        store: Arc<dyn Store>,
        signals: Signals,
        background: &TaskTracker,
        audit: Audit,
    ) -> Self {
        let limits = &config.host_limits;
        let places = |places: u32| usize::try_from(places).unwrap_or(usize::MAX);
        let ttl_ms = millis(limits.task_ttl);
        let settings = Settings {
            rules: Rules { attempts_max: ATTEMPTS_MAX, result_ttl_ms: millis(limits.task_result_ttl) },
            ttl_ms,
            ttl_ms_max: ttl_ms,
            open_max: limits.tasks_max,
            ended_max: limits.tasks_ended_max,
            running_max: places(limits.tasks_running_max),
            running_of_tenant_max: places(config.tasks_running_of_tenant_max()),
            drain_max: limits.drain_max,
        };
        let world = Arc::new(Real::new(background.clone()));
        let tasks = Tasks::new(store, signals, world, host, settings);
        Self { audit, tasks, background: background.clone() }
    }

    /// Makes a call a task, before it runs.
    pub(super) async fn begin(&self, call: &Call, ttl_ms: Option<u64>) -> Result<Task, Fault> {
        let new = New { ttl_ms, ..written(call, &call.round)? };
        let tasks = Arc::clone(&self.tasks);
        let begun = self.unless_left(async move { tasks.queue(new).await }, |task| task.clone());
        let task = begun.await?;
        recorded::begun_as_task(&self.audit, call).await?;
        Ok(task)
    }

    /// Does `work`, which makes a task, whether or not somebody still waits for it: half of it done is none of it done. A task
    /// of which nobody was told is cancelled.
    async fn unless_left<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, TaskError>> + Send + 'static,
        task: impl Fn(&T) -> Task + Send + 'static,
    ) -> Result<T, TaskError> {
        let (sender, made) = oneshot::channel();
        let tasks = Arc::clone(&self.tasks);
        self.background.spawn(async move {
            if let Err(Ok(made)) = sender.send(work.await) {
                let Task { id, owner, .. } = task(&made);
                if let Err(error) = tasks.cancel(id.as_str(), &owner).await {
                    tracing::warn!(task = %id, "a task of which no client knows could not be cancelled: {error}");
                }
            }
        });
        // Nothing but the end of the process ends it without an answer.
        made.await.unwrap_or(Err(TaskError::Busy))
    }

    /// Runs a call of `tool`, and makes it a task if it takes longer than it may to be none. If it cannot be made one, it goes
    /// on as any call.
    pub(super) async fn unless_slow(&self, runner: &Runner, tool: &Tool, mut call: Call) -> Soon {
        let (voice, longer) = (call.voice.take(), Longer::default());
        let (sender, mut said) = mpsc::channel(WORDS_MAX);
        call.voice = Some(Voice { sender, progress: true, log: voice.as_ref().and_then(|voice| voice.log) });
        call.span = Span::Becoming(longer.clone());
        let call = Arc::new(call);
        let mut guest = run(runner, Arc::clone(&call));
        let mut slow = pin!(time::sleep(Duration::from_millis(tool.limits().task_after_ms)));
        let mut held: Option<BoxFuture<'_, Result<Held, TaskError>>> = None;
        let mut asked = false;
        loop {
            select! {
                biased;
                Some(said) = said.recv() => pass_on(voice.as_ref(), said),
                done = &mut guest => {
                    while let Ok(said) = said.try_recv() {
                        pass_on(voice.as_ref(), said);
                    }
                    let Some(held) = held else { return Soon::Done(call, done) };
                    // It may be in the store by now, and so it must be what it says there.
                    return match held.await {
                        Ok(held) => self.hand_over(held, std::future::ready(ended(&call, done)).boxed()),
                        Err(_) => Soon::Done(call, done),
                    };
                }
                () = &mut slow, if !asked => {
                    asked = true;
                    if let Ok(new) = written(&call, &call.round) {
                        let tasks = Arc::clone(&self.tasks);
                        held = Some(self.unless_left(async move { tasks.hold(new).await }, |held| held.task().clone()).boxed());
                    }
                }
                Some(made) = async { Some(held.as_mut()?.await) }, if held.is_some() => {
                    held = None;
                    match made {
                        Ok(made) => {
                            longer.grant();
                            let status = made.status();
                            let guest = async move {
                                let done = heard(said, &status, guest).await;
                                ended(&call, done)
                            };
                            return self.hand_over(made, guest.boxed());
                        }
                        Err(error) => tracing::debug!("a slow call does not become a task: {error}"),
                    }
                }
            }
        }
    }

    fn hand_over(&self, held: Held, guest: BoxFuture<'static, Ended>) -> Soon {
        let task = held.task().clone();
        self.tasks.carry(held, guest);
        Soon::Task(task)
    }
}

impl Guests {
    pub(super) fn new(tenants: Arc<Tenants>, policy: Policy, runner: Runner) -> Self {
        Self { tenants, policy, runner }
    }

    /// The call that a task is, as this host would run it: the tool that is now called so, with the leave that its owner has now.
    fn call(&self, turn: &Turn, voice: Voice) -> Result<Call, Fault> {
        let unread =
            || Fault::Internal("the task was begun by another version of this host, and cannot be run here".into());
        let work: Work = serde_json::from_str(turn.work.get()).map_err(|_| unread())?;
        let round = BASE64.decode(&work.round).ok().and_then(|bytes| Round::from_bytes(&bytes)).ok_or_else(unread)?;
        let name = &work.tool;
        let gone = || Fault::InvalidParams(format!("the tool `{name}`, which this task is of, is not there any more"));
        let tenant = self.tenants.get(work.principal.tenant.as_str()).ok_or_else(gone)?;
        let visitor = Visitor {
            principal: Arc::new(work.principal),
            tenant,
            policy: self.policy.clone(),
            audit: self.runner.audit.clone(),
            pass: Pass::default(),
            address: None,
        };
        let catalog = visitor.catalog();
        let tool = catalog.tool(name).ok_or_else(gone)?;
        let wanted = Wanted::of_tool(tool, &visitor, work.arguments.get())?;
        let caller = Caller::from(work.caller);
        let trace = self.runner.tracer.as_ref().map(|tracer| tracer.open("task", caller.context()));
        let call = Call::new(wanted, Arc::new(caller), Some(voice));
        let mut call = call.traced(trace.and_then(|trace| trace.sampled().cloned()));
        call.round = round;
        call.attempt = turn.attempt;
        call.span = Span::Task;
        call.answered(turn.answers.iter().map(|(key, json)| (key.clone(), json.get().to_owned())).collect());
        Ok(call)
    }
}

impl Run for Guests {
    fn run(&self, turn: Turn, status: Status) -> BoxFuture<'static, Ended> {
        let guests = Self::new(Arc::clone(&self.tenants), self.policy.clone(), self.runner.clone());
        async move {
            let (sender, said) = mpsc::channel(WORDS_MAX);
            let call = match guests.call(&turn, Voice { sender, progress: true, log: None }) {
                Ok(call) => Arc::new(call),
                // It is looked at where policies are: another host has the same ones.
                Err(fault @ Fault::Denied { .. }) => return Ended::Failed((&fault).into()),
                // A host that is replaced may be one version behind or ahead of the others: another may have the tool.
                Err(fault) if turn.attempt < ATTEMPTS_MAX => {
                    let otherwise = json_of(&Reply::Tool(call::Completed::failure(fault.message())));
                    return Ended::Retryable { after_ms: None, otherwise };
                }
                Err(fault) => return Ended::Failed((&fault).into()),
            };
            let guest = run(&guests.runner, Arc::clone(&call));
            let done = heard(said, &status, guest).await;
            ended(&call, done)
        }
        .boxed()
    }

    fn name(&self, work: &RawValue) -> Option<String> {
        #[derive(Deserialize)]
        struct Named {
            tool: String,
        }
        serde_json::from_str(work.get()).ok().map(|named: Named| named.tool)
    }
}

/// A call as a task that is to be, whose next round is `round`.
fn written(call: &Call, round: &Round) -> Result<New, Fault> {
    let principal = call.wanted.principal();
    let Wanted::Tool { permit, .. } = &call.wanted else {
        return Err(Fault::Internal("only calls of tools become tasks".into()));
    };
    let answers = round.responses.iter().map(|(key, json)| Ok((key.clone(), RawValue::from_string(json.clone())?)));
    let answers: Result<_, serde_json::Error> = answers.collect();
    Ok(New {
        owner: owner(principal),
        work: work(call, round)?,
        answers: answers.map_err(|error| Fault::Internal(error.to_string()))?,
        idempotent: permit.what().is_idempotent(),
        ttl_ms: None,
        message: None,
    })
}

fn work(call: &Call, round: &Round) -> Result<Box<RawValue>, Fault> {
    let Wanted::Tool { permit, arguments, .. } = &call.wanted else {
        return Err(Fault::Internal("only calls of tools become tasks".into()));
    };
    Ok(raw(&Work {
        tool: permit.what().name().to_string(),
        arguments: RawValue::from_string(arguments.clone()).map_err(|error| Fault::Internal(error.to_string()))?,
        principal: Principal::clone(call.wanted.principal()),
        caller: WrittenCaller::from(&*call.caller),
        round: BASE64.encode(round.to_bytes()),
    }))
}

/// Whose tasks these are. Sessions are no part of it: who comes back with another one finds their tasks again.
pub(super) fn owner(principal: &Principal) -> Owner {
    Owner { tenant: principal.tenant.clone(), subject: principal.subject.clone() }
}

/// A run of the guest, in its lane.
fn run(runner: &Runner, call: Arc<Call>) -> BoxFuture<'static, Result<Reply, Fault>> {
    let score = Arc::clone(call.wanted.score());
    let own = runner.clone();
    runner.in_lane(score, async move { call::run(&own, &call).await }.boxed()).boxed()
}

/// What came of a run, as it is kept.
fn ended(call: &Call, done: Result<Reply, Fault>) -> Ended {
    let asked = match done {
        Ok(Reply::NeedInput(need)) => call.asked(need),
        Ok(reply) => {
            let otherwise = json_of(&reply);
            return match reply {
                Reply::Tool(call::Completed { again: Some(again), .. }) => {
                    Ended::Retryable { after_ms: again.after_ms, otherwise }
                }
                _ => Ended::Result(otherwise),
            };
        }
        Err(Fault::Busy | Fault::PluginBusy | Fault::Exceeded(Exceeded::CallsMax | Exceeded::CallsPerSecondMax)) => {
            return Ended::NotRun;
        }
        Err(fault) => Err(fault),
    };
    let asks = asked.and_then(|(questions, next)| {
        let questions = questions.into_iter().map(|question| (question.key, raw(&question.kind.asked_with_mode())));
        Ok(Ended::Asks { work: work(call, &next)?, questions: questions.collect() })
    });
    asks.unwrap_or_else(|fault| Ended::Failed((&fault).into()))
}

/// A result in the newest words. Tasks are of tools, so it is a `CallToolResult`.
fn json_of(reply: &Reply) -> Box<RawValue> {
    match reply {
        Reply::Tool(completed) => {
            let json = String::from_utf8(to_tool_result(completed)).expect("our own messages are UTF-8");
            RawValue::from_string(json).expect("our own messages are JSON")
        }
        Reply::Prompt(_) | Reply::Resource(_) | Reply::NeedInput(_) => raw(&()),
    }
}

impl From<&Fault> for Failure {
    fn from(fault: &Fault) -> Self {
        Self { code: fault.code(None), message: fault.message(), data: fault.data().map(|data| raw(&data)) }
    }
}

impl From<TaskError> for Fault {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::Unknown => Self::InvalidParams(error.to_string()),
            TaskError::Full { .. } | TaskError::Busy => Self::TooManyTasks(error.to_string()),
            TaskError::Store(error) => error.into(),
        }
    }
}

/// Waits for `guest`, and says how far it is where its task is kept.
async fn heard<T>(mut said: mpsc::Receiver<Said>, status: &Status, guest: impl Future<Output = T>) -> T {
    let mut guest = pin!(guest);
    loop {
        select! {
            biased;
            Some(said) = said.recv() => {
                if let Said::Progress { progress, total, message } = said {
                    status.say(&message.unwrap_or_else(|| in_numbers(progress, total)));
                }
            }
            done = &mut guest => return done,
        }
    }
}

fn in_numbers(progress: f64, total: Option<f64>) -> String {
    total.map_or_else(|| progress.to_string(), |total| format!("{progress} of {total}"))
}

/// Gives a guest's word to the caller, who may have asked for less than the guest says.
fn pass_on(voice: Option<&Voice>, said: Said) {
    let Some(voice) = voice else { return };
    if voice.progress || !matches!(said, Said::Progress { .. }) {
        // A caller that reads too slowly misses some: the words are only ever about now.
        let _ = voice.sender.try_send(said);
    }
}

/// What both eras tell of a task in the same words.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told<'a> {
    task_id: &'a str,
    pub(super) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_message: Option<&'a str>,
    created_at: String,
    last_updated_at: String,
}

impl<'a> Told<'a> {
    pub(super) fn of(task: &'a Task) -> Self {
        Self {
            task_id: task.id.as_str(),
            status: task.state.name(),
            status_message: status_message(task),
            created_at: clock::timestamp(task.created_ms),
            last_updated_at: clock::timestamp(task.updated_ms),
        }
    }
}

/// How it is, for people.
fn status_message(task: &Task) -> Option<&str> {
    match &task.state {
        State::Failed(failure) => Some(&failure.message),
        _ => task.message.as_deref(),
    }
}

/// How long a client waits before it asks again, in milliseconds: a tenth of what it has waited already.
pub(super) fn poll_interval_ms(task: &Task) -> u64 {
    (now_ms().saturating_sub(task.created_ms) / 10).clamp(POLL_MS_MIN, POLL_MS_MAX)
}

#[cfg(test)]
mod tests;
