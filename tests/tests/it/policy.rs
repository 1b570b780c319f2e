//! Policies: who sees and does what, in both eras, and what `toolyard policy` says of it.

mod news;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use toolyard_tests::{Host, MODERN, Reply, Request, Setup, eventually, host_program, modern_request, output, scripted};

use crate::asking::{accept, form};
use crate::expect;

const VERSIONS: [&str; 4] = [MODERN, "2025-11-25", "2025-06-18", "2025-03-26"];

/// A plugin with something of each kind that is open, locked and hidden.
fn script() -> Value {
    let tool = |name: &str| json!({ "name": name, "act": { "say": name } });
    let locks = json!([{ "of": "hidden", "argument": "a", "values": ["x"] }, { "of": "open", "argument": "a", "values": ["x"] },
        { "of": "locked", "argument": "a", "values": ["x"] }, { "of": "n://open/{a}", "argument": "a", "values": ["x"] },
        { "of": "n://hidden/{a}", "argument": "a", "values": ["x"] }]);
    let prompts = ["open", "locked", "hidden"].map(|name| json!({ "name": name, "arguments": [{ "name": "a" }] }));
    let list = ["open", "locked", "hidden"].map(|name| json!({ "uri": format!("n://{name}/1"), "text": name }));
    let tell = json!({ "name": "tell", "act": { "tell": [{ "updated": "n://hidden/1" }, { "updated": "n://locked/1" },
        { "updated": "n://open/1" }] } });
    json!({
        "tools": [tool("open"), tool("locked"), tool("hidden"), tell],
        "prompts": prompts,
        "resources": { "prefixes": ["n://"], "templates": ["n://open/{a}", "n://hidden/{a}"], "list": list },
        "completions": locks,
    })
}

const POLICIES: &str = r#"
@id("everything")
permit (principal, action, resource);

@id("hidden-tools")
forbid (principal, action == Action::"list", resource == Tool::"p_hidden");
@id("hidden-prompts")
forbid (principal, action == Action::"list", resource == Prompt::"p_hidden");
@id("hidden-resources")
forbid (principal, action == Action::"list", resource is Resource) when { resource.uri like "n://hidden/*" };

@id("locked")
forbid (principal, action == Action::"call", resource == Tool::"p_locked");
@id("locked-prompts")
forbid (principal, action == Action::"get", resource is Prompt) when { resource.ownName == "locked" };
@id("locked-resources")
forbid (principal, action == Action::"read", resource is Resource) when { resource.uri like "n://locked/*" };
"#;

fn setup(policies: &str) -> Setup {
    Setup::new().script("p", &script()).file("p.cedar", policies).config("[policy]\nfiles = [\"plugins/*.cedar\"]\n")
}

/// The same request in one revision.
fn send(host: &Host, version: &str, method: &str, params: &Value) -> Reply {
    match version {
        MODERN => host.modern(method, params.clone()),
        legacy => host.legacy(legacy).send(method, params),
    }
}

/// The names, or URIs, of a list.
fn listed(host: &Host, version: &str, method: &str, key: &str, name: &str) -> Vec<String> {
    let result = send(host, version, method, &json!({})).result();
    if version == MODERN {
        assert_eq!(result["cacheScope"], "private", "{result}");
    }
    let items = result[key].as_array().unwrap_or_else(|| panic!("no list: {result}"));
    items.iter().map(|item| item[name].as_str().expect("a name is a text").to_owned()).collect()
}

/// The answer, as far as it does not depend on the name that was asked for.
fn without(name: &str, reply: &Reply) -> (u16, String) {
    (reply.status, reply.answer()["error"].to_string().replace(name, "NAME"))
}

