//! By `wasi:http`, with nothing between: no client that would correct what is wrong.

use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
    http_error_code,
};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

use crate::caller::Fetched;

/// What is written to a body at once; the host takes at least this much.
const PIECE_BYTES: usize = 4096;

type Result<T> = std::result::Result<T, String>;

pub(crate) fn fetch(url: &str, method: &str, headers: &[String], body: Option<&[u8]>) -> Fetched {
    send(url, method, headers, body.map(|body| body.chunks(PIECE_BYTES))).map_or_else(failed, |future| finish(&future))
}

pub(crate) fn upload(url: &str, bytes: u64, headers: &[String]) -> Fetched {
    let piece = [b'x'; PIECE_BYTES];
    let pieces = (0..bytes.div_ceil(PIECE_BYTES as u64)).map(|_| &piece[..]);
    send(url, "POST", headers, Some(pieces)).map_or_else(failed, |future| finish(&future))
}

pub(crate) fn fetch_together(url: &str, count: u32) -> Vec<String> {
    let begun: Vec<_> = (0..count).map(|_| send(url, "GET", &[], None::<std::iter::Empty<&[u8]>>)).collect();
    let answers: Vec<_> = begun.iter().map(|begun| begun.as_ref().map_err(Clone::clone).and_then(answer)).collect();
    answers
        .iter()
        .map(|answer| answer.as_ref().map_or_else(Clone::clone, |answer| answer.status().to_string()))
        .collect()
}

/// The error, or the status.
pub(crate) fn outcome(fetched: &Fetched) -> String {
    match (&fetched.error, fetched.status) {
        (Some(error), _) => error.clone(),
        (None, Some(status)) => status.to_string(),
        (None, None) => "nothing".to_owned(),
    }
}

fn failed(error: String) -> Fetched {
    Fetched { error: Some(error), ..Fetched::default() }
}

/// Begins a request, and writes its body as far as it is taken.
fn send<'a>(
    url: &str,
    method: &str,
    headers: &[String],
    body: Option<impl Iterator<Item = &'a [u8]>>,
) -> Result<FutureIncomingResponse> {
    let request = request(url, method, headers)?;
    let outgoing = body.is_some().then(|| request.body()).transpose().map_err(|()| "no body")?;
    let future = handle(request, None).map_err(|code| format!("{code:?}"))?;
    if let (Some(outgoing), Some(pieces)) = (outgoing, body) {
        // If the host takes no more, its answer says why.
        if write(&outgoing, pieces).is_ok() {
            let _ = OutgoingBody::finish(outgoing, None);
        }
    }
    Ok(future)
}

fn request(url: &str, method: &str, headers: &[String]) -> Result<OutgoingRequest> {
    let fields = Fields::new();
    for header in headers {
        let (name, value) = header.split_once(": ").ok_or_else(|| format!("no header: {header}"))?;
        fields.append(name, value.as_bytes()).map_err(|error| format!("header {name}: {error:?}"))?;
    }
    let (scheme, rest) = url.split_once("://").ok_or("no scheme")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let request = OutgoingRequest::new(fields);
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    let method = if method == "GET" { Method::Get } else { Method::Other(method.to_owned()) };
    request.set_method(&method).map_err(|()| "the method is not taken")?;
    request.set_scheme(Some(&scheme)).map_err(|()| "the scheme is not taken")?;
    request.set_authority(Some(authority)).map_err(|()| "the authority is not taken")?;
    request.set_path_with_query(Some(path)).map_err(|()| "the path is not taken")?;
    Ok(request)
}

fn write<'a>(body: &OutgoingBody, pieces: impl Iterator<Item = &'a [u8]>) -> std::result::Result<(), StreamError> {
    let stream: OutputStream = body.write().map_err(|()| StreamError::Closed)?;
    for piece in pieces {
        stream.blocking_write_and_flush(piece)?;
    }
    Ok(())
}

/// Waits for the answer, and reads it to its end.
fn finish(future: &FutureIncomingResponse) -> Fetched {
    let answer = match answer(future) {
        Ok(answer) => answer,
        Err(error) => return failed(error),
    };
    let fields = answer.headers();
    let header = |(name, value): (String, Vec<u8>)| format!("{name}: {}", String::from_utf8_lossy(&value));
    let headers = fields.entries().into_iter().map(header).collect();
    drop(fields);
    let (body, error) = match answer.consume() {
        Ok(body) => read(&body),
        Err(()) => (Vec::new(), Some("no body".to_owned())),
    };
    Fetched { status: Some(answer.status()), headers, body: String::from_utf8_lossy(&body).into_owned(), error }
}

fn answer(future: &FutureIncomingResponse) -> Result<IncomingResponse> {
    future.subscribe().block();
    let answered = future.get().ok_or("it is ready, and has nothing")?.map_err(|()| "it was taken already")?;
    answered.map_err(|code| format!("{code:?}"))
}

fn read(body: &IncomingBody) -> (Vec<u8>, Option<String>) {
    let mut bytes = Vec::new();
    let Ok(stream): std::result::Result<InputStream, ()> = body.stream() else { return (bytes, None) };
    loop {
        match stream.blocking_read(1 << 16) {
            // What is kept is bounded, so that a flood is the host's to end.
            Ok(piece) => bytes.extend(piece.into_iter().take((1_usize << 16).saturating_sub(bytes.len()))),
            Err(StreamError::Closed) => return (bytes, None),
            Err(StreamError::LastOperationFailed(error)) => {
                let code = http_error_code(&error).map(|code| format!("{code:?}"));
                return (bytes, Some(code.unwrap_or_else(|| error.to_debug_string())));
            }
        }
    }
}
