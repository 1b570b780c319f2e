//! The experimental tasks of 2025-11-25: the client asks for a task, and fetches its result by a request that waits for it
//! (MCP 2025-11-25, "Tasks"). The tasks are the same as those of the modern era.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json, value::RawValue};
use tokio::{select, sync::mpsc};
use tokio_util::sync::CancellationToken;

use super::{Client, exchange, session::Session};
use crate::{
    catalog::Tool,
    config::TaskMode,
    mcp::{
        Answer, Core, Rejection, Request, Server,
        call::{Call, Wanted},
        era::LegacyVersion,
        fault::{self, Fault},
        interact::Question,
        message::{Id, Object, Params},
        response,
        tasking::{self, Told, owner},
    },
    signals::Signal,
    tasks::{INTERNAL_ERROR, Owner, State, Task},
};

/// What ties a message to a task.
const RELATED: &str = "io.modelcontextprotocol/related-task";

/// Whether the revision has tasks.
pub(super) fn known(version: LegacyVersion) -> bool {
    version == LegacyVersion::V2025_11_25
}

/// `execution.taskSupport` of a tool, absent meaning that it is never a task.
pub(super) fn support(tool: &Tool) -> Option<&'static str> {
    match tool.task() {
        TaskMode::Never => None,
        TaskMode::WhenSlow | TaskMode::AtOnce => Some("optional"),
        TaskMode::Required => Some("required"),
    }
}

/// `_meta` of what belongs to a task.
pub(super) fn related(id: &str) -> Value {
    json!({ RELATED: { "taskId": id } })
}

/// A client's wish that a call be a task.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Wish {
    /// How long it is to be kept from its creation on, in milliseconds.
    ttl: Option<u64>,
}

/// Whether a call is to be a task: the client decides, within what the tool allows.
pub(super) fn wish(version: LegacyVersion, wanted: &Wanted, params: &Params<'_>) -> Result<Option<Wish>, Fault> {
    let Wanted::Tool { permit, .. } = wanted else { return Ok(None) };
    let tool = permit.what();
    let wished = params.task.filter(|_| known(version)).map(|wish| {
        let read = serde_json::from_str::<Object<Wish>>(wish.get()).map(|wish| wish.0);
        read.map_err(|_| {
            Fault::InvalidParams("`task` must be an object, and its `ttl` a number of milliseconds".into())
        })
    });
    match (tool.task(), &wished) {
        (TaskMode::Required, None) => Err(Fault::WrongWay(format!("`{}` runs only as a task", tool.name()))),
        (TaskMode::Never, Some(_)) => Err(Fault::WrongWay(format!("`{}` never runs as a task", tool.name()))),
        _ => wished.transpose(),
    }
}

/// Answers a call with a task.
pub(super) async fn begin(
    server: &Server,
    client: &Client,
    call: &Call,
    wish: &Wish,
    id: &Id,
) -> Result<Answer, Fault> {
    #[derive(Serialize)]
    struct Created<'a> {
        task: TaskJson<'a>,
        #[serde(rename = "_meta")]
        meta: Value,
    }
    let task = server.core.tasking.begin(call, wish.ttl).await?;
    if let Some(session) = &client.session {
        // Wherever the session's stream is.
        server.signals.send(Signal::SessionTask { session: session.uid.to_string(), id: task.id.to_string() });
    }
    let created = Created { task: TaskJson::new(&task), meta: related(task.id.as_str()) };
    Ok(Answer::Message(response(id, &created)))
}

/// `Task`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskJson<'a> {
    #[serde(flatten)]
    told: Told<'a>,
    ttl: u64,
    poll_interval: u64,
}

impl<'a> TaskJson<'a> {
    pub(super) fn new(task: &'a Task) -> Self {
        // Here a result that tells of a failure is one (MCP 2025-11-25, tasks, "Task Status").
        let mut told = Told::of(task);
        if is_error(task) {
            told.status = "failed";
        }
        Self { told, ttl: task.ttl_ms, poll_interval: tasking::poll_interval_ms(task) }
    }
}

fn is_error(task: &Task) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Outcome {
        #[serde(default)]
        is_error: bool,
    }
    let State::Completed { result } = &task.state else { return false };
    serde_json::from_str(result.get()).is_ok_and(|outcome: Outcome| outcome.is_error)
}

