//! Hosts that end while others go on: whoever is behind a balancer does not notice.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use serde_json::{Value, json};
use toolyard_tests::{Connection, Hosts, Nginx, Session, Setup, Target, eventually, modern_request};

use super::setup;
use crate::asking::{Rounds, accept, everything};
use crate::expect;

/// Long enough for a balancer that looks all the time.
fn with_notice() -> Setup {
    setup().config("drain_notice_ms = 700\n")
}

#[test]
fn a_host_that_ends_says_so_while_its_door_is_open() {
    let mut host = setup().config("drain_notice_ms = 4000\n").start();
    assert_eq!(host.admin("/readyz").status, 200);
    let mut news = host.legacy("2025-11-25").listen();
    host.terminate();
    eventually("the host to be not ready", || (host.admin("/readyz").status == 503).then_some(()));
    // It is alive, and whoever comes is served, but shall not stay.
    assert_eq!(host.admin("/healthz").status, 200);
    let reply = host.modern("tools/call", json!({ "name": "h_echo", "arguments": {} }));
    assert_eq!((reply.status, reply.header("Connection")), (200, Some("close")));
    host.call("h_tools", &json!({}));
    assert_eq!(news.next_message().expect("something happened")["method"], "notifications/tools/list_changed");
    // Then its streams end, and so does it.
    assert_eq!(news.next_message(), None);
    assert!(host.wait().success());
}

/// Calls of all kinds, again and again, until `done`: each answer is checked. Gives how many there were.
fn load(target: &dyn Target, done: &AtomicBool) -> u64 {
    let count = AtomicU64::new(0);
    let again = |work: &(dyn Fn() + Sync)| {
        while !done.load(Ordering::Relaxed) {
            work();
            count.fetch_add(1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| again(&|| modern_call(target)));
        scope.spawn(|| again(&|| modern_rounds(target)));
        scope.spawn(|| {
            let session = Session::begin(target, "2025-11-25", &everything());
            again(&|| legacy_call(&session));
        });
        scope.spawn(|| {
            let session = Session::begin(target, "2025-06-18", &everything());
            again(&|| legacy_rounds(&session));
        });
        scope.spawn(|| again(&|| long_call(target)));
        scope.spawn(|| again(&|| news(target)));
    });
    count.into_inner()
}

fn modern_call(target: &dyn Target) {
    let params = json!({ "name": "h_echo", "arguments": { "a": 1 } });
    let result = target.send(&modern_request("tools/call", params)).result();
    assert_eq!(result["structuredContent"], json!({ "a": 1 }));
}

fn modern_rounds(target: &dyn Target) {
    let call = Rounds::of_tool(target, "h_name");
    let answer = accept(&json!({ "name": "Alice" }));
    let result = call.end(&call.begin(), &json!({ "name": answer }));
    assert_eq!(result["structuredContent"]["answers"]["name"], answer);
}

fn legacy_call(session: &Session<'_>) {
    assert_eq!(expect::json_text(&session.call("h_echo", &json!({ "a": 2 }))), json!({ "a": 2 }));
}

fn legacy_rounds(session: &Session<'_>) {
    let mut call = session.begin_call("h_name", &json!({ "arguments": {} }));
    let question = call.next_message().expect("something is asked");
    session.respond(&question, &accept(&json!({ "name": "Bob" })));
    let answer = call.messages().pop().expect("it is answered");
    assert_eq!(expect::json_text(&answer["result"])["entered"], 2, "{answer}");
}

/// A call that is still running when its host is told to end.
fn long_call(target: &dyn Target) {
    let params = json!({ "name": "h_wait", "arguments": { "ms": 1500 } });
    assert_eq!(expect::text(&target.send(&modern_request("tools/call", params)).result()), "waited");
}

/// A stream of news ends with its host, with a word, and is opened again.
fn news(target: &dyn Target) {
    let params = json!({ "notifications": { "toolsListChanged": true } });
    let mut stream: Connection = target.start_sending(&modern_request("subscriptions/listen", params));
    stream.expect_events();
    let first = stream.next_message().expect("it is acknowledged");
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    // What is said meanwhile ends it as well, so that it is not waited for when all is done.
    let last: Value = stream.next_message().expect("something happens, or the host says goodbye");
    let said = last["method"] == "notifications/tools/list_changed";
    assert!(said || last["result"]["resultType"] == "complete", "{last}");
}

/// Renews one host after the other under load, and gives how many calls there were.
fn roll(hosts: &Hosts, target: &dyn Target) -> u64 {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let load = scope.spawn(|| load(target, &done));
        for place in 0..3 {
            if load.is_finished() {
                break;
            }
            hosts.renew(place, with_notice());
        }
        done.store(true, Ordering::Relaxed);
        // Those who wait for news hear some.
        while !load.is_finished() {
            hosts.at(0).call("h_tools", &json!({}));
        }
        load.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
fn a_rolling_restart_is_noticed_by_nobody() {
    let hosts = Hosts::start(3, with_notice);
    let calls = roll(&hosts, &hosts);
    assert!(calls > 30, "{calls}");
    hosts.stop();
}

#[test]
fn a_rolling_restart_behind_nginx_is_noticed_by_nobody() {
    let hosts = Hosts::start(3, with_notice);
    let nginx = Nginx::before(hosts.addresses());
    let calls = roll(&hosts, &nginx);
    assert!(calls > 30, "{calls}");
    nginx.stop();
    hosts.stop();
}
