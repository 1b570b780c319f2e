//! `deploy/compose/nginx.conf`, in front of three hosts with Compose's configuration.

use std::fs;
use std::net::SocketAddr;

use serde_json::{Value, json};
use toolyard_tests::{Host, Nginx, Request, Target, modern_request, output};

use super::files::good;
use super::redis::Redis;
use super::setup;
use crate::expect;

/// What the tool `echo` takes. Its header has a character that nginx would usually drop the header for.
pub(super) const SCHEMA: &str =
    r#"{"type":"object","properties":{"user_id":{"type":"string","x-mcp-header":"user_id.of"}}}"#;

fn echo(nginx: &Nginx, arguments: &Value) -> Value {
    let reply = nginx.send(&modern_request("tools/call", json!({ "name": "d_echo", "arguments": arguments })));
    expect::json_text(&reply.result())
}

/// Three hosts, and the Redis that they share.
fn hosts() -> ([Host; 3], Redis) {
    let redis = Redis::start();
    (std::array::from_fn(|_| setup("compose", Some(&redis)).start()), redis)
}

#[test]
fn the_configuration_is_what_nginx_takes() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let nowhere: SocketAddr = "127.0.0.1:1".parse().expect("it is an address");
    let mut tried = Nginx::command(folder.path(), [nowhere; 3], nowhere);
    good(tried.arg("-t"));
    // It would have something to say.
    let path = folder.path().join("nginx.conf");
    let wrong = fs::read_to_string(&path).expect("it was written").replace("proxy_buffering", "proxy_bufering");
    fs::write(&path, wrong).expect("a file can be written");
    assert!(!output(&mut tried).status.success());
}

#[test]
fn what_the_host_takes_goes_through() {
    let (hosts, _redis) = hosts();
    let nginx = Nginx::before(hosts.each_ref().map(Host::address));

    // A large body, a long header, and a header with a name that nginx knows nothing of.
    let large = "x".repeat(3 << 20);
    assert_eq!(echo(&nginx, &json!({ "a": large })), json!({ "a": large }));
    let arguments = json!({ "user_id": "y".repeat(20_000) });
    let call = modern_request("tools/call", json!({ "name": "d_echo", "arguments": arguments }));
    let known = call.header("Mcp-Param-user_id.of", &"y".repeat(20_000));
    assert_eq!(expect::json_text(&nginx.send(&known).result()), arguments);

    // What is not MCP stays outside.
    for path in ["/metrics", "/readyz", "/"] {
        assert_eq!(nginx.send(&Request::bare("GET", path)).status, 404, "{path}");
    }
    assert_eq!(nginx.send(&Request::bare("GET", "/nginx-health")).status, 200);
    drop(nginx);
    hosts.into_iter().for_each(Host::stop);
}

#[test]
fn events_go_on_as_they_come() {
    let (hosts, _redis) = hosts();
    let nginx = Nginx::before(hosts.each_ref().map(Host::address));
    let params = json!({ "name": "d_wait", "arguments": { "ms": 15_000 }, "_meta": { "progressToken": 1 } });
    let mut call = nginx.start_sending(&modern_request("tools/call", params));
    assert_eq!(call.read_head().expect("an answer begins").header("Content-Type"), Some("text/event-stream"));
    // The tool says that it runs long before it has ended.
    assert_eq!(call.next_message().expect("it says so")["method"], "notifications/progress");
    // Who leaves has cancelled: no host lets the tool run to its end before it ends itself.
    drop(call);
    let logs = hosts.each_ref().map(|host| host.log.clone());
    hosts.into_iter().for_each(Host::stop);
    drop(nginx);
    assert!(!logs.iter().any(|log| log.has(&["the wait has ended"])));
}

#[test]
fn a_host_that_is_gone_is_gone_for_nobody() {
    let (hosts, _redis) = hosts();
    let nginx = Nginx::before(hosts.each_ref().map(Host::address));
    let [first, second, third] = hosts;
    for number in 0..6 {
        assert_eq!(echo(&nginx, &json!({ "a": number })), json!({ "a": number }));
    }
    first.stop();
    for number in 0..12 {
        assert_eq!(echo(&nginx, &json!({ "a": number })), json!({ "a": number }));
    }
    // A session of the earlier era goes on at whoever is there.
    let initialize = json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": { "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } },
    });
    let begun = nginx.send(&Request::post(initialize.to_string()));
    let session = begun.header("Mcp-Session-Id").expect("the host gives an id").to_owned();
    second.stop();
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "d_echo", "arguments": { "a": 1 } } });
    for _ in 0..6 {
        let request = Request::post(call.to_string());
        let request = request.header("Mcp-Session-Id", &session).header("MCP-Protocol-Version", "2025-11-25");
        assert_eq!(expect::json_text(&nginx.send(&request).result()), json!({ "a": 1 }));
    }
    drop(nginx);
    third.stop();
}
