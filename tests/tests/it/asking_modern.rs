//! Asking the client in the modern era: `input_required`, round by round.

use serde_json::{Value, json};
use toolyard_tests::{Host, Setup};

use crate::asking::{Need, Rounds, accept, form, sampled, sampling, tool, url};
use crate::expect;

fn host() -> Host {
    let name = json!([{ "name": form("What is your name?", "name") }]);
    let all = json!([{ "name": form("Who?", "name"), "page": url(), "model": sampling(), "folders": { "roots": {} } }]);
    let three = json!([{ "a": form("A?", "x"), "b": form("B?", "x"), "c": form("C?", "x") }]);
    let rounds = json!([{ "one": form("One?", "x") }, { "two": form("Two?", "x") }, { "three": form("Three?", "x") }]);
    let tools = json!([
        tool("name", &name),
        tool("all", &all),
        tool("three", &three),
        tool("rounds", &rounds),
        { "name": "for_ever", "act": { "ask": { "rounds": name, "for_ever": true } } },
        { "name": "stateful", "act": { "ask": { "rounds": name, "ballast_bytes": 16_000 } } },
        { "name": "too_stateful", "act": { "ask": { "rounds": name, "ballast_bytes": 17_000 } } },
        tool("no_schema", &json!([{ "x": { "form": { "message": "?", "schema": "[" } } }])),
        tool("no_object", &json!([{ "x": { "form": { "message": "?", "schema": "{\"type\":\"string\"}" } } }])),
        tool("no_page", &json!([{ "x": { "url": { "message": "?", "url": "javascript:alert(1)" } } }])),
        tool("with_tools", &json!([{ "x": { "sampling": { "messages": [], "maxTokens": 1, "tools": [] } } }])),
    ]);
    let script = json!({
        "tools": tools,
        "prompts": [{ "name": "who", "ask": { "rounds": name } }],
        "resources": { "prefixes": ["ask://"], "list": [{ "uri": "ask://who", "ask": { "rounds": name } }] },
    });
    Setup::new().script("a", &script).start()
}

/// What the tool knows in the end.
fn known(result: &Value) -> &Value {
    &result["structuredContent"]
}

#[test]
fn a_form_is_asked_and_answered() {
    let host = host();
    let call = Rounds::of_tool(&host, "a_name");
    let need = call.begin();
    let schema = json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] });
    let params = json!({ "mode": "form", "message": "What is your name?", "requestedSchema": schema });
    assert_eq!(json!(need.requests), json!({ "name": { "method": "elicitation/create", "params": params } }));

    let answer = accept(&json!({ "name": "Alice" }));
    let result = call.end(&need, &json!({ "name": answer }));
    assert_eq!(known(&result)["answers"], json!({ "name": answer }));
    assert_eq!(known(&result)["entered"], 2);
    // Whom the plugin calls on the way knows that it is one call.
    let keys = known(&result)["keys"].as_array().expect("a list");
    assert_eq!(keys[0], keys[1]);
    assert_ne!(known(&call.end(&call.begin(), &json!({ "name": answer })))["keys"][0], keys[0], "another call");
    host.stop();
}

#[test]
fn whatever_the_user_does_reaches_the_plugin() {
    let host = host();
    let call = Rounds::of_tool(&host, "a_name");
    for answer in
        [json!({ "action": "decline" }), json!({ "action": "cancel" }), accept(&json!({ "name": "Zoë \"Z\"" }))]
    {
        let result = call.end(&call.begin(), &json!({ "name": answer }));
        assert_eq!(known(&result)["answers"]["name"], answer);
    }
    host.stop();
}

