//! Tasks: calls that outlive their request, in both eras, and with the clients that know them.

mod asking;
mod clients;
mod following;
mod lasting;
mod legacy;
mod modern;

use serde_json::{Value, json};
use toolyard_tests::{Host, Reply, Setup, eventually, modern_request};

/// The extension, by which both sides declare it.
const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// A client of the modern era that knows tasks, and can fill in forms.
struct Client<'a>(&'a Host);

/// The same params from a client that knows tasks.
fn declaring(mut params: Value) -> Value {
    let capabilities = json!({ "elicitation": {}, "extensions": { EXTENSION: {} } });
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities;
    params
}

impl Client<'_> {
    fn send(&self, method: &str, params: Value) -> Reply {
        self.0.send(&modern_request(method, declaring(params)))
    }

    /// Calls a tool, whatever comes of it.
    fn call(&self, tool: &str, arguments: &Value) -> Value {
        self.send("tools/call", json!({ "name": tool, "arguments": arguments })).result()
    }

    /// Calls a tool that must become a task, and gives its id.
    fn begin(&self, tool: &str, arguments: &Value) -> String {
        let created = self.call(tool, arguments);
        assert_eq!(created["resultType"], "task", "{created}");
        created["taskId"].as_str().expect("an id is a text").to_owned()
    }

    fn get(&self, id: &str) -> Value {
        self.send("tasks/get", json!({ "taskId": id })).result()
    }

    /// Waits until the task has this status, and gives it.
    fn until(&self, id: &str, status: &str) -> Value {
        eventually(&format!("the task to be {status}"), || {
            let task = self.get(id);
            let ended = ["completed", "failed", "cancelled"].contains(&task["status"].as_str().expect("a text"));
            assert!(!ended || task["status"] == status, "{task}");
            (task["status"] == status).then_some(task)
        })
    }

    /// Answers what the task asks.
    fn update(&self, id: &str, answers: &Value) {
        acknowledged(&self.send("tasks/update", json!({ "taskId": id, "inputResponses": answers })));
    }

    fn cancel(&self, id: &str) {
        acknowledged(&self.send("tasks/cancel", json!({ "taskId": id })));
    }
}

/// Checks that the answer says that it was heard, and nothing else.
fn acknowledged(reply: &Reply) {
    let mut result = reply.result();
    let fields = result.as_object_mut().expect("an object");
    fields.remove("_meta");
    assert_eq!(result, json!({ "resultType": "complete" }));
}

/// A tool of a script that takes as long as it is told.
fn waiting(name: &str, idempotent: bool) -> Value {
    json!({ "name": name, "long_running": true, "idempotent": idempotent, "act": { "wait": "waited" } })
}

/// A host with a plugin `t`.
fn host(tools: &Value, config: &str) -> Host {
    setup(tools, config).start()
}

fn setup(tools: &Value, config: &str) -> Setup {
    Setup::new().script("t", &json!({ "tools": tools })).config(config)
}
