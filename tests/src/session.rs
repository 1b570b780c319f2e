//! A session of the legacy era, as a well-behaved client holds it.

use serde_json::{Value, json};

use crate::connection::Connection;
use crate::hosts::Target;
use crate::http::{Reply, Request};

pub struct Session<'a> {
    host: &'a dyn Target,
    /// What the host gave, if it gave one.
    pub id: Option<String>,
    /// The revision that was agreed on.
    pub version: String,
    /// The result of `initialize`.
    pub initialized: Value,
}

impl<'a> Session<'a> {
    /// `initialize` with this revision and these capabilities, and `notifications/initialized`.
    pub fn begin(host: &'a dyn Target, version: &str, capabilities: &Value) -> Session<'a> {
        let params = json!({
            "protocolVersion": version,
            "capabilities": capabilities,
            "clientInfo": { "name": "toolyard-tests", "version": "1" },
        });
        let message = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        let reply = host.send(&Request::post(message.to_string()));
        let initialized = reply.result();
        let version = initialized["protocolVersion"].as_str().expect("a version is a text").to_owned();
        let session = Session { host, id: reply.header("Mcp-Session-Id").map(str::to_owned), version, initialized };
        session.notify("notifications/initialized", &json!({}));
        session
    }

    /// The same session with another host, as behind a load balancer.
    pub fn moved_to<'b>(&self, host: &'b dyn Target) -> Session<'b> {
        let Session { id, version, initialized, .. } = self;
        Session { host, id: id.clone(), version: version.clone(), initialized: initialized.clone() }
    }

    /// The session's id, which there must be.
    pub fn id(&self) -> &str {
        self.id.as_deref().expect("the host gave an id")
    }

    /// Any message, with the headers of this session.
    pub fn message(&self, message: &Value) -> Request {
        self.with_headers(Request::post(message.to_string()))
    }

    /// A request that can still be changed.
    pub fn request(&self, method: &str, params: &Value) -> Request {
        self.request_as(&json!(1), method, params)
    }

    /// The same, with an id of its own.
    pub fn request_as(&self, id: &Value, method: &str, params: &Value) -> Request {
        self.message(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
    }

    /// Sends a request and reads the whole answer.
    pub fn send(&self, method: &str, params: &Value) -> Reply {
        self.host.send(&self.request(method, params))
    }

    /// Calls a tool, and gives its result.
    pub fn call(&self, tool: &str, arguments: &Value) -> Value {
        self.send("tools/call", &json!({ "name": tool, "arguments": arguments })).result()
    }

    /// Sends a request, which must be answered by a stream.
    pub fn start(&self, request: &Request) -> Connection {
        let mut connection = self.host.start_sending(request);
        connection.expect_events();
        connection
    }

    /// Begins to call a tool, which must be answered by a stream.
    pub fn begin_call(&self, tool: &str, params: &Value) -> Connection {
        let mut params = params.clone();
        params["name"] = json!(tool);
        self.start(&self.request("tools/call", &params))
    }

    /// Sends a notification.
    pub fn notify(&self, method: &str, params: &Value) {
        self.tell(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Answers a request of the host's.
    pub fn respond(&self, request: &Value, result: &Value) {
        self.tell(&json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }));
    }

    /// Answers a request of the host's with an error.
    pub fn refuse(&self, request: &Value, code: i64, message: &str) {
        self.tell(&json!({ "jsonrpc": "2.0", "id": request["id"], "error": { "code": code, "message": message } }));
    }

    /// Opens the stream of news.
    pub fn listen(&self) -> Connection {
        self.start(&self.get())
    }

    /// Takes a stream up again, behind this event.
    pub fn resume(&self, last_event_id: &str) -> Connection {
        self.start(&self.get().header("Last-Event-ID", last_event_id))
    }

    /// What opens a stream.
    pub fn get(&self) -> Request {
        self.with_headers(Request::bare("GET", "/mcp").header("Accept", "text/event-stream"))
    }

    /// Ends the session.
    pub fn delete(&self) -> Reply {
        self.host.send(&self.with_headers(Request::bare("DELETE", "/mcp")))
    }

    fn tell(&self, message: &Value) {
        let reply = self.host.send(&self.message(message));
        assert_eq!((reply.status, reply.body.len()), (202, 0), "{reply:?}");
    }

    fn with_headers(&self, mut request: Request) -> Request {
        if let Some(id) = &self.id {
            request = request.header("Mcp-Session-Id", id);
        }
        // The header is younger than the first revision with sessions.
        if self.version != "2025-03-26" {
            request = request.header("MCP-Protocol-Version", &self.version);
        }
        request
    }
}
