//! What plugins wish for, and what the operator learns of it.

use std::process::Command;

use serde_json::{Value, json};
use toolyard_tests::{Host, Setup, eventually, host_program, output, scripted};

const WISHES: &str = "
    [[http]]
    url = 'https://api.example.com/v1/'
    why = 'to read orders'
    [keyvalue]
    why = 'to remember them'
    [config]
    language = 'of the answers; English if it is not set'
";

const GRANTS: &str = "
    [plugin.p.grants]
    keyvalue = {}
    [[plugin.p.grants.http]]
    url = 'https://*.example.com/'
";

fn plugin() -> Vec<u8> {
    scripted(&json!({ "tools": [{ "name": "say", "act": { "say": "here" } }] }))
}

fn setup() -> Setup {
    Setup::new().file("p.wasm", plugin()).file("p.toml", WISHES)
}

fn warnings(host: &Host) -> Vec<Value> {
    // Which comes after the wishes.
    host.log.wait_for(&["\"loaded\""]);
    let lines = host.log.lines();
    let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["wish"].is_string()).map(|mut line| line["wish"].take()).collect()
}

#[test]
fn each_unmet_wish_is_told_once() {
    let host = setup().start();
    assert_eq!(warnings(&host), ["http GET https://api.example.com/v1/", "keyvalue"]);
    // The plugin serves all the same.
    assert_eq!(host.tools(), ["p_say"]);
    host.stop();
    let host = setup().config(GRANTS).start();
    assert_eq!(warnings(&host), Vec::<Value>::new());
    host.stop();
}

#[test]
fn a_strict_host_does_not_start_without_what_is_wished_for() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::write(folder.path().join("p.wasm"), plugin()).expect("a file can be written");
    std::fs::write(folder.path().join("p.toml"), WISHES).expect("a file can be written");
    let mut command = Command::new(host_program());
    command.args(["serve", "--listen", "127.0.0.1:0", "--strict-grants", "--state-dir", "", "--plugins"]);
    let output = output(command.arg(folder.path()));
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("p: http GET https://api.example.com/v1/; p: keyvalue"), "{said}");
    // With the grants it starts, and refuses who comes later without.
    let host = setup().config(GRANTS).argument("--strict-grants").start();
    std::fs::write(host.plugins().join("q.toml"), WISHES).expect("a file can be written");
    host.put("q.wasm", &plugin());
    host.log.wait_for(&["q.wasm", "wishes for `http GET https://api.example.com/v1/`"]);
    assert_eq!(host.tools(), ["p_say"]);
    host.stop();
}

#[test]
fn wishes_that_do_not_read_are_the_makers_mistake() {
    let host = Setup::new().file("p.wasm", plugin()).file("p.toml", "[[http]]\nurl = 'x'\nwhy = ''\n").start();
    assert!(host.refused("p.wasm").contains("wishes that do not read"), "{}", host.ready);
    // Mended, it is served when the component is put there again.
    std::fs::write(host.plugins().join("p.toml"), "").expect("a file can be written");
    host.put("p.wasm", &plugin());
    eventually("the plugin to be served", || (host.tools() == ["p_say"]).then_some(()));
    host.stop();
}

#[test]
fn inspect_holds_wishes_against_grants() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let write = |name: &str, contents: &[u8]| std::fs::write(folder.path().join(name), contents).expect("written");
    write("p.wasm", &plugin());
    write("p.toml", WISHES.as_bytes());
    // The secret is not there, and is not needed for looking.
    write(
        "c.toml",
        format!("[secret.s]\nenv = 'TOOLYARD_NO_SUCH'\n{GRANTS}headers = [{{ name = 'A', secret = 's' }}]").as_bytes(),
    );
    let inspect = |json: &[&str]| {
        let mut command = Command::new(host_program());
        command.arg("inspect").arg("p").arg("--plugins").arg(folder.path()).arg("--state-dir").arg("");
        command.arg("--config").arg(folder.path().join("c.toml")).args(json);
        let output = output(&mut command);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let text = inspect(&[]);
    assert!(text.contains("http GET https://api.example.com/v1/: granted\n      to read orders"), "{text}");
    assert!(text.contains("config language: not granted, and not needed"), "{text}");
    let json: Value = serde_json::from_str(&inspect(&["--json"])).expect("JSON");
    let granted: Vec<&Value> = json["wishes"].as_array().expect("a list").iter().map(|wish| &wish["granted"]).collect();
    assert_eq!(granted, [&json!(true), &json!(true), &json!(false)]);
}
