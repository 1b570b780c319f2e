//! A connection on which requests follow each other. What comes back is held against the official schemas as it is read.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use serde_json::Value;

use crate::conversation::Conversation;
use crate::events::{Event, Events};
use crate::http::{Reply, Request, read_chunk};
use crate::wait::{BUILD_PATIENCE, PATIENCE};

pub struct Connection {
    stream: BufReader<TcpStream>,
    /// What was written and is not yet known to be a whole request.
    written: Vec<u8>,
    /// Requests whose answers were not yet read.
    unanswered: VecDeque<Conversation>,
    /// The request whose answer is being read.
    current: Conversation,
    /// What came of an event stream and was not yet asked for.
    events: Events,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Connection {
        Connection::try_open(address).unwrap_or_else(|error| panic!("{address} refuses: {error}"))
    }

    /// Opens it, or says why that cannot be.
    pub(crate) fn try_open(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout can be set");
        stream.set_nodelay(true).expect("TCP_NODELAY can be set");
        Ok(Connection {
            stream: BufReader::new(stream),
            written: Vec::new(),
            unanswered: VecDeque::new(),
            current: Conversation::default(),
            events: Events::default(),
        })
    }

    /// Writes raw bytes. A host may answer and close before it has read all of them: that is its right.
    pub fn write(&mut self, bytes: &[u8]) {
        match self.stream.get_mut().write_all(bytes) {
            Err(error) if !is_closed(&error) => panic!("the request cannot be sent: {error}"),
            _ => {}
        }
        self.written.extend_from_slice(bytes);
        let mut rest = self.written.as_slice();
        while let Ok(request) = Request::read(&mut rest) {
            self.unanswered.push_back(Conversation::about(&request));
            self.written = rest.to_vec();
            rest = self.written.as_slice();
        }
    }

    /// Reads a whole answer.
    pub fn read(&mut self) -> Reply {
        self.try_read().unwrap_or_else(|error| panic!("the answer cannot be read: {error}"))
    }

    /// Reads a whole answer, or says why there is none.
    pub fn try_read(&mut self) -> io::Result<Reply> {
        let mut reply = self.read_head()?;
        self.read_body(&mut reply)?;
        Ok(reply)
    }

    /// Reads only the status and the headers, so that the events which follow can be read one by one.
    pub fn read_head(&mut self) -> io::Result<Reply> {
        self.current = self.unanswered.pop_front().unwrap_or_default();
        Reply::read_head(&mut self.stream)
    }

    /// Reads what belongs to this head.
    pub fn read_rest(&mut self, head: Reply) -> Reply {
        self.try_read_rest(head).unwrap_or_else(|error| panic!("the answer cannot be read: {error}"))
    }

    /// The same, or why it cannot be read.
    pub(crate) fn try_read_rest(&mut self, mut head: Reply) -> io::Result<Reply> {
        self.read_body(&mut head)?;
        Ok(head)
    }

    /// Reads the head of an event stream.
    pub fn expect_events(&mut self) {
        let head = self.read_head().unwrap_or_else(|error| panic!("the answer cannot be read: {error}"));
        if head.status != 200 || !head.is_event_stream() {
            panic!("no event stream: {:?}", self.read_rest(head));
        }
    }

    /// Reads the next event of an event stream, whose body is chunked. `None` at its end.
    pub fn next_event(&mut self) -> Option<Event> {
        self.try_next_event().unwrap_or_else(|error| panic!("the stream breaks: {error}"))
    }

    /// The same, or why it cannot be read.
    pub(crate) fn try_next_event(&mut self) -> io::Result<Option<Event>> {
        let start = Instant::now();
        loop {
            if let Some(event) = self.events.next() {
                if let Some(message) = event.message() {
                    self.current.hear_message(&message).unwrap_or_else(|wrong| panic!("{wrong}"));
                }
                return Ok(Some(event));
            }
            match read_chunk(&mut self.stream)? {
                Some(chunk) => self.events.push(&chunk),
                None => return Ok(None),
            }
            // A stream that is kept alive is never silent.
            if start.elapsed() > PATIENCE {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }

    /// Reads the next line of an event stream as it is, be it a comment.
    pub fn next_line(&mut self) -> String {
        loop {
            if let Some(line) = self.events.next_line() {
                return line;
            }
            let chunk = read_chunk(&mut self.stream).unwrap_or_else(|error| panic!("the stream breaks: {error}"));
            self.events.push(&chunk.expect("the stream goes on"));
        }
    }

    /// Reads the next message of an event stream. `None` at its end.
    pub fn next_message(&mut self) -> Option<Value> {
        loop {
            if let Some(message) = self.next_event()?.message() {
                return Some(message);
            }
        }
    }

    /// Reads an event stream to its end. The last message is the response, if there was one.
    pub fn messages(&mut self) -> Vec<Value> {
        let start = Instant::now();
        let next = || {
            assert!(start.elapsed() < BUILD_PATIENCE, "the stream goes on and on");
            self.next_message()
        };
        std::iter::from_fn(next).collect()
    }

    fn read_body(&mut self, reply: &mut Reply) -> io::Result<()> {
        reply.read_body(&mut self.stream)?;
        self.current.hear(reply).unwrap_or_else(|wrong| panic!("{wrong}"));
        Ok(())
    }

    /// Whether the host has closed the connection.
    pub fn is_closed(&mut self) -> bool {
        match self.stream.fill_buf() {
            Ok(rest) => rest.is_empty(),
            Err(error) => is_closed(&error),
        }
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
    )
}
