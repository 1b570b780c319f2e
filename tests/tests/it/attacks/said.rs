//! Attacks by what is said: answers, progress, news and the log.

use std::process::Command;

use serde_json::json;
use toolyard_tests::{host_program, hostile, output};

use super::Told::{AtFault, Begins, Fails, Says, Something};
use super::{Attack, Counted, contained, setup};

const fn too_large(name: &'static str) -> Attack {
    Attack { name, config: "", told: Fails(&["1048576 bytes"]), counted: Counted::Limit("output_bytes_max") }
}

const fn at_fault(name: &'static str) -> Attack {
    Attack { name, config: "", told: AtFault, counted: Counted::Nothing }
}

const fn says(name: &'static str, text: &'static str) -> Attack {
    Attack { name, config: "", told: Says(text), counted: Counted::Nothing }
}

#[test]
fn in_answers() {
    let attacks = [
        too_large("huge-text"),
        too_large("huge-list"),
        too_large("huge-json"),
        too_large("huge-error"),
        Attack { told: Something, ..at_fault("long-error") },
        Attack { told: Begins("\u{1}\u{1}"), ..at_fault("escapes-that-grow") },
        at_fault("deep-json"),
        at_fault("deep-json-objects"),
        at_fault("json-key-twice"),
        at_fault("json-escaped-key-twice"),
        at_fault("json-lone-surrogate"),
        Attack { told: Something, ..at_fault("json-number-of-a-million-digits") },
        Attack { told: Something, ..at_fault("json-number-beyond-all") },
        at_fault("json-two-texts"),
        Attack { told: Fails(&["stopped"]), ..at_fault("not-utf8") },
        Attack { told: Begins("a\0b"), ..at_fault("unseen-characters") },
        at_fault("unseen-characters-in-an-error"),
        Attack { told: Begins("x\r\n"), ..at_fault("forged-message") },
        at_fault("forged-error"),
        says("meta-of-the-protocol", "told"),
        Attack { told: Something, ..at_fault("meta-that-is-none") },
    ];
    let host = setup(&attacks).start();
    contained(&host, &attacks);
    let told = host.call("meta-of-the-protocol_attack", &json!({}));
    assert!(told["_meta"].get("io.modelcontextprotocol/forged").is_none(), "only the host speaks for it: {told}");
    host.stop();
}

#[test]
fn beside_answers() {
    let attacks = [
        Attack { counted: Counted::Limit("progress_per_second_max"), ..says("progress-flood", "reported") },
        says("progress-that-is-no-number", "reported"),
        says("news-flood", "told"),
        says("news-of-others", "told"),
    ];
    let host = setup(&attacks).start();
    contained(&host, &attacks);
    host.stop();
}

#[test]
fn in_the_log() {
    let attacks = [
        Attack { counted: Counted::Limit("log_lines_max"), ..says("log-lines", "logged") },
        Attack { counted: Counted::Limit("log_bytes_max"), ..says("log-bytes", "logged") },
        says("log-forgery", "logged"),
        Attack { counted: Counted::Limit("log_bytes_max"), ..says("stdout-flood", "written") },
        Attack { counted: Counted::Limit("log_bytes_max"), ..says("stdout-without-end-of-line", "written") },
        says("stdout-empty-lines", "written"),
        says("stderr-forgery", "written"),
        says("stdout-not-utf8", "written"),
    ];
    let host = setup(&attacks).start();
    contained(&host, &attacks);
    let logged: usize = host.log.lines().iter().map(String::len).sum();
    assert!(logged < 2 << 20, "{logged} bytes of log");
    host.stop();
}

/// The log for people has no JSON around it that would hold a line together.
#[test]
fn in_the_log_for_people() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for attack in ["log-forgery", "stderr-forgery", "panic-with-forged-line", "stdout-not-utf8"] {
        let component = folder.path().join(format!("{attack}.wasm"));
        std::fs::write(&component, hostile(attack)).expect("a file can be written");
        let mut command = Command::new(host_program());
        let output = output(command.arg("call").arg(&component).arg("attack"));
        let log = String::from_utf8(output.stderr).expect("the log is text");
        assert!(log.lines().any(|line| line.contains("plugin")), "{attack}: nothing was logged: {log}");
        for line in log.lines() {
            let control = line.chars().find(|c| c.is_control() || "\u{2028}\u{85}".contains(*c));
            assert_eq!(control, None, "{attack}: {line:?}");
            assert!(!line.contains(" ERROR forged-line plugin=\"bystander\""), "{attack}: a forged line: {line}");
            assert!(!line.trim_start().starts_with('{'), "{attack}: a forged line: {line}");
        }
    }
}
