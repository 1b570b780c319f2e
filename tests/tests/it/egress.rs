//! What plugins reach of the outside world: what was granted, and nothing else.

mod headers;
mod limits;
mod names;
mod refusals;
mod sockets;
mod tls;

use serde_json::{Value, json};
use toolyard_tests::{Host, Setup};

use crate::expect;

/// What the guest is told of a request that is not granted.
const DENIED: &str = "HttpRequestDenied";

/// A host with the guest `caller`, and this configuration.
fn host(config: &str) -> Host {
    Setup::new().guest("caller").config(config).start()
}

/// The grant of GET requests to these URLs.
fn grant(url: &str) -> String {
    format!("[[plugin.caller.grants.http]]\nurl = \"{url}\"\n")
}

/// Calls a tool of the guest's, and gives what it says.
fn call(host: &Host, tool: &str, arguments: &Value) -> Value {
    let result = host.call(&format!("caller_{tool}"), arguments);
    assert_ne!(result["isError"], true, "{result}");
    let structured = &result["structuredContent"];
    if structured.is_object() { structured.clone() } else { json!(expect::text(&result)) }
}

/// Sends a GET request, and gives what came of it.
fn fetch(host: &Host, url: &str) -> Value {
    call(host, "fetch", &json!({ "url": url }))
}

/// Sends a GET request that must be answered with 200, and gives the body.
fn body(host: &Host, url: &str) -> String {
    let fetched = fetch(host, url);
    assert_eq!((&fetched["status"], &fetched["error"]), (&json!(200), &Value::Null), "{url}: {fetched}");
    fetched["body"].as_str().expect("a body is a text").to_owned()
}

/// Why a request failed.
fn error(fetched: &Value) -> &str {
    fetched["error"].as_str().unwrap_or_else(|| panic!("it did not fail: {fetched}"))
}

/// Sends a GET request that must be refused.
fn denied(host: &Host, url: &str) {
    let fetched = fetch(host, url);
    assert!(error(&fetched).contains(DENIED), "{url}: {fetched}");
    assert_eq!(fetched["status"], Value::Null, "{fetched}");
}

/// What a tool says that gives a list of texts.
fn list(host: &Host, tool: &str, arguments: &Value) -> Vec<String> {
    let result = host.call(&format!("caller_{tool}"), arguments);
    let list = expect::json_text(&result);
    let list = list.as_array().unwrap_or_else(|| panic!("no list: {result}"));
    list.iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}
