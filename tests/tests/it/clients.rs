//! The official clients, as their users run them: each lists the tools of the three plugins, and calls them.
//!
//! The foreign ones are driven by the scripts in `tests/clients`; what they need is installed by `cargo xtask test`.

use std::fs;
use std::process::Command;

use rmcp::model::ProtocolVersion;
use rmcp::service::ClientLifecycleMode;
use serde_json::{Value, json};
use toolyard_tests::{Host, Setup, client_folder};

use crate::expect;
use crate::plugins::{PLUGINS, Sample, samples};
use crate::rmcp_client;

/// What a client saw.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) era: String,
    pub(crate) version: String,
    pub(crate) tools: Vec<String>,
    /// As the drivers print them: `called`, `isError`, `structured`, `content`, `progress`.
    pub(crate) calls: Vec<Value>,
    /// What it complained about beside its work.
    pub(crate) complaints: String,
}

/// A host with the three plugins, and one more whose tool reports progress.
fn host() -> Host {
    let steps = json!({ "tools": [{ "name": "steps", "act": { "progress": 3 } }] });
    PLUGINS.iter().fold(Setup::new(), |setup, plugin| setup.plugin(plugin)).script("slow", &steps).start()
}

/// What every client is asked to call.
fn calls() -> Value {
    let samples = samples().into_iter().map(|sample| json!({ "name": sample.tool, "arguments": sample.arguments }));
    samples.chain([json!({ "name": "slow_steps", "arguments": {} })]).collect()
}

/// Checks that the client saw what there is to see.
fn check(host: &Host, seen: &Seen, era: &str, version: &str) {
    assert_eq!((seen.era.as_str(), seen.version.as_str()), (era, version));
    assert_eq!(seen.tools, host.tools());
    let (steps, sampled) = seen.calls.split_last().expect("it called something");
    let samples = samples();
    assert_eq!(sampled.len(), samples.len());
    for (call, Sample { tool, expected, .. }) in sampled.iter().zip(&samples) {
        assert_eq!(call["called"], *tool);
        assert_eq!(call["isError"], false, "{call}");
        assert_eq!(call["content"][0]["type"], "text", "{call}");
        let structured = match &call["structured"] {
            // Older than structured content: the same is said as text.
            Value::Null => serde_json::from_str(call["content"][0]["text"].as_str().expect("a text")).expect("JSON"),
            structured => structured.clone(),
        };
        assert_eq!(expect::as_floats(&structured), expect::as_floats(expected), "{tool}");
    }
    assert_eq!(steps["content"][0]["text"], "done", "{steps}");
    let progress: Vec<f64> = steps["progress"].as_array().expect("a list").iter().filter_map(Value::as_f64).collect();
    assert_eq!(progress, [1.0, 2.0, 3.0], "{steps}");
    // Clients write there what they only put up with, for their users to see.
    assert_eq!(seen.complaints, "");
}

/// Runs a driver and reads what it prints.
fn drive(mut command: Command, host: &Host, mode: &str) -> Seen {
    command.arg(host.url()).arg(mode).arg(calls().to_string());
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}: {errors}", output.status);
    let mut seen = Seen { complaints: errors.into_owned(), ..Seen::default() };
    let mut closed = false;
    for line in String::from_utf8(output.stdout).expect("drivers print text").lines() {
        let said: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"));
        if let Some(connected) = said.get("connected") {
            seen.era = connected["era"].as_str().expect("an era is a text").to_owned();
            seen.version = connected["version"].as_str().expect("a version is a text").to_owned();
            // A pinned client need not ask who answers.
            assert!([json!("toolyard"), Value::Null].contains(&connected["server"]), "{line}");
        } else if let Some(tools) = said.get("tools") {
            seen.tools = serde_json::from_value(tools.clone()).expect("names are texts");
        } else if said.get("called").is_some() {
            seen.calls.push(said);
        } else {
            closed = said["closed"] == true;
        }
    }
    assert!(closed, "{command:?} did not come to its end");
    seen
}

/// A Node that runs this driver, beside the packages it imports.
fn node(name: &str, driver: &str) -> Command {
    let folder = client_folder("node");
    // Each into a folder of its own: tests run side by side.
    let beside = folder.join("drivers").join(name);
    fs::create_dir_all(&beside).expect("a folder can be made");
    for (file, text) in [("driver.mjs", driver), ("say.mjs", include_str!("../../clients/say.mjs"))] {
        fs::write(beside.join(file), text).expect("a file can be written");
    }
    let mut command = Command::new("node");
    command.arg(beside.join("driver.mjs"));
    command
}

fn typescript2(mode: &str, era: &str, version: &str) {
    let host = host();
    let driver = node(&format!("client2-{mode}"), include_str!("../../clients/client2.mjs"));
    check(&host, &drive(driver, &host, mode), era, version);
    host.stop();
}

fn python2(mode: &str, era: &str, version: &str) {
    let host = host();
    let mut python = Command::new(client_folder("py2").join("bin/python"));
    python.arg("-c").arg(include_str!("../../clients/mcp2.py"));
    check(&host, &drive(python, &host, mode), era, version);
    host.stop();
}

#[test]
fn typescript2_pinned_to_modern() {
    typescript2("modern", "modern", "2026-07-28");
}

#[test]
fn typescript2_finding_out() {
    typescript2("auto", "modern", "2026-07-28");
}

#[test]
fn typescript2_of_2025_11_25() {
    typescript2("2025-11-25", "legacy", "2025-11-25");
}

#[test]
fn typescript2_of_2025_06_18() {
    typescript2("2025-06-18", "legacy", "2025-06-18");
}

#[test]
fn typescript2_of_2025_03_26() {
    typescript2("2025-03-26", "legacy", "2025-03-26");
}

#[test]
fn typescript1() {
    let host = host();
    let driver = node("sdk1", include_str!("../../clients/sdk1.mjs"));
    check(&host, &drive(driver, &host, "legacy"), "legacy", "2025-11-25");
    host.stop();
}

#[test]
fn python2_pinned_to_modern() {
    python2("2026-07-28", "modern", "2026-07-28");
}

#[test]
fn python2_finding_out() {
    python2("auto", "modern", "2026-07-28");
}

#[test]
fn python2_of_the_legacy_era() {
    python2("legacy", "legacy", "2025-11-25");
}

fn rust(lifecycle: ClientLifecycleMode, era: &str, version: &str) {
    let host = host();
    check(&host, &rmcp_client::drive(&host.url(), lifecycle, &calls()), era, version);
    host.stop();
}

#[test]
fn rust_pinned_to_modern() {
    let modern = ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] };
    rust(modern, "modern", "2026-07-28");
}

#[test]
fn rust_finding_out() {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    rust(ClientLifecycleMode::Auto { preferred_versions, legacy_version: None }, "modern", "2026-07-28");
}

#[test]
fn rust_of_the_legacy_era() {
    // It asks for the modern revision, with the legacy era's handshake.
    rust(ClientLifecycleMode::Initialize, "legacy", "2025-11-25");
}
