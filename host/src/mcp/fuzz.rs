//! One narrow door for fuzzing: what strangers write, put through the code that reads it, and what must hold of what comes out.
//!
//! Built for tests and with the feature `fuzzing`, and so never into the program. `fuzz/` runs these functions for as long as one
//! likes; the tests replay its corpus, and some mutations of it. Each function takes any bytes and panics where something does
//! not hold. Where a rule can be said twice, it is said here once more in other words, and both must agree.

mod envelope;
#[cfg(test)]
mod tests;
mod yard;

use std::{
    future::ready,
    sync::{Arc, LazyLock},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use tokio_util::sync::CancellationToken;

use super::{Answer, Refusal, SESSION_HEADER, interact, interact::Round, read_arguments, stdio};
use crate::{
    auth::Principal,
    catalog::Schema,
    json,
    seal::Binding,
    store::{Sqlite, Store},
};
use envelope::envelope;
use yard::{OWN, SESSION, Written, Yard, ring, runtime, session_of};

const HOUR: Duration = Duration::from_secs(3600);

/// Somebody else's session.
const OTHER: &str = "00000000000000000000000000000002";

/// The numbers of two streams that have ended, the caller's and somebody else's.
const OWN_STREAM: &str = "0000000000000000000000000000000a";
const OTHER_STREAM: &str = "0000000000000000000000000000000b";

/// Events of each.
const EVENTS: u64 = 5;

/// How long an event that is in the store may take. Far more than it does, on any machine.
const EVENT_WAIT: Duration = Duration::from_secs(5);

/// How long nothing is waited for.
const NOTHING_WAIT: Duration = Duration::from_millis(5);

/// A whole request, to a host without plugins: headers, one a line, an empty line, the body.
pub fn request(data: &[u8]) {
    let (headers, body) = split(data, b"\n\n");
    let yard = Yard::empty();
    let headers = yard.headers(headers);
    let answered = yard.post(&headers, body);
    let asked = serde_json::from_slice::<Value>(body);
    if asked.as_ref().is_err_and(is_lenient) {
        return;
    }
    match answered {
        Ok(Answer::Accepted) => {}
        Ok(Answer::Message(message)) => holds_response(&message, asked.as_ref().ok()),
        Ok(Answer::Initialized { message, session }) => {
            holds_response(&message, asked.as_ref().ok());
            let id = HeaderValue::from_str(&session).expect("a session's id is a header");
            let ping = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
            let headers = HeaderMap::from_iter([(HeaderName::from_static(SESSION_HEADER), id)]);
            assert!(
                matches!(yard.post(&headers, ping), Ok(Answer::Message(_))),
                "a session that was just given is not known"
            );
        }
        Ok(Answer::Events(mut events)) => {
            while let Some(Some(event)) = yard.runtime.block_on(async { events.next().now_or_never() }) {
                holds_line(&event.data);
            }
        }
        Err(refusal) => {
            let message = refusal.rejection.render(refusal.era);
            let said = holds_line(&message);
            let code = said["error"]["code"].as_i64().expect("an error has a code");
            assert!((-32700..=-32600).contains(&code) || (-32022..=-32020).contains(&code) || code == -32002, "{code}");
            if let (Some(id), Ok(asked)) = (said.get("id"), &asked) {
                assert_eq!(Some(id), asked.get("id"), "an error for a request that nobody sent");
            }
            return;
        }
    }
    assert!(asked.is_ok(), "what is not JSON was taken for a message");
}

/// Lines on standard input.
pub fn pipe(data: &[u8]) {
    let yard = Yard::empty();
    let written = Written::default();
    let server = Arc::new(yard.server);
    let served = stdio::serve(Arc::clone(&server), data, written.clone(), 64 << 10, CancellationToken::new());
    // A line that is too long is an error, and the only one.
    let _ = yard.runtime.block_on(served);
    let asked: Vec<&str> = data.split(|byte| *byte == b'\n').filter_map(|line| id_in(line)).collect();
    let written = written.bytes();
    for line in written.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").expect("a line ends");
        let id = id_in(line);
        assert!(id.is_none_or(|id| asked.contains(&id)), "an answer to nobody: {}", line.escape_ascii());
        // An id may hold half a surrogate pair, and then comes back as it is.
        if !id.is_some_and(|id| id.contains('\\')) {
            holds_line(line);
        }
    }
}

/// A modern request's envelope: the version, the method and the name in its body, each a line, then headers. What comes out is held
/// against the order of checks that `ARCHITECTURE.md` gives.
pub fn headers(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.splitn(4, '\n');
    let (version, method, name) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    let yard = Yard::empty();
    let headers = yard.headers(lines.next().unwrap_or("").as_bytes());
    let (capable, version) = version.strip_prefix('!').map_or((true, version), |rest| (false, rest));
    let mut meta = json!({ "io.modelcontextprotocol/protocolVersion": version });
    if capable {
        meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
    }
    let params = json!({ "_meta": meta, "name": name, "uri": name });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let code = match yard.post(&headers, body.as_bytes()) {
        Ok(_) => None,
        Err(Refusal { era, rejection }) => Some(rejection.fault.code(era)),
    };
    match envelope(&headers, version, capable, method, name) {
        Some(expected) => assert_eq!(code, Some(expected), "{headers:?} {body}"),
        None => assert!(!matches!(code, Some(-32020 | -32022 | -32601)), "{code:?}: {headers:?} {body}"),
    }
}

