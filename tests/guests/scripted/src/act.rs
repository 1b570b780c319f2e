//! What a scripted tool can do when it is called.

use std::hint::black_box;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::bindings::exports::toolyard::plugin::tools::ToolResult;
use crate::bindings::toolyard::plugin::progress;
use crate::bindings::toolyard::plugin::types::{Content, Error, RetryHint, TextContent};
use crate::bindings::wasi::logging::logging;

/// One deed.
#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Act {
    /// Gives the arguments back, as structured content.
    #[default]
    Echo,
    /// Says this text.
    Say(String),
    /// Gives this text as structured content, be it JSON or not.
    Structured(String),
    /// Fails in the named way, with this message.
    Fail(Failure),
    /// Loops for ever.
    Spin,
    /// Takes memory for ever.
    Allocate,
    /// Calls itself for ever.
    Recurse,
    /// Executes `unreachable`.
    Trap,
    /// Panics with this message.
    Panic(String),
    /// Gives this many bytes of text.
    Flood(usize),
    /// Writes this many bytes to stdout.
    FloodStdout(usize),
    /// Logs this many bytes, in messages of 64 KiB.
    FloodLog(usize),
    /// Reports progress this many times, then says `done`.
    Progress(u32),
    /// Says that it has begun, as progress and in the log, waits as many milliseconds as the argument `ms` says, says in the
    /// log that the wait has ended, and then says this text.
    Wait(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Failure {
    InvalidArguments(String),
    Denied(String),
    Retryable(String),
    Failed(String),
    Internal(String),
    /// A result that says of itself that it is a failure.
    IsError(String),
}

impl Act {
    pub(crate) fn perform(self, arguments: &str) -> Result<ToolResult, Error> {
        match self {
            Act::Echo => Ok(structured(arguments.to_owned())),
            Act::Say(words) => Ok(text(words)),
            Act::Structured(json) => Ok(structured(json)),
            Act::Fail(failure) => failure.happen(),
            Act::Spin => spin(),
            Act::Allocate => allocate(),
            Act::Recurse => Ok(text(recurse(1).to_string())),
            Act::Trap => std::process::abort(),
            Act::Panic(message) => panic!("{message}"),
            Act::Flood(bytes) => Ok(text("x".repeat(bytes))),
            Act::FloodStdout(bytes) => Ok(flood_stdout(bytes)),
            Act::FloodLog(bytes) => Ok(flood_log(bytes)),
            Act::Progress(steps) => Ok(report(steps)),
            Act::Wait(words) => wait(arguments, words),
        }
    }
}

impl Failure {
    fn happen(self) -> Result<ToolResult, Error> {
        Err(match self {
            Failure::InvalidArguments(message) => Error::InvalidArguments(message),
            Failure::Denied(message) => Error::Denied(message),
            Failure::Retryable(message) => Error::Retryable(RetryHint { message, after_ms: Some(1) }),
            Failure::Failed(message) => Error::Failed(message),
            Failure::Internal(message) => Error::Internal(message),
            Failure::IsError(message) => return Ok(ToolResult { is_error: true, ..text(message) }),
        })
    }
}

/// Loops for ever, and does so in a way that no compiler may take out.
pub(crate) fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn allocate() -> ! {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1_u8; 1 << 20]));
    }
}

fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    // Never true, which only a reader knows.
    if black_box(depth) == 0 {
        return 0;
    }
    recurse(depth + 1) + frame[1]
}

fn flood_stdout(bytes: usize) -> ToolResult {
    let line = "x".repeat(1023);
    for _ in 0..bytes / 1024 {
        #[expect(clippy::print_stdout, reason = "this is what it is for")]
        {
            println!("{line}");
        }
    }
    text("done".to_owned())
}

fn flood_log(bytes: usize) -> ToolResult {
    let message = "x".repeat(64 * 1024);
    for _ in 0..bytes / message.len() {
        logging::log(logging::Level::Info, "flood", &message);
    }
    text("done".to_owned())
}

fn report(steps: u32) -> ToolResult {
    for step in 1..=steps {
        progress::report(f64::from(step), Some(f64::from(steps)), Some("going on"));
    }
    text("done".to_owned())
}

fn wait(arguments: &str, words: String) -> Result<ToolResult, Error> {
    let arguments: Value = serde_json::from_str(arguments).map_err(|e| Error::InvalidArguments(e.to_string()))?;
    let ms = arguments["ms"].as_u64().ok_or_else(|| Error::InvalidArguments("`ms` is missing".to_owned()))?;
    progress::report(1.0, Some(2.0), Some("waiting"));
    logging::log(logging::Level::Info, "wait", "the wait has begun");
    std::thread::sleep(Duration::from_millis(ms));
    logging::log(logging::Level::Info, "wait", "the wait has ended");
    Ok(text(words))
}

fn text(text: String) -> ToolResult {
    let content = vec![Content::Text(TextContent { text, annotations: None, meta: None })];
    ToolResult { content, structured: None, is_error: false, meta: None }
}

fn structured(json: String) -> ToolResult {
    ToolResult { content: Vec::new(), structured: Some(json), is_error: false, meta: None }
}
