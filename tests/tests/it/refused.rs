//! What a plugin gets that is bad when it is loaded: it is refused with a reason that names what is wrong, and the others
//! are served.

use serde_json::{Value, json};
use toolyard_tests::{Host, Setup, eventually, guest, scripted, undisturbed};

use crate::expect;

/// A script with one tool, whose input schema is this.
fn with_schema(schema: &str) -> Value {
    json!({ "tools": [{ "name": "t", "input_schema": schema }] })
}

fn named(name: &str) -> Value {
    json!({ "tools": [{ "name": name }] })
}

/// The file is refused, both when the host starts and when it appears later, and the reason has these words in it.
fn refuses(what: &str, component: &[u8], words: &[&str]) {
    let good = json!({ "tools": [{ "name": "hello", "act": { "say": "Hello" } }] });
    let host = Setup::new().script("good", &good).file("bad.wasm", component).start();
    let reason = host.refused("bad.wasm").to_owned();
    for word in words {
        assert!(reason.contains(word), "{what}: `{word}` is not said: {reason}");
    }
    expect::sentence(&reason);
    host.log.wait_for(&["bad.wasm", "refused"]);
    assert_eq!(host.tools(), ["good_hello"], "{what}");

    undisturbed(&host, || {
        host.put("later.wasm", component);
        host.log.wait_for(&["later.wasm", "refused"]);
    });
    assert_eq!(expect::text(&host.call("good_hello", &json!({}))), "Hello");
    host.stop();
}

#[test]
fn what_is_not_a_component() {
    refuses("an empty file", b"", &[]);
    refuses("a text", b"This is not WebAssembly.\n", &[]);
    refuses("a core module", b"\0asm\x01\0\0\0", &["component"]);
    refuses("an empty component", b"\0asm\x0d\0\x01\0", &["toolyard:plugin/tools"]);
}

#[test]
fn an_import_the_host_has_not_got() {
    refuses("a stranger", &guest("stranger"), &["nobody:nothing/here@1.0.0"]);
}

