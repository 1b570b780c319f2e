//! What clients do, each kind again and again, and what they hold against what they are told.
//!
//! Every request has a number that no other has, and its answer must have it too: so an answer that is lost, or somebody else's,
//! is seen.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::wire::{Did, Reading, Trouble, ensure, in_time, send};
use super::yard::Yard;
use super::{Dice, Tally};
use crate::http::Request;
use crate::mcp::modern_request;

/// How often a client tries again what may be tried again, such as an answer to a question: for half a minute.
const TRIES_MAX: u32 = 100;
const AGAIN_AFTER: Duration = Duration::from_millis(300);

/// Somebody says something at least this often; who hears nothing for so long was forgotten.
const TOLD_EVERY: Duration = Duration::from_millis(500);
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// The resource that news are about.
const RESOURCE: &str = "news://one";

const LEGACY: &str = "2025-11-25";

/// A kind of client: one thing that it does again and again.
pub(super) struct Kind {
    pub(super) name: &'static str,
    act: fn(&mut Client<'_>) -> Did,
}

/// Clients are of these kinds in turn.
pub(super) const KINDS: &[Kind] = &[
    Kind { name: "modern calls", act: |client| client.modern_call() },
    Kind { name: "modern counted calls", act: |client| client.modern_counted() },
    Kind { name: "modern questions", act: |client| client.modern_question() },
    Kind { name: "modern listeners", act: |client| client.modern_listen() },
    Kind { name: "tasks", act: |client| client.task() },
    Kind { name: "counted tasks", act: |client| client.counted_task() },
    Kind { name: "questions of tasks", act: |client| client.task_question() },
    Kind { name: "legacy calls", act: |client| client.legacy_call() },
    Kind { name: "legacy counted calls", act: |client| client.legacy_counted() },
    Kind { name: "legacy questions", act: |client| client.legacy_question() },
    Kind { name: "legacy long calls", act: |client| client.legacy_long() },
    Kind { name: "legacy listeners", act: |client| client.legacy_listen() },
    Kind { name: "legacy leavers", act: |client| client.legacy_leave() },
];

pub(super) struct Client<'a> {
    yard: &'a Yard,
    tally: &'a Tally,
    pub(super) dice: Dice,
    who: &'static str,
    /// The session of a legacy client, once it has one.
    session: Option<String>,
    number: usize,
}

