//! The plugin `filesystem`, through the host: folders that the operator granted, and nothing else.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use tempfile::TempDir;
use toolyard_tests::{Host, Setup};

use crate::expect;

/// A folder `data` to be written, up to `bytes_max`, and a folder `fixed` to be read, beside something that is nobody's business.
fn started(bytes_max: u64) -> (TempDir, Host) {
    let temp = tempfile::tempdir().expect("a temporary folder can be made");
    for folder in ["data/src", "fixed", "outside"] {
        fs::create_dir_all(temp.path().join(folder)).expect("a folder can be made");
    }
    for (path, text) in [
        ("data/a.txt", "one\ntwo\n"),
        ("data/src/x.rs", "// two\n"),
        ("fixed/b.txt", "fixed"),
        ("outside/secret", "secret"),
    ] {
        fs::write(temp.path().join(path), text).expect("a file can be written");
    }
    symlink("../outside", temp.path().join("data/out")).expect("a link can be made");
    let path = |name: &str| temp.path().join(name).display().to_string();
    let config = format!(
        "[[plugin.filesystem.grants.folders]]\npath = {:?}\nguest = \"/data\"\nwrite = true\nbytes_max = {bytes_max}\n\
         [[plugin.filesystem.grants.folders]]\npath = {:?}\nguest = \"/fixed\"\n",
        path("data"),
        path("fixed"),
    );
    let host = Setup::new().plugin("filesystem").config(&config).start();
    (temp, host)
}

fn call(host: &Host, tool: &str, arguments: &Value) -> Value {
    host.call(&format!("filesystem_{tool}"), arguments)
}

fn given(host: &Host, tool: &str, arguments: &Value) -> Value {
    let result = call(host, tool, arguments);
    assert_ne!(result["isError"], true, "{tool} {arguments}: {result}");
    result["structuredContent"].clone()
}

fn refused(host: &Host, tool: &str, arguments: &Value, said: &str) {
    let failure = expect::failure(&call(host, tool, arguments));
    assert!(failure.contains(said), "{tool} {arguments}: {failure}");
}

#[test]
fn files_are_worked_on() {
    let (temp, host) = started(1 << 20);
    let on_disk =
        |path: &str| fs::read_to_string(temp.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let roots = given(&host, "roots", &json!({}));
    let expected =
        json!({ "folders": [{ "path": "/data", "writable": true }, { "path": "/fixed", "writable": false }] });
    assert_eq!(roots, expected);
    assert_eq!(expect::text(&call(&host, "read_text", &json!({ "path": "/data/a.txt", "tail": 1 }))), "two\n");
    given(&host, "write", &json!({ "path": "/data/new.txt", "content": "Grüße" }));
    assert_eq!(on_disk("data/new.txt"), "Grüße");
    let edit = json!({ "path": "/data/a.txt", "edits": [{ "old": "two", "new": "2" }] });
    let diff = "--- /data/a.txt\n+++ /data/a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n";
    assert_eq!(given(&host, "edit", &edit), json!({ "diff": diff, "replacements": 1, "written": true }));
    assert_eq!(on_disk("data/a.txt"), "one\n2\n");
    let found = given(&host, "grep", &json!({ "path": "/data", "pattern": "TWO", "ignore_case": true }));
    assert_eq!(found["matches"], json!([{ "path": "/data/src/x.rs", "line": 1, "text": "// two" }]));
    let paths = given(&host, "search", &json!({ "path": "/data", "pattern": "*.rs" }));
    assert_eq!(paths["paths"], json!(["/data/src/x.rs"]));
    assert_eq!(
        expect::text(&call(&host, "tree", &json!({ "path": "/data" }))),
        "/data\n  a.txt\n  new.txt\n  out@\n  src/\n    x.rs\n"
    );
    expect::text(&call(&host, "make_directory", &json!({ "path": "/data/deep/er" })));
    expect::text(&call(&host, "move", &json!({ "from": "/data/new.txt", "to": "/data/deep/er/n.txt" })));
    assert_eq!(on_disk("data/deep/er/n.txt"), "Grüße");
    expect::text(&call(&host, "delete", &json!({ "path": "/data/deep", "recursive": true })));
    assert!(!temp.path().join("data/deep").exists());
    let read = host.modern("resources/read", json!({ "uri": "file:///fixed/b.txt" })).result();
    assert_eq!(read["contents"][0]["text"], "fixed");
    host.stop();
}

#[test]
fn nothing_else_is_reached_or_written() {
    let (temp, host) = started(1000);
    refused(&host, "read_text", &json!({ "path": "/data/../outside/secret" }), "is not in `/data` or `/fixed`");
    refused(&host, "read_text", &json!({ "path": "/etc/passwd" }), "is not in");
    for (tool, arguments) in [
        ("read_text", json!({ "path": "/data/out/secret" })),
        ("list", json!({ "path": "/data/out" })),
        ("grep", json!({ "path": "/data/out", "pattern": "secret" })),
        ("write", json!({ "path": "/data/out/new", "content": "x" })),
        ("delete", json!({ "path": "/data/out/secret" })),
        ("move", json!({ "from": "/data/out/secret", "to": "/data/secret" })),
    ] {
        let result = call(&host, tool, &arguments);
        assert_eq!(result["isError"], true, "{tool}: {result}");
    }
    assert_eq!(given(&host, "grep", &json!({ "path": "/data", "pattern": "secret" }))["matches"], json!([]));
    refused(&host, "write", &json!({ "path": "/fixed/x", "content": "x" }), "can only be read");
    refused(&host, "write", &json!({ "path": "/data/big", "content": "x".repeat(2000) }), "there is no room left");
    let left: Vec<_> =
        fs::read_dir(temp.path().join("data")).expect("it is there").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 3, "nothing half written is left: {left:?}");
    assert_eq!(fs::read_dir(temp.path().join("outside")).expect("it is there").count(), 1);
    host.stop();
}

#[test]
fn without_a_grant_it_answers_plainly() {
    let host = Setup::new().plugin("filesystem").start();
    assert_eq!(given(&host, "roots", &json!({})), json!({ "folders": [] }));
    refused(&host, "read_text", &json!({ "path": "/data/a.txt" }), "there is no folder to work in");
    host.stop();
}
