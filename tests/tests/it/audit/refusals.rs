//! Who was refused, and what the operator had done: as the trail has it.

use serde_json::{Value, json};
use toolyard_tests::{Host, Issuer, Request, Setup, eventually, keys, modern_request};

use super::{SAID, Trail};

fn list() -> Request {
    modern_request("tools/list", json!({}))
}

fn bearer(request: Request, token: &str) -> Request {
    request.header("Authorization", &format!("Bearer {token}"))
}

/// The refusals for this reason.
fn refusals(trail: &Trail, reason: &str) -> Vec<Value> {
    trail.of("refused").into_iter().filter(|record| record["reason"] == reason).collect()
}

/// The only refusal for this reason, which has these members.
fn check(trail: &Trail, reason: &str, expected: &[(&str, Value)]) {
    let records = refusals(trail, reason);
    let [record] = records.as_slice() else { panic!("{reason}: {records:#?}") };
    for (key, value) in expected {
        assert_eq!(record[*key], *value, "{key}: {record:#}");
    }
}

#[test]
fn requests_that_are_refused_are_written_down() {
    let trail = Trail::new();
    let config = format!("[plugin.echo]\nscopes = [\"echo:use\"]\n{}", trail.config(""));
    let host = Setup::new().guest("echo").config(&config).start();
    let denied = host.modern("tools/call", json!({ "name": "echo_echo", "arguments": { "message": SAID } }));
    assert_eq!(denied.status, 403);
    assert_eq!(host.send(&list().header("Origin", "https://elsewhere.example")).status, 403);
    let elsewhere = Request { path: "/t/nobody/mcp".into(), ..list() };
    assert_eq!(host.send(&elsewhere).status, 404);
    host.stop();

    let here = ("address", json!("127.0.0.1"));
    let whose = [("tenant", json!("default")), ("subject", json!("anonymous")), ("by", json!("anonymous"))];
    let what = [("status", json!(403)), ("method", json!("tools/call")), ("name", json!("echo_echo")), here.clone()];
    check(&trail, "scopes", &[&whose[..], &what[..]].concat());
    check(&trail, "foreign_origin", &[("status", json!(403)), ("tenant", Value::Null), here.clone()]);
    check(&trail, "no_such_tenant", &[("status", json!(404)), ("endpoint", json!("nobody")), here]);
    assert!(trail.of("call").is_empty() && !trail.text().contains(SAID));
    trail.check();
}

#[test]
fn a_key_that_does_not_do_any_more_is_named_and_one_that_never_did_is_not() {
    let trail = Trail::new();
    let file = trail.folder.path().join("keys.jsonl");
    let ended = keys(&file, &["add", "--subject", "old", "--id", "ended"]);
    keys(&file, &["rotate", "ended", "--overlap", "0s"]);
    let taken = keys(&file, &["add", "--subject", "ci", "--id", "taken"]);
    let config = format!("[auth]\nkeys_file = '{}'\n{}", file.display(), trail.config(""));
    let host = Setup::new().guest("echo").config(&config).start();
    let status = |request: &Request| host.send(request).status;
    assert_eq!(status(&bearer(list(), &taken)), 200);
    let elsewhere = Request { path: "/t/elsewhere/mcp".into(), ..bearer(list(), &taken) };
    assert_eq!(status(&elsewhere), 403);
    assert_eq!(status(&bearer(list(), &ended)), 401);
    assert_eq!(status(&bearer(list(), &format!("{taken}0"))), 401);
    assert_eq!(status(&list()), 401);
    keys(&file, &["revoke", "taken"]);
    eventually("the key to be gone", || (status(&bearer(list(), &taken)) == 401).then_some(()));
    let change = trail.wait_for("the key's end to be written down", |record| record["what"] == "key");
    assert_eq!((&change["change"], &change["name"]), (&json!("removed"), &json!("taken")));
    host.stop();

    let theirs = |subject: &str, key: &str| {
        [("tenant", json!("default")), ("subject", json!(subject)), ("by", json!({ "key": key }))]
    };
    check(&trail, "expired_key", &theirs("old", "ended"));
    check(&trail, "revoked_key", &theirs("ci", "taken"));
    check(&trail, "other_tenant", &[&theirs("ci", "taken")[..], &[("endpoint", json!("elsewhere"))]].concat());
    let nobody = [("tenant", Value::Null), ("subject", Value::Null), ("by", Value::Null)];
    check(&trail, "unknown_key", &nobody);
    check(&trail, "no_credentials", &nobody);
    for key in [&ended, &taken] {
        let secret = key.rsplit_once('_').expect("a key has a secret").1;
        assert!(!trail.text().contains(secret));
    }
    trail.check();
}