impl<'a> Client<'a> {
    pub(super) fn new(yard: &'a Yard, tally: &'a Tally, dice: Dice, number: usize) -> Client<'a> {
        Client { yard, tally, dice, who: "herald", session: None, number }
    }

    /// Does the same again and again.
    pub(super) fn live(&mut self, kind: &'static Kind, over: &AtomicBool) {
        self.who = kind.name;
        while !over.load(Ordering::Relaxed) {
            let did = (kind.act)(self);
            self.note(did);
            thread::sleep(self.dice.between_ms(100, 600));
        }
    }

    /// Has a plugin tell everybody that a resource has changed, again and again.
    pub(super) fn herald(&mut self, quiet: &AtomicBool) {
        while !quiet.load(Ordering::Relaxed) {
            let did = self.call_modern("s_tell", &json!({})).map(drop);
            self.note(did);
            thread::sleep(TOLD_EVERY);
        }
    }

    fn note(&self, did: Did) {
        match did {
            Ok(()) => self.tally.count(self.who, "done"),
            Err(Trouble::Broken(_)) if self.yard.was_killed() => {
                self.tally.count(self.who, "a connection of a killed host broke");
            }
            Err(Trouble::Lost(_)) if self.yard.was_killed_lately() => {
                self.tally.count(self.who, "told that its host was lost");
            }
            Err(Trouble::Away(_)) if self.yard.was_away() => self.tally.count(self.who, "the store was away"),
            Err(Trouble::Broken(what)) => self.wrong(&format!("a connection broke, and no host was killed: {what}")),
            Err(Trouble::Away(what)) => self.wrong(&format!("the store was away, and not for long: {what}")),
            Err(Trouble::Lost(what)) => self.wrong(&format!("no host was killed: {what}")),
            Err(Trouble::Wrong(what)) => self.wrong(&what),
        }
    }

    fn wrong(&self, what: &str) {
        self.tally.wrong(format!("{} {}: {what}", self.who, self.number));
    }

    /// Does what may be done twice, until it is done.
    pub(super) fn insist<T>(&self, mut work: impl FnMut() -> Did<T>) -> Did<T> {
        for _ in 1..TRIES_MAX {
            match work() {
                Err(trouble @ (Trouble::Broken(_) | Trouble::Away(_))) => self.note(Err(trouble)),
                done => return done,
            }
            thread::sleep(AGAIN_AFTER);
        }
        work()
    }

    fn send(&self, request: &Request) -> Did<Reading> {
        send(self.yard.nginx().address(), request)
    }

    pub(super) fn modern(&self, method: &str, params: Value) -> Did<Value> {
        let number = number();
        let message = self.send(&numbered(modern_request(method, params), number))?.response(number)?;
        result(message)
    }

    fn call_modern(&self, tool: &str, arguments: &Value) -> Did<Value> {
        self.modern("tools/call", json!({ "name": tool, "arguments": arguments }))
    }

    fn modern_call(&mut self) -> Did {
        let mark = number();
        let result = self.call_modern("s_echo", &json!({ "n": mark }))?;
        ensure(result["structuredContent"]["n"] == mark, || format!("asked {mark}, and was told {result}"))
    }

    fn modern_counted(&mut self) -> Did {
        let key = format!("{}", number());
        let did = self.call_modern("k_kv_increment", &json!({ "key": key, "delta": 1 }));
        self.counted(key, did)
    }

    /// Notes a request that counts its runs.
    pub(super) fn counted(&self, key: String, did: Did<Value>) -> Did {
        self.tally.counted(key, did.is_ok());
        let result = did?;
        ensure(result["content"][0]["text"] == "1", || format!("run more than once: {result}"))
    }

    fn modern_question(&mut self) -> Did {
        let able = json!({ "io.modelcontextprotocol/clientCapabilities": { "elicitation": { "form": {} } } });
        let mut params = json!({ "name": "s_ask", "arguments": {}, "_meta": able });
        let asked = self.modern("tools/call", params.clone())?;
        ensure(asked["resultType"] == "input_required", || format!("not asked: {asked}"))?;
        let mark = number().to_string();
        params["requestState"] = asked["requestState"].clone();
        params["inputResponses"] = json!({ "q": accepted(&mark) });
        let result = self.modern("tools/call", params)?;
        let said = &result["structuredContent"]["answers"]["q"]["content"]["x"];
        ensure(*said == mark.as_str(), || format!("answered {mark}, and was told {result}"))
    }

    fn modern_listen(&mut self) -> Did {
        let filter = json!({ "notifications": { "resourceSubscriptions": [RESOURCE] } });
        let mut stream = self.send(&modern_request("subscriptions/listen", filter))?;
        let first = stream.next()?;
        let acknowledged =
            first.as_ref().is_some_and(|first| first["method"] == "notifications/subscriptions/acknowledged");
        ensure(acknowledged, || format!("not acknowledged: {first:?}"))?;
        self.hear(&mut stream)
    }

    /// Hears some news, which must keep coming.
    fn hear(&mut self, stream: &mut Reading) -> Did {
        for _ in 0..self.dice.roll(20) + 1 {
            let since = Instant::now();
            let Some(news) = stream.next()? else {
                return Err(Trouble::Broken("the stream ended".to_owned()));
            };
            let right = news["method"] == "notifications/resources/updated" && news["params"]["uri"] == RESOURCE;
            // Who may have missed something is told that everything may have changed.
            let right = right || news["method"].as_str().is_some_and(|method| method.ends_with("list_changed"));
            ensure(right, || format!("no news: {news}"))?;
            ensure(since.elapsed() < SILENCE_MAX, || format!("heard nothing for {:?}", since.elapsed()))?;
            self.tally.count(self.who, "news heard");
        }
        Ok(())
    }

    fn session(&mut self) -> Did<String> {
        if let Some(session) = &self.session {
            return Ok(session.clone());
        }
        let session = self.insist(|| self.begin())?;
        self.session = Some(session.clone());
        Ok(session)
    }

    fn begin(&self) -> Did<String> {
        let params = json!({
            "protocolVersion": LEGACY,
            "capabilities": { "elicitation": {} },
            "clientInfo": { "name": "chaos", "version": "1" },
        });
        let body = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        let reading = self.send(&Request::post(body.to_string()))?;
        reading.session.ok_or_else(|| Trouble::Wrong("no session was given".to_owned()))
    }

    fn legacy(session: &str, message: &Value) -> Request {
        with_session(Request::post(message.to_string()), session)
    }

    /// Sends a request of a session, and gives the result; whoever cannot come back to the answer loses it.
    fn call_legacy(&self, session: &str, method: &str, params: &Value) -> Did<Value> {
        let id = number();
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let reading = self.send(&Client::legacy(session, &request))?;
        result(self.follow(session, reading, id, &|_| Ok(()))?)
    }

    fn legacy_call(&mut self) -> Did {
        let (session, mark) = (self.session()?, number());
        let params = json!({ "name": "s_echo", "arguments": { "n": mark } });
        let result = self.call_legacy(&session, "tools/call", &params)?;
        let said: Value =
            result["content"][0]["text"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        ensure(said["n"] == mark, || format!("asked {mark}, and was told {result}"))
    }

    fn legacy_counted(&mut self) -> Did {
        let (session, key) = (self.session()?, number().to_string());
        let params = json!({ "name": "k_kv_increment", "arguments": { "key": key, "delta": 1 } });
        let did = self.call_legacy(&session, "tools/call", &params);
        self.counted(key, did)
    }

    fn legacy_long(&mut self) -> Did {
        let session = self.session()?;
        let ms = 300 + self.dice.roll(1500);
        let params = json!({ "name": "s_wait", "arguments": { "ms": ms } });
        let result = self.call_legacy(&session, "tools/call", &params)?;
        ensure(result["content"][0]["text"] == "waited", || format!("waited, and was told {result}"))
    }

    /// Reads an answer to its end, coming back for the rest wherever its stream breaks.
    fn follow(&self, session: &str, mut reading: Reading, id: u64, asked: &dyn Fn(&Value) -> Did) -> Did<Value> {
        for _ in 0..TRIES_MAX {
            let begun = Instant::now();
            let broken = loop {
                in_time(begun)?;
                match reading.next() {
                    Ok(Some(message)) if message.get("method").is_none() => {
                        ensure(message["id"] == json!(id), || format!("somebody else's answer: {message}"))?;
                        return Ok(message);
                    }
                    Ok(Some(message)) if message.get("id").is_some() => asked(&message)?,
                    Ok(Some(_)) => {}
                    Ok(None) => break Trouble::Broken("the stream ended".to_owned()),
                    Err(wrong @ Trouble::Wrong(_)) => return Err(wrong),
                    Err(trouble) => break trouble,
                }
            };
            let Some(last) = reading.last_event_id.clone() else { return Err(broken) };
            self.tally.count(self.who, "came back for the rest of a stream");
            thread::sleep(AGAIN_AFTER);
            let again = with_session(Request::bare("GET", "/mcp"), session).header("Accept", "text/event-stream");
            let again = again.header("Last-Event-ID", &last);
            reading = self.insist(|| self.send(&again))?;
            ensure(reading.is_stream(), || "a stream cannot be taken up again".to_owned())?;
            reading.last_event_id.get_or_insert(last);
        }
        Err(Trouble::Wrong("a stream broke again and again".to_owned()))
    }

    fn legacy_question(&mut self) -> Did {
        let (session, mark, id) = (self.session()?, number().to_string(), number());
        let params = json!({ "name": "s_ask", "arguments": {} });
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
        let reading = self.send(&Client::legacy(&session, &request))?;
        let answer = |question: &Value| {
            let answer = json!({ "jsonrpc": "2.0", "id": question["id"], "result": accepted(&mark) });
            // Whoever does not know whether it was heard says it again: it counts once.
            self.insist(|| self.send(&Client::legacy(&session, &answer)).map(drop))
        };
        let result = result(self.follow(&session, reading, id, &answer)?)?;
        let said: Value =
            result["content"][0]["text"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        ensure(said["answers"]["q"]["content"]["x"] == mark.as_str(), || {
            format!("answered {mark}, and was told {result}")
        })
    }

    fn legacy_listen(&mut self) -> Did {
        if self.session.is_none() {
            let session = self.session()?;
            self.insist(|| self.call_legacy(&session, "resources/subscribe", &json!({ "uri": RESOURCE })))?;
        }
        let session = self.session()?;
        let open = with_session(Request::bare("GET", "/mcp"), &session).header("Accept", "text/event-stream");
        let mut stream = self.send(&open)?;
        ensure(stream.is_stream(), || "no stream of news".to_owned())?;
        self.hear(&mut stream)
    }

    /// Begins something long, ends its session, and sees that both are over.
    fn legacy_leave(&mut self) -> Did {
        let session = self.insist(|| self.begin())?;
        let id = number();
        let params = json!({ "name": "s_wait", "arguments": { "ms": 20_000 } });
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
        let mut call = self.send(&Client::legacy(&session, &request))?;
        self.insist(|| match self.send(&with_session(Request::bare("DELETE", "/mcp"), &session)) {
            // It had worked before, and nobody could say so.
            Err(Trouble::Wrong(said)) if said.contains("404") => Ok(()),
            done => done.map(drop),
        })?;
        let begun = Instant::now();
        while let Some(message) = call.next()? {
            ensure(message.get("result").is_none(), || format!("a call went on without its session: {message}"))?;
        }
        ensure(begun.elapsed() < SILENCE_MAX, || "a call went on without its session".to_owned())
    }
}

fn with_session(request: Request, session: &str) -> Request {
    request.header("Mcp-Session-Id", session).header("MCP-Protocol-Version", LEGACY)
}

/// The result of a response. A call whose host is gone ends with an error that says so.
fn result(mut message: Value) -> Did<Value> {
    let said = message["error"]["message"].as_str().unwrap_or_default();
    if said.contains("the host that ran this call was lost") {
        return Err(Trouble::Lost(said.to_owned()));
    }
    ensure(message.get("result").is_some() && message["result"]["isError"] != true, || format!("failed: {message}"))?;
    Ok(message["result"].take())
}

/// The same request with an id of its own.
fn numbered(request: Request, id: u64) -> Request {
    let mut body: Value = serde_json::from_slice(&request.body).expect("it was JSON");
    body["id"] = json!(id);
    request.body(body.to_string())
}

pub(super) fn accepted(mark: &str) -> Value {
    json!({ "action": "accept", "content": { "x": mark } })
}

/// A number that nobody else has.
pub(super) fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
