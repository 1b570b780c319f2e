//! The experimental tasks of 2025-11-25.

use serde_json::{Value, json};
use toolyard_tests::{Host, Session, eventually};

use super::{Client, host as start, waiting};
use crate::asking::{accept, form};
use crate::expect;

const VERSION: &str = "2025-11-25";
const RELATED: &str = "io.modelcontextprotocol/related-task";

fn host() -> Host {
    let tools = json!([
        waiting("wait", false),
        { "name": "never", "act": { "say": "no task" } },
        { "name": "required", "act": { "say": "a task" } },
        { "name": "failing", "act": { "fail": { "is_error": "It did not work." } } },
        { "name": "breaking", "act": { "fail": { "internal": "it broke" } } },
        { "name": "list", "act": { "structured": "[1]" } },
        { "name": "ask", "act": { "ask": { "rounds": [{ "a": form("A?", "x") }] } } },
    ]);
    start(&tools, "[plugin.t.tool]\nnever.task = 'never'\nrequired.task = 'required'\n")
}

/// Makes a call a task, and gives that.
fn begin(session: &Session<'_>, tool: &str, arguments: &Value, wish: &Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments, "task": wish });
    let mut result = session.send("tools/call", &params).result();
    assert!(result.get("content").is_none(), "{result}");
    let task = result["task"].take();
    assert_eq!(result["_meta"][RELATED]["taskId"], task["taskId"]);
    assert_eq!(task["status"], "working");
    task
}

fn id_of(task: &Value) -> Value {
    json!({ "taskId": task["taskId"] })
}

fn until(session: &Session<'_>, task: &Value, status: &str) -> Value {
    eventually(&format!("the task to be {status}"), || {
        let task = session.send("tasks/get", &id_of(task)).result();
        (task["status"] == status).then_some(task)
    })
}

#[test]
fn tasks_are_offered_to_the_one_revision_that_has_them() {
    let host = host();
    let session = host.legacy(VERSION);
    let capabilities = &session.initialized["capabilities"];
    assert_eq!(capabilities["tasks"], json!({ "cancel": {}, "requests": { "tools": { "call": {} } } }));
    assert!(capabilities.get("extensions").is_none());
    let support = |session: &Session<'_>, name: &str| {
        let tools = session.send("tools/list", &json!({})).result()["tools"].take();
        let tools = tools.as_array().cloned().unwrap_or_default();
        tools.into_iter().find(|tool| tool["name"] == name).expect("it is there")["execution"].take()
    };
    assert_eq!(support(&session, "t_wait"), json!({ "taskSupport": "optional" }));
    assert_eq!(support(&session, "t_required"), json!({ "taskSupport": "required" }));
    assert_eq!(support(&session, "t_never"), Value::Null);
    for earlier in ["2025-06-18", "2025-03-26"] {
        let session = host.legacy(earlier);
        assert!(session.initialized["capabilities"].get("tasks").is_none());
        assert_eq!(support(&session, "t_wait"), Value::Null);
        // It does not know what a task is, and so does not want one.
        let params = json!({ "name": "t_never", "arguments": {}, "task": { "ttl": 1 } });
        assert_eq!(expect::text(&session.send("tools/call", &params).result()), "no task");
        expect::error(&session.send("tasks/get", &json!({ "taskId": "x" })), 200, -32601, &json!(1));
        expect::error(&session.send("tools/call", &json!({ "name": "t_required" })), 200, -32601, &json!(1));
    }
    host.stop();
}

#[test]
fn the_client_decides_within_what_the_tool_allows() {
    let host = host();
    let session = host.legacy(VERSION);
    assert_eq!(expect::text(&session.call("t_wait", &json!({ "ms": 1 }))), "waited");
    let refused = |params: Value, code: i64| {
        expect::error(&session.send("tools/call", &params), 200, code, &json!(1));
    };
    refused(json!({ "name": "t_never", "task": {} }), -32601);
    refused(json!({ "name": "t_required" }), -32601);
    refused(json!({ "name": "t_wait", "task": { "ttl": "long" } }), -32602);
    refused(json!({ "name": "t_wait", "task": [] }), -32602);
    let task = begin(&session, "t_wait", &json!({ "ms": 1 }), &json!({ "ttl": 60_000 }));
    assert_eq!(task["ttl"], 60_000);
    let hour = 3_600_000;
    assert_eq!(begin(&session, "t_required", &json!({}), &json!({}))["ttl"], hour);
    assert_eq!(begin(&session, "t_required", &json!({}), &json!({ "ttl": 100 * hour }))["ttl"], hour);
    host.stop();
}

