//! The audit trail: what is in it, what is not, and that it holds.

mod refusals;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;
use toolyard_tests::trail::{self, Settings, records, survive};
use toolyard_tests::{Connection, Host, Setup, Site, eventually, guest, host_program, modern_request, output};

use crate::expect;

/// What must never be in a trail.
const SECRET: &str = "s3cr3t-value-of-the-test";

/// What a caller said, which is in a trail only if the operator wants it there.
const SAID: &str = "what-the-caller-said";

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A folder with a trail in it, and the configuration of a host that writes it.
struct Trail {
    folder: TempDir,
    path: PathBuf,
}

impl Trail {
    fn new() -> Trail {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("trail.jsonl");
        Trail { folder, path }
    }

    fn config(&self, more: &str) -> String {
        format!("[audit]\nfile = {:?}\n{more}\n", self.path)
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.path).expect("a trail can be read")
    }

    /// Records of a kind, of which the last was written.
    fn of(&self, kind: &str) -> Vec<Value> {
        records(&self.path).into_iter().filter(|record| record["kind"] == kind).collect()
    }

    /// The only record of a call of that name.
    fn call(&self, name: &str) -> Value {
        let mut calls = self.of("call");
        calls.retain(|call| call["name"] == name);
        assert_eq!(calls.len(), 1, "{name}: {calls:#?}");
        calls.remove(0)
    }

    /// Waits until there is such a record.
    fn wait_for(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        eventually(what, || records(&self.path).into_iter().find(|record| is(record)))
    }

    fn check(&self) {
        let verified = trail::verify(&self.path);
        assert_eq!(verified["whole"], true, "{verified:#}");
    }
}

fn effects(record: &Value) -> Vec<Value> {
    let effects = record["effects"].as_array().cloned().unwrap_or_default();
    effects
        .into_iter()
        .map(|mut effect| {
            effect.as_object_mut().expect("an effect is an object").remove("times");
            effect
        })
        .collect()
}

