//! Each surface of the host, from both sides: what one tenant's callers do shows nothing of the other's, and changes nothing there.

mod outside;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use toolyard_tests::{At, Connection, Host, Reply, Request, Setup, Target, modern_request, scripted};

use super::{TENANTS, setup_on};
use crate::{asking::Rounds, expect};

/// Two tenants of one host. The first has something; the second has nothing of it.
struct Pair<'a> {
    has: At<'a>,
    other: At<'a>,
    /// Where each has a folder of its name.
    folders: &'a Path,
}

/// A surface, and what proves it. The names are those of the table that is printed.
type Surface = (&'static str, fn(&Pair<'_>));

const SURFACES: &[Surface] = &[
    ("tools: list", tools_listed),
    ("tools: call", tools_called),
    ("prompts: list, get", prompts),
    ("resources: list, read", resources),
    ("completions", completions),
    ("tasks: get, update, cancel", tasks),
    ("news: subscriptions/listen", news),
    ("news: stream of a session", session_news),
    ("sealed state: requestState", request_state),
    ("sealed state: session", sessions),
    ("streams: Last-Event-ID", replay),
    ("key-value", key_value),
    ("files: read, list, write", outside::files),
    ("secrets, environment", secrets),
    ("log: notifications", outside::notifications),
    ("log: the host's", outside::log),
    ("metrics", outside::metrics),
    ("errors: unknown is unknown", errors),
    ("errors: the same bytes", same_bytes),
    ("serving goes on beside a hog", hog),
];

#[test]
fn nothing_of_one_tenant_is_the_others() {
    let folders = tempfile::tempdir().expect("a temporary folder can be made");
    let host = setup(folders.path()).start();
    // Plugins whose names, or whose tools' names, would be somebody else's labels.
    for (place, tenant) in TENANTS.iter().enumerate() {
        let told = &host.ready["tenants"][place];
        assert_eq!((&told["name"], told["refused"].as_array().map(Vec::len)), (&json!(tenant), Some(2)), "{told}");
    }
    let mut table = String::from("isolation, surface by surface: acme from bolt, bolt from acme\n");
    for (surface, check) in SURFACES {
        for (has, other) in [("acme", "bolt"), ("bolt", "acme")] {
            let [has, other] = [has, other].map(|tenant| At { host: &host, tenant });
            check(&Pair { has, other, folders: folders.path() });
        }
        table += &format!("  {surface:<32} apart  apart\n");
    }
    print(&table);
    host.stop();
}

/// A host of both, each of which has a folder; and plugins that would be counted as the other's.
fn setup(folders: &Path) -> Setup {
    let mut setup = setup_on(Setup::new().config("admin_listen = '127.0.0.1:0'\n"));
    for tenant in TENANTS {
        let folder = folders.join(tenant);
        fs::create_dir(&folder).expect("a folder can be made");
        let forged = format!("forged\",tenant=\"{tenant}\"}} 1\nforged{{x=\"");
        let grant =
            format!("[[tenant.{tenant}.plugin.k.grants.folders]]\npath = {folder:?}\nguest = '/data'\nwrite = true\n");
        setup = setup
            .config(&grant)
            .file(&format!("{tenant}/forger.wasm"), scripted(&json!({ "tools": [{ "name": forged }] })))
            .file(&format!("{tenant}/{forged}.wasm"), scripted(&json!({ "tools": [{ "name": "x" }] })));
    }
    setup
}

#[expect(clippy::print_stdout, reason = "the table is what whoever runs it wants to see")]
fn print(table: &str) {
    println!("{table}");
}

