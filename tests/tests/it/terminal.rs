//! `toolyard call` where the tool asks: in the terminal, line by line.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use toolyard_tests::{host_program, scripted};

use crate::asking::{form, sampling, tool, url};

/// A form with a field of each kind, in an order of its own.
const ABOUT: &str = r#"{
    "type": "object",
    "properties": {
        "name": { "type": "string", "title": "Your name" },
        "age": { "type": "integer", "default": 30 },
        "color": { "type": "string", "enum": ["red", "green"] },
        "sure": { "type": "boolean" },
        "note": { "type": "string" }
    },
    "required": ["name", "age", "color", "sure"]
}"#;

/// A folder with a plugin that asks.
fn folder() -> TempDir {
    let long = json!({ "form": { "message": "About you:", "schema": ABOUT } });
    let tools = json!([
        tool("name", &json!([{ "name": form("What is your name?", "name") }])),
        tool("rounds", &json!([{ "one": form("One?", "x") }, { "two": form("Two?", "x") }])),
        tool("long", &json!([{ "about": long }])),
        tool("page", &json!([{ "page": url() }])),
        tool("model", &json!([{ "model": sampling() }])),
        tool("folders", &json!([{ "folders": { "roots": {} } }])),
        { "name": "for_ever", "act": { "ask": { "rounds": [{ "x": form("Again?", "x") }], "for_ever": true } } },
    ]);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join("ask.wasm"), scripted(&json!({ "tools": tools }))).expect("a file can be written");
    folder
}

/// Calls the tool, and types this.
fn call(folder: &TempDir, tool: &str, typed: &str) -> Output {
    let mut command = Command::new(host_program());
    command.current_dir(folder.path()).args(["call", "ask.wasm", tool, "--json"]);
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    // A host that asks no more closes its end before it has read everything.
    let _ = process.stdin.take().expect("stdin is piped").write_all(typed.as_bytes());
    process.wait_with_output().expect("what it printed can be read")
}

/// What the tool was answered, and what was said to the user on the way.
fn answers(folder: &TempDir, tool: &str, typed: &str) -> (Value, String) {
    let output = call(folder, tool, typed);
    let said = String::from_utf8(output.stderr).expect("the host prints text");
    assert!(output.status.success(), "{}: {said}", output.status);
    // What the tool gives back stays alone on standard output.
    let result: Value = serde_json::from_slice(&output.stdout).expect("the result is JSON");
    (result["structuredContent"]["answers"].clone(), said)
}

fn accepted(content: &Value) -> Value {
    json!({ "action": "accept", "content": content })
}

#[test]
fn a_form_is_filled_in_line_by_line() {
    let folder = folder();
    let (told, said) = answers(&folder, "name", "Alice\n");
    assert_eq!(told["name"], accepted(&json!({ "name": "Alice" })));
    assert!(said.contains("What is your name?"), "{said}");
    let (told, said) = answers(&folder, "rounds", "1\n2\n");
    assert_eq!(told, json!({ "one": accepted(&json!({ "x": "1" })), "two": accepted(&json!({ "x": "2" })) }));
    assert!(said.contains("One?") && said.contains("Two?"), "{said}");
}

#[test]
fn each_field_is_read_as_what_it_is() {
    let folder = folder();
    let (told, said) = answers(&folder, "long", "Bob\n\ngreen\nyes\n\n");
    let expected = json!({ "name": "Bob", "age": 30, "color": "green", "sure": true });
    assert_eq!(told["about"], accepted(&expected));
    for word in ["Your name", "red", "green", "30"] {
        assert!(said.contains(word), "`{word}` is not said: {said}");
    }
    // What does not fit is asked again.
    let (told, _) = answers(&folder, "long", "\nBob\nold\n41\nblue\nred\nmaybe\nno\nhello\n");
    let expected = json!({ "name": "Bob", "age": 41, "color": "red", "sure": false, "note": "hello" });
    assert_eq!(told["about"], accepted(&expected));
}

#[test]
fn an_input_that_ends_is_a_refusal() {
    let folder = folder();
    for typed in ["", "Bob\n", "Bob\n30\nred\n"] {
        assert_eq!(answers(&folder, "long", typed).0["about"]["action"], "cancel", "{typed:?}");
    }
}

#[test]
fn pages_models_and_folders_are_asked_for_too() {
    let folder = folder();
    let (told, said) = answers(&folder, "page", "\n");
    assert_eq!(told["page"]["action"], "accept");
    assert!(said.contains("https://example.com/sign-in"), "{said}");
    assert_eq!(answers(&folder, "page", "no\n").0["page"]["action"], "decline");
    let (told, said) = answers(&folder, "model", "Paris\n");
    assert_eq!(told["model"]["content"], json!({ "type": "text", "text": "Paris" }));
    assert!(said.contains("What is the capital of France?"), "{said}");
    let root = answers(&folder, "folders", "").0["folders"]["roots"][0]["uri"].take();
    let here = folder.path().canonicalize().expect("the folder is there");
    assert_eq!(root, format!("file://{}", here.display()));
}

#[test]
fn a_tool_that_asks_for_ever_is_stopped() {
    let folder = folder();
    let output = call(&folder, "for_ever", &"x\n".repeat(1000));
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("asked for input more than"), "{said}");
}
