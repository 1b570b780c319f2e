//! Hearing of tasks without asking: `notifications/tasks` on `subscriptions/listen`.

use serde_json::{Value, json};
use toolyard_tests::{Connection, Host, modern_request};

use super::{Client, declaring, host, waiting};
use crate::asking::{accept, form};
use crate::expect;

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

fn tools() -> Value {
    json!([
        waiting("wait", false),
        { "name": "ask", "long_running": true, "act": { "ask": { "rounds": [{ "a": form("A?", "x") }] } } },
    ])
}

/// Follows these tasks, of which the host agrees to `agreed`.
fn follow(host: &Host, ids: &[&str], agreed: &[&str]) -> Connection {
    let params = declaring(json!({ "notifications": { "taskIds": ids } }));
    let mut stream = host.start_sending(&modern_request("subscriptions/listen", params));
    stream.expect_events();
    let first = stream.next_message().expect("it is acknowledged");
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(first["params"]["notifications"], json!({ "taskIds": agreed }));
    stream
}

/// The next news of a task.
fn next(stream: &mut Connection) -> Value {
    let mut message = stream.next_message().expect("something happened");
    assert_eq!(message["method"], "notifications/tasks", "{message}");
    assert_eq!(message["params"]["_meta"], json!({ SUBSCRIPTION: 1 }));
    message["params"].take()
}

/// News of this task until it has this status.
fn until(stream: &mut Connection, id: &str, status: &str) -> Value {
    loop {
        let task = next(stream);
        assert_eq!(task["taskId"], id);
        if task["status"] == status {
            return task;
        }
        assert!(["working", "input_required"].contains(&task["status"].as_str().expect("a text")), "{task}");
    }
}

#[test]
fn a_task_is_followed_to_its_end() {
    let mut host = host(&tools(), "");
    let client = Client(&host);
    let id = client.begin("t_ask", &json!({}));
    let mut stream = follow(&host, &[&id, "AAAAAAAAAAAAAAAAAAAAAAAAAAA", "x"], &[&id]);
    let asked = until(&mut stream, &id, "input_required");
    assert_eq!(asked["inputRequests"]["a"]["method"], "elicitation/create");
    client.update(&id, &json!({ "a": accept(&json!({ "x": "1" })) }));
    let ended = until(&mut stream, &id, "completed");
    let mut seen = client.get(&id);
    assert_eq!(ended["result"], seen["result"].take());
    assert_eq!(ended["lastUpdatedAt"], seen["lastUpdatedAt"]);
    host.terminate();
    let last = stream.messages();
    assert_eq!(last.len(), 1, "{last:?}");
    assert_eq!(last[0]["result"]["resultType"], "complete");
    assert!(host.wait().success());
}

#[test]
fn what_has_happened_before_is_told_too() {
    let host = host(&tools(), "");
    let client = Client(&host);
    let done = client.begin("t_wait", &json!({ "ms": 0 }));
    client.until(&done, "completed");
    let mut stream = follow(&host, &[&done], &[&done]);
    assert_eq!(next(&mut stream)["status"], "completed");
    let running = client.begin("t_wait", &json!({ "ms": 60_000 }));
    let mut stream = follow(&host, &[&running], &[&running]);
    assert_eq!(next(&mut stream)["status"], "working");
    client.cancel(&running);
    until(&mut stream, &running, "cancelled");
    host.stop();
}

#[test]
fn nobody_follows_too_many() {
    let host = host(&tools(), "");
    let ids: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    let params = declaring(json!({ "notifications": { "taskIds": ids } }));
    let reply = host.send(&modern_request("subscriptions/listen", params));
    assert!(expect::error(&reply, 400, -32602, &json!(1)).contains("more than 100"));
    host.stop();
}
