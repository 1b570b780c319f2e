//! A plugin that attacks the host.
//!
//! The component carries the name of an attack behind a marker, where the test harness writes it: each attack so is a component
//! of its own, with a digest of its own. What contains it, and what a caller reads, stands in the test.
//!
//! It is written against the contract itself, since no SDK would let it be this rude.

mod cpu;
mod description;
mod files;
mod handles;
mod host_calls;
mod log;
mod memory;
mod name;
mod network;
mod output;
mod reentry;
mod secrets;

/// What `wit-bindgen` makes of the contract.
mod bindings {
    #![allow(unsafe_code, unreachable_pub, clippy::all, reason = "generated")]
    wit_bindgen::generate!({ path: "../../../wit", world: "tools-plugin", generate_all });
    export!(Hostile with_types_in self);
    use super::Hostile;
}

use bindings::exports::toolyard::plugin::tools::{Guest, Outcome, Tool, ToolResult};
use bindings::toolyard::plugin::types::{CallContext, Content, Error, Resumption, TextContent};

/// What becomes of an attack, if it comes back at all.
pub(crate) type Told = Result<ToolResult, Error>;

/// An attack by its name.
pub(crate) type Attack = (&'static str, fn() -> Told);

/// All that are made in a call.
const ATTACKS: &[&[Attack]] = &[
    cpu::ATTACKS,
    files::ATTACKS,
    handles::ATTACKS,
    host_calls::ATTACKS,
    log::ATTACKS,
    memory::ATTACKS,
    network::ATTACKS,
    output::ATTACKS,
    reentry::ATTACKS,
    secrets::ATTACKS,
];

struct Hostile;

impl Guest for Hostile {
    fn describe() -> Vec<Tool> {
        description::describe(name::read()).unwrap_or_else(|| vec![description::tool("attack")])
    }

    fn call(
        _name: String,
        _arguments: String,
        _context: CallContext,
        _resume: Option<Resumption>,
    ) -> Result<Outcome, Error> {
        let attack = ATTACKS.iter().copied().flatten().find(|(attack, _)| *attack == name::read());
        match attack {
            Some((_, attack)) => attack().map(Outcome::Complete),
            // Those that are made in a description have a tool all the same, which keeps to what it promised.
            None if name::read().starts_with("output-") => structured("{}").map(Outcome::Complete),
            None => say("called").map(Outcome::Complete),
        }
    }
}

/// Comes back with a text.
pub(crate) fn say(text: impl Into<String>) -> Told {
    Ok(result(vec![content(text)], None))
}

/// Comes back with structured content.
pub(crate) fn structured(json: impl Into<String>) -> Told {
    Ok(result(Vec::new(), Some(json.into())))
}

pub(crate) fn content(text: impl Into<String>) -> Content {
    Content::Text(TextContent { text: text.into(), annotations: None, meta: None })
}

pub(crate) fn result(content: Vec<Content>, structured: Option<String>) -> ToolResult {
    ToolResult { content, structured, is_error: false, meta: None }
}
