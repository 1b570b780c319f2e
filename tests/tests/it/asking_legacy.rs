//! Asking the client in the legacy era: requests on the stream of the call, answered by POST.

use serde_json::{Value, json};
use toolyard_tests::{Connection, Host, Session, Setup};

use crate::asking::{accept, everything, form, sampled, sampling, tool, url};
use crate::expect;

/// The revisions that have forms.
const WITH_FORMS: [&str; 2] = ["2025-11-25", "2025-06-18"];

fn setup() -> Setup {
    let name = json!([{ "name": form("What is your name?", "name") }]);
    let three = json!([{ "a": form("A?", "x"), "b": form("B?", "x"), "c": form("C?", "x") }]);
    let rounds = json!([{ "one": form("One?", "x") }, { "two": form("Two?", "x") }]);
    let tools = json!([
        tool("name", &name),
        tool("three", &three),
        tool("rounds", &rounds),
        tool("page", &json!([{ "page": url() }])),
        tool("model", &json!([{ "model": sampling() }])),
        tool("folders", &json!([{ "folders": { "roots": {} } }])),
        { "name": "echo" },
        { "name": "news", "act": { "tell": ["tools_changed"] } },
    ]);
    let script = json!({
        "tools": tools,
        "prompts": [{ "name": "who", "ask": { "rounds": name } }],
        "resources": { "prefixes": ["ask://"], "list": [{ "uri": "ask://who", "ask": { "rounds": name } }] },
    });
    Setup::new().script("a", &script)
}

/// What the host asks next.
fn question(call: &mut Connection) -> Value {
    let question = call.next_message().expect("something is asked");
    assert!(question["id"].is_string() || question["id"].is_i64(), "{question}");
    assert!(question["method"].is_string(), "{question}");
    question
}

/// The response, behind which the stream ends.
fn response(mut call: Connection) -> Value {
    let response = call.next_message().expect("there is a response");
    assert_eq!(response["id"], 1, "{response}");
    assert_eq!(call.next_event(), None);
    response
}

/// What the tool knows in the end: as text too, since a revision has nothing else.
fn known(call: Connection) -> Value {
    expect::json_text(&response(call)["result"])
}

fn begin(session: &Session<'_>, tool: &str) -> Connection {
    session.begin_call(tool, &json!({ "arguments": {} }))
}

#[test]
fn a_form_is_asked_on_the_stream_of_its_call() {
    let host = setup().start();
    for version in WITH_FORMS {
        let session = host.legacy_with(version, &everything());
        let mut call = begin(&session, "a_name");
        let question = question(&mut call);
        assert_eq!(question["method"], "elicitation/create");
        assert_eq!(question["params"]["message"], "What is your name?");
        let schema = json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] });
        assert_eq!(question["params"]["requestedSchema"], schema);
        // Other modes came with 2025-11-25, and so did their names.
        let mode = question["params"].get("mode");
        assert_eq!(mode.is_some(), version == "2025-11-25", "{question}");

        let answer = accept(&json!({ "name": "Alice" }));
        session.respond(&question, &answer);
        let known = known(call);
        assert_eq!((&known["answers"], &known["entered"]), (&json!({ "name": answer }), &json!(2)));
        assert_eq!(known["keys"][0], known["keys"][1]);
    }
    host.stop();
}

#[test]
fn whatever_the_user_does_reaches_the_plugin() {
    let host = setup().start();
    let session = host.legacy_with("2025-11-25", &everything());
    for answer in [json!({ "action": "decline" }), json!({ "action": "cancel" })] {
        let mut call = begin(&session, "a_name");
        session.respond(&question(&mut call), &answer);
        assert_eq!(known(call)["answers"]["name"], answer);
    }
    host.stop();
}

#[test]
fn models_and_folders_are_asked_for_in_every_revision() {
    let host = setup().start();
    for version in ["2025-11-25", "2025-06-18", "2025-03-26"] {
        let session = host.legacy_with(version, &json!({ "sampling": {}, "roots": { "listChanged": true } }));
        let mut call = begin(&session, "a_model");
        let asked = question(&mut call);
        assert_eq!((&asked["method"], &asked["params"]), (&json!("sampling/createMessage"), &sampling()["sampling"]));
        session.respond(&asked, &sampled("Paris"));
        assert_eq!(known(call)["answers"]["model"]["content"]["text"], "Paris");

        let mut call = begin(&session, "a_folders");
        let asked = question(&mut call);
        assert_eq!(asked["method"], "roots/list");
        let roots = json!({ "roots": [{ "uri": "file:///work" }] });
        session.respond(&asked, &roots);
        assert_eq!(known(call)["answers"]["folders"], roots);
    }
    host.stop();
}