#[test]
fn of_a_token_only_what_its_issuer_signed_is_written_down() {
    let (trail, mut issuer) = (Trail::new(), Issuer::start());
    let trust = format!("[auth]\n[[auth.issuer]]\nurl = '{}'\nkeys_refetch_ms_min = 0\n", issuer.url());
    let host = Setup::new().guest("echo").config(&format!("{trust}{}", trail.config(""))).start();
    let mut claims = json!({
        "iss": issuer.url(), "sub": "alice", "client_id": "c", "aud": "https://other.example/mcp",
        "iat": 1_000_000_000, "exp": 4_000_000_000_u64,
    });
    let elsewhere = issuer.sign(&claims, &json!({}));
    claims["exp"] = json!(1_000_000_000);
    let expired = issuer.sign(&claims, &json!({}));
    let (signed, _) = expired.rsplit_once('.').expect("a token has three parts");
    let forged = format!("{signed}.AAAA");
    for token in [&elsewhere, &expired, &forged] {
        assert_eq!(host.send(&bearer(list(), token)).status, 401);
    }
    host.stop();
    let alice = [("subject", json!("alice")), ("client", json!("c")), ("by", json!({ "token": issuer.url() }))];
    check(&trail, "token_audience", &alice);
    check(&trail, "token_expired", &alice);
    check(&trail, "token_signature", &[("subject", Value::Null), ("client", Value::Null), ("by", Value::Null)]);
    assert!(!trail.text().contains(signed));
    trail.check();
}

#[test]
fn a_flood_of_strangers_is_counted() {
    let trail = Trail::new();
    let file = trail.folder.path().join("keys.jsonl");
    keys(&file, &["add", "--subject", "ci"]);
    let config = format!("[auth]\nkeys_file = '{}'\n{}", file.display(), trail.config(""));
    let host = Setup::new().guest("echo").config(&config).start();
    for number in 0..300 {
        // Each third names another tenant, which makes another kind of it.
        let path = if number % 3 == 0 { format!("/t/t{number}/mcp") } else { "/mcp".into() };
        assert_eq!(host.send(&Request { path, ..list() }).status, 401);
    }
    host.stop();
    let records = refusals(&trail, "no_credentials");
    assert!(records.len() < 80, "{} records", records.len());
    let times = |record: &Value| record["times"].as_u64();
    let alone = records.iter().filter(|record| times(record).is_none()).count() as u64;
    let counted: u64 = records.iter().filter_map(times).sum();
    assert_eq!(alone + counted, 300, "none is left out: {records:#?}");
    assert_eq!(records.iter().filter(|record| record["endpoint"] == "t0").count(), 1);
    trail.check();
}

/// A host with an admin listener and a trail.
fn operated(trail: &Trail) -> Host {
    let config = format!("admin_listen = '127.0.0.1:0'\n[plugin.echo]\nprefix = 'one'\n{}", trail.config(""));
    Setup::new().guest("echo").config(&config).start()
}

#[test]
fn what_the_operator_has_done_is_written_down() {
    let trail = Trail::new();
    let mut host = operated(&trail);
    let say = |action: &str, key: &str| {
        let request = Request::bare("POST", &format!("/api/v1/{action}"));
        host.admin_send(&bearer(request, key))
    };
    let tell = |action: &str, key: &str| say(action, key).status;
    let file = host.plugins().with_file_name("toolyard.toml");
    let before = std::fs::read_to_string(&file).expect("it was written");
    let write = |text: String| {
        // As an editor does: nobody reads half of it.
        let fresh = host.plugins().with_file_name("fresh");
        std::fs::write(&fresh, text).expect("a file can be written");
        std::fs::rename(&fresh, &file).expect("a file can be renamed");
    };
    assert_eq!(tell("reload", "not-the-key-of-this-host"), 401);
    write(before.replace("'one'", "'two'").replace("drain_notice_ms = 0", "drain_notice_ms = 7"));
    let said = say("reload", &host.admin_key());
    // Whether or not the file was noticed before.
    assert!(said.status == 200 && said.json().to_string().contains("needs a restart: drain_notice_ms"), "{said:?}");
    write(before.replace("prefix", "prefx"));
    assert_eq!(tell("reload", &host.admin_key()), 409);
    assert_eq!(tell("drain", &host.admin_key()), 200);
    assert!(host.wait().success());

    check(
        &trail,
        "wrong_key",
        &[("endpoint", json!("admin")), ("address", json!("127.0.0.1")), ("status", json!(401))],
    );
    let told: Vec<_> = trail.of("admin").iter().map(|told| (told["action"].clone(), told["outcome"].clone())).collect();
    let expected = [("reload", "done"), ("reload", "refused"), ("drain", "done")];
    assert_eq!(told, expected.map(|(action, outcome)| (json!(action), json!(outcome))));
    assert!(trail.of("admin").iter().all(|told| told["address"] == "127.0.0.1"));
    let changed = trail.of("changed");
    let of = |change: &str| changed.iter().filter(|record| record["change"] == change).collect::<Vec<_>>();
    // Whether the file or the question was noticed first: what changed is told once.
    let applied: Vec<_> = of("reloaded").into_iter().filter(|record| !record["applied"].is_null()).collect();
    assert_eq!(applied.len(), 1, "{changed:#?}");
    assert_eq!(applied[0]["applied"], json!(["plugin.echo.prefix"]));
    assert_eq!(applied[0]["needs_restart"], json!(["drain_notice_ms"]));
    let refused = of("refused");
    assert!(refused.iter().all(|record| record["reason"].as_str().is_some_and(|reason| reason.contains("prefx"))));
    assert!(!refused.is_empty());
    trail.check();
}
