//! Where plugins come from, and whether they may be served: registries, signatures, the lock file, changed descriptions.

mod held;
mod liar;
mod locked;
mod pulled;
mod signed;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::json;
use tempfile::TempDir;
use toolyard_tests::{Host, Setup, eventually, host_program, output, scripted};

use crate::expect;

/// A plugin whose tool `say` says these words, and describes itself so.
fn saying(words: &str, description: &str) -> Vec<u8> {
    scripted(&json!({ "tools": [{ "name": "say", "description": description, "act": { "say": words } }] }))
}

/// What the tool of plugin `p` says.
fn said(host: &Host) -> String {
    expect::text(&host.call("p_say", &json!({}))).to_owned()
}

/// How the tool of plugin `p` is described.
fn described(host: &Host) -> String {
    let tools = host.modern("tools/list", json!({})).result();
    tools["tools"][0]["description"].as_str().unwrap_or_else(|| panic!("no description: {tools}")).to_owned()
}

fn wait_until_says(host: &Host, words: &str) {
    eventually(&format!("the plugin to say {words}"), || {
        let there = host.tools().contains(&"p_say".to_owned());
        (there && said(host) == words).then_some(())
    });
}

/// A host with a cache of its own, and its state in the same place.
fn setup(folder: &TempDir) -> Setup {
    Setup::new().cache(folder.path().join("cache")).state(folder.path().join("state"))
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

/// Runs a verb of `toolyard` for the plugins and the configuration of `folder`.
fn toolyard(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(host_program());
    command.args(arguments).arg("--config").arg(folder.join("toolyard.toml"));
    command.arg("--plugins").arg(folder.join("plugins")).arg("--cache-dir").arg(folder.join("cache"));
    command.arg("--state-dir").arg(folder.join("state")).env_remove("RUST_LOG");
    output(command.stdin(Stdio::null()))
}

/// Runs it, which must go well, and gives what it printed.
fn good(folder: &Path, arguments: &[&str]) -> String {
    let output = toolyard(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("the host prints text")
}

/// Runs it, which must fail, and gives why.
fn bad(folder: &Path, arguments: &[&str]) -> String {
    let output = toolyard(folder, arguments);
    assert_eq!(output.status.code(), Some(3), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).expect("the host prints text")
}