#[test]
fn everything_can_be_asked_at_once() {
    let host = host();
    let call = Rounds::of_tool(&host, "a_all");
    let need = call.begin();
    assert_eq!(need.keys(), ["folders", "model", "name", "page"]);
    let page = json!({ "mode": "url", "message": "Please sign in.", "url": "https://example.com/sign-in" });
    assert_eq!(need.requests["page"], json!({ "method": "elicitation/create", "params": page }));
    assert_eq!(need.requests["model"], json!({ "method": "sampling/createMessage", "params": sampling()["sampling"] }));
    assert_eq!(need.requests["folders"]["method"], "roots/list");

    let answers = json!({
        "name": accept(&json!({ "name": "Alice" })),
        "page": { "action": "accept" },
        "model": sampled("Paris"),
        "folders": { "roots": [{ "uri": "file:///work", "name": "work" }] },
    });
    assert_eq!(known(&call.end(&need, &answers))["answers"], answers);
    host.stop();
}

#[test]
fn a_model_may_be_offered_tools() {
    let host = host();
    let call = Rounds::of_tool(&host, "a_with_tools");
    let need = call.begin();
    assert_eq!(need.requests["x"]["method"], "sampling/createMessage");
    assert_eq!(need.requests["x"]["params"]["tools"], json!([]));
    let used = json!({ "type": "tool_use", "id": "1", "name": "weather", "input": { "city": "Oslo" } });
    let answer = json!({ "role": "assistant", "content": [used], "model": "m", "stopReason": "toolUse" });
    assert_eq!(known(&call.end(&need, &json!({ "x": answer })))["answers"]["x"], answer);
    host.stop();
}

#[test]
fn several_rounds_follow_each_other() {
    let host = host();
    let call = Rounds::of_tool(&host, "a_rounds");
    let answer = |text: &str| accept(&json!({ "x": text }));
    let one = call.begin();
    let two = call.go_on(&one, &json!({ "one": answer("1") }));
    let three = call.go_on(&two, &json!({ "two": answer("2") }));
    assert_eq!([one.keys(), two.keys(), three.keys()], [["one"], ["two"], ["three"]]);
    assert!(one.state != two.state && two.state != three.state);
    let result = call.end(&three, &json!({ "three": answer("3") }));
    let answers = json!({ "one": answer("1"), "two": answer("2"), "three": answer("3") });
    assert_eq!(known(&result)["answers"], answers);
    let keys = known(&result)["keys"].as_array().expect("a list");
    assert!(keys.len() == 4 && keys.iter().all(|key| key == &keys[0]), "{keys:?}");
    host.stop();
}

#[test]
fn what_was_not_answered_is_asked_again() {
    let host = host();
    let call = Rounds::of_tool(&host, "a_three");
    let answer = accept(&json!({ "x": "y" }));
    let first = call.begin();
    assert_eq!(first.keys(), ["a", "b", "c"]);
    let second = call.go_on(&first, &json!({ "b": answer }));
    assert_eq!(second.keys(), ["a", "c"]);
    // No answer at all is no answer to any.
    let third = call.go_on(&second, &json!({}));
    assert_eq!(third.keys(), ["a", "c"]);
    let none = Need::in_result(&call.send(Some(&third.state), None).result());
    assert_eq!(none.keys(), ["a", "c"]);
    let result = call.end(&none, &json!({ "c": answer, "a": answer }));
    assert_eq!(known(&result)["answers"], json!({ "a": answer, "b": answer, "c": answer }));
    host.stop();
}

#[test]
fn a_client_may_know_what_will_be_asked() {
    let host = host();
    let call = Rounds::of_tool(&host, "a_name");
    let answers = json!({ "name": accept(&json!({ "name": "Alice" })) });
    let result = call.send(None, Some(&answers)).result();
    assert_eq!((&known(&result)["answers"], &known(&result)["entered"]), (&answers, &json!(1)));
    host.stop();
}

#[test]
fn answers_that_are_none_are_refused() {
    let host = host();
    let call = Rounds::of_tool(&host, "a_name");
    let need = call.begin();
    for wrong in [
        json!(null),
        json!([]),
        json!("x"),
        json!(5),
        json!({ "name": 5 }),
        json!({ "name": "Alice" }),
        json!({ "name": null }),
    ] {
        for state in [Some(need.state.as_str()), None] {
            let message = expect::error(&call.send(state, Some(&wrong)), 400, -32602, &json!(1));
            assert!(message.contains("inputResponses"), "{wrong}: {message}");
        }
    }
    let mut call = call;
    call.params["requestState"] = json!(5);
    expect::error(&call.send(None, None), 400, -32602, &json!(1));
    host.stop();
}

