//! Hot reload: the folder of plugins is what is served, a moment later, and nobody's call is disturbed.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use toolyard_tests::{Connection, Host, Setup, eventually, meanwhile, modern_request, scripted, undisturbed};

use crate::expect;

/// A plugin with a tool that says these words, at once or after a wait.
fn saying(words: &str) -> Value {
    json!({ "tools": [{ "name": "say", "act": { "say": words } }, { "name": "wait", "act": { "wait": words } }] })
}

/// Waits until the tool says these words.
fn wait_until_says(host: &Host, words: &str) {
    eventually(&format!("the plugin to say {words}"), || {
        (expect::text(&host.call("p_say", &json!({}))) == words).then_some(())
    });
}

/// Begins a call of the waiting tool, and returns when it runs.
fn begin_wait(host: &Host, ms: u64) -> Connection {
    let params = json!({ "name": "p_wait", "arguments": { "ms": ms }, "_meta": { "progressToken": 1 } });
    let mut connection = host.start_sending(&modern_request("tools/call", params));
    assert_eq!(connection.read_head().expect("an answer begins").status, 200);
    let first = connection.next_message().expect("the tool says that it runs");
    assert_eq!(first["method"], "notifications/progress");
    connection
}

/// What the waiting tool says in the end.
fn end_of_wait(mut connection: Connection) -> String {
    let last = std::iter::from_fn(|| connection.next_message()).last().expect("there is an answer");
    expect::text(&last["result"]).to_owned()
}

#[test]
fn plugins_are_added_replaced_and_removed() {
    let host = Setup::new().start();
    assert_eq!(host.tools(), [""; 0]);
    undisturbed(&host, || {
        let bystander = "bystander_echo";
        host.put("p.wasm", &scripted(&saying("one")));
        host.wait_for_tools(&[bystander, "p_say", "p_wait"]);
        assert_eq!(expect::text(&host.call("p_say", &json!({}))), "one");

        host.put("p.wasm", &scripted(&saying("two")));
        wait_until_says(&host, "two");

        host.put("q.wasm", &scripted(&json!({ "tools": [{ "name": "echo" }] })));
        host.wait_for_tools(&[bystander, "p_say", "p_wait", "q_echo"]);

        fs::remove_file(host.plugins().join("p.wasm")).expect("a file can be removed");
        host.wait_for_tools(&[bystander, "q_echo"]);
        let reply = host.modern("tools/call", json!({ "name": "p_say" }));
        expect::error(&reply, 400, -32602, &json!(1));

        fs::rename(host.plugins().join("q.wasm"), host.plugins().join("r.wasm")).expect("a file can be renamed");
        host.wait_for_tools(&[bystander, "r_echo"]);
    });
    host.stop();
}

#[test]
fn a_file_written_in_place_counts_when_it_is_whole() {
    let host = Setup::new().script("p", &saying("one")).start();
    let component = scripted(&saying("two"));
    let path = host.plugins().join("p.wasm");
    undisturbed(&host, || {
        // Half of it, and later the rest: as a slow copy does it.
        fs::write(&path, &component[..component.len() / 2]).expect("a file can be written");
        host.log.wait_for(&["p.wasm", "refused"]);
        assert_eq!(expect::text(&host.call("p_say", &json!({}))), "one");
        fs::write(&path, &component).expect("a file can be written");
        wait_until_says(&host, "two");
    });
    host.stop();
}

#[test]
fn a_broken_file_leaves_the_old_one_serving() {
    let host = Setup::new().script("p", &saying("one")).start();
    undisturbed(&host, || {
        for broken in [b"nonsense".to_vec(), scripted(&json!({ "describe": "trap" }))] {
            let seen = host.log.lines().len();
            host.put("p.wasm", &broken);
            let said = |line: &&String| line.contains("p.wasm") && line.contains("refused");
            eventually("the refusal in the log", || host.log.lines()[seen..].iter().find(said).map(|_| ()));
            assert_eq!(expect::text(&host.call("p_say", &json!({}))), "one");
            assert_eq!(host.tools()[1..], ["p_say", "p_wait"]);
        }
        host.put("p.wasm", &scripted(&saying("two")));
        wait_until_says(&host, "two");
    });
    host.stop();
}

#[test]
fn calls_in_flight_finish_on_what_they_began_with() {
    let host = Setup::new().script("p", &saying("one")).start();
    undisturbed(&host, || {
        let replaced = begin_wait(&host, 1500);
        host.put("p.wasm", &scripted(&saying("two")));
        wait_until_says(&host, "two");
        let removed = begin_wait(&host, 1500);
        fs::remove_file(host.plugins().join("p.wasm")).expect("a file can be removed");
        host.wait_for_tools(&["bystander_echo"]);
        assert_eq!(end_of_wait(replaced), "one");
        assert_eq!(end_of_wait(removed), "two");
    });
    host.stop();
}

#[test]
fn no_call_fails_while_plugins_are_replaced() {
    let host = Setup::new().script("p", &saying("0")).start();
    let newest = AtomicU32::new(0);
    let call = |_| {
        let before = newest.load(Ordering::Relaxed);
        let said = host.call("p_say", &json!({}));
        let said: u32 = expect::text(&said).parse().expect("it says a number");
        assert!(said >= before, "an old plugin came back: {said} after {before}");
        newest.fetch_max(said, Ordering::Relaxed);
    };
    meanwhile(call, || {
        meanwhile(call, || {
            for number in 1..=8 {
                host.put("p.wasm", &scripted(&saying(&number.to_string())));
                wait_until_says(&host, &number.to_string());
            }
        });
    });
    host.stop();
}

#[test]
fn a_touched_file_is_no_change() {
    let host = Setup::new().script("p", &saying("one")).start();
    host.log.wait_for(&["\"loaded\"", "\"plugin\":\"p\""]);
    host.put("p.wasm", &scripted(&saying("one")));
    // Something else that does change shows that the host has looked.
    host.put("q.wasm", &scripted(&json!({ "tools": [{ "name": "echo" }] })));
    host.wait_for_tools(&["p_say", "p_wait", "q_echo"]);
    host.log.wait_for(&["\"loaded\"", "\"plugin\":\"q\""]);
    let loaded = host.log.lines().iter().filter(|line| line.contains("\"loaded\"")).count();
    assert_eq!(loaded, 2, "{:#?}", host.log.lines());
    host.stop();
}