#[test]
fn a_schema_that_is_none() {
    for (schema, words) in [
        ("{", &["JSON"][..]),
        ("{\"type\":\"object\",\"type\":\"object\"}", &["type"]),
        ("[]", &[]),
        ("true", &[]),
        ("null", &[]),
        ("{\"type\":\"string\"}", &["object"]),
        ("{\"type\":\"object\",\"properties\":5}", &[]),
        ("{\"type\":\"object\",\"properties\":{\"a\":{\"pattern\":\"(\"}}}", &[]),
        ("{\"type\":\"object\",\"$schema\":\"https://example.com/mine\"}", &["https://example.com/mine"]),
        ("{\"type\":\"object\",\"$ref\":\"https://example.com/other.json\"}", &["https://example.com/other.json"]),
        ("{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"file:///etc/passwd\"}}}", &["file:///etc/passwd"]),
        ("{\"type\":\"object\",\"$ref\":\"#/$defs/nowhere\"}", &["nowhere"]),
    ] {
        let words: Vec<&str> = words.iter().copied().chain(["`t`"]).collect();
        refuses(schema, &scripted(&with_schema(schema)), &words);
    }
    let deep = format!("{{\"type\":\"object\",\"a\":{}1{}}}", "[".repeat(2000), "]".repeat(2000));
    refuses("a deep schema", &scripted(&with_schema(&deep)), &["`t`"]);
    let output = json!({ "tools": [{ "name": "t", "output_schema": "{" }] });
    refuses("an output schema", &scripted(&output), &["`t`", "JSON"]);
}

#[test]
fn headers_that_cannot_be_mirrored() {
    let annotated = |kind: &str, header: &str| {
        format!(r#"{{"type":"object","properties":{{"a":{{"type":"{kind}","x-mcp-header":{header}}}}}}}"#)
    };
    for schema in [
        annotated("string", "\"\""),
        annotated("string", "\"with space\""),
        annotated("string", "\"a:b\""),
        annotated("string", "5"),
        annotated("number", "\"A\""),
        annotated("object", "\"A\""),
        r#"{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}}"#.to_owned(),
        r#"{"type":"object","properties":{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}}"#.to_owned(),
    ] {
        refuses(&schema, &scripted(&with_schema(&schema)), &["x-mcp-header", "`t`"]);
    }
}

#[test]
fn a_name_that_is_not_legal() {
    for name in ["", "with space", "dot.ted", "sla/sh", "ümlaut", &"x".repeat(65), &"x".repeat(61), "new\nline"] {
        refuses(name, &scripted(&named(name)), &["name"]);
    }
}

#[test]
fn a_name_that_is_taken() {
    let twice = json!({ "tools": [{ "name": "same" }, { "name": "same" }] });
    refuses("two tools of one name", &scripted(&twice), &["same"]);

    // Of two plugins, the one that was there first keeps the name, and the refusal has both names in it.
    let host = Setup::new()
        .script("a", &named("b_c"))
        .script("a_b", &named("c"))
        .script("x", &named("same"))
        .script("y", &named("same"))
        .config("[plugin.x]\nprefix = \"\"\n[plugin.y]\nprefix = \"\"\n")
        .start();
    assert_eq!(host.tools(), ["a_b_c", "same"]);
    for (file, words) in [("a_b.wasm", ["a_b_c", "`a`"]), ("y.wasm", ["same", "`x`"])] {
        let reason = host.refused(file);
        assert!(words.iter().all(|word| reason.contains(word)), "{file}: {reason}");
    }
    // When the name becomes free, it goes to the one that was refused.
    std::fs::remove_file(host.plugins().join("x.wasm")).expect("a file can be removed");
    std::fs::remove_file(host.plugins().join("a.wasm")).expect("a file can be removed");
    host.wait_for_tools(&["a_b_c", "same"]);
    eventually("y to serve its tool", || {
        let call = || host.modern("tools/call", json!({ "name": "same", "arguments": { "who": "y" } }));
        (call().answer()["result"]["structuredContent"]["who"] == "y").then_some(())
    });
    host.stop();
}

#[test]
fn a_file_whose_name_makes_no_plugin() {
    let component = scripted(&named("t"));
    let names = ["with space.wasm", "dot.ted.wasm", ".wasm", "ümlaut.wasm"];
    let setup = names.iter().fold(Setup::new(), |setup, name| setup.file(name, component.clone()));
    let host = setup.file("notes.txt", "not a plugin, and not meant to be").start();
    assert_eq!(host.tools(), [""; 0]);
    for name in ["with space.wasm", "dot.ted.wasm", "ümlaut.wasm"] {
        expect::sentence(host.refused(name));
    }
    let refused = host.ready["refused"].as_array().expect("`refused` is an array");
    assert!(!refused.iter().any(|entry| entry.to_string().contains("notes.txt")), "{refused:?}");
    host.stop();
}

#[test]
fn describing_that_does_not_end_well() {
    refuses("a trap", &scripted(&json!({ "describe": "trap" })), &[]);
    let limits = "[plugin.bad.limits]\ntimeout_ms_max = 500\n";
    let host = Setup::new().script("bad", &json!({ "describe": "spin" })).config(limits).start();
    let reason = host.refused("bad.wasm");
    assert!(reason.contains("500 ms"), "{reason}");
    host.stop();
}

#[test]
fn a_plugin_without_tools_is_no_mistake() {
    let host: Host = Setup::new().script("empty", &json!({ "tools": [] })).start();
    assert_eq!(host.ready["refused"], json!([]));
    assert_eq!(host.ready["plugins"][0]["name"], "empty");
    host.stop();
}

#[test]
fn a_file_that_is_too_large() {
    let config = "[limits]\ncomponent_bytes_max = 1000\n";
    let host = Setup::new().script("large", &named("t")).config(config).start();
    let reason = host.refused("large.wasm");
    assert!(reason.contains("1000") && reason.contains("component_bytes_max"), "{reason}");
    host.stop();
}
