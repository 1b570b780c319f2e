//! What a guest is told when a request fails: nothing of the inside of the operator's network.

use url::Host;
use wasmtime_wasi_http::{Error, p2::bindings::http::types::ErrorCode};

use super::body::Overlong;
use crate::{
    metrics::OfPlugin,
    sandbox::{
        granted::Refusals,
        network::{ConnectError, NameError, Unreachable},
    },
};

pub(super) fn too_many_requests(max: u32) -> Error {
    Error::InternalError(Some(format!("the call has made the {max} requests that its http_requests_max allows")))
}

/// `named` says that the operator wrote this very name. Where it was the guest that chose the name, a name that does not exist
/// and one that leads inside get the same answer, so that no guest can find out by trying which names there are inside.
pub(super) fn unreachable(
    why: Unreachable,
    named: bool,
    host: &Host<String>,
    plugin: &OfPlugin,
    refusals: &Refusals,
) -> Error {
    match why {
        Unreachable::Forbidden(address) => {
            let missing = format!("networks with {address}, which is where {host} leads");
            refusals.add(plugin, "http", &missing);
            Error::HttpRequestDenied
        }
        Unreachable::Name(NameError::Unknown) if named => dns_error("NXDOMAIN"),
        Unreachable::Name(NameError::Unknown) => {
            tracing::debug!(tenant = plugin.tenant(), plugin = plugin.name(), host = ?host.to_string(), "there is no such name");
            Error::HttpRequestDenied
        }
        Unreachable::Name(NameError::TimedOut) => Error::DnsTimeout,
        Unreachable::Name(NameError::Failed(reason)) => {
            tracing::debug!(tenant = plugin.tenant(), plugin = plugin.name(), host = ?host.to_string(), reason, "a name cannot be looked up");
            dns_error("SERVFAIL")
        }
    }
}

fn dns_error(rcode: &str) -> Error {
    Error::DnsError { rcode: Some(rcode.to_owned()), info_code: None }
}

pub(super) fn not_connected(why: &ConnectError, host: &Host<String>, plugin: &OfPlugin) -> Error {
    tracing::debug!(tenant = plugin.tenant(), plugin = plugin.name(), host = ?host.to_string(), %why, "a request found no server");
    match why {
        ConnectError::TimedOut => Error::ConnectionTimeout,
        ConnectError::Refused => Error::ConnectionRefused,
        ConnectError::Failed(_) => Error::DestinationUnavailable,
        ConnectError::Certificate(_) => Error::TlsCertificateError,
        ConnectError::Alert(alert) => Error::TlsAlertReceived {
            alert_id: Some((*alert).into()),
            alert_message: alert.as_str().map(str::to_owned),
        },
        ConnectError::Tls(_) => Error::TlsProtocolError,
    }
}

/// Why there is no response.
pub(super) fn failed(error: &hyper::Error, overlong: &Overlong, head_bytes_max: usize) -> Error {
    match error {
        _ if overlong.is_found() => Error::HttpRequestBodySize(Some(overlong.bytes_max)),
        error if error.is_parse_too_large() => Error::HttpResponseHeaderSectionSize(u32::try_from(head_bytes_max).ok()),
        error if error.is_parse() => Error::HttpProtocolError,
        error if error.is_user() => Error::InternalError(Some("the request's body was not finished".into())),
        _ => Error::ConnectionTerminated,
    }
}

/// Why a response ends early.
pub(super) fn incomplete(error: &hyper::Error) -> Error {
    if error.is_parse() { Error::HttpProtocolError } else { Error::HttpResponseIncomplete }
}

/// What the metrics and traces call an answer.
pub(super) fn of_status(status: http::StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

/// What the metrics and traces call it that there is none.
pub(super) fn of_error(error: &Error) -> &'static str {
    match error {
        Error::HttpRequestDenied => "refused",
        Error::InternalError(_) | Error::ConnectionLimitReached | Error::HttpRequestBodySize(_) => "limit",
        Error::DnsTimeout | Error::DnsError { .. } => "dns",
        Error::ConnectionTimeout | Error::ConnectionReadTimeout => "timeout",
        Error::TlsCertificateError | Error::TlsAlertReceived { .. } | Error::TlsProtocolError => "tls",
        Error::HttpRequestUriInvalid | Error::HttpRequestUriTooLong => "invalid",
        _ => "failed",
    }
}

/// What `wasi:http` calls the error that a body ended with.
pub(super) fn code(error: &wasmtime::Error) -> Option<ErrorCode> {
    if let Some(code) = error.downcast_ref::<ErrorCode>() {
        return Some(code.clone());
    }
    match error.downcast_ref::<Error>()? {
        Error::HttpResponseBodySize(max) => Some(ErrorCode::HttpResponseBodySize(*max)),
        Error::HttpResponseIncomplete => Some(ErrorCode::HttpResponseIncomplete),
        Error::HttpProtocolError => Some(ErrorCode::HttpProtocolError),
        Error::ConnectionReadTimeout => Some(ErrorCode::ConnectionReadTimeout),
        _ => None,
    }
}
