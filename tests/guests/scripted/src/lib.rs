//! A plugin that does what a test wrote into it.
//!
//! The component carries a block of spaces behind a marker. The test harness writes a script over it, as JSON: which tools
//! to describe, and what each does when it is called, such as looping for ever. Every script so makes a component of its
//! own, with a digest of its own, and what is bad about a plugin stands in the test that is about it.
//!
//! It is written against the contract itself, with no SDK in between, since no SDK would let it be this rude.

mod act;
mod script;

/// What `wit-bindgen` makes of the contract.
mod bindings {
    #![allow(unsafe_code, unreachable_pub, clippy::all, reason = "generated")]
    wit_bindgen::generate!({ path: "../../../wit", world: "tools-plugin", generate_all });
    export!(Scripted with_types_in self);
    use super::Scripted;
}

use bindings::exports::toolyard::plugin::tools::{Guest, Outcome, Tool};
use bindings::toolyard::plugin::types::{CallContext, Error, Resumption};
use script::{Describe, Script};

struct Scripted;

impl Guest for Scripted {
    fn describe() -> Vec<Tool> {
        let script = Script::read();
        match script.describe {
            Describe::Tools => script.tools.into_iter().map(Tool::from).collect(),
            Describe::Trap => std::process::abort(),
            Describe::Spin => act::spin(),
        }
    }

    fn call(
        name: String,
        arguments: String,
        _context: CallContext,
        _resume: Option<Resumption>,
    ) -> Result<Outcome, Error> {
        match Script::read().tools.into_iter().find(|tool| tool.name == name) {
            Some(tool) => tool.act.perform(&arguments).map(Outcome::Complete),
            None => Err(Error::Internal(format!("the script has no tool `{name}`"))),
        }
    }
}
