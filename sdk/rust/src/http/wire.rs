//! One request over `wasi:http`, and the wait for it.

use std::time::Instant;

use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, HeaderError, IncomingBody, IncomingResponse, Method, OutgoingBody,
    OutgoingRequest, RequestOptions, Scheme, http_error_code,
};
use wasip2::io::poll::{Pollable, poll};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

use super::{Error, Request, Response};

/// A body that arrives. The stream is let go before what it is part of.
pub(super) struct Body {
    stream: InputStream,
    _body: IncomingBody,
    deadline: Instant,
}

/// What one write may hold, as `wasi:io` has it.
const WRITE_BYTES_MAX: usize = 4096;

pub(super) fn send(request: &Request, deadline: Instant) -> Result<Response, Error> {
    let wire = head(request)?;
    let body = match request.body.is_empty() {
        true => None,
        false => Some(wire.body().map_err(|()| internal("the body was taken"))?),
    };
    let future = handle(wire, Some(options(deadline)?)).map_err(from_code)?;
    if let Some(body) = body {
        // If the server does not want it all, its response says why; if there is none, that is the error.
        let _ = write(&body, &request.body, deadline);
        let _ = OutgoingBody::finish(body, None);
    }
    let response = wait(&future, deadline)?;
    let headers = response.headers().entries();
    let headers =
        headers.into_iter().map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned())).collect();
    let body = response.consume().map_err(|()| internal("the body was taken"))?;
    let stream = body.stream().map_err(|()| internal("the body was taken"))?;
    let body = Body { stream, _body: body, deadline };
    Ok(Response::received(request.url().clone(), response.status(), headers, body))
}

impl Body {
    pub(super) fn next(&mut self, bytes_max: u64) -> Result<Option<Vec<u8>>, Error> {
        loop {
            match self.stream.read(bytes_max) {
                Ok(bytes) if bytes.is_empty() => until(&self.stream.subscribe(), self.deadline)?,
                Ok(bytes) => return Ok(Some(bytes)),
                Err(StreamError::Closed) => return Ok(None),
                Err(StreamError::LastOperationFailed(error)) => {
                    let unknown = || Error::Response("it broke off".into());
                    return Err(http_error_code(&error).map_or_else(unknown, from_code));
                }
            }
        }
    }
}

fn head(request: &Request) -> Result<OutgoingRequest, Error> {
    let fields = Fields::new();
    for (name, value) in &request.headers {
        fields.append(name, value.as_bytes()).map_err(|error| header(name, &error))?;
    }
    if !request.body.is_empty() {
        let length = request.body.len().to_string();
        fields.append("content-length", length.as_bytes()).map_err(|error| header("content-length", &error))?;
    }
    let url = request.url();
    let wire = OutgoingRequest::new(fields);
    let invalid = |what: &str| Error::InvalidRequest(format!("the {what} cannot be sent"));
    wire.set_method(&method(&request.method)).map_err(|()| invalid("method"))?;
    let scheme = if url.scheme() == "https" { Scheme::Https } else { Scheme::Http };
    wire.set_scheme(Some(&scheme)).map_err(|()| invalid("scheme"))?;
    wire.set_authority(Some(url.authority())).map_err(|()| invalid("server's name"))?;
    wire.set_path_with_query(Some(url.path_and_query())).map_err(|()| invalid("path"))?;
    Ok(wire)
}

