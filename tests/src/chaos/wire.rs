//! Requests that may break, as all do whose host is killed.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::connection::Connection;
use crate::http::{Reply, Request};

/// How long an answer may take that others speak of all the while.
const ANSWER_MAX: Duration = Duration::from_secs(120);

/// Why a client did not get what it wanted.
pub(super) enum Trouble {
    /// The connection broke, or the balancer says that it did.
    Broken(String),
    /// The host that ran the call is gone, says another.
    Lost(String),
    /// The host says that its store is away.
    Away(String),
    /// What must not be.
    Wrong(String),
}

pub(super) type Did<T = ()> = Result<T, Trouble>;

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Trouble::Wrong("an answer never came".to_owned()),
            _ => Trouble::Broken(error.to_string()),
        }
    }
}

/// Says what is wrong, if something is.
pub(super) fn ensure(right: bool, wrong: impl FnOnce() -> String) -> Did {
    if right { Ok(()) } else { Err(Trouble::Wrong(wrong())) }
}

/// Says what is wrong, if an answer that was begun to be read then is still not there, whatever else comes on its stream.
pub(super) fn in_time(begun: Instant) -> Did {
    ensure(begun.elapsed() < ANSWER_MAX, || format!("no answer within {ANSWER_MAX:?}, only news"))
}

/// An answer that is being read.
pub(super) struct Reading {
    connection: Connection,
    /// An answer that is no stream, until it was given out.
    whole: Option<Value>,
    streams: bool,
    pub(super) last_event_id: Option<String>,
    /// The session that begins with it.
    pub(super) session: Option<String>,
}

/// Sends a request, and reads the beginning of the answer.
pub(super) fn send(at: std::net::SocketAddr, request: &Request) -> Did<Reading> {
    let mut connection = Connection::try_open(at)?;
    connection.write(&request.bytes(&at.to_string()));
    let head = connection.read_head()?;
    if head.status == 200 && head.is_event_stream() {
        return Ok(Reading { connection, whole: None, streams: true, last_event_id: None, session: None });
    }
    let reply = connection.try_read_rest(head)?;
    let session = reply.header("Mcp-Session-Id").map(str::to_owned);
    let whole = Some(judged(&reply)?);
    Ok(Reading { connection, whole, streams: false, last_event_id: None, session })
}

/// The message of an answer that is none of trouble. `Null` if it has no body.
fn judged(reply: &Reply) -> Did<Value> {
    let said = String::from_utf8_lossy(&reply.body).into_owned();
    match reply.status {
        200 if !reply.body.is_empty() => judge(reply.json()),
        200 | 202 => Ok(Value::Null),
        // nginx, which had the request and no answer.
        502 | 504 => Err(Trouble::Broken(format!("status {}", reply.status))),
        503 if said.contains("its store") => Err(Trouble::Away(said)),
        status => Err(Trouble::Wrong(format!("status {status}: {said}"))),
    }
}

/// A message, unless it says that the store is away.
fn judge(message: Value) -> Did<Value> {
    let said = message["error"]["message"].as_str().or(message["result"]["content"][0]["text"].as_str());
    let failed = message.get("error").is_some() || message["result"]["isError"] == true;
    match said {
        Some(said) if failed && (said.contains("the store") || said.contains("its store")) => {
            Err(Trouble::Away(said.to_owned()))
        }
        _ => Ok(message),
    }
}

impl Reading {
    pub(super) fn is_stream(&self) -> bool {
        self.streams
    }

    /// The next message. `None` at the end.
    pub(super) fn next(&mut self) -> Did<Option<Value>> {
        if !self.streams {
            return Ok(self.whole.take());
        }
        while let Some(event) = self.connection.try_next_event()? {
            if event.id.is_some() {
                self.last_event_id.clone_from(&event.id);
            }
            if let Some(message) = event.message() {
                return judge(message).map(Some);
            }
        }
        Ok(None)
    }

    /// The response to the request with this id, whatever is said before it.
    pub(super) fn response(mut self, id: u64) -> Did<Value> {
        let begun = Instant::now();
        while let Some(message) = self.next()? {
            in_time(begun)?;
            if message["id"] == json!(id) && message.get("method").is_none() {
                return Ok(message);
            }
        }
        Err(Trouble::Broken("the stream ended before the response".to_owned()))
    }
}