/// `tasks/get`, `tasks/cancel` and `tasks/result`.
pub(super) async fn answer(
    server: &Server,
    client: Client,
    request: &Request<'_>,
    method: &str,
    params: &Params<'_>,
    id: Id,
) -> Result<Answer, Rejection> {
    let reject = |id: &Id, fault| Rejection { id: Some(id.clone()), fault };
    let missing = || Fault::InvalidParams("`taskId` is missing".into());
    let name = params.task_id.as_deref().ok_or_else(missing).map_err(|fault| reject(&id, fault))?;
    let owner = owner(request.principal());
    if method != "tasks/result" {
        let task = look_up(&server.core, method, name, &owner).await.map_err(|fault| reject(&id, fault))?;
        return Ok(Answer::Message(response(&id, &TaskJson::new(&task))));
    }
    let (ask, asked) = mpsc::channel(1);
    let takes_events = request.via.takes_events();
    let waiting = Waiting {
        core: server.core(),
        stopping: server.stopping.clone(),
        name: name.to_owned(),
        owner,
        ask: client.session.clone().filter(|_| takes_events).map(|session| (session, ask)),
    };
    let own_id = id.clone();
    let work = async move { waiting.result(&own_id).await };
    match client.session {
        Some(session) => {
            let words = exchange::Words::of_questions(asked);
            exchange::answer(server, session, words, id, takes_events, work).await
        }
        None => work.await.map(Answer::Message).map_err(|fault| reject(&id, fault)),
    }
}

async fn look_up(core: &Core, method: &str, name: &str, owner: &Owner) -> Result<Task, Fault> {
    let tasks = &core.tasking.tasks;
    let task = tasks.get(name, owner).await?;
    if method == "tasks/get" {
        return Ok(task);
    }
    if task.is_ended() {
        let reason = format!("the task has ended already: it is {}", TaskJson::new(&task).told.status);
        return Err(Fault::InvalidParams(reason));
    }
    Ok(tasks.cancel(name, owner).await?)
}

/// A request for a result that may not be there yet.
struct Waiting {
    core: Arc<Core>,
    /// Cancelled when the host ends.
    stopping: CancellationToken,
    name: String,
    owner: Owner,
    /// How the client can be asked what the task wants to know, if it can.
    ask: Option<(Session, mpsc::Sender<Vec<u8>>)>,
}

impl Waiting {
    /// The response, once the task has ended. What the task asks meanwhile is asked on the stream of this request.
    async fn result(self, id: &Id) -> Result<Vec<u8>, Fault> {
        let mut task = self.core.tasking.tasks.get(&self.name, &self.owner).await?;
        while !task.is_ended() {
            task = select! {
                biased;
                () = self.stopping.cancelled() => {
                    return Err(Fault::Internal("this host stops; ask again for the result of the task".into()));
                }
                task = self.further(&task) => task?,
            };
        }
        Ok(match &task.state {
            State::Completed { result } => response(id, &as_called(result, &self.name)),
            State::Failed(failure) => fault::error(Some(id), failure.code, &failure.message, failure.data.as_deref()),
            _ => fault::error(Some(id), INTERNAL_ERROR, "the task was cancelled", None::<()>),
        })
    }

    /// The task when it is not what it was, which may be by the client's answers.
    async fn further(&self, task: &Task) -> Result<Task, Fault> {
        let tasks = &self.core.tasking.tasks;
        let changed = tasks.follow(&self.name, &self.owner, task.revision);
        let questions: Vec<_> =
            task.outstanding().filter_map(|question| Question::read(&question.key, &question.asked)).collect();
        let Some((session, ask)) = self.ask.as_ref().filter(|_| !questions.is_empty()) else {
            return Ok(changed.await?);
        };
        let answers = select! {
            biased;
            answers = exchange::answers(&self.core, session, questions, ask, Some(&self.name)) => answers?,
            // Somebody else has answered.
            task = changed => return Ok(task?),
        };
        let answers = answers.into_iter().map(|(key, json)| Ok((key, RawValue::from_string(json)?)));
        let answers: Result<_, serde_json::Error> = answers.collect();
        let answers = answers.map_err(|error| Fault::InvalidRequest(error.to_string()))?;
        Ok(tasks.update(&self.name, &self.owner, answers).await?)
    }
}

/// A result as this revision has it, tied to its task. It is kept in the words of the newest.
fn as_called(result: &RawValue, task: &str) -> Map<String, Value> {
    let mut result: Map<String, Value> = serde_json::from_str(result.get()).unwrap_or_default();
    result.remove("resultType");
    if !result.get("structuredContent").is_none_or(Value::is_object) {
        result.remove("structuredContent");
    }
    let meta = result.entry("_meta").or_insert_with(|| json!({}));
    if let (Value::Object(meta), Value::Object(related)) = (meta, related(task)) {
        meta.extend(related);
    }
    result
}