#[test]
fn a_page_is_opened_by_those_who_can() {
    let host = setup().start();
    let session = host.legacy_with("2025-11-25", &json!({ "elicitation": { "url": {} } }));
    let mut call = begin(&session, "a_page");
    let asked = question(&mut call);
    assert_eq!(asked["method"], "elicitation/create");
    let params = &asked["params"];
    assert_eq!((&params["mode"], &params["url"]), (&json!("url"), &json!("https://example.com/sign-in")));
    assert!(params["elicitationId"].as_str().is_some_and(|id| id.len() >= 16), "{asked}");
    session.respond(&asked, &json!({ "action": "accept" }));
    assert_eq!(known(call)["answers"]["page"], json!({ "action": "accept" }));
    host.stop();
}

#[test]
fn several_questions_are_out_at_once_and_answered_in_any_order() {
    let host = setup().start();
    let session = host.legacy_with("2025-11-25", &everything());
    let mut call = begin(&session, "a_three");
    let asked = [question(&mut call), question(&mut call), question(&mut call)];
    assert!(asked[0]["id"] != asked[1]["id"] && asked[1]["id"] != asked[2]["id"] && asked[0]["id"] != asked[2]["id"]);
    for number in [1, 2, 0] {
        session.respond(&asked[number], &accept(&json!({ "x": number.to_string() })));
    }
    let known = known(call);
    for (key, number) in [("a", "0"), ("b", "1"), ("c", "2")] {
        assert_eq!(known["answers"][key]["content"]["x"], number, "{known}");
    }
    host.stop();
}

#[test]
fn several_rounds_follow_each_other() {
    let host = setup().start();
    for version in WITH_FORMS {
        let session = host.legacy_with(version, &everything());
        let mut call = begin(&session, "a_rounds");
        let one = question(&mut call);
        assert_eq!(one["params"]["message"], "One?");
        session.respond(&one, &accept(&json!({ "x": "1" })));
        let two = question(&mut call);
        assert_eq!(two["params"]["message"], "Two?");
        // Whoever answers twice is not heard twice.
        session.respond(&one, &accept(&json!({ "x": "again" })));
        session.respond(&two, &accept(&json!({ "x": "2" })));
        let known = known(call);
        assert_eq!(known["answers"]["one"]["content"]["x"], "1");
        assert_eq!((&known["answers"]["two"]["content"]["x"], &known["entered"]), (&json!("2"), &json!(3)));
    }
    host.stop();
}

#[test]
fn a_client_that_cannot_answer_says_why() {
    let host = setup().start();
    let session = host.legacy_with("2025-11-25", &everything());
    let mut call = begin(&session, "a_model");
    session.refuse(&question(&mut call), -1, "User rejected sampling request");
    let response = response(call);
    let message = match response.get("error") {
        Some(error) => expect::sentence(error["message"].as_str().expect("a message is a text")),
        None => expect::failure(&response["result"]),
    };
    assert!(message.contains("User rejected sampling request"), "{message}");
    host.stop();
}

#[test]
fn nobody_else_can_answer() {
    let host = setup().start();
    let (asked, other) = (host.legacy_with("2025-11-25", &everything()), host.legacy_with("2025-11-25", &everything()));
    let mut call = begin(&asked, "a_name");
    let question = question(&mut call);
    other.respond(&question, &accept(&json!({ "name": "Mallory" })));
    other.refuse(&question, -1, "no");
    // Nor is an answer to something else one to this.
    asked.respond(&json!({ "id": "unknown" }), &accept(&json!({ "name": "Mallory" })));
    asked.respond(&json!({ "id": 5 }), &accept(&json!({ "name": "Mallory" })));
    asked.respond(&question, &accept(&json!({ "name": "Alice" })));
    assert_eq!(known(call)["answers"]["name"]["content"]["name"], "Alice");
    host.stop();
}

#[test]
fn nobody_is_asked_what_they_did_not_declare() {
    let host = setup().start();
    let form = json!({ "elicitation": { "form": {} } });
    for (version, tool, declared, required) in [
        ("2025-11-25", "a_name", json!({}), form.clone()),
        ("2025-11-25", "a_name", json!({ "elicitation": { "url": {} } }), form.clone()),
        ("2025-11-25", "a_page", json!({ "elicitation": {} }), json!({ "elicitation": { "url": {} } })),
        ("2025-11-25", "a_model", json!({ "roots": {} }), json!({ "sampling": {} })),
        ("2025-06-18", "a_folders", json!({ "sampling": {} }), json!({ "roots": {} })),
        ("2025-03-26", "a_folders", json!({}), json!({ "roots": {} })),
        // What a revision has not got, nobody can declare in it.
        ("2025-06-18", "a_page", everything(), json!({ "elicitation": { "url": {} } })),
        ("2025-03-26", "a_name", everything(), form),
    ] {
        let session = host.legacy_with(version, &declared);
        let mut call = host.start_sending(&session.request("tools/call", &json!({ "name": tool, "arguments": {} })));
        let head = call.read_head().expect("there is an answer");
        assert!(!head.is_event_stream(), "{version} {tool}: {declared}: {:?}", call.next_message());
        let reply = call.read_rest(head);
        expect::error(&reply, 200, -32021, &json!(1));
        let data = &reply.answer()["error"]["data"];
        assert_eq!(data["requiredCapabilities"], required, "{version} {tool}: {declared}");
    }
    host.stop();
}