/// Sealed values: up to 32 edits of three bytes each, then what is sealed. Whatever was edited does not open.
pub fn sealed(data: &[u8]) {
    let (&count, rest) = data.split_first().unwrap_or((&0, &[]));
    let (edits, plain) = rest.split_at(rest.len().min(usize::from(count % 33) * 3));
    let ring = ring();
    let binding = Binding::new("fuzz", &[edits, plain]);
    let token = ring.seal(plain, &binding, HOUR).expect("it is short enough");
    assert_eq!(ring.open(&token, &binding).as_deref(), Ok(plain));
    let changed = edited(&token, edits);
    assert_eq!(ring.open(&changed, &binding).is_ok(), changed == token, "{token} was changed to {changed}");
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(ring.open(text, &binding).is_err(), "a value that nobody sealed was opened");
    }
    let elsewhere = [
        Binding::new("fuzz", &[&[edits, plain].concat()]),
        Binding::new("fuzz", &[edits, plain, b""]),
        Binding::new("", &[b"fuzz", edits, plain]),
    ];
    assert!(
        elsewhere.iter().all(|other| ring.open(&token, other).is_err()),
        "a value opened where it was not made for"
    );
    if let Some(round) = Round::from_bytes(plain) {
        assert_eq!(round.to_bytes(), plain, "a round is not what it was");
    }
    // What a host of another version may have sealed into a session.
    let yard = Yard::empty();
    let headers = yard.headers(&[SESSION_HEADER.as_bytes(), b": ", session_of(plain).as_bytes()].concat());
    match yard.post(&headers, br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#) {
        Ok(Answer::Message(_)) => {
            assert!(serde_json::from_slice::<Value>(plain).is_ok(), "a session of something else");
        }
        Err(refusal) => assert_eq!(refusal.rejection.fault.code(None), -32600),
        Ok(_) => panic!("a ping was answered with something else"),
    }
}

/// `Last-Event-ID`, held against a stream that has ended and one that is somebody else's.
pub fn events(data: &[u8]) {
    static STORE: LazyLock<Arc<dyn Store>> = LazyLock::new(ended_streams);
    let Ok(last) = HeaderValue::from_bytes(data) else { return };
    let Ok(last) = last.to_str() else { return };
    let yard = Yard::new(Arc::clone(&STORE));
    let headers = yard.headers(&[SESSION_HEADER.as_bytes(), b": ", SESSION].concat());
    let opened = yard.runtime.block_on(yard.server.open_stream(yard.by(&headers), Some(last)));
    let Ok(events) = opened else { panic!("a session that is good was refused") };
    let mut events = events.filter(|event| ready(!event.data.is_empty()));
    let named = last.split_once('-').filter(|(stream, _)| *stream == OWN_STREAM);
    let Some(after) = named.and_then(|(_, count)| count.parse::<u64>().ok()) else {
        // The session's own stream then, on which there is no news, or that of a call that nobody knows.
        let said = yard.runtime.block_on(async { events.next().now_or_never() });
        assert!(said.is_none(), "news, where there was none");
        return;
    };
    // The first entry is no event: it says who writes.
    for number in after.saturating_add(1).max(2)..=EVENTS {
        let event =
            yard.within(EVENT_WAIT, events.next()).flatten().expect("an event is in the store and was not replayed");
        assert_eq!(event.id, Some(format!("{OWN_STREAM}-{number}")));
        assert_eq!(event.data, format!("{OWN}/{number}").into_bytes());
    }
    if after >= EVENTS {
        let more = yard.within(NOTHING_WAIT, events.next()).flatten();
        assert!(more.is_none(), "an event that the client has was replayed");
    } else {
        let end = yard.within(EVENT_WAIT, events.next());
        assert!(end.is_some_and(|event| event.is_none()), "a stream that had ended went on");
    }
}

