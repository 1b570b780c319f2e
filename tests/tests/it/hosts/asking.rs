//! Questions that one host asks and another hears the answer to.

use serde_json::{Value, json};
use toolyard_tests::{Connection, Session};

use super::hosts;
use crate::asking::{Rounds, accept, everything};
use crate::expect;

/// The revisions that have forms.
const WITH_FORMS: [&str; 2] = ["2025-11-25", "2025-06-18"];

fn begin(session: &Session<'_>, tool: &str) -> Connection {
    session.begin_call(tool, &json!({ "arguments": {} }))
}

fn question(call: &mut Connection) -> Value {
    let question = call.next_message().expect("something is asked");
    assert_eq!(question["method"], "elicitation/create", "{question}");
    question
}

/// What the tool knows in the end.
fn known(mut call: Connection) -> Value {
    let response = call.next_message().expect("there is a response");
    assert_eq!(call.next_event(), None);
    expect::json_text(&response["result"])
}

#[test]
fn an_answer_finds_the_host_that_asked() {
    let hosts = hosts(3);
    for version in WITH_FORMS {
        let session = hosts.legacy_with(version, &everything());
        for asker in 0..3 {
            let mut call = begin(&session.moved_to(hosts.at(asker)), "h_name");
            let answer = accept(&json!({ "name": format!("Alice {asker}") }));
            session.moved_to(hosts.at((asker + 1) % 3)).respond(&question(&mut call), &answer);
            assert_eq!(known(call)["answers"], json!({ "name": answer }));
        }
    }
    hosts.stop();
}

#[test]
fn several_questions_and_rounds_are_answered_all_around() {
    let hosts = hosts(3);
    for version in WITH_FORMS {
        let session = hosts.legacy_with(version, &everything());
        let mut call = begin(&session, "h_rounds");
        let (one, two) = (question(&mut call), question(&mut call));
        // Each request goes to the next host, whichever asked.
        session.respond(&two, &accept(&json!({ "x": "2" })));
        session.respond(&one, &accept(&json!({ "x": "1" })));
        let three = question(&mut call);
        session.respond(&three, &accept(&json!({ "x": "3" })));
        let known = known(call);
        let said = |key: &str| known["answers"][key]["content"]["x"].clone();
        let message = |asked: &Value| asked["params"]["message"].clone();
        assert_eq!((message(&one), message(&two), message(&three)), (json!("A?"), json!("B?"), json!("C?")));
        assert_eq!((said("a"), said("b"), said("c")), (json!("1"), json!("2"), json!("3")));
        assert_eq!(known["entered"], 3);
    }
    hosts.stop();
}

#[test]
fn only_the_session_that_was_asked_is_heard() {
    let hosts = hosts(2);
    let [session, stranger] = [(); 2].map(|()| hosts.legacy_with("2025-11-25", &everything()));
    let mut call = begin(&session.moved_to(hosts.at(0)), "h_name");
    let asked = question(&mut call);
    stranger.moved_to(hosts.at(1)).respond(&asked, &accept(&json!({ "name": "Mallory" })));
    let answer = accept(&json!({ "name": "Alice" }));
    session.moved_to(hosts.at(1)).respond(&asked, &answer);
    assert_eq!(known(call)["answers"], json!({ "name": answer }));
    hosts.stop();
}

#[test]
fn a_refusal_finds_the_host_that_asked() {
    let hosts = hosts(2);
    let session = hosts.legacy_with("2025-11-25", &everything());
    let mut call = begin(&session.moved_to(hosts.at(0)), "h_name");
    let asked = question(&mut call);
    session.moved_to(hosts.at(1)).refuse(&asked, -32601, "not today");
    let response = call.next_message().expect("there is a response");
    assert!(response["error"]["message"].as_str().is_some_and(|said| said.contains("not today")), "{response}");
    hosts.stop();
}

#[test]
fn a_stream_that_broke_in_the_middle_of_a_question_goes_on_elsewhere() {
    let hosts = hosts(3);
    for version in WITH_FORMS {
        let session = hosts.legacy_with(version, &everything());
        let mut call = begin(&session.moved_to(hosts.at(0)), "h_rounds");
        let (mut last, mut asked) = (String::new(), Vec::new());
        while asked.len() < 2 {
            let event = call.next_event().expect("something is asked");
            last = event.id.clone().expect("an event has an id");
            asked.extend(event.message());
        }
        drop(call);
        let mut call = session.moved_to(hosts.at(1)).resume(&last);
        for question in &asked {
            session.moved_to(hosts.at(2)).respond(question, &accept(&json!({ "x": "1" })));
        }
        let three = question(&mut call);
        session.moved_to(hosts.at(1)).respond(&three, &accept(&json!({ "x": "3" })));
        assert_eq!(known(call)["entered"], 3);
    }
    hosts.stop();
}

#[test]
fn in_the_modern_era_any_host_goes_on() {
    let hosts = hosts(3);
    let call = Rounds::of_tool(&hosts, "h_rounds");
    let need = call.begin();
    let need = call.go_on(&need, &json!({ "a": accept(&json!({ "x": "1" })), "b": accept(&json!({ "x": "2" })) }));
    let result = call.end(&need, &json!({ "c": accept(&json!({ "x": "3" })) }));
    assert_eq!(result["structuredContent"]["entered"], 3);
    hosts.stop();
}
