//! MCP 2026-07-28: every request stands alone.

mod check;
mod result;

use super::{
    Answer, Completed, Rejection, Request, Server,
    call::{self, Reply},
    fault::Fault,
    listing,
    message::{Id, Kind, Message, Params},
    response, to_json,
    stream::{Listener, first_word},
};
/// The methods served here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Discover,
    ListTools,
    CallTool,
}

impl Method {
    fn parse(method: &str) -> Option<Self> {
        match method {
            "server/discover" => Some(Self::Discover),
            "tools/list" => Some(Self::ListTools),
            "tools/call" => Some(Self::CallTool),
            _ => None,
        }
    }
}

/// Answers a request of the modern era.
pub(super) async fn answer(server: &Server, request: Request<'_>, message: Message<'_>) -> Result<Answer, Rejection> {
    let Message { kind, params } = message;
    let Kind::Request { id, method } = kind else {
        // Notifications of this era need no answer and change nothing: what ends a call is the end of its connection.
        return Ok(Answer::Accepted);
    };
    let checked = check::envelope(request.headers, &method, &params);
    let method = match checked {
        Ok(method) => method,
        Err(fault) => return Err(Rejection { id: Some(id), fault }),
    };
    match method {
        Method::Discover => Ok(Answer::Message(response(&id, &result::discover(server)))),
        Method::ListTools => list_tools(server, &params, &id),
        Method::CallTool => call_tool(server, request, &params, id).await,
    }
}

/// A result outside of any request.
pub(super) fn plain_result(completed: &Completed) -> Vec<u8> {
    to_json(&result::complete(completed, None))
}

fn list_tools(server: &Server, params: &Params<'_>, id: &Id) -> Result<Answer, Rejection> {
    let catalog = server.live.now();
    let page = listing::page(&catalog, params.cursor.as_deref())
        .map_err(|fault| Rejection { id: Some(id.clone()), fault })?;
    Ok(Answer::Message(response(id, &result::tools(server, page))))
}

async fn call_tool(server: &Server, request: Request<'_>, params: &Params<'_>, id: Id) -> Result<Answer, Rejection> {
    let (voice, listener) = Listener::new(params.meta.progress_token, request.takes_events);
    let call = call::prepare(server, &request.principal, params, voice, |tool, value| {
        check::parameters(request.headers, tool.headers(), value)
    });
    let call = match call {
        Ok(call) => call,
        Err(fault) => return Err(Rejection { id: Some(id), fault }),
    };
    let (runner, meta, own_id) = (server.runner(), server.modern_meta.clone(), id.clone());
    let run = async move {
        match call::run(&runner, call).await? {
            Reply::Complete(completed) => Ok(response(&own_id, &result::complete(&completed, Some(&meta)))),
            Reply::NeedInput(_) => Err(Fault::Internal("the tool asks for input, which this host does not pass on".into())),
        }
    };
    first_word(id, listener, run).await
}
