use std::fs;

use tempfile::TempDir;
use toolyard_plugin::serde_json::{Value, from_str};
use toolyard_plugin::{Content, Error, ResourceBody, Result, json, testing};

use crate::filesystem::PLUGIN;
use crate::folders::pretended;

/// A folder `/data` that can be written, with some things in it, and `/fixed`, which cannot.
fn folders() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for made in ["data/src/deep", "fixed"] {
        fs::create_dir_all(root.join(made)).unwrap();
    }
    for (path, text) in [
        ("data/a.txt", "one\ntwo\nthree\n"),
        ("data/src/lib.rs", "fn main() {}\n// Two\n"),
        ("data/src/deep/x.rs", "two two\n"),
        ("data/binary", "a\0b"),
        ("data/pic.png", "\u{fffd}png"),
        ("fixed/b.txt", "fixed"),
    ] {
        fs::write(root.join(path), text).unwrap();
    }
    std::os::unix::fs::symlink("/etc", root.join("data/out")).unwrap();
    pretended::grant("/data", root.join("data"), true);
    pretended::grant("/fixed", root.join("fixed"), false);
    folder
}

#[expect(clippy::needless_pass_by_value, reason = "made in place, with `json!`")]
fn call(tool: &str, arguments: Value) -> Result<Vec<String>> {
    let result = PLUGIN.call(tool, &arguments.to_string(), &testing::context())?;
    let text = |content| match content {
        Content::Text(text) => text.text,
        Content::Image(image) => format!("{} {}", image.mime_type, image.data.len()),
        other => panic!("{other:?}"),
    };
    Ok(result.structured.into_iter().chain(result.content.into_iter().map(text)).collect())
}

fn value(tool: &str, arguments: Value) -> Value {
    from_str(&call(tool, arguments).unwrap()[0]).unwrap()
}

fn refused(tool: &str, arguments: Value) -> String {
    call(tool, arguments).unwrap_err().message().to_owned()
}

#[test]
fn without_a_folder_there_is_a_plain_answer() {
    assert_eq!(value("roots", json!({})), json!({ "folders": [] }));
    assert_eq!(call("list", json!({ "path": "/" })).unwrap_err(), Error::denied("there is no folder to work in"));
}

#[test]
fn files_are_read() {
    let _folders = folders();
    assert_eq!(
        value("roots", json!({})),
        json!({ "folders": [{ "path": "/data", "writable": true }, { "path": "/fixed", "writable": false }] })
    );
    assert_eq!(call("read_text", json!({ "path": "/data/a.txt" })).unwrap(), ["one\ntwo\nthree\n"]);
    assert_eq!(call("read_text", json!({ "path": "/data/a.txt", "tail": 1 })).unwrap(), ["three\n"]);
    assert_eq!(call("read_text", json!({ "path": "/data/a.txt", "from_line": 2, "to_line": 2 })).unwrap(), ["two\n"]);
    assert_eq!(call("read_media", json!({ "path": "/data/pic.png" })).unwrap(), ["image/png 6"]);
    for (path, said) in [
        ("/data/none", "`/data/none` does not exist"),
        ("/data/binary", "is no text in UTF-8"),
        ("/data/src", "is a folder; use `list` or `tree`"),
        ("/etc/passwd", "`/etc/passwd` is not in `/data` or `/fixed`"),
        ("/data/../../etc/passwd", "is not in"),
    ] {
        let error = refused("read_text", json!({ "path": path }));
        assert!(error.contains(said), "{error}");
    }
    assert!(refused("read_media", json!({ "path": "/data/a.txt" })).contains("`read_text`"));
}

#[test]
fn large_files_are_read_at_their_ends() {
    let folders = folders();
    let line = format!("{}\n", "x".repeat(99));
    fs::write(folders.path().join("data/large"), format!("first\n{}last\n", line.repeat(50_000))).unwrap();
    assert!(refused("read_text", json!({ "path": "/data/large" })).contains("only `head` and `tail`"));
    let head = call("read_text", json!({ "path": "/data/large", "head": 1 })).unwrap();
    assert_eq!((head[0].as_str(), head.len()), ("first\n", 2));
    assert_eq!(call("read_text", json!({ "path": "/data/large", "tail": 1 })).unwrap()[0], "last\n");
    fs::write(folders.path().join("data/wide"), line.repeat(4_000)).unwrap();
    let cut = call("read_text", json!({ "path": "/data/wide" })).unwrap();
    assert!(cut[0].len() <= 256 << 10 && cut[1].starts_with("Only the first 2622 lines"), "{}", cut[1]);
}

