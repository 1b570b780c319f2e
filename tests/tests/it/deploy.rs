//! `deploy/`: what there is to run Toolyard elsewhere. There is no cluster and no container engine in a test; what they
//! would read is held against their schemas and against each other, and what can run here does.

mod compose;
mod files;
mod image;
mod kubernetes;
mod nginx;
mod redis;
mod systemd;

use serde_json::{Value, json};
use toolyard_tests::{Host, Setup};

use crate::expect;
use files::{read, text, word};
use redis::Redis;

/// Bytes for compiled code and for the host itself, besides what calls may use.
const BESIDES_CALLS: u64 = 1 << 30;

/// Milliseconds that a host has to end after the last call.
const TO_END_MS: u64 = 5000;

/// The configurations of hosts that share their state with nobody.
const ALONE: [&str; 2] = ["container", "systemd"];

/// Every folder with a configuration.
const FOLDERS: [&str; 5] = ["compose", "container", "kubernetes", "kubernetes-with-redis", "systemd"];

/// A host with the configuration of a folder, and the Redis that it shares with others. Addresses, folders and secrets are this machine's; all else is as it stands.
fn setup(folder: &str, redis: Option<&Redis>) -> Setup {
    let mut config = text(&format!("{folder}/toolyard.toml"));
    let mut replace = |from: &str, to: &str| {
        assert!(config.contains(from), "{folder}: no `{from}`: {config}");
        config = config.replace(from, to);
    };
    replace(if folder == "systemd" { "127.0.0.1:9090" } else { "0.0.0.0:9090" }, "127.0.0.1:0");
    assert_eq!(redis.is_none(), ALONE.contains(&folder), "{folder}");
    if let Some(redis) = redis {
        let store = read(&format!("{folder}/toolyard.toml"))["store"].take();
        replace(word(&store), &format!("redis://{}", redis.address));
        replace("/run/secrets/toolyard/redis-password", &redis.secret());
        replace("file = \"/run/secrets/toolyard/seal.key\"", &format!("secret = \"{}\"", "A".repeat(43) + "="));
    }
    let tools =
        json!([{ "name": "echo", "input_schema": nginx::SCHEMA }, { "name": "wait", "act": { "wait": "waited" } }]);
    // `--listen`, `--plugins`, `--state-dir` and `--cache-dir` are said by the harness, and win.
    Setup::new().script("d", &json!({ "tools": tools })).config(&config)
}

fn is_served(host: &Host) {
    assert_eq!(host.ready["refused"], json!([]), "{}", host.ready);
    assert_eq!(host.admin("/readyz").status, 200);
    assert_eq!(host.admin("/healthz").status, 200);
    assert_eq!(expect::json_text(&host.call("d_echo", &json!({ "a": 1 }))), json!({ "a": 1 }));
}

#[test]
fn every_configuration_is_taken() {
    let redis = Redis::start();
    for folder in FOLDERS {
        let host = setup(folder, Some(&redis).filter(|_| !ALONE.contains(&folder))).start();
        is_served(&host);
        host.stop();
    }
}

#[test]
fn what_the_image_serves_by_itself_has_to_be_meant() {
    // As the image does, and without the harness, which would say where to listen.
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::create_dir(folder.path().join("plugins")).expect("a folder can be made");
    let config = files::path("container/toolyard.toml");
    let mut command = std::process::Command::new(toolyard_tests::host_program());
    command.args(["serve", "--cache-dir", "", "--state-dir", "", "--plugins"]).arg(folder.path().join("plugins"));
    let output = toolyard_tests::output(command.arg("--config").arg(config));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("0.0.0.0:8080") && said.contains("--allow-anonymous"), "{said}");
}

#[test]
fn the_configurations_with_and_without_a_redis_of_their_own_differ_in_nothing_else() {
    let (mut one, mut other) = (read("kubernetes/toolyard.toml"), read("kubernetes-with-redis/toolyard.toml"));
    let stores = [one["store"].take(), other["store"].take()];
    assert_ne!(stores[0], stores[1]);
    assert_eq!(one, other);
}

/// Checks that a host with this configuration has room for all of its calls, and time to drain.
fn fits(folder: &str, memory_bytes: u64, stop_ms: u64) {
    let config = read(&format!("{folder}/toolyard.toml"));
    let number = |name: &str, of: &Value| of[name].as_u64().unwrap_or_else(|| panic!("{folder}: `{name}` is not said"));
    let limit = |name: &str| number(name, &config["limits"]);
    let calls = limit("calls_max") * limit("memory_bytes_max");
    assert!(calls + BESIDES_CALLS <= memory_bytes, "{folder}: {calls} bytes for calls, of {memory_bytes}");
    let drain_ms = number("drain_notice_ms", &config) + limit("drain_ms_max");
    assert!(drain_ms + TO_END_MS <= stop_ms, "{folder}: {drain_ms} ms to drain, killed after {stop_ms}");
}

/// Bytes, from a number with one of the suffixes that these files use.
fn bytes(text: &str) -> u64 {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let power = match unit {
        "" => 0,
        "Mi" | "m" | "M" => 20,
        "Gi" | "g" | "G" => 30,
        _ => panic!("an unexpected unit: {text}"),
    };
    number.parse::<u64>().unwrap_or_else(|error| panic!("no number ({error}): {text}")) << power
}

/// Seconds of `45s`.
fn seconds(value: &Value) -> u64 {
    let number = value.as_str().and_then(|text| text.strip_suffix('s')).and_then(|text| text.parse().ok());
    number.unwrap_or_else(|| panic!("no seconds: {value}"))
}

#[test]
fn the_page_says_how_to_make_every_secret() {
    let page = std::fs::read_to_string(files::root().join("docs/deploy.md")).expect("the page is there");
    for word in ["--from-file=seal.key", "--from-file=redis-password", "secrets/seal.key", "secrets/redis-password"] {
        assert!(page.contains(word), "docs/deploy.md does not say `{word}`");
    }
    for folder in std::fs::read_dir(files::root().join("deploy")).expect("deploy/ is there") {
        let name = folder.expect("an entry can be read").file_name();
        let name = name.to_string_lossy();
        assert!(page.contains(&format!("deploy/{name}")), "docs/deploy.md does not say `deploy/{name}`");
    }
}
