//! Traces: what is below what, whose trace it is, and what is not in it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use toolyard_tests::{Collector, Host, Setup, Site, Span, modern_request};

use super::{SPAN, TRACE, sampled};
use crate::expect;

/// A span of a proxy's, in the same trace.
const PROXY: &str = "00f067aa0ba902b7";

/// A host with the guest `caller`, which may ask the site, and `echo`.
fn host(collector: &Collector, site: &Site, more: &str) -> Host {
    let grant = format!("[[plugin.caller.grants.http]]\nurl = '{}/'\nnetworks = ['127.0.0.0/8']\n", site.url());
    Setup::new().guest("caller").guest("echo").config(&format!("{}{more}{grant}", collector.config())).start()
}

fn fetch(site: &Site, headers: &[&str]) -> Value {
    json!({ "url": format!("{}/private/path?query=hunter2", site.url()), "headers": headers })
}

fn traced(tool: &str, arguments: &Value, traceparent: &str) -> Value {
    json!({ "name": tool, "arguments": arguments, "_meta": { "traceparent": traceparent, "tracestate": "vendor=1" } })
}

/// Checks that each span has the parent that is named beside it.
fn check_parents(spans: &[Span], parents: &[(&str, &str)]) {
    for (child, parent) in parents {
        assert_eq!(Span::find(spans, child).parent, Span::find(spans, parent).id, "`{child}`: {spans:#?}");
    }
}

#[test]
fn a_call_from_its_arrival_to_the_request_that_its_plugin_sends() {
    let (collector, site) = (Collector::start(), Site::saying("hello"));
    let host = host(&collector, &site, "service_name = 'tools-eu'\n");
    let request = modern_request("tools/call", traced("caller_fetch", &fetch(&site, &["X-Own: hunter2"]), &sampled()));
    let request = request.header("traceparent", &format!("00-{TRACE}-{PROXY}-01"));
    let reply = host.send(&request.header("Authorization", "Bearer hunter2"));
    assert_eq!(reply.result()["structuredContent"]["status"], 200);
    let names = ["tools/call caller_fetch", "auth", "policy", "guest", "instantiate", "http"];
    let spans = collector.trace(TRACE, &names);
    assert_eq!(spans.len(), names.len(), "{spans:#?}");

    let whole = Span::find(&spans, names[0]);
    // What the message says comes before what a proxy put into a header, which is not lost.
    assert_eq!((whole.parent.as_str(), &whole.links), (SPAN, &vec![PROXY.to_owned()]));
    check_parents(&spans, &[("auth", names[0]), ("policy", names[0]), ("guest", names[0])]);
    check_parents(&spans, &[("instantiate", "guest"), ("http", "guest")]);
    for (key, value) in [
        ("mcp.method.name", "tools/call"),
        ("mcp.protocol.version", "2026-07-28"),
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.name", "caller_fetch"),
        ("network.transport", "tcp"),
        ("toolyard.era", "modern"),
        ("toolyard.tenant", "default"),
        ("toolyard.plugin", "caller"),
    ] {
        assert_eq!(whole.attribute(key), value, "{key}");
    }
    assert_eq!((whole.kind, whole.status), (2, 0));
    assert_eq!(Span::find(&spans, "auth").attribute("toolyard.auth.result"), "anonymous");
    let http = Span::find(&spans, "http");
    assert_eq!((http.kind, http.attribute("http.response.status_code")), (3, "200"));
    assert_eq!((http.attribute("server.address"), http.attribute("http.request.method")), ("127.0.0.1", "GET"));
    assert_eq!(http.attribute("server.port"), site.port().to_string());
    for span in &spans {
        assert!(span.start_ns >= whole.start_ns && span.start_ns <= span.end_ns, "{span:#?}");
        assert_eq!(span.state, "vendor=1");
        assert_eq!(span.resource["service.name"], "tools-eu");
        assert!(span.resource["service.version"].starts_with("0."), "{span:#?}");
        assert!(!span.resource["service.instance.id"].is_empty());
    }
    // The server that was asked is told which span asked.
    let asked = site.seen_once();
    assert_eq!(asked.value_of("traceparent"), Some(format!("00-{TRACE}-{}-01", http.id).as_str()));
    assert_eq!(asked.value_of("tracestate"), Some("vendor=1"));
    for sent in collector.seen() {
        let text = String::from_utf8_lossy(&sent.body).into_owned();
        assert!(!text.contains("hunter2") && !text.contains("private"), "{text}");
    }
    host.stop();
}

