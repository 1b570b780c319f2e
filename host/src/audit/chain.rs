//! The chain: each line is numbered, and names the SHA-256 of the line before it.
//!
//! So no line can be changed, taken out or moved without the next one saying so. What has no next one is the end: that it is
//! whole can be told only by somebody who knows its hash.

use serde::Deserialize;

use crate::ids::Digest;

/// What the first line of all says came before it.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The end of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The number of the last record. 0: there is none yet.
    pub seq: u64,
    /// The SHA-256 of its line, without the line break, in hexadecimal digits.
    pub hash: String,
}

/// What of a line belongs to the chain.
#[derive(Debug, Deserialize)]
pub(super) struct Link {
    pub(super) seq: u64,
    pub(super) prev: String,
    pub(super) kind: String,
}

impl Head {
    /// Of a chain that has no record yet.
    pub(super) fn of_nothing() -> Self {
        Self { seq: 0, hash: NOTHING.into() }
    }

    /// Of a chain that ends with this line.
    pub(super) fn at(seq: u64, line: &[u8]) -> Self {
        Self { seq, hash: hash(line) }
    }

    /// Makes the next line of a record, which is a JSON object without its opening brace, and adds it to `lines` with its line
    /// break.
    pub(super) fn append(&mut self, record: &[u8], lines: &mut Vec<u8>) {
        let begin = lines.len();
        self.seq += 1;
        lines.extend_from_slice(format!("{{\"seq\":{},\"prev\":\"{}\",", self.seq, self.hash).as_bytes());
        lines.extend_from_slice(record);
        self.hash = hash(&lines[begin..]);
        lines.push(b'\n');
    }
}

impl Link {
    /// `None` if the line is no record.
    pub(super) fn of(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

/// The SHA-256 of a line, in hexadecimal digits.
pub(super) fn hash(line: &[u8]) -> String {
    Digest::of(line).hex()
}

/// What is no hash cannot be compared with one.
pub fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
