//! News that come up on one host and are heard on all.

use serde_json::{Value, json};
use toolyard_tests::{Connection, Hosts, Target, modern_request, scripted};

use super::{LEGACY, hosts};

/// Opens a stream of each era on this host, for everything there is to hear.
fn listen(hosts: &Hosts, at: usize, version: &str) -> [Connection; 2] {
    let session = hosts.legacy(version);
    for uri in ["news://one", "news://two"] {
        session.send("resources/subscribe", &json!({ "uri": uri })).result();
    }
    let all = json!({
        "toolsListChanged": true,
        "promptsListChanged": true,
        "resourceSubscriptions": ["news://one", "news://two"],
    });
    let request = modern_request("subscriptions/listen", json!({ "notifications": all }));
    let mut modern = hosts.at(at).start_sending(&request);
    modern.expect_events();
    let first = modern.next_message().expect("it is acknowledged");
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    [session.moved_to(hosts.at(at)).listen(), modern]
}

/// What is said next: the method, or the resource.
fn next(stream: &mut Connection) -> String {
    let message: Value = stream.next_message().expect("something happened");
    let said = message["params"]["uri"].as_str().or(message["method"].as_str());
    said.unwrap_or_else(|| panic!("no news: {message}")).to_owned()
}

#[test]
fn each_host_hears_what_comes_up_on_any_and_hears_it_once() {
    let hosts = hosts(3);
    for version in LEGACY {
        let mut streams: Vec<Connection> = (0..3).flat_map(|at| listen(&hosts, at, version)).collect();
        for (at, tool, said) in [
            (0, "h_tools", "notifications/tools/list_changed"),
            (1, "h_one", "news://one"),
            (2, "h_prompts", "notifications/prompts/list_changed"),
            (0, "h_two", "news://two"),
            (1, "h_tools", "notifications/tools/list_changed"),
        ] {
            hosts.at(at).call(tool, &json!({}));
            for stream in &mut streams {
                assert_eq!(next(stream), said);
            }
        }
    }
    hosts.stop();
}

#[test]
fn a_plugin_that_comes_to_one_host_is_told_on_all() {
    let hosts = hosts(2);
    let mut streams: Vec<Connection> = (0..2).flat_map(|at| listen(&hosts, at, "2025-11-25")).collect();
    hosts.at(0).host().put("more.wasm", &scripted(&json!({ "tools": [{ "name": "echo" }] })));
    for stream in &mut streams {
        assert_eq!(next(stream), "notifications/tools/list_changed");
    }
    hosts.stop();
}

#[test]
fn what_a_session_no_longer_follows_is_not_told_by_any_host() {
    let hosts = hosts(3);
    let session = hosts.legacy("2025-11-25");
    session.send("resources/subscribe", &json!({ "uri": "news://one" })).result();
    let mut news = session.moved_to(hosts.at(0)).listen();
    hosts.at(1).call("h_one", &json!({}));
    assert_eq!(next(&mut news), "news://one");
    // Whatever the host is told, it is told in order: once this is answered, what comes up elsewhere comes after it.
    session.moved_to(hosts.at(2)).send("resources/unsubscribe", &json!({ "uri": "news://one" })).result();
    hosts.at(1).call("h_one", &json!({}));
    hosts.at(1).call("h_tools", &json!({}));
    assert_eq!(next(&mut news), "notifications/tools/list_changed");
    hosts.stop();
}

#[test]
fn what_a_session_follows_counts_from_the_answer_on_whichever_host_hears_of_it() {
    let hosts = hosts(2);
    for version in LEGACY {
        for (asked, called) in [(0, 1), (0, 0), (1, 0), (1, 1)] {
            let session = hosts.legacy(version);
            let mut news = session.moved_to(hosts.at(1)).listen();
            session.moved_to(hosts.at(asked)).send("resources/subscribe", &json!({ "uri": "news://one" })).result();
            hosts.at(called).call("h_one", &json!({}));
            assert_eq!(next(&mut news), "news://one", "asked of {asked}, called {called}");
            drop(news);
        }
    }
    hosts.stop();
}
