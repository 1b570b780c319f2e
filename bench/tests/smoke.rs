//! The benchmark itself, run as a whole: a quick run over the servers that need no host.

use std::process::Command;

use serde_json::Value;

#[test]
fn a_quick_run_measures_the_peers() {
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("out.json");
    let output = Command::new(env!("CARGO_BIN_EXE_toolyard-bench"))
        .args(["--peers-only", "--quick", "--connections", "1,4", "--json"])
        .arg(&json)
        .output()
        .expect("the benchmark runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stderr}");
    for row in ["a  floor (bare axum)", "c1 rmcp as", "c2 rmcp as", "d  rmcp by", "a' floor, two cores"] {
        assert!(stdout.lines().any(|line| line.starts_with(&format!("| {row}"))), "{row} is not in\n{stdout}");
    }
    let report: Value = serde_json::from_slice(&std::fs::read(&json).expect("written")).expect("JSON");
    let rows = report["load"]["rows"].as_array().expect("rows");
    // Four servers at both numbers of connections, and the floor on two cores at the larger one.
    assert_eq!(rows.len(), 9, "{report:#}");
    for row in rows {
        assert_eq!(row["requests_per_second"].as_array().map(Vec::len), Some(2), "two rounds in {row}");
        assert!(
            row["requests_per_second"][0].as_f64() > Some(0.0) && row["latency_us"]["p50"].as_f64() > Some(0.0),
            "{row}"
        );
        assert!(row["server_cpu_us_per_request"][0].as_f64() > Some(0.0), "{row}");
    }
}

#[test]
fn a_host_that_does_not_start_is_an_error_that_shows_its_log() {
    let output = Command::new(env!("CARGO_BIN_EXE_toolyard-bench"))
        .args(["--quick", "--only", "load", "--host", "/bin/ls", "--guests"])
        .arg(guests_with_an_echo().path())
        .output()
        .expect("the benchmark runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{stderr}");
    assert!(stderr.contains("/bin/ls did not get ready; its log:\n/bin/ls: "), "{stderr}");
}

fn guests_with_an_echo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("echo.wasm"), b"\0asm").expect("written");
    folder
}
