//! HTTP by hand: what no well-behaved client library would let a test send, and a view of every byte that comes back.

use std::fmt;
use std::io::{self, BufRead, Read};
use std::time::Instant;

use serde_json::Value;

use crate::events::Events;
use crate::wait::PATIENCE;

/// A request that can still be changed.
#[derive(Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A whole answer.
pub struct Reply {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// A POST of JSON, as any MCP client would send it.
    pub fn post(body: impl Into<Vec<u8>>) -> Request {
        Request { method: "POST".into(), path: "/mcp".into(), headers: Vec::new(), body: body.into() }
            .header("Content-Type", "application/json")
            .header("Accept", "application/json, text/event-stream")
    }

    /// A request with no body.
    pub fn bare(method: &str, path: &str) -> Request {
        Request { method: method.into(), path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// With this header, instead of what it was before.
    pub fn header(self, name: &str, value: &str) -> Request {
        let mut request = self.without(name);
        request.headers.push((name.into(), value.into()));
        request
    }

    /// Without this header.
    pub fn without(mut self, name: &str) -> Request {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    /// With this body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Request {
        self.body = body.into();
        self
    }

    /// The bytes on the wire.
    pub fn bytes(&self, host: &str) -> Vec<u8> {
        let has = |name: &str| self.value_of(name).is_some();
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !has("Host") {
            head += &format!("Host: {host}\r\n");
        }
        if !has("Content-Length") && !has("Transfer-Encoding") && self.method == "POST" {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        [head.as_bytes(), &self.body].concat()
    }

    /// Reads a request as it stands on the wire.
    pub(crate) fn read(input: &mut impl BufRead) -> io::Result<Request> {
        let line = read_line(input)?;
        let mut words = line.split(' ');
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Err(io::Error::other(format!("no request line: {line:?}")));
        };
        let headers = read_headers(input)?;
        let body = read_body(input, &headers, false)?;
        Ok(Request { method: method.to_owned(), path: path.to_owned(), headers, body })
    }

    pub fn value_of(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

impl Reply {
    /// Reads the status and the headers, and nothing of the body.
    pub(crate) fn read_head(input: &mut impl BufRead) -> io::Result<Reply> {
        let line = read_line(input)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status line: {line:?}")))?;
        Ok(Reply { status, headers: read_headers(input)?, body: Vec::new() })
    }

    /// Reads the body that belongs to these headers.
    pub(crate) fn read_body(&mut self, input: &mut impl BufRead) -> io::Result<()> {
        let may_have_one = !matches!(self.status, 100..200 | 204 | 304);
        self.body = read_body(input, &self.headers, may_have_one)?;
        Ok(())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// All headers but those that are others for every answer.
    pub fn lasting_headers(&self) -> Vec<(String, String)> {
        self.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("date")).cloned().collect()
    }

    pub fn is_event_stream(&self) -> bool {
        self.header("Content-Type").is_some_and(|kind| kind.starts_with("text/event-stream"))
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("the body is not JSON ({error}): {self:?}"))
    }

    /// Every JSON-RPC message in the answer, in the order in which they came.
    pub fn messages(&self) -> Vec<Value> {
        if !self.is_event_stream() {
            return vec![self.json()];
        }
        let mut events = Events::default();
        events.push(&self.body);
        events.filter_map(|event| event.message()).collect()
    }

    /// The answer itself, which is the last message.
    pub fn answer(&self) -> Value {
        self.messages().pop().unwrap_or_else(|| panic!("there is no answer: {self:?}"))
    }

    /// The result of a request that must have had one.
    pub fn result(&self) -> Value {
        let mut answer = self.answer();
        assert_eq!(self.status, 200, "{self:?}");
        assert!(answer.get("result").is_some(), "there is no result: {answer}");
        answer["result"].take()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request { method, path, headers, body } = self;
        write!(f, "{method} {path}, headers {headers:?}, body {}", shown(body))
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}, headers {:?}, body {}", self.status, self.headers, shown(&self.body))
    }
}

/// The beginning of a body.
fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(2000).collect()
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn read_headers(input: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = read_line(input)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line.split_once(':').ok_or_else(|| io::Error::other(format!("no header: {line:?}")))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

/// Reads a body of whatever length the headers say; `to_end` is whether it otherwise lasts as long as the connection.
fn read_body(input: &mut impl BufRead, headers: &[(String, String)], to_end: bool) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if find(headers, "Transfer-Encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        let start = Instant::now();
        while let Some(chunk) = read_chunk(input)? {
            body.extend(chunk);
            // A stream that is kept alive comes to no end by itself.
            if start.elapsed() > PATIENCE {
                let seen = String::from_utf8_lossy(&body);
                return Err(io::Error::other(format!("it goes on for ever: {seen}")));
            }
        }
    } else if let Some(length) = find(headers, "Content-Length") {
        let length: u64 = length.parse().map_err(io::Error::other)?;
        // What is announced need not come.
        if input.take(length).read_to_end(&mut body)? as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    } else if to_end {
        input.read_to_end(&mut body)?;
    }
    Ok(body)
}

/// The next chunk of a chunked body, `None` at its end.
pub(crate) fn read_chunk(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let line = read_line(input)?;
    let size =
        usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16).map_err(io::Error::other)?;
    let mut chunk = vec![0; size];
    input.read_exact(&mut chunk)?;
    read_line(input)?;
    Ok((size > 0).then_some(chunk))
}

fn read_line(input: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
