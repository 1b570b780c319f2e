//! The tools of a script.

use serde::Deserialize;

use crate::Scripted;
use crate::act::Act;
use crate::bindings::exports::toolyard::plugin::tools::{Guest, Outcome, Tool, ToolAnnotations};
use crate::bindings::toolyard::plugin::types::{CallContext, Error, Resumption};
use crate::deed;
use crate::script::{Describe, Script};

/// One tool. Schemas are texts, so that they may be wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptedTool {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default = "any_object")]
    input_schema: String,
    #[serde(default)]
    output_schema: Option<String>,
    /// Whether it says of itself that it may be run twice.
    #[serde(default)]
    idempotent: bool,
    /// Whether it says of itself that it takes long.
    #[serde(default)]
    long_running: bool,
    #[serde(default)]
    act: Act,
}

fn any_object() -> String {
    r#"{"type":"object"}"#.to_owned()
}

impl Guest for Scripted {
    fn describe() -> Vec<Tool> {
        let script = Script::read();
        match script.describe {
            Describe::Tools => script.tools.into_iter().map(Tool::from).collect(),
            Describe::Trap => std::process::abort(),
            Describe::Spin => deed::spin(),
        }
    }

    fn call(
        name: String,
        arguments: String,
        context: CallContext,
        resume: Option<Resumption>,
    ) -> Result<Outcome, Error> {
        match Script::read().tools.into_iter().find(|tool| tool.name == name) {
            Some(tool) => tool.act.perform(&arguments, &context, resume.as_ref()),
            None => Err(Error::Internal(format!("the script has no tool `{name}`"))),
        }
    }
}

impl From<ScriptedTool> for Tool {
    fn from(tool: ScriptedTool) -> Self {
        Tool {
            name: tool.name,
            title: None,
            description: tool.description,
            input_schema: tool.input_schema,
            output_schema: tool.output_schema,
            annotations: tool.idempotent.then_some(ToolAnnotations {
                read_only: None,
                destructive: None,
                idempotent: Some(true),
                open_world: None,
            }),
            icons: Vec::new(),
            long_running: tool.long_running,
            meta: None,
        }
    }
}
