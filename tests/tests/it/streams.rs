//! Streams of the legacy era: the one of a call, the one for news, and both taken up again after they broke.

use std::collections::HashSet;

use serde_json::{Value, json};
use toolyard_tests::{Connection, Event, Host, Session, Setup};

use crate::expect;

fn setup() -> Setup {
    let tools = json!([
        { "name": "echo" },
        { "name": "steps", "act": { "progress": 3 } },
        { "name": "wait", "act": { "wait": "waited" } },
        { "name": "tell_tools", "act": { "tell": ["tools_changed"] } },
    ]);
    Setup::new().script("s", &json!({ "tools": tools }))
}

/// Begins a call that takes a while, and gives it when the tool runs, with the id of the event that said so.
fn begin_wait(session: &Session<'_>, ms: u64) -> (Connection, String) {
    let params = json!({ "arguments": { "ms": ms }, "_meta": { "progressToken": "p" } });
    let mut call = session.begin_call("s_wait", &params);
    loop {
        let event = call.next_event().expect("the tool says that it runs");
        if let Some(message) = event.message() {
            assert_eq!(message["method"], "notifications/progress");
            return (call, event.id.expect("an event has an id"));
        }
    }
}

/// What is left on a stream: messages only.
fn rest(mut stream: Connection) -> Vec<Value> {
    stream.messages()
}

/// Checks that this is the end of the call, and all of it.
fn is_result(messages: &[Value]) {
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0]["id"], 1, "{messages:?}");
    assert_eq!(expect::text(&messages[0]["result"]), "waited");
}

#[test]
fn a_stream_begins_with_a_way_back() {
    let host = setup().start();
    for version in ["2025-11-25", "2025-06-18", "2025-03-26"] {
        let session = host.legacy(version);
        let mut call = session.begin_call("s_steps", &json!({ "_meta": { "progressToken": "p" } }));
        let mut events: Vec<Event> = std::iter::from_fn(|| call.next_event()).collect();
        // The event that is only there for its id came with 2025-11-25 (SEP-1699).
        if version == "2025-11-25" {
            let first = events.remove(0);
            assert!(first.id.is_some() && first.data.is_empty(), "{first:?}");
            assert!(first.retry_ms.is_some_and(|ms| ms > 0), "{first:?}");
        }
        assert_eq!(events.len(), 4, "{events:?}");
        assert!(events.iter().all(|event| event.id.is_some() && !event.data.is_empty()), "{events:?}");
    }
    host.stop();
}

#[test]
fn ids_are_never_given_twice() {
    let host = setup().start();
    let session = host.legacy("2025-11-25");
    let mut seen = HashSet::new();
    for _ in 0..5 {
        let mut call = session.begin_call("s_steps", &json!({ "_meta": { "progressToken": "p" } }));
        while let Some(event) = call.next_event() {
            let id = event.id.expect("an event has an id");
            assert!(seen.insert(id.clone()), "{id} again");
        }
    }
    assert_eq!(seen.len(), 5 * 5);
    host.stop();
}

#[test]
fn a_call_whose_stream_broke_is_found_again() {
    let host = setup().start();
    for version in ["2025-11-25", "2025-06-18", "2025-03-26"] {
        let session = host.legacy(version);
        let (call, last) = begin_wait(&session, 400);
        drop(call);
        is_result(&rest(session.resume(&last)));
        // The call has ended, and what it said is still there.
        is_result(&rest(session.resume(&last)));
    }
    host.stop();
}

#[test]
fn a_stream_may_break_again_and_again() {
    let host = setup().start();
    let session = host.legacy("2025-11-25");
    let (call, last) = begin_wait(&session, 600);
    drop(call);
    for _ in 0..3 {
        drop(session.resume(&last));
    }
    is_result(&rest(session.resume(&last)));
    host.stop();
}

