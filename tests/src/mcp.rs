//! The Model Context Protocol, as a well-behaved client of either era speaks it.

use serde_json::{Value, json};

use crate::host::Host;
use crate::http::{Reply, Request};

/// The modern revision.
pub const MODERN: &str = "2026-07-28";

/// A request of the modern era, complete: `_meta` and all headers. What is already in `params._meta` stays.
pub fn modern_request(method: &str, mut params: Value) -> Request {
    let name = params["name"].as_str().map(str::to_owned);
    let meta = params.as_object_mut().expect("params are an object").entry("_meta").or_insert_with(|| json!({}));
    for (key, value) in [
        ("protocolVersion", json!(MODERN)),
        ("clientInfo", json!({ "name": "toolyard-tests", "version": "1" })),
        ("clientCapabilities", json!({})),
    ] {
        let key = format!("io.modelcontextprotocol/{key}");
        meta.as_object_mut().expect("`_meta` is an object").entry(key).or_insert(value);
    }
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let request =
        Request::post(message.to_string()).header("MCP-Protocol-Version", MODERN).header("Mcp-Method", method);
    match name {
        Some(name) => request.header("Mcp-Name", &name),
        None => request,
    }
}

/// A session of the legacy era.
pub struct Session<'a> {
    host: &'a Host,
    /// What the host gave, if it gave one.
    pub id: Option<String>,
    /// The revision that was agreed on.
    pub version: String,
    /// The result of `initialize`.
    pub initialized: Value,
}

impl Session<'_> {
    /// `initialize` with this revision, and `notifications/initialized`.
    pub(crate) fn begin<'a>(host: &'a Host, version: &str) -> Session<'a> {
        let params = json!({
            "protocolVersion": version,
            "capabilities": {},
            "clientInfo": { "name": "toolyard-tests", "version": "1" },
        });
        let message = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        let reply = host.send(&Request::post(message.to_string()));
        let initialized = reply.result();
        let version = initialized["protocolVersion"].as_str().expect("a version is a text").to_owned();
        let session = Session { host, id: reply.header("Mcp-Session-Id").map(str::to_owned), version, initialized };
        let reply = session.host.send(&session.message(&json!({
            "jsonrpc": "2.0",
            "method": "notifications/initialized",
        })));
        assert_eq!((reply.status, reply.body.len()), (202, 0), "{reply:?}");
        session
    }

    /// Any message, with the headers of this session.
    pub fn message(&self, message: &Value) -> Request {
        let mut request = Request::post(message.to_string());
        if let Some(id) = &self.id {
            request = request.header("Mcp-Session-Id", id);
        }
        // The header is younger than the first revision with sessions.
        if self.version != "2025-03-26" {
            request = request.header("MCP-Protocol-Version", &self.version);
        }
        request
    }

    /// A request that can still be changed.
    pub fn request(&self, method: &str, params: &Value) -> Request {
        self.message(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }))
    }

    /// Sends a request and reads the whole answer.
    pub fn send(&self, method: &str, params: &Value) -> Reply {
        self.host.send(&self.request(method, params))
    }

    /// Calls a tool, and gives its result.
    pub fn call(&self, tool: &str, arguments: &Value) -> Value {
        self.send("tools/call", &json!({ "name": tool, "arguments": arguments })).result()
    }
}