#[test]
fn files_are_written_whole_or_not_at_all() {
    let folders = folders();
    let written = value("write", json!({ "path": "/data/new.txt", "content": "x" }));
    assert_eq!(written, json!({ "path": "/data/new.txt", "bytes": 1, "created": true }));
    assert_eq!(value("write", json!({ "path": "/data/new.txt", "content": "yy" }))["created"], false);
    assert_eq!(fs::read_to_string(folders.path().join("data/new.txt")).unwrap(), "yy");
    for (arguments, said) in [
        (json!({ "path": "/data/new.txt", "content": "", "create_only": true }), "exists already"),
        (
            json!({ "path": "/data/no/x", "content": "" }),
            "the folder `/data/no` does not exist: make it with `make_directory`",
        ),
        (json!({ "path": "/data/src", "content": "" }), "is a folder"),
        (json!({ "path": "/fixed/x", "content": "" }), "`/fixed/x` is in a folder that can only be read"),
        (json!({ "path": "/data/big", "content": "x".repeat((4 << 20) + 1) }), "at most 4194304"),
    ] {
        let error = refused("write", arguments);
        assert!(error.contains(said), "{error}");
    }
    let names: Vec<_> =
        fs::read_dir(folders.path().join("data")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().ends_with(".new")), "nothing is left behind: {names:?}");
}

#[test]
fn edits_are_exact_and_all_or_nothing() {
    let folders = folders();
    let read = || fs::read_to_string(folders.path().join("data/a.txt")).unwrap();
    let edit = |edits: Value, dry_run: bool| {
        call("edit", json!({ "path": "/data/a.txt", "edits": edits, "dry_run": dry_run }))
    };
    let diff = "--- /data/a.txt\n+++ /data/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n";

    let shown: Value = from_str(&edit(json!([{ "old": "two", "new": "2" }]), true).unwrap()[0]).unwrap();
    assert_eq!(shown, json!({ "diff": diff, "replacements": 1, "written": false }));
    assert_eq!(read(), "one\ntwo\nthree\n");
    let twice = json!([{ "old": "two", "new": "2" }, { "old": "one\n2", "new": "1\n2" }, { "old": "e", "new": "E", "all": true }]);
    let shown: Value = from_str(&edit(twice, false).unwrap()[0]).unwrap();
    assert_eq!(
        (&shown["replacements"], &shown["written"], read().as_str()),
        (&json!(4), &json!(true), "1\n2\nthrEE\n")
    );

    for (edits, said) in [
        (
            json!([{ "old": "1", "new": "x" }, { "old": "absent", "new": "" }]),
            "edit 2: `old` does not occur; read the file again",
        ),
        (json!([{ "old": "E", "new": "x" }]), "edit 1: `old` occurs 2 times"),
        (json!([{ "old": "", "new": "x" }]), "`old` is empty"),
        (json!([{ "old": "  thrEE", "new": "x" }]), "line 3 begins the same but for blanks"),
        (json!([]), "1 to 100 edits"),
    ] {
        let error = edit(edits, false).unwrap_err();
        assert!(error.message().contains(said), "{error:?}");
    }
    assert_eq!(read(), "1\n2\nthrEE\n");
    fs::write(folders.path().join("data/a.txt"), "a\r\nb\r\n").unwrap();
    edit(json!([{ "old": "a\nb", "new": "c\nd" }]), false).unwrap();
    assert_eq!(read(), "c\r\nd\r\n");
    assert!(
        refused("edit", json!({ "path": "/fixed/b.txt", "edits": [{ "old": "f", "new": "g" }] }))
            .contains("only be read")
    );
}

#[test]
fn folders_are_shown() {
    let _folders = folders();
    let listing = value("list", json!({ "path": "/data", "limit": 2 }));
    let expected = json!({ "entries": [{ "name": "a.txt", "kind": "file", "bytes": 14 }, { "name": "binary", "kind": "file", "bytes": 3 }], "more": true });
    assert_eq!(listing, expected);
    let rest = value("list", json!({ "path": "/data", "after": "out" }));
    assert_eq!(rest["entries"].as_array().unwrap().len(), 2, "{rest}");
    let tree = call("tree", json!({ "path": "/data" })).unwrap();
    assert_eq!(tree, ["/data\n  a.txt\n  binary\n  out@\n  pic.png\n  src/\n    deep/\n      x.rs\n    lib.rs\n"]);
    assert_eq!(call("tree", json!({ "path": "/data/src", "depth": 1 })).unwrap(), ["/data/src\n  deep/\n  lib.rs\n"]);
    let info = value("info", json!({ "path": "/data/a.txt" }));
    assert_eq!((&info["kind"], &info["bytes"]), (&json!("file"), &json!(14)));
    assert_eq!(value("info", json!({ "path": "/data/out" }))["kind"], "link");
    assert!(refused("list", json!({ "path": "/data/a.txt" })).contains("no folder"));
    assert!(refused("list", json!({ "path": "/data", "limit": 0 })).contains("`limit`"));
}