/// JSON that is read strictly: arguments, answers to what was asked, and what a state is bound to.
pub fn arguments(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let plain = serde_json::from_str::<Value>(text);
    match (json::strict(text), &plain) {
        // serde_json takes an object with one key of its own for a text that holds JSON; nobody else does.
        (Ok(_), _) if text.contains("$serde_json") => {}
        (Ok(value), Ok(plain)) => {
            assert_eq!(value, *plain);
            assert!(json::is_shallow(text) && depth(&value) <= json::DEPTH_MAX);
            let again = json::strict(&value.to_string()).expect("what was written can be read");
            let ring = ring();
            let bound = |value: &Value| interact::binding(&Principal::anonymous(), "tools/call", "t", value);
            let token = ring.seal(b"", &bound(&value), HOUR).expect("it is short enough");
            assert!(ring.open(&token, &bound(&again)).is_ok(), "the same arguments are not the same");
            assert!(ring.open(&token, &bound(&json!([value]))).is_err(), "other arguments are the same");
        }
        (Ok(_), Err(error)) => panic!("strict, and not JSON: {error}"),
        (Err(error), Ok(value)) => {
            let twice = error.to_string().starts_with("duplicate key");
            assert!(twice || depth(value) > json::DEPTH_MAX, "refused for no reason: {error}");
        }
        (Err(_), Err(_)) => {}
    }
    if let Ok((passed_on, value)) = read_arguments(text) {
        assert!(passed_on == text && value.is_object());
    }
    if let Ok(raw) = serde_json::from_str::<&RawValue>(text)
        && let Ok(responses) = interact::responses(raw)
    {
        let objects = responses.iter().all(|(_, response)| json::strict(response).is_ok_and(|value| value.is_object()));
        assert!(objects, "an answer that is no object");
    }
}

/// A value, on one line, and a plugin's schema that it is held against.
pub fn schema(data: &[u8]) {
    let (value, schema) = split(data, b"\n");
    let (Ok(schema), Ok(value)) = (std::str::from_utf8(schema), serde_json::from_slice::<Value>(value)) else { return };
    let Ok(schema) = Schema::compile(schema) else { return };
    if let Err(mistakes) = schema.check(&value) {
        // Five mistakes of 200 characters, their places as long, and a few words.
        assert!((1..2100).contains(&mistakes.chars().count()), "mistakes: {mistakes}");
    }
}

/// Two streams that have ended, in the store of the embedded backend.
fn ended_streams() -> Arc<dyn Store> {
    let store = Sqlite::in_memory().expect("a store");
    for (session, stream) in [(OWN, OWN_STREAM), (OTHER, OTHER_STREAM)] {
        for number in 1..=EVENTS {
            let entry = match number {
                1 => "\u{2}{\"host\":\"gone\",\"request\":1}".to_owned(),
                EVENTS => format!("\u{1}{session}/{number}"),
                _ => format!("\0{session}/{number}"),
            };
            let stored = store.append(&format!("stream/{session}/{stream}"), number, entry.as_bytes(), HOUR);
            runtime().block_on(stored).expect("it is stored");
        }
    }
    Arc::new(store)
}

/// A token with some characters replaced, put in, left out, or its end cut off.
fn edited(token: &str, edits: &[u8]) -> String {
    let mut chars: Vec<char> = token.chars().collect();
    for edit in edits.chunks_exact(3) {
        let place = (usize::from(edit[0]) | usize::from(edit[1] >> 2) << 8) % (chars.len() + 1);
        let other = char::from(b' ' + edit[2] % 95);
        match edit[1] % 4 {
            0 => chars.insert(place, other),
            1 => chars.truncate(place),
            _ if place == chars.len() => {}
            2 => drop(chars.remove(place)),
            _ => chars[place] = other,
        }
    }
    chars.into_iter().collect()
}

/// The id in a line, as it is written.
fn id_in(line: &[u8]) -> Option<&str> {
    #[derive(Deserialize)]
    struct Line<'a> {
        #[serde(borrow)]
        id: &'a RawValue,
    }
    serde_json::from_slice::<Line<'_>>(line).ok().map(|line| line.id.get())
}

/// Whether serde_json refuses as a value what it passes over in a text: half a surrogate pair, a number beyond all bounds.
fn is_lenient(error: &serde_json::Error) -> bool {
    let error = error.to_string();
    ["surrogate", "hex escape", "number out of range"].iter().any(|what| error.contains(what))
}

/// A response, or an array of them, to what was asked.
fn holds_response(message: &[u8], asked: Option<&Value>) {
    let said = holds_line(message);
    let one = |said: &Value| {
        assert_eq!(said["jsonrpc"], "2.0");
        assert!(said.get("result").is_some() != said.get("error").is_some(), "{said}");
    };
    match (&said, asked) {
        (Value::Array(responses), _) => responses.iter().for_each(one),
        (said, Some(asked)) => {
            one(said);
            assert_eq!(said.get("id"), asked.get("id"), "an answer to another request");
        }
        (said, None) => one(said),
    }
}

/// A message as everybody sends it: JSON, on one line.
fn holds_line(message: &[u8]) -> Value {
    assert!(!message.contains(&b'\n'), "a message of two lines: {}", String::from_utf8_lossy(message));
    serde_json::from_slice(message).expect("a message is JSON")
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn split<'a>(data: &'a [u8], between: &[u8]) -> (&'a [u8], &'a [u8]) {
    match data.windows(between.len()).position(|window| window == between) {
        Some(place) => (&data[..place], &data[place + between.len()..]),
        None => (&[], data),
    }
}