impl Pair<'_> {
    fn text(&self, at: &At<'_>, tool: &str, arguments: &Value) -> String {
        expect::text(&at.call(tool, arguments)).to_owned()
    }

    fn own(&self) -> String {
        format!("of {}", self.has.tenant)
    }

    fn others(&self) -> String {
        format!("of {}", self.other.tenant)
    }

    /// Checks that `theirs` is answered as `nobodys` is, but for the name.
    fn same_as_unknown(&self, method: &str, theirs: (Value, &str), nobodys: (Value, &str)) {
        let say = |(params, name): (Value, &str)| {
            let reply = self.other.modern(method, params);
            assert_ne!(reply.status, 200, "{method} {name}: {reply:?}");
            let answer = reply.answer().to_string().replace(name, "NAME");
            (reply.status, answer)
        };
        assert_eq!(say(theirs), say(nobodys), "{method}");
    }
}

fn names(reply: &Reply, list: &str, field: &str) -> Vec<String> {
    let result = reply.result();
    let items = result[list].as_array().unwrap_or_else(|| panic!("no {list}: {result}"));
    items.iter().map(|item| item[field].as_str().expect("a text").to_owned()).collect()
}

fn tools_listed(pair: &Pair<'_>) {
    let listed = names(&pair.other.modern("tools/list", json!({})), "tools", "name");
    assert!(listed.contains(&format!("s_only_{}", pair.other.tenant)), "{listed:?}");
    assert!(!listed.contains(&format!("s_only_{}", pair.has.tenant)), "{listed:?}");
    let session = pair.other.legacy("2025-06-18");
    assert_eq!(names(&session.send("tools/list", &json!({})), "tools", "name"), listed);
}

fn tools_called(pair: &Pair<'_>) {
    assert_eq!(pair.text(&pair.has, "s_whose", &json!({})), pair.own());
    assert_eq!(pair.text(&pair.other, "s_whose", &json!({})), pair.others());
    let name = format!("s_only_{}", pair.has.tenant);
    pair.same_as_unknown(
        "tools/call",
        (json!({ "name": name }), &name),
        (json!({ "name": "s_only_none" }), "s_only_none"),
    );
}

fn prompts(pair: &Pair<'_>) {
    let name = format!("s_only_{}", pair.has.tenant);
    assert!(!names(&pair.other.modern("prompts/list", json!({})), "prompts", "name").contains(&name));
    pair.other.modern("prompts/get", json!({ "name": "s_shared" })).result();
    pair.same_as_unknown("prompts/get", (json!({ "name": name }), &name), (json!({ "name": "s_none" }), "s_none"));
}

fn resources(pair: &Pair<'_>) {
    let uri = format!("{}://one", pair.has.tenant);
    assert!(!names(&pair.other.modern("resources/list", json!({})), "resources", "uri").contains(&uri));
    let read = pair.other.modern("resources/read", json!({ "uri": "s://shared" })).result().to_string();
    assert!(read.contains(&pair.others()) && !read.contains(&pair.own()), "{read}");
    let (theirs, nobodys) = (json!({ "uri": uri }), json!({ "uri": "none://one" }));
    pair.same_as_unknown("resources/read", (theirs, &uri), (nobodys, "none://one"));
}

fn completions(pair: &Pair<'_>) {
    let params =
        |name: &str| json!({ "ref": { "type": "ref/prompt", "name": name }, "argument": { "name": "x", "value": "" } });
    let completed = pair.other.modern("completion/complete", params("s_shared")).result();
    assert_eq!(completed["completion"]["values"], json!([pair.others()]));
    let name = format!("s_only_{}", pair.has.tenant);
    pair.same_as_unknown("completion/complete", (params(&name), &name), (params("s_none"), "s_none"));
}

/// The same params from a client that knows tasks.
fn knowing_tasks(mut params: Value) -> Value {
    let known = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = known;
    params
}