#[test]
fn lists_hold_what_callers_may_know_of() {
    let host = setup(POLICIES).start();
    for version in VERSIONS {
        let list = |method: &str, key: &str, name: &str| listed(&host, version, method, key, name);
        assert_eq!(list("tools/list", "tools", "name"), ["p_open", "p_locked", "p_tell"], "{version}");
        assert_eq!(list("prompts/list", "prompts", "name"), ["p_open", "p_locked"], "{version}");
        assert_eq!(list("resources/list", "resources", "uri"), ["n://open/1", "n://locked/1"], "{version}");
        let templates = list("resources/templates/list", "resourceTemplates", "uriTemplate");
        assert_eq!(templates, ["n://open/{a}"], "{version}");
    }
    host.stop();
}

#[test]
fn what_callers_may_not_know_of_is_as_if_it_were_not_there() {
    let host = setup(POLICIES).start();
    let prompt = |name: &str| json!({ "name": name });
    let complete = |kind: &str, key: &str, name: &str| json!({ "ref": { "type": kind, key: name }, "argument": { "name": "a", "value": "" } });
    for version in VERSIONS {
        for (method, hidden, unknown) in [
            ("tools/call", prompt("p_hidden"), prompt("p_nobody")),
            // Not even by mistakes in the call.
            (
                "tools/call",
                json!({ "name": "p_hidden", "arguments": [] }),
                json!({ "name": "p_nobody", "arguments": [] }),
            ),
            ("prompts/get", prompt("p_hidden"), prompt("p_nobody")),
            (
                "prompts/get",
                json!({ "name": "p_hidden", "arguments": { "b": "" } }),
                json!({ "name": "p_nobody", "arguments": { "b": "" } }),
            ),
            ("resources/read", json!({ "uri": "n://hidden/1" }), json!({ "uri": "m://nobody/1" })),
            (
                "completion/complete",
                complete("ref/prompt", "name", "p_hidden"),
                complete("ref/prompt", "name", "p_nobody"),
            ),
            (
                "completion/complete",
                complete("ref/resource", "uri", "n://hidden/{a}"),
                complete("ref/resource", "uri", "m://nobody/{a}"),
            ),
        ] {
            let (hidden_reply, unknown_reply) =
                (send(&host, version, method, &hidden), send(&host, version, method, &unknown));
            let names = ["p_hidden", "n://hidden/1", "n://hidden/{a}"].map(|name| without(name, &hidden_reply));
            let others = ["p_nobody", "m://nobody/1", "m://nobody/{a}"].map(|name| without(name, &unknown_reply));
            let same = names.iter().zip(&others).any(|(hidden, unknown)| hidden == unknown);
            assert!(same, "{version} {method}: {hidden_reply:?} and {unknown_reply:?}");
            assert_ne!(hidden_reply.answer()["error"], Value::Null, "{version} {method}");
        }
    }
    host.stop();
}

#[test]
fn what_callers_may_know_of_and_not_use_is_refused() {
    let host = setup(POLICIES).start();
    for version in VERSIONS {
        let good = |method: &str, params: Value| {
            let reply = send(&host, version, method, &params);
            assert_eq!(reply.status, 200, "{version} {method}: {reply:?}");
            reply.result()
        };
        let refused = |method: &str, params: Value| {
            let reply = send(&host, version, method, &params);
            assert_eq!(reply.status, 403, "{version} {method}: {reply:?}");
            let text = expect::sentence(reply.answer()["error"]["message"].as_str().expect("a text"));
            // Which policy it was is for the operator.
            assert!(!text.contains("locked"), "{text}");
        };
        assert_eq!(expect::text(&good("tools/call", json!({ "name": "p_open" }))), "open");
        refused("tools/call", json!({ "name": "p_locked" }));
        good("prompts/get", json!({ "name": "p_open" }));
        refused("prompts/get", json!({ "name": "p_locked" }));
        assert_eq!(good("resources/read", json!({ "uri": "n://open/1" }))["contents"][0]["text"], "open");
        refused("resources/read", json!({ "uri": "n://locked/1" }));
        let complete = |kind: &str, key: &str, name: &str| json!({ "ref": { "type": kind, key: name }, "argument": { "name": "a", "value": "" } });
        let values = |params| good("completion/complete", params)["completion"]["values"].clone();
        assert_eq!(values(complete("ref/prompt", "name", "p_open")), json!(["x"]));
        assert_eq!(values(complete("ref/resource", "uri", "n://open/{a}")), json!(["x"]));
        refused("completion/complete", complete("ref/prompt", "name", "p_locked"));
    }
    host.stop();
}

