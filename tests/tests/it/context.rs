//! What a plugin is told about the call it serves, and what it may tell.

use serde_json::{Value, json};
use toolyard_tests::{Host, Setup, modern_request};

use crate::expect;

fn host() -> Host {
    Setup::new().guest("echo").start()
}

const META: &str = "io.modelcontextprotocol";

fn told(host: &Host, meta: &Value) -> Value {
    host.modern("tools/call", json!({ "name": "echo_context", "_meta": meta })).result()["structuredContent"].clone()
}

#[test]
fn the_client_is_introduced() {
    let host = host();
    let meta = json!({
        format!("{META}/clientInfo"): { "name": "probe", "version": "1.2" },
        format!("{META}/clientCapabilities"): { "elicitation": { "url": {} }, "sampling": {}, "roots": {} },
    });
    let context = told(&host, &meta);
    assert_eq!(context["client_name"], "probe");
    assert_eq!(context["client_version"], "1.2");
    assert_eq!(context["capabilities"], json!(["elicitation-url", "sampling", "roots"]));

    let context = told(&host, &json!({ format!("{META}/clientCapabilities"): { "elicitation": {} } }));
    // As the specification has it, an empty object means forms.
    assert_eq!(context["capabilities"], json!(["elicitation-form"]));
    host.stop();
}

#[test]
fn a_host_without_tenants_and_authentication_has_its_defaults() {
    let host = host();
    let context = told(&host, &json!({}));
    assert_eq!(context["tenant"], "default");
    assert_eq!(context["subject"], "anonymous");
    assert_eq!(context["scopes"], json!([]));
    assert_eq!(context["attempt"], 1);
    assert_eq!(context["wants_progress"], false);
    host.stop();
}

#[test]
fn every_call_has_a_key_of_its_own_and_a_deadline() {
    let host = Setup::new().guest("echo").config("[plugin.echo.limits]\ntimeout_ms_max = 7000\n").start();
    let now_ms = || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is after 1970");
        u64::try_from(now.as_millis()).expect("a time fits")
    };
    let before = now_ms();
    let contexts: Vec<Value> = (0..20).map(|_| told(&host, &json!({}))).collect();
    let mut keys: Vec<&str> = contexts.iter().filter_map(|context| context["idempotency_key"].as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 20, "{keys:?}");
    assert!(keys.iter().all(|key| (16..=64).contains(&key.len())), "{keys:?}");
    for context in &contexts {
        let deadline = context["deadline_ms"].as_u64().expect("a number");
        assert!((before + 7000..=now_ms() + 7000).contains(&deadline), "{deadline}");
    }
    host.stop();
}

#[test]
fn the_trace_and_the_clients_own_meta_are_passed_on() {
    let host = host();
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let meta = json!({
        "traceparent": traceparent, "tracestate": "a=1", "baggage": "b=2",
        "com.example/tenant": { "x": [1] }, "progressToken": "p",
    });
    let context = told(&host, &meta);
    assert_eq!(context["traceparent"], traceparent);
    assert_eq!((&context["tracestate"], &context["baggage"]), (&json!("a=1"), &json!("b=2")));
    let own: Value = serde_json::from_str(context["meta"].as_str().expect("there is a `meta`")).expect("it is JSON");
    assert_eq!(own, json!({ "com.example/tenant": { "x": [1] } }));
    assert_eq!(context["wants_progress"], true);
    host.stop();
}

#[test]
fn the_legacy_era_knows_less_and_says_it_the_same_way() {
    let host = host();
    for version in ["2025-11-25", "2025-06-18", "2025-03-26"] {
        let session = host.legacy(version);
        let params = json!({ "name": "echo_context", "_meta": { "progressToken": 1, "com.example/a": 1 } });
        let result = session.send("tools/call", &params).result();
        let context = expect::json_text(&result);
        assert_eq!(context["wants_progress"], true, "{context}");
        assert_eq!(context["subject"], "anonymous", "{context}");
        let own: Value =
            serde_json::from_str(context["meta"].as_str().expect("there is a `meta`")).expect("it is JSON");
        assert_eq!(own, json!({ "com.example/a": 1 }), "{version}");
    }
    host.stop();
}

#[test]
fn no_header_reaches_a_plugin() {
    let host = host();
    let request = modern_request("tools/call", json!({ "name": "echo_context" }));
    let request = request.header("Authorization", "Bearer very-secret").header("Cookie", "very=secret");
    let reply = host.send(&request);
    assert_eq!(reply.status, 200);
    assert!(!String::from_utf8_lossy(&reply.body).contains("secret"), "{reply:?}");
    assert!(!host.log.has(&["very-secret"]));
    host.stop();
}

#[test]
fn what_a_plugin_logs_is_in_the_hosts_log() {
    let host = host();
    host.call("echo_log", &json!({ "level": "warn", "message": "the water is cold" }));
    let line = host.log.wait_for(&["the water is cold"]);
    assert_eq!(line["level"], "WARN", "{line}");
    assert!(line.to_string().contains("\"echo\""), "which plugin it was is not said: {line}");
    host.stop();
}
