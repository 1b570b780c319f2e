//! Attacks by what a plugin says of itself, before anybody calls it.

use std::process::Command;

use serde_json::{Value, json};
use toolyard_tests::{Host, Setup, host_program, hostile, output, undisturbed};

use super::{LIMITS, clean, nothing_is_left};
use crate::expect;

/// Plugins that are refused, with these words in the reason.
const REFUSED: &[(&str, &[&str])] = &[
    ("describe-endless-loop", &["150 ms of processor time"]),
    ("describe-takes-memory", &["memory"]),
    ("describe-sleeps", &["400 ms"]),
    ("many-tools", &["1001 tools"]),
    ("huge-description", &["1048576 bytes"]),
    ("tool-twice", &["tool-twice_attack"]),
    ("name-with-end-of-line", &["not a legal name"]),
    ("name-with-escape", &["not a legal name"]),
    ("name-that-looks-like-another", &["not a legal name"]),
    ("name-of-a-megabyte", &["not a legal name"]),
    ("icon-that-is-a-script", &["icon"]),
    ("icon-of-this-machine", &["icon"]),
    ("schema-deep", &["bytes"]),
    ("schema-of-a-megabyte", &["bytes"]),
    ("schema-remote", &["another document"]),
    ("schema-of-this-machine", &["another document"]),
    ("schema-meta-remote", &["not valid"]),
    ("schema-large-pattern", &["not valid"]),
    ("schema-gigantic-numbers", &["not JSON"]),
    ("schema-key-twice", &["duplicate key"]),
];

/// A plugin that is served.
struct Served {
    name: &'static str,
    /// What its tool is called with.
    arguments: fn() -> Value,
    /// Whether that goes well.
    well: bool,
}

const SERVED: &[Served] = &[
    Served { name: "describe-reaches-out", arguments: nothing, well: true },
    Served { name: "description-unseen", arguments: nothing, well: true },
    Served { name: "schema-round", arguments: nothing, well: false },
    Served { name: "schema-round-deeply", arguments: nothing, well: false },
    Served { name: "schema-doubling", arguments: nothing, well: false },
    Served { name: "schema-doubling-items", arguments: nested, well: false },
    Served { name: "schema-slow-pattern", arguments: slow_text, well: false },
    Served { name: "schema-slow-pattern-with-lookahead", arguments: slow_texts, well: false },
    Served { name: "output-schema-doubling", arguments: nothing, well: false },
];

fn nothing() -> Value {
    json!({})
}

/// Deep enough for a schema to double its work sixty times.
fn nested() -> Value {
    json!({ "a": (0..60).fold(json!([]), |inner, _| json!([inner])) })
}

fn slow_text() -> Value {
    json!({ "a": format!("{}!", "a".repeat(100_000)) })
}

fn slow_texts() -> Value {
    json!({ "a": vec![format!("{}!", "a".repeat(40)); 20_000] })
}

fn all(names: impl Iterator<Item = &'static str>, config: &str) -> Host {
    let setup = Setup::new().config(LIMITS).config(config);
    names.fold(setup, |setup, name| setup.file(&format!("{name}.wasm"), hostile(name))).start()
}

#[test]
fn that_are_refused() {
    let config = "cpu_ms_max = 150\n";
    let config = format!(
        "[plugin.describe-endless-loop.limits]\n{config}[plugin.describe-sleeps.limits]\ntimeout_ms_max = 400\n"
    );
    let host = all(REFUSED.iter().map(|(name, _)| *name), &config);
    for (name, words) in REFUSED {
        let reason = host.refused(&format!("{name}.wasm"));
        expect::sentence(reason);
        assert!(!reason.chars().any(char::is_control), "{name}: {reason:?}");
        for word in *words {
            assert!(reason.contains(word), "{name}: `{word}` is not said: {reason}");
        }
    }
    assert!(host.tools().is_empty());
    undisturbed(&host, || {
        // Those that come later are no better.
        for name in ["describe-endless-loop", "schema-remote", "huge-description"] {
            host.put(&format!("{name}.wasm"), &hostile(name));
        }
    });
    nothing_is_left(&host);
    clean(&host.log.lines());
    host.stop();
}

#[test]
fn that_are_served() {
    let host = all(
        SERVED.iter().map(|served| served.name),
        "[plugin.describe-reaches-out.grants]\nconfig = { word = 'the-secret' }\n",
    );
    assert_eq!(host.ready["refused"], json!([]));
    undisturbed(&host, || {
        for Served { name, arguments, well } in SERVED {
            // As many as there are threads, and more: none of them is kept.
            for _ in 0..5 {
                let result = host.call(&format!("{name}_attack"), &arguments());
                assert_eq!(result["isError"] != true, *well, "{name}: {result}");
            }
        }
    });
    // A description is made with nothing granted.
    let tools = host.modern("tools/list", json!({})).result().to_string();
    assert!(tools.contains("config Ok([]) files false keys false environment []"), "{tools}");
    nothing_is_left(&host);
    clean(&host.log.lines());
    host.stop();
}

/// A plugin that says another thing each time is served with what it said first.
#[test]
fn that_change() {
    let host = all(["describe-other-each-time"].into_iter(), "");
    let tools = host.tools();
    assert_eq!((tools.len(), &host.tools()), (1, &tools));
    assert_eq!(expect::text(&host.call(&tools[0], &json!({}))), "called");
    host.stop();
}

/// Who looks at a plugin does so in a terminal, which obeys what is written to it.
#[test]
fn that_are_looked_at() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let component = folder.path().join("description-unseen.wasm");
    std::fs::write(&component, hostile("description-unseen")).expect("a file can be written");
    let output = output(Command::new(host_program()).arg("inspect").arg(&component));
    let text = String::from_utf8(output.stdout).expect("it is text");
    assert!(text.contains("attack") && text.contains("title"), "{text:?}");
    let obeyed = text.chars().find(|c| c.is_control() && *c != '\n' || ('\u{202a}'..='\u{202e}').contains(c));
    assert_eq!(obeyed, None, "{text:?}");
}
