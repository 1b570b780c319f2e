//! The store that hosts share: a real Redis that comes and goes, asks for a password, speaks TLS, is one of several.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use toolyard_tests::redis::{self, Redis};
use toolyard_tests::{Authority, Host, Setup, eventually, guest, host_program, output};

use crate::expect;
use crate::sessions::keys;

/// A host with a plugin that keeps values, and one that does not.
fn setup(store: &str) -> Setup {
    let tools = json!([{ "name": "echo" }]);
    let config = format!("{store}\nadmin_listen = '127.0.0.1:0'\n[plugin.a.grants.keyvalue]\n{}", keys(&[("1", 'k')]));
    Setup::new().file("a.wasm", guest("keeper")).script("s", &json!({ "tools": tools })).config(&config)
}

fn at(redis: &Redis) -> String {
    format!("store = '{}'", redis.url())
}

fn set(host: &Host, key: &str, value: &str) -> Value {
    host.call("a_kv_set", &json!({ "key": key, "value": value }))
}

fn get(host: &Host, key: &str) -> Value {
    host.call("a_kv_get", &json!({ "key": key }))
}

/// Checks that what needs no store is served as ever.
fn is_served(host: &Host) {
    assert_eq!(expect::json_text(&host.call("s_echo", &json!({ "a": 1 }))), json!({ "a": 1 }));
    assert!(host.tools().contains(&"s_echo".to_owned()));
    assert_eq!(host.admin("/readyz").status, 200);
}

/// Waits until values can be kept again.
fn is_kept_again(host: &Host, key: &str) {
    eventually("the store to be back", || (set(host, key, "v")["isError"] != json!(true)).then_some(()));
    assert_eq!(expect::json_text(&get(host, key)), "v");
}

#[test]
fn hosts_on_one_redis_share_what_is_kept() {
    let redis = Redis::start();
    let (one, two) = (setup(&at(&redis)).start(), setup(&at(&redis)).start());
    expect::text(&set(&one, "k", "one"));
    assert_eq!(expect::json_text(&get(&two, "k")), "one");
    for host in [&one, &two, &one] {
        expect::text(&host.call("a_kv_increment", &json!({ "key": "n", "delta": 1 })));
    }
    assert_eq!(expect::json_text(&get(&two, "n")), "3");

    // A session of one is a session of the other, and its end is the end.
    let session = one.legacy("2025-11-25");
    session.notify("notifications/initialized", &json!({}));
    assert_eq!(session.send("logging/setLevel", &json!({ "level": "error" })).status, 200);
    let moved = session.moved_to(&two);
    assert_eq!(moved.send("ping", &json!({})).status, 200);
    assert_eq!(moved.delete().status, 200);
    eventually("the session to have ended", || (session.send("ping", &json!({})).status == 404).then_some(()));

    // Another installation on the same server has its own.
    let other = setup(&format!("{}\nstore_prefix = 'other'", at(&redis))).start();
    assert_eq!(expect::json_text(&get(&other, "k")), Value::Null);
    for host in [one, two, other] {
        host.stop();
    }
}

#[test]
fn a_redis_that_is_away_takes_with_it_only_what_needs_it() {
    let mut redis = Redis::start();
    redis.kill();
    let host = setup(&at(&redis)).start();
    host.log.wait_for(&["the store is away", &redis.url()]);
    is_served(&host);
    let said = expect::failure(&set(&host, "k", "v"));
    assert!(!said.contains("127.0.0.1"), "no address goes to a client: {said}");

    redis.start_again();
    is_kept_again(&host, "first");
    host.log.wait_for(&["the store is there"]);
    is_served(&host);

    // A restart is not noticed: who comes meanwhile waits for it.
    redis.kill();
    redis.start_again();
    is_kept_again(&host, "second");
    assert_eq!(expect::json_text(&get(&host, "first")), "v", "it was written before it was said to be");

    redis.kill();
    eventually("the store to be given up", || (set(&host, "k", "v")["isError"] == json!(true)).then_some(()));
    is_served(&host);
    redis.start_again();
    is_kept_again(&host, "third");
    let away = host.log.lines().iter().filter(|line| line.contains("the store is away")).count();
    assert!(away <= 2, "it is said once each time: {:#?}", host.log.lines());
    host.stop();
}

#[test]
fn a_password_is_a_secret() {
    let redis = redis::Setup::new().password("hunter2").start();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("password");
    fs::write(&file, "hunter2\n").expect("a file can be written");
    let access =
        |file: &Path| format!("{}\nstore_password = 'redis'\nsecret.redis.file = '{}'", at(&redis), file.display());
    let host = setup(&access(&file)).start();
    expect::text(&set(&host, "k", "v"));
    assert!(!host.log.has(&["hunter2"]), "{:#?}", host.log.lines());
    host.stop();

    let url = redis.url();
    is_refused(&at(&redis), &[&url, "NOAUTH"]);
    fs::write(&file, "hunter3").expect("a file can be written");
    is_refused(&access(&file), &[&url, "cannot use the store"]);
    is_refused(&access(&folder.path().join("nothing")), &["secret `redis`", "cannot be read"]);
    let word = redis.url().replace("://", "://:hunter2@");
    is_refused(&format!("store = '{word}'"), &["`store_password`"]);
}

