//! `toolyard stdio`: the same catalog through pipes, in both eras.

use serde_json::{Value, json};
use toolyard_tests::{Pipe, Setup, eventually, scripted};

use crate::asking::{accept, everything, form, tool};
use crate::expect;

const VERSIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

fn setup() -> Setup {
    let name = json!([{ "name": form("What is your name?", "name") }]);
    let tools = json!([
        { "name": "echo" },
        { "name": "steps", "act": { "progress": 3 } },
        { "name": "wait", "act": { "wait": "waited" } },
        { "name": "log", "act": { "log": [["info", "some information"], ["error", "an error"]] } },
        { "name": "stdout", "act": { "flood_stdout": 2048 } },
        { "name": "news", "act": { "tell": ["tools_changed", { "updated": "p://one" }] } },
        tool("name", &name),
    ]);
    let resources = json!({ "prefixes": ["p://"], "list": [{ "uri": "p://one", "text": "one" }] });
    Setup::new().script("p", &json!({ "tools": tools, "prompts": [{ "name": "hi" }], "resources": resources }))
}

fn call(pipe: &mut Pipe, id: &Value, tool: &str, arguments: &Value) {
    pipe.request(id, "tools/call", &json!({ "name": tool, "arguments": arguments, "_meta": { "progressToken": 1 } }));
}

#[test]
fn the_legacy_era_is_spoken() {
    for version in VERSIONS {
        let mut pipe = setup().start_pipe();
        let initialized = pipe.initialize(version, &json!({}));
        assert_eq!(initialized["protocolVersion"], version);
        assert_eq!(initialized["serverInfo"]["name"], "toolyard");
        for (id, method) in [(1, "ping"), (2, "tools/list"), (3, "prompts/list"), (4, "resources/list")] {
            pipe.request(&json!(id), method, &json!({}));
            let response = pipe.read();
            assert_eq!(response["id"], id);
            assert!(response["result"].is_object(), "{response}");
        }
        call(&mut pipe, &json!("a"), "p_echo", &json!({ "x": "ü\n" }));
        let response = pipe.read();
        assert_eq!(response["id"], "a");
        assert_eq!(expect::json_text(&response["result"]), json!({ "x": "ü\n" }));

        call(&mut pipe, &json!("b"), "p_steps", &json!({}));
        let (response, before) = pipe.read_to(&json!("b"));
        assert_eq!(before.len(), 3, "{before:?}");
        assert!(before.iter().all(|message| message["method"] == "notifications/progress"), "{before:?}");
        assert_eq!(expect::text(&response["result"]), "done");
        pipe.stop();
    }
}

#[test]
fn an_unknown_revision_is_answered_with_the_newest_of_the_era() {
    let mut pipe = setup().start_pipe();
    assert_eq!(pipe.initialize("2026-07-28", &json!({}))["protocolVersion"], "2025-11-25");
    pipe.stop();
}

#[test]
fn the_modern_era_is_spoken_without_a_handshake() {
    let mut pipe = setup().start_pipe();
    pipe.modern(&json!("server-discover-probe-1"), "server/discover", json!({}));
    let response = pipe.read();
    assert_eq!(response["id"], "server-discover-probe-1");
    assert_eq!(response["result"]["supportedVersions"], json!(["2026-07-28"]));
    pipe.modern(&json!(1), "tools/list", json!({}));
    assert_eq!(pipe.read()["result"]["tools"][0]["name"], "p_echo");
    pipe.modern(&json!(2), "tools/call", json!({ "name": "p_echo", "arguments": { "a": 1 } }));
    assert_eq!(pipe.read()["result"]["structuredContent"], json!({ "a": 1 }));
    pipe.modern(&json!(3), "tools/call", json!({ "name": "p_steps", "_meta": { "progressToken": "p" } }));
    let (_, before) = pipe.read_to(&json!(3));
    assert_eq!(before.len(), 3, "{before:?}");
    for method in ["initialize", "ping", "logging/setLevel", "resources/subscribe", "unknown/method"] {
        pipe.modern(&json!(4), method, json!({}));
        assert_eq!(pipe.read()["error"]["code"], -32601, "{method}");
    }
    pipe.stop();
}

#[test]
fn what_is_asked_before_a_handshake_is_answered() {
    let mut pipe = setup().start_pipe();
    // Neither era has this, and nobody is left waiting.
    pipe.request(&json!(1), "tools/list", &json!({}));
    let error = pipe.read()["error"].take();
    assert!(expect::sentence(error["message"].as_str().expect("a text")).contains("initialize"), "{error}");
    // A probe that lacks what the modern era needs is told so.
    pipe.request(&json!(2), "server/discover", &json!({}));
    assert_eq!(pipe.read()["error"]["code"], -32602);
    pipe.request(&json!(3), "ping", &json!({}));
    assert_eq!(pipe.read()["result"], json!({}));
    assert_eq!(pipe.initialize("2025-06-18", &json!({}))["protocolVersion"], "2025-06-18");
    pipe.stop();
}

