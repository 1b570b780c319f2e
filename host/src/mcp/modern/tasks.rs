//! The extension `io.modelcontextprotocol/tasks`: calls that are answered with a task, and what can be done with one
//! (ext-tasks 2026-07-28).

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;
use serde_json::{json, value::RawValue};

use super::Method;
use crate::{
    auth::Principal,
    catalog::Tool,
    config::TaskMode,
    mcp::{
        Server,
        call::Wanted,
        fault::Fault,
        interact,
        message::Params,
        tasking::{self, Told, owner},
    },
    tasks::{State, Task},
};

/// The extension's name, under which both sides declare it.
pub(super) const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// Answers in one update.
const ANSWERS_MAX: usize = 100;

/// A task as its owner sees it: `Task`, and in detail `DetailedTask`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskJson<'a> {
    #[serde(flatten)]
    told: Told<'a>,
    ttl_ms: u64,
    poll_interval_ms: u64,
    #[serde(flatten)]
    detail: Option<Detail<'a>>,
}

/// What there is to say of a task beside how it is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Detail<'a> {
    InputRequests(BTreeMap<&'a str, &'a RawValue>),
    Result(&'a RawValue),
    Error(ErrorJson<'a>),
}

#[derive(Serialize)]
struct ErrorJson<'a> {
    code: i32,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
}

impl<'a> TaskJson<'a> {
    /// As `CreateTaskResult` has it.
    pub(super) fn new(task: &'a Task) -> Self {
        Self {
            told: Told::of(task),
            ttl_ms: task.ttl_ms,
            poll_interval_ms: tasking::poll_interval_ms(task),
            detail: None,
        }
    }

    /// With all there is to know.
    pub(super) fn detailed(task: &'a Task) -> Self {
        let detail = match &task.state {
            State::Working { .. } | State::Cancelled => None,
            State::InputRequired { .. } => {
                let outstanding = task.outstanding().map(|question| (question.key.as_str(), &*question.asked));
                Some(Detail::InputRequests(outstanding.collect()))
            }
            State::Completed { result } => Some(Detail::Result(result)),
            State::Failed(failure) => {
                let (message, data) = (failure.message.as_str(), failure.data.as_deref());
                Some(Detail::Error(ErrorJson { code: failure.code, message, data }))
            }
        };
        Self { detail, ..Self::new(task) }
    }
}

/// The fault of a client that did not say, in this very request, that it knows tasks.
pub(super) fn unknown_to_client() -> Fault {
    Fault::MissingCapability { required: json!({ "extensions": { EXTENSION: {} } }) }
}

/// Which way a call of this tool goes.
pub(super) enum Way {
    /// It is answered when it has ended.
    Call,
    /// The same, unless it takes long.
    UnlessSlow(Arc<Tool>),
    /// It is answered with a task.
    Task,
}

impl Way {
    /// Decides. Only the host does: what the client may have put into `task`, as an earlier revision had it, is ignored.
    pub(super) fn of(wanted: &Wanted, params: &Params<'_>) -> Result<Self, Fault> {
        let Wanted::Tool { permit, value, .. } = wanted else { return Ok(Self::Call) };
        let tool = permit.what();
        Ok(match (tool.task(), params.meta.knows_tasks()) {
            (TaskMode::Required, false) => return Err(unknown_to_client()),
            (TaskMode::Never, _) | (_, false) => Self::Call,
            (TaskMode::WhenSlow, true) => Self::UnlessSlow(Arc::clone(tool)),
            // Nothing will run if the arguments are wrong, and what is wrong is said at once.
            (TaskMode::AtOnce | TaskMode::Required, true) if tool.input().check(value).is_err() => Self::Call,
            (TaskMode::AtOnce | TaskMode::Required, true) => Self::Task,
        })
    }
}

/// `tasks/get`, `tasks/update` and `tasks/cancel`: the task, as far as the answer shows it.
pub(super) async fn answer(
    server: &Server,
    principal: &Principal,
    method: Method,
    params: &Params<'_>,
) -> Result<Option<Task>, Fault> {
    let (tasks, owner) = (&server.core.tasking.tasks, owner(principal));
    let id = params.task_id.as_deref().unwrap_or_default();
    match method {
        Method::GetTask => return Ok(Some(tasks.get(id, &owner).await?)),
        Method::UpdateTask => {
            let missing = || Fault::InvalidParams("`inputResponses` is missing".into());
            let answers = interact::responses(params.input_responses.ok_or_else(missing)?)?;
            if answers.len() > ANSWERS_MAX {
                return Err(Fault::InvalidParams(format!("`inputResponses` holds more than {ANSWERS_MAX} answers")));
            }
            let answers = answers.into_iter().map(|(key, json)| Ok((key, RawValue::from_string(json)?)));
            let answers: Result<_, serde_json::Error> = answers.collect();
            let answers = answers.map_err(|error| Fault::Internal(error.to_string()))?;
            tasks.update(id, &owner, answers).await?;
        }
        _ => {
            tasks.cancel(id, &owner).await?;
        }
    }
    Ok(None)
}