#[test]
fn nobody_is_asked_what_they_did_not_declare() {
    let host = host();
    let form = json!({ "elicitation": { "form": {} } });
    for (tool, declared, required) in [
        ("a_name", json!({}), form.clone()),
        ("a_name", json!({ "elicitation": { "url": {} } }), form.clone()),
        ("a_name", json!({ "sampling": {}, "roots": {} }), form),
        ("a_with_tools", json!({ "sampling": {} }), json!({ "sampling": { "tools": {} } })),
        ("a_all", json!({ "elicitation": {}, "sampling": {}, "roots": {} }), json!({ "elicitation": { "url": {} } })),
        ("a_all", json!({ "elicitation": { "form": {}, "url": {} } }), json!({ "sampling": {}, "roots": {} })),
    ] {
        let reply = Rounds::of_tool(&host, tool).able(declared.clone()).send(None, None);
        expect::error(&reply, 400, -32021, &json!(1));
        assert_eq!(reply.json()["error"]["data"]["requiredCapabilities"], required, "{tool}: {declared}");
    }
    // An empty object means forms.
    let able = Rounds::of_tool(&host, "a_name").able(json!({ "elicitation": {} }));
    assert_eq!(able.begin().keys(), ["name"]);
    // What one request declares is nothing to the next.
    expect::error(&Rounds::of_tool(&host, "a_name").able(json!({})).send(None, None), 400, -32021, &json!(1));
    host.stop();
}

#[test]
fn prompts_and_resources_ask_too() {
    let host = host();
    let answers = json!({ "name": accept(&json!({ "name": "Alice" })) });
    let mut call = Rounds { method: "prompts/get", params: json!({ "name": "a_who" }), ..Rounds::of_tool(&host, "") };
    let result = call.end(&call.begin(), &answers);
    let text = result["messages"][0]["content"]["text"].as_str().expect("a text");
    let told: Value = serde_json::from_str(text).expect("it is JSON");
    assert_eq!((&told["answers"], &told["entered"]), (&answers, &json!(2)));

    (call.method, call.params) = ("resources/read", json!({ "uri": "ask://who" }));
    let result = call.end(&call.begin(), &answers);
    let text = result["contents"][0]["text"].as_str().expect("a text");
    let told: Value = serde_json::from_str(text).expect("it is JSON");
    assert_eq!((&told["answers"], &told["entered"]), (&answers, &json!(2)));
    host.stop();
}

#[test]
fn a_plugin_that_asks_for_ever_is_stopped() {
    let host = host();
    let call = Rounds::of_tool(&host, "a_for_ever");
    let answers = json!({ "name": accept(&json!({ "name": "Alice" })) });
    let mut need = call.begin();
    for round in 1..1000 {
        let reply = call.send(Some(&need.state), Some(&answers));
        if reply.status != 200 {
            expect::error(&reply, 500, -32603, &json!(1));
            assert!(round > 8, "it was stopped in round {round}");
            host.stop();
            return;
        }
        need = Need::in_result(&reply.result());
    }
    panic!("nobody stops it");
}

#[test]
fn a_plugins_state_has_a_limit() {
    let host = host();
    let answers = json!({ "name": accept(&json!({ "name": "Alice" })) });
    let call = Rounds::of_tool(&host, "a_stateful");
    assert_eq!(known(&call.end(&call.begin(), &answers))["entered"], 2);
    let reply = Rounds::of_tool(&host, "a_too_stateful").send(None, None);
    assert!(expect::error(&reply, 500, -32603, &json!(1)).contains("state"), "{reply:?}");
    host.stop();
}

#[test]
fn questions_that_nobody_could_answer_are_the_plugins_fault() {
    let host = host();
    for tool in ["a_no_schema", "a_no_object", "a_no_page"] {
        expect::error(&Rounds::of_tool(&host, tool).send(None, None), 500, -32603, &json!(1));
    }
    host.stop();
}
