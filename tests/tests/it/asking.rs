//! What the tests of asking the client have in common: questions, answers, and calls that carry them.

use serde_json::{Map, Value, json};
use toolyard_tests::{Reply, Target, modern_request};

/// A question for a form with one text in it.
pub(crate) fn form(message: &str, field: &str) -> Value {
    let schema = json!({ "type": "object", "properties": { field: { "type": "string" } }, "required": [field] });
    json!({ "form": { "message": message, "schema": schema.to_string() } })
}

/// A question for a page.
pub(crate) fn url() -> Value {
    json!({ "url": { "message": "Please sign in.", "url": "https://example.com/sign-in" } })
}

/// A question for a model.
pub(crate) fn sampling() -> Value {
    let message = json!({ "role": "user", "content": { "type": "text", "text": "What is the capital of France?" } });
    json!({ "sampling": { "messages": [message], "maxTokens": 100 } })
}

/// A tool that asks these rounds of questions.
pub(crate) fn tool(name: &str, rounds: &Value) -> Value {
    json!({ "name": name, "act": { "ask": { "rounds": rounds } } })
}

/// Whatever a client can have.
pub(crate) fn everything() -> Value {
    json!({ "elicitation": { "form": {}, "url": {} }, "sampling": { "tools": {} }, "roots": {} })
}

/// What a user says who fills the form in.
pub(crate) fn accept(content: &Value) -> Value {
    json!({ "action": "accept", "content": content })
}

/// What a model says.
pub(crate) fn sampled(text: &str) -> Value {
    json!({ "role": "assistant", "content": { "type": "text", "text": text }, "model": "m", "stopReason": "endTurn" })
}

/// A call as it goes through its rounds in the modern era: what stays the same, and how it is sent.
pub(crate) struct Rounds<'a> {
    pub(crate) host: &'a dyn Target,
    pub(crate) method: &'static str,
    pub(crate) params: Value,
    pub(crate) capabilities: Value,
}

/// What a host asks in the middle of a call.
pub(crate) struct Need {
    pub(crate) requests: Map<String, Value>,
    pub(crate) state: String,
}

impl<'a> Rounds<'a> {
    /// A call of a tool, by a client that can do everything.
    pub(crate) fn of_tool(host: &'a dyn Target, tool: &str) -> Rounds<'a> {
        let params = json!({ "name": tool, "arguments": {} });
        Rounds { host, method: "tools/call", params, capabilities: everything() }
    }

    pub(crate) fn able(self, capabilities: Value) -> Rounds<'a> {
        Rounds { capabilities, ..self }
    }

    pub(crate) fn arguments(mut self, arguments: Value) -> Rounds<'a> {
        self.params["arguments"] = arguments;
        self
    }

    /// Sends the call with what was kept and what is answered, if there is any.
    pub(crate) fn send(&self, state: Option<&str>, responses: Option<&Value>) -> Reply {
        let mut params = self.params.clone();
        params["_meta"] = json!({ "io.modelcontextprotocol/clientCapabilities": self.capabilities });
        if let Some(state) = state {
            params["requestState"] = json!(state);
        }
        if let Some(responses) = responses {
            params["inputResponses"] = responses.clone();
        }
        self.host.send(&modern_request(self.method, params))
    }

    /// The first round, which must end in questions.
    pub(crate) fn begin(&self) -> Need {
        Need::in_result(&self.send(None, None).result())
    }

    /// Another round, which must end in questions.
    pub(crate) fn go_on(&self, need: &Need, responses: &Value) -> Need {
        Need::in_result(&self.send(Some(&need.state), Some(responses)).result())
    }

    /// The last round, which must end in a result, and gives it.
    pub(crate) fn end(&self, need: &Need, responses: &Value) -> Value {
        let result = self.send(Some(&need.state), Some(responses)).result();
        assert_eq!(result["resultType"], "complete", "{result}");
        result
    }
}

impl Need {
    pub(crate) fn in_result(result: &Value) -> Need {
        assert_eq!(result["resultType"], "input_required", "{result}");
        for field in ["content", "structuredContent", "ttlMs", "cacheScope"] {
            assert!(result.get(field).is_none(), "{field} belongs to a result: {result}");
        }
        let requests = result["inputRequests"].as_object().cloned().unwrap_or_default();
        let state = result["requestState"].as_str().unwrap_or_else(|| panic!("no state: {result}")).to_owned();
        Need { requests, state }
    }

    pub(crate) fn keys(&self) -> Vec<&str> {
        self.requests.keys().map(String::as_str).collect()
    }
}
