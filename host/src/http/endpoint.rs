//! `POST /mcp`: what a request must be before anybody reads it.

use std::{net::IpAddr, sync::Arc};

use axum::{
    http::{HeaderMap, HeaderValue, Method, Request as HttpRequest, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::{ENDPOINT, Gate, origin::Verdict, respond};
use crate::{
    audit::record::{self, Refused},
    auth::{Challenge, Known},
    denials::{self, By, Denial},
    ids::{IllegalName, TenantId},
    mcp::{Answer, Fault, Refusal, Request, SESSION_HEADER, Via, Visitor},
    metrics,
    telemetry::Trace,
};

/// What the trail has of a tenant's name that a stranger chose; no tenant has a longer one.
const NAME_CHARS_MAX: usize = 64;

/// Somebody is not let in: what they are told, and what the trail is told.
struct Out {
    response: Response,
    /// In a word.
    code: &'static str,
    known: Option<Known>,
}

/// Answers a request of `peer`. There are two kinds of paths; a router would look them up in a table each time.
pub(super) async fn serve(gate: &Gate, peer: IpAddr, request: HttpRequest<Incoming>) -> Response {
    let (head, body) = request.into_parts();
    let Some(place) = Place::of(head.uri.path()) else {
        let found = gate.discovery.load().answer(gate.server.tenants(), &head.method, head.uri.path(), &head.headers);
        return found.unwrap_or_else(|| document(gate, &head.method, head.uri.path()));
    };
    let origin = match gate.origins.load().judge(&head.headers) {
        Verdict::Foreign => {
            let out = Out { response: respond::foreign_origin(), code: "foreign_origin", known: None };
            return not_let_in(gate, peer, place, out);
        }
        Verdict::Allowed(origin) => Some(origin.clone()),
        Verdict::None => None,
    };
    let response = match head.method {
        Method::POST | Method::GET | Method::DELETE => {
            let mut trace = Trace::arrived(Some(&head.headers));
            let visitor = visitor(gate, (peer, place), &head.method, &head.headers).await;
            tell(gate, &mut trace, &visitor);
            match visitor {
                Ok(visitor) => answer(gate, (visitor, trace), (place, &head.method, &head.headers), body).await,
                Err(out) => not_let_in(gate, peer, place, *out),
            }
        }
        Method::OPTIONS => respond::preflight(),
        _ => respond::method_not_allowed(),
    };
    readable_by(origin, response)
}

/// Writes down that somebody was not let in.
fn not_let_in(gate: &Gate, peer: IpAddr, place: Place<'_>, Out { response, code, known }: Out) -> Response {
    let endpoint: Option<String> = match place {
        Place::Own => None,
        Place::Of(tenant) => Some(tenant.chars().take(NAME_CHARS_MAX).collect()),
    };
    let known = known.as_ref();
    gate.server.audit().note_stranger(&Refused {
        reason: code,
        status: Some(response.status().as_u16()),
        address: Some(peer),
        endpoint: endpoint.as_deref(),
        tenant: known.and_then(|known| known.tenant.as_ref()).map(TenantId::as_str),
        subject: known.and_then(|known| known.subject.as_deref()),
        client: known.and_then(|known| known.client.as_deref()),
        by: known.map(|known| record::By::from(&known.by)),
        ..Refused::default()
    });
    response
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    /// To the caller's own tenant.
    Own,
    /// To the tenant of that name.
    Of(&'a str),
}

impl<'a> Place<'a> {
    fn of(path: &'a str) -> Option<Self> {
        if path == ENDPOINT {
            return Some(Self::Own);
        }
        let tenant = path.strip_prefix("/t/")?.strip_suffix(ENDPOINT)?;
        (!tenant.is_empty() && !tenant.contains('/')).then_some(Self::Of(tenant))
    }

    /// The tenant that is named, if it can be the name of one.
    fn tenant(self) -> Result<Option<TenantId>, IllegalName> {
        match self {
            Self::Own => Ok(None),
            Self::Of(tenant) => tenant.parse().map(Some),
        }
    }
}

/// What is public about the host.
fn document(gate: &Gate, method: &Method, path: &str) -> Response {
    match gate.auth.load().metadata(path) {
        Some(_) if method == Method::OPTIONS => respond::public_preflight(),
        Some(document) if matches!(*method, Method::GET | Method::HEAD) => respond::public_document(&document),
        Some(_) => respond::read_only(),
        None => respond::no_such_path(),
    }
}

/// Who calls, and at whose. A host that asks nobody who they are believes what they say.
async fn visitor(
    gate: &Gate,
    (peer, place): (IpAddr, Place<'_>),
    method: &Method,
    headers: &HeaderMap,
) -> Result<Visitor, Box<Out>> {
    let nowhere = || Box::new(Out { response: respond::no_such_path(), code: "no_such_tenant", known: None });
    let tenant = place.tenant().map_err(|_| nowhere())?;
    let auth = gate.auth.load();
    let admitted = auth.authenticate(method, tenant.as_ref(), headers).await;
    let (principal, pass) = admitted.map_err(|challenge| challenged(gate, &challenge, tenant.as_ref()))?;
    match gate.server.visitor(Arc::clone(&principal)) {
        Some(visitor) => Ok(Visitor { pass, address: Some(peer), ..visitor }),
        None if auth.asks() => Err(challenged(gate, &auth.forbidden(&principal), tenant.as_ref())),
        None => Err(nowhere()),
    }
}

/// Somebody is not let in, and the operator learns of it.
fn challenged(gate: &Gate, challenge: &Challenge, tenant: Option<&TenantId>) -> Box<Out> {
    // A stranger may name as many tenants as there are names; those there are, are few.
    let tenant = tenant.filter(|tenant| gate.server.tenants().get(tenant.as_str()).is_some());
    denials::note(&Denial { by: By::Auth, tenant, subject: None, on: None, what: challenge.reason() });
    Box::new(Out { response: respond::challenge(challenge), code: challenge.code(), known: challenge.known().cloned() })
}

/// Tells metrics and trace what came of asking who calls.
fn tell(gate: &Gate, trace: &mut Trace, visitor: &Result<Visitor, Box<Out>>) {
    let result = match visitor {
        Ok(visitor) => visitor.principal.by.kind(),
        Err(out) => match out.response.status() {
            StatusCode::UNAUTHORIZED => "unauthorized",
            StatusCode::FORBIDDEN => "forbidden",
            StatusCode::SERVICE_UNAVAILABLE => "away",
            _ => "refused",
        },
    };
    metrics::authenticated(result);
    trace.authenticated(result, visitor.is_err());
    if visitor.is_err() {
        trace.refused(gate.server.tracer());
    }
}

async fn answer(
    gate: &Gate,
    (visitor, trace): (Visitor, Trace),
    (place, method, headers): (Place<'_>, &Method, &HeaderMap),
    body: Incoming,
) -> Response {
    match *method {
        Method::POST => post(gate, (visitor, trace), place, headers, body).await,
        // Boxed, so that the future of a POST is not as large as theirs.
        Method::GET => Box::pin(get(gate, visitor, headers)).await,
        _ => Box::pin(delete(gate, visitor, headers)).await,
    }
}

async fn post(
    gate: &Gate,
    (visitor, trace): (Visitor, Trace),
    place: Place<'_>,
    headers: &HeaderMap,
    body: Incoming,
) -> Response {
    if !is_json(headers) {
        return respond::not_json();
    }
    let Some(takes_events) = accepts(headers) else { return respond::not_acceptable() };
    let body = match read(gate, headers, body).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let request = Request { trace, ..request(visitor, headers, takes_events) };
    match gate.server.answer(request, &body).await {
        Ok(answer) => respond::answer(answer),
        Err(refusal) => refused(gate, place, headers, &refusal),
    }
}

/// What a caller is told whose request is refused: if another token would do, which.
fn refused(gate: &Gate, place: Place<'_>, headers: &HeaderMap, refusal: &Refusal) -> Response {
    let (response, auth) = (respond::refusal(refusal), gate.auth.load());
    match &refusal.rejection.fault {
        Fault::Denied { scopes, .. } if !scopes.is_empty() && auth.asks() => {
            let tenant = place.tenant().ok().flatten();
            respond::with_challenge(response, &auth.insufficient_scope(tenant.as_ref(), headers, scopes))
        }
        _ => response,
    }
}

/// The stream of a legacy session. Whoever has none, as no modern client has, is told what there is instead.
async fn get(gate: &Gate, visitor: Visitor, headers: &HeaderMap) -> Response {
    if !headers.contains_key(SESSION_HEADER) {
        return respond::method_not_allowed();
    }
    if accepts(headers) != Some(true) {
        return respond::not_events();
    }
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    match gate.server.open_stream(request(visitor, headers, true), last).await {
        Ok(events) => respond::answer(Answer::Events(events)),
        Err(refusal) => respond::refusal(&refusal),
    }
}

/// The end of a legacy session.
async fn delete(gate: &Gate, visitor: Visitor, headers: &HeaderMap) -> Response {
    if !headers.contains_key(SESSION_HEADER) {
        return respond::method_not_allowed();
    }
    match gate.server.end_session(request(visitor, headers, false)).await {
        Ok(()) => respond::ended(),
        Err(refusal) => respond::refusal(&refusal),
    }
}

fn request(visitor: Visitor, headers: &HeaderMap, takes_events: bool) -> Request<'_> {
    Request { via: Via::Http { headers, takes_events }, visitor, trace: Trace::Off }
}

async fn read(gate: &Gate, headers: &HeaderMap, body: Incoming) -> Result<Bytes, Response> {
    let bytes_max = gate.body_bytes_max;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > bytes_max) {
        return Err(respond::too_large(bytes_max));
    }
    match timeout(gate.body_read_max, Limited::new(body, bytes_max).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(respond::too_large(bytes_max)),
        Ok(Err(_)) => Err(respond::body_broken()),
        Err(_) => Err(respond::too_slow()),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}

/// Whether the client takes event streams; `None` if it takes neither them nor JSON. Without the header it takes anything,
/// and a stream is then only sent where it was asked for by other means.
fn accepts(headers: &HeaderMap) -> Option<bool> {
    let mut json = !headers.contains_key(header::ACCEPT);
    let mut events = json;
    for value in headers.get_all(header::ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
            let media_type = parts.next().unwrap_or_default();
            if parts.any(|part| part.strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0))) {
                // A weight of nothing says "not this one" (RFC 9110, 12.4.2).
                continue;
            }
            match media_type.as_str() {
                "*/*" => (json, events) = (true, true),
                "application/json" | "application/*" => json = true,
                "text/event-stream" | "text/*" => events = true,
                _ => {}
            }
        }
    }
    (json || events).then_some(events)
}

/// What a page may see of an answer's headers: its session, and how to come in.
const READABLE: &str = "mcp-session-id, www-authenticate, dpop-nonce";

/// Lets the page behind an allowed origin read the answer.
fn readable_by(origin: Option<HeaderValue>, mut response: Response) -> Response {
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(READABLE));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_accepts() {
        let check = |accept: &[&str], expected: Option<bool>| {
            let headers = accept.iter().map(|value| (header::ACCEPT, value.parse().unwrap())).collect();
            assert_eq!(accepts(&headers), expected, "{accept:?}");
        };
        check(&[], Some(true));
        check(&["application/json, text/event-stream"], Some(true));
        check(&["application/json", "text/event-stream"], Some(true));
        check(&["Application/JSON;q=0.9"], Some(false));
        check(&["*/*"], Some(true));
        check(&["text/event-stream"], Some(true));
        check(&["application/json;q=0, text/event-stream;q=0.0"], None);
        check(&["text/html"], None);
        check(&["image/png, text/html;q=0.8"], None);
    }
}
