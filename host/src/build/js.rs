//! Plugins in JavaScript and TypeScript: the SDK has a driver of its own, and npm brings what that needs.

use std::{fs, path::Path, process::Command, time::SystemTime};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    FOLDER, Language, Pace, layout,
    tools::{self, Missing},
};

const NODE_LEAST: tools::Version = [20, 0, 0];

/// The SDK, as seen from `.toolyard`.
const SDK: &str = "sdk/js";

/// Written by npm when it has installed everything.
const INSTALLED: &str = "node_modules/.package-lock.json";

/// Without the scope, which no file's name can have.
pub(super) fn name(manifest: &str) -> Option<String> {
    let manifest: Value = serde_json::from_str(manifest).ok()?;
    let name = manifest["name"].as_str()?;
    Some(name.rsplit('/').next().unwrap_or(name).to_owned())
}

pub(super) fn build(project: &Path, pace: Pace) -> Result<Vec<u8>> {
    layout::lay_down(project, Language::JavaScript)?;
    let mut missing = Missing::default();
    let node =
        tools::find("node").filter(|node| pace == Pace::Again || tools::is_recent(node, &["--version"], NODE_LEAST));
    let node = missing.unless(node, "Node.js 20 or newer", "see https://nodejs.org");
    let npm = missing.unless(tools::find("npm"), "npm", "install it with Node.js, see https://nodejs.org");
    missing.none("a plugin in JavaScript or TypeScript")?;

    let sdk = project.join(FOLDER).join(SDK);
    if !is_installed(project, &sdk) {
        let mut install = Command::new(npm.unwrap_or_default());
        tools::run_quietly(install.current_dir(project).args(["install", "--no-audit", "--no-fund"]))?;
    }
    let out = layout::scratch(project, "raw.wasm")?;
    let mut driver = Command::new(node.unwrap_or_default());
    tools::run(driver.current_dir(project).arg(format!("{FOLDER}/{SDK}/build.mjs")).arg(project).arg(&out))?;
    fs::read(&out).with_context(|| format!("{} cannot be read", out.display()))
}

/// Whether all packages are there that the project and the SDK ask for.
fn is_installed(project: &Path, sdk: &Path) -> bool {
    let written = |file: &Path| fs::metadata(file).and_then(|meta| meta.modified()).ok();
    let asked = [project, sdk].map(|folder| written(&folder.join("package.json")));
    let latest: Option<SystemTime> = asked.into_iter().max().flatten();
    written(&project.join(INSTALLED)).is_some_and(|installed| Some(installed) >= latest)
}
