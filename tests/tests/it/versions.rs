//! The version header, and what each revision of the legacy era leaves out.

use serde_json::{Value, json};
use toolyard_tests::{Host, MODERN, Request, Setup, modern_request};

use crate::expect;

/// What the header must not say.
const WRONG: [&str; 5] = ["invalid-protocol-version", "2000-01-01", "2099-01-01", "2025-11-25, 2025-06-18", ""];

const VERSIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

fn host() -> Host {
    let tools = json!([{ "name": "echo" }, { "name": "list", "act": { "structured": "[1,2]" } }]);
    Setup::new().script("v", &json!({ "tools": tools })).plugin("everything").start()
}

fn initialize(version: &str) -> Request {
    let params =
        json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    Request::post(json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params }).to_string())
}

fn message(method: &str) -> Request {
    Request::post(json!({ "jsonrpc": "2.0", "id": 1, "method": method }).to_string())
}

/// Checks that no revision goes by the name in this header.
fn refused(host: &Host, request: Request, wrong: &str) {
    let mut connection = host.start_sending(&request.header("MCP-Protocol-Version", wrong));
    // A stream has no end that one could wait for.
    let status = connection.read_head().expect("there is an answer");
    assert_eq!(status.status, 400, "`{wrong}`: {status:?}");
    let reply = connection.read_rest(status);
    let error = &reply.json()["error"];
    expect::sentence(error["message"].as_str().unwrap_or_else(|| panic!("no message: {reply:?}")));
    assert_eq!(error["code"], -32022, "{reply:?}");
    assert_eq!(error["data"], json!({ "supported": [MODERN], "requested": wrong }), "{reply:?}");
}

#[test]
fn a_header_that_names_no_revision_is_refused_before_and_after_initialize() {
    let host = host();
    for wrong in WRONG {
        refused(&host, initialize("2025-11-25"), wrong);
        refused(&host, message("tools/list"), wrong);
        refused(&host, message("server/discover"), wrong);
    }
    for version in VERSIONS {
        let session = host.legacy(version);
        for wrong in WRONG {
            refused(&host, session.request("tools/list", &json!({})), wrong);
            refused(&host, session.message(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })), wrong);
            refused(&host, session.get(), wrong);
            let delete = Request::bare("DELETE", "/mcp").header("Mcp-Session-Id", session.id());
            refused(&host, delete, wrong);
        }
        // None of this ended the session.
        assert_eq!(session.send("ping", &json!({})).result(), json!({}));
    }
    host.stop();
}

#[test]
fn a_version_that_is_too_new_is_told_what_there_is() {
    let host = host();
    for version in ["2099-01-01", "v999.0.0"] {
        let meta = json!({ "io.modelcontextprotocol/protocolVersion": version });
        let request = modern_request("tools/list", json!({ "_meta": meta }));
        let reply = host.send(&request.clone().header("MCP-Protocol-Version", version));
        expect::error(&reply, 400, -32022, &json!(1));
        assert_eq!(reply.json()["error"]["data"], json!({ "supported": [MODERN], "requested": version }));
        // The header is compared before anybody asks whether there is such a version.
        expect::error(&host.send(&request), 400, -32020, &json!(1));
    }
    host.stop();
}

#[test]
fn a_session_outweighs_a_header_that_is_missing() {
    let host = host();
    for version in VERSIONS {
        let session = host.legacy(version);
        let request = session.request("tools/call", &json!({ "name": "v_echo", "arguments": { "a": 1 } }));
        let result = host.send(&request.without("MCP-Protocol-Version")).result();
        let structured = result.get("structuredContent");
        assert_eq!(structured.is_some(), version != "2025-03-26", "{version}: {result}");
    }
    host.stop();
}

/// The tool of this name.
fn tool<'a>(list: &'a Value, name: &str) -> &'a Value {
    let tools = list["tools"].as_array().expect("a list of tools");
    tools.iter().find(|tool| tool["name"] == name).unwrap_or_else(|| panic!("no {name}: {list}"))
}

#[test]
fn what_came_later_is_left_out() {
    let host = host();
    for version in VERSIONS {
        let session = host.legacy(version);
        let is_since = |first: &str| version >= first;
        let list = session.send("tools/list", &json!({})).result();
        let weather = tool(&list, "everything_test_structured_object");
        assert_eq!(weather.get("icons").is_some(), is_since("2025-11-25"), "{version}: {weather}");
        for field in ["title", "outputSchema", "_meta"] {
            assert_eq!(weather.get(field).is_some(), is_since("2025-06-18"), "{version}: {weather}");
        }
        assert!(weather.get("annotations").is_some(), "{version}: {weather}");
        // Before 2026 what is structured is an object.
        for name in ["everything_test_structured_array", "everything_test_structured_number"] {
            assert!(tool(&list, name).get("outputSchema").is_none(), "{version}: {list}");
        }

        let result = session.call("everything_test_all_content", &json!({}));
        let kinds: Vec<&str> =
            result["content"].as_array().expect("a list").iter().filter_map(|c| c["type"].as_str()).collect();
        let link = if is_since("2025-06-18") { "resource_link" } else { "text" };
        assert_eq!(kinds[..6], ["text", "image", "audio", link, "resource", "resource"], "{version}: {result}");
        assert_eq!(result.get("structuredContent").is_some(), is_since("2025-06-18"), "{version}: {result}");
    }
    host.stop();
}

#[test]
fn structured_content_of_any_kind_is_of_the_modern_era() {
    let host = host();
    for (tool, arguments, expected) in [
        ("everything_test_structured_number", json!({ "a": 1, "b": 2 }), json!(3.0)),
        ("v_list", json!({}), json!([1, 2])),
    ] {
        assert_eq!(host.call(tool, &arguments)["structuredContent"], expected);
        for version in VERSIONS {
            let result = host.legacy(version).call(tool, &arguments);
            assert!(result.get("structuredContent").is_none(), "{result}");
            assert_eq!(expect::as_floats(&expect::json_text(&result)), expect::as_floats(&expected), "{result}");
        }
    }
    host.stop();
}
