//! Streams that broke, taken up again on another host.

use serde_json::{Value, json};
use toolyard_tests::{Connection, Event};

use super::{LEGACY, LONG_MS, begin_wait, hosts};
use crate::expect;

fn is_result(mut stream: Connection, id: u64) {
    let messages = stream.messages();
    let [result] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(result["id"], id, "{result}");
    assert_eq!(expect::text(&result["result"]), "waited");
}

#[test]
fn a_call_that_runs_is_followed_from_another_host() {
    let hosts = hosts(3);
    for version in LEGACY {
        let session = hosts.legacy(version);
        let (call, last) = begin_wait(&session.moved_to(hosts.at(0)), 3, 1500);
        drop(call);
        // By two at once, and by one that leaves.
        let (one, two) = (session.moved_to(hosts.at(1)), session.moved_to(hosts.at(2)));
        let streams = [one.resume(&last), one.resume(&last), two.resume(&last)];
        drop(one.resume(&last));
        streams.into_iter().for_each(|stream| is_result(stream, 3));
        // And when it has ended.
        is_result(one.resume(&last), 3);
    }
    hosts.stop();
}

#[test]
fn a_silent_call_is_found_from_another_host() {
    let hosts = hosts(2);
    let session = hosts.legacy("2025-11-25");
    let mut call = session.moved_to(hosts.at(0)).begin_call("h_wait", &json!({ "arguments": { "ms": 1200 } }));
    // Nothing was said but where to come back to.
    let first = call.next_event().expect("a stream begins with an id");
    assert!(first.data.is_empty(), "{first:?}");
    drop(call);
    is_result(session.moved_to(hosts.at(1)).resume(first.id.as_deref().expect("it has an id")), 1);
    hosts.stop();
}

#[test]
fn what_is_replayed_elsewhere_is_what_was_missed() {
    let hosts = hosts(2);
    let session = hosts.legacy("2025-11-25");
    let params = json!({ "_meta": { "progressToken": "p" } });
    let mut call = session.moved_to(hosts.at(0)).begin_call("h_steps", &params);
    let events: Vec<Event> = std::iter::from_fn(|| call.next_event()).collect();
    assert_eq!(events.len(), 5, "{events:?}");
    let said = |events: &[Event]| events.iter().map(|e| (e.id.clone(), e.data.clone())).collect::<Vec<_>>();
    for (number, event) in events[..4].iter().enumerate() {
        let mut again = session.moved_to(hosts.at(1)).resume(event.id.as_deref().expect("an event has an id"));
        let replayed: Vec<Event> = std::iter::from_fn(|| again.next_event()).collect();
        assert_eq!(said(&replayed), said(&events[number + 1..]));
    }
    hosts.stop();
}

/// Checks that this ends with an error for the request, and nothing else.
fn is_lost(mut stream: Connection, id: u64) {
    let messages: Vec<Value> = stream.messages();
    let [lost] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!((&lost["id"], &lost["error"]["code"]), (&json!(id), &json!(-32603)), "{lost}");
    let said = lost["error"]["message"].as_str().expect("a message is a text");
    assert!(said.contains("lost") && said.contains("call again"), "{said}");
}

#[test]
fn a_stream_whose_host_is_gone_ends_with_an_error() {
    let hosts = hosts(2);
    let lost = LEGACY.map(|version| {
        let session = hosts.legacy(version);
        let (call, last) = begin_wait(&session.moved_to(hosts.at(0)), 9, LONG_MS);
        drop(call);
        let following = session.moved_to(hosts.at(1)).resume(&last);
        (session, last, following)
    });
    hosts.at(0).host().kill();
    for (session, last, following) in lost {
        is_lost(following, 9);
        // Whoever comes later learns the same.
        is_lost(session.moved_to(hosts.at(1)).resume(&last), 9);
    }
    hosts.at(1).host().terminate();
}

#[test]
fn a_stream_that_its_host_has_ended_is_whole_though_the_host_is_gone() {
    let hosts = hosts(2);
    let session = hosts.legacy("2025-11-25");
    let (mut call, last) = begin_wait(&session.moved_to(hosts.at(0)), 2, 300);
    assert_eq!(call.messages().len(), 1);
    hosts.at(0).host().kill();
    is_result(session.moved_to(hosts.at(1)).resume(&last), 2);
    hosts.at(1).host().terminate();
}

#[test]
fn of_two_streams_of_news_the_newer_stays() {
    for version in LEGACY {
        // Hosts of its own: what was said before may still be on its way to others.
        let hosts = hosts(3);
        let session = hosts.legacy(version);
        let [mut one, mut two, mut three] = [0, 1, 2].map(|at| session.moved_to(hosts.at(at)).listen());
        assert_eq!(one.next_message(), None);
        assert_eq!(two.next_message(), None);
        hosts.at(0).call("h_tools", &json!({}));
        assert_eq!(three.next_message().expect("something happened")["method"], "notifications/tools/list_changed");
        // Back where it began, which had one already.
        let mut four = session.moved_to(hosts.at(0)).listen();
        assert_eq!(three.next_message(), None);
        hosts.at(2).call("h_prompts", &json!({}));
        assert_eq!(four.next_message().expect("something happened")["method"], "notifications/prompts/list_changed");
        hosts.stop();
    }
}

#[test]
fn what_came_up_before_a_newer_stream_is_said_on_the_older() {
    for version in LEGACY {
        let hosts = hosts(2);
        let session = hosts.legacy(version);
        let mut old = session.moved_to(hosts.at(0)).listen();
        for at in [1, 1, 0, 0] {
            hosts.at(at).call("h_tools", &json!({}));
            let new = session.moved_to(hosts.at(at)).listen();
            // What came up on another host may be heard late, and so by this one, too.
            let said = old.messages();
            let is_news = |said: &Value| said["method"] == "notifications/tools/list_changed";
            assert!(!said.is_empty() && said.iter().all(is_news), "{version}, {at}: {said:?}");
            old = new;
        }
        hosts.stop();
    }
}