#[test]
fn whoever_cannot_be_asked_is_told_so() {
    let host = setup().start();
    let session = host.legacy_with("2025-11-25", &everything());
    let call = session.request("tools/call", &json!({ "name": "a_name", "arguments": {} }));
    // A question takes a stream, and an answer takes a session.
    for request in [call.clone().header("Accept", "application/json"), call.without("Mcp-Session-Id")] {
        let answer = host.send(&request).answer();
        expect::sentence(answer["error"]["message"].as_str().unwrap_or_else(|| panic!("no message: {answer}")));
    }
    host.stop();
}

#[test]
fn an_answer_that_never_comes_is_waited_for_only_so_long() {
    let host = setup().config("[limits]\ninput_wait_ms_max = 300\n").start();
    let session = host.legacy_with("2025-11-25", &everything());
    let mut call = begin(&session, "a_name");
    let question = question(&mut call);
    let message = &response(call)["error"]["message"];
    assert!(expect::sentence(message.as_str().expect("an error says why")).contains("time"), "{message}");
    // Too late is no mistake.
    session.respond(&question, &accept(&json!({ "name": "Alice" })));
    host.stop();
}

#[test]
fn waiting_for_an_answer_takes_nobodys_place() {
    let host = setup().config("[limits]\ncalls_max = 1\n").start();
    let session = host.legacy_with("2025-11-25", &everything());
    let mut call = begin(&session, "a_name");
    let question = question(&mut call);
    for number in 0..3 {
        assert_eq!(host.call("a_echo", &json!({ "n": number }))["structuredContent"], json!({ "n": number }));
    }
    session.respond(&question, &accept(&json!({ "name": "Alice" })));
    assert_eq!(known(call)["entered"], 2);
    host.stop();
}

#[test]
fn prompts_and_resources_ask_too() {
    let host = setup().start();
    let session = host.legacy_with("2025-11-25", &everything());
    for (method, params) in
        [("prompts/get", json!({ "name": "a_who" })), ("resources/read", json!({ "uri": "ask://who" }))]
    {
        let mut call = host.start_sending(&session.request(method, &params));
        call.expect_events();
        session.respond(&question(&mut call), &accept(&json!({ "name": "Alice" })));
        let result = response(call)["result"].take();
        let text = match method {
            "prompts/get" => &result["messages"][0]["content"]["text"],
            _ => &result["contents"][0]["text"],
        };
        assert!(text.as_str().is_some_and(|text| text.contains("Alice")), "{result}");
    }
    host.stop();
}

#[test]
fn a_stream_that_breaks_between_question_and_answer_is_taken_up_again() {
    let host = setup().start();
    for version in WITH_FORMS {
        let session = host.legacy_with(version, &everything());
        let mut call = begin(&session, "a_rounds");
        let (mut last, mut asked) = (String::new(), None);
        while asked.is_none() {
            let event = call.next_event().expect("something is asked");
            last = event.id.clone().expect("an event has an id");
            asked = event.message();
        }
        drop(call);
        session.respond(&asked.expect("it was asked"), &accept(&json!({ "x": "1" })));
        let mut call = session.resume(&last);
        let two = question(&mut call);
        assert_eq!(two["params"]["message"], "Two?");
        session.respond(&two, &accept(&json!({ "x": "2" })));
        assert_eq!(known(call)["entered"], 3);
    }
    host.stop();
}

#[test]
fn what_is_asked_is_no_news() {
    let host = setup().start();
    let session = host.legacy_with("2025-11-25", &everything());
    let mut news = session.listen();
    let mut call = begin(&session, "a_name");
    let question = question(&mut call);
    session.respond(&question, &accept(&json!({ "name": "Alice" })));
    assert_eq!(known(call)["entered"], 2);
    // The first thing on the other stream is what happens next.
    host.call("a_news", &json!({}));
    let first = news.next_message().expect("something happened");
    assert_eq!(first["method"], "notifications/tools/list_changed");
    host.stop();
}

#[test]
fn a_call_that_waits_for_an_answer_is_carried_on_by_no_one_else() {
    let host: Host = setup().start();
    let session = host.legacy_with("2025-11-25", &everything());
    let mut call = begin(&session, "a_name");
    let question = question(&mut call);
    assert_eq!(session.delete().status, 200);
    // With the session, the call has ended, and there is nothing to answer any more.
    assert_eq!(call.next_message(), None);
    let answer = json!({ "jsonrpc": "2.0", "id": question["id"], "result": accept(&json!({ "name": "Alice" })) });
    assert_eq!(host.send(&session.message(&answer)).status, 404);
    host.stop();
}