fn tasks(pair: &Pair<'_>) {
    let begin = knowing_tasks(json!({ "name": "s_task", "arguments": { "ms": 60_000 } }));
    let created = pair.has.modern("tools/call", begin).result();
    let id = created["taskId"].as_str().unwrap_or_else(|| panic!("no task: {created}")).to_owned();
    let params = |id: &str| knowing_tasks(json!({ "taskId": id, "inputResponses": {} }));
    let nobodys = "A".repeat(id.len());
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        pair.same_as_unknown(method, (params(&id), &id), (params(&nobodys), &nobodys));
    }
    let followed = knowing_tasks(json!({ "notifications": { "taskIds": [id] } }));
    let mut stream = pair.other.start_sending(&modern_request("subscriptions/listen", followed));
    stream.expect_events();
    let first = stream.next_message().expect("it is acknowledged");
    assert_eq!(first["params"]["notifications"]["taskIds"], json!([]), "{first}");
    let seen = pair.has.modern("tasks/get", params(&id)).result();
    assert_eq!(seen["status"], "working", "the other's cancellation did nothing: {seen}");
    pair.has.modern("tasks/cancel", params(&id)).result();
}

/// What is told last, by the tenant itself: whatever was heard before it came from elsewhere.
fn hears_only_its_own(pair: &Pair<'_>, stream: &mut Connection) {
    assert_eq!(pair.text(&pair.has, "s_tell_all", &json!({})), "done");
    assert_eq!(pair.text(&pair.other, "s_tell_last", &json!({})), "done");
    let message = stream.next_message().expect("its own news come");
    assert_eq!(message["method"], "notifications/resources/updated", "{message}");
    assert_eq!(message["params"]["uri"], "s://last", "{message}");
}

fn news(pair: &Pair<'_>) {
    let filter = json!({
        "toolsListChanged": true,
        "promptsListChanged": true,
        "resourcesListChanged": true,
        "resourceSubscriptions": ["s://shared", "s://last"],
    });
    let request = modern_request("subscriptions/listen", json!({ "notifications": filter }));
    let mut stream = pair.other.start_sending(&request);
    stream.expect_events();
    stream.next_message().expect("it is acknowledged");
    hears_only_its_own(pair, &mut stream);
}

fn session_news(pair: &Pair<'_>) {
    let session = pair.other.legacy("2025-06-18");
    for uri in ["s://shared", "s://last"] {
        session.send("resources/subscribe", &json!({ "uri": uri })).result();
    }
    hears_only_its_own(pair, &mut session.listen());
}

fn request_state(pair: &Pair<'_>) {
    let need = Rounds::of_tool(&pair.has, "s_ask").begin();
    let answers = json!({ "name": { "action": "accept", "content": { "name": "Alice" } } });
    let stolen = Rounds::of_tool(&pair.other, "s_ask").send(Some(&need.state), Some(&answers));
    expect::error(&stolen, 400, -32602, &json!(1));
    Rounds::of_tool(&pair.has, "s_ask").end(&need, &answers);
}

fn sessions(pair: &Pair<'_>) {
    let session = pair.has.legacy("2025-06-18");
    let stolen = session.moved_to(&pair.other);
    expect::error(&stolen.send("tools/list", &json!({})), 404, -32600, &json!(1));
    assert_eq!(stolen.delete().status, 404);
    session.send("tools/list", &json!({})).result();
    assert_eq!(session.delete().status, 200);
}

fn replay(pair: &Pair<'_>) {
    let own = pair.has.legacy("2025-11-25");
    let mut call = own.begin_call("s_wait", &json!({ "arguments": { "ms": 1 }, "_meta": { "progressToken": "p" } }));
    let event = call.next_event().and_then(|event| event.id).expect("an event has an id");
    call.messages();
    let session = pair.other.legacy("2025-11-25");
    session.send("resources/subscribe", &json!({ "uri": "s://last" })).result();
    let mut news = session.listen();
    let mut stolen = session.resume(&event);
    assert_eq!(pair.text(&pair.other, "s_tell_last", &json!({})), "done");
    let message = news.next_message().expect("its own news come");
    assert_eq!(message["method"], "notifications/resources/updated", "{message}");
    // That of the other is as one that never was: nothing comes before the comment that keeps it open.
    assert!(stolen.next_line().starts_with(':'));
}

