//! Reading a call's arguments, and saying where they are wrong.
//!
//! The host has held them against the schema. What is left are rules that a schema does not say: the range of an integer, what
//! `#[serde(try_from)]` checks.

use std::fmt::Write;

use serde::de::DeserializeOwned;

use crate::Error;

/// Reads a tool's arguments.
pub fn decode<T: DeserializeOwned>(arguments: &str) -> Result<T, Error> {
    serde_json::from_str(arguments).map_err(|error| explain(arguments, &error))
}

// serde says the line and the column, which mean nothing to a model that sees values. Following the path while decoding would
// double the code of every type; finding it afterwards costs once.
#[cold]
fn explain(arguments: &str, error: &serde_json::Error) -> Error {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message);
    let mut path = path_at(arguments, offset(arguments, error));
    if message.starts_with("unknown field") {
        path.pop();
    }
    let mut place = String::new();
    for step in path {
        // Writing to a string cannot fail.
        let _ = match step {
            Step::Key(key) if place.is_empty() => write!(place, "{key}"),
            Step::Key(key) => write!(place, ".{key}"),
            Step::Index(index) => write!(place, "[{index}]"),
        };
    }
    match place.is_empty() {
        true => Error::invalid_arguments(message),
        false => Error::invalid_arguments(format_args!("`{place}`: {message}")),
    }
}

fn offset(text: &str, error: &serde_json::Error) -> usize {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    before + error.column()
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// The way to the value that ends at `offset`, or that it is in.
fn path_at(json: &str, offset: usize) -> Vec<Step<'_>> {
    /// An array, and how far we are in it, or an object, and the key we are at.
    enum Level<'a> {
        Array(usize),
        Object(Option<&'a str>),
    }
    let mut levels: Vec<Level<'_>> = Vec::new();
    let mut position = 0;
    while position < offset.min(json.len()) {
        match (json.as_bytes()[position], levels.last_mut()) {
            (b'{', _) => levels.push(Level::Object(None)),
            (b'[', _) => levels.push(Level::Array(0)),
            (b'}' | b']', _) => drop(levels.pop()),
            (b',', Some(Level::Array(index))) => *index += 1,
            (b',', Some(Level::Object(key))) => *key = None,
            (b'"', level) => {
                let text = string_at(json, position);
                position += text.len() + 1;
                if let Some(Level::Object(key @ None)) = level {
                    *key = Some(text);
                }
            }
            _ => {}
        }
        position += 1;
    }
    let step = |level| match level {
        Level::Array(index) => Some(Step::Index(index)),
        Level::Object(key) => key.map(Step::Key),
    };
    levels.into_iter().filter_map(step).collect()
}

/// What stands between the quotes, the first of which is at `position`.
fn string_at(json: &str, position: usize) -> &str {
    let text = &json[position + 1..];
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let quote = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        quote
    });
    &text[..end.unwrap_or(text.len())]
}
