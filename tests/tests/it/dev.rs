//! `toolyard dev`: save, see, call.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use toolyard_tests::{Dev, host_program, modern_request, output};

use crate::building::{edit, fresh_project, prepare};

fn start(project: &Path, arguments: &[&str]) -> Dev {
    Dev::start(project, arguments, prepare)
}

fn source(project: &Path) -> PathBuf {
    project.join("src/lib.rs")
}

/// A resource and a prompt, for the module of a project in Rust.
const OTHERS: &str = r#"    #[resource(uri_template = "note://{name}")]
    pub fn note(name: &str) -> Option<String> {
        (name != "none").then(|| format!("noted {name}"))
    }

    /// Plans.
    #[prompt]
    pub fn plan(guests: u32) -> String {
        format!("Plan for {guests}.")
    }

"#;

/// What a client gets for a call.
fn call(dev_address: std::net::SocketAddr, tool: &str, arguments: &Value) -> Value {
    let request = modern_request("tools/call", json!({ "name": tool, "arguments": arguments }));
    Dev::send(dev_address, &request).result()
}

#[test]
fn a_save_is_served_and_what_does_not_compile_is_shown() {
    let project = fresh_project("dev-rust", "rust");
    let mut dev = start(&project, &["--again"]);
    let address = dev.address();
    dev.wait_for(&["started -> built", " -> serving"]);
    dev.wait_for(&["greet(name: string, times?: integer)", "Greets somebody."]);

    dev.say(r#"greet {"name": "Ada"}"#);
    dev.wait_for(&["#1 > greet {\"name\": \"Ada\"} from the prompt"]);
    dev.wait_for(&["#1   info: greeting Ada"]);
    dev.wait_for(&["#1 < (", "Hello, Ada!"]);

    edit(&source(&project), "Hello", "Good day");
    dev.wait_for(&["src/lib.rs saved -> built", " -> serving"]);
    // The last call is repeated after a save.
    dev.wait_for(&["#2 < (", "Good day, Ada!"]);
    let result = call(address, "dev-rust_greet", &json!({ "name": "Bob" }));
    assert_eq!(result["content"][0]["text"], "Good day, Bob!", "{result}");
    dev.wait_for(&["#3 > greet", "Bob"]);

    edit(&source(&project), "times.into()", "times.nonsense()");
    dev.wait_for(&["no method named `nonsense`"]);
    dev.wait_for(&["the version before it goes on serving"]);
    let result = call(address, "dev-rust_greet", &json!({ "name": "Eve" }));
    assert_eq!(result["content"][0]["text"], "Good day, Eve!", "{result}");

    // It mends, with another tool, and with what is no tool.
    edit(&source(&project), "times.nonsense()", "times.into()");
    let greet = "    /// Greets somebody.";
    edit(
        &source(&project),
        greet,
        &format!("    /// Fails.\n    pub fn fail() {{ panic!(\"on purpose\") }}\n\n{OTHERS}{greet}"),
    );
    dev.wait_for(&["src/lib.rs saved -> built"]);
    dev.wait_for(&["fail()", "Fails."]);
    dev.wait_for(&["plan(guests)", "Plans."]);
    dev.wait_for(&["note://{name}"]);
    dev.say("read note://tea");
    dev.wait_for(&["< (", "noted tea"]);
    dev.say("read note://none");
    dev.wait_for(&["< error", "there is no resource `note://none`"]);
    dev.say(r#"prompt plan {"guests": 3}"#);
    dev.wait_for(&["< (", "Plan for 3."]);
    dev.say("prompt plan");
    dev.wait_for(&["the prompt needs the argument `guests`"]);
    dev.say("fail");
    dev.wait_for(&["stderr:", "on purpose"]);
    dev.wait_for(&["broke:", "unreachable"]);
    dev.wait_for(&["< failed", "The tool failed inside"]);
    dev.say("quit");
    assert!(dev.wait().success());
}

#[test]
fn the_prompt_explains_itself() {
    let project = fresh_project("dev-prompt", "rust");
    fs::write(project.join("wishes.toml"), "[keyvalue]\nwhy = \"to remember\"\n").expect("a file can be written");
    let mut dev = start(&project, &[]);
    // What is typed before the first build is done waits for it.
    dev.say("greet");
    dev.wait_for(&["not granted, though wished for", "[plugin.dev-prompt.grants]"]);
    dev.wait_for(&["keyvalue: to remember"]);
    dev.wait_for(&["#1 < failed", "\"name\" is a required property"]);
    dev.say("help");
    dev.wait_for(&["TOOL {json}"]);
    dev.say("tools");
    dev.wait_for(&["greet(name: string"]);
    dev.say("nobody {}");
    dev.wait_for(&["there is no tool `nobody`", "greet"]);
    dev.say("greet {");
    dev.wait_for(&["`arguments` do not read", r#"such as `greet {"name": "text"}`"#]);
    dev.say("read nothing://a");
    dev.wait_for(&["does not answer for `nothing://a`; it answers for no URI at all"]);
    dev.say("prompt party");
    dev.wait_for(&["there is no prompt `party`; there are none"]);
    // What a guest logs cannot pass for a line of the host's, nor move the cursor.
    dev.say(r#"greet {"name": "A\u001b[2J\nB"}"#);
    dev.wait_for(&["info: greeting A\u{fffd}[2J"]);
    dev.wait_for(&["#", " B"]);
    // The end of the input ends it.
    assert!(dev.close().success());
}

#[test]
fn what_does_not_compile_at_first_is_served_once_it_does() {
    let project = fresh_project("dev-broken", "rust");
    edit(&source(&project), "times.into()", "times.nonsense()");
    let mut dev = start(&project, &[]);
    dev.wait_for(&["nothing is served yet"]);
    dev.say(r#"greet {"name": "Ada"}"#);
    dev.wait_for(&["nothing is served yet; mend"]);
    edit(&source(&project), "times.nonsense()", "times.into()");
    dev.wait_for(&["src/lib.rs saved -> built"]);
    dev.say(r#"greet {"name": "Ada"}"#);
    dev.wait_for(&["Hello, Ada!"]);
    dev.interrupt();
    assert!(dev.wait().success());
}

#[test]
fn without_a_prompt_it_serves_until_it_is_told_to_stop() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut command = Command::new(host_program());
    command.args(["dev", "--listen", "127.0.0.1:0"]).current_dir(folder.path()).stdin(Stdio::null());
    // Not even that, where there is no project.
    let output = output(&mut command);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("toolyard new"), "{output:?}");

    let project = fresh_project("dev-quiet", "rust");
    let mut dev = Dev::start(&project, &[], |command| {
        prepare(command);
        // No tools: it stays up all the same, to be asked again when they are there.
        command.env("PATH", folder.path());
    });
    dev.wait_for(&["building a plugin in Rust takes what is not here"]);
    dev.wait_for(&["cargo 1.95 or newer"]);
    dev.interrupt();
    assert!(dev.wait().success());
}