#[test]
fn what_is_replayed_is_what_was_missed() {
    let host = setup().start();
    let session = host.legacy("2025-11-25");
    let mut call = session.begin_call("s_steps", &json!({ "_meta": { "progressToken": "p" } }));
    let events: Vec<Event> = std::iter::from_fn(|| call.next_event()).collect();
    for (number, event) in events.iter().enumerate() {
        let mut again = session.resume(event.id.as_deref().expect("an event has an id"));
        if number + 1 == events.len() {
            // Behind the last there is nothing more to come on that stream.
            continue;
        }
        let replayed: Vec<Event> = std::iter::from_fn(|| again.next_event()).collect();
        let said = |events: &[Event]| events.iter().map(|e| (e.id.clone(), e.data.clone())).collect::<Vec<_>>();
        assert_eq!(said(&replayed), said(&events[number + 1..]));
    }
    host.stop();
}

#[test]
fn a_silent_call_can_be_found_again_too() {
    let host = setup().start();
    let session = host.legacy("2025-11-25");
    // Nothing is said of its progress, but it takes long enough to become a stream.
    let mut call = session.begin_call("s_wait", &json!({ "arguments": { "ms": 900 } }));
    let first = call.next_event().expect("a stream begins with an id");
    assert!(first.data.is_empty(), "{first:?}");
    drop(call);
    is_result(&rest(session.resume(first.id.as_deref().expect("it has an id"))));
    host.stop();
}

#[test]
fn another_host_goes_on_where_the_first_was_lost() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (one, two) = (setup().state(folder.path()).start(), setup().state(folder.path()).start());
    let session = one.legacy("2025-11-25");
    let moved = session.moved_to(&two);
    let (call, last) = begin_wait(&session, 700);
    drop(call);
    is_result(&rest(moved.resume(&last)));
    is_result(&rest(session.resume(&last)));
    one.stop();
    is_result(&rest(moved.resume(&last)));
    two.stop();
}

/// Checks that what was opened is a stream of news only: what it says first is what happens now.
fn is_only_news(host: &Host, mut stream: Connection) {
    host.call("s_tell_tools", &json!({}));
    let first = stream.next_message().expect("something happened");
    assert_eq!(first["method"], "notifications/tools/list_changed", "{first}");
}

#[test]
fn nobody_else_takes_a_stream_up() {
    let host = setup().start();
    let (session, other) = (host.legacy("2025-11-25"), host.legacy("2025-11-25"));
    let (call, last) = begin_wait(&session, 300);
    let news = other.listen();
    let while_it_runs = other.resume(&last);
    assert_eq!(call_end(call), "waited");
    let when_it_is_over = other.resume(&last);
    is_result(&rest(session.resume(&last)));
    // It still has its own stream of news, and the others say nothing.
    is_only_news(&host, news);
    host.stop();
    for stream in [while_it_runs, when_it_is_over] {
        assert_eq!(rest(stream), Vec::<Value>::new());
    }
}

fn call_end(mut call: Connection) -> String {
    let last = call.messages().pop().expect("the call is answered");
    expect::text(&last["result"]).to_owned()
}

#[test]
fn an_id_that_is_none_opens_nothing() {
    let host = setup().start();
    let session = host.legacy("2025-11-25");
    let (call, last) = begin_wait(&session, 1);
    assert_eq!(call_end(call), "waited");
    let number = last.split('-').next().expect("an id names its stream").to_owned();
    for wrong in
        ["nonsense", "", "-", "0-0", "-1", &format!("{number}-"), &format!("{number}--1"), &format!("x{number}-0")]
    {
        is_only_news(&host, session.resume(wrong));
    }
    host.stop();
}

