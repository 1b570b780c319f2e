//! `deploy/systemd`

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::json;
use toolyard_tests::{Site, host_program, output, scripted};

use super::files::{good, path, read, root, text, word};
use super::{bytes, fits, is_served, setup};
use crate::expect;

const UNIT: &str = "systemd/toolyard.service";

/// The highest exposure that `systemd-analyze security` may find, times ten. It finds 1.5, of 10: network and local sockets, and code that
/// is made while it runs, are what the host is for.
const EXPOSURE_MAX: u32 = 16;

fn analyze() -> Command {
    let command = Command::new("systemd-analyze");
    assert!(
        Command::new("systemd-analyze").arg("--version").output().is_ok(),
        "systemd-analyze is missing: install it (Debian: systemd)"
    );
    command
}

/// Each setting with its last value.
fn settings() -> BTreeMap<String, String> {
    let text = text(UNIT);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The words that run a program under the unit's filters of system calls, with these settings in place of the unit's.
fn confined(instead: &[&str]) -> Vec<String> {
    let script = root().join("tests/deploy/confined.py");
    let words = ["python3".into(), script.display().to_string(), path(UNIT).display().to_string()];
    words.into_iter().chain(instead.iter().map(|&word| word.to_owned())).chain(["--".to_owned()]).collect()
}

#[test]
fn the_unit_is_what_systemd_takes() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let unit = folder.path().join("toolyard.service");
    let verify = |text: &str| {
        fs::write(&unit, text.replace("/usr/local/bin/toolyard", &host_program().display().to_string()))
            .expect("a file can be written");
        let output = output(analyze().args(["verify", "--man=no"]).arg(&unit));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert_eq!(verify(&text(UNIT)), "");
    assert!(verify(&text(UNIT).replace("ProtectHome=", "ProtectHouse=")).contains("ProtectHouse"));
    good(
        analyze()
            .args(["security", "--offline=yes", "--no-pager"])
            .arg(format!("--threshold={EXPOSURE_MAX}"))
            .arg(&unit),
    );
}

#[test]
fn the_unit_has_what_the_configuration_names() {
    let (settings, config) = (settings(), read("systemd/toolyard.toml"));
    assert_eq!(word(&config["state_dir"]), format!("/var/lib/{}", settings["StateDirectory"]));
    assert_eq!(word(&config["cache_dir"]), format!("/var/cache/{}", settings["CacheDirectory"]));
    assert!(
        settings["ExecStart"].ends_with(&format!("--config /etc/{}/toolyard.toml", settings["ConfigurationDirectory"]))
    );
    let stop_ms = settings["TimeoutStopSec"].parse::<u64>().expect("it is in seconds") * 1000;
    fits("systemd", bytes(&settings["MemoryMax"]), stop_ms);
}

#[test]
fn the_host_can_do_its_work_under_the_units_filters() {
    let site = Site::saying("hello");
    let grant = format!(
        "\n[secret.token]\ncommand = [\"echo\", \"secret\"]\n[[plugin.caller.grants.http]]\nurl = \"{}\"\n\
         headers = [{{ name = \"Authorization\", secret = \"token\" }}]\n[plugin.busy.limits]\ncpu_ms_max = 200\n",
        site.url()
    );
    let cache = tempfile::tempdir().expect("a temporary folder can be made");
    let busy = scripted(&json!({ "tools": [{ "name": "spin", "act": "spin" }] }));
    // The second finds the code that the first has compiled.
    for _ in 0..2 {
        let host =
            setup("systemd", None).config(&grant).guest("caller").file("busy.wasm", busy.clone()).under(&confined(&[]));
        let host = host.cache(cache.path()).start();
        is_served(&host);
        assert!(host.legacy("2025-11-25").id.is_some());
        let fetched = host.call("caller_fetch", &json!({ "url": site.url() }));
        assert_eq!(fetched["structuredContent"]["body"], "hello", "{fetched}");
        // It goes on in the slow lane, whose threads make way for others.
        expect::failure(&host.call("busy_spin", &json!({})));
        assert!(!host.log.has(&["WARN"]), "{:#?}", host.log.lines());
        host.stop();
    }
}

/// What the unit's comment says of MemoryDenyWriteExecute=.
#[test]
fn no_plugin_loads_where_no_code_can_be_made() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let plugin = folder.path().join("p.wasm");
    fs::write(&plugin, scripted(&json!({ "tools": [{ "name": "echo" }] }))).expect("a file can be written");
    let inspect = |instead: &[&str]| {
        let words = confined(instead);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg(host_program()).args(["inspect", "--cache-dir", "", "--state-dir", ""]);
        output(command.arg(&plugin))
    };
    assert!(inspect(&[]).status.success());
    let output = inspect(&["MemoryDenyWriteExecute=yes"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("executable"), "{said}");
    // And the filter is one: without what it lets through, there is no host at all.
    assert!(!inspect(&["SystemCallFilter=@basic-io"]).status.success());
}
