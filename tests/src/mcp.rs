//! Requests of the modern era, as a well-behaved client sends them.

use serde_json::{Value, json};

use crate::http::Request;

/// The modern revision.
pub const MODERN: &str = "2026-07-28";

/// A request of the modern era, complete: `_meta` and all headers. What is already in `params._meta` stays.
pub fn modern_request(method: &str, params: Value) -> Request {
    let name = match method {
        "tools/call" | "prompts/get" => params["name"].as_str().map(str::to_owned),
        "resources/read" => params["uri"].as_str().map(str::to_owned),
        "tasks/get" | "tasks/update" | "tasks/cancel" => params["taskId"].as_str().map(str::to_owned),
        _ => None,
    };
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": modern_params(params) });
    let request =
        Request::post(message.to_string()).header("MCP-Protocol-Version", MODERN).header("Mcp-Method", method);
    match name {
        Some(name) => request.header("Mcp-Name", &name),
        None => request,
    }
}

/// The same params with a `_meta` that is complete.
pub(crate) fn modern_params(mut params: Value) -> Value {
    let meta = params.as_object_mut().expect("params are an object").entry("_meta").or_insert_with(|| json!({}));
    for (key, value) in [
        ("protocolVersion", json!(MODERN)),
        ("clientInfo", json!({ "name": "toolyard-tests", "version": "1" })),
        ("clientCapabilities", json!({})),
    ] {
        let key = format!("io.modelcontextprotocol/{key}");
        meta.as_object_mut().expect("`_meta` is an object").entry(key).or_insert(value);
    }
    params
}