fn header(name: &str, error: &HeaderError) -> Error {
    Error::InvalidRequest(match error {
        HeaderError::InvalidSyntax => format!("the header `{}` is not well formed", name.escape_debug()),
        _ => format!("the header `{name}` is not the plugin's to set"),
    })
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

/// The host is told, too, so that it gives up when nobody waits any more.
fn options(deadline: Instant) -> Result<RequestOptions, Error> {
    let left = left_ns(deadline)?;
    let options = RequestOptions::new();
    let set = [
        options.set_connect_timeout(Some(left)),
        options.set_first_byte_timeout(Some(left)),
        options.set_between_bytes_timeout(Some(left)),
    ];
    // A host that does not know one of them is no reason not to ask: the deadline is kept here anyway.
    let _ = set;
    Ok(options)
}

fn write(body: &OutgoingBody, mut bytes: &[u8], deadline: Instant) -> Result<(), Error> {
    let stream: OutputStream = body.write().map_err(|()| internal("the body was taken"))?;
    let closed = |_| Error::Connect;
    while !bytes.is_empty() {
        let room = usize::try_from(stream.check_write().map_err(closed)?).unwrap_or(usize::MAX);
        if room == 0 {
            until(&stream.subscribe(), deadline)?;
            continue;
        }
        let (now, later) = bytes.split_at(bytes.len().min(room).min(WRITE_BYTES_MAX));
        stream.write(now).map_err(closed)?;
        bytes = later;
    }
    stream.flush().map_err(closed)
}

fn wait(future: &FutureIncomingResponse, deadline: Instant) -> Result<IncomingResponse, Error> {
    loop {
        match future.get() {
            Some(Ok(response)) => return response.map_err(from_code),
            Some(Err(())) => return Err(internal("the response was taken")),
            None => until(&future.subscribe(), deadline)?,
        }
    }
}

/// Waits for `ready`, or until it is too late.
fn until(ready: &Pollable, deadline: Instant) -> Result<(), Error> {
    let late = subscribe_duration(left_ns(deadline)?);
    match poll(&[ready, &late]).contains(&0) {
        true => Ok(()),
        false => Err(Error::Timeout),
    }
}

fn left_ns(deadline: Instant) -> Result<u64, Error> {
    let left = deadline.saturating_duration_since(Instant::now()).as_nanos();
    if left == 0 { Err(Error::Timeout) } else { Ok(u64::try_from(left).unwrap_or(u64::MAX)) }
}

fn internal(what: &str) -> Error {
    Error::Response(what.to_owned())
}

fn from_code(code: ErrorCode) -> Error {
    use ErrorCode as Code;
    match code {
        Code::HttpRequestDenied | Code::DestinationIpProhibited => Error::Denied,
        Code::DnsError(_) | Code::DestinationNotFound => Error::Dns,
        Code::DnsTimeout
        | Code::ConnectionTimeout
        | Code::ConnectionReadTimeout
        | Code::ConnectionWriteTimeout
        | Code::HttpResponseTimeout => Error::Timeout,
        Code::DestinationUnavailable
        | Code::DestinationIpUnroutable
        | Code::ConnectionRefused
        | Code::ConnectionTerminated => Error::Connect,
        Code::ConnectionLimitReached => Error::TooMany,
        Code::TlsProtocolError | Code::TlsCertificateError | Code::TlsAlertReceived(_) => Error::Tls,
        Code::HttpResponseBodySize(bytes_max) => Error::TooLarge { bytes_max },
        Code::HttpResponseHeaderSectionSize(_) | Code::HttpResponseHeaderSize(_) => {
            Error::Response("its headers are too large".into())
        }
        Code::HttpResponseIncomplete => Error::Response("it broke off".into()),
        Code::HttpProtocolError => Error::Response("it is not HTTP".into()),
        Code::HttpRequestMethodInvalid => Error::InvalidRequest("the method cannot be sent".into()),
        Code::HttpRequestUriInvalid | Code::HttpRequestUriTooLong => {
            Error::InvalidRequest("the address cannot be asked for".into())
        }
        Code::HttpRequestBodySize(_) | Code::HttpRequestHeaderSectionSize(_) | Code::HttpRequestHeaderSize(_) => {
            Error::InvalidRequest("the request is too large".into())
        }
        Code::InternalError(Some(reason)) => Error::Response(reason),
        _ => Error::Response("it cannot be read".into()),
    }
}