#[test]
fn what_is_no_message_is_refused_and_the_next_line_is_read() {
    let mut pipe = setup().start_pipe();
    pipe.initialize("2025-11-25", &json!({}));
    for (line, code) in [
        ("nonsense", -32700),
        ("{", -32700),
        ("{\"a\":1} 2", -32700),
        ("{}", -32600),
        ("5", -32600),
        ("[]", -32600),
        ("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", -32600),
        ("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", -32600),
    ] {
        pipe.write(line);
        let answer = pipe.read();
        assert_eq!(answer["error"]["code"], code, "{line}: {answer}");
        expect::sentence(answer["error"]["message"].as_str().expect("a text"));
    }
    // Empty lines and those of other systems are nothing to answer.
    pipe.write("");
    pipe.write("   ");
    pipe.write("{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}\r");
    assert_eq!(pipe.read(), json!({ "jsonrpc": "2.0", "id": 9, "result": {} }));
    pipe.stop();
}

#[test]
fn a_message_may_be_long_but_not_for_ever() {
    let mut pipe = setup().config("[limits]\nbody_bytes_max = 100000\n").start_pipe();
    pipe.initialize("2025-11-25", &json!({}));
    let text = "x".repeat(90_000);
    call(&mut pipe, &json!(1), "p_echo", &json!({ "x": text }));
    assert_eq!(pipe.read()["result"]["structuredContent"]["x"].as_str().map(str::len), Some(90_000));
    call(&mut pipe, &json!(2), "p_echo", &json!({ "x": "x".repeat(200_000) }));
    // It is refused, and where the next one begins nobody can tell.
    let message = pipe.read()["error"]["message"].take();
    assert!(message.as_str().is_some_and(|message| message.contains("100000")), "{message}");
    pipe.close();
    pipe.wait();
}

#[test]
fn nothing_but_messages_comes_out() {
    let mut pipe = setup().start_pipe();
    pipe.initialize("2025-11-25", &json!({}));
    // Whatever a plugin prints and logs: each line that comes is read as a message.
    for tool in ["p_stdout", "p_log", "p_echo"] {
        call(&mut pipe, &json!(tool), tool, &json!({}));
        assert_eq!(pipe.read()["id"], tool);
    }
    pipe.log.wait_for(&["some information"]);
    pipe.stop();
}

#[test]
fn answers_come_when_they_are_ready() {
    let mut pipe = setup().start_pipe();
    pipe.initialize("2025-11-25", &json!({}));
    call(&mut pipe, &json!("slow"), "p_wait", &json!({ "ms": 2500 }));
    call(&mut pipe, &json!("fast"), "p_echo", &json!({}));
    let (_, before) = pipe.read_to(&json!("fast"));
    assert!(before.iter().all(|message| message["method"] == "notifications/progress"), "{before:?}");
    assert_eq!(expect::text(&pipe.read_to(&json!("slow")).0["result"]), "waited");
    pipe.stop();
}

#[test]
fn a_cancelled_request_is_answered_no_more() {
    for modern in [false, true] {
        let mut pipe = setup().config("[limits]\ncalls_max = 1\nqueue_wait_ms_max = 20000\n").start_pipe();
        let params = json!({ "name": "p_wait", "arguments": { "ms": 25_000 }, "_meta": { "progressToken": 1 } });
        if modern {
            pipe.modern(&json!(7), "tools/call", params);
        } else {
            pipe.initialize("2025-11-25", &json!({}));
            pipe.request(&json!(7), "tools/call", &params);
        }
        assert_eq!(pipe.read()["method"], "notifications/progress");
        // Not these.
        for id in [json!("7"), json!(8), json!(null)] {
            pipe.notify("notifications/cancelled", &json!({ "requestId": id }));
        }
        pipe.notify("notifications/cancelled", &json!({ "requestId": 7 }));
        // With room for one call only, the next is answered when the first has left, and is the next to be.
        let params = json!({ "name": "p_echo", "arguments": {} });
        if modern {
            pipe.modern(&json!(9), "tools/call", params);
        } else {
            pipe.request(&json!(9), "tools/call", &params);
        }
        assert_eq!(pipe.read()["id"], 9);
        assert!(!pipe.log.has(&["the wait has ended"]));
        pipe.stop();
    }
}

