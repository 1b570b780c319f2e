//! Key-value data, as a plugin has it: `wasi:keyvalue`, and beside it `wasi:config` and the environment.

use std::thread;

use serde_json::{Value, json};
use toolyard_tests::{Host, Setup, guest};

use crate::expect;

const GRANTED: &str = "[plugin.a.grants.keyvalue]\n";

/// A host with the keeper under the name `a`.
fn keeper(config: &str) -> Setup {
    Setup::new().file("a.wasm", guest("keeper")).config(config)
}

/// What a tool says.
fn say(host: &Host, tool: &str, arguments: &Value) -> String {
    expect::text(&host.call(tool, arguments)).to_owned()
}

/// The same, where it is JSON.
fn tell(host: &Host, tool: &str, arguments: &Value) -> Value {
    let text = say(host, tool, arguments);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{tool} said no JSON ({error}): {text}"))
}

fn fail(host: &Host, tool: &str, arguments: &Value) -> String {
    expect::failure(&host.call(tool, arguments))
}

#[test]
fn values_are_kept_between_calls() {
    let host = keeper(GRANTED).start();
    assert_eq!(tell(&host, "a_kv_get", &json!({ "key": "k" })), Value::Null);
    assert_eq!(tell(&host, "a_kv_exists", &json!({ "key": "k" })), false);
    say(&host, "a_kv_set", &json!({ "key": "k", "value": "one" }));
    say(&host, "a_kv_set", &json!({ "key": "k", "value": "two" }));
    assert_eq!(tell(&host, "a_kv_get", &json!({ "key": "k" })), "two");
    assert_eq!(tell(&host, "a_kv_exists", &json!({ "key": "k" })), true);
    say(&host, "a_kv_delete", &json!({ "key": "k" }));
    say(&host, "a_kv_delete", &json!({ "key": "k" }));
    assert_eq!(tell(&host, "a_kv_get", &json!({ "key": "k" })), Value::Null);
    host.stop();
}

#[test]
fn without_a_grant_there_is_nothing_and_only_the_log_says_why() {
    let host = keeper("").start();
    let said = fail(&host, "a_kv_open", &json!({ "name": "default" }));
    assert_eq!(said, "access is denied");
    let line = host.log.wait_for(&["refused: it is not granted", "keyvalue"]);
    assert!(line.to_string().contains("the store `default`"), "{line}");
    // A name that is made to look like a line of the host's is only a name.
    fail(&host, "a_kv_open", &json!({ "name": "x`\n{\"level\":\"ERROR\"}" }));
    host.log.wait_for(&["refused: it is not granted", "the store `x`\\\\n{"]);
    host.stop();
}

#[test]
fn there_is_one_store() {
    let host = keeper(GRANTED).start();
    assert_eq!(say(&host, "a_kv_open", &json!({ "name": "default" })), "opened");
    for name in ["", "Default", "default/b", "../b", "other"] {
        assert_eq!(fail(&host, "a_kv_open", &json!({ "name": name })), "there is no such store");
    }
    host.stop();
}

#[test]
fn plugins_have_spaces_of_their_own() {
    let config = "[plugin.a.grants.keyvalue]\n[plugin.b.grants.keyvalue]\n[plugin.b-c.grants.keyvalue]\n";
    let host = keeper(config).file("b.wasm", guest("keeper")).file("b-c.wasm", guest("keeper")).start();
    say(&host, "a_kv_set", &json!({ "key": "k", "value": "of a" }));
    say(&host, "b_kv_set", &json!({ "key": "k", "value": "of b" }));
    for key in ["../a/k", "a/k", "/k", "default/a/k"] {
        assert_eq!(tell(&host, "b_kv_get", &json!({ "key": key })), Value::Null);
    }
    say(&host, "b_kv_delete", &json!({ "key": "k" }));
    assert_eq!(tell(&host, "a_kv_get", &json!({ "key": "k" })), "of a");
    assert_eq!(tell(&host, "b_kv_list", &json!({}))["keys"], json!([]));
    assert_eq!(tell(&host, "b-c_kv_list", &json!({}))["keys"], json!([]));
    host.stop();
}

#[test]
fn values_outlive_the_host() {
    let state = tempfile::tempdir().expect("a temporary folder can be made");
    let host = keeper(GRANTED).state(state.path()).start();
    say(&host, "a_kv_set", &json!({ "key": "k", "value": "kept" }));
    say(&host, "a_kv_increment", &json!({ "key": "n", "delta": 2 }));
    // Not asked to end, but killed.
    drop(host);
    let host = keeper(GRANTED).state(state.path()).start();
    assert_eq!(tell(&host, "a_kv_get", &json!({ "key": "k" })), "kept");
    assert_eq!(say(&host, "a_kv_increment", &json!({ "key": "n", "delta": 2 })), "4");
    // What one host writes, another that shares its state reads.
    let other = keeper(GRANTED).state(state.path()).start();
    say(&host, "a_kv_set", &json!({ "key": "k", "value": "new" }));
    assert_eq!(tell(&other, "a_kv_get", &json!({ "key": "k" })), "new");
    other.stop();
    host.stop();
}

