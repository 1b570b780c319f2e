//! Plugins in Rust: cargo does it all.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use super::{
    FOLDER, Language, Pace, layout,
    tools::{self, Missing},
};

const TARGET: &str = "wasm32-wasip2";

pub(super) fn name(manifest: &str) -> Option<String> {
    super::toml_text(manifest, ["package", "name"])
}

pub(super) fn build(project: &Path, pace: Pace) -> Result<Vec<u8>> {
    let manifest = project.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).with_context(|| format!("{} cannot be read", manifest.display()))?;
    // A project may get the SDK from elsewhere.
    if text.contains(FOLDER) {
        layout::lay_down(project, Language::Rust)?;
    }
    if pace != Pace::Again {
        look_for_tools()?;
    }
    // Always for release, whoever asks: it takes a second or two once what it depends on is there, and makes a third less for the
    // host to compile.
    let mut cargo = Command::new("cargo");
    cargo.current_dir(project).args(["build", "--lib", "--release", "--target", TARGET]);
    cargo.args(["--message-format", "json-render-diagnostics"]);
    if pace == Pace::Again {
        cargo.arg("--quiet");
    }
    let messages = tools::run_reading(&mut cargo)?;
    let file = component(&messages, &manifest).ok_or_else(|| {
        anyhow!("cargo made no component: {} needs `[lib]` with `crate-type = [\"cdylib\"]`", manifest.display())
    })?;
    fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))
}

fn look_for_tools() -> Result<()> {
    let mut missing = Missing::default();
    let cargo = tools::find("cargo");
    let found =
        missing.unless(cargo, "cargo 1.95 or newer", "install Rust with rustup, see https://rustup.rs").is_some();
    if found && !has_target() {
        missing.add(&format!("Rust's target {TARGET}"), &format!("rustup target add {TARGET}"));
    }
    missing.none("a plugin in Rust")
}

fn has_target() -> bool {
    let arguments = ["--print", "target-libdir", "--target", TARGET];
    tools::says(Path::new("rustc"), &arguments).is_some_and(|folder| Path::new(folder.trim()).is_dir())
}

/// The component of the package with this manifest, among what cargo says that it made.
fn component(messages: &str, manifest: &Path) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut files = messages
        .filter(|message| {
            message["reason"] == "compiler-artifact"
                && message["manifest_path"].as_str().map(Path::new) == Some(manifest)
        })
        .flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default());
    files.find_map(|file| file.as_str().filter(|file| file.ends_with(".wasm")).map(PathBuf::from))
}