#[test]
fn what_cannot_be_used_as_a_store_is_said_at_start() {
    let redis = Redis::start();
    assert_eq!(redis.ask("SET toolyard:schema 99"), "+OK");
    is_refused(&at(&redis), &["version 99", "newer host"]);
    is_refused("store = 'http://127.0.0.1'", &["toolyard.toml", "`store`", "redis://HOST"]);
    is_refused("store = 'redis://127.0.0.1:0x10'", &["`store`", "127.0.0.1:0x10"]);
    is_refused("store_prefix = 'x'", &["`store`"]);
    is_refused("store = 'redis://a'\nstore_password = 'p'", &["[secret.p]"]);
    is_refused("store = 'redis://a'\nstore_ca_files = ['ca.pem']", &["`store_ca_files`", "rediss"]);
    is_refused("store = 'rediss://a'\nstore_ca_files = ['no.pem']", &["`store_ca_files`", "no.pem"]);
    is_refused("stor = 'redis://a'", &["did you mean `store`"]);
}

/// Checks that a host with this configuration does not start, and says why in these words and not with a password.
fn is_refused(store: &str, words: &[&str]) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::create_dir(folder.path().join("plugins")).expect("a folder can be made");
    fs::write(folder.path().join("toolyard.toml"), store).expect("a file can be written");
    let mut command = Command::new(host_program());
    command.current_dir(folder.path()).args(["serve", "--listen", "127.0.0.1:0", "--config", "toolyard.toml"]);
    let output = output(command.args(["--cache-dir", "", "--state-dir", "state"]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{store}: {said}");
    assert!(words.iter().all(|word| said.contains(word)) && !said.contains("hunter"), "{store}: {said}");
}

#[test]
fn a_redis_that_throws_data_away_is_warned_of() {
    let redis = redis::Setup::new().line("maxmemory 100mb").line("maxmemory-policy allkeys-lru").start();
    let host = setup(&at(&redis)).start();
    host.log.wait_for(&["allkeys-lru", "noeviction"]);
    host.stop();
}

#[test]
fn a_redis_that_speaks_tls_is_one_that_somebody_vouches_for() {
    let authority = Authority::new();
    let files: TempDir = authority.files("127.0.0.1");
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| files.path().join(name));
    let redis = redis::Setup::new().tls(&certificate, &key, &authority.file()).start();
    let store = format!("store = '{}'", redis.url().replace("redis:", "rediss:"));
    let known = format!("{store}\nstore_ca_files = ['{}']", authority.file().display());
    let host = setup(&known).start();
    expect::text(&set(&host, "k", "v"));
    assert_eq!(expect::json_text(&get(&host, "k")), "v");
    host.stop();

    // Nobody that the system trusts vouches for it; and it does not do without TLS.
    for stranger in [store, at(&redis)] {
        let host = setup(&stranger).start();
        host.log.wait_for(&["the store is away"]);
        expect::failure(&set(&host, "k", "v"));
        is_served(&host);
        host.stop();
    }
}

#[test]
fn a_cluster_is_a_store() {
    let nodes = redis::cluster();
    let nodes: Vec<String> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
    let store = |node: &str| format!("store = 'redis+cluster://{node}'");
    let (one, two) = (setup(&store(&nodes.join(","))).start(), setup(&store(&nodes[1])).start());
    expect::text(&set(&one, "k", "one"));
    assert_eq!(expect::json_text(&get(&two, "k")), "one");
    let session = one.legacy("2025-11-25");
    assert_eq!(session.moved_to(&two).delete().status, 200);
    eventually("the session to have ended", || (session.send("ping", &json!({})).status == 404).then_some(()));
    one.stop();
    two.stop();
}

#[test]
fn sentinels_say_which_server_it_is_now() {
    let mut first = Redis::start();
    let second = redis::Setup::new().line(&format!("replicaof 127.0.0.1 {}", first.port())).start();
    redis::wait_until("the replica to follow", || second.ask("INFO replication").contains("master_link_status:up"));
    let sentinel = redis::Setup::new().sentinel(&first).start();
    redis::wait_until("the sentinel to know the replica", || {
        sentinel.ask("SENTINEL master main").contains("num-slaves\r\n1")
    });
    let host = setup(&format!("store = 'redis+sentinel://127.0.0.1:{}/main'", sentinel.port())).start();
    expect::text(&set(&host, "k", "v"));
    assert_eq!(first.ask("WAIT 1 10000"), ":1");
    first.kill();
    is_kept_again(&host, "after");
    assert_eq!(expect::json_text(&get(&host, "k")), "v");
    is_served(&host);
    host.stop();
}
