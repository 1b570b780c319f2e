//! What a scripted tool can do when it is called.

use serde::Deserialize;

use crate::ask::{Ask, Asked};
use crate::bindings::exports::toolyard::plugin::tools::{Outcome, ToolResult};
use crate::bindings::toolyard::plugin::types::{CallContext, Content, Error, Resumption, RetryHint, TextContent};
use crate::deed::{self, Level, News};

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
    /// Logs these messages, each at its level, then says `done`.
    Log(Vec<(Level, String)>),
    /// Tells clients these news, then says `done`.
    Tell(Vec<News>),
    /// Says that it has begun, as progress and in the log, waits as many milliseconds as the argument `ms` says, says in the
    /// log that the wait has ended, and then says this text.
    Wait(String),
    /// Asks to be run again until this attempt, and then says which attempt it is.
    Again(u32),
    /// Asks the client, and then gives all it knows as structured content.
    Ask(Ask),
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
    pub(crate) fn perform(
        self,
        arguments: &str,
        context: &CallContext,
        resume: Option<&Resumption>,
    ) -> Result<Outcome, Error> {
        if let Act::Ask(ask) = self {
            return match ask.go_on(context, resume)? {
                Asked::Need(need) => Ok(Outcome::NeedInput(need)),
                Asked::Enough(known) => Ok(Outcome::Complete(structured(known.to_string()))),
            };
        }
        if let Act::Again(enough) = self {
            let message = format!("attempt {}", context.attempt);
            let again = context.attempt < enough;
            return if again {
                Err(Error::Retryable(RetryHint { message, after_ms: Some(1) }))
            } else {
                Ok(Outcome::Complete(text(message)))
            };
        }
        self.finish(arguments).map(Outcome::Complete)
    }

    fn finish(self, arguments: &str) -> Result<ToolResult, Error> {
        let done = || text("done".to_owned());
        match self {
            Act::Echo => return Ok(structured(arguments.to_owned())),
            Act::Say(words) => return Ok(text(words)),
            Act::Structured(json) => return Ok(structured(json)),
            Act::Fail(failure) => return failure.happen(),
            Act::Spin => deed::spin(),
            Act::Allocate => deed::allocate(),
            Act::Recurse => return Ok(text(deed::recurse(1).to_string())),
            Act::Trap => std::process::abort(),
            Act::Panic(message) => panic!("{message}"),
            Act::Flood(bytes) => return Ok(text("x".repeat(bytes))),
            Act::FloodStdout(bytes) => deed::flood_stdout(bytes),
            Act::FloodLog(bytes) => deed::flood_log(bytes),
            Act::Progress(steps) => deed::report(steps),
            Act::Log(messages) => deed::log(messages),
            Act::Tell(news) => deed::tell(news),
            Act::Wait(words) => return deed::wait(arguments).map(|()| text(words)),
            Act::Ask(_) | Act::Again(_) => unreachable!("what knows of rounds and attempts has no end of its own"),
        }
        Ok(done())
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

fn text(text: String) -> ToolResult {
    let content = vec![Content::Text(TextContent { text, annotations: None, meta: None })];
    ToolResult { content, structured: None, is_error: false, meta: None }
}

fn structured(json: String) -> ToolResult {
    ToolResult { content: Vec::new(), structured: Some(json), is_error: false, meta: None }
}