#[test]
fn the_trace_is_known_by_header_and_by_meta_in_both_eras() {
    let (collector, site) = (Collector::start(), Site::saying("hello"));
    let host = host(&collector, &site, "");
    let trace = |number: u32| format!("{number:032x}");
    let parent = |number: u32| format!("00-{}-{SPAN}-01", trace(number));
    let by_meta = |number: u32| traced("echo_context", &json!({}), &parent(number));
    let plain = json!({ "name": "echo_context" });
    host.send(&modern_request("tools/call", by_meta(1))).result();
    host.send(&modern_request("tools/call", plain.clone()).header("traceparent", &parent(2))).result();
    let mut number = 3;
    for version in ["2025-11-25", "2025-06-18", "2025-03-26"] {
        let session = host.legacy(version);
        session.send("tools/call", &by_meta(number)).result();
        host.send(&session.request("tools/call", &plain).header("traceparent", &parent(number + 1))).result();
        number += 2;
    }
    for number in 1..number {
        let spans = collector.trace(&trace(number), &["tools/call echo_context", "guest"]);
        let whole = Span::find(&spans, "tools/call echo_context");
        assert_eq!(whole.parent, SPAN);
        let version = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"][(number as usize - 1) / 2];
        assert_eq!(whole.attribute("mcp.protocol.version"), version);
        assert_eq!(whole.attribute("toolyard.era"), if number < 3 { "modern" } else { "legacy" });
        check_parents(&spans, &[("guest", "tools/call echo_context")]);
    }
    host.stop();
}

#[test]
fn a_guest_is_told_its_own_span() {
    let (collector, site) = (Collector::start(), Site::saying("hello"));
    let host = host(&collector, &site, "");
    let mut params = traced("echo_context", &json!({}), &sampled());
    params["_meta"]["baggage"] = json!("b=2");
    let context = host.modern("tools/call", params).result()["structuredContent"].clone();
    let spans = collector.trace(TRACE, &["guest"]);
    let guest = Span::find(&spans, "guest");
    assert_eq!(context["traceparent"], format!("00-{TRACE}-{}-01", guest.id));
    assert_eq!((&context["tracestate"], &context["baggage"]), (&json!("vendor=1"), &json!("b=2")));
    host.stop();
}

#[test]
fn a_guest_that_names_a_trace_itself_is_not_corrected() {
    let (collector, site) = (Collector::start(), Site::saying("hello"));
    let host = host(&collector, &site, "");
    let own = "00-11111111111111111111111111111111-2222222222222222-01";
    let arguments = fetch(&site, &[&format!("traceparent: {own}")]);
    host.modern("tools/call", traced("caller_fetch", &arguments, &sampled())).result();
    let asked = site.seen_once();
    assert_eq!((asked.value_of("traceparent"), asked.value_of("tracestate")), (Some(own), None));
    host.stop();
}

#[test]
fn the_operator_may_keep_traces_inside() {
    let (collector, site) = (Collector::start(), Site::saying("hello"));
    let host = host(&collector, &site, "propagate = false\n");
    host.modern("tools/call", traced("caller_fetch", &fetch(&site, &[]), &sampled())).result();
    collector.trace(TRACE, &["http"]);
    assert_eq!(site.seen_once().value_of("traceparent"), None);
    host.stop();
}

#[test]
fn whoever_calls_decides_and_otherwise_the_ratio() {
    let (collector, site) = (Collector::start(), Site::saying("hello"));
    let host = host(&collector, &site, "sample_ratio = 0.0\n");
    let unsampled = format!("00-{}-{SPAN}-00", "1".repeat(32));
    let context = host.modern("tools/call", traced("echo_context", &json!({}), &unsampled)).result();
    // Nothing of the host's comes between: the guest knows the caller's own span.
    assert_eq!(context["structuredContent"]["traceparent"], unsampled);
    host.call("echo_context", &json!({}));
    host.modern("tools/call", traced("caller_fetch", &fetch(&site, &[]), &unsampled)).result();
    assert_eq!(site.seen_once().value_of("traceparent"), None);
    host.modern("tools/call", traced("echo_context", &json!({}), &sampled())).result();
    host.stop();
    // All was sent by now, in order.
    let traces: BTreeSet<String> = collector.spans().into_iter().map(|span| span.trace).collect();
    assert_eq!(traces, BTreeSet::from([TRACE.to_owned()]));
}