#[test]
fn nobody_hears_of_resources_that_they_may_not_read() {
    let host = setup(POLICIES).start();
    let uris = json!(["n://hidden/1", "n://locked/1", "n://open/1"]);
    let request = modern_request("subscriptions/listen", json!({ "notifications": { "resourceSubscriptions": uris } }));
    let mut modern = host.start_sending(&request);
    modern.expect_events();
    let first = modern.next_message().expect("it is acknowledged");
    // As with any URI: that there is nothing behind it shows only in that nothing is heard.
    assert_eq!(first["params"]["notifications"]["resourceSubscriptions"], uris);
    let session = host.legacy("2025-11-25");
    let mut legacy = session.listen();
    for uri in uris.as_array().expect("a list") {
        assert_eq!(session.send("resources/subscribe", &json!({ "uri": uri })).result(), json!({}));
    }
    // Twice: what comes second is known to come right behind the first.
    for _ in 0..2 {
        assert_eq!(expect::text(&host.call("p_tell", &json!({}))), "done");
    }
    for stream in [&mut modern, &mut legacy] {
        for _ in 0..2 {
            let news = stream.next_message().expect("something happened");
            assert_eq!(news["params"]["uri"], "n://open/1", "{news}");
        }
    }
    host.stop();
}

#[test]
fn tools_are_told_apart_by_what_plugins_say_of_them() {
    let tools = json!([{ "name": "twice", "idempotent": true }, { "name": "once" }]);
    let policies = "permit (principal, action in Action::\"use\", resource is Tool in Plugin::\"q\") when { resource.idempotent };";
    let host = setup(policies).script("q", &json!({ "tools": tools })).start();
    assert_eq!(host.tools(), ["q_twice"]);
    // The same decision goes with the tool when it becomes another.
    host.put("q.wasm", &scripted(&json!({ "tools": [{ "name": "twice" }, { "name": "once", "idempotent": true }] })));
    host.wait_for_tools(&["q_once"]);
    host.stop();
}

#[test]
fn arguments_decide_where_they_are_declared() {
    let tools = json!([{ "name": "write" }, { "name": "blind" }]);
    let policies = r#"
        permit (principal, action == Action::"list", resource);
        permit (principal, action == Action::"call", resource)
            when { context.arguments has path && context.arguments.path like "/home/*" };
        forbid (principal, action, resource) when { context.arguments has size && context.arguments.size > 10 };
    "#;
    let config = "[plugin.q.tool.write]\npolicy_arguments = { path = \"string\", size = \"long\" }\n";
    let host = setup(policies).script("q", &json!({ "tools": tools })).config(config).start();
    let call =
        |tool: &str, arguments: Value| host.modern("tools/call", json!({ "name": tool, "arguments": arguments }));
    for (arguments, status) in [
        (json!({ "path": "/home/a" }), 200),
        (json!({ "path": "/home/a", "size": 10, "more": [1.5] }), 200),
        (json!({ "path": "/home/a", "size": 11 }), 403),
        (json!({ "path": "/etc/passwd" }), 403),
        (json!({}), 403),
        (json!({ "path": "/home/a", "size": "1" }), 403),
    ] {
        let reply = call("q_write", arguments.clone());
        assert_eq!(reply.status, status, "{arguments}: {reply:?}");
    }
    let message = call("q_write", json!({ "path": 5 })).answer()["error"]["message"].clone();
    assert_eq!(message, "you may not do this here: the argument `path` is not of type string");
    // Of a tool that declares none, policies see none.
    assert_eq!(call("q_blind", json!({ "path": "/home/a" })).status, 403);
    host.stop();
}

