//! What the client carries from round to round: sealed, and good for nothing but the call it came from.

use serde_json::{Value, json};
use toolyard_tests::{Host, Setup, eventually};

use crate::asking::{Need, Rounds, accept, form, tool};
use crate::expect;
use crate::sessions::keys;

/// A tool, a prompt and a resource that all ask the same.
fn setup() -> Setup {
    let rounds = json!([{ "name": form("What is your name?", "name") }]);
    let script = json!({
        "tools": [tool("one", &rounds), tool("two", &rounds)],
        "prompts": [{ "name": "one", "ask": { "rounds": rounds }, "arguments": [{ "name": "x" }] }],
        "resources": { "prefixes": ["s://"], "list": [{ "uri": "s://one", "ask": { "rounds": rounds } }] },
    });
    Setup::new().script("s", &script)
}

fn answers() -> Value {
    json!({ "name": accept(&json!({ "name": "Alice" })) })
}

/// Checks that this state opens nothing, and gives the reason.
fn refused(call: &Rounds<'_>, state: &str) -> String {
    let message = expect::error(&call.send(Some(state), Some(&answers())), 400, -32602, &json!(1));
    assert!(message.contains("requestState"), "{message}");
    message
}

fn taken(call: &Rounds<'_>, state: &str) {
    let result = call.send(Some(state), Some(&answers())).result();
    assert_eq!(result["resultType"], "complete", "{result}");
}

fn begun(host: &Host) -> (Rounds<'_>, Need) {
    let call = Rounds::of_tool(host, "s_one").arguments(json!({ "a": 1, "b": [{ "c": "d" }] }));
    let need = call.begin();
    (call, need)
}

#[test]
fn each_byte_counts() {
    let host = setup().start();
    let (call, need) = begun(&host);
    let state = need.state.as_str();
    assert!(state.bytes().all(|byte| (0x21..=0x7e).contains(&byte)), "{state}");
    for at in 0..state.len() {
        let mut bytes = state.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        refused(&call, &String::from_utf8(bytes).expect("it was ASCII"));
    }
    for wrong in [
        String::new(),
        "nonsense".to_owned(),
        format!("{state}-TAMPERED"),
        format!("{state}A"),
        format!("{state}="),
        format!("{state}\n"),
        format!(" {state}"),
        format!("{state}{state}"),
        state[..state.len() - 1].to_owned(),
        state[..state.len() / 2].to_owned(),
        state.to_ascii_lowercase(),
    ] {
        refused(&call, &wrong);
    }
    taken(&call, state);
    host.stop();
}

#[test]
fn it_is_good_for_the_same_call_only() {
    let host = setup().start();
    let (call, need) = begun(&host);
    let other = |params: Value, method: &'static str| Rounds { method, params, ..Rounds::of_tool(&host, "") };
    let with = |arguments: Value| Rounds::of_tool(&host, "s_one").arguments(arguments);
    for replay in [
        // By another tool, method or name.
        Rounds::of_tool(&host, "s_two").arguments(json!({ "a": 1, "b": [{ "c": "d" }] })),
        other(json!({ "name": "s_one" }), "prompts/get"),
        other(json!({ "name": "s_one", "arguments": { "x": "1" } }), "prompts/get"),
        other(json!({ "uri": "s://one" }), "resources/read"),
        // With other arguments.
        with(json!({})),
        with(json!({ "a": 2, "b": [{ "c": "d" }] })),
        with(json!({ "a": "1", "b": [{ "c": "d" }] })),
        with(json!({ "a": 1, "b": { "c": "d" } })),
        with(json!({ "a": 1, "b": [{ "c": "d" }], "e": null })),
    ] {
        refused(&replay, &need.state);
    }
    // The same arguments, written in another way, are the same.
    taken(&with(json!({ "b": [{ "c": "d" }], "a": 1 })), &need.state);
    taken(&call, &need.state);
    host.stop();
}

#[test]
fn what_other_methods_sealed_is_refused() {
    let host = setup().start();
    let (call, need) = begun(&host);
    let session = host.legacy("2025-11-25");
    refused(&call, session.id());
    let ping = session.request("ping", &json!({})).header("Mcp-Session-Id", &need.state);
    assert_eq!(host.send(&ping).status, 404, "a state is no session");
    for (method, params) in
        [("prompts/get", json!({ "name": "s_one" })), ("resources/read", json!({ "uri": "s://one" }))]
    {
        let other = Rounds { method, params, ..Rounds::of_tool(&host, "") };
        let theirs = other.begin();
        refused(&call, &theirs.state);
        taken(&other, &theirs.state);
    }
    host.stop();
}

#[test]
fn it_expires() {
    let host = setup().config("[limits]\ninput_wait_ms_max = 2000\n").start();
    let (call, need) = begun(&host);
    taken(&call, &need.state);
    let late = || {
        let reply = call.send(Some(&need.state), Some(&answers()));
        (reply.status != 200).then(|| expect::error(&reply, 400, -32602, &json!(1)))
    };
    let reason = eventually("the state to expire", late);
    assert!(reason.contains("expired"), "{reason}");
    host.stop();
}

#[test]
fn any_host_with_the_key_goes_on() {
    let old = setup().config(&keys(&[("old", 'a')])).start();
    let both = setup().config(&keys(&[("new", 'b'), ("old", 'a')])).start();
    let new = setup().config(&keys(&[("new", 'b')])).start();
    let (begun_before, need) = begun(&old);
    let at = |host| Rounds {
        host,
        method: "tools/call",
        params: begun_before.params.clone(),
        capabilities: begun_before.capabilities.clone(),
    };
    taken(&at(&both), &need.state);
    refused(&at(&new), &need.state);
    let need = at(&both).begin();
    taken(&at(&new), &need.state);
    refused(&at(&old), &need.state);
    for host in [old, both, new] {
        host.stop();
    }
}

#[test]
fn it_outlives_a_restart_where_the_state_is_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let host = setup().state(folder.path()).start();
    let (call, need) = begun(&host);
    let params = call.params;
    host.stop();
    let host = setup().state(folder.path()).start();
    taken(&Rounds { params, ..Rounds::of_tool(&host, "") }, &need.state);
    host.stop();
    // A host that knows nothing of it has a key of its own.
    let host = setup().start();
    let (call, _) = begun(&host);
    refused(&call, &need.state);
    host.stop();
}
