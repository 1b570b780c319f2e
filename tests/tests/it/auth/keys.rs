//! API keys, and `toolyard keys`.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;
use toolyard_tests::{Setup, eventually, host_program, keys, output};

use super::{bearer, call, challenge, context, host, list, not_logged};

/// `toolyard keys …` with the keys in this file, which may go wrong.
fn tried(file: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(host_program());
    command.arg("keys").arg("--file").arg(file).args(arguments);
    output(&mut command)
}

#[test]
fn keys_are_made_used_rotated_and_revoked_while_the_host_runs() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("keys.jsonl");
    let first =
        keys(&file, &["add", "--subject", "ci", "--id", "ci", "--scope", "read", "--scope", "write", "--group", "g"]);
    let host = host(&format!("[auth]\nkeys_file = '{}'\n", file.display()));
    let status = |key: &str| list(&host, &format!("Bearer {key}")).status;
    let told = context(&host, &bearer(call("echo_context", &json!({})), &first));
    assert_eq!(told["scopes"], json!(["read", "write"]));
    let subject = told["subject"].clone();
    assert_eq!(challenge(&host.modern("tools/list", json!({})), 401), "Bearer realm=\"toolyard\"");

    let second = keys(&file, &["rotate", "ci", "--overlap", "1h"]);
    eventually("the new key to be known", || (status(&second) == 200).then_some(()));
    assert_eq!(status(&first), 200, "the old one stays good for an hour");
    let told = context(&host, &bearer(call("echo_context", &json!({})), &second));
    assert_eq!(told["subject"], subject, "it is the same caller");

    let shown = keys(&file, &["list"]);
    assert!(shown.contains("ci  ci of default  until 2") && shown.contains("scopes: read write"), "{shown}");
    keys(&file, &["revoke", "ci"]);
    eventually("the old key to be gone", || (status(&first) == 401).then_some(()));
    assert_eq!(status(&second), 200);

    let written = std::fs::read_to_string(&file).expect("the file can be read");
    let secret = |key: &str| key.rsplit_once('_').expect("a key has a secret").1.to_owned();
    assert!(!written.contains(&secret(&second)) && !shown.contains(&secret(&second)), "{written}");
    // A file that is broken takes nobody's key away.
    std::fs::write(&file, "broken").expect("a file can be written");
    host.log.wait_for(&["API keys that were known stay in use"]);
    assert_eq!(status(&second), 200);
    not_logged(&host, &[&secret(&first), &secret(&second)]);
    host.stop();
}

#[test]
fn a_key_that_has_ended_is_no_key() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("keys.jsonl");
    let key = keys(&file, &["add", "--subject", "ci", "--id", "ci"]);
    let other = keys(&file, &["rotate", "ci", "--overlap", "0s"]);
    let host = host(&format!("[auth]\nkeys_file = '{}'\n", file.display()));
    let ended = list(&host, &format!("Bearer {key}"));
    assert!(challenge(&ended, 401).contains("error=\"invalid_token\""));
    assert_eq!(list(&host, &format!("Bearer {other}")).status, 200);
    assert!(keys(&file, &["list"]).contains("ci  ci of default  ended 2"));
    host.stop();
}

#[test]
fn mistakes_say_what_to_do() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("keys.jsonl");
    keys(&file, &["add", "--subject", "ci", "--id", "ci"]);
    for (arguments, reason) in [
        (&["add", "--subject", "ci", "--id", "ci"][..], "there is a key `ci` already"),
        (&["add", "--subject", "anonymous"], "it is not `anonymous`"),
        (&["add", "--subject", "x", "--expires", "soon"], "write such as 90d"),
        (&["add", "--subject", "x", "--scope", "a b"], "`a b` is no scope"),
        (&["revoke", "other"], "there is no key `other`"),
        (&["rotate", "other"], "there is no key `other`"),
    ] {
        let output = tried(&file, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(3) && said.contains(reason), "{arguments:?}: {output:?}");
    }
    assert_eq!(keys(&file, &["list"]).lines().count(), 1);
}

#[test]
fn a_host_that_asks_may_listen_everywhere() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("keys.jsonl");
    let key = keys(&file, &["add", "--subject", "ci"]);
    let config = format!("[auth]\nkeys_file = '{}'\n", file.display());
    let setup = Setup::new().guest("echo").config(&config).listen("0.0.0.0:0".parse().expect("an address"));
    let host = setup.start();
    host.log.wait_for(&["travel unencrypted"]);
    assert_eq!(list(&host, &format!("Bearer {key}")).status, 200);
    challenge(&host.modern("tools/list", json!({})), 401);
    host.stop();
}

#[test]
fn guests_are_let_in_where_the_operator_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("keys.jsonl");
    let key = keys(&file, &["add", "--subject", "ci", "--scope", "write"]);
    let host = host(&format!("[auth]\nkeys_file = '{}'\nanonymous = true\n", file.display()));
    assert_eq!(host.modern("tools/list", json!({})).status, 200);
    assert_eq!(host.send(&call("echo_add", &json!({ "a": 1, "b": 1 }))).status, 403);
    assert_eq!(host.send(&bearer(call("echo_add", &json!({ "a": 1, "b": 1 })), &key)).status, 200);
    challenge(&list(&host, "Bearer ty_no_such"), 401);
    host.stop();
}
