//! MCP 2025-11-25, 2025-06-18 and 2025-03-26: everything begins with `initialize`.

mod batch;
mod detach;
mod elsewhere;
mod exchange;
mod notes;
mod recorded;
mod result;
mod session;
mod standing;
mod tasks;

use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::json;

pub(crate) use session::{SESSION_HEADER, Session, Sessions};

use super::{
    Answer, Rejection, Request, Server, Via,
    call::{self, Call, Wanted},
    caller::Caller,
    completion,
    era::{Era, LegacyVersion, VERSION_HEADER},
    fault::Fault,
    followed::Followed,
    listing,
    message::{Id, Kind, Message, Params},
    response,
    stream::{Listener, first_word},
    visitor::Visitor,
};
use crate::telemetry;
pub(super) use batch::answer as answer_batch;

/// Answers a request of the legacy era. `version` is what its header says; a session knows better.
///
/// What is not a plain call is boxed here and in [`run`], so that the future of a plain one is small.
pub(super) async fn answer(
    server: &Server,
    version: LegacyVersion,
    request: Request<'_>,
    message: Message<'_>,
) -> Result<Answer, Rejection> {
    let Message { kind, params } = message;
    let session = match session_of(server, &request) {
        Ok(session) => session,
        Err(fault) => {
            let id = match kind {
                Kind::Request { id, .. } => Some(id),
                _ => None,
            };
            return Err(Rejection { id, fault });
        }
    };
    let (id, method) = match kind {
        Kind::Request { id, method } => (id, method),
        told => {
            if let Some(session) = &session {
                Box::pin(tell(server, session, &told, &params)).await.map_err(Rejection::from)?;
            }
            if let Via::Stdio(connection) = &request.via {
                connection.cancelled(&told, &params);
            }
            return Ok(Answer::Accepted);
        }
    };
    let client = Client { version: session.as_ref().map_or(version, |session| session.version), session };
    match &*method {
        "initialize" => initialize(server, &request, &params, &id).map_err(|fault| Rejection { id: Some(id), fault }),
        "tools/call" | "prompts/get" | "resources/read" => run(server, client, request, &method, &params, id).await,
        "tasks/get" | "tasks/cancel" | "tasks/result" if tasks::known(client.version) => {
            Box::pin(tasks::answer(server, client, &request, &method, &params, id)).await
        }
        _ => {
            let message = Box::pin(look_up(server, &client, &request, &method, &params, &id)).await;
            message.map(Answer::Message).map_err(|fault| Rejection { id: Some(id), fault })
        }
    }
}

/// Who is spoken to.
struct Client {
    version: LegacyVersion,
    session: Option<Session>,
}

impl Client {
    fn caller(&self, params: &Params<'_>) -> Result<Arc<Caller>, Fault> {
        let settled = self.session.as_ref().map(|session| Arc::clone(&session.caller));
        let settled = settled.unwrap_or_else(|| Arc::new(Caller::default().legacy()));
        let says_more = params.meta.traceparent.is_some() || !params.meta.others.is_empty();
        if says_more { Caller::clone(&settled).with_meta(&params.meta).map(Arc::new) } else { Ok(settled) }
    }
}

fn session_of(server: &Server, request: &Request<'_>) -> Result<Option<Session>, Fault> {
    match &request.via {
        Via::Http { headers, .. } => {
            let Some(id) = headers.get(SESSION_HEADER) else { return Ok(None) };
            let id = id.to_str().map_err(|_| Fault::NoSession)?;
            server.core.sessions.open(id, request.principal()).map(Some)
        }
        Via::Stdio(connection) => Ok(connection.session()),
    }
}