fn audit(arguments: &[&str]) -> Output {
    output(Command::new(host_program()).arg("audit").args(arguments))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_call_is_written_down_with_all_that_belongs_to_it() {
    let trail = Trail::new();
    let host = Setup::new().guest("echo").config(&trail.config("durable = true")).start();
    let arguments = json!({ "message": SAID });
    let params = json!({ "name": "echo_echo", "arguments": arguments, "_meta": { "traceparent": TRACE } });
    host.modern("tools/call", params).result();
    // It is there before the answer, and so before anything ends.
    let call = trail.call("echo_echo");
    for (key, value) in [
        ("tenant", json!("default")),
        ("subject", json!("anonymous")),
        ("by", json!("anonymous")),
        ("program", json!("toolyard-tests")),
        ("method", json!("tools/call")),
        ("plugin", json!("echo")),
        ("digest", host.ready["plugins"][0]["digest"].clone()),
        ("decision", json!("allowed")),
        ("outcome", json!("answered")),
        ("trace", json!(TRACE)),
        ("era", json!("modern")),
        ("attempt", json!(1)),
    ] {
        assert_eq!(call[key], value, "{key}: {call:#}");
    }
    assert!(call["duration_us"].as_u64() > Some(0) && call.get("effects").is_none(), "{call:#}");
    // As `printf '{"message":"what-the-caller-said"}' | sha256sum` has it.
    let digest = "688c83275567c66199e6bf1ce88f403b1b5b490c22ebf63f1afeebf77b20c9c7";
    assert_eq!(call["arguments"]["sha256"], digest, "{call:#}");
    assert_eq!(call["arguments"]["bytes"], arguments.to_string().len(), "{call:#}");
    assert!(!trail.text().contains(SAID));
    host.stop();
    let (start, stop) = (trail.of("start"), trail.of("stop"));
    assert_eq!((start.len(), stop.len()), (1, 1));
    assert_eq!(start[0]["host"], call["host"]);
    trail.check();
}

#[test]
fn effects_are_written_down_and_no_secret_is() {
    let (trail, site) = (Trail::new(), Site::saying("hello"));
    let files = trail.folder.path().join("files");
    fs::create_dir(&files).expect("a folder can be made");
    let config = format!(
        "[secret.token]\ncommand = [\"echo\", \"{SECRET}\"]\n\
         [[plugin.caller.grants.http]]\nurl = \"{url}\"\n\
         headers = [{{ name = \"Authorization\", secret = \"token\", prefix = \"Bearer \" }}]\n\
         [[plugin.caller.grants.tcp]]\nhost = \"127.0.0.1\"\nport = {port}\n\
         [plugin.keeper.grants.keyvalue]\n\
         [plugin.keeper.grants.secrets]\npassword = \"token\"\n\
         [[plugin.keeper.grants.folders]]\npath = {files:?}\nguest = \"/data\"\nwrite = true\n{audit}",
        url = site.url(),
        port = site.port(),
        audit = trail.config(""),
    );
    let host = Setup::new().guest("caller").guest("keeper").config(&config).start();
    let call = |tool: &str, arguments: Value| host.call(tool, &arguments);
    let fetched = call("caller_fetch", json!({ "url": format!("{}/{SAID}?{SAID}", site.url()) }));
    assert_eq!(fetched["structuredContent"]["status"], 200, "{fetched}");
    assert!(format!("{:?}", site.seen_once().headers).contains(SECRET), "the secret was sent");
    call("caller_connect", json!({ "host": "127.0.0.1", "port": site.port() }));
    call("caller_look_up", json!({ "name": "elsewhere.example" }));
    call("keeper_kv_set", json!({ "key": "k", "value": SAID }));
    call("keeper_kv_get", json!({ "key": "k" }));
    assert!(expect::text(&call("keeper_setting", json!({ "key": "password" }))).contains(SECRET));
    call("keeper_make_folder", json!({ "path": "/data/deep" }));
    call("keeper_write", json!({ "path": "/data/deep/a.txt", "text": SAID }));
    call("keeper_read", json!({ "path": "/data/deep/a.txt" }));
    call("keeper_remove", json!({ "path": "/data/deep/a.txt" }));
    host.stop();

    let of = |name: &str| effects(&trail.call(name));
    let http = json!({ "effect": "http", "method": "GET", "host": "127.0.0.1", "port": site.port(), "tls": false, "connected": true });
    let secret = json!({ "effect": "secret", "name": "token" });
    assert_eq!(of("caller_fetch"), [http, secret.clone()]);
    assert_eq!(of("caller_connect"), [json!({ "effect": "tcp", "address": format!("127.0.0.1:{}", site.port()) })]);
    assert_eq!(of("caller_look_up"), [json!({ "effect": "refused", "grant": "tcp", "missing": "elsewhere.example" })]);
    assert_eq!(of("keeper_kv_set"), [json!({ "effect": "key", "how": "write", "name": "k" })]);
    assert_eq!(of("keeper_kv_get"), [json!({ "effect": "key", "how": "read", "name": "k" })]);
    assert_eq!(of("keeper_setting"), [secret]);
    let file = |how: &str, path: &str| json!({ "effect": "file", "how": how, "path": path });
    assert_eq!(of("keeper_make_folder"), [file("make", "/data/deep")]);
    assert_eq!(of("keeper_write"), [file("write", "/data/deep/a.txt")]);
    assert_eq!(of("keeper_read"), [file("read", "/data/deep/a.txt")]);
    assert_eq!(of("keeper_remove"), [file("remove", "/data/deep/a.txt")]);
    let text = trail.text();
    assert!(!text.contains(SECRET) && !text.contains(SAID), "{text}");
    trail.check();
}

#[test]
fn what_plugins_are_refused_is_written_down() {
    let (trail, site) = (Trail::new(), Site::saying("hello"));
    let host = Setup::new().guest("caller").config(&trail.config("")).start();
    host.call("caller_fetch", &json!({ "url": format!("{}/{SAID}", site.url()) }));
    host.stop();
    let expected =
        json!({ "effect": "refused", "grant": "http", "missing": format!("GET {}", site.url().trim_end_matches('/')) });
    assert_eq!(effects(&trail.call("caller_fetch")), [expected]);
    assert!(!trail.text().contains(SAID));
}

#[test]
fn an_effect_more_than_there_is_room_for_is_counted() {
    let trail = Trail::new();
    let host =
        Setup::new().guest("keeper").config(&format!("[plugin.keeper.grants.keyvalue]\n{}", trail.config(""))).start();
    host.call("keeper_kv_set_many", &json!({ "prefix": "k", "count": 100 }));
    host.call("keeper_kv_increment", &json!({ "key": "n", "delta": 1, "times": 7 }));
    host.stop();
    let many = trail.call("keeper_kv_set_many");
    assert_eq!((effects(&many).len(), &many["effects_more"]), (64, &json!(36)));
    assert_eq!(trail.call("keeper_kv_increment")["effects"][0]["times"], 7);
}

#[test]
fn calls_that_come_to_nothing_are_written_down() {
    let trail = Trail::new();
    let tools = json!([
        { "name": "fails", "act": { "fail": { "is_error": SAID } } },
        { "name": "traps", "act": "trap" },
        { "name": "breaks", "act": { "fail": { "internal": SAID } } },
        { "name": "waits", "act": { "wait": "waited" } },
    ]);
    let host = Setup::new().script("c", &json!({ "tools": tools })).config(&trail.config("")).start();
    for tool in ["fails", "traps", "breaks"] {
        host.modern("tools/call", json!({ "name": format!("c_{tool}"), "arguments": {} }));
    }
    let params = json!({ "name": "c_waits", "arguments": { "ms": 25_000 }, "_meta": { "progressToken": 1 } });
    let mut gone: Connection = host.start_sending(&modern_request("tools/call", params));
    gone.expect_events();
    drop(gone);
    let dropped = trail.wait_for("the call to be given up", |record| record["outcome"] == "dropped");
    assert_eq!(dropped["name"], "c_waits");
    host.stop();
    assert_eq!(trail.call("c_fails")["outcome"], "tool_error");
    assert_eq!(trail.call("c_traps")["outcome"], "tool_error");
    let broke = trail.call("c_breaks");
    assert_eq!(
        (&broke["outcome"], &broke["fault"], &broke["reason"]),
        (&json!("fault"), &json!(-32603), &json!("internal"))
    );
    assert!(!trail.text().contains(SAID));
    trail.check();
}

#[test]
fn legacy_calls_are_written_down_too() {
    let trail = Trail::new();
    let host = Setup::new().guest("echo").config(&trail.config("durable = true")).start();
    let session = host.legacy("2025-11-25");
    session.call("echo_echo", &json!({ "message": SAID }));
    let call = trail.call("echo_echo");
    assert_eq!((&call["era"], &call["outcome"]), (&json!("legacy"), &json!("answered")));
    host.stop();
}

#[test]
fn a_task_has_a_record_of_its_beginning_and_one_of_each_run() {
    let trail = Trail::new();
    let tools = json!([{ "name": "third", "long_running": true, "act": { "again": 3 } }]);
    let host = Setup::new().script("t", &json!({ "tools": tools })).config(&trail.config("durable = true")).start();
    let capabilities = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let meta = json!({ "io.modelcontextprotocol/clientCapabilities": capabilities });
    let begun = host.modern("tools/call", json!({ "name": "t_third", "arguments": {}, "_meta": meta })).result();
    assert_eq!(begun["resultType"], "task", "{begun}");
    let is_beginning = |call: &Value| call["outcome"] == "task";
    assert_eq!(trail.of("call").iter().filter(|call| is_beginning(call)).count(), 1);
    trail.wait_for("the third run", |record| record["outcome"] == "answered");
    host.stop();
    let runs: Vec<Value> = trail.of("call").into_iter().filter(|call| call["outcome"] != "task").collect();
    let told: Vec<_> = runs.iter().map(|run| (run["attempt"].clone(), run["outcome"].clone())).collect();
    let error = json!("tool_error");
    assert_eq!(told, [(json!(1), error.clone()), (json!(2), error), (json!(3), json!("answered"))]);
    assert!(runs.iter().all(|run| run["task"] == true), "{runs:#?}");
    trail.check();
}

#[test]
fn arguments_are_shown_as_far_as_the_operator_says() {
    for (how, shown) in [
        ("arguments = \"full\"", json!({ "message": SAID })),
        ("arguments = \"redacted\"", json!({ "message": SAID })),
        ("arguments = \"redacted\"\nredact = [\"Message\"]", json!({ "message": "[left out]" })),
    ] {
        let trail = Trail::new();
        let host = Setup::new().guest("echo").config(&trail.config(how)).start();
        host.call("echo_echo", &json!({ "message": SAID }));
        host.stop();
        assert_eq!(trail.call("echo_echo")["arguments"]["value"], shown, "{how}");
    }
}

#[test]
fn what_records_show_is_taken_up_while_the_host_serves() {
    let trail = Trail::new();
    let host = Setup::new().guest("echo").config(&trail.config("durable = true")).start();
    host.call("echo_echo", &json!({ "message": SAID }));
    assert!(!trail.text().contains(SAID));
    let fresh = host.plugins().with_file_name("fresh");
    let config = format!("drain_notice_ms = 0\n{}stdout = true\n", trail.config("arguments = \"full\""));
    fs::write(&fresh, config).expect("a file can be written");
    fs::rename(&fresh, host.plugins().with_file_name("toolyard.toml")).expect("a file can be renamed");
    let line = host.log.wait_for(&["the configuration was read again, and is in force"]);
    assert_eq!(line["applied"], "audit.arguments, audit.durable");
    assert_eq!(host.log.wait_for(&["holds from the next start on"])["keys"], "audit.stdout");
    host.call("echo_echo", &json!({ "message": SAID }));
    host.stop();
    let shown: Vec<Value> = trail.of("call").iter().map(|call| call["arguments"]["value"].clone()).collect();
    assert_eq!(shown, [Value::Null, json!({ "message": SAID })]);
    trail.check();
}

#[test]
fn plugins_that_come_and_go_are_written_down() {
    let trail = Trail::new();
    let host = Setup::new().guest("echo").file("broken.wasm", "no component").config(&trail.config("")).start();
    let change = |change: &str, plugin: &str| {
        trail.wait_for(&format!("{plugin} to be {change}"), |record| {
            record["kind"] == "plugin" && record["change"] == change && record["plugin"] == plugin
        })
    };
    let loaded = change("loaded", "echo");
    assert_eq!((&loaded["tenant"], &loaded["digest"]), (&json!("default"), &host.ready["plugins"][0]["digest"]));
    assert!(change("refused", "broken")["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    // The same component with something behind it, which makes it another digest: a custom section.
    let mut other = guest("echo");
    other.extend([0, 5, 4, b'm', b'o', b'r', b'e']);
    host.put("echo.wasm", &other);
    let replaced = change("replaced", "echo");
    assert_eq!(replaced["before"], loaded["digest"]);
    assert_ne!(replaced["digest"], loaded["digest"]);
    fs::remove_file(host.plugins().join("echo.wasm")).expect("a file can be removed");
    assert_eq!(change("removed", "echo")["before"], replaced["digest"]);
    host.stop();
    trail.check();
}

#[test]
fn what_was_changed_is_named_with_its_line() {
    let trail = Trail::new();
    let host = Setup::new().guest("echo").config(&trail.config("")).start();
    for _ in 0..5 {
        host.call("echo_echo", &json!({ "message": SAID }));
    }
    host.stop();
    let file = trail.path.to_str().expect("a path is a text");
    let whole = audit(&["verify", "--file", file]);
    assert!(whole.status.success() && said(&whole).starts_with("whole: 8 records (1 to 8) in 1 file;"), "{whole:?}");
    let head = said(&whole).trim().rsplit(' ').next().expect("a hash").to_owned();

    let text = trail.text();
    fs::write(&trail.path, text.replacen("echo_echo", "echo_ohce", 1)).expect("a file can be written");
    let changed = audit(&["verify", "--file", file]);
    let line = text.lines().position(|line| line.contains("echo_echo")).expect("a call") + 1;
    assert_eq!(changed.status.code(), Some(1));
    assert!(said(&changed).starts_with(&format!("trail.jsonl:{line}: this line was changed")), "{changed:?}");

    // A shorter trail is found by the hash that somebody kept, whatever stands beside it.
    let shorter: Vec<&str> = text.lines().take(6).collect();
    fs::write(&trail.path, shorter.join("\n") + "\n").expect("a file can be written");
    fs::remove_file(trail.folder.path().join("trail.jsonl.head")).expect("a file can be removed");
    assert!(audit(&["verify", "--file", file]).status.success());
    let cut = audit(&["verify", "--file", file, "--head", &head]);
    assert!(said(&cut).contains("the end was cut off"), "{cut:?}");
}

#[test]
fn records_are_looked_up() {
    let trail = Trail::new();
    let config = trail.config("");
    let host = Setup::new().guest("echo").guest("keeper").config(&config).start();
    host.call("echo_echo", &json!({ "message": SAID }));
    host.call("keeper_kv_open", &json!({ "name": "default" }));
    host.stop();
    let file = trail.path.to_str().expect("a path is a text");
    let lines = |arguments: &[&str]| -> Vec<Value> {
        let output = audit(&[arguments, &["--json", "--file", file]].concat());
        assert!(output.status.success(), "{output:?}");
        said(&output).lines().map(|line| serde_json::from_str(line).expect("a record is JSON")).collect()
    };
    assert_eq!(lines(&["query"]), records(&trail.path));
    let names = |records: &[Value]| records.iter().map(|record| record["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&lines(&["query", "--tool", "echo", "--outcome", "answered"])), ["echo_echo"]);
    assert_eq!(names(&lines(&["query", "--refused"])), ["keeper_kv_open"]);
    assert_eq!(lines(&["query", "--tenant", "default", "--since", "1h", "--subject", "anonymous"]).len(), 2);
    assert!(lines(&["query", "--until", "1h"]).is_empty());
    assert_eq!(lines(&["tail", "-n", "1"])[0]["kind"], "stop");
    let told = said(&audit(&["query", "--refused", "--file", file]));
    assert!(told.contains("default/anonymous tools/call keeper_kv_open: tool_error in "), "{told}");
    assert!(told.contains("[refused keyvalue the store `default`]"), "{told}");
    let wrong = audit(&["query", "--since", "yesterday", "--file", file]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("`yesterday` is no time"), "{wrong:?}");
}

#[test]
fn standard_output_and_a_collector_get_every_line() {
    let collector = Site::saying("");
    let config = format!("[audit]\notlp_endpoint = \"{}\"\n", collector.url());
    let host = Setup::new().guest("echo").config(&config).start();
    host.call("echo_echo", &json!({ "message": SAID }));
    host.stop();
    let sent = collector.seen();
    assert!(sent.iter().all(|request| request.path == "/v1/logs"), "{sent:?}");
    let text: String = sent.iter().map(|request| String::from_utf8_lossy(&request.body).into_owned()).collect();
    for kind in ["start", "plugin", "call", "stop"] {
        assert!(text.contains(&format!("\"kind\":\"{kind}\"")), "{kind}: {text}");
    }
}

#[test]
fn what_cannot_be_written_down_is_not_answered() {
    let trail = Trail::new();
    // A file that cannot grow stands for a disk that is full.
    let small = ["sh", "-c", "trap '' XFSZ; ulimit -f 600; exec \"$0\" \"$@\""].map(str::to_owned);
    let config = trail.config("durable = true\narguments = \"full\"");
    let host = Setup::new().guest("echo").under(&small).config(&config).start();
    let long = json!({ "message": "x".repeat(15_000) });
    let call = || host.modern("tools/call", json!({ "name": "echo_echo", "arguments": long }));
    let mut answered = 0;
    let refused = loop {
        let reply = call();
        if reply.status != 200 {
            break reply;
        }
        answered += 1;
        assert!(answered < 200, "the disk is not full");
    };
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("Retry-After"), Some("1"));
    let message = refused.json()["error"]["message"].as_str().expect("a sentence").to_owned();
    assert_eq!(message, "the host cannot write its audit trail, and answers no calls without it; try again shortly");
    // The next ones do not even run.
    assert_eq!(call().status, 503);
    let lost = host.log.wait_for(&["the audit trail cannot be written"]);
    assert_eq!(lost["level"], "ERROR", "{lost}");
    host.stop();
    assert!(answered > 0);
    assert_eq!(trail.of("call").len(), answered);
    trail.check();
}

#[test]
fn a_second_host_does_not_write_the_same_trail() {
    let trail = Trail::new();
    let first = Setup::new().guest("echo").config(&trail.config("")).start();
    let config = trail.folder.path().join("toolyard.toml");
    fs::write(&config, trail.config("")).expect("a file can be written");
    let mut second = Command::new(host_program());
    second.args(["serve", "--listen", "127.0.0.1:0", "--state-dir", "", "--config"]).arg(&config);
    let second = output(second.arg("--plugins").arg(first.plugins()));
    assert_eq!(second.status.code(), Some(3), "{second:?}");
    let why = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(why.contains("another host writes to it; each host needs a file of its own"), "{why}");
    first.stop();
}

/// `cargo xtask trail` does this a hundred times as often.
#[test]
fn no_call_is_answered_without_its_record_whenever_the_host_dies() {
    let tally = survive(&Settings { calls: 1500, clients: 16, kills: 3, seed: 7 });
    assert!(tally.is_right(), "{tally}");
    assert_eq!(tally.killed, 3, "{tally}");
    assert!(tally.answered >= 1500, "{tally}");
}

#[test]
fn a_trail_is_the_operators_alone() {
    use std::os::unix::fs::PermissionsExt;
    let trail = Trail::new();
    let host: Host = Setup::new().guest("echo").config(&trail.config("")).start();
    host.stop();
    let mode = |path: &Path| fs::metadata(path).expect("a file is there").permissions().mode() & 0o777;
    assert_eq!(mode(&trail.path), 0o600);
    assert_eq!(mode(&trail.folder.path().join("trail.jsonl.head")), 0o600);
}
