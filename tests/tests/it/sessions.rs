//! Sessions of the legacy era: what an id is good for, and how it ends.

use serde_json::{Value, json};
use toolyard_tests::{Host, Reply, Request, Setup, eventually};

use crate::expect;

const VERSIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

fn setup() -> Setup {
    let tools = json!([{ "name": "echo" }, { "name": "wait", "act": { "wait": "waited" } }]);
    Setup::new().script("s", &json!({ "tools": tools }))
}

/// A key ring as it stands in a configuration: ids, and the byte that the secret is made of.
pub(crate) fn keys(ring: &[(&str, char)]) -> String {
    // Base64 of 32 bytes is 43 digits, the last of which holds two bits of nothing, and one `=`.
    let entry = |(id, digit): &(&str, char)| {
        let secret = digit.to_string().repeat(42) + "A=";
        format!("[[seal.keys]]\nid = \"{id}\"\nsecret = \"{secret}\"\n")
    };
    ring.iter().map(entry).collect()
}

/// Checks that nobody knows this session.
fn unknown(reply: &Reply) {
    assert_eq!(reply.status, 404, "{reply:?}");
    let error = &reply.json()["error"];
    assert_eq!(error["code"], -32600, "{reply:?}");
    assert!(expect::sentence(error["message"].as_str().expect("a text")).contains("initialize"), "{reply:?}");
}

/// Checks that no verb takes this id.
fn is_unknown(host: &Host, version: &str, id: &str) {
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let told = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    for request in [
        Request::post(ping.to_string()),
        Request::post(told.to_string()),
        Request::bare("GET", "/mcp").header("Accept", "text/event-stream"),
        Request::bare("DELETE", "/mcp"),
    ] {
        let request = request.header("MCP-Protocol-Version", version).header("Mcp-Session-Id", id);
        unknown(&host.send(&request));
    }
}

#[test]
fn an_id_is_given_and_can_be_carried() {
    let host = setup().start();
    for version in VERSIONS {
        let (one, two) = (host.legacy(version), host.legacy(version));
        for id in [one.id(), two.id()] {
            assert!(id.len() >= 16 && id.len() <= 2000, "{id}");
            // What a header may hold (transports, "Session Management").
            assert!(id.bytes().all(|byte| (0x21..=0x7e).contains(&byte)), "{id:?}");
        }
        assert_ne!(one.id(), two.id());
        assert_eq!(expect::json_text(&one.call("s_echo", &json!({ "a": 1 }))), json!({ "a": 1 }));
    }
    host.stop();
}

#[test]
fn what_is_not_an_id_of_ours_is_refused() {
    let host = setup().start();
    let stranger = setup().start();
    for version in VERSIONS {
        let session = host.legacy(version);
        let good = session.id();
        let mut wrong: Vec<String> = ["nonsense", "", "a.b", "machine.AAAA", "00000000000000000000000000000000"]
            .into_iter()
            .map(str::to_owned)
            .collect();
        wrong.push(format!("{good}A"));
        wrong.push(good[..good.len() - 1].to_owned());
        wrong.push(stranger.legacy(version).id().to_owned());
        // Each byte counts: the key's name, the first of what is sealed, one in the middle, the last.
        let dot = good.find('.').expect("a key's name comes first");
        for at in [0, dot, dot + 1, good.len() / 2, good.len() - 1] {
            let mut bytes = good.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            wrong.push(String::from_utf8(bytes).expect("it was ASCII"));
        }
        for id in wrong {
            is_unknown(&host, version, &id);
        }
        assert_eq!(session.send("ping", &json!({})).result(), json!({}));
    }
    host.stop();
    stranger.stop();
}

#[test]
fn a_session_ends_when_its_client_says_so() {
    let host = setup().start();
    for version in VERSIONS {
        let (session, other) = (host.legacy(version), host.legacy(version));
        let mut news = session.listen();
        assert_eq!(session.delete().status, 200);
        is_unknown(&host, version, session.id());
        // Its stream ends, and nobody else's session does.
        assert_eq!(news.next_message(), None);
        assert_eq!(other.send("ping", &json!({})).result(), json!({}));
    }
    host.stop();
}

