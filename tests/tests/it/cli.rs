//! The command line: `toolyard call`, `toolyard inspect`, help and mistakes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use toolyard_tests::{PATIENCE, guest, host_program, scripted};

use crate::expect;

/// The exit code that says that the tool answered, and that the answer is an error. `toolyard --help` lists them.
const TOOL_FAILED: i32 = 1;

/// A folder with a plugin `tools.wasm` in it.
fn folder() -> TempDir {
    let schema = r#"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}"#;
    let tools = json!([
        { "name": "echo", "description": "Gives back what it is given." },
        { "name": "hello", "act": { "say": "Hello" } },
        { "name": "count", "input_schema": schema },
        { "name": "fail", "act": { "fail": { "failed": "It did not work." } } },
        { "name": "trap", "act": "trap" },
    ]);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join("tools.wasm"), scripted(&json!({ "tools": tools }))).expect("a file can be written");
    folder
}

fn toolyard(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(host_program());
    command.current_dir(folder).args(arguments).env_remove("RUST_LOG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let start = Instant::now();
    while process.try_wait().expect("a child can be waited for").is_none() {
        if start.elapsed() > PATIENCE {
            process.kill().expect("a child can be killed");
            panic!("{command:?} does not end: {:?}", process.wait_with_output());
        }
        // It prints less than a pipe holds, so it need not be read before it has ended.
        thread::sleep(Duration::from_millis(5));
    }
    process.wait_with_output().expect("what it printed can be read")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("the host prints text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("the host prints text")
}

/// Runs it, which must go well, and gives what it printed.
fn good(folder: &Path, arguments: &[&str]) -> String {
    let output = toolyard(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    stdout(&output)
}

fn good_json(folder: &Path, arguments: &[&str]) -> Value {
    let text = good(folder, arguments);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?} prints no JSON ({error}): {text}"))
}

/// Runs it, which must go wrong and say why in these words, and gives its exit code.
fn bad(folder: &Path, arguments: &[&str], words: &[&str]) -> i32 {
    let output = toolyard(folder, arguments);
    let code = output.status.code().expect("it was not killed");
    assert_ne!(code, 0, "{arguments:?}: {output:?}");
    // What a tool answers is output, also where it is bad news; what is wrong with the command is not.
    let said = if code == TOOL_FAILED { stdout(&output) + &stderr(&output) } else { stderr(&output) };
    for word in words {
        assert!(said.contains(word), "{arguments:?}: `{word}` is not said: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
    code
}

#[test]
fn a_tool_is_called_with_no_server() {
    let folder = folder();
    let folder = folder.path();
    assert_eq!(good(folder, &["call", "tools.wasm", "hello"]).trim(), "Hello");
    let echoed = good(folder, &["call", "./tools.wasm", "echo", r#"{"a":[1,2]}"#]);
    assert_eq!(serde_json::from_str::<Value>(&echoed).expect("it is JSON"), json!({ "a": [1, 2] }));
    // By its name in a folder of plugins, and by its public name.
    assert_eq!(good(folder, &["call", "tools", "hello", "--plugins", "."]).trim(), "Hello");

    let result = good_json(folder, &["call", "tools.wasm", "echo", r#"{"a":1}"#, "--json"]);
    assert_eq!(result["structuredContent"], json!({ "a": 1 }));
    assert_eq!(expect::json_text(&result), json!({ "a": 1 }));

    let repeated = toolyard(folder, &["call", "tools.wasm", "hello", "--repeat", "3"]);
    assert_eq!((stdout(&repeated).trim(), repeated.status.code()), ("Hello", Some(0)));
    assert!(stderr(&repeated).contains("3 calls, each in an instance of its own: median "), "{repeated:?}");
    assert!(!stderr(&repeated).contains("failed"), "{repeated:?}");
    let failed =
        bad(folder, &["call", "tools.wasm", "fail", "--repeat", "2"], &["It did not work.", "2 of them failed"]);
    assert_eq!(failed, TOOL_FAILED);
}

#[test]
fn a_call_that_fails_says_so_and_has_its_exit_code() {
    let folder = folder();
    let folder = folder.path();
    let failed = bad(folder, &["call", "tools.wasm", "fail"], &["It did not work."]);
    let broke = bad(folder, &["call", "tools.wasm", "trap"], &[]);
    let schema = bad(folder, &["call", "tools.wasm", "count", r#"{"n":"one"}"#], &["/n", "integer"]);
    let unknown = bad(folder, &["call", "tools.wasm", "nobody"], &["nobody", "echo", "hello"]);
    let json = bad(folder, &["call", "tools.wasm", "echo", "{"], &["arguments"]);
    let missing = bad(folder, &["call", "absent.wasm", "echo"], &["absent.wasm"]);
    // A script can tell a tool that failed from a call that was wrong.
    assert_eq!([failed, broke, schema], [TOOL_FAILED; 3]);
    assert!(![unknown, json, missing].contains(&TOOL_FAILED), "{unknown} {json} {missing}");
}

#[test]
fn a_plugin_is_inspected() {
    let folder = folder();
    let folder = folder.path();
    let said = good(folder, &["inspect", "tools.wasm"]);
    for word in ["echo", "hello", "Gives back what it is given.", "sha256:", "toolyard:plugin/progress", "\"n\":", "KB"]
    {
        assert!(said.contains(word), "`{word}` is not said: {said}");
    }
    let said = good_json(folder, &["inspect", "tools.wasm", "--json"]);
    let size = fs::metadata(folder.join("tools.wasm")).expect("the file is there").len();
    assert!(said.to_string().contains(&size.to_string()), "its size, {size}, is not said: {said}");
    let names: Vec<&str> =
        said["tools"].as_array().expect("a list").iter().filter_map(|t| t["name"].as_str()).collect();
    assert_eq!(names.len(), 5, "{said}");
    assert_eq!(said["tools"][2]["input_schema"]["properties"], json!({ "n": { "type": "integer" } }), "{said}");
    assert!(said["digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{said}");
    assert!(said["imports"].to_string().contains("toolyard:plugin/progress"), "{said}");
}

#[test]
fn what_cannot_be_inspected_is_named() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("text.wasm"), "nonsense").expect("a file can be written");
    fs::write(folder.join("core.wasm"), b"\0asm\x01\0\0\0").expect("a file can be written");
    fs::write(folder.join("stranger.wasm"), guest("stranger")).expect("a file can be written");
    bad(folder, &["inspect", "absent.wasm"], &["absent.wasm"]);
    bad(folder, &["inspect", "text.wasm"], &["text.wasm"]);
    bad(folder, &["inspect", "core.wasm"], &["core.wasm", "component"]);
    bad(folder, &["inspect", "stranger.wasm"], &["nobody:nothing/here@1.0.0"]);
}

#[test]
fn serving_says_where_and_what() {
    let folder = folder();
    let mut command = Command::new(host_program());
    command.current_dir(folder.path()).args(["serve", "--listen", "127.0.0.1:0", "--plugins", "."]);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the host starts");
    let output = BufReader::new(process.stdout.take().expect("stdout is piped"));
    let mut said = String::new();
    for line in output.lines().map_while(Result::ok) {
        said += &line;
        if said.contains("tools_echo") {
            break;
        }
    }
    process.kill().expect("a child can be killed");
    process.wait().expect("a child can be waited for");
    assert!(said.contains("http://127.0.0.1:") && said.contains("/mcp") && said.contains("tools_echo"), "{said}");
}

#[test]
fn help_tells_what_there_is() {
    let folder = folder();
    let folder = folder.path();
    let said = good(folder, &["--help"]);
    for word in ["serve", "call", "inspect", "Usage", "Exit codes"] {
        assert!(said.contains(word), "`{word}` is not said: {said}");
    }
    for verb in ["serve", "call", "inspect"] {
        let said = good(folder, &[verb, "--help"]);
        assert!(said.contains("--json"), "{said}");
    }
    assert!(good(folder, &["--version"]).contains("toolyard"));
}

#[test]
fn mistakes_are_explained() {
    let folder = folder();
    let folder = folder.path();
    bad(folder, &[], &["serve"]);
    bad(folder, &["serv"], &["serv", "serve"]);
    bad(folder, &["serve", "--listn", "x"], &["--listn", "--listen"]);
    bad(folder, &["serve", "--listen", "nonsense"], &["nonsense"]);
    bad(folder, &["serve", "--plugins", "absent"], &["absent"]);
    bad(folder, &["serve", "--config", "absent.toml"], &["absent.toml"]);
}

#[test]
fn a_mistake_in_the_configuration_is_named_with_its_line() {
    let folder = folder();
    let folder = folder.path();
    for (text, words) in [
        ("\nlistn = \"127.0.0.1:0\"\n", &["config.toml:2", "listn", "listen"][..]),
        ("[limits]\ntimeout_ms = 5\n", &["config.toml:2", "timeout_ms", "timeout_ms_max"]),
        ("[limits]\ntimeout_ms_max = \"long\"\n", &["config.toml:2"]),
        ("[plugin.tools.limits]\nmemory_bytes_max = -1\n", &["config.toml:2"]),
        ("[plugin.\"no good\"]\n", &["config.toml:1", "no good"]),
        ("nonsense", &["config.toml:1"]),
        ("[limits]\ntimeout_ms_max = 0\n", &["config.toml", "timeout_ms_max"]),
    ] {
        fs::write(folder.join("config.toml"), text).expect("a file can be written");
        bad(folder, &["serve", "--listen", "127.0.0.1:0", "--config", "config.toml"], words);
    }
}

#[test]
fn a_host_that_anybody_can_reach_is_not_started_by_accident() {
    let folder = folder();
    bad(folder.path(), &["serve", "--listen", "0.0.0.0:0", "--plugins", "."], &["0.0.0.0"]);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it listens").to_string();
    bad(folder.path(), &["serve", "--listen", &address, "--plugins", "."], &[&address]);
}
