//! Server-sent events, as the WHATWG defines them.

use serde_json::Value;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What a client repeats as `Last-Event-ID` to go on behind this event.
    pub id: Option<String>,
    /// How many milliseconds a client shall wait before it comes back.
    pub retry_ms: Option<u64>,
    pub data: String,
}

/// Takes an event stream apart, however the bytes arrive.
#[derive(Default)]
pub(crate) struct Events {
    bytes: Vec<u8>,
}

impl Event {
    /// The JSON-RPC message it carries, if it carries one: the event that a stream begins with has no data.
    pub fn message(&self) -> Option<Value> {
        if self.data.is_empty() {
            return None;
        }
        let message = serde_json::from_str(&self.data);
        Some(message.unwrap_or_else(|error| panic!("an event is not JSON ({error}): {}", self.data)))
    }

    /// Reads the lines of one event. `None` where they are comments, which keep a connection alive.
    fn read(lines: &str) -> Option<Event> {
        let mut event = Event { id: None, retry_ms: None, data: String::new() };
        let (mut says_something, mut data) = (false, Vec::new());
        for line in lines.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => event.id = Some(value.to_owned()),
                "retry" => event.retry_ms = Some(value.parse().unwrap_or_else(|_| panic!("no time: {line:?}"))),
                "data" => data.push(value),
                // Nobody here tells events apart by their type, and what has no name is a comment.
                _ => continue,
            }
            says_something = true;
        }
        event.data = data.join("\n");
        says_something.then_some(event)
    }
}

impl Events {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes one line off, whatever it is.
    pub(crate) fn next_line(&mut self) -> Option<String> {
        let end = self.bytes.iter().position(|byte| *byte == b'\n')?;
        let line: Vec<u8> = self.bytes.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line).trim_end().to_owned())
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            let end = self.bytes.windows(2).position(|pair| pair == b"\n\n")?;
            let lines: Vec<u8> = self.bytes.drain(..end + 2).collect();
            if let Some(event) = Event::read(&String::from_utf8_lossy(&lines)) {
                return Some(event);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Events};

    #[test]
    fn a_stream_is_taken_apart() {
        let mut events = Events::default();
        events.push(b"id: a-0\nretry: 10\ndata: \n\n: still here\n\ndata: {\"a\":");
        let first = Event { id: Some("a-0".into()), retry_ms: Some(10), data: String::new() };
        assert_eq!(events.next(), Some(first.clone()));
        assert_eq!((first.message(), events.next()), (None, None));
        events.push(b"1}\n\n");
        let second = events.next().expect("it is whole now");
        assert_eq!(second.message(), Some(serde_json::json!({ "a": 1 })));
    }
}
