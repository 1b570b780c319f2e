//! A plugin that is right in every respect but one: it imports an interface which no host has.

mod bindings {
    #![allow(unsafe_code, unreachable_pub, clippy::all, reason = "generated")]
    wit_bindgen::generate!({
        path: "../../../wit",
        inline: "
            package nobody:stranger;
            world stranger {
                import nobody:nothing/here@1.0.0;
                export toolyard:plugin/tools@0.1.0;
            }
            package nobody:nothing@1.0.0 {
                interface here { ask: func() -> string; }
            }
        ",
        world: "nobody:stranger/stranger",
        generate_all,
    });
    export!(Stranger with_types_in self);
    use super::Stranger;
}

use bindings::exports::toolyard::plugin::tools::{Guest, Outcome, Tool};
use bindings::nobody::nothing::here;
use bindings::toolyard::plugin::types::{CallContext, Error, Resumption};

struct Stranger;

impl Guest for Stranger {
    fn describe() -> Vec<Tool> {
        Vec::new()
    }

    fn call(
        _name: String,
        _arguments: String,
        _context: CallContext,
        _resume: Option<Resumption>,
    ) -> Result<Outcome, Error> {
        Err(Error::Failed(here::ask()))
    }
}
