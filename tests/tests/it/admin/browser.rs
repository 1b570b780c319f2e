//! The page, in a browser as people have it: Chromium, driven by Playwright, and looked over by axe.

use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use toolyard_tests::{client_folder, output, target};

use super::{begin, host, in_flight};

/// The browser: a package of the system's.
fn chromium() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("chromium")).find(|program| program.is_file());
    found.expect("chromium is missing: install it (Debian: chromium), or run `cargo xtask test`, which does")
}

#[test]
fn the_page_shows_the_host_to_everybody() {
    let packages = target().join("browser");
    assert!(packages.join("node_modules").is_dir(), "{} is missing: run `cargo xtask test`", packages.display());
    // The call has to outlive the walk.
    let mut host = host("[limits]\ntimeout_ms_max = 3_600_000\n");
    host.call("p_say", &json!({}));
    host.call("caller_fetch", &json!({ "url": "http://127.0.0.1:9/private" }));
    let running = begin(&host, "p_wait");
    in_flight(&host, "p_wait");
    // Node looks for packages beside the script.
    let script = packages.join("admin.mjs");
    std::fs::write(&script, include_str!("../../../browser/admin.mjs")).expect("a file can be written");
    let mut command = Command::new(client_folder("node").join("run-node"));
    command.arg(&script).arg(chromium()).arg(format!("http://{}/", host.admin_address())).arg(host.admin_key());
    let output = output(&mut command);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.ends_with("all is well\n"), "{said}");
    // The last thing it did was to tell the host to drain.
    drop(running);
    assert!(host.wait().success());
}
