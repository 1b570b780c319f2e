//! The requests of both protocol eras as bytes, and how to tell the right answer.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::{Value, json};

use crate::http1::{ANSWER_TIMEOUT, Client, Response};

/// The revisions of the Model Context Protocol that are measured, one of each era.
const MODERN: &str = "2026-07-28";
const LEGACY: &str = "2025-11-25";

/// Calls are numbered upwards from here, so that each number has ten digits and requests differ in those alone.
pub(crate) const NUMBER_FIRST: u64 = 1_000_000_000;
const DIGITS: usize = 10;

/// Which of the protocol's two ways of speaking a request uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Era {
    /// Everything in each request (2026-07-28).
    Modern,
    /// `initialize` first (2025-11-25).
    Legacy,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    path: String,
}

impl Endpoint {
    /// The same of another server, such as one in front of it.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self { address, path: self.path.clone() }
    }

    /// The same, as callers of one tenant know it.
    pub(crate) fn of_tenant(&self, tenant: &str) -> Self {
        Self { path: format!("/t/{tenant}{}", self.path), ..*self }
    }

    /// Reads a URL as servers print it: `http://127.0.0.1:43123/mcp`.
    pub(crate) fn of(url: &str) -> Result<Self> {
        let rest = url.strip_prefix("http://").with_context(|| format!("not an http URL: {url}"))?;
        let (address, path) = rest.split_once('/').with_context(|| format!("a URL without a path: {url}"))?;
        let address = address.parse().with_context(|| format!("not an address and port: {url}"))?;
        Ok(Self { address, path: format!("/{path}") })
    }
}

/// A `tools/call` request, to be sent again and again under a new number.
#[derive(Clone)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    /// Where the number stands.
    numbers: Vec<usize>,
}

impl Template {
    /// The call of an echo tool whose message carries the number of the call: each answer can be told from all others.
    pub(crate) fn echo(endpoint: &Endpoint, era: Era, session: Option<&str>, tool: &str) -> Self {
        Self::call(endpoint, era, session, tool, &json!({ "message": message(NUMBER_FIRST) }))
    }

    /// The call of any tool.
    pub(crate) fn call(endpoint: &Endpoint, era: Era, session: Option<&str>, tool: &str, arguments: &Value) -> Self {
        let params = json!({ "name": tool, "arguments": arguments });
        Self::request(endpoint, era, session, ("tools/call", tool), params, &json!({}))
    }

    /// The call of a tool by a client that knows tasks, and can be asked.
    pub(crate) fn task(endpoint: &Endpoint, tool: &str, arguments: &Value) -> Self {
        let params = json!({ "name": tool, "arguments": arguments });
        Self::request(endpoint, Era::Modern, None, ("tools/call", tool), params, &knowing_tasks())
    }

    /// Asks how a task is.
    pub(crate) fn get_task(endpoint: &Endpoint, id: &str) -> Self {
        let params = json!({ "taskId": id });
        Self::request(endpoint, Era::Modern, None, ("tasks/get", id), params, &knowing_tasks())
    }

    fn request(
        endpoint: &Endpoint,
        era: Era,
        session: Option<&str>,
        (method, name): (&str, &str),
        mut params: Value,
        capabilities: &Value,
    ) -> Self {
        let mut headers = String::new();
        if era == Era::Modern {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientInfo": { "name": "toolyard-bench", "version": env!("CARGO_PKG_VERSION") },
                "io.modelcontextprotocol/clientCapabilities": capabilities,
            });
            // Writing to a string cannot fail.
            let _ = write!(headers, "Mcp-Method: {method}\r\nMcp-Name: {name}\r\n");
        }
        let body = json!({ "jsonrpc": "2.0", "id": NUMBER_FIRST, "method": method, "params": params });
        let (bytes, body_at) = post(endpoint, era, session, &headers, &body);
        let number = NUMBER_FIRST.to_string();
        let numbers = places(&bytes[body_at..], number.as_bytes()).into_iter().map(|at| at + body_at).collect();
        Self { bytes, numbers }
    }

    /// The request under another number.
    pub(crate) fn numbered(&mut self, number: u64) -> &[u8] {
        put(&mut self.bytes, &self.numbers, number);
        &self.bytes
    }
}

