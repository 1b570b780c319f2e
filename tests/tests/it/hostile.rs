//! What a plugin gets that misbehaves when it is called: its call ends, alone, with one clear sentence.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use toolyard_tests::{Host, Setup, undisturbed};

use crate::expect;

const MIB: usize = 1024 * 1024;

/// Low, so that tests are quick; the memory is enough for the flood to be made.
const LIMITS: &str = "\
    [plugin.hostile.limits]\ntimeout_ms_max = 500\nmemory_bytes_max = 33554432\noutput_bytes_max = 1048576\n\
    [plugin.patient.limits]\nmemory_bytes_max = 33554432\n\
    [plugin.roomy.limits]\nmemory_bytes_max = 536870912\noutput_bytes_max = 1048576\n";

/// A plugin with this one tool, which is called `act`. As `roomy`, it may use much memory; as `patient`, much time.
fn host(act: &Value, output_schema: Option<&str>) -> Host {
    let script = json!({ "tools": [{ "name": "act", "act": act, "output_schema": output_schema }] });
    Setup::new().script("hostile", &script).script("patient", &script).script("roomy", &script).config(LIMITS).start()
}

/// Calls the tool in both eras while somebody else's calls go on, checks that it failed with a sentence that has these
/// words in it, that the host goes on, and that a failed call leaves nothing behind that would fail the next.
fn fails(plugin: &str, act: &Value, output_schema: Option<&str>, words: &[&str]) {
    let host = host(act, output_schema);
    let tool = format!("{plugin}_act");
    undisturbed(&host, || {
        let session = host.legacy("2025-11-25");
        for _ in 0..3 {
            for result in [host.call(&tool, &json!({})), session.call(&tool, &json!({}))] {
                let message = expect::failure(&result);
                for word in words {
                    assert!(message.contains(word), "`{word}` is not said: {message}");
                }
            }
        }
    });
    host.stop();
}

#[test]
fn an_endless_loop() {
    let start = Instant::now();
    fails("hostile", &json!("spin"), None, &["500 ms"]);
    assert!(start.elapsed() >= Duration::from_secs(3), "six calls of at least half a second each");
}

#[test]
fn a_wait_that_is_too_long() {
    let host = host(&json!({ "wait": "never said" }), None);
    undisturbed(&host, || {
        let message = expect::failure(&host.call("hostile_act", &json!({ "ms": 3_600_000 })));
        assert!(message.contains("500 ms"), "{message}");
    });
    host.stop();
}

#[test]
fn allocation_without_bound() {
    fails("patient", &json!("allocate"), None, &["memory"]);
}

#[test]
fn recursion_without_bound() {
    fails("hostile", &json!("recurse"), None, &[]);
}

#[test]
fn a_trap() {
    fails("hostile", &json!("trap"), None, &[]);
}

#[test]
fn a_panic() {
    let host = host(&json!({ "panic": "there is a secret in here" }), None);
    undisturbed(&host, || {
        let message = expect::failure(&host.call("hostile_act", &json!({})));
        assert!(!message.contains("secret"), "a panic's message is for the log, not for the caller: {message}");
    });
    // Its author needs it, and finds it in the log.
    host.log.wait_for(&["there is a secret in here", "hostile"]);
    host.stop();
}

#[test]
fn output_of_100_mb() {
    fails("roomy", &json!({ "flood": 100 * MIB }), None, &["1048576"]);
}

#[test]
fn a_flood_on_stdout_or_into_the_log() {
    for act in [json!({ "flood_stdout": 100 * MIB }), json!({ "flood_log": 100 * MIB })] {
        let host = host(&act, None);
        undisturbed(&host, || {
            // What it says beside its answer is cut off; the answer itself is fine.
            assert_eq!(expect::text(&host.call("roomy_act", &json!({}))), "done");
        });
        let logged: usize = host.log.lines().iter().map(String::len).sum();
        assert!(logged < 4 * MIB, "{logged} bytes of log");
        host.stop();
    }
}

#[test]
fn a_flood_of_progress() {
    let host = host(&json!({ "progress": 1_000_000 }), None);
    undisturbed(&host, || {
        let params = json!({ "name": "roomy_act", "_meta": { "progressToken": "p" } });
        let reply = host.modern("tools/call", params);
        let mut messages = reply.messages();
        assert_eq!(expect::text(&messages.pop().expect("there is an answer")["result"]), "done");
        // Some may be dropped; what comes, comes in order.
        let steps: Vec<f64> = messages.iter().filter_map(|message| message["params"]["progress"].as_f64()).collect();
        assert_eq!(steps.len(), messages.len());
        assert!(!steps.is_empty() && steps.is_sorted_by(|a, b| a < b));
    });
    host.stop();
}

#[test]
fn a_result_that_is_not_json() {
    for text in ["{\"a\":", "nonsense", "", "{\"a\":1,\"a\":2}", "1 2"] {
        faulty(&json!({ "structured": text }), None);
    }
    faulty(&json!({ "structured": "[".repeat(3000) }), None);
    // It is JSON, and would take many a client's stack to read.
    faulty(&json!({ "structured": format!("{}{}", "[".repeat(1500), "]".repeat(1500)) }), None);
}

#[test]
fn a_result_that_breaks_its_schema() {
    let schema = r#"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}"#;
    faulty(&json!({ "structured": "{\"n\":\"one\"}" }), Some(schema));
    faulty(&json!({ "say": "no structured content at all" }), Some(schema));
    let host = host(&json!({ "structured": "{\"n\":1}" }), Some(schema));
    assert_eq!(host.call("hostile_act", &json!({}))["structuredContent"], json!({ "n": 1 }));
    host.stop();
}

/// Calls the tool, and checks that what it gave was not passed on, and that this is called the plugin's fault: either as a
/// failed result or as an internal error.
fn faulty(act: &Value, output_schema: Option<&str>) {
    let host = host(act, output_schema);
    undisturbed(&host, || {
        let session = host.legacy("2025-11-25");
        let params = json!({ "name": "hostile_act", "arguments": {} });
        for reply in [host.modern("tools/call", params.clone()), session.send("tools/call", &params)] {
            let answer = reply.answer();
            if answer.get("error").is_some() {
                expect::error(&reply, reply.status, -32603, &json!(1));
            } else {
                expect::failure(&reply.result());
                assert!(answer["result"].get("structuredContent").is_none(), "{answer}");
            }
        }
    });
    host.stop();
}
