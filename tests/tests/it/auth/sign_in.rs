//! The official TypeScript client signs in at a real identity provider.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use toolyard_tests::{Host, Issuer, client_folder, output};

use super::{not_logged, trust, trusting};

/// Runs `signin.mjs` in this mode, and gives the lines that it prints.
fn sign_in(host: &Host, mode: &str) -> Vec<Value> {
    let folder = client_folder("node");
    let beside = folder.join("drivers").join(format!("signin-{mode}"));
    fs::create_dir_all(&beside).expect("a folder can be made");
    let fresh = tempfile::NamedTempFile::new_in(&beside).expect("a file can be made");
    fs::write(fresh.path(), include_str!("../../../clients/signin.mjs")).expect("a file can be written");
    let script = beside.join("driver.mjs");
    fresh.persist(&script).expect("a file can be renamed");
    let output = output(Command::new(folder.join("run-node")).arg(script).args([&host.url(), mode]));
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "the script ended with {}: {errors}{said}", output.status);
    let lines = said.lines().map(|line| serde_json::from_str(line).expect("it prints JSON"));
    let lines: Vec<Value> = lines.collect();
    assert_eq!(lines.last(), Some(&json!({ "closed": true })), "{lines:?}");
    lines
}

/// The values of `key`, in their order.
fn all<'a>(lines: &'a [Value], key: &str) -> Vec<&'a Value> {
    lines.iter().filter_map(|line| line.get(key)).collect()
}

/// The statuses that the client met at the endpoint, without those in a row that are the same.
fn statuses(lines: &[Value]) -> Vec<u64> {
    let met = lines.iter().filter(|line| line.get("again").is_none());
    let mut statuses: Vec<u64> = met.filter_map(|line| line["status"].as_u64()).collect();
    statuses.dedup();
    statuses
}

#[test]
fn a_person_signs_in_and_steps_up() {
    let issuer = Issuer::start();
    let host = trusting(&issuer, "");
    let lines = sign_in(&host, "person");
    // Let in, refused for one tool, let in again with what that takes beside what there was.
    assert_eq!(statuses(&lines), [401, 200, 403, 200], "{lines:#?}");
    assert_eq!(all(&lines, "asks"), ["read", "read write"], "{lines:#?}");
    assert_eq!(all(&lines, "granted"), ["read", "read write"], "{lines:#?}");
    assert_eq!(all(&lines, "resource"), [&host.url(), &host.url()]);
    assert_eq!(all(&lines, "sum"), [&json!(42)]);
    let context = all(&lines, "context")[0];
    assert_eq!((&context["tenant"], &context["scopes"]), (&json!("default"), &json!(["read", "write"])));
    not_logged(&host, &["eyJ"]);
    host.stop();
}

#[test]
fn a_program_calls_on_its_own_behalf() {
    let issuer = Issuer::start();
    let host = trusting(&issuer, "");
    let lines = sign_in(&host, "machine");
    // It needs nobody to agree, so it steps up by itself.
    assert_eq!(statuses(&lines), [401, 200, 403, 200], "{lines:#?}");
    assert_eq!(all(&lines, "sum"), [&json!(42)]);
    host.stop();
}

#[test]
fn a_token_that_is_bound_to_a_key_is_of_no_use_without_it() {
    let issuer = Issuer::start();
    for more in ["", "[auth.dpop]\nrequired = true", "[auth.dpop]\nnonce = true"] {
        let host = super::host(&format!("{}{more}\n", trust(&issuer, "")));
        let lines = sign_in(&host, "person-dpop");
        assert_eq!(all(&lines, "sum"), [&json!(42)], "{more}: {lines:#?}");
        assert_eq!(all(&lines, "type"), ["DPoP", "DPoP"], "{more}");
        let again: Vec<(&str, u64, &str)> = lines
            .iter()
            .filter_map(|line| {
                let challenge = line["challenge"].as_str().unwrap_or_default();
                Some((line["again"].as_str()?, line["status"].as_u64()?, challenge))
            })
            .collect();
        assert_eq!(again.len(), 9, "{lines:#?}");
        for (name, status, challenge) in again {
            let error = match name {
                "anew" => {
                    assert_eq!(status, 200, "{more}: {challenge}");
                    continue;
                }
                "as a bearer" => "error=\"invalid_token\"",
                _ => "error=\"invalid_dpop_proof\"",
            };
            assert!(
                status == 401 && challenge.starts_with("DPoP ") && challenge.contains(error),
                "{name}: {challenge}"
            );
        }
        not_logged(&host, &["eyJ"]);
        host.stop();
    }
}
