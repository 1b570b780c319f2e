//! The test guest `scripted`, with a script of ours written into it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// Where the script begins in the component, and blanks as far as it may go.
const MARKER: &[u8] = b"<<toolyard-script>>:";

/// The component at `path` as one that does what `script` says.
pub(crate) fn scripted(path: &Path, script: &Value) -> Result<Vec<u8>> {
    let mut component = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let marker = component.windows(MARKER.len()).position(|window| window == MARKER);
    let room = &mut component[marker.context("the guest has no place for a script")? + MARKER.len()..];
    let text = script.to_string();
    let free = room.iter().take_while(|byte| **byte == b' ').count();
    ensure!(text.len() <= free, "a script of {} bytes does not fit into {free}", text.len());
    room[..text.len()].copy_from_slice(text.as_bytes());
    Ok(component)
}