#[test]
fn tenants_are_told_apart() {
    let policies = r#"
        permit (principal in Tenant::"acme", action in Action::"use", resource is Tool) when { resource.ownName == "open" };
        permit (principal, action in Action::"use", resource in Tenant::"default") when { principal.tenant == "default" };
    "#;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join("p.wasm"), scripted(&script())).expect("a file can be written");
    let dir = folder.path().display();
    let config = format!("[tenant.acme]\nplugins = \"{dir}\"\n[tenant.other]\nplugins = \"{dir}\"\n");
    let host = setup(policies).config(&config).start();
    let tools = |path: &str| {
        let request = Request { path: path.into(), ..modern_request("tools/list", json!({})) };
        let result = host.send(&request).result();
        let tools = result["tools"].as_array().expect("a list").iter();
        tools.map(|tool| tool["name"].as_str().expect("a text").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(tools("/mcp"), ["p_open", "p_locked", "p_hidden", "p_tell"]);
    assert_eq!(tools("/t/acme/mcp"), ["p_open"]);
    assert_eq!(tools("/t/other/mcp"), [""; 0]);
    host.stop();
}

#[test]
fn callers_are_told_apart_by_what_their_keys_say() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("keys.jsonl");
    let key = |subject: &str, more: &[&str]| {
        let mut command = Command::new(host_program());
        command.arg("keys").arg("--file").arg(&file).args(["add", "--subject", subject, "--id", subject]).args(more);
        let output = output(&mut command);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("the host prints text").trim().to_owned()
    };
    let keys = [key("ada", &["--group", "operators"]), key("bob", &["--scope", "see"]), key("eve", &[])];
    let policies = r#"
        permit (principal in Group::"operators", action, resource);
        permit (principal, action == Action::"list", resource is Tool) when { principal.scopes.contains("see") };
        permit (principal == User::"eve", action, resource == Tool::"p_open");
    "#;
    let host = setup(policies).config(&format!("[auth]\nkeys_file = '{}'\n", file.display())).start();
    let send = |key: &str, method: &str, params: Value| {
        host.send(&modern_request(method, params).header("Authorization", &format!("Bearer {key}")))
    };
    // Again and again, so that what is remembered of one is not taken for another's.
    for _ in 0..3 {
        for (key, tools, open, locked) in [
            (&keys[0], &["p_open", "p_locked", "p_hidden", "p_tell"][..], 200, 200),
            (&keys[1], &["p_open", "p_locked", "p_hidden", "p_tell"], 403, 403),
            (&keys[2], &["p_open"], 200, 400),
        ] {
            let listed = send(key, "tools/list", json!({})).result();
            let listed = listed["tools"].as_array().expect("a list").iter();
            let listed: Vec<&str> = listed.map(|tool| tool["name"].as_str().expect("a text")).collect();
            assert_eq!(listed, tools);
            for (tool, status) in [("p_open", open), ("p_locked", locked)] {
                assert_eq!(send(key, "tools/call", json!({ "name": tool })).status, status, "{tool}");
            }
        }
    }
    host.stop();
}

#[test]
fn a_task_is_permitted_anew_when_it_runs() {
    let state = tempfile::tempdir().expect("a temporary folder can be made");
    let rounds = json!([{ "who": form("Who?", "x") }]);
    let tools = json!([{ "name": "long", "long_running": true, "act": { "ask": { "rounds": rounds } } }]);
    let start = |policies: &str| setup(policies).script("q", &json!({ "tools": tools })).state(state.path()).start();
    let send = |host: &Host, method: &str, mut params: Value| {
        let capabilities = json!({ "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} } });
        params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities;
        host.send(&modern_request(method, params)).result()
    };
    let until = |host: &Host, id: &str, status: &str| {
        eventually(&format!("the task to be {status}"), || {
            let task = send(host, "tasks/get", json!({ "taskId": id }));
            (task["status"] == status).then_some(task)
        })
    };
    let host = start("permit (principal, action, resource);");
    let created = send(&host, "tools/call", json!({ "name": "q_long" }));
    let id = created["taskId"].as_str().expect("it is a task").to_owned();
    until(&host, &id, "input_required");
    host.stop();
    // Another host takes it up, where that is not allowed any more.
    let host = start("permit (principal, action == Action::\"list\", resource);");
    let answers = json!({ "who": accept(&json!({ "x": "me" })) });
    send(&host, "tasks/update", json!({ "taskId": id, "inputResponses": answers }));
    let failed = until(&host, &id, "failed");
    assert_eq!(failed["error"]["message"], "you may not do this here", "{failed}");
    host.stop();
}

/// A folder as `toolyard` is used in: a configuration, policies and a plugin.
fn folder(policies: &[(&str, &str)], config: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for dir in ["plugins", "policies"] {
        fs::create_dir(folder.path().join(dir)).expect("a folder can be made");
    }
    fs::write(folder.path().join("plugins/p.wasm"), scripted(&script())).expect("a file can be written");
    for (name, text) in policies {
        fs::write(folder.path().join("policies").join(name), text).expect("a file can be written");
    }
    let config = format!("[policy]\nfiles = [\"policies/*.cedar\"]\n{config}");
    fs::write(folder.path().join("toolyard.toml"), config).expect("a file can be written");
    folder
}

fn toolyard(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(host_program());
    command.current_dir(folder).args(arguments).env_remove("RUST_LOG");
    let Output { status, stdout, stderr } = output(&mut command);
    let text = |bytes| String::from_utf8(bytes).expect("the host prints text");
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn mistakes_are_told_with_file_and_line() {
    let wrong = [
        ("a.cedar", "permit (principal, action, resource)\n  when { resource.readonly };\n"),
        ("b.cedar", "@id(\"fine\")\npermit (principal, action, resource);\npermit (principal, action, resource)\n"),
    ];
    let folder = folder(&wrong, "");
    let (code, stdout, stderr) = toolyard(folder.path(), &["policy", "check"]);
    assert_eq!((code, stdout.as_str()), (Some(3), ""), "{stderr}");
    for place in ["4 mistakes", "policies/a.cedar:2: ", "policies/b.cedar:"] {
        assert!(stderr.contains(place), "{place} in {stderr}");
    }
    // No host starts with them.
    let serve = ["serve", "--config", "toolyard.toml", "--listen", "127.0.0.1:0", "--state-dir", ""];
    let (code, _, stderr) = toolyard(folder.path(), &serve);
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("policies/a.cedar:2: ") && stderr.contains("policies/b.cedar:"), "{stderr}");

    fs::remove_file(folder.path().join("policies/a.cedar")).expect("a file can be removed");
    fs::write(folder.path().join("policies/b.cedar"), POLICIES).expect("a file can be written");
    let (code, stdout, stderr) = toolyard(folder.path(), &["policy", "check"]);
    assert_eq!((code, stdout.as_str()), (Some(0), "7 policies, and no mistakes\n"), "{stderr}");
    fs::remove_file(folder.path().join("policies/b.cedar")).expect("a file can be removed");
    let (code, _, stderr) = toolyard(folder.path(), &["policy", "check"]);
    assert!(code == Some(3) && stderr.contains("policies/*.cedar: no file fits this"), "{stderr}");
}

#[test]
fn a_decision_is_explained() {
    let policies = format!(
        "{POLICIES}\n@id(\"ops\")\nforbid (principal, action, resource in Plugin::\"p\")\n\
         when {{ principal in Group::\"guests\" && context.arguments has path && context.arguments.path == \"/\" }};\n"
    );
    let folder = folder(&[("p.cedar", &policies)], "[plugin.p.tool.open]\npolicy_arguments = [\"path\"]\n");
    let explain = |more: &[&str]| {
        let arguments = [&["policy", "explain", "--config", "toolyard.toml", "--subject", "alice"], more].concat();
        toolyard(folder.path(), &arguments)
    };
    let check = |more: &[&str], code: i32, said: &[&str]| {
        let (ended, stdout, stderr) = explain(more);
        assert_eq!(ended, Some(code), "{more:?}: {stdout}{stderr}");
        for said in said {
            assert!(stdout.contains(said), "{more:?}: {said} in {stdout}");
        }
    };
    let place = |name: &str| {
        let at = policies.find(&format!("@id(\"{name}\")")).expect("it is there");
        format!("`{name}` at policies/p.cedar:{}\n", policies[..at].matches('\n').count() + 1)
    };
    let alice = "`alice` of tenant `default`";
    let allowed = format!("allowed: {alice} may call the tool `p_open`");
    check(&["--tool", "p_open"], 0, &[&allowed, &place("everything"), "its arguments path"]);
    check(&["--tool", "p_locked"], 1, &["denied: ", &place("locked")]);
    check(&["--tool", "p_locked", "--action", "list"], 0, &["allowed: ", &place("everything")]);
    check(&["--tool", "p_hidden"], 1, &["so that it is unknown to them", &place("hidden-tools")]);
    check(&["--prompt", "p_locked"], 1, &[&place("locked-prompts")]);
    check(&["--resource", "n://locked/1"], 1, &[&place("locked-resources")]);
    let root = ["--tool", "p_open", "--arguments", "{\"path\":\"/\"}"];
    check(&root, 0, &[&allowed]);
    check(&[&root[..], &["--group", "guests"]].concat(), 1, &[&place("ops")]);
    let (code, _, stderr) = explain(&["--tool", "p_opne"]);
    assert!(code == Some(3) && stderr.contains("did you mean `p_open`?"), "{stderr}");
    // Editors get the schema with the arguments in it.
    let (_, schema, _) = toolyard(folder.path(), &["policy", "schema", "--config", "toolyard.toml"]);
    assert!(schema.contains("\"path\"?: String"), "{schema}");
}

/// What is explained is what a request would find, and not policies alone.
#[test]
fn scopes_and_the_owner_of_a_key_are_explained_too() {
    let config = "[auth]\nkeys_file = \"keys.jsonl\"\n[plugin.p.tool.open]\nscopes = [\"open\"]\n";
    let folder = folder(&[("p.cedar", "permit (principal, action, resource);")], config);
    let run = |arguments: &[&str]| toolyard(folder.path(), arguments);
    let (code, key, stderr) = run(&["keys", "add", "--id", "k1", "--subject", "ada", "--scope", "open"]);
    assert!(code == Some(0) && key.starts_with("ty_k1_") && !stderr.contains("note:"), "{stderr}");
    let (_, _, stderr) = run(&["keys", "add", "--id", "k2", "--subject", "ada", "--tenant", "nobody"]);
    assert!(stderr.contains("no tenant `nobody`"), "{stderr}");
    let explain = |more: &[&str]| run(&[&["policy", "explain", "--tool", "p_open"], more].concat());
    let (code, said, stderr) = explain(&[]);
    assert!(code == Some(1) && said.contains("asks for open"), "{said}{stderr}");
    let (code, said, stderr) = explain(&["--key", "k1"]);
    assert!(code == Some(0) && said.contains("allowed: `ada` of tenant `default`"), "{said}{stderr}");
    let (code, _, stderr) = explain(&["--key", "k3"]);
    assert!(code == Some(3) && stderr.contains("there is no key `k3`"), "{stderr}");
    let (code, _, stderr) = explain(&["--tenant", "defualt"]);
    assert!(code == Some(3) && stderr.contains("did you mean `default`?"), "{stderr}");
}
