//! What tasks ask of their clients.

use serde_json::{Value, json};

use super::{Client, acknowledged, host};
use crate::asking::{accept, form};
use crate::expect;

fn tools() -> Value {
    let ask = |name: &str, rounds: Value| json!({ "name": name, "long_running": true, "act": { "ask": { "rounds": rounds } } });
    json!([
        ask("two", json!([{ "a": form("A?", "x"), "b": form("B?", "x") }])),
        ask("rounds", json!([{ "one": form("One?", "x") }, { "two": form("Two?", "x") }])),
        ask("model", json!([{ "m": { "sampling": { "messages": [], "maxTokens": 1 } } }])),
        { "name": "for_ever", "long_running": true, "act": { "ask": { "rounds": [{ "a": form("A?", "x") }], "for_ever": true } } },
    ])
}

/// The keys under which something is asked now.
fn keys(task: &Value) -> Vec<&str> {
    task["inputRequests"].as_object().unwrap_or_else(|| panic!("{task}")).keys().map(String::as_str).collect()
}

fn answer(text: &str) -> Value {
    accept(&json!({ "x": text }))
}

#[test]
fn questions_are_answered_one_by_one() {
    let host = host(&tools(), "");
    let client = Client(&host);
    let id = client.begin("t_two", &json!({}));
    let task = client.until(&id, "input_required");
    assert_eq!(keys(&task), ["a", "b"]);
    assert_eq!(task["inputRequests"]["a"]["method"], "elicitation/create");
    assert_eq!(task["inputRequests"]["a"]["params"]["mode"], "form");
    assert!(task.get("requestState").is_none(), "{task}");

    client.update(&id, &json!({ "a": answer("1"), "nobody asked": answer("0") }));
    let task = client.get(&id);
    assert_eq!((&task["status"], keys(&task)), (&json!("input_required"), vec!["b"]));
    // The first answer is the one that counts.
    client.update(&id, &json!({ "a": answer("2") }));
    client.update(&id, &json!({}));
    assert_eq!(client.get(&id), task);
    client.update(&id, &json!({ "b": json!({ "action": "decline" }) }));
    let ended = client.until(&id, "completed");
    let known = &ended["result"]["structuredContent"];
    assert_eq!(known["answers"], json!({ "a": answer("1"), "b": { "action": "decline" } }));
    assert_eq!(known["entered"], 2);
    assert_eq!(known["keys"][0], known["keys"][1], "it is one call");
    acknowledged(&client.send("tasks/update", json!({ "taskId": id, "inputResponses": { "a": answer("3") } })));
    host.stop();
}

#[test]
fn no_key_is_used_twice() {
    let host = host(&tools(), "");
    let client = Client(&host);
    let id = client.begin("t_for_ever", &json!({}));
    let mut before = Vec::new();
    for _ in 0..3 {
        let key = toolyard_tests::eventually("another question", || {
            let task = client.get(&id);
            let asked = task["inputRequests"].as_object()?.keys().next()?.clone();
            (!before.contains(&asked)).then_some(asked)
        });
        client.update(&id, &json!({ key.as_str(): answer(&key) }));
        before.push(key);
    }
    assert_eq!(before, ["a", "a-2", "a-3"]);
    client.cancel(&id);
    assert_eq!(client.get(&id)["status"], "cancelled", "while it waits, too");
    host.stop();
}

#[test]
fn several_rounds_follow_each_other() {
    let host = host(&tools(), "");
    let client = Client(&host);
    let id = client.begin("t_rounds", &json!({}));
    assert_eq!(keys(&client.until(&id, "input_required")), ["one"]);
    client.update(&id, &json!({ "one": answer("1") }));
    toolyard_tests::eventually("the second question", || client.get(&id)["inputRequests"].get("two").cloned());
    client.update(&id, &json!({ "two": answer("2") }));
    let ended = client.until(&id, "completed");
    assert_eq!(ended["result"]["structuredContent"]["answers"], json!({ "one": answer("1"), "two": answer("2") }));
    host.stop();
}

#[test]
fn a_client_is_not_asked_what_it_cannot_be_asked() {
    let host = host(&tools(), "");
    let client = Client(&host);
    let ended = client.until(&client.begin("t_model", &json!({})), "failed");
    assert_eq!(ended["error"]["code"], -32021);
    assert_eq!(ended["error"]["data"], json!({ "requiredCapabilities": { "sampling": {} } }));
    host.stop();
}

#[test]
fn what_is_asked_before_a_call_is_a_task_is_asked_in_rounds() {
    let tools = json!([{ "name": "name", "act": { "ask": { "rounds": [{ "name": form("Who?", "x") }] } } }]);
    let host = host(&tools, "");
    let client = Client(&host);
    let asked = client.call("t_name", &json!({}));
    assert_eq!(asked["resultType"], "input_required");
    assert!(asked.get("taskId").is_none(), "{asked}");
    // Had the same tool been one that is a task at once, it would go on from here as one.
    let params = json!({
        "name": "t_name",
        "arguments": {},
        "requestState": asked["requestState"],
        "inputResponses": { "name": answer("Ada") },
    });
    let result = client.send("tools/call", params).result();
    assert_eq!(result["structuredContent"]["answers"]["name"], answer("Ada"));
    host.stop();
}

#[test]
fn a_task_may_begin_with_what_was_answered_before() {
    let tools = json!([{
        "name": "name",
        "long_running": true,
        "act": { "ask": { "rounds": [{ "name": form("Who?", "x") }] } },
    }]);
    let host = host(&tools, "");
    // A client that did not say that it knows tasks when it was asked, and does now.
    let capabilities = json!({ "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} } });
    let asked = host.modern("tools/call", json!({ "name": "t_name", "_meta": capabilities })).result();
    assert_eq!(asked["resultType"], "input_required");
    let client = Client(&host);
    let params = json!({
        "name": "t_name",
        "requestState": asked["requestState"],
        "inputResponses": { "name": answer("Ada") },
    });
    let created = client.send("tools/call", params).result();
    assert_eq!(created["resultType"], "task");
    assert!(created.get("requestState").is_none(), "{created}");
    let ended = client.until(created["taskId"].as_str().expect("a text"), "completed");
    assert_eq!(ended["result"]["structuredContent"]["answers"]["name"], answer("Ada"));
    assert_eq!(ended["result"]["structuredContent"]["entered"], 2);
    assert!(expect::as_floats(&ended).get("requestState").is_none());
    host.stop();
}
