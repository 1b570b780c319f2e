//! HTTP by hand: what no well-behaved client library would let a test send, and a view of every byte that comes back.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

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

/// A connection on which requests follow each other.
pub struct Connection {
    stream: BufReader<TcpStream>,
    /// What came of an event stream and was not yet asked for.
    events: Vec<u8>,
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
        let has = |name: &str| self.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
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
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
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
        let mut body = self.body.as_slice();
        let events = std::iter::from_fn(|| read_event(&mut body).expect("memory can be read"));
        events.filter(|data| !data.is_empty()).map(|data| message(&data)).collect()
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

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        let shown: String = body.chars().take(2000).collect();
        write!(f, "status {}, headers {:?}, body {shown}", self.status, self.headers)
    }
}

impl Connection {
    pub fn open(address: SocketAddr) -> Connection {
        let stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("{address} refuses: {error}"));
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout can be set");
        stream.set_nodelay(true).expect("TCP_NODELAY can be set");
        Connection { stream: BufReader::new(stream), events: Vec::new() }
    }

    /// Writes raw bytes. A host may answer and close before it has read all of them: that is its right.
    pub fn write(&mut self, bytes: &[u8]) {
        match self.stream.get_mut().write_all(bytes) {
            Err(error) if !is_closed(&error) => panic!("the request cannot be sent: {error}"),
            _ => {}
        }
    }

    /// Reads a whole answer.
    pub fn read(&mut self) -> Reply {
        self.try_read().unwrap_or_else(|error| panic!("the answer cannot be read: {error}"))
    }

    /// Reads a whole answer, or says why there is none.
    pub fn try_read(&mut self) -> io::Result<Reply> {
        let mut reply = self.read_head()?;
        reply.body = self.read_body(&reply)?;
        Ok(reply)
    }

    /// Reads only the status and the headers, so that the events which follow can be read one by one.
    pub fn read_head(&mut self) -> io::Result<Reply> {
        let line = read_line(&mut self.stream)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status line: {line:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = read_line(&mut self.stream)?;
            if line.is_empty() {
                return Ok(Reply { status, headers, body: Vec::new() });
            }
            let (name, value) = line.split_once(':').ok_or_else(|| io::Error::other(format!("no header: {line:?}")))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// Reads the next message of an event stream, whose body is chunked. `None` at its end.
    pub fn next_message(&mut self) -> Option<Value> {
        loop {
            while let Some(end) = self.events.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = self.events.drain(..end + 2).collect();
                // Comments, which keep a connection alive, are events with no data.
                let data = read_event(&mut event.as_slice()).expect("memory can be read");
                if let Some(data) = data.filter(|data| !data.is_empty()) {
                    return Some(message(&data));
                }
            }
            let chunk = read_chunk(&mut self.stream).unwrap_or_else(|error| panic!("the stream breaks: {error}"))?;
            self.events.extend(chunk);
        }
    }

    /// Whether the host has closed the connection.
    pub fn is_closed(&mut self) -> bool {
        match self.stream.fill_buf() {
            Ok(rest) => rest.is_empty(),
            Err(error) => is_closed(&error),
        }
    }

    fn read_body(&mut self, reply: &Reply) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if reply.header("Transfer-Encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            while let Some(chunk) = read_chunk(&mut self.stream)? {
                body.extend(chunk);
            }
        } else if let Some(length) = reply.header("Content-Length") {
            body.resize(length.parse().map_err(io::Error::other)?, 0);
            self.stream.read_exact(&mut body)?;
        } else if !matches!(reply.status, 100..200 | 204 | 304) {
            self.stream.read_to_end(&mut body)?;
        }
        Ok(body)
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
    )
}

fn read_line(input: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// The next chunk of a chunked body, `None` at its end.
fn read_chunk(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let line = read_line(input)?;
    let size =
        usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16).map_err(io::Error::other)?;
    let mut chunk = vec![0; size];
    input.read_exact(&mut chunk)?;
    read_line(input)?;
    Ok((size > 0).then_some(chunk))
}

/// The data of the next event, as the WHATWG's definition of event streams has it. `None` at the end of the input.
fn read_event(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut data: Vec<String> = Vec::new();
    loop {
        let line = match read_line(input) {
            Ok(line) => line,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        };
        if line.is_empty() {
            return Ok(Some(data.join("\n")));
        }
        // Nothing here resumes a stream, or tells events apart by type.
        if let Some(value) = line.strip_prefix("data:") {
            data.push(value.strip_prefix(' ').unwrap_or(value).to_owned());
        }
    }
}

fn message(data: &str) -> Value {
    serde_json::from_str(data).unwrap_or_else(|error| panic!("an event is not JSON ({error}): {data}"))
}
