//! Plugins in JavaScript and TypeScript.

use std::path::Path;

use anyhow::{Result, bail};
use serde_json::Value;

use super::{Language, Pace, layout};

/// Without the scope, which no file's name can have.
pub(super) fn name(manifest: &str) -> Option<String> {
    let manifest: Value = serde_json::from_str(manifest).ok()?;
    let name = manifest["name"].as_str()?;
    Some(name.rsplit('/').next().unwrap_or(name).to_owned())
}

pub(super) fn build(project: &Path, _: Pace) -> Result<Vec<u8>> {
    layout::lay_down(project, Language::JavaScript)?;
    bail!("not yet")
}
