//! MCP 2026-07-28: every request stands alone.

mod check;
mod input;
mod listen;
mod result;
mod tasks;

use std::sync::Arc;

use futures_util::FutureExt;

use self::tasks::{TaskJson, Way};
use super::{
    Answer, Core, Rejection, Request, Server, Via,
    call::{self, Call, Completed, Reply, Wanted},
    caller::Caller,
    completion,
    era::Era,
    fault::Fault,
    level, listing,
    message::{Id, Kind, Message, Params},
    response,
    stream::{Listener, first_word},
    tasking::Soon,
    to_json,
};
use crate::telemetry;

/// The methods served here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Discover,
    ListTools,
    CallTool,
    ListPrompts,
    GetPrompt,
    ListResources,
    ListResourceTemplates,
    ReadResource,
    Complete,
    Listen,
    GetTask,
    UpdateTask,
    CancelTask,
}

impl Method {
    fn parse(method: &str) -> Option<Self> {
        Some(match method {
            "server/discover" => Self::Discover,
            "tools/list" => Self::ListTools,
            "tools/call" => Self::CallTool,
            "prompts/list" => Self::ListPrompts,
            "prompts/get" => Self::GetPrompt,
            "resources/list" => Self::ListResources,
            "resources/templates/list" => Self::ListResourceTemplates,
            "resources/read" => Self::ReadResource,
            "completion/complete" => Self::Complete,
            "subscriptions/listen" => Self::Listen,
            "tasks/get" => Self::GetTask,
            "tasks/update" => Self::UpdateTask,
            "tasks/cancel" => Self::CancelTask,
            _ => return None,
        })
    }
}

/// Answers a request of the modern era.
///
/// What is not a plain call is boxed here and in [`run`]: the future of each request has room for the largest of its ways, and
/// is copied with it.
pub(super) async fn answer(server: &Server, request: Request<'_>, message: Message<'_>) -> Result<Answer, Rejection> {
    let Message { kind, params } = message;
    let Kind::Request { id, method } = kind else {
        if let Via::Stdio(connection) = &request.via {
            connection.cancelled(&kind, &params);
        }
        // Over HTTP, notifications of this era change nothing: what ends a call is the end of its connection.
        return Ok(Answer::Accepted);
    };
    let known = check::envelope(request.via.headers(), &method, &params);
    let known = match known {
        Ok(method) => method,
        Err(fault) => return Err(Rejection { id: Some(id), fault }),
    };
    match known {
        Method::CallTool | Method::GetPrompt | Method::ReadResource => {
            run(server, request, known, &method, &params, id).await
        }
        Method::Listen if !request.via.takes_events() => {
            let fault = Fault::InvalidRequest("`Accept` must allow text/event-stream to listen".into());
            Err(Rejection { id: Some(id), fault })
        }
        Method::Listen => {
            let listening = Box::pin(listen::listen(server, &request.visitor, &params, &id)).await;
            listening.map_err(|fault| Rejection { id: Some(id), fault })
        }
        other => {
            let message = Box::pin(look_up(server, &request, other, &params, &id)).await;
            message.map(Answer::Message).map_err(|fault| Rejection { id: Some(id), fault })
        }
    }
}

/// A tool's result outside of any request.
pub(super) fn plain_tool_result(completed: &Completed) -> Vec<u8> {
    to_json(&result::call_tool(completed, None))
}

/// Any reply's result outside of any request. Questions are none.
pub(super) fn plain_result(reply: &Reply) -> Vec<u8> {
    match reply {
        Reply::Tool(completed) => plain_tool_result(completed),
        Reply::Prompt(prompt) => to_json(&result::get_prompt(prompt, None)),
        Reply::Resource(contents) => to_json(&result::read_resource(contents, result::For::Caller, None)),
        Reply::NeedInput(_) => Vec::new(),
    }
}

