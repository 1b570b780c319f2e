//! The configuration as operators have it: checked, shown, and changed while the host runs.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use toolyard_tests::{Host, Request, Setup, eventually, host_program, keys, modern_request, output, scripted};

use crate::expect;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a file can be written");
    }
    folder
}

/// `toolyard config` with these words and variables.
fn config(folder: &Path, words: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(host_program());
    command.current_dir(folder).arg("config").args(words).env_remove("RUST_LOG").envs(variables.iter().copied());
    output(&mut command)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the host prints text")
}

#[test]
fn every_mistake_is_said_with_its_place_and_nothing_else_is() {
    let folder = folder(&[
        ("toolyard.toml", "include = ['base.toml']\nlisten = 'here'\n[limits]\ncalls = 1\n"),
        ("base.toml", "plugins = 'none'\n\nallow_anonymos = true\n"),
    ]);
    let output = config(folder.path(), &["check", "toolyard.toml"], &[]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(3), ""));
    let lines: Vec<&str> = text(&output.stderr).lines().collect();
    assert_eq!(
        lines,
        [
            "toolyard: the configuration has 4 mistakes",
            "base.toml:1: `plugins`: `none` is not there",
            "base.toml:3: unknown key `allow_anonymos`; did you mean `allow_anonymous`?",
            "toolyard.toml:2: `listen` is `here`; it must be an address and a port, such as 127.0.0.1:8080",
            "toolyard.toml:4: unknown key `calls`; did you mean `calls_max`?",
        ]
    );
    let output = config(folder.path(), &["check", "toolyard.toml", "--json"], &[]);
    let said: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(said["mistakes"][0]["file"], "base.toml");
    assert_eq!(said["mistakes"][3]["line"], 4);
    assert_eq!(output.status.code(), Some(3));

    // What only a host that runs would find.
    fs::write(folder.path().join("toolyard.toml"), "include = ['base.toml']\n").expect("a file can be written");
    fs::write(folder.path().join("base.toml"), "plugins = 'none'\n").expect("a file can be written");
    let output = config(folder.path(), &["check", "toolyard.toml"], &[]);
    assert_eq!(text(&output.stderr), "toolyard: base.toml:1: `plugins`: `none` is not there\n");
    fs::create_dir(folder.path().join("none")).expect("a folder can be made");
    let output = config(folder.path(), &["check", "toolyard.toml"], &[]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    assert_eq!(
        text(&output.stdout),
        "toolyard.toml: nothing is wrong with it (2 files, 1 value, 1 tenant, settings of 0 plugins)\n"
    );
}

