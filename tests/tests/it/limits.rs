//! Bounds on calls: where they can be set, what a caller reads who runs into one, and what is counted.

use std::sync::mpsc;

use serde_json::{Value, json};
use toolyard_tests::{Connection, Host, Request, Setup, eventually, modern_request, undisturbed};

use crate::expect;

fn script(acts: &[(&str, Value)]) -> Value {
    let tools: Vec<Value> = acts.iter().map(|(name, act)| json!({ "name": name, "act": act })).collect();
    json!({ "tools": tools })
}

/// The value of a counter at the admin listener; 0 if it has not been counted.
fn counted(host: &Host, counter: &str, labels: &[(&str, &str)]) -> u64 {
    let reply = host.admin("/metrics");
    assert_eq!(reply.status, 200);
    let has = |line: &str| labels.iter().all(|(name, value)| line.contains(&format!("{name}=\"{value}\"")));
    let text = String::from_utf8(reply.body).expect("metrics are text");
    let line = text.lines().find(|line| line.starts_with(&format!("{counter}{{")) && has(line));
    line.map_or(0, |line| line.rsplit(' ').next().unwrap_or_default().parse().expect("a counter is a number"))
}

fn reached(host: &Host, limit: &str) -> u64 {
    counted(host, "toolyard_limit_reached_total", &[("plugin", "p"), ("limit", limit)])
}

/// Begins a call and leaves it running.
fn begin(host: &Host, tool: &str) -> Connection {
    let request = modern_request("tools/call", json!({ "name": tool, "arguments": { "ms": 3_600_000 } }));
    host.start_sending(&request)
}

#[test]
fn processor_time_is_not_time() {
    let acts = script(&[("spin", json!("spin")), ("wait", json!({ "wait": "waited" }))]);
    let config = "admin_listen = '127.0.0.1:0'\n[plugin.p.limits]\ncpu_ms_max = 150\n";
    let host = Setup::new().script("p", &acts).config(config).start();
    undisturbed(&host, || {
        let message = expect::failure(&host.call("p_spin", &json!({})));
        assert!(message.contains("150 ms of processor time"), "{message}");
        // Whoever waits uses none.
        assert_eq!(expect::text(&host.call("p_wait", &json!({ "ms": 400 }))), "waited");
    });
    assert_eq!(reached(&host, "cpu_ms_max"), 1);
    assert_eq!(reached(&host, "timeout_ms_max"), 0);
    host.stop();
}

#[test]
fn a_tool_may_have_limits_of_its_own() {
    let acts = script(&[("quick", json!("spin")), ("slow", json!("spin"))]);
    let config = "
        [limits]
        timeout_ms_max = 300
        [tenant.default.limits]
        timeout_ms_max = 301
        [plugin.p.tool.slow.limits]
        timeout_ms_max = 302
    ";
    let host = Setup::new().script("p", &acts).script("q", &acts).config(config).start();
    for (tool, limit) in [("p_quick", "301 ms"), ("p_slow", "302 ms"), ("q_slow", "301 ms")] {
        let message = expect::failure(&host.call(tool, &json!({})));
        assert!(message.contains(limit), "{tool}: {message}");
    }
    host.stop();
}

#[test]
fn tables_and_modules_are_bounded() {
    // The guest's own table is larger than that, and it is made of more modules.
    for (limit, words) in [("table_elements_max = 1", "table"), ("instances_max = 1", "modules")] {
        let host = Setup::new()
            .script("p", &script(&[("say", json!({ "say": "x" }))]))
            .config(&format!("[plugin.p.limits]\n{limit}\n"))
            .start();
        let reason = host.ready["refused"][0]["reason"].as_str().unwrap_or_default();
        assert!(reason.contains(words), "{limit}: {reason}");
        assert!(host.tools().is_empty());
        host.stop();
    }
}

#[test]
fn lines_of_the_log_are_bounded() {
    let line = |text: &str| json!(["info", text]);
    let acts = script(&[("log", json!({ "log": [line("one"), line("two"), line("three"), line("four")] }))]);
    let config = "admin_listen = '127.0.0.1:0'\n[plugin.p.limits]\nlog_lines_max = 2\n";
    let host = Setup::new().script("p", &acts).config(config).start();
    assert_eq!(expect::text(&host.call("p_log", &json!({}))), "done");
    host.log.wait_for(&["log_lines_max"]);
    let said = |word: &str| host.log.lines().iter().any(|line| line.contains(&format!("\\\"{word}\\\"")));
    assert!(said("one") && said("two") && !said("three") && !said("four"), "{:#?}", host.log.lines());
    assert_eq!(reached(&host, "log_lines_max"), 1);
    host.stop();
}

#[test]
fn progress_is_passed_on_at_a_bounded_rate() {
    let acts = script(&[("report", json!({ "progress": 1000 }))]);
    let config = "admin_listen = '127.0.0.1:0'\n[plugin.p.limits]\nprogress_per_second_max = 5\n";
    let host = Setup::new().script("p", &acts).config(config).start();
    let reply = host.modern("tools/call", json!({ "name": "p_report", "_meta": { "progressToken": "t" } }));
    let told = reply.messages().len() - 1;
    // A thousand reports take less than a second, or on a slow machine a few.
    assert!((1..=100).contains(&told), "{told} reports");
    assert_eq!(reached(&host, "progress_per_second_max"), 1);
    host.stop();
}

