//! MCP 2025-11-25, 2025-06-18 and 2025-03-26: everything begins with `initialize`.

mod detach;
mod result;

use super::{
    Answer, Rejection, Request, Server,
    call::{self, Reply},
    era::LegacyVersion,
    fault::Fault,
    listing,
    message::{Id, Kind, Message, Params},
    response,
    stream::{Listener, first_word},
};
/// Answers a request of the legacy era.
pub(super) async fn answer(
    server: &Server,
    version: LegacyVersion,
    request: Request<'_>,
    message: Message<'_>,
) -> Result<Answer, Rejection> {
    let Message { kind, params } = message;
    let Kind::Request { id, method } = kind else { return Ok(Answer::Accepted) };
    match &*method {
        "initialize" => Ok(Answer::Message(response(&id, &result::initialize(server, &params)))),
        "ping" => Ok(Answer::Message(response(&id, &serde_json::json!({})))),
        "tools/list" => list_tools(server, version, &params, &id),
        "tools/call" => call_tool(server, version, request, &params, id).await,
        _ => Err(Rejection { id: Some(id), fault: Fault::MethodNotFound(method.into_owned()) }),
    }
}

fn list_tools(server: &Server, version: LegacyVersion, params: &Params<'_>, id: &Id) -> Result<Answer, Rejection> {
    let catalog = server.live.now();
    let page = listing::page(&catalog, params.cursor.as_deref())
        .map_err(|fault| Rejection { id: Some(id.clone()), fault })?;
    Ok(Answer::Message(response(id, &result::tools(version, page))))
}

async fn call_tool(
    server: &Server,
    version: LegacyVersion,
    request: Request<'_>,
    params: &Params<'_>,
    id: Id,
) -> Result<Answer, Rejection> {
    let (voice, listener) = Listener::new(params.meta.progress_token, request.takes_events);
    let call = call::prepare(server, &request.principal, params, voice, |_, _| Ok(()));
    let call = match call {
        Ok(call) => call,
        Err(fault) => return Err(Rejection { id: Some(id), fault }),
    };
    let (runner, own_id) = (server.runner(), id.clone());
    let run = async move {
        match call::run(&runner, call).await? {
            Reply::Complete(completed) => Ok(response(&own_id, &result::complete(version, &completed))),
            Reply::NeedInput(_) => Err(Fault::Internal("the tool asks for input, which this host does not pass on".into())),
        }
    };
    // A client of this era that is gone has not thereby cancelled (MCP 2025-11-25, transports, "Sending Messages").
    first_word(id, listener, detach::Detach::new(run, server.background.clone())).await
}
