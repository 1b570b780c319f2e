//! Answers and errors as HTTP. The one place where errors become statuses.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::{Interval, interval_at};

use crate::{
    auth::{Challenge, Why},
    json,
    mcp::{Answer, Era, Event, Events, Fault, Refusal, Rejection, SESSION_HEADER},
};

/// Proxies cut connections on which nothing moves, the strictest after 30 seconds.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(super) fn answer(answer: Answer) -> Response {
    match answer {
        Answer::Accepted => StatusCode::ACCEPTED.into_response(),
        Answer::Message(json) => message(StatusCode::OK, json),
        Answer::Initialized { message: json, session } => {
            let mut response = message(StatusCode::OK, json);
            // Sealed values are letters, digits and the like, so this is always a header.
            if let Ok(session) = HeaderValue::from_str(&session) {
                response.headers_mut().insert(SESSION_HEADER, session);
            }
            response
        }
        Answer::Events(events) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
                // nginx holds events back otherwise.
                (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
            ];
            (headers, Body::from_stream(Sse::new(events))).into_response()
        }
    }
}

pub(super) fn refusal(refusal: &Refusal) -> Response {
    let rejection = &refusal.rejection;
    let mut response = message(status(refusal.era, &rejection.fault), rejection.render(refusal.era));
    let after_s = match rejection.fault {
        Fault::Busy | Fault::PluginBusy | Fault::TooManyTasks(_) | Fault::StoreAway | Fault::NotRecorded => Some(1),
        Fault::Exceeded(exceeded) => Some(exceeded.retry_after_s()),
        _ => None,
    };
    if let Some(after_s) = after_s {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after_s));
    }
    response
}

fn status(era: Option<Era>, fault: &Fault) -> StatusCode {
    match (era, fault) {
        (_, Fault::Busy | Fault::StoreAway | Fault::NotRecorded) => StatusCode::SERVICE_UNAVAILABLE,
        (_, Fault::Denied { .. }) => StatusCode::FORBIDDEN,
        (_, Fault::PluginBusy | Fault::Exceeded(_) | Fault::TooManyTasks(_)) => StatusCode::TOO_MANY_REQUESTS,
        (_, Fault::NoSession) => StatusCode::NOT_FOUND,
        (
            _,
            Fault::Parse(_) | Fault::InvalidRequest(_) | Fault::HeaderMismatch(_) | Fault::UnsupportedVersion { .. },
        ) => StatusCode::BAD_REQUEST,
        // Clients of the legacy era take an error status for a broken transport and do not read the message.
        (Some(Era::Legacy(_)), _) => StatusCode::OK,
        (_, Fault::InvalidParams(_) | Fault::NotFound { .. } | Fault::MissingCapability { .. }) => {
            StatusCode::BAD_REQUEST
        }
        (_, Fault::MethodNotFound(_) | Fault::WrongWay(_)) => StatusCode::NOT_FOUND,
        (_, Fault::Internal(_)) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What somebody is told who is not let in.
pub(super) fn challenge(challenge: &Challenge) -> Response {
    let status = match challenge.why() {
        Why::Missing | Why::Invalid => StatusCode::UNAUTHORIZED,
        Why::Malformed => StatusCode::BAD_REQUEST,
        Why::Forbidden => StatusCode::FORBIDDEN,
        Why::Away => StatusCode::SERVICE_UNAVAILABLE,
    };
    with_challenge(rejected(status, challenge.reason()), challenge)
}

/// The same answer, with the headers that say how to come in.
pub(super) fn with_challenge(mut response: Response, challenge: &Challenge) -> Response {
    for (name, value) in challenge.headers() {
        response.headers_mut().append(name, value.clone());
    }
    response
}

/// A document that anybody may read, also pages of other origins: it is what browsers' clients begin with.
pub(super) fn public_document(document: &serde_json::Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, JSON),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    (headers, document.to_string()).into_response()
}

/// What a browser asks before it reads such a document with headers of its own.
pub(super) fn public_preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET")),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*")),
        (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

pub(super) fn foreign_origin() -> Response {
    rejected(StatusCode::FORBIDDEN, "this `Origin` may not call here; the operator can add it to allowed_origins")
}

pub(super) fn not_json() -> Response {
    rejected(StatusCode::UNSUPPORTED_MEDIA_TYPE, "`Content-Type` must be application/json")
}

pub(super) fn not_acceptable() -> Response {
    rejected(StatusCode::NOT_ACCEPTABLE, "`Accept` must allow application/json or text/event-stream")
}

pub(super) fn not_events() -> Response {
    rejected(StatusCode::NOT_ACCEPTABLE, "`Accept` must allow text/event-stream")
}

pub(super) fn ended() -> Response {
    StatusCode::OK.into_response()
}

pub(super) fn too_large(bytes_max: usize) -> Response {
    rejected(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body has more than {bytes_max} bytes"))
}

pub(super) fn too_slow() -> Response {
    rejected(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")
}

pub(super) fn body_broken() -> Response {
    rejected(StatusCode::BAD_REQUEST, "the body did not arrive whole")
}

pub(super) fn method_not_allowed() -> Response {
    let mut response = rejected(
        StatusCode::METHOD_NOT_ALLOWED,
        "send messages by POST; GET and DELETE are for sessions, named in `Mcp-Session-Id`",
    );
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS, GET, DELETE"));
    response
}

/// What is public is for reading.
pub(super) fn read_only() -> Response {
    let mut response = rejected(StatusCode::METHOD_NOT_ALLOWED, "read it by GET");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
    response
}

pub(super) fn no_such_path() -> Response {
    rejected(StatusCode::NOT_FOUND, &format!("there is nothing here; the endpoint is {}", super::ENDPOINT))
}

/// What a browser asks before it sends a message of an allowed page.
pub(super) fn preflight() -> Response {
    let headers = HeaderMap::from_iter([
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, GET, DELETE")),
        // The parameter headers are the tools' own; the star stands for all but Authorization.
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*, Authorization")),
        (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
    ]);
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// An error from before the message was read: a JSON-RPC error without an id.
fn rejected(status: StatusCode, reason: &str) -> Response {
    message(status, Rejection::from(Fault::InvalidRequest(reason.to_owned())).render(None))
}

fn message(status: StatusCode, json: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, JSON)], json).into_response()
}

/// Messages as server-sent events, with a comment now and then so that nobody in between takes silence for death.
struct Sse {
    events: Events,
    keep_alive: Interval,
}

impl Sse {
    fn new(events: Events) -> Self {
        Self { events, keep_alive: interval_at(tokio::time::Instant::now() + KEEP_ALIVE, KEEP_ALIVE) }
    }
}

impl Stream for Sse {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.events.poll_next_unpin(context) {
            Poll::Ready(Some(event)) => {
                self.keep_alive.reset();
                Poll::Ready(Some(Ok(to_sse(event))))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                self.keep_alive.poll_tick(context).map(|_| Some(Ok(Bytes::from_static(b": still here\n\n"))))
            }
        }
    }
}

/// A message is one line: a line break of a plugin's own JSON would end the event.
fn to_sse(mut event: Event) -> Bytes {
    json::one_line(&mut event.data);
    let mut text = Vec::with_capacity(event.data.len() + 64);
    if let Some(id) = event.id {
        text.extend_from_slice(format!("id: {id}\n").as_bytes());
    }
    if let Some(retry_ms) = event.retry_ms {
        text.extend_from_slice(format!("retry: {retry_ms}\n").as_bytes());
    }
    text.extend_from_slice(b"data: ");
    text.extend_from_slice(&event.data);
    text.extend_from_slice(b"\n\n");
    text.into()
}
