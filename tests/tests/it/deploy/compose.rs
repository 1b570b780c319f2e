//! `deploy/compose`

use serde_json::{Value, json};
use toolyard_tests::output;

use super::files::{checker, document, entries, good, path, read, text, word};
use super::{bytes, fits, seconds};

const FILE: &str = "compose/compose.yaml";

const HOSTS: [&str; 3] = ["toolyard-1", "toolyard-2", "toolyard-3"];

fn schema() -> std::process::Command {
    let mut command = checker("check-jsonschema");
    command.args(["--builtin-schema", "vendor.compose-spec"]);
    command
}

#[test]
fn the_file_is_what_compose_takes() {
    good(schema().arg(path(FILE)));
    // The schema would have something to say.
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let bad = folder.path().join("compose.yaml");
    std::fs::write(&bad, text(FILE).replace("read_only:", "readonly:")).expect("a file can be written");
    assert!(!output(schema().arg(bad)).status.success());
}

#[test]
fn everything_that_is_named_is_there() {
    let file = document(FILE);
    let services = file["services"].as_object().expect("there are services");
    let mut names: Vec<&str> = services.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["nginx", "redis", HOSTS[0], HOSTS[1], HOSTS[2]]);
    for (name, service) in services {
        let all = |key: &str| service[key].as_array().into_iter().flatten();
        for network in all("networks") {
            assert!(file["networks"].get(word(network)).is_some(), "{name}: {network}");
        }
        for secret in all("secrets") {
            let source = secret.as_str().unwrap_or_else(|| word(&secret["source"]));
            assert!(file["secrets"].get(source).is_some(), "{name}: {source}");
        }
        for other in service["depends_on"].as_object().into_iter().flat_map(|others| others.keys()) {
            assert!(!services[other]["healthcheck"].is_null(), "{name} waits for {other}, which says nothing");
        }
        for volume in all("volumes").map(word) {
            let from = volume.split(':').next().expect("it has a source");
            let is_there = match from.strip_prefix("./") {
                Some(file) => path(&format!("compose/{file}")).is_file(),
                None => from.starts_with("${") || file["volumes"].get(from).is_some(),
            };
            assert!(is_there, "{name}: {volume}");
        }
    }
    // Nobody but this machine comes in, and only by nginx.
    let published: Vec<&Value> = services.values().flat_map(|service| service["ports"].as_array()).flatten().collect();
    assert_eq!(published, [&json!("127.0.0.1:8080:8080")]);
}

#[test]
fn every_service_is_confined() {
    let file = document(FILE);
    for (name, service) in file["services"].as_object().expect("there are services") {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"], json!(["ALL"]), "{name}");
        assert_eq!(service["security_opt"], json!(["no-new-privileges:true"]), "{name}");
        assert!(!word(&service["user"]).starts_with('0'), "{name}");
        assert!(!service["mem_limit"].is_null() && !service["healthcheck"].is_null(), "{name}");
        // Docker mounts a tmpfs without execution, and compiled code is mapped from its file.
        let tmpfs = service["tmpfs"].as_array().into_iter().flatten().map(word);
        assert!(tmpfs.into_iter().all(|mount| !mount.starts_with("/var/cache")), "{name}");
    }
    let redis = word(&file["services"]["redis"]["command"][0]);
    for setting in ["appendonly yes", "appendfsync always", "maxmemory-policy noeviction"] {
        assert!(redis.contains(setting), "{setting}: {redis}");
    }
}

#[test]
fn the_hosts_have_what_their_configuration_names() {
    let file = document(FILE);
    let config = read("compose/toolyard.toml");
    for name in HOSTS {
        let host = &file["services"][name];
        fits("compose", bytes(word(&host["mem_limit"])), seconds(&host["stop_grace_period"]) * 1000);
        let mounts = entries(&host["volumes"]).iter().chain(entries(&host["tmpfs"])).map(word);
        let mounts: Vec<&str> = mounts.collect();
        for key in ["plugins", "state_dir", "cache_dir"] {
            let folder = word(&config[key]);
            assert!(mounts.iter().any(|mount| mount.contains(folder)), "{key}: {folder}");
        }
        let secrets = entries(&host["secrets"]).iter().map(|secret| word(&secret["target"]));
        let seal = word(&config["seal"]["keys"][0]["file"]);
        assert!(secrets.into_iter().any(|secret| seal == format!("/run/secrets/{secret}")), "{seal}");
        let open = host["ulimits"]["nofile"]["soft"].as_u64();
        assert!(open > config["limits"]["connections_max"].as_u64().map(|max| 2 * max), "{open:?} open files");
    }
    assert!(word(&config["store"]).contains("//redis:") || word(&config["store"]).contains("@redis:"));
}