/// What an answer has to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Right {
    /// The message of the call.
    #[default]
    Echo,
    /// That a task is as it is meant to be.
    Task,
}

/// Tells right answers from wrong ones.
///
/// An answer that is byte for byte the one before but for the number is right; any other is read as JSON. So all answers
/// are checked, at the price of a comparison.
#[derive(Default)]
pub(crate) struct Expected {
    right: Right,
    body: Vec<u8>,
    numbers: Vec<usize>,
}

impl Expected {
    pub(crate) fn new(right: Right) -> Self {
        Self { right, ..Self::default() }
    }

    pub(crate) fn check(&mut self, answer: &Response<'_>, number: u64) -> Result<()> {
        ensure!(answer.status == 200, "status {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
        if self.body.len() == answer.body.len() {
            put(&mut self.body, &self.numbers, number);
            if self.body == *answer.body {
                return Ok(());
            }
        }
        let checked = match self.right {
            Right::Echo => check_echo(&answer.body, number),
            Right::Task => check_task(&answer.body, number),
        };
        checked
            .with_context(|| format!("a wrong answer to call {number}: {}", String::from_utf8_lossy(&answer.body)))?;
        self.body = answer.body.to_vec();
        self.numbers = places(&self.body, number.to_string().as_bytes());
        Ok(())
    }
}

/// Opens a legacy session: `initialize`, then `notifications/initialized`. Gives the session's id where the server has one.
pub(crate) fn initialize(endpoint: &Endpoint) -> Result<Option<String>> {
    let mut client = Client::connect(endpoint.address)?;
    let params = json!({
        "protocolVersion": LEGACY,
        "capabilities": {},
        "clientInfo": { "name": "toolyard-bench", "version": env!("CARGO_PKG_VERSION") },
    });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
    let answer = client.send(&post(endpoint, Era::Legacy, None, "", &body).0)?;
    let text = String::from_utf8_lossy(&answer.body);
    ensure!(answer.status == 200, "initialize got status {}: {text}", answer.status);
    let value: Value = serde_json::from_slice(&answer.body).with_context(|| format!("initialize got {text}"))?;
    ensure!(value["result"]["protocolVersion"] == LEGACY, "initialize for {LEGACY} got {text}");
    let session = answer.header("mcp-session-id").map(str::to_owned);
    let body = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let answer = client.send(&post(endpoint, Era::Legacy, session.as_deref(), "", &body).0)?;
    ensure!(answer.status == 202, "notifications/initialized got status {}", answer.status);
    Ok(session)
}

/// Notes something of a session: its log level.
pub(crate) fn set_level(client: &mut Client, endpoint: &Endpoint, session: &str) -> Result<()> {
    let body = json!({ "jsonrpc": "2.0", "id": 2, "method": "logging/setLevel", "params": { "level": "error" } });
    let answer = client.send(&post(endpoint, Era::Legacy, Some(session), "", &body).0)?;
    let text = String::from_utf8_lossy(&answer.body);
    ensure!(answer.status == 200 && text.contains("\"result\""), "logging/setLevel got {}: {text}", answer.status);
    Ok(())
}

/// Opens a session's stream of news, which stays open as long as what is returned.
pub(crate) fn stream_of_news(endpoint: &Endpoint, session: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(endpoint.address).context("cannot connect for a stream")?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\nMCP-Protocol-Version: {LEGACY}\r\n\
         Mcp-Session-Id: {session}\r\n\r\n",
        endpoint.path, endpoint.address
    );
    stream.write_all(request.as_bytes())?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).context("no answer to a GET")?;
    ensure!(head == *b"HTTP/1.1 200", "a stream of news got {}", String::from_utf8_lossy(&head));
    Ok(stream)
}

/// A POST with a JSON body, as bytes, and where in them the body begins.
fn post(endpoint: &Endpoint, era: Era, session: Option<&str>, headers: &str, body: &Value) -> (Vec<u8>, usize) {
    let body = body.to_string();
    let version = if era == Era::Modern { MODERN } else { LEGACY };
    let session = session.map(|id| format!("Mcp-Session-Id: {id}\r\n")).unwrap_or_default();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
         MCP-Protocol-Version: {version}\r\n{session}{headers}Content-Length: {}\r\n\r\n",
        endpoint.path,
        endpoint.address,
        body.len()
    );
    ([head.as_bytes(), body.as_bytes()].concat(), head.len())
}

