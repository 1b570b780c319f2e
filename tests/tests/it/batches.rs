//! JSON-RPC batches, which 2025-03-26 has, and no other revision.

use serde_json::{Value, json};
use toolyard_tests::{Host, Request, Session, Setup};

use crate::expect;

fn host() -> Host {
    let asks = json!({ "rounds": [{ "where": { "roots": {} } }] });
    let tools = json!([
        { "name": "echo" },
        { "name": "steps", "act": { "progress": 3 } },
        { "name": "wait", "act": { "wait": "waited" } },
        { "name": "failed", "act": { "fail": { "failed": "It did not work." } } },
        { "name": "ask", "act": { "ask": asks } },
    ]);
    Setup::new().script("b", &json!({ "tools": tools })).start()
}

fn call(id: &Value, tool: &str, arguments: &Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments, "_meta": { "progressToken": 1 } });
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
}

fn ping(id: u32) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": "ping" })
}

fn told(method: &str) -> Value {
    json!({ "jsonrpc": "2.0", "method": method })
}

/// Sends a batch, which must be answered by one response for each request, and gives them in the order of their ids.
fn send(host: &Host, session: &Session<'_>, batch: &Value) -> Vec<Value> {
    let reply = host.send(&session.message(batch));
    assert_eq!(reply.status, 200, "{reply:?}");
    let mut responses = reply.json().as_array().unwrap_or_else(|| panic!("no array: {reply:?}")).clone();
    responses.sort_by_key(|response| response["id"].to_string());
    responses
}

#[test]
fn each_request_of_a_batch_has_its_response() {
    let host = host();
    let session = host.legacy("2025-03-26");
    let batch = json!([
        ping(1),
        told("notifications/initialized"),
        call(&json!(2), "b_echo", &json!({ "a": 1 })),
        { "jsonrpc": "2.0", "id": 3, "method": "tools/list" },
        call(&json!(4), "b_failed", &json!({})),
        call(&json!(5), "nobody", &json!({})),
        { "jsonrpc": "2.0", "id": 6, "method": "unknown/method" },
        call(&json!("seven"), "b_steps", &json!({})),
    ]);
    let responses = send(&host, &session, &batch);
    let ids: Vec<&Value> = responses.iter().map(|response| &response["id"]).collect();
    assert_eq!(ids, [&json!("seven"), &json!(1), &json!(2), &json!(3), &json!(4), &json!(5), &json!(6)]);
    let [steps, pong, echo, list, failed, nobody, unknown] = responses.as_slice() else { panic!("seven were asked") };
    // There is one answer to all, so nobody hears of progress.
    assert_eq!(expect::text(&steps["result"]), "done");
    assert_eq!(pong["result"], json!({}));
    assert_eq!(expect::json_text(&echo["result"]), json!({ "a": 1 }));
    assert_eq!(list["result"]["tools"][0]["name"], "b_echo");
    assert!(expect::failure(&failed["result"]).contains("It did not work."));
    assert_eq!(nobody["error"]["code"], -32602);
    assert_eq!(unknown["error"]["code"], -32601);
    host.stop();
}

#[test]
fn a_batch_needs_no_session() {
    let host = host();
    let batch = json!([ping(1), ping(2)]);
    let plain = Request::post(batch.to_string());
    for request in [plain.clone(), plain.header("MCP-Protocol-Version", "2025-03-26")] {
        assert_eq!(host.send(&request).json().as_array().map(Vec::len), Some(2));
    }
    host.stop();
}

#[test]
fn a_batch_that_asks_nothing_is_accepted() {
    let host = host();
    let session = host.legacy("2025-03-26");
    let answer = json!({ "jsonrpc": "2.0", "id": "unknown", "result": {} });
    for batch in [
        json!([told("notifications/initialized")]),
        json!([told("notifications/initialized"), told("notifications/roots/list_changed")]),
        json!([answer, answer]),
        json!([answer, told("notifications/initialized")]),
    ] {
        let reply = host.send(&session.message(&batch));
        assert_eq!((reply.status, reply.body.len()), (202, 0), "{batch}: {reply:?}");
    }
    host.stop();
}

#[test]
fn what_is_wrong_with_one_message_is_not_the_others_fault() {
    let host = host();
    let session = host.legacy("2025-03-26");
    for wrong in
        [json!(5), json!("x"), json!([ping(3)]), json!({}), json!({ "jsonrpc": "1.0", "id": 3, "method": "ping" })]
    {
        let responses = send(&host, &session, &json!([ping(1), wrong, ping(2)]));
        assert_eq!(responses.len(), 3, "{responses:?}");
        assert_eq!(responses.iter().filter(|response| response["result"] == json!({})).count(), 2, "{responses:?}");
        let error = responses.iter().find_map(|response| response.get("error")).expect("one is wrong");
        assert_eq!(error["code"], -32600, "{wrong}: {error}");
    }
    host.stop();
}

#[test]
fn what_is_no_batch_is_refused() {
    let host = host();
    let session = host.legacy("2025-03-26");
    // `initialize` settles what the others need, so it stands alone (2025-03-26, lifecycle, "Initialization").
    let initialize = json!({ "jsonrpc": "2.0", "id": 9, "method": "initialize", "params": {} });
    let responses = send(&host, &session, &json!([initialize, ping(1)]));
    assert_eq!(responses[0]["result"], json!({}));
    assert_eq!(responses[1]["error"]["code"], -32600, "{responses:?}");

    for (body, code) in [("[]", -32600), ("[{]", -32700), ("[", -32700), ("[1,]", -32700)] {
        let reply = host.send(&session.message(&json!(null)).body(body));
        expect::error(&reply, 400, code, &Value::Null);
    }
    let many: Vec<Value> = (0..10_000).map(ping).collect();
    let reply = host.send(&session.message(&json!(many)));
    assert!([400, 413].contains(&reply.status), "{reply:?}");
    host.stop();
}

#[test]
fn no_other_revision_has_batches() {
    let host = host();
    let batch = json!([ping(1)]);
    for version in ["2025-11-25", "2025-06-18"] {
        let session = host.legacy(version);
        // The session says which revision this is, also where the header does not.
        for request in [session.message(&batch), session.message(&batch).without("MCP-Protocol-Version")] {
            expect::error(&host.send(&request), 400, -32600, &Value::Null);
        }
        let request = Request::post(batch.to_string()).header("MCP-Protocol-Version", version);
        expect::error(&host.send(&request), 400, -32600, &Value::Null);
    }
    host.stop();
}

#[test]
fn calls_of_a_batch_run_side_by_side() {
    let host = host();
    let session = host.legacy("2025-03-26");
    let calls: Vec<Value> = (0..8).map(|id| call(&json!(id), "b_wait", &json!({ "ms": 1000 }))).collect();
    let start = std::time::Instant::now();
    let responses = send(&host, &session, &json!(calls));
    assert!(responses.iter().all(|response| expect::text(&response["result"]) == "waited"), "{responses:?}");
    assert!(start.elapsed().as_millis() < 8 * 1000, "one after the other: {:?}", start.elapsed());
    host.stop();
}

#[test]
fn nobody_can_be_asked_in_a_batch() {
    let host = host();
    let session = host.legacy_with("2025-03-26", &json!({ "roots": {} }));
    let responses = send(&host, &session, &json!([call(&json!(1), "b_ask", &json!({})), ping(2)]));
    let message = responses[0]["error"]["message"].as_str().expect("an error says why");
    expect::sentence(message);
    assert_eq!(responses[1]["result"], json!({}));
    host.stop();
}
