//! The legacy era (`initialize`): revisions 2025-11-25, 2025-06-18 and 2025-03-26.

use serde_json::{Value, json};
use toolyard_tests::{Host, Request, Setup};

use crate::expect;

const VERSIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

fn host() -> Host {
    let tools = json!([
        { "name": "echo", "description": "Gives back what it is given." },
        { "name": "list", "act": { "structured": "[1,2]" } },
        { "name": "steps", "act": { "progress": 3 } },
        { "name": "failed", "act": { "fail": { "failed": "It did not work." } } },
        { "name": "internal", "act": { "fail": { "internal": "The plugin is broken." } } },
        { "name": "wait", "act": { "wait": "waited" } },
    ]);
    Setup::new().script("l", &json!({ "tools": tools })).start()
}

#[test]
fn each_revision_is_spoken() {
    let host = host();
    for version in VERSIONS {
        let session = host.legacy(version);
        assert_eq!(session.version, version);
        assert_eq!(session.initialized["serverInfo"]["name"], "toolyard");
        assert!(session.initialized["capabilities"]["tools"].is_object(), "{}", session.initialized);
        assert!(session.initialized.get("resultType").is_none(), "{}", session.initialized);

        assert_eq!(session.send("ping", &json!({})).result(), json!({}));

        let list = session.send("tools/list", &json!({})).result();
        assert_eq!(list["tools"][0]["name"], "l_echo");
        assert_eq!(list["tools"][0]["inputSchema"], json!({ "type": "object" }));
        for modern in ["resultType", "ttlMs", "cacheScope"] {
            assert!(list.get(modern).is_none(), "{modern} is of another era: {list}");
        }

        let result = session.call("l_echo", &json!({ "a": "ü" }));
        assert_eq!(expect::json_text(&result), json!({ "a": "ü" }));
        assert!(result.get("resultType").is_none(), "{result}");
        if version != "2025-03-26" {
            assert_eq!(result["structuredContent"], json!({ "a": "ü" }));
        }
    }
    host.stop();
}

#[test]
fn an_unknown_revision_is_answered_with_the_newest_of_the_era() {
    let host = host();
    for version in ["2026-07-28", "1999-01-01", "2099-01-01", "newest", ""] {
        assert_eq!(host.legacy(version).version, "2025-11-25", "{version}");
    }
    host.stop();
}

#[test]
fn initialize_may_carry_headers_of_either_era() {
    let host = host();
    let params =
        json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    let message = json!({ "jsonrpc": "2.0", "id": "one", "method": "initialize", "params": params });
    let plain = Request::post(message.to_string());
    // The conformance suite sends these.
    for request in [
        plain.clone().header("MCP-Protocol-Version", "2025-11-25"),
        plain.clone().header("Mcp-Method", "initialize"),
        plain.header("Accept", "application/json"),
    ] {
        let answer = host.send(&request).answer();
        assert_eq!(answer["id"], "one");
        assert_eq!(answer["result"]["protocolVersion"], "2025-11-25", "{answer}");
    }
    host.stop();
}

#[test]
fn structured_content_is_an_object_or_nothing() {
    let host = host();
    for version in VERSIONS {
        let result = host.legacy(version).call("l_list", &json!({}));
        assert!(result.get("structuredContent").is_none(), "{result}");
        assert_eq!(expect::json_text(&result), json!([1, 2]));
    }
    host.stop();
}

#[test]
fn failures_are_for_the_model_and_faults_for_the_client() {
    let host = host();
    for version in VERSIONS {
        let session = host.legacy(version);
        let result = session.call("l_failed", &json!({}));
        assert!(expect::failure(&result).contains("It did not work."), "{result}");

        let reply = session.send("tools/call", &json!({ "name": "l_internal", "arguments": {} }));
        assert!(expect::error(&reply, 200, -32603, &json!(1)).contains("The plugin is broken."), "{reply:?}");
        let reply = session.send("tools/call", &json!({ "name": "nobody", "arguments": {} }));
        assert!(expect::error(&reply, 200, -32602, &json!(1)).contains("nobody"), "{reply:?}");

        let reply = session.send("unknown/method", &json!({}));
        assert!([200, 404].contains(&reply.status), "{reply:?}");
        expect::error(&reply, reply.status, -32601, &json!(1));
    }
    host.stop();
}

#[test]
fn progress_travels_on_the_stream_of_its_call() {
    let host = host();
    for version in VERSIONS {
        let params = json!({ "name": "l_steps", "arguments": {}, "_meta": { "progressToken": "p" } });
        let reply = host.legacy(version).send("tools/call", &params);
        assert!(reply.is_event_stream(), "{reply:?}");
        let messages = reply.messages();
        let steps: Vec<&Value> = messages.iter().filter(|message| message.get("id").is_none()).collect();
        assert_eq!(steps.len(), 3, "{messages:?}");
        for (number, step) in steps.iter().enumerate() {
            assert_eq!(step["method"], "notifications/progress");
            assert_eq!(step["params"]["progressToken"], "p");
            assert_eq!(step["params"]["progress"].as_f64(), Some(number as f64 + 1.0));
        }
        assert_eq!(expect::text(&reply.result()), "done");
    }
    host.stop();
}

#[test]
fn a_request_that_names_no_revision_is_of_the_first() {
    let host = host();
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "l_echo" } });
    let result = host.send(&Request::post(call.to_string())).result();
    assert_eq!(result, json!({ "content": [{ "type": "text", "text": "{}" }] }));
    host.stop();
}

#[test]
fn a_disconnect_is_no_cancellation() {
    let host = host();
    let session = host.legacy("2025-11-25");
    let params = json!({ "name": "l_wait", "arguments": { "ms": 300 }, "_meta": { "progressToken": 1 } });
    let mut connection = host.start_sending(&session.request("tools/call", &params));
    assert_eq!(connection.read_head().expect("an answer begins").status, 200);
    let first = connection.next_message().expect("progress is reported");
    assert_eq!(first["method"], "notifications/progress");
    drop(connection);
    host.log.wait_for(&["the wait has ended"]);
    host.stop();
}