fn message(number: u64) -> String {
    format!("The quick brown fox jumps over the lazy dog, call {number}.")
}

fn check_echo(body: &[u8], number: u64) -> Result<()> {
    let value: Value = serde_json::from_slice(body)?;
    ensure!(value["id"] == number, "the id is another");
    ensure!(value["result"]["isError"] != true, "it is an error");
    ensure!(value["result"]["content"][0]["text"] == message(number), "the text is another");
    Ok(())
}

fn check_task(body: &[u8], number: u64) -> Result<()> {
    let value: Value = serde_json::from_slice(body)?;
    ensure!(value["id"] == number, "the id is another");
    let status = value["result"]["status"].as_str();
    ensure!(matches!(status, Some("completed" | "input_required")), "the task is {status:?}");
    Ok(())
}

/// What a client declares that knows tasks, and can be asked.
fn knowing_tasks() -> Value {
    json!({ "elicitation": { "form": {} }, "extensions": { "io.modelcontextprotocol/tasks": {} } })
}

fn places(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    bytes.windows(wanted.len()).enumerate().filter(|(_, window)| *window == wanted).map(|(at, _)| at).collect()
}

fn put(bytes: &mut [u8], places: &[usize], mut number: u64) {
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        // A remainder of ten fits.
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    for at in places {
        bytes[*at..*at + DIGITS].copy_from_slice(&digits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::parse;

    fn endpoint() -> Endpoint {
        Endpoint::of("http://127.0.0.1:1234/mcp").expect("legal")
    }

    #[test]
    fn a_modern_request_says_in_its_headers_what_it_says_in_its_body() {
        let mut template = Template::echo(&endpoint(), Era::Modern, None, "echo_echo");
        let text = String::from_utf8(template.numbered(NUMBER_FIRST + 42).to_vec()).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let body: Value = serde_json::from_str(body).expect("JSON");
        for header in ["MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call", "Mcp-Name: echo_echo"] {
            assert!(head.lines().any(|line| line == header), "{head}");
        }
        assert_eq!(body["id"], NUMBER_FIRST + 42);
        assert_eq!(body["params"]["arguments"]["message"], message(NUMBER_FIRST + 42));
        assert_eq!(body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    }

    #[test]
    fn a_legacy_request_carries_its_session_and_no_modern_words() {
        let mut template = Template::echo(&endpoint(), Era::Legacy, Some("s1"), "echo_echo");
        let text = String::from_utf8(template.numbered(NUMBER_FIRST).to_vec()).expect("text");
        assert!(text.contains("MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: s1\r\n"), "{text}");
        assert!(!text.contains("Mcp-Method") && !text.contains("_meta"), "{text}");
    }

    fn checked(expected: &mut Expected, body: &str, number: u64) -> Result<()> {
        let bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes();
        expected.check(&parse(&bytes)?.expect("whole"), number)
    }

    #[test]
    fn only_the_echo_of_this_call_is_right() {
        let (mut expected, first) = (Expected::default(), NUMBER_FIRST);
        let body = |id: u64, number: u64| {
            format!(r#"{{"id":{id},"result":{{"content":[{{"text":"{}"}}]}}}}"#, message(number))
        };
        checked(&mut expected, &body(first, first), first).expect("right");
        checked(&mut expected, &body(first + 1, first + 1), first + 1).expect("right again");
        let error =
            format!(r#"{{"id":{first},"result":{{"isError":true,"content":[{{"text":"{}"}}]}}}}"#, message(first));
        for wrong in [body(first + 1, first), body(first, first + 1), error, "{}".to_owned(), "[".to_owned()] {
            assert!(checked(&mut expected, &wrong, first).is_err(), "{wrong}");
        }
        let other_order = format!(r#"{{"result":{{"content":[{{"text":"{}"}}]}},"id":{first}}}"#, message(first));
        checked(&mut expected, &other_order, first).expect("the same in other bytes");
    }

    #[test]
    fn urls_as_servers_print_them() {
        assert_eq!(endpoint().path, "/mcp");
        for wrong in ["https://127.0.0.1:1/mcp", "http://127.0.0.1:1", "http://localhost/mcp"] {
            assert!(Endpoint::of(wrong).is_err(), "{wrong}");
        }
    }
}