#[test]
fn what_went_wrong_is_said_in_one_word() {
    let collector = Collector::start();
    let tools = json!([
        { "name": "failing", "act": { "fail": { "failed": "the secret is hunter2" } } },
        { "name": "trapping", "act": "trap" },
        { "name": "spinning", "act": "spin" },
    ]);
    let config = format!("{}[plugin.s.limits]\ncpu_ms_max = 100\n", collector.config());
    let host = Setup::new().script("s", &json!({ "tools": tools })).config(&config).start();
    for (number, (tool, name, error)) in [
        ("s_failing", "tools/call s_failing", "tool_error"),
        ("s_trapping", "tools/call s_trapping", "trapped"),
        ("s_spinning", "tools/call s_spinning", "limit"),
        ("s_hunter2", "tools/call", "invalid_params"),
    ]
    .into_iter()
    .enumerate()
    {
        let trace = format!("{:032x}", number + 1);
        host.modern("tools/call", traced(tool, &json!({}), &format!("00-{trace}-{SPAN}-01")));
        let spans = collector.trace(&trace, &[name]);
        let whole = Span::find(&spans, name);
        assert_eq!((whole.status, whole.attribute("error.type")), (2, error), "{tool}");
        let code = whole.attributes.get("rpc.response.status_code").map(String::as_str);
        assert_eq!(code, (error == "invalid_params").then_some("-32602"), "{tool}");
    }
    let guests = collector.spans().into_iter().filter(|span| span.name == "guest");
    let failed: Vec<String> = guests.filter_map(|span| span.attributes.get("error.type").cloned()).collect();
    assert_eq!(failed, ["trapped", "cpu_ms_max"]);
    host.stop();
    let told = collector.seen().iter().any(|sent| String::from_utf8_lossy(&sent.body).contains("hunter2"));
    assert!(!told, "what a caller or a guest says is in a trace");
}

#[test]
fn a_stream_is_one_span_that_lasts_until_its_end() {
    let collector = Collector::start();
    let tools = json!([{ "name": "wait", "act": { "wait": "waited" } }]);
    let host = Setup::new().script("s", &json!({ "tools": tools })).config(&collector.config()).start();
    let mut params = traced("s_wait", &json!({ "ms": 300 }), &sampled());
    params["_meta"]["progressToken"] = json!(1);
    let reply = host.modern("tools/call", params);
    assert!(reply.is_event_stream());
    let spans = collector.trace(TRACE, &["tools/call s_wait", "guest"]);
    let (whole, guest) = (Span::find(&spans, "tools/call s_wait"), Span::find(&spans, "guest"));
    assert!(guest.end_ns - guest.start_ns >= 300_000_000, "{spans:#?}");
    assert!(whole.start_ns <= guest.start_ns && whole.end_ns >= guest.end_ns, "{spans:#?}");
    host.stop();
}

#[test]
fn a_task_goes_on_in_the_trace_of_its_request() {
    let collector = Collector::start();
    let tools = json!([{ "name": "long", "long_running": true, "act": { "wait": "waited" } }]);
    let host = Setup::new().script("s", &json!({ "tools": tools })).config(&collector.config()).start();
    let mut params = traced("s_long", &json!({ "ms": 1 }), &sampled());
    let capabilities = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities;
    assert_eq!(host.modern("tools/call", params).result()["resultType"], "task");
    let spans = collector.trace(TRACE, &["tools/call s_long", "task s_long", "guest"]);
    check_parents(&spans, &[("task s_long", "tools/call s_long"), ("guest", "task s_long")]);
    host.stop();
}

#[test]
fn each_message_of_a_batch_is_a_span_of_its_own() {
    let (collector, site) = (Collector::start(), Site::saying("hello"));
    let host = host(&collector, &site, "");
    let session = host.legacy("2025-03-26");
    let call = |id: u32, traceparent: &str| {
        let params = traced("echo_context", &json!({}), traceparent);
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
    };
    let other = "2".repeat(32);
    let batch = json!([call(1, &sampled()), call(2, &format!("00-{other}-{SPAN}-01"))]);
    assert_eq!(host.send(&session.message(&batch)).status, 200);
    for trace in [TRACE, &other] {
        let spans = collector.trace(trace, &["tools/call echo_context", "guest"]);
        check_parents(&spans, &[("guest", "tools/call echo_context")]);
    }
    host.stop();
}

#[test]
fn a_client_behind_a_pipe_is_traced_too() {
    let collector = Collector::start();
    let mut pipe = Setup::new().guest("echo").config(&collector.config()).start_pipe();
    pipe.modern(&json!(1), "tools/call", traced("echo_context", &json!({}), &sampled()));
    let answer = pipe.read();
    assert!(answer["result"]["structuredContent"].is_object(), "{answer}");
    let spans = collector.trace(TRACE, &["tools/call echo_context", "guest"]);
    assert_eq!(Span::find(&spans, "tools/call echo_context").attribute("network.transport"), "pipe");
    pipe.close();
    assert!(pipe.wait().success());
}

#[test]
fn a_host_without_a_collector_passes_on_what_it_is_told() {
    let site = Site::saying("hello");
    let grant = format!("[[plugin.caller.grants.http]]\nurl = '{}/'\nnetworks = ['127.0.0.0/8']\n", site.url());
    let host = Setup::new().guest("caller").config(&grant).start();
    let result = host.modern("tools/call", traced("caller_fetch", &fetch(&site, &[]), &sampled())).result();
    assert_eq!(result["structuredContent"]["status"], 200, "{result}");
    assert_eq!(site.seen_once().value_of("traceparent"), None);
    let context = host.modern("tools/call", traced("caller_no_such", &json!({}), &sampled()));
    expect::error(&context, 400, -32602, &json!(1));
    host.stop();
}
