//! Clients whose calls become tasks. Every task that was accepted comes to an end, and to the right one.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::clients::{Client, accepted, number};
use super::wire::{Did, Trouble, ensure};

/// How often a task is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// How long a task may take, whatever happens to its hosts: far more than any of these needs.
const END_MAX: Duration = Duration::from_secs(90);

/// What a client says that knows tasks.
fn declaring(mut params: Value) -> Value {
    let extensions = json!({ "io.modelcontextprotocol/tasks": {} });
    let capabilities = json!({ "elicitation": { "form": {} }, "extensions": extensions });
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities;
    params
}

impl Client<'_> {
    /// A task that any host may run again.
    pub(super) fn task(&mut self) -> Did {
        let ms = 100 + self.dice.roll(2500);
        let id = self.begin_task("s_task", &json!({ "ms": ms }))?;
        let ended = self.end_of(&id, &|_| Ok(()))?;
        let result = completed(&ended)?;
        ensure(result["content"][0]["text"] == "waited", || format!("waited, and was told {result}"))
    }

    /// A task that no host may run twice.
    pub(super) fn counted_task(&mut self) -> Did {
        let key = number().to_string();
        let did = self.begin_task("k_kv_increment", &json!({ "key": key, "delta": 1 }));
        let did = did.and_then(|id| completed(&self.end_of(&id, &|_| Ok(()))?));
        self.counted(key, did)
    }

    /// A task that asks.
    pub(super) fn task_question(&mut self) -> Did {
        let mark = number().to_string();
        let id = self.begin_task("s_ask", &json!({}))?;
        let answer = |task: &Value| {
            let asked = task["inputRequests"].as_object().into_iter().flatten().map(|(key, _)| key);
            let responses: Value =
                asked.map(|key| (key.clone(), accepted(&mark))).collect::<serde_json::Map<_, _>>().into();
            let params = json!({ "taskId": id, "inputResponses": responses });
            // The first answer counts, so it may be said again.
            self.insist(|| self.modern("tasks/update", declaring(params.clone()))).map(drop)
        };
        let result = completed(&self.end_of(&id, &answer)?)?;
        let said = &result["structuredContent"]["answers"]["q"]["content"]["x"];
        ensure(*said == mark.as_str(), || format!("answered {mark}, and was told {result}"))
    }

    fn begin_task(&self, tool: &str, arguments: &Value) -> Did<String> {
        let params = declaring(json!({ "name": tool, "arguments": arguments }));
        let created = self.modern("tools/call", params)?;
        ensure(created["resultType"] == "task", || format!("no task: {created}"))?;
        created["taskId"].as_str().map(str::to_owned).ok_or_else(|| Trouble::Wrong(format!("no id: {created}")))
    }

    /// The task when it has ended.
    fn end_of(&self, id: &str, asked: &dyn Fn(&Value) -> Did) -> Did<Value> {
        let begun = Instant::now();
        while begun.elapsed() < END_MAX {
            let params = declaring(json!({ "taskId": id }));
            let task = self.insist(|| self.modern("tasks/get", params.clone()))?;
            ensure(task["taskId"] == id, || format!("another task: {task}"))?;
            match task["status"].as_str() {
                Some("working") => {}
                Some("input_required") => asked(&task)?,
                Some("completed" | "failed") => return Ok(task),
                _ => return Err(Trouble::Wrong(format!("no status: {task}"))),
            }
            thread::sleep(LOOK_EVERY);
        }
        Err(Trouble::Wrong(format!("a task did not end within {END_MAX:?}")))
    }
}

/// The result of a task, which fails only if its host was lost.
fn completed(task: &Value) -> Did<Value> {
    if task["status"] == "completed" {
        return Ok(task["result"].clone());
    }
    let said = task["error"]["message"].as_str().unwrap_or_default();
    if said.contains("lost") {
        return Err(Trouble::Lost(said.to_owned()));
    }
    Err(Trouble::Wrong(format!("failed: {task}")))
}
