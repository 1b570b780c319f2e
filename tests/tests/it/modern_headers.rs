//! The modern era's rules about headers, each with the order in which they are checked.

use serde_json::{Value, json};
use toolyard_tests::{Host, Reply, Request, Setup, modern_request};

use crate::expect;

const META: &str = "io.modelcontextprotocol";

const HEADER_MISMATCH: i64 = -32020;
const UNSUPPORTED_VERSION: i64 = -32022;
const INVALID_PARAMS: i64 = -32602;
const METHOD_NOT_FOUND: i64 = -32601;

fn host() -> Host {
    let schema = json!({
        "type": "object",
        "properties": {
            "value": { "type": "string", "x-mcp-header": "Value" },
            "count": { "type": "integer", "x-mcp-header": "Count" },
            "sure": { "type": "boolean", "x-mcp-header": "Sure" },
            "deep": { "type": "object", "properties": { "inside": { "type": "string", "x-mcp-header": "Inside" } } },
        },
    });
    let tools = json!([{ "name": "echo" }, { "name": "mirror", "input_schema": schema.to_string() }]);
    Setup::new().script("h", &json!({ "tools": tools })).start()
}

fn call_echo() -> Request {
    modern_request("tools/call", json!({ "name": "h_echo" }))
}

/// The request with another value in `_meta`, or with none.
fn with_meta(request: Request, key: &str, value: Option<Value>) -> Request {
    let mut message: Value = serde_json::from_slice(&request.body).expect("it was JSON");
    let meta = message["params"]["_meta"].as_object_mut().expect("`_meta` is an object");
    meta.remove(&format!("{META}/{key}"));
    if let Some(value) = value {
        meta.insert(format!("{META}/{key}"), value);
    }
    request.body(message.to_string())
}

/// Sends it, and checks that it was refused like this.
fn refused(host: &Host, request: &Request, status: u16, code: i64) -> Reply {
    let reply = host.send(request);
    expect::error(&reply, status, code, &json!(1));
    reply
}

#[test]
fn the_version_in_the_header_is_the_one_in_the_body() {
    let host = host();
    let list = || modern_request("tools/list", json!({}));
    let version = |request: Request, version: &str| with_meta(request, "protocolVersion", Some(json!(version)));

    refused(&host, &list().without("MCP-Protocol-Version"), 400, HEADER_MISMATCH);
    refused(&host, &list().header("MCP-Protocol-Version", "2025-11-25"), 400, HEADER_MISMATCH);
    refused(&host, &version(list(), "v999.0.0"), 400, HEADER_MISMATCH);
    // Where both agree, the version is what is wrong, and it says which are right.
    for unknown in ["v999.0.0", "2025-11-25"] {
        let request = version(list(), unknown).header("MCP-Protocol-Version", unknown);
        let reply = refused(&host, &request, 400, UNSUPPORTED_VERSION);
        let expected = json!({ "supported": ["2026-07-28"], "requested": unknown });
        assert_eq!(reply.answer()["error"]["data"], expected);
    }
    host.stop();
}

#[test]
fn what_meta_must_hold_is_missed() {
    let host = host();
    for method in ["server/discover", "tools/list", "tools/call"] {
        let request = modern_request(method, json!({ "name": "h_echo" }));
        let mut message: Value = serde_json::from_slice(&request.body).expect("it was JSON");
        message["params"].as_object_mut().expect("params are an object").remove("_meta");
        refused(&host, &request.clone().body(message.to_string()), 400, INVALID_PARAMS);
        message.as_object_mut().expect("it is an object").remove("params");
        refused(&host, &request.clone().body(message.to_string()), 400, INVALID_PARAMS);

        refused(&host, &with_meta(request.clone(), "protocolVersion", None), 400, INVALID_PARAMS);
        refused(&host, &with_meta(request.clone(), "clientCapabilities", None), 400, INVALID_PARAMS);
        refused(&host, &with_meta(request.clone(), "clientCapabilities", Some(json!("all"))), 400, INVALID_PARAMS);
        // Who the client is, is its own affair.
        assert_eq!(host.send(&with_meta(request, "clientInfo", None)).status, 200);
    }
    host.stop();
}

#[test]
fn the_method_in_the_header_is_the_one_in_the_body() {
    let host = host();
    for wrong in ["tools/list", "TOOLS/CALL", ""] {
        refused(&host, &call_echo().header("Mcp-Method", wrong), 400, HEADER_MISMATCH);
    }
    refused(&host, &call_echo().without("Mcp-Method"), 400, HEADER_MISMATCH);
    for name in ["mcp-method", "MCP-METHOD", "mCp-MeThOd"] {
        let request = call_echo().without("Mcp-Method").header(name, "  tools/call ");
        assert_eq!(host.send(&request).status, 200, "{name}");
    }
    host.stop();
}

#[test]
fn the_name_in_the_header_is_the_one_in_the_body() {
    let host = host();
    for wrong in ["h_mirror", "H_ECHO", "", "=?base64?aF9taXJyb3I=?=", "=?base64?aF9lY2hv"] {
        refused(&host, &call_echo().header("Mcp-Name", wrong), 400, HEADER_MISMATCH);
    }
    refused(&host, &call_echo().without("Mcp-Name"), 400, HEADER_MISMATCH);
    for right in ["h_echo", "  h_echo  ", "=?base64?aF9lY2hv?="] {
        assert_eq!(host.send(&call_echo().header("Mcp-Name", right)).status, 200, "{right}");
    }
    // Where no name belongs, none is looked for.
    let list = modern_request("tools/list", json!({})).header("Mcp-Name", "whatever");
    assert_eq!(host.send(&list).status, 200);
    host.stop();
}

