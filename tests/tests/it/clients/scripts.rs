//! Clients that are driven by a script in their own language.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};
use toolyard_tests::{client_folder, output};

use super::Seen;

pub(super) enum Script {
    TypeScript1,
    TypeScript2,
    Python1,
    Python2,
    FastMcp,
}

/// Runs the script with this mode, and reads what it prints.
pub(super) fn drive(script: &Script, mode: &str, url: &str, work: &Value) -> Seen {
    let mut command = match script {
        Script::TypeScript1 => node("typescript1.mjs"),
        Script::TypeScript2 => node("typescript2.mjs"),
        Script::Python1 => python("py1", include_str!("../../../clients/python1.py")),
        Script::Python2 => python("py2", include_str!("../../../clients/python2.py")),
        Script::FastMcp => python("fastmcp", include_str!("../../../clients/fastmcp4.py")),
    };
    command.arg(url).arg(mode).arg(work.to_string());
    let output = output(&mut command);
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "the script ended with {}: {errors}{said}", output.status);
    read(&said, &errors)
}

fn read(said: &str, errors: &str) -> Seen {
    let mut seen = Seen { complaints: errors.to_owned(), ..Seen::default() };
    let mut closed = false;
    for line in said.lines() {
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
        } else if let Some(feature) = said["did"].as_str() {
            seen.features.insert(feature.to_owned(), said["seen"].clone());
        } else {
            closed = said["closed"] == true;
        }
    }
    assert!(closed, "the script did not come to its end");
    seen
}

/// The scripts for Node, beside the packages that they import.
static DRIVERS: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = client_folder("node").join("drivers");
    fs::create_dir_all(&folder).expect("a folder can be made");
    for (file, text) in [
        ("typescript1.mjs", include_str!("../../../clients/typescript1.mjs")),
        ("typescript2.mjs", include_str!("../../../clients/typescript2.mjs")),
        ("work.mjs", include_str!("../../../clients/work.mjs")),
    ] {
        fs::write(folder.join(file), text).expect("a file can be written");
    }
    folder
});

/// A Node that runs this script.
fn node(script: &str) -> Command {
    let mut command = Command::new(client_folder("node").join("run-node"));
    command.arg(DRIVERS.join(script));
    command
}

fn python(environment: &str, script: &str) -> Command {
    let mut command = Command::new(client_folder(environment).join("bin/python"));
    command.arg("-c").arg(script);
    command
}
