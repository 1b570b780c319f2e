//! What a plugin logs, for the client to hear: only where it asked for it, and only as much.

use serde_json::{Value, json};
use toolyard_tests::{Host, Setup, modern_request};

use crate::expect;

/// From the least grave to the gravest, as clients and the script name them.
const LEVELS: [(&str, &str); 5] =
    [("debug", "debug"), ("info", "info"), ("warning", "warn"), ("error", "error"), ("critical", "critical")];

fn setup() -> Setup {
    let messages: Vec<Value> = LEVELS.iter().map(|(_, level)| json!([level, format!("a message: {level}")])).collect();
    Setup::new().script("l", &json!({ "tools": [{ "name": "log", "act": { "log": messages } }, { "name": "echo" }] }))
}

/// The levels of the messages among these, behind which there must be a result.
fn levels(messages: &[Value]) -> Vec<&str> {
    let (last, before) = messages.split_last().expect("there is an answer");
    assert_eq!(expect::text(&last["result"]), "done");
    let level = |message: &Value| {
        assert_eq!(message["method"], "notifications/message", "{message}");
        let params = &message["params"];
        let (clients, own) = LEVELS.iter().find(|(level, _)| params["level"] == *level).expect("a level that is known");
        assert!(params["data"].to_string().contains(&format!("a message: {own}")), "{message}");
        assert_eq!(params["logger"], "script", "{message}");
        *clients
    };
    before.iter().map(level).collect()
}

/// The levels from this one on.
fn from(level: &str) -> Vec<&'static str> {
    let names = LEVELS.iter().map(|(name, _)| *name);
    let names: Vec<&str> = names.skip_while(|name| *name != level).collect();
    names
}

fn modern(host: &Host, level: Option<&str>) -> Vec<Value> {
    let mut meta = json!({});
    if let Some(level) = level {
        meta["io.modelcontextprotocol/logLevel"] = json!(level);
    }
    host.modern("tools/call", json!({ "name": "l_log", "_meta": meta })).messages()
}

#[test]
fn a_modern_request_hears_what_it_asks_for() {
    let host = setup().start();
    assert_eq!(levels(&modern(&host, None)), [""; 0]);
    for (level, _) in LEVELS {
        assert_eq!(levels(&modern(&host, Some(level))), from(level), "{level}");
    }
    // There are more levels than plugins have.
    assert_eq!(levels(&modern(&host, Some("notice"))), ["warning", "error", "critical"]);
    for level in ["alert", "emergency"] {
        assert_eq!(levels(&modern(&host, Some(level))), [""; 0], "{level}");
    }
    // And what one request asks for is nothing to the next.
    assert_eq!(levels(&modern(&host, None)), [""; 0]);
    host.stop();
}

#[test]
fn a_level_that_is_none_is_refused() {
    let host = setup().start();
    for wrong in [json!("warn"), json!("INFO"), json!(""), json!("nonsense"), json!(3), json!(null)] {
        let meta = json!({ "io.modelcontextprotocol/logLevel": wrong });
        let reply = host.modern("tools/call", json!({ "name": "l_log", "_meta": meta }));
        expect::error(&reply, 400, -32602, &json!(1));
        let session = host.legacy("2025-11-25");
        let reply = session.send("logging/setLevel", &json!({ "level": wrong }));
        assert_eq!(reply.answer()["error"]["code"], -32602, "{wrong}: {reply:?}");
    }
    let session = host.legacy("2025-11-25");
    expect::error(&session.send("logging/setLevel", &json!({})), 200, -32602, &json!(1));
    host.stop();
}

#[test]
fn messages_stay_on_the_stream_of_their_request() {
    let host = setup().start();
    let listen = modern_request("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    let mut listening = host.start_sending(&listen);
    listening.expect_events();
    let session = host.legacy("2025-11-25");
    let mut news = session.listen();
    assert_eq!(session.send("logging/setLevel", &json!({ "level": "debug" })).result(), json!({}));

    assert_eq!(levels(&modern(&host, Some("debug"))), from("debug"));
    let reply = session.send("tools/call", &json!({ "name": "l_log", "arguments": {} }));
    assert_eq!(levels(&reply.messages()), from("debug"));
    host.stop();
    let said: Vec<Value> = listening.messages();
    assert_eq!(said.len(), 2, "acknowledged and ended: {said:?}");
    assert_eq!(news.messages(), Vec::<Value>::new());
}

#[test]
fn a_legacy_session_sets_its_level() {
    let host = setup().start();
    for version in ["2025-11-25", "2025-06-18", "2025-03-26"] {
        let (session, other) = (host.legacy(version), host.legacy(version));
        let call = |session: &toolyard_tests::Session<'_>| {
            session.send("tools/call", &json!({ "name": "l_log", "arguments": {} })).messages()
        };
        assert_eq!(levels(&call(&session)), [""; 0], "nothing, until the client says so");
        for (level, _) in LEVELS.iter().rev() {
            assert_eq!(session.send("logging/setLevel", &json!({ "level": level })).result(), json!({}));
            assert_eq!(levels(&call(&session)), from(level), "{level}");
            assert_eq!(levels(&call(&other)), [""; 0], "what others set is theirs");
        }
        assert_eq!(session.send("logging/setLevel", &json!({ "level": "emergency" })).result(), json!({}));
        assert_eq!(levels(&call(&session)), [""; 0]);
    }
    host.stop();
}

#[test]
fn a_level_is_kept_for_a_session_only() {
    let host = setup().start();
    let session = host.legacy("2025-11-25");
    let request = session.request("logging/setLevel", &json!({ "level": "debug" })).without("Mcp-Session-Id");
    let answer = host.send(&request).answer();
    expect::sentence(answer["error"]["message"].as_str().unwrap_or_else(|| panic!("no message: {answer}")));
    host.stop();
}

#[test]
fn a_level_outlives_a_restart_where_the_state_is_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let first = setup().state(folder.path()).start();
    let session = first.legacy("2025-11-25");
    assert_eq!(session.send("logging/setLevel", &json!({ "level": "error" })).result(), json!({}));
    let second = setup().state(folder.path()).start();
    let reply = session.moved_to(&second).send("tools/call", &json!({ "name": "l_log", "arguments": {} }));
    assert_eq!(levels(&reply.messages()), ["error", "critical"]);
    first.stop();
    second.stop();
}

#[test]
fn whoever_takes_no_stream_hears_nothing() {
    let host = setup().start();
    let meta = json!({ "io.modelcontextprotocol/logLevel": "debug" });
    let request = modern_request("tools/call", json!({ "name": "l_log", "_meta": meta }));
    let reply = host.send(&request.header("Accept", "application/json"));
    assert!(!reply.is_event_stream(), "{reply:?}");
    assert_eq!(expect::text(&reply.result()), "done");
    host.stop();
}
