//! Answers as JSON.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::json;

/// What was asked for. Nobody keeps it: it is of this moment, and for those with the key.
pub(super) fn told(what: &impl Serialize) -> Response {
    with(StatusCode::OK, what)
}

/// Why not: a sentence for the operator.
pub(super) fn refused(status: StatusCode, reason: &str) -> Response {
    with(status, &json!({ "error": reason }))
}

fn with(status: StatusCode, what: &impl Serialize) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    match serde_json::to_vec(what) {
        Ok(body) => (status, headers, body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
