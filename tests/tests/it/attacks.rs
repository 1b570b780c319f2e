//! Attacks of plugins on the host, each a component of its own: what the caller reads of it, what nobody is to see, what is
//! counted, and that nobody else notices. The attacks themselves stand in `tests/guests/hostile`.

mod calls;
mod corrupted;
mod descriptions;
mod folders;
mod network;
mod said;

use std::fs;

use serde_json::{Value, json};
use toolyard_tests::{Host, Setup, eventually, hostile, undisturbed};

/// Low, so that tests are quick.
const LIMITS: &str = "
    admin_listen = '127.0.0.1:0'
    [limits]
    calls_max = 16
    timeout_ms_max = 20000
    cpu_ms_max = 5000
    memory_bytes_max = 33554432
    output_bytes_max = 1048576
    log_bytes_max = 16384
    log_lines_max = 100
    warm_instances_max = 4
";

/// For attacks that would keep a processor.
const LITTLE_CPU: &str = "[plugin.NAME.limits]\ncpu_ms_max = 150\n";

/// For attacks that would wait.
const LITTLE_TIME: &str = "[plugin.NAME.limits]\ntimeout_ms_max = 300\n";

/// What no attack may make the host use, in bytes beyond what it uses before: every call together has less.
const MEMORY_MAX: u64 = 512 << 20;

/// What never stands in an answer or in a line of the log as if it were the host's.
const NEVER: &[&str] = &["the-secret", "root:x:0", "HOSTILE_SECRET="];

/// One attack.
struct Attack {
    name: &'static str,
    /// What the operator set for it; `NAME` stands for its name.
    config: &'static str,
    told: Told,
    counted: Counted,
}

/// What the metrics tell of it.
#[derive(Clone, Copy)]
enum Counted {
    Nothing,
    /// That this limit was reached.
    Limit(&'static str),
    /// That something was refused for want of this grant.
    Refusal(&'static str),
}

/// What the caller reads.
enum Told {
    /// That the tool failed, with these words.
    Fails(&'static [&'static str]),
    /// This text, which says that the attack came to nothing.
    Says(&'static str),
    /// A text that begins so.
    Begins(&'static str),
    /// That the plugin is at fault, as a failure or an internal error.
    AtFault,
    /// An answer that has no more to it than that it is one.
    Something,
}

/// A host with all of these plugins and no others.
fn setup(attacks: &[Attack]) -> Setup {
    attacks.iter().fold(Setup::new().config(LIMITS), |setup, attack| {
        let component = hostile(attack.name);
        setup.file(&format!("{}.wasm", attack.name), component).config(&attack.config.replace("NAME", attack.name))
    })
}

/// Makes all the attacks in both eras, while somebody else's calls go on; and looks at what is left.
fn contained(host: &Host, attacks: &[Attack]) {
    assert_eq!(host.ready["refused"], json!([]));
    let before = memory(host, "VmRSS");
    undisturbed(host, || {
        for attack in attacks {
            let tool = format!("{}_attack", attack.name);
            let params = json!({ "name": tool, "arguments": {}, "_meta": { "progressToken": "p" } });
            attack.check(&host.modern("tools/call", params.clone()).answer());
            let session = host.legacy("2025-11-25");
            attack.check(&session.send("tools/call", &params).answer());
        }
    });
    for attack in attacks {
        let (counter, label) = match attack.counted {
            Counted::Nothing => continue,
            Counted::Limit(limit) => ("toolyard_limit_reached_total", ("limit", limit)),
            Counted::Refusal(grant) => ("toolyard_refused_total", ("grant", grant)),
        };
        let count = metric(host, counter, &[("plugin", attack.name), label]);
        assert!(count >= 2, "{}: {counter} of {label:?} is {count}", attack.name);
    }
    nothing_is_left(host);
    let used = memory(host, "VmHWM").saturating_sub(before);
    assert!(used < MEMORY_MAX, "the host used {used} bytes more than before");
    clean(&host.log.lines());
}

impl Attack {
    fn check(&self, answer: &Value) {
        let name = self.name;
        let result = &answer["result"];
        let text = result["content"][0]["text"].as_str().unwrap_or_default();
        let failed = result["isError"] == true;
        match self.told {
            Told::Fails(words) => {
                assert!(failed, "{name}: it did not fail: {}", short(answer));
                crate::expect::sentence(text);
                for word in words {
                    assert!(text.contains(word), "{name}: `{word}` is not said: {}", short(answer));
                }
            }
            Told::Says(words) => assert_eq!((failed, text), (false, words), "{name}: {}", short(answer)),
            Told::Begins(words) => assert!(!failed && text.starts_with(words), "{name}: {}", short(answer)),
            Told::AtFault => {
                let fault = failed || answer["error"]["code"] == -32603;
                assert!(fault && result.get("structuredContent").is_none(), "{name}: {}", short(answer));
            }
            Told::Something => assert!(result.is_object() || answer["error"].is_object(), "{name}: {}", short(answer)),
        }
        let all = answer.to_string();
        for never in NEVER {
            assert!(!all.contains(never), "{name}: `{never}` is told to the caller: {}", short(answer));
        }
    }
}

/// Waits for the host to hold nothing but the instances that it keeps ready.
fn nothing_is_left(host: &Host) {
    let held = |what: &str| metric(host, "toolyard_in_use", &[("what", what)]);
    eventually("all instances to be gone", || (held("instances") == held("warm instances")).then_some(()));
}

/// The value of a metric; 0 if there is none.
fn metric(host: &Host, name: &str, labels: &[(&str, &str)]) -> u64 {
    let text = String::from_utf8(host.admin("/metrics").body).expect("metrics are text");
    let has = |line: &str| labels.iter().all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")));
    let line = text.lines().find(|line| line.starts_with(&format!("{name}{{")) && has(line));
    line.map_or(0, |line| line.rsplit(' ').next().unwrap_or_default().parse().expect("a metric is a number"))
}

/// What the kernel says of the host's memory.
fn memory(host: &Host, line: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", host.pid())).expect("the host runs");
    let value = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let kilobytes = value.and_then(|value| value.trim().split(' ').next()?.parse::<u64>().ok());
    1024 * kilobytes.unwrap_or_else(|| panic!("no {line}: {status}"))
}

/// Checks that every line of the log is one of the host's, and that what guests wrote stands in it as what it is.
fn clean(lines: &[String]) {
    for line in lines {
        let read: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("forged ({error}): {line:?}"));
        let message = read["message"].as_str().unwrap_or_else(|| panic!("no message: {line}"));
        assert!(!message.starts_with("forged") && read.get("forged").is_none(), "forged: {line}");
        if read["target"] == "plugin" {
            let quoted = message.starts_with('"') && message.ends_with('"');
            assert!(quoted || message.starts_with("the call said more than"), "not told as the guest's: {line}");
        }
        assert!(!line.chars().any(char::is_control), "not one line of text: {line:?}");
        for never in NEVER {
            assert!(!line.contains(never), "`{never}` is in the log: {line}");
        }
    }
}

/// The beginning of an answer.
fn short(answer: &Value) -> String {
    answer.to_string().chars().take(2000).collect()
}