#[test]
fn several_calls_have_streams_of_their_own() {
    let host = setup().start();
    let session = host.legacy("2025-11-25");
    let begin = |id: u32| {
        let params = json!({ "name": "s_wait", "arguments": { "ms": 500 }, "_meta": { "progressToken": id } });
        let mut call = host.start_sending(&session.request_as(&json!(id), "tools/call", &params));
        call.expect_events();
        call
    };
    let mut calls: Vec<(u32, Connection)> = (10..15).map(|id| (id, begin(id))).collect();
    let lost = begin(15);
    for (id, call) in &mut calls {
        let messages = call.messages();
        let [progress, result] = messages.as_slice() else { panic!("{messages:?}") };
        assert_eq!((&progress["params"]["progressToken"], &result["id"]), (&json!(id), &json!(id)));
    }
    // A stream that is found again is that stream, and no other.
    let mut lost = lost;
    let first = lost.next_event().and_then(|event| event.id).expect("a stream begins with an id");
    drop(lost);
    let messages = rest(session.resume(&first));
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert_eq!((&messages[0]["params"]["progressToken"], &messages[1]["id"]), (&json!(15), &json!(15)));
    host.stop();
}

#[test]
fn a_session_has_one_stream_of_news() {
    let host = setup().start();
    let session = host.legacy("2025-11-25");
    let mut first = session.listen();
    let second = session.listen();
    // A message goes to one stream only, so the older one ends.
    assert_eq!(first.next_message(), None);
    is_only_news(&host, second);
    host.stop();
}

#[test]
fn a_stream_of_news_begins_with_an_id_of_its_own() {
    let host = setup().start();
    let session = host.legacy("2025-11-25");
    let ids: HashSet<String> = (0..3)
        .map(|_| {
            let first = session.listen().next_event().expect("a stream begins with an id");
            assert!(first.data.is_empty(), "{first:?}");
            first.id.expect("it has an id")
        })
        .collect();
    assert_eq!(ids.len(), 3, "clients that see the same again take it for a host that gets nowhere: {ids:?}");
    // They say how far they were, which is as good as not to say it.
    is_only_news(&host, session.resume(ids.iter().next().expect("there are three")));
    host.stop();
}

#[test]
fn who_cancels_and_comes_back_is_told_so_and_keeps_its_news() {
    let host = setup().start();
    for version in ["2025-11-25", "2025-06-18", "2025-03-26"] {
        let session = host.legacy(version);
        let news = session.listen();
        let (mut call, last) = begin_wait(&session, 25_000);
        session.notify("notifications/cancelled", &json!({ "requestId": 1 }));
        assert_eq!(call.next_message(), None, "whoever cancelled does not want to hear of it");
        // Clients come back for what ended without a response, some of them again and again.
        for _ in 0..2 {
            let messages = rest(session.resume(&last));
            let [told] = messages.as_slice() else { panic!("{messages:?}") };
            assert_eq!((&told["id"], &told["error"]["code"]), (&json!(1), &json!(-32600)), "{told}");
            let said = told["error"]["message"].as_str().expect("a message is a text");
            assert!(said.contains("cancelled"), "{said}");
        }
        is_only_news(&host, news);
    }
    host.stop();
}

#[test]
fn streams_of_news_end_with_the_host() {
    let host = setup().start();
    let mut streams: Vec<Connection> = (0..3).map(|_| host.legacy("2025-11-25").listen()).collect();
    host.stop();
    assert!(streams.iter_mut().all(|stream| stream.next_message().is_none()));
}

#[test]
fn a_stream_is_asked_for_as_one() {
    let host = setup().start();
    let session = host.legacy("2025-11-25");
    for accept in ["application/json", "text/html"] {
        assert_eq!(host.send(&session.get().header("Accept", accept)).status, 406, "{accept}");
    }
    // One client asks for both, and takes what comes.
    let mut stream = host.start_sending(&session.get().header("Accept", "application/json, text/event-stream"));
    stream.expect_events();
    is_only_news(&host, stream);
    host.stop();
}

#[test]
fn silence_is_not_taken_for_death() {
    let host = setup().start();
    let session = host.legacy("2025-11-25");
    let mut legacy = session.listen();
    let params = json!({ "notifications": { "toolsListChanged": true } });
    let mut modern = host.start_sending(&toolyard_tests::modern_request("subscriptions/listen", params));
    modern.expect_events();
    // Comments, which are no events, and come well before a proxy loses its patience.
    while !legacy.next_line().starts_with(':') {}
    while !modern.next_line().starts_with(':') {}
    host.stop();
}