#[test]
fn the_end_of_a_session_is_the_end_of_its_calls() {
    // With room for one call only, the next waits until the first has left.
    let host = setup().config("[limits]\ncalls_max = 1\nqueue_wait_ms_max = 20000\n").start();
    let session = host.legacy("2025-11-25");
    let params = json!({ "arguments": { "ms": 25_000 }, "_meta": { "progressToken": 1 } });
    let mut call = session.begin_call("s_wait", &params);
    assert_eq!(call.next_message().expect("the tool says that it runs")["method"], "notifications/progress");
    assert_eq!(session.delete().status, 200);
    assert_eq!(expect::json_text(&host.call("s_echo", &json!({}))), json!({}));
    assert!(!host.log.has(&["the wait has ended"]));
    host.stop();
}

#[test]
fn an_ended_session_stays_ended() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let start = || setup().state(folder.path()).start();
    let host = start();
    let (ended, other) = (host.legacy("2025-11-25"), host.legacy("2025-11-25"));
    assert_eq!(ended.delete().status, 200);
    let next = {
        let (ended, other) = (ended.id().to_owned(), other.id().to_owned());
        host.stop();
        let next = start();
        is_unknown(&next, "2025-11-25", &ended);
        let ping = Request::post(json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }).to_string());
        assert_eq!(next.send(&ping.header("Mcp-Session-Id", &other)).status, 200, "a restart ends no session");
        next
    };
    next.stop();
}

#[test]
fn a_session_that_is_not_used_expires() {
    let host = setup().config("[limits]\nsession_ttl_ms = 2000\n").start();
    let session = host.legacy("2025-11-25");
    eventually("the session to expire", || (session.send("ping", &json!({})).status == 404).then_some(()));
    is_unknown(&host, "2025-11-25", session.id());
    host.stop();
}

#[test]
fn hosts_with_the_same_keys_know_each_others_sessions() {
    let old = setup().config(&keys(&[("old", 'a')])).start();
    let both = setup().config(&keys(&[("new", 'b'), ("old", 'a')])).start();
    let new = setup().config(&keys(&[("new", 'b')])).start();
    for version in VERSIONS {
        // During a rotation, a host opens what was sealed with the key that goes, and seals with the one that comes.
        let before = old.legacy(version);
        assert_eq!(before.moved_to(&both).send("ping", &json!({})).result(), json!({}));
        is_unknown(&new, version, before.id());
        let after = both.legacy(version);
        assert_eq!(after.moved_to(&new).send("ping", &json!({})).result(), json!({}));
        is_unknown(&old, version, after.id());
    }
    // A key of the same name with other bytes is another key.
    let impostor = setup().config(&keys(&[("old", 'c')])).start();
    is_unknown(&impostor, "2025-11-25", old.legacy("2025-11-25").id());
    for host in [old, both, new, impostor] {
        host.stop();
    }
}

#[test]
fn a_client_can_do_without_a_session() {
    let host = setup().start();
    for version in VERSIONS {
        let send = |method: &str, params: &Value| {
            let message = json!({ "jsonrpc": "2.0", "id": "a", "method": method, "params": params });
            host.send(&Request::post(message.to_string()).header("MCP-Protocol-Version", version)).result()
        };
        assert_eq!(send("ping", &json!({})), json!({}));
        assert_eq!(send("tools/list", &json!({}))["tools"][0]["name"], "s_echo");
        let result = send("tools/call", &json!({ "name": "s_echo", "arguments": { "a": 1 } }));
        assert_eq!(expect::json_text(&result), json!({ "a": 1 }));
        assert_eq!(send("prompts/list", &json!({})), json!({ "prompts": [] }));
        // Only a session has a stream of its own, and only one can be ended.
        for verb in ["GET", "DELETE"] {
            let request = Request::bare(verb, "/mcp").header("MCP-Protocol-Version", version);
            assert_eq!(host.send(&request.header("Accept", "text/event-stream")).status, 405, "{verb}");
        }
    }
    host.stop();
}
