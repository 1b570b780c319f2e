//! The script: what the harness wrote into the component.

use serde::Deserialize;

use crate::completions::ScriptedCompletion;
use crate::prompts::ScriptedPrompt;
use crate::resources::ScriptedResources;
use crate::tools::ScriptedTool;

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
    #[serde(default)]
    pub(crate) prompts: Vec<ScriptedPrompt>,
    #[serde(default)]
    pub(crate) resources: ScriptedResources,
    #[serde(default)]
    pub(crate) completions: Vec<ScriptedCompletion>,
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

impl Script {
    /// Reads the script, as if the bytes were not known when this was compiled: they are not.
    pub(crate) fn read() -> Script {
        let script = &std::hint::black_box(&SCRIPT)[MARKER.len()..];
        serde_json::from_slice(script).expect("the harness writes a script that can be read")
    }
}