/// Takes what needs no answer: an answer to a question of ours, or that a request is cancelled.
async fn tell(server: &Server, session: &Session, told: &Kind<'_>, params: &Params<'_>) -> Result<(), Fault> {
    let sessions = &server.core.sessions;
    match told {
        Kind::Response { id, result, error } => {
            let Ok(question) = serde_json::from_str::<String>(id.get()) else { return Ok(()) };
            let answer = match (result, error) {
                (Some(result), _) if result.get().starts_with('{') => Ok(result.get().to_owned()),
                (_, error) => Err(error.map_or("it sent no result", |error| error.get()).chars().take(300).collect()),
            };
            sessions.take_answer(session, &question, answer).await
        }
        Kind::Notification { method } if method == "notifications/cancelled" => match params.request_id {
            Some(request) => sessions.cancel(session, request.get()).await,
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// A version that is not known, or not of this era, is answered with the latest one, never echoed.
fn initialize(server: &Server, request: &Request<'_>, params: &Params<'_>, id: &Id) -> Result<Answer, Fault> {
    let asked = params.protocol_version.as_deref().and_then(LegacyVersion::parse);
    let version = asked.unwrap_or(LegacyVersion::LATEST);
    let session = Session::begin(version, params)?;
    let message = response(id, &result::initialize(&server.core.face.load(), version));
    match &request.via {
        Via::Http { .. } => {
            let session = server.core.sessions.id(&session, request.principal())?;
            Ok(Answer::Initialized { message, session })
        }
        Via::Stdio(connection) => {
            connection.begin(session);
            Ok(Answer::Message(message))
        }
    }
}

/// The methods that run no tool, prompt or resource.
async fn look_up(
    server: &Server,
    client: &Client,
    request: &Request<'_>,
    method: &str,
    params: &Params<'_>,
    id: &Id,
) -> Result<Vec<u8>, Fault> {
    let (version, cursor) = (client.version, params.cursor.as_deref());
    let missing = |name: &str| Fault::InvalidParams(format!("`{name}` is missing"));
    let no_session = || Fault::InvalidRequest("this needs a session: begin with `initialize`".into());
    Ok(match method {
        "ping" => response(id, &json!({})),
        "tools/list" => {
            let page = listing::tools(&request.visitor, cursor)?;
            response(id, &result::tools(version, &page))
        }
        "prompts/list" => {
            let page = listing::prompts(&request.visitor, cursor)?;
            response(id, &result::prompts(version, &page))
        }
        "resources/templates/list" => {
            let page = listing::templates(&request.visitor, cursor)?;
            response(id, &result::templates(version, &page))
        }
        "resources/list" => {
            let page = listing::resources(server, &request.visitor, &client.caller(params)?, cursor).await?;
            response(id, &result::resources(version, &page))
        }
        "completion/complete" => {
            let caller = client.caller(params)?;
            let completion = completion::complete(server, &request.visitor, &caller, params).await?;
            response(id, &super::body::completion(&completion))
        }
        "logging/setLevel" => {
            let level = params.level.as_deref().ok_or_else(|| missing("level"))?;
            let session = client.session.as_ref().ok_or_else(no_session)?;
            server.core.sessions.set_level(session, request.principal(), level).await?;
            response(id, &json!({}))
        }
        "resources/subscribe" | "resources/unsubscribe" => {
            let uri = params.uri.as_deref().ok_or_else(|| missing("uri"))?;
            let session = client.session.as_ref().ok_or_else(no_session)?;
            let on = method == "resources/subscribe";
            server.core.sessions.subscribe(session, request.principal(), uri, on).await?;
            response(id, &json!({}))
        }
        other => return Err(Fault::MethodNotFound(other.to_owned())),
    })
}

/// `tools/call`, `prompts/get`, `resources/read`.
async fn run(
    server: &Server,
    client: Client,
    request: Request<'_>,
    method: &str,
    params: &Params<'_>,
    id: Id,
) -> Result<Answer, Rejection> {
    let takes_events = request.via.takes_events();
    let log = client.session.as_ref().and_then(|session| server.core.sessions.level(session));
    let (voice, listener) = Listener::new(params.meta.progress_token, log, takes_events);
    let wanted = telemetry::here(&request.trace, || {
        let (catalog, visitor) = (request.visitor.catalog(), &request.visitor);
        match method {
            "tools/call" => Wanted::tool(&catalog, visitor, params, |_, _| Ok(())),
            "prompts/get" => Wanted::prompt(&catalog, visitor, params),
            _ => Wanted::resource(&catalog, visitor, params),
        }
    });
    let wanted = wanted.map_err(|fault| Rejection { id: Some(id.clone()), fault })?;
    let mut caller = client.caller(params).map_err(|fault| Rejection { id: Some(id.clone()), fault })?;
    let trace = request.trace.sampled().cloned();
    if trace.is_some() {
        caller = Arc::new(Caller::clone(&caller).within(trace.as_ref()));
    }
    let wish =
        tasks::wish(client.version, &wanted, params).map_err(|fault| Rejection { id: Some(id.clone()), fault })?;
    if let Some(wish) = wish {
        let call = Call::new(wanted, caller, None).traced(trace);
        let begun = Box::pin(tasks::begin(server, &client, &call, &wish, &id)).await;
        return begun.map_err(|fault| Rejection { id: Some(id), fault });
    }
    let call = Call::new(wanted, caller, voice).traced(trace);
    let version = client.version;
    match client.session {
        Some(session) => exchange::run(server, session, call, listener, id, takes_events).await,
        None => {
            let (core, own_id) = (server.core(), id.clone());
            let score = Arc::clone(call.wanted.score());
            let work = async move {
                match call::run(&core.runner, &call).await? {
                    call::Reply::NeedInput(_) => {
                        let reason = "the tool asks for input, which takes a session: begin with `initialize`";
                        Err(Fault::InvalidRequest(reason.into()))
                    }
                    reply => Ok(response(&own_id, &result::of(version, &reply))),
                }
            };
            // A client of this era that is gone has not thereby cancelled (MCP 2025-11-25, transports, "Sending Messages").
            let work = server.core.runner.in_lane(score, Box::pin(work));
            let work = detach::Detach::new(work, server.background.clone());
            first_word(Era::Legacy(version), id, listener, work).await
        }
    }
}

/// The session of a request that is no message: its headers are all there is to go by.
fn session_by_header(server: &Server, request: &Request<'_>) -> Result<Session, Fault> {
    let version = request.via.headers().and_then(|headers| headers.get(VERSION_HEADER));
    let version = version.map(|version| String::from_utf8_lossy(version.as_bytes()));
    if let Some(requested) = version.filter(|version| LegacyVersion::parse(version.trim()).is_none()) {
        return Err(Fault::UnsupportedVersion { requested: requested.into_owned() });
    }
    session_of(server, request)?.ok_or(Fault::NoSession)
}

/// What a GET opens: the session's own stream, or one that was lost, from `last_event_id` on.
pub(super) async fn open_stream(
    server: &Server,
    request: &Request<'_>,
    last_event_id: Option<&str>,
) -> Result<super::Events, Fault> {
    let session = session_by_header(server, request)?;
    if let Some(last) = last_event_id
        && let Some(events) = recorded::resume(server.core(), &session, last, server.stopping.clone()).await?
    {
        return Ok(events.take_until(server.leave_of(&request.visitor)).boxed());
    }
    let events = standing_stream(server, request.visitor.clone(), session.clone())?;
    server.core.sessions.take_standing(session.uid).await;
    Ok(events)
}

/// The news of a session.
pub(super) fn standing_stream(server: &Server, visitor: Visitor, session: Session) -> Result<super::Events, Fault> {
    let place = visitor.tenant.share.open_stream().map_err(Fault::Exceeded)?;
    let followed = Followed::none(&server.core, &visitor.principal);
    let ends = (server.stopping.clone(), server.leave_of(&visitor));
    Ok(standing::open(server.core(), visitor, session, server.signals.listener(), ends, (followed, place)))
}

/// What a DELETE ends.
pub(super) async fn end(server: &Server, request: &Request<'_>) -> Result<(), Fault> {
    let session = session_by_header(server, request)?;
    server.core.sessions.end(&session, request.principal()).await
}