#[test]
fn a_plugin_that_is_loaded_anew_finds_its_values() {
    let host = keeper(GRANTED).start();
    say(&host, "a_kv_set", &json!({ "key": "k", "value": "kept" }));
    // The same component with something behind it, which makes it another digest: a custom section.
    let mut other = guest("keeper");
    other.extend([0, 5, 4, b'm', b'o', b'r', b'e']);
    let before = host.log.lines().len();
    host.put("a.wasm", &other);
    toolyard_tests::eventually("the plugin to be loaded anew", || {
        host.log.lines()[before..].iter().any(|line| line.contains("\"loaded\"")).then_some(())
    });
    assert_eq!(tell(&host, "a_kv_get", &json!({ "key": "k" })), "kept");
    host.stop();
}

#[test]
fn bounds_hold_and_are_named() {
    let host = keeper(
        "[plugin.a.grants.keyvalue]\nkeys_max = 3\nbytes_max = 1000\nkey_bytes_max = 10\nvalue_bytes_max = 900\n",
    )
    .start();
    let large = |key_bytes: u32, value_bytes: u32| json!({ "key_bytes": key_bytes, "value_bytes": value_bytes });
    assert!(fail(&host, "a_kv_set_large", &large(11, 1)).contains("key_bytes_max"));
    assert!(fail(&host, "a_kv_set_large", &large(1, 901)).contains("value_bytes_max"));
    assert!(fail(&host, "a_kv_set_large", &large(1_000_000, 1_000_000)).contains("key_bytes_max"));
    say(&host, "a_kv_set_large", &large(10, 900));
    assert!(fail(&host, "a_kv_set_large", &large(9, 900)).contains("bytes_max"));
    say(&host, "a_kv_set_large", &large(9, 81));
    // 1000 bytes are there: not one more, but one can be replaced.
    assert!(fail(&host, "a_kv_increment", &json!({ "key": "n", "delta": 1 })).contains("bytes_max"));
    say(&host, "a_kv_set_large", &large(10, 10));
    say(&host, "a_kv_increment", &json!({ "key": "n", "delta": 1 }));
    let said = fail(&host, "a_kv_set", &json!({ "key": "fourth", "value": "" }));
    assert!(said.contains("keys_max"), "{said}");
    // A batch goes in whole or not at all.
    say(&host, "a_kv_delete", &json!({ "key": "n" }));
    assert!(fail(&host, "a_kv_set_many", &json!({ "prefix": "p", "count": 2 })).contains("keys_max"));
    assert_eq!(tell(&host, "a_kv_list", &json!({}))["keys"].as_array().map(Vec::len), Some(2));
    host.stop();
}

#[test]
fn keys_are_any_text_but_none() {
    let host = keeper(GRANTED).start();
    for key in ["\0", "a\0b", " ", "/", "..", "%00", "\u{1f980}", "'; DROP TABLE kept; --", "\u{202e}x"] {
        say(&host, "a_kv_set", &json!({ "key": key, "value": key }));
        assert_eq!(tell(&host, "a_kv_get", &json!({ "key": key })), key);
    }
    assert_eq!(tell(&host, "a_kv_list", &json!({}))["keys"].as_array().map(Vec::len), Some(9));
    assert!(fail(&host, "a_kv_set", &json!({ "key": "", "value": "x" })).contains("empty"));
    assert!(fail(&host, "a_kv_increment", &json!({ "key": "", "delta": 1 })).contains("empty"));
    assert_eq!(tell(&host, "a_kv_get", &json!({ "key": "" })), Value::Null);
    host.stop();
}

#[test]
fn increments_of_many_calls_add_up() {
    let host = keeper(GRANTED).start();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..4 {
                    say(&host, "a_kv_increment", &json!({ "key": "n", "delta": 3, "times": 25 }));
                }
            });
        }
    });
    assert_eq!(tell(&host, "a_kv_get", &json!({ "key": "n" })), "2400");
    say(&host, "a_kv_set", &json!({ "key": "text", "value": "many" }));
    assert!(fail(&host, "a_kv_increment", &json!({ "key": "text", "delta": 1 })).contains("number"));
    say(&host, "a_kv_increment", &json!({ "key": "max", "delta": i64::MAX }));
    assert!(fail(&host, "a_kv_increment", &json!({ "key": "max", "delta": 1 })).contains("number"));
    host.stop();
}

#[test]
fn a_swap_takes_place_only_if_nobody_was_first() {
    let host = keeper(GRANTED).start();
    let swap = |meanwhile: Value, value: &str| {
        tell(&host, "a_kv_swap", &json!({ "key": "k", "meanwhile": meanwhile, "value": value }))
    };
    assert_eq!(swap(Value::Null, "one"), json!([null]));
    assert_eq!(swap(Value::Null, "two"), json!(["one"]));
    // Somebody was: the handle that comes back holds what they wrote, and with it the swap takes place.
    assert_eq!(swap(json!("theirs"), "three"), json!(["two", "theirs"]));
    assert_eq!(tell(&host, "a_kv_get", &json!({ "key": "k" })), "three");
    host.stop();
}

