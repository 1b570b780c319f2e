//! Who is calling: API keys, access tokens of a real identity provider, proofs of possession, and TLS.

mod keys;
mod proofs;
mod sign_in;
mod streams;
mod tls;
mod tokens;

use serde_json::{Value, json};
use toolyard_tests::{Host, Issuer, Reply, Request, Setup, modern_request};

/// A host with the guest `echo`, whose tool `add` takes the scope `write`, and this in its configuration.
fn host(config: &str) -> Host {
    let scopes = "[plugin.echo.tool.add]\nscopes = ['write']\n[plugin.echo.tool.fail]\nscopes = ['write', 'admin']\n";
    Setup::new().guest("echo").config(&format!("{scopes}{config}")).start()
}

/// A host that takes this issuer's tokens.
fn trusting(issuer: &Issuer, more: &str) -> Host {
    host(&trust(issuer, more))
}

/// What the configuration says of an issuer. Its keys are looked for whenever a token names another one.
fn trust(issuer: &Issuer, more: &str) -> String {
    let url = issuer.url();
    format!("[auth]\nscopes = ['read']\n[[auth.issuer]]\nurl = '{url}'\nkeys_refetch_ms_min = 0\n{more}\n")
}

/// A call of a tool.
fn call(tool: &str, arguments: &Value) -> Request {
    modern_request("tools/call", json!({ "name": tool, "arguments": arguments }))
}

/// The context of a call, as the tool is told of it.
fn context(host: &Host, request: &Request) -> Value {
    let mut result = host.send(request).result();
    result["structuredContent"].take()
}

fn bearer(request: Request, token: &str) -> Request {
    request.header("Authorization", &format!("Bearer {token}"))
}

/// Lists tools with this in `Authorization`.
fn list(host: &Host, authorization: &str) -> Reply {
    host.send(&modern_request("tools/list", json!({})).header("Authorization", authorization))
}

/// The challenge of an answer with this status.
fn challenge(reply: &Reply, status: u16) -> String {
    assert_eq!(reply.status, status, "{reply:?}");
    reply.header("WWW-Authenticate").unwrap_or_else(|| panic!("no challenge: {reply:?}")).to_owned()
}

/// Nothing of these is in the host's log.
fn not_logged(host: &Host, secrets: &[&str]) {
    let log = host.log.lines().join("\n");
    for secret in secrets {
        assert!(!log.contains(secret), "a secret is in the log");
    }
}