/// The methods that run no tool, prompt or resource, and so never ask for input.
async fn look_up(
    server: &Server,
    request: &Request<'_>,
    method: Method,
    params: &Params<'_>,
    id: &Id,
) -> Result<Vec<u8>, Fault> {
    let cursor = params.cursor.as_deref();
    let (whom, face) = (result::For::visitor(&request.visitor), server.core.face.load_full());
    Ok(match method {
        Method::ListTools => {
            let page = listing::tools(&request.visitor, cursor)?;
            response(id, &result::tools(&face, whom, &page))
        }
        Method::ListPrompts => {
            let page = listing::prompts(&request.visitor, cursor)?;
            response(id, &result::prompts(&face, whom, &page))
        }
        Method::ListResourceTemplates => {
            let page = listing::templates(&request.visitor, cursor)?;
            response(id, &result::templates(&face, whom, &page))
        }
        Method::ListResources => {
            let caller = Arc::new(Caller::of(&params.meta)?);
            let page = listing::resources(server, &request.visitor, &caller, cursor).await?;
            response(id, &result::resources(&face, whom, &page))
        }
        Method::Complete => {
            let caller = Arc::new(Caller::of(&params.meta)?);
            let completion = completion::complete(server, &request.visitor, &caller, params).await?;
            response(id, &result::completion(&face, &completion))
        }
        Method::GetTask | Method::UpdateTask | Method::CancelTask => {
            let task = tasks::answer(server, request.principal(), method, params).await?;
            response(id, &result::task(&face, task.as_ref().map(TaskJson::detailed)))
        }
        _ => response(id, &result::discover(&face, whom)),
    })
}

/// `tools/call`, `prompts/get`, `resources/read`.
async fn run(
    server: &Server,
    request: Request<'_>,
    known: Method,
    method: &str,
    params: &Params<'_>,
    id: Id,
) -> Result<Answer, Rejection> {
    let reject = |fault| Rejection { id: Some(id.clone()), fault };
    let log = params.meta.log_level.as_deref().map(level::parse).transpose().map_err(reject)?.flatten();
    let (voice, listener) = Listener::new(params.meta.progress_token, log, request.via.takes_events());
    let wanted = telemetry::here(&request.trace, || {
        let (catalog, visitor) = (request.visitor.catalog(), &request.visitor);
        match known {
            Method::CallTool => Wanted::tool(&catalog, visitor, params, |tool, value| {
                request.via.headers().map_or(Ok(()), |headers| check::parameters(headers, tool.headers(), value))
            }),
            Method::GetPrompt => Wanted::prompt(&catalog, visitor, params),
            _ => Wanted::resource(&catalog, visitor, params),
        }
    });
    let caller = Caller::of(&params.meta).map_err(reject)?.within(request.trace.sampled());
    let call = Call::new(wanted.map_err(reject)?, Arc::new(caller), voice);
    let mut call = call.traced(request.trace.sampled().cloned());
    if params.request_state.is_some() || params.input_responses.is_some() {
        input::resume(&server.core.ring, method, params, &mut call).map_err(reject)?;
    }
    let (core, own_id, method) = (server.core(), id.clone(), method.to_owned());
    match Way::of(&call.wanted, params).map_err(reject)? {
        Way::Call => {
            let score = Arc::clone(call.wanted.score());
            let work = async move {
                let reply = call::run(&core.runner, &call).await?;
                said(&core, &method, &own_id, &call, reply)
            };
            let work = server.core.runner.in_lane(score, Box::pin(work));
            first_word(Era::Modern, id, listener, work).await
        }
        Way::UnlessSlow(tool) => {
            let work = async move {
                match core.tasking.unless_slow(&core.runner, &tool, call).await {
                    Soon::Done(call, reply) => said(&core, &method, &own_id, &call, reply?),
                    Soon::Task(task) => Ok(response(&own_id, &result::created(&core.face.load(), &task))),
                }
            };
            first_word(Era::Modern, id, listener, work.boxed()).await
        }
        Way::Task => {
            // It says how far it is in the task, and to nobody else.
            call.voice = None;
            let task = Box::pin(core.tasking.begin(&call, None)).await.map_err(reject)?;
            Ok(Answer::Message(response(&own_id, &result::created(&core.face.load(), &task))))
        }
    }
}

/// What came of a call, in this era's words.
fn said(core: &Core, method: &str, id: &Id, call: &Call, reply: Reply) -> Result<Vec<u8>, Fault> {
    let face = core.face.load();
    let meta = Some(&*face.modern_meta);
    Ok(match reply {
        Reply::Tool(completed) => response(id, &result::call_tool(&completed, meta)),
        Reply::Prompt(prompt) => response(id, &result::get_prompt(&prompt, meta)),
        Reply::Resource(contents) => response(id, &result::read_resource(&contents, result::For::call(call), meta)),
        Reply::NeedInput(need) => response(id, &input::required(core, &face, method, call, need)?),
    })
}
