//! Holding what a host says against what it was asked, by the official schema of the revision they speak.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::http::{Reply, Request};
use crate::schemas::{Revision, Schemas};

/// A request and what else bears on its answer.
#[derive(Default)]
pub(crate) struct Conversation {
    /// `None`: whatever the answer, it is of no revision that is known.
    revision: Option<Revision>,
    session: Option<String>,
    /// What was asked in this request: one thing, or several in a batch.
    asked: Vec<Asked>,
    /// Whether it was sent to something that does not speak the protocol: documents, the admin listener, others' servers.
    is_foreign: bool,
    /// Whether the request was beyond reading, as some are sent that test this: who knows what was asked in it.
    unreadable: bool,
}

#[derive(Clone, PartialEq)]
struct Asked {
    id: Value,
    method: String,
}

/// What is known of the sessions of all hosts, by id: a stream that is taken up again answers what was asked elsewhere.
static SESSIONS: Mutex<Option<HashMap<String, Session>>> = Mutex::new(None);

struct Session {
    revision: Revision,
    asked: Vec<Asked>,
}

/// Fields that results of this revision have, and earlier ones must not.
const ONLY_MODERN: [&str; 3] = ["resultType", "ttlMs", "cacheScope"];

/// Methods whose results are empty, and are so to the last byte.
const EMPTY: [&str; 4] = ["ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"];

impl Conversation {
    /// A request sent by HTTP.
    pub(crate) fn about(request: &Request) -> Conversation {
        let read = serde_json::from_slice(&request.body);
        let unreadable = read.is_err();
        let body: Value = read.unwrap_or_default();
        let asked = asked_in(&body);
        let session = request.value_of("Mcp-Session-Id").map(str::to_owned);
        let header = request.value_of("MCP-Protocol-Version");
        let revision = match header.map(Revision::parse) {
            _ if is_modern(&body) => Some(Revision::V2026_07_28),
            Some(known) => known,
            None => Some(with_session(session.as_deref(), |s| s.revision).unwrap_or(Revision::V2025_03_26)),
        };
        with_session(session.as_deref(), |session| session.asked.extend(asked.iter().cloned()));
        let is_foreign = !request.path.ends_with("/mcp") || request.path.starts_with("/.well-known/");
        Conversation { revision, session, asked, is_foreign, unreadable }
    }

    /// One line sent through a pipe, where everything is one conversation.
    pub(crate) fn add_line(&mut self, line: &str) {
        let read = serde_json::from_str(line);
        self.unreadable |= read.is_err();
        let body: Value = read.unwrap_or_default();
        self.asked.extend(asked_in(&body));
        // A pipe is of the era that its first request is of, until a handshake says otherwise.
        let first = if is_modern(&body) { Revision::V2026_07_28 } else { Revision::V2025_11_25 };
        self.revision.get_or_insert(first);
    }

    /// Checks a whole answer.
    pub(crate) fn hear(&mut self, reply: &Reply) -> Result<(), String> {
        let is_json = reply.header("Content-Type").is_some_and(|kind| kind.starts_with("application/json"));
        if self.is_foreign || !(is_json || reply.is_event_stream()) {
            return Ok(());
        }
        for message in reply.messages() {
            self.hear_message(&message).map_err(|wrong| format!("{wrong}; it came with {reply:?}"))?;
            if let Some(id) = reply.header("Mcp-Session-Id") {
                let revision = self.revision.ok_or("a session begins with no revision")?;
                let mut sessions = SESSIONS.lock().unwrap_or_else(PoisonError::into_inner);
                let known = Session { revision, asked: Vec::new() };
                sessions.get_or_insert_default().insert(id.to_owned(), known);
            }
        }
        Ok(())
    }

    /// Checks one message.
    pub(crate) fn hear_message(&mut self, message: &Value) -> Result<(), String> {
        match Schemas::official() {
            Some(schemas) => self.check(schemas, message).map_err(|wrong| format!("{wrong}: {message}")),
            None => Ok(()),
        }
    }

