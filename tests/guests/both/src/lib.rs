//! A plugin that exports a plain function beside the contract: the contract is what counts.

mod bindings {
    #![allow(unsafe_code, unreachable_pub, clippy::all, reason = "generated")]
    wit_bindgen::generate!({
        path: "../../../wit",
        inline: "
            package example:both;
            world both {
                export toolyard:plugin/tools@0.1.0;
                export plain: func() -> string;
            }
        ",
        world: "example:both/both",
        generate_all,
    });
    export!(Both with_types_in self);
    use super::Both;
}

use bindings::exports::toolyard::plugin::tools::{Guest, Outcome, Tool, ToolResult};
use bindings::toolyard::plugin::types::{CallContext, Error, Resumption};

struct Both;

impl bindings::Guest for Both {
    fn plain() -> String {
        "plain".into()
    }
}

impl Guest for Both {
    fn describe() -> Vec<Tool> {
        vec![Tool {
            name: "described".into(),
            title: None,
            description: None,
            input_schema: r#"{"type":"object"}"#.into(),
            output_schema: None,
            annotations: None,
            icons: Vec::new(),
            long_running: false,
            meta: None,
        }]
    }

    fn call(
        _name: String,
        _arguments: String,
        _context: CallContext,
        _resume: Option<Resumption>,
    ) -> Result<Outcome, Error> {
        let structured = Some(r#"{"by":"contract"}"#.into());
        Ok(Outcome::Complete(ToolResult { content: Vec::new(), structured, is_error: false, meta: None }))
    }
}
