//! Calls that nobody wants any more. (In the modern era a call ends with its connection: that is in `lifecycle`.)

use serde_json::{Value, json};
use toolyard_tests::{Connection, Host, Request, Session, Setup, modern_request};

use crate::expect;

/// With room for one call only, so that the next waits until the first has left.
const ONE_PLACE: &str = "[limits]\ncalls_max = 1\nqueue_wait_ms_max = 20000\n";

/// Much longer than anybody waits.
const LONG_MS: u64 = 25_000;

fn host() -> Host {
    let tools = json!([{ "name": "echo" }, { "name": "wait", "act": { "wait": "waited" } }]);
    Setup::new().script("c", &json!({ "tools": tools })).config(ONE_PLACE).start()
}

/// Begins a long call with this id, and gives it when the tool runs.
fn begin(host: &Host, session: &Session<'_>, id: &Value) -> Connection {
    let params = json!({ "name": "c_wait", "arguments": { "ms": LONG_MS }, "_meta": { "progressToken": 1 } });
    let mut call = host.start_sending(&session.request_as(id, "tools/call", &params));
    call.expect_events();
    assert_eq!(call.next_message().expect("the tool says that it runs")["method"], "notifications/progress");
    call
}

fn cancel(session: &Session<'_>, id: &Value) {
    session.notify("notifications/cancelled", &json!({ "requestId": id, "reason": "enough" }));
}

/// Checks that a call has left its place, and has not come to its end.
fn has_left(host: &Host) {
    assert_eq!(host.call("c_echo", &json!({}))["structuredContent"], json!({}));
    assert!(!host.log.has(&["the wait has ended"]));
}

#[test]
fn a_legacy_call_is_cancelled_by_its_id() {
    let host = host();
    for version in ["2025-11-25", "2025-06-18", "2025-03-26"] {
        let session = host.legacy(version);
        for id in [json!(7), json!("seven")] {
            let mut call = begin(&host, &session, &id);
            cancel(&session, &id);
            // Whoever cancelled does not want to hear of it.
            assert_eq!(call.next_message(), None);
            has_left(&host);
        }
    }
    host.stop();
}

#[test]
fn a_silent_call_is_cancelled_too() {
    let host = host();
    let session = host.legacy("2025-11-25");
    let params = json!({ "name": "c_wait", "arguments": { "ms": LONG_MS } });
    let mut call = host.start_sending(&session.request("tools/call", &params));
    host.log.wait_for(&["the wait has begun"]);
    cancel(&session, &json!(1));
    let head = call.read_head().expect("there is an answer");
    if head.is_event_stream() {
        assert_eq!(call.next_message(), None);
    } else {
        assert_eq!(head.status, 202, "{head:?}");
    }
    has_left(&host);
    host.stop();
}

#[test]
fn only_the_session_that_called_can_cancel_and_only_by_the_same_id() {
    let tools = json!([{ "name": "wait", "act": { "wait": "waited" } }]);
    let host = Setup::new().script("c", &json!({ "tools": tools })).start();
    let (session, other) = (host.legacy("2025-11-25"), host.legacy("2025-11-25"));
    let params = json!({ "name": "c_wait", "arguments": { "ms": 700 }, "_meta": { "progressToken": 1 } });
    let mut call = host.start_sending(&session.request_as(&json!(7), "tools/call", &params));
    call.expect_events();
    assert!(call.next_message().is_some(), "the tool says that it runs");
    cancel(&other, &json!(7));
    for id in [json!("7"), json!(8), json!(null), json!({})] {
        cancel(&session, &id);
    }
    session.notify("notifications/cancelled", &json!({}));
    let told = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 7 } });
    let nobody = Request::post(told.to_string()).header("MCP-Protocol-Version", "2025-11-25");
    assert_eq!(host.send(&nobody).status, 202);
    let last = call.messages().pop().expect("the call is answered");
    assert_eq!(expect::text(&last["result"]), "waited");
    // What is over can be cancelled, to no effect.
    cancel(&session, &json!(7));
    host.stop();
}

#[test]
fn a_modern_call_is_not_cancelled_by_a_notification() {
    let host = host();
    let params = json!({ "name": "c_wait", "arguments": { "ms": 300 }, "_meta": { "progressToken": 1 } });
    let mut call = host.start_sending(&modern_request("tools/call", params));
    call.expect_events();
    assert!(call.next_message().is_some(), "the tool says that it runs");
    let told = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } });
    // One client posts this without `Mcp-Method`.
    let plain = Request::post(told.to_string()).header("MCP-Protocol-Version", "2026-07-28");
    for request in [plain.clone(), plain.header("Mcp-Method", "notifications/cancelled")] {
        let reply = host.send(&request);
        assert_eq!((reply.status, reply.body.len()), (202, 0), "{reply:?}");
    }
    // Ids are the client's own, and there may be two clients.
    let last = call.messages().pop().expect("the call is answered");
    assert_eq!(expect::text(&last["result"]), "waited");
    host.stop();
}
