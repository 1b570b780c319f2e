//! The modern era (2026-07-28): what its methods answer.

use serde_json::{Value, json};
use toolyard_tests::{Host, Setup, modern_request};

use crate::expect;

/// A plugin with a tool for each way to answer.
fn answers() -> Host {
    let tools = json!([
        { "name": "echo", "description": "Gives back what it is given." },
        { "name": "hello", "act": { "say": "Hello" } },
        { "name": "list", "act": { "structured": "[1, {\"two\": 2}]" } },
        { "name": "nothing", "act": { "structured": "null" } },
        { "name": "steps", "act": { "progress": 3 } },
        { "name": "invalid", "act": { "fail": { "invalid_arguments": "There is no such colour." } } },
        { "name": "denied", "act": { "fail": { "denied": "That is not yours." } } },
        { "name": "retryable", "act": { "fail": { "retryable": "The other side is busy." } } },
        { "name": "failed", "act": { "fail": { "failed": "It did not work." } } },
        { "name": "unhappy", "act": { "fail": { "is_error": "It went wrong." } } },
        { "name": "internal", "act": { "fail": { "internal": "The plugin is broken." } } },
    ]);
    Setup::new().script("answers", &json!({ "tools": tools })).start()
}

/// What every complete result carries.
fn assert_complete(result: &Value) {
    assert_eq!(result["resultType"], "complete", "{result}");
    let info = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!(info["name"], "toolyard", "{result}");
    assert!(info["version"].is_string(), "{result}");
}

fn assert_cacheable(result: &Value) {
    assert!(result["ttlMs"].is_u64(), "{result}");
    assert!(["public", "private"].map(Value::from).contains(&result["cacheScope"]), "{result}");
}

#[test]
fn discover_tells_what_the_server_is() {
    let host = answers();
    let result = host.modern("server/discover", json!({})).result();
    assert_complete(&result);
    assert_cacheable(&result);
    assert_eq!(result["supportedVersions"], json!(["2026-07-28"]));
    assert!(result["capabilities"]["tools"].is_object(), "{result}");
    host.stop();
}

#[test]
fn discover_says_what_the_operator_configured() {
    let config =
        "[server]\nname = \"shed\"\ntitle = \"The Shed\"\nversion = \"7.1\"\ninstructions = \"Ask for tools.\"\n";
    let host = Setup::new().config(config).start();
    let result = host.modern("server/discover", json!({})).result();
    assert_eq!(result["instructions"], "Ask for tools.");
    let expected = json!({ "name": "shed", "title": "The Shed", "version": "7.1" });
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"], expected);
    host.stop();
}

#[test]
fn ids_come_back_as_they_were() {
    let host = answers();
    for id in [json!(0), json!(-7), json!(9_007_199_254_740_991_u64), json!("listen:0"), json!("")] {
        let request = modern_request("tools/list", json!({}));
        let mut message: Value = serde_json::from_slice(&request.body).expect("it was JSON");
        message["id"] = id.clone();
        let answer = host.send(&request.body(message.to_string())).answer();
        assert_eq!(answer["id"], id);
        assert!(answer["result"].is_object(), "{answer}");
    }
    host.stop();
}

#[test]
fn the_list_is_complete_and_its_order_stays() {
    let host = answers();
    let result = host.modern("tools/list", json!({})).result();
    assert_complete(&result);
    assert_cacheable(&result);
    let echo = json!({
        "name": "answers_echo",
        "description": "Gives back what it is given.",
        "inputSchema": { "type": "object" },
    });
    assert_eq!(result["tools"][0], echo);
    let names = [
        "echo",
        "hello",
        "list",
        "nothing",
        "steps",
        "invalid",
        "denied",
        "retryable",
        "failed",
        "unhappy",
        "internal",
    ];
    let names = names.map(|name| format!("answers_{name}"));
    for _ in 0..3 {
        assert_eq!(host.tools(), names);
    }
    host.stop();
}