    fn check(&mut self, schemas: &Schemas, message: &Value) -> Result<(), String> {
        if let Some(batch) = message.as_array() {
            if batch.is_empty() || self.revision != Some(Revision::V2025_03_26) {
                return Err(format!("{:?} has no such batch", self.revision));
            }
            return batch.iter().try_for_each(|message| self.check(schemas, message));
        }
        let has = |key: &str| message.get(key).is_some();
        if has("result") {
            return self.check_result(schemas, message);
        }
        if has("error") {
            return self.check_error(schemas, message);
        }
        let revision = self.revision.ok_or("something is said in no known revision")?;
        if message["method"] == "notifications/tasks" && revision == Revision::V2026_07_28 {
            return schemas.check(Revision::Tasks, "TaskStatusNotification", message);
        }
        let definition = if has("id") { "ServerRequest" } else { "ServerNotification" };
        if has("id") && revision == Revision::V2026_07_28 {
            return Err("a server of this revision sends no requests".to_owned());
        }
        schemas.check(revision, definition, message)
    }

    fn check_result(&mut self, schemas: &Schemas, message: &Value) -> Result<(), String> {
        let (id, result) = (&message["id"], &message["result"]);
        let method = self.method_of(id).ok_or("nobody asked for this")?;
        if method == "initialize" {
            self.revision = result["protocolVersion"].as_str().and_then(Revision::parse);
        }
        let revision = self.revision.ok_or("a result in no known revision")?;
        schemas.check(revision, revision.response(), message)?;
        let of_tasks = definition_of_tasks(revision, &method, result);
        let definition = of_tasks.or_else(|| Some((revision, definition_of(&method, result)?)));
        let (revision_of_it, definition) = definition.ok_or_else(|| format!("`{method}` has no result"))?;
        schemas.check(revision_of_it, definition, result)?;
        if revision != Revision::V2026_07_28 {
            if let Some(field) = ONLY_MODERN.iter().find(|field| result.get(**field).is_some()) {
                return Err(format!("`{field}` is of another era"));
            }
            if EMPTY.contains(&method.as_str()) && *result != json!({}) {
                return Err("this result is to be empty".to_owned());
            }
        }
        Ok(())
    }

    fn check_error(&self, schemas: &Schemas, message: &Value) -> Result<(), String> {
        let revision = self.revision.unwrap_or(Revision::V2026_07_28);
        let mut message = message.clone();
        // Where the id could not be read there is none, which the schemas know only since 2025-11-25, and the text since ever
        // ("a JSON-RPC error response that has no id", transports, "Sending Messages to the Server").
        match message.get("id") {
            None => message["id"] = json!(0),
            Some(id) if self.method_of(id).is_none() && !self.unreadable => {
                return Err("nobody asked what this answers".to_owned());
            }
            Some(_) => {}
        }
        schemas.check(revision, revision.error(), &message)?;
        let of_its_own = match message["error"]["code"].as_i64() {
            Some(-32020) => "HeaderMismatchError",
            Some(-32021) => "MissingRequiredClientCapabilityError",
            Some(-32022) => "UnsupportedProtocolVersionError",
            _ => return Ok(()),
        };
        schemas.check(Revision::V2026_07_28, of_its_own, &message)
    }

    fn method_of(&self, id: &Value) -> Option<String> {
        let find = |asked: &[Asked]| asked.iter().rev().find(|asked| asked.id == *id).map(|asked| asked.method.clone());
        find(&self.asked).or_else(|| with_session(self.session.as_deref(), |session| find(&session.asked)).flatten())
    }
}

/// What the session's id stands for, if it is known.
fn with_session<T>(id: Option<&str>, look: impl FnOnce(&mut Session) -> T) -> Option<T> {
    let mut sessions = SESSIONS.lock().unwrap_or_else(PoisonError::into_inner);
    sessions.as_mut()?.get_mut(id?).map(look)
}

fn is_modern(body: &Value) -> bool {
    body["params"]["_meta"].get("io.modelcontextprotocol/protocolVersion").is_some()
}

/// The requests in a body, in which an id may be of any kind: it has to come back as it is.
fn asked_in(body: &Value) -> Vec<Asked> {
    let messages = body.as_array().map_or(std::slice::from_ref(body), Vec::as_slice);
    let asked = messages.iter().filter_map(|message| {
        let method = message["method"].as_str().unwrap_or_default().to_owned();
        Some(Asked { id: message.get("id")?.clone(), method })
    });
    asked.collect()
}

