//! A host as the callers of one tenant know it: by a path of its own.

use serde_json::{Value, json};

use crate::connection::Connection;
use crate::host::Host;
use crate::hosts::Target;
use crate::http::{Reply, Request};
use crate::mcp::modern_request;
use crate::session::Session;

pub struct At<'a> {
    pub host: &'a Host,
    pub tenant: &'a str,
}

impl Target for At<'_> {
    fn start_sending(&self, request: &Request) -> Connection {
        let path = format!("/t/{}{}", self.tenant, request.path);
        self.host.start_sending(&Request { path, ..request.clone() })
    }
}

impl At<'_> {
    /// Sends a request of the modern era.
    pub fn modern(&self, method: &str, params: Value) -> Reply {
        self.send(&modern_request(method, params))
    }

    /// Calls a tool in the modern era, and gives its result.
    pub fn call(&self, tool: &str, arguments: &Value) -> Value {
        self.modern("tools/call", json!({ "name": tool, "arguments": arguments })).result()
    }

    /// Begins a session of the legacy era.
    pub fn legacy(&self, version: &str) -> Session<'_> {
        Session::begin(self, version, &json!({}))
    }
}
