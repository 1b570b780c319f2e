//! From start to end: what a host says, what ends a call, and what ends the host.

use std::fs;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use toolyard_tests::{Connection, Host, Setup, eventually, modern_request, scripted};

use crate::expect;

fn waiting() -> Setup {
    let tools = json!([{ "name": "say", "act": { "say": "Hello" } }, { "name": "wait", "act": { "wait": "waited" } }]);
    Setup::new().script("w", &json!({ "tools": tools }))
}

/// Begins a call that takes this long, and returns when the tool runs.
fn begin_wait(host: &Host, ms: u64) -> Connection {
    let params = json!({ "name": "w_wait", "arguments": { "ms": ms }, "_meta": { "progressToken": 1 } });
    let mut connection = host.start_sending(&modern_request("tools/call", params));
    assert_eq!(connection.read_head().expect("an answer begins").status, 200);
    assert!(connection.next_message().is_some(), "the tool says that it runs");
    connection
}

#[test]
fn a_host_says_where_it_listens_and_what_it_loaded() {
    let host = waiting().file("broken.wasm", "nonsense").start();
    assert_eq!(host.ready["plugins"][0]["name"], "w");
    assert_eq!(host.ready["plugins"][0]["tools"], json!(["w_say", "w_wait"]));
    let digest = host.ready["plugins"][0]["digest"].as_str().expect("a digest is a text");
    assert!(digest.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64), "{digest}");
    assert!(host.ready["version"].is_string());
    assert_eq!(host.ready["refused"].as_array().map(Vec::len), Some(1));
    assert_eq!(host.tools(), ["w_say", "w_wait"]);
    host.stop();
}

#[test]
fn an_idle_host_ends_at_once() {
    let host = waiting().start();
    // A connection that says nothing keeps nobody waiting.
    let _idle = TcpStream::connect(host.address()).expect("the host listens");
    let mut kept = host.connect();
    kept.write(&modern_request("tools/list", json!({})).bytes("localhost"));
    assert_eq!(kept.read().status, 200);
    let start = Instant::now();
    host.stop();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn a_call_in_flight_is_finished_before_the_host_ends() {
    let mut host = waiting().start();
    let mut call = begin_wait(&host, 1500);
    host.terminate();
    // Nobody new is let in.
    eventually("the host to stop listening", || TcpStream::connect(host.address()).err());
    let last = std::iter::from_fn(|| call.next_message()).last().expect("the call is answered");
    assert_eq!(expect::text(&last["result"]), "waited");
    assert!(host.wait().success());
}

#[test]
fn the_grace_period_ends() {
    let mut host = waiting().config("[limits]\ndrain_ms_max = 300\n").start();
    let _call = begin_wait(&host, 20_000);
    let start = Instant::now();
    host.terminate();
    host.wait();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn a_second_signal_ends_the_host_at_once() {
    let mut host = waiting().start();
    let _call = begin_wait(&host, 25_000);
    let start = Instant::now();
    host.terminate();
    // Two signals that arrive together would be one.
    host.log.wait_for(&["SIGTERM"]);
    host.terminate();
    assert!(!host.wait().success(), "a call was cut off");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn a_host_whose_log_nobody_reads_goes_on() {
    let host = waiting().unheard().start();
    // Loading is logged, and so is what a tool says.
    host.put("later.wasm", &scripted(&json!({ "tools": [{ "name": "echo" }] })));
    host.wait_for_tools(&["later_echo", "w_say", "w_wait"]);
    assert_eq!(expect::text(&host.call("w_wait", &json!({ "ms": 1 }))), "waited");
    host.put("later.wasm", &scripted(&json!({ "tools": [{ "name": "again" }] })));
    host.wait_for_tools(&["later_again", "w_say", "w_wait"]);
    host.stop();
}

#[test]
fn a_disconnect_cancels_a_modern_call() {
    // With room for one call only, the second waits until the first has left.
    let host = waiting().config("[limits]\ncalls_max = 1\nqueue_wait_ms_max = 20000\n").start();
    let call = begin_wait(&host, 25_000);
    drop(call);
    let start = Instant::now();
    assert_eq!(expect::text(&host.call("w_say", &json!({}))), "Hello");
    assert!(start.elapsed() < Duration::from_secs(15), "the first call went on: {:?}", start.elapsed());
    assert!(!host.log.has(&["the wait has ended"]));
    host.stop();
}

#[test]
fn a_full_host_says_so() {
    let host = waiting().config("[limits]\ncalls_max = 1\nqueue_wait_ms_max = 100\n").start();
    let call = begin_wait(&host, 2000);
    let reply = host.modern("tools/call", json!({ "name": "w_say" }));
    let answer = reply.answer();
    match answer.get("error") {
        Some(error) => expect::sentence(error["message"].as_str().expect("a message is a text")),
        None => expect::failure(&answer["result"]),
    };
    // What needs no slot is answered as always.
    assert_eq!(host.tools(), ["w_say", "w_wait"]);
    let mut call = call;
    let last = std::iter::from_fn(|| call.next_message()).last().expect("the call is answered");
    assert_eq!(expect::text(&last["result"]), "waited");
    host.stop();
}

#[test]
fn a_slow_client_is_cut_off() {
    let host = waiting().config("[limits]\nheader_read_ms_max = 300\n").start();
    let mut slow = host.connect();
    slow.write(b"POST /mcp HTTP/1.1\r\nHost: x\r\n");
    if let Ok(reply) = slow.try_read() {
        assert_eq!(reply.status, 408, "{reply:?}");
    }
    assert!(slow.is_closed());
    host.stop();
}

#[test]
fn compiled_code_is_kept_and_read_again() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let cache = folder.path().join("compiled");
    let start = |script: &Value| Setup::new().script("p", script).cache(&cache).start();
    let script = json!({ "tools": [{ "name": "say", "act": { "say": "Hello" } }] });
    start(&script).stop();
    let files = || fs::read_dir(&cache).expect("the cache is a folder").count();
    let after_first = files();
    assert!(after_first > 0);

    let host = start(&script);
    assert_eq!(expect::text(&host.call("p_say", &json!({}))), "Hello");
    host.stop();
    assert_eq!(files(), after_first);

    // What somebody spoiled is not trusted.
    for entry in fs::read_dir(&cache).expect("the cache is a folder") {
        let path = entry.expect("an entry can be read").path();
        if path.is_file() {
            fs::write(path, "spoiled").expect("a file can be written");
        }
    }
    let host = start(&script);
    assert_eq!(expect::text(&host.call("p_say", &json!({}))), "Hello");
    host.stop();
}