/// What the schemas call the result of this method.
fn definition_of(method: &str, result: &Value) -> Option<&'static str> {
    let may_ask = ["tools/call", "prompts/get", "resources/read"].contains(&method);
    if may_ask && result["resultType"] == "input_required" {
        return Some("InputRequiredResult");
    }
    Some(match method {
        "initialize" => "InitializeResult",
        "server/discover" => "DiscoverResult",
        "tools/list" => "ListToolsResult",
        "tools/call" => "CallToolResult",
        "prompts/list" => "ListPromptsResult",
        "prompts/get" => "GetPromptResult",
        "resources/list" => "ListResourcesResult",
        "resources/templates/list" => "ListResourceTemplatesResult",
        "resources/read" => "ReadResourceResult",
        "completion/complete" => "CompleteResult",
        "subscriptions/listen" => "SubscriptionsListenResult",
        empty if EMPTY.contains(&empty) => "EmptyResult",
        _ => return None,
    })
}

/// The same for what is a task, or about one, and the schemas that know it.
fn definition_of_tasks(revision: Revision, method: &str, result: &Value) -> Option<(Revision, &'static str)> {
    let modern = revision == Revision::V2026_07_28;
    let home = if modern { Revision::Tasks } else { revision };
    let definition = match method {
        "tools/call" if modern && result["resultType"] == "task" => "CreateTaskResult",
        "tools/call" if revision == Revision::V2025_11_25 && result.get("task").is_some() => "CreateTaskResult",
        "tasks/get" => "GetTaskResult",
        "tasks/update" if modern => "UpdateTaskResult",
        "tasks/cancel" => "CancelTaskResult",
        "tasks/result" if !modern => "CallToolResult",
        _ => return None,
    };
    (revision >= Revision::V2025_11_25).then_some((home, definition))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Schemas that everything fits, so that what is refused is refused for what it is.
    fn lenient() -> (tempfile::TempDir, Schemas) {
        let names = [
            "JSONRPCResultResponse",
            "JSONRPCErrorResponse",
            "JSONRPCResponse",
            "JSONRPCError",
            "ServerNotification",
            "ServerRequest",
            "EmptyResult",
            "ListToolsResult",
        ];
        let definitions = Value::Object(names.iter().map(|name| ((*name).to_owned(), json!({}))).collect());
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for revision in ["2025-03-26", "2025-11-25", "2026-07-28"] {
            let file = folder.path().join(revision).with_extension("json");
            fs::write(file, json!({ "$defs": definitions }).to_string()).expect("a file can be written");
        }
        let schemas = Schemas::in_folder(folder.path().to_owned());
        (folder, schemas)
    }

    fn asked(version: &str, method: &str) -> Conversation {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method });
        Conversation::about(&Request::post(body.to_string()).header("MCP-Protocol-Version", version))
    }

    #[test]
    fn what_was_not_asked_is_noticed() {
        let (_folder, schemas) = lenient();
        let check = |version: &str, method: &str, message: Value, right: bool| {
            let checked = asked(version, method).check(&schemas, &message);
            assert_eq!(checked.is_ok(), right, "{version} {method} {message}: {checked:?}");
        };
        let (legacy, modern) = ("2025-11-25", "2026-07-28");
        check(legacy, "ping", json!({ "id": 1, "result": {} }), true);
        check(legacy, "ping", json!({ "id": 1, "result": { "_meta": {} } }), false);
        check(legacy, "ping", json!({ "id": "1", "result": {} }), false);
        check(legacy, "ping", json!({ "id": 2, "error": {} }), false);
        check(legacy, "ping", json!({ "error": {} }), true);
        check(legacy, "ping", json!([{ "id": 1, "result": {} }]), false);
        check("2025-03-26", "ping", json!([{ "id": 1, "result": {} }]), true);
        check(legacy, "tools/list", json!({ "id": 1, "result": { "tools": [] } }), true);
        check(legacy, "tools/list", json!({ "id": 1, "result": { "ttlMs": 0 } }), false);
        check(modern, "tools/list", json!({ "id": 1, "result": { "ttlMs": 0 } }), true);
        check(legacy, "tools/call", json!({ "id": 5, "method": "roots/list" }), true);
        check(modern, "tools/call", json!({ "id": 5, "method": "roots/list" }), false);
        check("2099-01-01", "tools/call", json!({ "method": "notifications/message" }), false);
    }
}
