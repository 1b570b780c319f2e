//! Streams of news end when their callers would not be let in again.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use toolyard_tests::{Connection, Host, Issuer, Request, keys, modern_request};

use super::{bearer, host, list, trust};

const VERSION: &str = "2025-11-25";

/// Listens as a client of the newest revision does.
fn listen(host: &Host, token: &str) -> Connection {
    let request = modern_request("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    let mut stream = host.start_sending(&bearer(request, token));
    stream.expect_events();
    let first = stream.next_message().expect("it is acknowledged");
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    stream
}

/// Opens the stream of a session.
fn stand(host: &Host, token: &str) -> Connection {
    let params =
        json!({ "protocolVersion": VERSION, "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    let body = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
    let reply = host.send(&bearer(Request::post(body.to_string()), token));
    let session = reply.header("Mcp-Session-Id").unwrap_or_else(|| panic!("no session: {reply:?}"));
    let request = Request::bare("GET", "/mcp").header("Accept", "text/event-stream");
    let request = request.header("Mcp-Session-Id", session).header("MCP-Protocol-Version", VERSION);
    let mut stream = host.start_sending(&bearer(request, token));
    stream.expect_events();
    stream
}

/// Both ended by themselves: the one with its result, the other as they do.
fn end(mut listening: Connection, mut standing: Connection) {
    let last = listening.next_message().expect("it ends with its result");
    assert_eq!(last["result"]["resultType"], "complete", "{last}");
    assert_eq!((listening.next_message(), standing.next_message()), (None, None));
}

fn added(file: &Path, id: &str) -> String {
    let added = keys(file, &["add", "--subject", id, "--id", id]);
    added.lines().last().expect("the key is shown").to_owned()
}

#[test]
fn with_the_key_that_opened_them() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("keys.jsonl");
    let (gone, stays) = (added(&file, "gone"), added(&file, "stays"));
    let host = host(&format!("[auth]\nkeys_file = '{}'\n", file.display()));
    let (listening, standing) = (listen(&host, &gone), stand(&host, &gone));
    let mut other = listen(&host, &stays);
    keys(&file, &["revoke", "gone"]);
    end(listening, standing);
    assert_eq!(list(&host, &format!("Bearer {gone}")).status, 401);
    // The other one still hears what happens.
    std::fs::remove_file(host.plugins().join("echo.wasm")).expect("a file can be removed");
    let news = other.next_message().expect("something changed");
    assert_eq!(news["method"], "notifications/tools/list_changed");
    host.stop();
}

/// A token that is good for a moment: clocks may differ by half a minute.
fn short(issuer: &mut Issuer, host: &Host) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
    let claims: Value =
        json!({ "iss": issuer.url(), "sub": "alice", "aud": host.url(), "iat": now - 60, "exp": now - 25 });
    issuer.sign(&claims, &json!({}))
}

#[test]
fn with_the_token_that_opened_them() {
    let mut issuer = Issuer::start();
    let host = super::trusting(&issuer, "");
    let token = short(&mut issuer, &host);
    let (listening, standing) = (listen(&host, &token), stand(&host, &token));
    end(listening, standing);
    assert_eq!(list(&host, &format!("Bearer {token}")).status, 401);
    host.stop();
}

#[test]
fn with_the_issuer_that_was_trusted() {
    let issuer = Issuer::start();
    let host = host(&trust(&issuer, ""));
    let token = issuer.token(&host.url(), "read");
    let (listening, standing) = (listen(&host, &token), stand(&host, &token));
    let text = std::fs::read_to_string(host.config()).expect("the configuration can be read");
    let begin = text.find("[[auth.issuer]]").expect("it has an issuer");
    let file = host.config().with_file_name("keys.jsonl");
    std::fs::write(&file, "").expect("a file can be written");
    let text = format!("{}keys_file = '{}'\n", &text[..begin], file.display());
    std::fs::write(host.config(), text).expect("the configuration can be written");
    end(listening, standing);
    assert_eq!(list(&host, &format!("Bearer {token}")).status, 401);
    host.stop();
}