fn key_value(pair: &Pair<'_>) {
    pair.text(&pair.other, "k_kv_delete", &json!({ "key": "k" }));
    pair.text(&pair.has, "k_kv_set", &json!({ "key": "k", "value": pair.own() }));
    for key in ["k", "../acme/k/k", "acme/k", "bolt/k", "/k"] {
        assert_eq!(pair.text(&pair.other, "k_kv_get", &json!({ "key": key })), "null");
    }
    let keys = pair.text(&pair.other, "k_kv_list", &json!({}));
    assert!(keys.contains(r#""keys":[]"#), "{keys}");
    pair.text(&pair.has, "k_kv_delete", &json!({ "key": "k" }));
}

fn secrets(pair: &Pair<'_>) {
    let secret = pair.text(&pair.other, "k_setting", &json!({ "key": "token" }));
    assert!(secret.contains(&format!("secret {}", pair.others())), "{secret}");
    assert_eq!(pair.text(&pair.other, "k_variable", &json!({ "name": "WHOSE" })), format!("{:?}", pair.others()));
}

/// A path that leads to no tenant says nothing about which ones there are: it is like any path that leads nowhere.
fn errors(pair: &Pair<'_>) {
    let host: &Host = pair.has.host;
    let at = |path: &str| {
        let request = Request { path: path.into(), ..modern_request("tools/list", json!({})) };
        let reply = host.send(&request);
        (reply.status, reply.answer())
    };
    let nowhere = at("/nowhere");
    assert_eq!(nowhere.0, 404);
    for path in
        ["/t/none/mcp", "/t//mcp", "/t/a.b/mcp", "/t/acme", "/t/acme/", "/t/acme/mcp/", "/t/acme%2f../mcp", "/t/../mcp"]
    {
        assert_eq!(at(path), nowhere, "{path}");
    }
}

/// What is another's and what is nobody's are the same to the last byte, headers included, so that not even a length tells.
fn same_bytes(pair: &Pair<'_>) {
    let session = pair.other.legacy("2025-11-25");
    let ask = |method: &str, params: &Value, name: &str| {
        let modern = pair.other.modern(method, params.clone());
        let legacy = pair.other.send(&session.request_as(&json!(7), method, params));
        [modern, legacy].map(|reply| {
            let body = String::from_utf8(reply.body.clone()).expect("answers are text");
            (reply.status, reply.lasting_headers(), body.replace(name, "NAME"))
        })
    };
    let (tool, uri) = (format!("s_only_{}", pair.has.tenant), format!("{}://one", pair.has.tenant));
    let named = |name: &str| json!({ "name": name });
    let completed =
        |name: &str| json!({ "ref": { "type": "ref/prompt", "name": name }, "argument": { "name": "x", "value": "" } });
    let read = |uri: &str| json!({ "uri": uri });
    for (method, params, theirs, nobodys) in [
        ("tools/call", &named as &dyn Fn(&str) -> Value, &tool, "s_only_none"),
        ("prompts/get", &named, &tool, "s_only_none"),
        ("completion/complete", &completed, &tool, "s_only_none"),
        ("resources/read", &read, &uri, "none://one"),
        ("resources/subscribe", &read, &uri, "none://one"),
    ] {
        assert_eq!(theirs.len(), nobodys.len());
        assert_eq!(ask(method, &params(theirs), theirs), ask(method, &params(nobodys), nobodys), "{method}");
    }
}

/// A tool that would run for ever, several times over, and a neighbour that is answered meanwhile.
fn hog(pair: &Pair<'_>) {
    let request = modern_request("tools/call", json!({ "name": "s_spin" }));
    let hogs: Vec<Connection> = (0..4).map(|_| pair.has.start_sending(&request)).collect();
    for _ in 0..20 {
        assert_eq!(pair.text(&pair.other, "s_whose", &json!({})), pair.others());
    }
    // Whoever leaves cancels.
    drop(hogs);
}
