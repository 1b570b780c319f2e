//! Sessions that any host serves.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use toolyard_tests::{Hosts, Session, eventually};

use super::{LEGACY, LONG_MS, begin_wait, hosts};
use crate::expect;

#[test]
fn a_session_is_good_on_every_host() {
    let hosts = hosts(3);
    for version in LEGACY {
        let session = hosts.legacy(version);
        for number in 0..7 {
            assert_eq!(session.call("h_echo", &json!({ "n": number }))["isError"], json!(null));
            assert_eq!(session.send("ping", &json!({})).result(), json!({}));
        }
    }
    hosts.stop();
}

#[test]
fn modern_requests_need_no_host_in_particular() {
    let hosts = hosts(3);
    for number in 0..7 {
        let result = hosts.modern("tools/call", json!({ "name": "h_echo", "arguments": { "n": number } })).result();
        assert_eq!(result["structuredContent"], json!({ "n": number }));
    }
    hosts.stop();
}

#[test]
fn a_log_level_holds_on_every_host() {
    let hosts = hosts(2);
    let session = hosts.legacy("2025-11-25");
    let logged = |session: &Session<'_>| -> Vec<Value> {
        let messages = session.send("tools/call", &json!({ "name": "h_log" })).messages();
        let logged = messages.iter().filter(|message| message["method"] == "notifications/message");
        logged.map(|message| message["params"]["level"].clone()).collect()
    };
    for (level, expected) in [("debug", vec!["debug", "error"]), ("error", vec!["error"])] {
        session.send("logging/setLevel", &json!({ "level": level })).result();
        for host in hosts.iter() {
            let moved = session.moved_to(host);
            eventually("every host to know the level", || (logged(&moved) == expected).then_some(()));
        }
    }
    hosts.stop();
}

/// The resources that a session follows, as the hosts' store has them: seen by what it hears.
fn heard(hosts: &Hosts, session: &Session<'_>, at: usize, tools: &[&str]) -> BTreeSet<String> {
    let mut news = session.moved_to(hosts.at(at)).listen();
    for tool in tools {
        hosts.at(at).call(tool, &json!({}));
    }
    hosts.at(at).call("h_tools", &json!({}));
    let mut heard = BTreeSet::new();
    loop {
        let message = news.next_message().expect("something happened");
        match message["params"]["uri"].as_str() {
            Some(uri) => heard.insert(uri.to_owned()),
            None => return heard,
        };
    }
}

#[test]
fn no_host_undoes_what_another_has_noted() {
    let hosts = hosts(3);
    for version in LEGACY {
        let session = hosts.legacy(version);
        // Each on another host than the one before, and that host may not have heard of it.
        session.send("resources/subscribe", &json!({ "uri": "news://one" })).result();
        session.send("logging/setLevel", &json!({ "level": "error" })).result();
        session.send("resources/subscribe", &json!({ "uri": "news://two" })).result();
        for at in 0..3 {
            let both = BTreeSet::from(["news://one".to_owned(), "news://two".to_owned()]);
            eventually("every host to know both", || {
                (heard(&hosts, &session, at, &["h_one", "h_two"]) == both).then_some(())
            });
        }
        session.send("resources/unsubscribe", &json!({ "uri": "news://one" })).result();
        for at in 0..3 {
            let one = BTreeSet::from(["news://two".to_owned()]);
            eventually("every host to know that one is left", || {
                (heard(&hosts, &session, at, &["h_one", "h_two"]) == one).then_some(())
            });
        }
    }
    hosts.stop();
}

#[test]
fn a_session_that_ends_on_one_host_has_ended_on_all() {
    let hosts = hosts(3);
    for version in LEGACY {
        let session = hosts.legacy(version);
        let (mut call, _) = begin_wait(&session.moved_to(hosts.at(0)), 5, LONG_MS);
        let mut news = session.moved_to(hosts.at(2)).listen();
        assert_eq!(session.moved_to(hosts.at(1)).delete().status, 200);
        // Its calls and its stream end, wherever they are.
        assert_eq!(call.next_message(), None);
        assert_eq!(news.next_message(), None);
        for host in hosts.iter() {
            let moved = session.moved_to(host);
            eventually("every host to know", || (moved.send("ping", &json!({})).status == 404).then_some(()));
        }
        assert!(!hosts.at(0).host().log.has(&["the wait has ended"]));
    }
    hosts.stop();
}

#[test]
fn a_call_is_cancelled_from_another_host() {
    let hosts = hosts(2);
    for version in LEGACY {
        let session = hosts.legacy(version);
        let (mut call, _) = begin_wait(&session.moved_to(hosts.at(0)), 7, LONG_MS);
        let (mut other, _) = begin_wait(&session.moved_to(hosts.at(0)), 8, 1500);
        session.moved_to(hosts.at(1)).notify("notifications/cancelled", &json!({ "requestId": 7 }));
        assert_eq!(call.next_message(), None);
        // And no other.
        let last = other.messages().pop().expect("it is answered");
        assert_eq!((&last["id"], expect::text(&last["result"])), (&json!(8), "waited"));
    }
    hosts.stop();
}

#[test]
fn nobody_else_cancels_a_call_from_another_host() {
    let hosts = hosts(2);
    let (session, stranger) = (hosts.legacy("2025-11-25"), hosts.legacy("2025-11-25"));
    let (mut call, _) = begin_wait(&session.moved_to(hosts.at(0)), 7, 1000);
    stranger.moved_to(hosts.at(1)).notify("notifications/cancelled", &json!({ "requestId": 7 }));
    assert_eq!(expect::text(&call.messages().pop().expect("it is answered")["result"]), "waited");
    hosts.stop();
}