#[test]
fn one_plugin_cannot_take_all_places() {
    let acts = script(&[("wait", json!({ "wait": "waited" })), ("say", json!({ "say": "here" }))]);
    let config = "
        admin_listen = '127.0.0.1:0'
        [limits]
        calls_max = 8
        queue_wait_ms_max = 60000
        [plugin.p.limits]
        plugin_calls_max = 2
        plugin_queue_max = 1
    ";
    let host = Setup::new().script("p", &acts).script("q", &acts).config(config).start();
    let running = [begin(&host, "p_wait"), begin(&host, "p_wait")];
    let began = || host.log.lines().iter().filter(|line| line.contains("begun")).count();
    eventually("both to run", || (began() == 2).then_some(()));
    // The queue has one place: whichever call comes second is refused at once, and the other waits.
    std::thread::scope(|scope| {
        let (told, replies) = mpsc::channel();
        for told in [told.clone(), told] {
            let host = &host;
            scope.spawn(move || told.send(host.modern("tools/call", json!({ "name": "p_say" }))));
        }
        let refused = replies.recv().expect("a reply");
        assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
        assert_eq!(refused.json()["error"]["code"], -32603);
        assert!(refused.json()["error"]["message"].as_str().unwrap_or_default().contains("calls of this plugin"));
        assert_eq!(reached(&host, "plugin_calls_max"), 1);
        // Others have their own places.
        assert_eq!(expect::text(&host.call("q_say", &json!({}))), "here");
        // A client that goes away gives its place to who waits.
        drop(running);
        let waited = replies.recv().expect("a reply");
        assert_eq!(expect::text(&waited.answer()["result"]), "here");
    });
    host.stop();
}

#[test]
fn the_hosts_queue_is_bounded() {
    let acts = script(&[("wait", json!({ "wait": "waited" })), ("say", json!({ "say": "here" }))]);
    let config = "[limits]\ncalls_max = 1\nqueue_max = 0\n";
    let host = Setup::new().script("p", &acts).config(config).start();
    let running = begin(&host, "p_wait");
    host.log.wait_for(&["begun"]);
    let reply = host.modern("tools/call", json!({ "name": "p_say" }));
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    drop(running);
    eventually("the place to be free", || {
        (host.modern("tools/call", json!({ "name": "p_say" })).status == 200).then_some(())
    });
    host.stop();
}

#[test]
fn guests_that_compute_do_not_stop_those_that_do_not() {
    let acts = script(&[("spin", json!("spin")), ("say", json!({ "say": "here" }))]);
    let host = Setup::new().script("p", &acts).script("q", &acts).start();
    let spinning: Vec<Connection> = (0..16).map(|_| begin(&host, "p_spin")).collect();
    let answered = std::thread::scope(|scope| {
        let calls = (0..4).map(|_| {
            scope.spawn(|| (0..50).filter(|_| expect::text(&host.call("q_say", &json!({}))) == "here").count())
        });
        calls.collect::<Vec<_>>().into_iter().map(|calls| calls.join().expect("calls are answered")).sum::<usize>()
    });
    assert_eq!(answered, 200);
    drop(spinning);
    host.stop();
}

#[test]
fn instances_that_were_kept_ready_serve_one_call_each() {
    let acts = script(&[("say", json!({ "say": "here" })), ("spin", json!("spin"))]);
    let config = "
        [plugin.p]
        warm = 3
        [plugin.p.tool.spin.limits]
        timeout_ms_max = 200
    ";
    let host = Setup::new().script("p", &acts).config(config).start();
    for _ in 0..20 {
        assert_eq!(expect::text(&host.call("p_say", &json!({}))), "here");
    }
    // Limits are those of the call, not of the time when the instance was made.
    let message = expect::failure(&host.call("p_spin", &json!({})));
    assert!(message.contains("200 ms"), "{message}");
    assert_eq!(expect::text(&host.call("p_say", &json!({}))), "here");
    // A plugin that is replaced does not answer from an old instance.
    host.put("p.wasm", &toolyard_tests::scripted(&script(&[("say", json!({ "say": "there" }))])));
    eventually("the new version", || (expect::text(&host.call("p_say", &json!({}))) == "there").then_some(()));
    for _ in 0..5 {
        assert_eq!(expect::text(&host.call("p_say", &json!({}))), "there");
    }
    host.stop();
}

#[test]
fn health_and_metrics_have_an_address_of_their_own() {
    let host = Setup::new().config("admin_listen = '127.0.0.1:0'\n").start();
    assert_eq!((host.admin("/healthz").status, host.admin("/readyz").status), (200, 200));
    let metrics = host.admin("/metrics");
    assert!(metrics.header("content-type").is_some_and(|kind| kind.starts_with("text/plain; version=0.0.4")));
    assert_eq!(host.admin("/mcp").status, 404);
    let elsewhere = host.send(&Request::bare("GET", "/metrics"));
    assert_eq!(elsewhere.status, 404);
    host.stop();
    // Without an address there is none.
    let host = Setup::new().start();
    assert_eq!(host.ready["admin"], Value::Null);
    host.stop();
}

#[test]
fn a_host_that_stops_is_not_ready() {
    let acts = script(&[("wait", json!({ "wait": "waited" }))]);
    let mut host = Setup::new().script("p", &acts).config("admin_listen = '127.0.0.1:0'\n").start();
    let request = modern_request("tools/call", json!({ "name": "p_wait", "arguments": { "ms": 1500 } }));
    let mut running = host.start_sending(&request);
    host.log.wait_for(&["begun"]);
    host.terminate();
    eventually("the host to say that it stops", || (host.admin("/readyz").status == 503).then_some(()));
    assert_eq!(expect::text(&running.read().answer()["result"]), "waited");
    assert!(host.wait().success());
}