#[test]
fn a_form_is_asked_and_answered() {
    let answer = accept(&json!({ "name": "Alice" }));
    let mut pipe = setup().start_pipe();
    pipe.initialize("2025-11-25", &everything());
    call(&mut pipe, &json!(1), "p_name", &json!({}));
    let asked = pipe.read();
    assert_eq!(asked["method"], "elicitation/create");
    pipe.send(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": answer }));
    assert_eq!(pipe.read()["result"]["structuredContent"]["answers"]["name"], answer);
    pipe.stop();

    let mut pipe = setup().start_pipe();
    let capabilities = json!({ "io.modelcontextprotocol/clientCapabilities": everything() });
    let params = json!({ "name": "p_name", "arguments": {}, "_meta": capabilities });
    pipe.modern(&json!(1), "tools/call", params.clone());
    let result = pipe.read()["result"].take();
    assert_eq!(result["resultType"], "input_required");
    let mut params = params;
    params["requestState"] = result["requestState"].clone();
    params["inputResponses"] = json!({ "name": answer });
    pipe.modern(&json!(2), "tools/call", params);
    assert_eq!(pipe.read()["result"]["structuredContent"]["answers"]["name"], answer);
    pipe.stop();
}

#[test]
fn news_come_in_both_eras() {
    let mut pipe = setup().start_pipe();
    pipe.initialize("2025-11-25", &json!({}));
    pipe.request(&json!(1), "resources/subscribe", &json!({ "uri": "p://one" }));
    assert_eq!(pipe.read()["result"], json!({}));
    call(&mut pipe, &json!(2), "p_news", &json!({}));
    // On one pipe they may come before the answer or behind it.
    let mut said: Vec<Value> = (0..3).map(|_| pipe.read()).collect();
    said.retain(|message| message.get("method").is_some());
    let methods: Vec<&Value> = said.iter().map(|message| &message["method"]).collect();
    assert_eq!(methods, ["notifications/tools/list_changed", "notifications/resources/updated"]);
    // So do those of the folder of plugins.
    pipe.put("q.wasm", &scripted(&json!({ "prompts": [{ "name": "hi" }] })));
    assert_eq!(pipe.read()["method"], "notifications/prompts/list_changed");
    pipe.stop();

    let mut pipe = setup().start_pipe();
    pipe.modern(&json!("l"), "subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    assert_eq!(pipe.read()["method"], "notifications/subscriptions/acknowledged");
    pipe.modern(&json!(2), "tools/call", json!({ "name": "p_news" }));
    let (_, mut before) = pipe.read_to(&json!(2));
    let news = before.pop().unwrap_or_else(|| pipe.read());
    assert_eq!(news["method"], "notifications/tools/list_changed");
    assert_eq!(news["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], "l");
    // A listener that is cancelled hears no more; the next thing is an answer.
    pipe.notify("notifications/cancelled", &json!({ "requestId": "l" }));
    pipe.modern(&json!(3), "tools/call", json!({ "name": "p_news" }));
    assert_eq!(pipe.read()["id"], 3);
    pipe.stop();
}

#[test]
fn a_listener_gets_a_result_at_the_end() {
    let mut pipe = setup().start_pipe();
    pipe.modern(&json!("l"), "subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    assert_eq!(pipe.read()["method"], "notifications/subscriptions/acknowledged");
    pipe.close();
    let last = pipe.read();
    assert_eq!((&last["id"], &last["result"]["resultType"]), (&json!("l"), &json!("complete")));
    assert_eq!(pipe.hear(), None);
    assert!(pipe.wait().success());
}

#[test]
fn a_level_is_set_for_the_pipe() {
    let mut pipe = setup().start_pipe();
    pipe.initialize("2025-11-25", &json!({}));
    call(&mut pipe, &json!(1), "p_log", &json!({}));
    assert_eq!(pipe.read()["id"], 1);
    pipe.request(&json!(2), "logging/setLevel", &json!({ "level": "error" }));
    assert_eq!(pipe.read()["result"], json!({}));
    call(&mut pipe, &json!(3), "p_log", &json!({}));
    let (_, before) = pipe.read_to(&json!(3));
    assert_eq!(before.len(), 1, "{before:?}");
    assert_eq!(before[0]["params"]["level"], "error");
    pipe.stop();
}

#[test]
fn the_end_of_the_input_is_the_end() {
    // Of a host that was never spoken to.
    setup().start_pipe().stop();
    // And of one that works: it may still say what is nearly done, and does not stay for the rest.
    let mut pipe = setup().start_pipe();
    pipe.initialize("2025-11-25", &json!({}));
    call(&mut pipe, &json!(1), "p_wait", &json!({ "ms": 300 }));
    assert_eq!(pipe.read()["method"], "notifications/progress");
    call(&mut pipe, &json!(2), "p_wait", &json!({ "ms": 25_000 }));
    assert_eq!(pipe.read()["method"], "notifications/progress");
    let start = std::time::Instant::now();
    pipe.close();
    assert_eq!(expect::text(&pipe.read()["result"]), "waited");
    pipe.wait();
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn a_signal_is_the_end() {
    let mut pipe = setup().start_pipe();
    pipe.initialize("2025-11-25", &json!({}));
    pipe.terminate();
    assert!(pipe.wait().success());
}

#[test]
fn plugins_come_and_go() {
    let mut pipe = setup().start_pipe();
    pipe.put("q.wasm", &scripted(&json!({ "tools": [{ "name": "new" }] })));
    let mut id = 0;
    eventually("the tool to be there", || {
        id += 1;
        pipe.modern(&json!(id), "tools/call", json!({ "name": "q_new" }));
        pipe.read().get("result").map(|_| ())
    });
    pipe.stop();
}