#[test]
fn keys_are_listed_in_parts() {
    let host = keeper(GRANTED).start();
    say(&host, "a_kv_set_many", &json!({ "prefix": "p", "count": 600 }));
    let (mut keys, mut cursor, mut parts) = (Vec::new(), Value::Null, 0);
    loop {
        let page = tell(&host, "a_kv_list", &json!({ "cursor": cursor }));
        let part = page["keys"].as_array().expect("keys are a list").clone();
        assert!(!part.is_empty() && part.len() <= 256, "{}", part.len());
        keys.extend(part);
        parts += 1;
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            break;
        }
        // What is added meanwhile disturbs nothing.
        say(&host, "a_kv_set", &json!({ "key": "a", "value": "" }));
    }
    assert_eq!(parts, 3);
    let expected: Vec<Value> = (0..600).map(|n| json!(format!("p{n:04}"))).collect();
    assert_eq!(keys, expected);
    assert_eq!(tell(&host, "a_kv_list", &json!({ "cursor": "\u{10ffff}" })), json!({ "keys": [], "cursor": null }));
    host.stop();
}

#[test]
fn batches_are_bounded() {
    let host = keeper(GRANTED).start();
    say(&host, "a_kv_set_many", &json!({ "prefix": "p", "count": 1000, "value_bytes": 3 }));
    assert!(fail(&host, "a_kv_set_many", &json!({ "prefix": "q", "count": 1001 })).contains("1000 keys"));
    assert_eq!(tell(&host, "a_kv_get_many", &json!({ "prefix": "p099", "count": 3 })), json!([null, null, null]));
    assert_eq!(tell(&host, "a_kv_get_many", &json!({ "prefix": "p", "count": 3 })), json!([3, 3, 3]));
    say(&host, "a_kv_delete_many", &json!({ "prefix": "p", "count": 1000 }));
    assert_eq!(tell(&host, "a_kv_list", &json!({}))["keys"], json!([]));
    // One large value, asked for again and again, would be any amount of the host's memory.
    say(&host, "a_kv_set_large", &json!({ "key_bytes": 1, "value_bytes": 1_000_000 }));
    assert_eq!(say(&host, "a_kv_get_same", &json!({ "key": "k", "count": 8 })), "8");
    assert!(fail(&host, "a_kv_get_same", &json!({ "key": "k", "count": 9 })).contains("8 MiB"));
    assert!(fail(&host, "a_kv_get_same", &json!({ "key": "k", "count": 1000 })).contains("8 MiB"));
    host.stop();
}

#[test]
fn a_call_cannot_hoard_handles() {
    let host = keeper(GRANTED).start();
    say(&host, "a_kv_set_large", &json!({ "key_bytes": 1, "value_bytes": 1_000_000 }));
    let got = tell(&host, "a_kv_hoard", &json!({ "count": 1_000_000 }));
    assert!(got["got"].as_u64().is_some_and(|got| (100..5000).contains(&got)), "{got}");
    assert!(got["error"].as_str().is_some_and(|error| error.contains("too many handles")), "{got}");
    // What was read is held by the host.
    let got = tell(&host, "a_kv_hoard", &json!({ "key": "k", "count": 100 }));
    assert_eq!(got["got"], 4, "{got}");
    assert!(got["error"].as_str().is_some_and(|error| error.contains("cas handles")), "{got}");
    let got = tell(&host, "a_kv_hoard", &json!({ "key": "none", "count": 1_000_000 }));
    assert!(got["got"].as_u64().is_some_and(|got| (100..5000).contains(&got)), "{got}");
    host.stop();
}

#[test]
fn settings_and_variables_are_those_of_the_plugin() {
    let config = "[plugin.a.grants.config]\nurl = \"https://example.com\"\nempty = \"\"\n\
                  [plugin.a.grants.environment]\nMODE = \"a\"\n";
    let host = keeper(config).file("b.wasm", guest("keeper")).start();
    assert_eq!(tell(&host, "a_setting", &json!({ "key": "url" })), "https://example.com");
    assert_eq!(tell(&host, "a_setting", &json!({ "key": "empty" })), "");
    assert_eq!(tell(&host, "a_setting", &json!({ "key": "URL" })), Value::Null);
    assert_eq!(tell(&host, "a_setting", &json!({})), json!([["empty", ""], ["url", "https://example.com"]]));
    assert_eq!(tell(&host, "a_variable", &json!({ "name": "MODE" })), "a");
    // The host's own are nobody's.
    for name in ["PATH", "HOME"] {
        assert_eq!(tell(&host, "a_variable", &json!({ "name": name })), Value::Null);
    }
    assert_eq!(tell(&host, "b_setting", &json!({})), json!([]));
    assert_eq!(tell(&host, "b_variable", &json!({ "name": "MODE" })), Value::Null);
    host.stop();
}