#[test]
fn schemas_pass_through_as_they_are_written() {
    let schema = r##"{"type":"object","$defs":{"z":{"$anchor":"here","type":"string"}},"properties":{"b":{"$ref":"#/$defs/z"},"a":{"x-own":1e2}},"if":{"required":["a"]},"then":{"required":["b"]}}"##;
    let script =
        json!({ "tools": [{ "name": "echo", "input_schema": schema, "output_schema": "{\"type\":[\"object\"]}" }] });
    let host = Setup::new().script("own", &script).start();
    let reply = host.modern("tools/list", json!({}));
    let body = String::from_utf8(reply.body).expect("JSON is UTF-8");
    assert!(body.contains(schema), "{body}");
    assert!(body.contains(r#"{"type":["object"]}"#), "{body}");
    host.stop();
}

#[test]
fn long_lists_come_in_pages() {
    let many = |from: u32| {
        let tools: Vec<Value> = (from..from + 300).map(|number| json!({ "name": format!("t{number}") })).collect();
        json!({ "tools": tools })
    };
    let host = Setup::new().script("a", &many(1000)).script("b", &many(2000)).start();
    let expected: Vec<String> =
        (1000..1300).map(|n| format!("a_t{n}")).chain((2000..2300).map(|n| format!("b_t{n}"))).collect();

    let mut names = Vec::new();
    let mut pages = 0;
    let mut params = json!({});
    loop {
        let result = host.modern("tools/list", params.clone()).result();
        assert_complete(&result);
        assert_cacheable(&result);
        let tools = result["tools"].as_array().expect("tools are an array");
        names.extend(tools.iter().map(|tool| tool["name"].as_str().expect("a name is a text").to_owned()));
        pages += 1;
        match &result["nextCursor"] {
            Value::Null => break,
            cursor => params["cursor"] = cursor.clone(),
        }
    }
    assert_eq!(names, expected);
    assert!(pages > 1, "600 tools came in one page");

    for wrong in ["nonsense", "-1", "!"] {
        let reply = host.modern("tools/list", json!({ "cursor": wrong }));
        expect::error(&reply, 400, -32602, &json!(1));
    }
    host.stop();
}

#[test]
fn a_call_is_answered_with_what_the_tool_gave() {
    let host = answers();
    let result = host.call("answers_hello", &json!({}));
    assert_complete(&result);
    assert_eq!(result["content"], json!([{ "type": "text", "text": "Hello" }]));
    assert!(result.get("structuredContent").is_none(), "{result}");

    let arguments = json!({ "a": [1, 2.5, null], "ü": { "b": "\u{1F600}" } });
    let result = host.call("answers_echo", &arguments);
    assert_complete(&result);
    assert_eq!(result["structuredContent"], arguments);
    // The same as text, for clients that read only that.
    assert_eq!(expect::json_text(&result), arguments);

    // In this era, structured content is any JSON.
    let result = host.call("answers_list", &json!({}));
    assert_eq!(result["structuredContent"], json!([1, { "two": 2 }]));
    assert_eq!(expect::json_text(&result), json!([1, { "two": 2 }]));
    assert!(
        host.call("answers_nothing", &json!({})).as_object().is_some_and(|it| it.contains_key("structuredContent"))
    );
    host.stop();
}

#[test]
fn missing_arguments_are_an_empty_object() {
    let host = answers();
    let result = host.modern("tools/call", json!({ "name": "answers_echo" })).result();
    assert_eq!(result["structuredContent"], json!({}));
    host.stop();
}

#[test]
fn failures_are_for_the_model_and_faults_for_the_client() {
    let host = answers();
    for (tool, said) in [
        ("answers_invalid", "There is no such colour."),
        ("answers_denied", "That is not yours."),
        ("answers_retryable", "The other side is busy."),
        ("answers_failed", "It did not work."),
        ("answers_unhappy", "It went wrong."),
    ] {
        let result = host.call(tool, &json!({}));
        assert_complete(&result);
        assert!(expect::failure(&result).contains(said), "{result}");
    }
    let reply = host.modern("tools/call", json!({ "name": "answers_internal" }));
    assert!([200, 500].contains(&reply.status), "{reply:?}");
    assert!(expect::error(&reply, reply.status, -32603, &json!(1)).contains("The plugin is broken."), "{reply:?}");
    host.stop();
}

/// The params of a call that asks for progress.
fn with_token(token: &Value) -> Value {
    json!({ "name": "answers_steps", "_meta": { "progressToken": token } })
}

#[test]
fn progress_travels_on_the_stream_of_its_call() {
    let host = answers();
    for token in [json!("progress-test-1"), json!(7)] {
        let reply = host.modern("tools/call", with_token(&token));
        assert_eq!(reply.status, 200);
        assert!(reply.is_event_stream(), "{reply:?}");
        assert_eq!(reply.header("X-Accel-Buffering"), Some("no"));
        let mut messages = reply.messages();
        let result = &messages.pop().expect("there is an answer")["result"];
        assert_complete(result);
        assert_eq!(expect::text(result), "done");
        let expected = [1.0, 2.0, 3.0].map(|step| {
            json!({
                "jsonrpc": "2.0",
                "method": "notifications/progress",
                "params": { "progressToken": token, "progress": step, "total": 3.0, "message": "going on" },
            })
        });
        assert_eq!(expect::as_floats(&Value::from(messages)), expect::as_floats(&Value::from(expected.to_vec())));
    }
    host.stop();
}

#[test]
fn progress_nobody_asked_for_is_not_sent() {
    let host = answers();
    let reply = host.modern("tools/call", json!({ "name": "answers_steps" }));
    assert!(!reply.is_event_stream(), "{reply:?}");
    assert_eq!(expect::text(&reply.result()), "done");
    host.stop();
}

#[test]
fn the_form_of_the_answer_is_what_the_client_accepts() {
    let host = answers();
    // JSON alone is enough for a client that asks for it: progress is then dropped.
    let request = modern_request("tools/call", with_token(&json!("t"))).header("Accept", "application/json");
    let reply = host.send(&request);
    assert_eq!(reply.header("Content-Type"), Some("application/json"));
    assert_eq!(expect::text(&reply.result()), "done");
    for accept in ["*/*", "application/*, text/*", "text/event-stream", "text/event-stream;q=0.5, application/json"] {
        let request = modern_request("tools/call", json!({ "name": "answers_hello" })).header("Accept", accept);
        assert_eq!(expect::text(&host.send(&request).result()), "Hello", "{accept}");
    }
    host.stop();
}

#[test]
fn nothing_is_remembered_from_one_call_to_the_next() {
    let host = answers();
    let mut connection = host.connect();
    // One connection, one after the other: what the first declared holds for the first alone.
    for method in ["server/discover", "tools/list"] {
        connection.write(&modern_request(method, json!({})).bytes("localhost"));
        assert!(connection.read().result().is_object());
    }
    let bare = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} });
    let request = modern_request("tools/list", json!({})).body(bare.to_string());
    connection.write(&request.bytes("localhost"));
    expect::error(&connection.read(), 400, -32602, &json!(1));
    host.stop();
}

#[test]
fn notifications_are_accepted_without_a_word() {
    let host = answers();
    for method in ["notifications/cancelled", "notifications/whatever"] {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": { "requestId": 1 } });
        // As the TypeScript client sends it: with no `Mcp-Method`.
        let request = modern_request("x/y", json!({})).without("Mcp-Method").body(message.to_string());
        let reply = host.send(&request);
        assert_eq!((reply.status, reply.body.len()), (202, 0), "{reply:?}");
    }
    host.stop();
}