#[test]
fn things_are_found() {
    let _folders = folders();
    let search = |pattern: &str| value("search", json!({ "path": "/data", "pattern": pattern }))["paths"].clone();
    assert_eq!(search("*.rs"), json!(["/data/src/deep/x.rs", "/data/src/lib.rs"]));
    assert_eq!(search("src/*.rs"), json!(["/data/src/lib.rs"]));
    assert_eq!(search("src/**/*.rs"), json!(["/data/src/deep/x.rs", "/data/src/lib.rs"]));
    assert_eq!(search("passwd"), json!([]));
    let first = value("search", json!({ "path": "/data", "pattern": "*", "limit": 1 }));
    assert_eq!(first, json!({ "paths": ["/data/a.txt"], "more": true }));
    assert!(refused("search", json!({ "path": "/data", "pattern": "[" })).contains("`pattern`"));

    let lines = value("grep", json!({ "path": "/data", "pattern": "^(// )?two", "ignore_case": true }));
    let expected = json!([
        { "path": "/data/a.txt", "line": 2, "text": "two" },
        { "path": "/data/src/deep/x.rs", "line": 1, "text": "two two" },
        { "path": "/data/src/lib.rs", "line": 2, "text": "// Two" },
    ]);
    assert_eq!((&lines["matches"], &lines["more"]), (&expected, &json!(false)));
    let only = value("grep", json!({ "path": "/data", "pattern": "two", "files": "*.rs", "limit": 1 }));
    assert_eq!((&only["matches"][0]["path"], &only["files"]), (&json!("/data/src/deep/x.rs"), &json!(2)));
    assert_eq!(value("grep", json!({ "path": "/data/a.txt", "pattern": "o" }))["matches"].as_array().unwrap().len(), 2);
    assert!(refused("grep", json!({ "path": "/data", "pattern": "(" })).contains("`pattern`"));
    assert!(refused("grep", json!({ "path": "/data/none", "pattern": "x" })).contains("does not exist"));
}

#[test]
fn things_are_moved_and_deleted() {
    let folders = folders();
    let there = |path: &str| fs::symlink_metadata(folders.path().join(path)).is_ok();
    call("make_directory", json!({ "path": "/data/x/y" })).unwrap();
    call("make_directory", json!({ "path": "/data/x/y" })).unwrap();
    call("move", json!({ "from": "/data/a.txt", "to": "/data/x/y/b.txt" })).unwrap();
    assert!(!there("data/a.txt") && there("data/x/y/b.txt"));
    for (from, to, said) in [
        ("/data/binary", "/data/pic.png", "exists already"),
        ("/data/none", "/data/other", "does not exist"),
        ("/data/x", "/data/x/z", "into itself"),
        ("/data", "/data/z", "stays where it is"),
        ("/data/binary", "/fixed/binary", "only be read"),
        ("/fixed/b.txt", "/data/b.txt", "only be read"),
    ] {
        let error = refused("move", json!({ "from": from, "to": to }));
        assert!(error.contains(said), "{error}");
    }
    assert!(refused("delete", json!({ "path": "/data/x" })).contains("set `recursive`"));
    call("delete", json!({ "path": "/data/x", "recursive": true })).unwrap();
    call("delete", json!({ "path": "/data/out", "recursive": true })).unwrap();
    assert!(!there("data/x") && !there("data/out") && fs::exists("/etc").unwrap());
    assert!(refused("delete", json!({ "path": "/data", "recursive": true })).contains("cannot be deleted"));
    assert!(refused("delete", json!({ "path": "/fixed/b.txt" })).contains("only be read"));
}

#[test]
fn files_are_resources() {
    let _folders = folders();
    let read = |uri: &str| PLUGIN.read(uri, &testing::context());
    let text = read("file:///data/a.txt").unwrap();
    assert_eq!(text[0].body, ResourceBody::Text("one\ntwo\nthree\n".into()));
    assert_eq!(text[0].mime_type.as_deref(), Some("text/plain"));
    for uri in ["file:///data/none", "file:///etc/passwd", "file:///data", "file:///data/..%2f..%2fetc/passwd"] {
        assert_eq!(read(uri).unwrap_err(), Error::NotFound, "{uri}");
    }
}