#[test]
fn what_holds_is_shown_without_secrets() {
    let files = [
        (
            "toolyard.toml",
            "include = ['${STAGE}.toml']\nlisten = '127.0.0.1:${PORT:-8080}'\n[secret.s]\nenv = 'HIDDEN'\n",
        ),
        ("staging.toml", "[limits]\ncalls_max = '${CALLS}'\n[[seal.keys]]\nid = '1'\nsecret = 'file:key'\n"),
        ("key", "YTNmNWM5ZDEyZTdiNDg2MDlmMWMyYjNhNGQ1ZTZmNzA=\n"),
    ];
    let folder = folder(&files);
    let words = ["show", "toolyard.toml", "--effective", "--json"];
    let output = config(folder.path(), &words, &[("STAGE", "staging"), ("CALLS", "7")]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let find = |key: &str| all.iter().find(|one| one["key"] == key).unwrap_or_else(|| panic!("no {key} in {all:#?}"));
    assert_eq!(*find("listen"), json!({ "key": "listen", "value": "127.0.0.1:8080", "from": "toolyard.toml:2" }));
    assert_eq!(
        *find("limits.calls_max"),
        json!({ "key": "limits.calls_max", "value": 7, "from": "staging.toml:2", "by": ["${CALLS}"] })
    );
    assert_eq!(*find("limits.queue_max"), json!({ "key": "limits.queue_max", "value": 1024, "from": "default" }));
    assert_eq!(find("secret.s.env")["value"], "…");
    assert_eq!(find("seal.keys[0].secret")["value"], "…");
    assert!(!text(&output.stdout).contains("YTNm") && !text(&output.stdout).contains("HIDDEN"));

    let missing = config(folder.path(), &["show", "toolyard.toml"], &[("STAGE", "staging")]);
    assert_eq!(missing.status.code(), Some(3));
    assert!(text(&missing.stderr).contains("staging.toml:2: the environment variable CALLS is not set"));
}

#[test]
fn the_schema_is_printed() {
    let output = config(Path::new("."), &["schema"], &[]);
    let schema: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(schema["properties"]["listen"]["description"].is_string());
}

/// The file that a host was started with.
struct Configured {
    host: Host,
    before: String,
}

impl Configured {
    fn start(text: &str) -> Configured {
        let host = Setup::new().script("p", &json!({ "tools": [{ "name": "echo" }] })).config(text).start();
        let file = host.plugins().with_file_name("toolyard.toml");
        let before = fs::read_to_string(file).expect("it was written");
        Configured { host, before }
    }

    /// Writes another text, as an editor does.
    fn write(&self, change: impl Fn(&str) -> String) {
        let fresh = self.host.plugins().with_file_name("fresh");
        fs::write(&fresh, change(&self.before)).expect("a file can be written");
        fs::rename(fresh, self.host.plugins().with_file_name("toolyard.toml")).expect("a file can be renamed");
    }

    fn hang_up(&self) {
        use rustix::process::{Pid, Signal, kill_process};
        let pid = Pid::from_raw(self.host.pid().cast_signed()).expect("a host has a process");
        kill_process(pid, Signal::HUP).expect("a child can be signalled");
    }

    /// The status of a page's request.
    fn status_for(&self, origin: &str) -> u16 {
        self.host.send(&modern_request("tools/list", json!({})).header("Origin", origin)).status
    }
}

#[test]
fn a_file_that_changes_is_taken_up_while_the_host_serves() {
    let configured = Configured::start("[plugin.p]\nprefix = 'one'\n");
    let host = &configured.host;
    assert_eq!(host.tools(), ["one_echo"]);
    assert_eq!(configured.status_for("https://app.example.com"), 403);
    configured
        .write(|before| format!("allowed_origins = ['https://app.example.com']\n{before}").replace("'one'", "'two'"));
    host.wait_for_tools(&["two_echo"]);
    assert_eq!(configured.status_for("https://app.example.com"), 200);
    let line = host.log.wait_for(&["the configuration was read again, and is in force"]);
    assert_eq!(line["applied"], "allowed_origins, plugin.p.prefix");

    // What cannot be taken up is named, and the rest is.
    configured.write(|before| format!("{}\n[limits]\ncalls_max = 9\n", before.replace("'one'", "'three'")));
    host.wait_for_tools(&["three_echo"]);
    let line = host.log.wait_for(&["holds from the next start on"]);
    assert_eq!(line["keys"], "limits.calls_max");
    eventually("the page to be kept out again", || {
        (configured.status_for("https://app.example.com") == 403).then_some(())
    });
    configured.host.stop();
}

#[test]
fn a_configuration_that_is_wrong_leaves_the_one_before_it_in_force() {
    let configured = Configured::start("[plugin.p]\nprefix = 'one'\n");
    let host = &configured.host;
    configured.write(|before| format!("{}\nprefx = 'x'\n[limits]\ncalls_max = 0\n", before.replace("'one'", "'two'")));
    host.log.wait_for(&["the one before it stays in force", "unknown key `prefx`; did you mean `prefix`?"]);
    host.log.wait_for(&["the one before it stays in force", "`calls_max` is 0; it must be from 1 to 4096"]);
    assert_eq!(host.tools(), ["one_echo"]);
    assert_eq!(expect::text(&host.call("one_echo", &json!({}))), "{}");
    // As soon as it is right, it holds.
    configured.write(|before| before.replace("'one'", "'two'"));
    host.wait_for_tools(&["two_echo"]);
    configured.host.stop();
}

#[test]
fn a_tenant_comes_and_goes_with_the_configuration() {
    let configured = Configured::start("");
    let host = &configured.host;
    let acme = |method: &str| {
        let request = modern_request(method, json!({}));
        host.send(&Request { path: "/t/acme/mcp".into(), ..request }).status
    };
    assert_eq!(acme("tools/list"), 404);
    fs::create_dir(host.plugins().join("acme")).expect("a folder can be made");
    configured.write(|before| format!("{before}\n[tenant.acme]\n"));
    eventually("the tenant to be there", || (acme("tools/list") == 200).then_some(()));
    configured.write(str::to_owned);
    eventually("the tenant to be gone", || (acme("tools/list") == 404).then_some(()));
    configured.host.stop();
}

#[test]
fn a_hangup_reads_secrets_again_and_ends_nothing() {
    let configured = Configured::start("");
    configured.hang_up();
    configured.host.log.wait_for(&["the configuration was read again, and is in force"]);
    assert_eq!(configured.host.tools(), ["p_echo"]);
    configured.host.stop();
}

#[test]
fn what_is_logged_is_taken_up_while_the_host_serves() {
    let configured = Configured::start("[log]\nfilter = 'warn'\nformat = 'text'\n");
    let host = &configured.host;
    assert!(!host.log.has(&["\"loaded\""]), "{:#?}", host.log.lines());
    configured.write(|before| before.replace("'warn'", "'warn,toolyard::config=info'"));
    let line = host.log.wait_for(&["the configuration was read again, and is in force"]);
    assert_eq!(line["applied"], "log.filter");
    assert!(!host.log.has(&["\"loaded\""]));
    configured.write(|before| before.replace("'warn'", "'info'"));
    eventually("that to be in force", || {
        let in_force = |line: &&String| line.contains("the configuration was read again, and is in force");
        (host.log.lines().iter().filter(in_force).count() == 2).then_some(())
    });
    host.put("q.wasm", &scripted(&json!({ "tools": [{ "name": "echo" }] })));
    host.log.wait_for(&["\"loaded\"", "\"q\""]);
    // What is wrong changes nothing.
    configured.write(|before| before.replace("'warn'", "'loud'"));
    host.log.wait_for(&["the one before it stays in force", "`loud` is no filter; write a level such as info"]);
    // The command line says JSON, so each of these lines was.
    assert!(host.log.lines().iter().all(|line| line.starts_with('{')), "{:#?}", host.log.lines());
    configured.host.stop();
}

#[test]
fn how_the_host_introduces_itself_is_taken_up_while_it_serves() {
    let configured = Configured::start("[server]\ntitle = 'One'\n");
    let host = &configured.host;
    configured.write(|before| before.replace("title = 'One'", "title = 'Two'\ninstructions = 'Be brief.'"));
    let line = host.log.wait_for(&["the configuration was read again, and is in force"]);
    assert_eq!(line["applied"], "server.instructions, server.title");
    let modern = host.modern("server/discover", json!({})).result();
    assert_eq!(modern["instructions"], "Be brief.", "{modern}");
    let info = &modern["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!(info["title"], "Two", "{modern}");
    let client = json!({ "name": "c", "version": "1" });
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
    let legacy = host.send(&Request::post(request.to_string())).result();
    assert_eq!((&legacy["serverInfo"]["title"], &legacy["instructions"]), (&json!("Two"), &json!("Be brief.")));
    let card = host.send(&Request::bare("GET", "/mcp/server-card")).json();
    assert_eq!(card["title"], "Two", "{card}");
    configured.host.stop();
}

#[test]
fn the_configuration_says_how_lines_look_and_command_line_and_environment_go_over_it() {
    let folder = folder(&[("json.toml", "[log]\nformat = 'json'\n"), ("quiet.toml", "[log]\nfilter = 'error'\n")]);
    fs::create_dir(folder.path().join("plugins")).expect("a folder can be made");
    fs::write(folder.path().join("plugins/p.wasm"), scripted(&json!({ "tools": [{ "name": "echo" }] })))
        .expect("a file can be written");
    let log = |arguments: &[&str], variable: Option<&str>| {
        let mut command = Command::new(host_program());
        command.current_dir(folder.path()).args(["stdio", "--state-dir", "", "--cache-dir", "", "--config"]);
        command.args(arguments).env_remove("RUST_LOG").envs(variable.map(|value| ("RUST_LOG", value)));
        let output = output(command.stdin(Stdio::null()));
        assert!(output.status.success(), "{output:?}");
        text(&output.stderr).to_owned()
    };
    let json = log(&["json.toml"], None);
    let loaded = json.lines().find(|line| line.contains("\"loaded\"")).unwrap_or_else(|| panic!("{json}"));
    let loaded: Value = serde_json::from_str(loaded).expect("it is JSON");
    assert_eq!((&loaded["level"], &loaded["plugin"]), (&json!("INFO"), &json!("p")));
    let plain = log(&["json.toml", "--log-format", "text"], None);
    assert!(plain.contains("INFO loaded tenant=default plugin=p"), "{plain}");
    assert_eq!(log(&["quiet.toml"], None), "");
    let loud = log(&["quiet.toml"], Some("info"));
    assert!(loud.contains("INFO loaded tenant=default plugin=p"), "{loud}");
}

#[test]
fn who_may_call_is_taken_up_while_the_host_serves() {
    let configured = Configured::start("");
    let host = &configured.host;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("keys.json");
    let key = keys(&file, &["add", "--subject", "ci"]);
    let request = modern_request("tools/list", json!({}));
    let status = |key: Option<&str>| match key {
        Some(key) => host.send(&request.clone().header("Authorization", &format!("Bearer {key}"))).status,
        None => host.send(&request).status,
    };
    assert_eq!(status(None), 200);
    let asking = format!("[auth]\nkeys_file = '{}'\n", file.display());
    configured.write(|before| format!("{before}{asking}"));
    eventually("callers to be asked who they are", || (status(None) == 401).then_some(()));
    assert_eq!(status(Some(&key)), 200);

    // A file of keys that is not there: the configuration is right, and what it takes cannot be made.
    configured.write(|before| format!("{before}{}", asking.replace("keys.json", "none.json")));
    host.log.wait_for(&["the one before it stays in force", "keys_file", "none.json"]);
    assert_eq!((status(None), status(Some(&key))), (401, 200));

    configured.write(str::to_owned);
    eventually("nobody to be asked any more", || (status(None) == 200).then_some(()));
    configured.host.stop();
}

#[test]
fn a_host_that_others_reach_does_not_stop_asking() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("keys.json");
    let key = keys(&file, &["add", "--subject", "ci"]);
    let asking = format!("public_url = 'http://127.0.0.1'\n[auth]\nkeys_file = '{}'\n", file.display());
    let setup = Setup::new().script("p", &json!({ "tools": [{ "name": "echo" }] })).config(&asking);
    let host = setup.listen("0.0.0.0:0".parse().expect("an address")).start();
    let configured = Configured { before: "drain_notice_ms = 0\n".into(), host };
    configured.write(str::to_owned);
    configured.host.log.wait_for(&["the one before it stays in force", "can be reached from other machines"]);
    let request = modern_request("tools/list", json!({}));
    assert_eq!(configured.host.send(&request).status, 401);
    let known = request.header("Authorization", &format!("Bearer {key}"));
    assert_eq!(configured.host.send(&known).status, 200);
    configured.host.stop();
}