#[test]
fn mirrored_arguments_agree_with_their_headers() {
    let host = host();
    let call = |arguments: Value| modern_request("tools/call", json!({ "name": "h_mirror", "arguments": arguments }));
    let accepted: &[(Value, &[(&str, &str)])] = &[
        (json!({}), &[]),
        (json!({ "value": null }), &[]),
        (json!({ "value": "Hello" }), &[("Value", "Hello")]),
        (json!({ "value": "Hello" }), &[("value", "  Hello ")]),
        (json!({ "value": "Hello" }), &[("Value", "=?base64?SGVsbG8=?=")]),
        (json!({ "value": "SGVsbG8=" }), &[("Value", "SGVsbG8=")]),
        (json!({ "value": "SGVsbG8=?=" }), &[("Value", "SGVsbG8=?=")]),
        (json!({ "value": "=?base64?SGVsbG8=" }), &[("Value", "=?base64?SGVsbG8=")]),
        (json!({ "value": "Grüße" }), &[("Value", "=?base64?R3LDvMOfZQ==?=")]),
        (json!({ "count": 42 }), &[("Count", "42")]),
        (json!({ "count": 42 }), &[("Count", "42.0")]),
        (json!({ "sure": true }), &[("Sure", "true")]),
        (json!({ "deep": { "inside": "x" } }), &[("Inside", "x")]),
        // Headers that this tool does not know are for somebody else.
        (json!({}), &[("Other", "x")]),
    ];
    for (arguments, headers) in accepted {
        let reply = host.send(&with_params(call(arguments.clone()), headers));
        // A null breaks the schema, which is no matter of headers.
        assert_eq!(reply.status, 200, "{arguments} {headers:?}: {reply:?}");
        if arguments["value"] != Value::Null || arguments.get("value").is_none() {
            assert_eq!(reply.result()["structuredContent"], *arguments);
        }
    }
    let rejected: &[(Value, &[(&str, &str)])] = &[
        (json!({ "value": "Hello" }), &[]),
        (json!({ "value": "Hello" }), &[("Value", "hello")]),
        (json!({ "value": "Hello" }), &[("Value", "=?base64?SGVsbG8?=")]),
        (json!({ "value": "Hello" }), &[("Value", "=?base64?SGVs!!!bG8=?=")]),
        (json!({ "value": "Hello" }), &[("Value", "=?BASE64?SGVsbG8=?=")]),
        (json!({ "value": "Hello" }), &[("Value", "")]),
        (json!({ "count": 42 }), &[("Count", "43")]),
        (json!({ "count": 42 }), &[("Count", "forty-two")]),
        (json!({ "sure": true }), &[("Sure", "false")]),
        (json!({ "deep": { "inside": "x" } }), &[]),
    ];
    for (arguments, headers) in rejected {
        let reply = host.send(&with_params(call(arguments.clone()), headers));
        assert_eq!(reply.status, 400, "{arguments} {headers:?}: {reply:?}");
        expect::error(&reply, 400, HEADER_MISMATCH, &json!(1));
    }
    host.stop();
}

fn with_params(request: Request, headers: &[(&str, &str)]) -> Request {
    headers.iter().fold(request, |request, (name, value)| request.header(&format!("Mcp-Param-{name}"), value))
}

#[test]
fn methods_of_another_era_are_not_found() {
    let host = host();
    for method in [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "tasks/list",
        "tasks/result",
        "unknown/method",
    ] {
        refused(&host, &modern_request(method, json!({})), 404, METHOD_NOT_FOUND);
    }
    host.stop();
}

#[test]
fn the_first_rule_that_is_broken_is_the_one_named() {
    let host = host();
    let version = |request: Request| with_meta(request, "protocolVersion", Some(json!("v9")));
    let no_capabilities = |request: Request| with_meta(request, "clientCapabilities", None);
    let v9 = |request: Request| version(request).header("MCP-Protocol-Version", "v9");
    let unknown = || modern_request("unknown/method", json!({}));
    let wrong_method = |request: Request| request.header("Mcp-Method", "x");

    // The header against `_meta`, before whether `_meta` is complete.
    refused(&host, &version(no_capabilities(call_echo())), 400, HEADER_MISMATCH);
    // Whether it is complete, before whether the version is known.
    refused(&host, &v9(no_capabilities(call_echo())), 400, INVALID_PARAMS);
    // The version, before the method in the header.
    refused(&host, &wrong_method(v9(call_echo())), 400, UNSUPPORTED_VERSION);
    // The method in the header, before whether the method is known.
    refused(&host, &wrong_method(unknown()), 400, HEADER_MISMATCH);
    // Whether it is known, before the name in the header.
    refused(&host, &unknown().header("Mcp-Name", "x"), 404, METHOD_NOT_FOUND);
    // The name in the header, before whether there is such a tool.
    let nobody = modern_request("tools/call", json!({ "name": "nobody" }));
    refused(&host, &nobody.clone().header("Mcp-Name", "h_echo"), 400, HEADER_MISMATCH);
    refused(&host, &nobody, 400, INVALID_PARAMS);
    host.stop();
}
