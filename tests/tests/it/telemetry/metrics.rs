//! Metrics: what is counted, under which labels, and how many there can be.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use toolyard_tests::{Connection, Host, Request, Setup, Site, eventually, modern_request};

use super::{Samples, scrape, sum};
use crate::expect;

/// A host with everything that can be counted, and a site that its plugin may ask.
pub(super) fn host(site: &Site) -> Host {
    let tools = json!([
        { "name": "say", "act": { "say": "hello" } },
        { "name": "wait", "act": { "wait": "waited" } },
        { "name": "failing", "act": { "fail": { "failed": "It did not work." } } },
        { "name": "trapping", "act": "trap" },
        { "name": "spinning", "act": "spin" },
        { "name": "long", "long_running": true, "act": { "say": "done" } },
        { "name": "strict", "input_schema": r#"{"type":"object","required":["x"]}"# },
    ]);
    let prompts = json!([{ "name": "greet" }]);
    let config = format!(
        "admin_listen = '127.0.0.1:0'\n\
         [plugin.s.limits]\ncpu_ms_max = 100\nplugin_calls_max = 1\n\
         [plugin.closed]\nscopes = ['nobody']\n\
         [[plugin.caller.grants.http]]\nurl = '{}/'\n",
        site.url()
    );
    let setup = Setup::new().script("s", &json!({ "tools": tools, "prompts": prompts })).guest("caller");
    setup.script("closed", &json!({ "tools": [{ "name": "say" }] })).config(&config).start()
}

fn call(host: &Host, tool: &str, arguments: &Value) {
    host.modern("tools/call", json!({ "name": tool, "arguments": arguments }));
}

/// Begins a call, and returns when its tool runs.
fn begin_wait(host: &Host, ms: u64) -> Connection {
    let params = json!({ "name": "s_wait", "arguments": { "ms": ms }, "_meta": { "progressToken": 1 } });
    let mut call = host.start_sending(&modern_request("tools/call", params));
    assert_eq!(call.read_head().expect("an answer begins").status, 200);
    assert!(call.next_message().is_some(), "the tool says that it runs");
    call
}

/// Calls of `s_wait`.
fn in_flight(host: &Host) -> f64 {
    sum(&scrape(host), "toolyard_calls_in_flight", &[("tool", "s_wait")])
}

/// Makes everything happen that is counted, once or more.
pub(super) fn use_all(host: &Host, site: &Site) {
    for tool in ["s_say", "s_failing", "s_trapping", "s_spinning", "s_strict", "s_no_such", "closed_say"] {
        call(host, tool, &json!({}));
    }
    call(host, "caller_fetch", &json!({ "url": format!("{}/", site.url()) }));
    call(host, "caller_fetch", &json!({ "url": "http://nobody.invalid/" }));
    let mut params = json!({ "name": "s_long", "arguments": {} });
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
        json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    assert_eq!(host.modern("tools/call", params).result()["resultType"], "task");
    let session = host.legacy("2025-11-25");
    expect::text(&session.send("tools/call", &json!({ "name": "s_say", "arguments": {} })).result());
    host.send(&Request::post("no message"));
    // The second waits for the first's place, and gets it when nobody waits for the first any more.
    let first = begin_wait(host, 600_000);
    let params = json!({ "name": "s_wait", "arguments": { "ms": 0 } });
    let mut second = host.start_sending(&modern_request("tools/call", params));
    eventually("the second to have begun", || (in_flight(host) == 2.0).then_some(()));
    drop(first);
    assert_eq!(second.read().status, 200);
    eventually("the task to end", || {
        (sum(&scrape(host), "toolyard_tasks_total", &[("state", "completed")]) == 1.0).then_some(())
    });
}

#[test]
fn calls_are_counted_by_tenant_plugin_tool_and_outcome() {
    let site = Site::saying("hello");
    let host = host(&site);
    use_all(&host, &site);
    let metrics = scrape(&host);
    let count = |name: &str, labels: &[(&str, &str)]| sum(&metrics, name, labels);
    for (tool, outcome, expected) in [
        ("s_say", "ok", 2.0),
        ("s_failing", "error", 1.0),
        ("s_trapping", "trapped", 1.0),
        ("s_spinning", "limit", 1.0),
        ("s_strict", "invalid", 1.0),
    ] {
        let labels = [("tenant", "default"), ("plugin", "s"), ("tool", tool)];
        let with = [&labels[..], &[("outcome", outcome)]].concat();
        assert_eq!(count("toolyard_calls_total", &with), expected, "{tool}");
        assert_eq!(count("toolyard_call_duration_seconds_count", &labels), expected, "{tool}");
        assert_eq!(count("toolyard_calls_in_flight", &labels), 0.0, "{tool}");
    }
    let spun = count("toolyard_guest_cpu_seconds_total", &[("tool", "s_spinning")]);
    assert!((0.1..30.0).contains(&spun), "{spun}");
    assert!(count("toolyard_call_duration_seconds_sum", &[("tool", "s_spinning")]) >= 0.1);
    for outcome in ["ok", "dropped"] {
        assert_eq!(count("toolyard_calls_total", &[("tool", "s_wait"), ("outcome", outcome)]), 1.0, "{outcome}");
    }
    assert!(count("toolyard_queue_wait_seconds_count", &[("plugin", "s")]) >= 1.0);
    assert!(count("toolyard_instantiate_seconds_count", &[("plugin", "s")]) >= 5.0);
    assert_eq!(count("toolyard_http_requests_total", &[("plugin", "caller"), ("outcome", "2xx")]), 1.0);
    assert_eq!(count("toolyard_http_requests_total", &[("plugin", "caller"), ("outcome", "refused")]), 1.0);
    assert_eq!(count("toolyard_refused_total", &[("plugin", "caller"), ("grant", "http")]), 1.0);
    assert_eq!(count("toolyard_policy_denied_total", &[("tenant", "default"), ("plugin", "closed")]), 1.0);
    assert_eq!(count("toolyard_calls_total", &[("plugin", "closed")]), 0.0);
    let labels = [("era", "legacy"), ("method", "tools/call"), ("outcome", "ok")];
    assert_eq!(count("toolyard_requests_total", &labels), 1.0);
    // The unknown tool, and the one that is denied.
    let labels = [("era", "modern"), ("method", "tools/call"), ("outcome", "fault")];
    assert_eq!(count("toolyard_requests_total", &labels), 2.0);
    assert_eq!(count("toolyard_requests_total", &[("era", "none"), ("outcome", "fault")]), 1.0);
    assert!(count("toolyard_auth_total", &[("result", "anonymous")]) >= 10.0);
    assert_eq!(count("toolyard_plugin_loads_total", &[("result", "loaded")]), 3.0);
    for (what, expected) in [("tenants", 1.0), ("plugins", 3.0), ("prompts", 1.0), ("refused", 0.0)] {
        assert_eq!(count("toolyard_catalog", &[("what", what)]), expected, "{what}");
    }
    host.stop();
}

#[test]
fn a_call_in_flight_shows_and_one_that_is_dropped_is_counted() {
    let site = Site::saying("hello");
    let host = host(&site);
    let call = begin_wait(&host, 600_000);
    assert_eq!(in_flight(&host), 1.0);
    drop(call);
    eventually("the call to be dropped", || {
        let metrics = scrape(&host);
        let dropped = sum(&metrics, "toolyard_calls_total", &[("tool", "s_wait"), ("outcome", "dropped")]);
        (dropped == 1.0 && sum(&metrics, "toolyard_calls_in_flight", &[]) == 0.0).then_some(())
    });
    host.stop();
}

#[test]
fn nothing_that_a_client_sends_becomes_a_label() {
    let site = Site::saying("hello");
    let host = host(&site);
    use_all(&host, &site);
    let labels = |metrics: &std::collections::BTreeMap<String, Samples>| -> BTreeSet<String> {
        metrics.values().flatten().flat_map(|(labels, _)| labels.values().cloned()).collect()
    };
    let before = labels(&scrape(&host));
    for number in 0..50 {
        let name = format!("stranger{number}");
        host.modern(&name, json!({}));
        call(&host, &name, &json!({ name.as_str(): name }));
        host.modern("prompts/get", json!({ "name": name }));
        host.modern("resources/read", json!({ "uri": format!("{name}://x") }));
        host.send(&modern_request("tools/list", json!({})).header("MCP-Protocol-Version", &name));
        host.send(&Request::post(format!("{{\"jsonrpc\":\"2.0\",\"method\":\"{name}\"}}")));
        host.send(&Request { path: format!("/t/{name}/mcp"), ..modern_request("tools/list", json!({})) });
        call(&host, "caller_fetch", &json!({ "url": format!("http://{name}.invalid/") }));
    }
    let after = labels(&scrape(&host));
    let new: Vec<&String> = after.difference(&before).collect();
    assert!(!new.iter().any(|label| label.contains("stranger")), "{new:?}");
    host.stop();
}

#[test]
fn readiness_ends_with_the_order_to_stop_and_health_with_the_process() {
    let tools = json!([{ "name": "wait", "act": { "wait": "waited" } }]);
    let config = "admin_listen = '127.0.0.1:0'\n";
    let mut host = Setup::new().script("s", &json!({ "tools": tools })).config(config).start();
    assert_eq!((host.admin("/healthz").status, host.admin("/readyz").status), (200, 200));
    let mut call = begin_wait(&host, 5000);
    host.terminate();
    // While the call goes on, the host is alive and takes no new ones; its metrics can be read to the end.
    eventually("the host not to be ready", || (host.admin("/readyz").status == 503).then_some(()));
    assert_eq!(host.admin("/healthz").status, 200);
    assert_eq!(in_flight(&host), 1.0);
    let last = call.messages().pop().expect("the call is answered");
    assert_eq!(expect::text(&last["result"]), "waited");
    assert!(host.wait().success());
}
