//! The script: what the harness wrote into the component.

use serde::Deserialize;

use crate::act::Act;
use crate::bindings::exports::toolyard::plugin::tools::Tool;

/// Where a script begins. The harness looks for this, and writes behind it.
const MARKER: [u8; 20] = *b"<<toolyard-script>>:";

/// How much room a script has.
const ROOM: usize = 8 * 1024;

/// The marker and the room behind it, filled with spaces, which JSON does not mind.
static SCRIPT: [u8; MARKER.len() + ROOM] = {
    let mut script = [b' '; MARKER.len() + ROOM];
    let mut at = 0;
    while at < MARKER.len() {
        script[at] = MARKER[at];
        at += 1;
    }
    script
};

/// What the plugin is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    #[serde(default)]
    pub(crate) describe: Describe,
    #[serde(default)]
    pub(crate) tools: Vec<ScriptedTool>,
}

/// What becomes of being asked for the tools.
#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Describe {
    #[default]
    Tools,
    Trap,
    Spin,
}

/// One tool. Schemas are texts, so that they may be wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptedTool {
    pub(crate) name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default = "any_object")]
    input_schema: String,
    #[serde(default)]
    output_schema: Option<String>,
    #[serde(default)]
    pub(crate) act: Act,
}

fn any_object() -> String {
    r#"{"type":"object"}"#.to_owned()
}

impl Script {
    /// Reads the script, as if the bytes were not known when this was compiled: they are not.
    pub(crate) fn read() -> Script {
        let script = &std::hint::black_box(&SCRIPT)[MARKER.len()..];
        serde_json::from_slice(script).expect("the harness writes a script that can be read")
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
            annotations: None,
            icons: Vec::new(),
            long_running: false,
            meta: None,
        }
    }
}