#[test]
fn a_result_is_waited_for() {
    let host = host();
    let session = host.legacy(VERSION);
    let task = begin(&session, "t_wait", &json!({ "ms": 700 }), &json!({}));
    let seen = session.send("tasks/get", &id_of(&task)).result();
    assert_eq!((&seen["status"], &seen["taskId"]), (&json!("working"), &task["taskId"]));
    assert!(seen.get("_meta").is_none() && seen["pollInterval"].as_u64() > Some(0), "{seen}");
    let mut result = session.send("tasks/result", &id_of(&task)).result();
    assert_eq!(result["_meta"].take(), json!({ RELATED: { "taskId": task["taskId"] } }));
    assert_eq!(result["content"][0]["text"], "waited");
    assert_eq!(until(&session, &task, "completed")["taskId"], task["taskId"]);
    // Whoever comes back with another session finds it, and so does a client of the other era.
    let other = host.legacy(VERSION);
    assert_eq!(other.send("tasks/result", &id_of(&task)).result()["content"], result["content"]);
    let modern = Client(&host).get(task["taskId"].as_str().expect("a text"));
    assert_eq!(modern["result"]["content"], result["content"]);

    let result = session.send("tasks/result", &id_of(&begin(&session, "t_list", &json!({}), &json!({})))).result();
    assert!(result.get("structuredContent").is_none(), "this revision has only objects: {result}");
    host.stop();
}

#[test]
fn failures_are_told_as_this_revision_has_them() {
    let host = host();
    let session = host.legacy(VERSION);
    let task = begin(&session, "t_failing", &json!({}), &json!({}));
    until(&session, &task, "failed");
    assert_eq!(expect::failure(&session.send("tasks/result", &id_of(&task)).result()), "It did not work.");
    let task = begin(&session, "t_breaking", &json!({}), &json!({}));
    assert_eq!(until(&session, &task, "failed")["statusMessage"], "it broke");
    let reply = session.send("tasks/result", &id_of(&task));
    assert_eq!(expect::error(&reply, 200, -32603, &json!(1)), "it broke");
    for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
        let reply = session.send(method, &json!({ "taskId": "AAAAAAAAAAAAAAAAAAAAAAAAAAA" }));
        expect::error(&reply, 200, -32602, &json!(1));
        expect::error(&session.send(method, &json!({})), 200, -32602, &json!(1));
    }
    expect::error(&session.send("tasks/list", &json!({})), 200, -32601, &json!(1));
    host.stop();
}

#[test]
fn a_task_is_cancelled_once() {
    let host = host();
    let session = host.legacy(VERSION);
    let task = begin(&session, "t_wait", &json!({ "ms": 60_000 }), &json!({}));
    let mut waiting = session.start(&session.request_as(&json!("r"), "tasks/result", &id_of(&task)));
    let cancelled = session.send("tasks/cancel", &id_of(&task)).result();
    assert_eq!((&cancelled["status"], &cancelled["taskId"]), (&json!("cancelled"), &task["taskId"]));
    let last = waiting.messages().pop().expect("whoever waited is told");
    assert_eq!((&last["id"], &last["error"]["code"]), (&json!("r"), &json!(-32603)));
    expect::error(&session.send("tasks/cancel", &id_of(&task)), 200, -32602, &json!(1));
    host.stop();
}

#[test]
fn questions_come_where_the_result_is_waited_for() {
    let host = host();
    let session = host.legacy_with(VERSION, &json!({ "elicitation": {} }));
    let task = begin(&session, "t_ask", &json!({}), &json!({}));
    until(&session, &task, "input_required");
    let mut waiting = session.start(&session.request_as(&json!("r"), "tasks/result", &id_of(&task)));
    let asked = waiting.next_message().expect("a question");
    assert_eq!(asked["method"], "elicitation/create");
    assert_eq!(asked["params"]["_meta"], json!({ RELATED: { "taskId": task["taskId"] } }));
    session.respond(&asked, &accept(&json!({ "x": "1" })));
    let last = waiting.messages().pop().expect("a result");
    assert_eq!(last["id"], "r");
    assert_eq!(last["result"]["structuredContent"]["answers"]["a"]["content"], json!({ "x": "1" }));
    assert_eq!(last["result"]["_meta"][RELATED]["taskId"], task["taskId"]);
    host.stop();
}

#[test]
fn a_session_hears_of_its_tasks() {
    let host = host();
    let (session, other) = (host.legacy(VERSION), host.legacy(VERSION));
    let (mut news, mut others_news) = (session.listen(), other.listen());
    let task = begin(&session, "t_wait", &json!({ "ms": 0 }), &json!({}));
    let status = loop {
        let message = news.next_message().expect("something happened");
        assert_eq!(message["method"], "notifications/tasks/status");
        assert_eq!(message["params"]["taskId"], task["taskId"]);
        if message["params"]["status"] != "working" {
            break message["params"]["status"].clone();
        }
    };
    assert_eq!(status, "completed");
    let own = begin(&other, "t_wait", &json!({ "ms": 0 }), &json!({}));
    let first = others_news.next_message().expect("something happened");
    assert_eq!(first["params"]["taskId"], own["taskId"], "nobody hears of tasks of another session");
    host.stop();
}
