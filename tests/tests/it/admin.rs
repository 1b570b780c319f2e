//! The operator's listener: who is let in, what they are told, and what they can have done.

mod browser;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use toolyard_tests::{Connection, Host, Reply, Request, Setup, eventually, modern_request, scripted};

use crate::expect;

const LISTEN: &str = "admin_listen = '127.0.0.1:0'\n";

const WISHES: &str = "
    [[http]]
    url = 'https://api.example.com/v1/'
    why = 'to read orders'
    [keyvalue]
    why = 'to remember them <img src=x onerror=alert(1)>'
    optional = true
";

const GRANTS: &str = "
    [plugin.p.grants]
    config = { language = 'of the operator' }
    [[plugin.p.grants.http]]
    url = 'https://*.example.com/'
";

fn tools() -> Value {
    json!({ "tools": [
        { "name": "say", "act": { "say": "here" } },
        { "name": "wait", "act": { "wait": "waited" } },
        { "name": "slow", "long_running": true, "act": { "wait": "waited" } },
        { "name": "fail", "act": { "fail": { "is_error": "It did not work." } } },
    ] })
}

/// A host with something of everything that is shown.
fn host(config: &str) -> Host {
    let setup = Setup::new().file("p.wasm", scripted(&tools())).file("p.toml", WISHES).guest("caller");
    setup.file("broken.wasm", "no component").config(LISTEN).config(config).config(GRANTS).start()
}

fn with_key(request: Request, key: &str) -> Request {
    request.header("Authorization", &format!("Bearer {key}"))
}

fn ask(host: &Host, path: &str) -> Reply {
    host.admin_send(&with_key(Request::bare("GET", path), &host.admin_key()))
}

/// What the API tells of `name`.
fn told(host: &Host, name: &str) -> Value {
    let reply = ask(host, &format!("/api/v1/{name}"));
    assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")), "{name}");
    reply.json()
}

fn list<'a>(told: &'a Value, name: &str) -> &'a [Value] {
    told[name].as_array().unwrap_or_else(|| panic!("no list `{name}`: {told}"))
}

/// Begins a call and leaves it running.
fn begin(host: &Host, tool: &str) -> Connection {
    let request = modern_request("tools/call", json!({ "name": tool, "arguments": { "ms": 3_600_000 } }));
    host.start_sending(&request)
}

/// The call of that tool that is in flight, once it is.
fn in_flight(host: &Host, tool: &str) -> Value {
    eventually("the call to be in flight", || {
        let told = told(host, "calls");
        list(&told, "calls").iter().find(|call| call["tool"] == tool).cloned()
    })
}

#[test]
fn nothing_is_told_without_the_key() {
    let host = host("");
    let paths = ["host", "tenants", "refused", "plugins", "calls", "latencies", "denials", "tasks", "audit", "nothing"];
    for path in paths.map(|name| format!("/api/v1/{name}")) {
        let bare = Request::bare("GET", &path);
        let in_the_url = Request::bare("GET", &format!("{path}?key={}", host.admin_key()));
        let twice = with_key(bare.clone(), &host.admin_key());
        let twice = Request { headers: [twice.headers.clone(), twice.headers].concat(), ..bare.clone() };
        for request in [
            bare.clone(),
            with_key(bare.clone(), "not-the-key-of-this-host"),
            with_key(bare.clone(), ""),
            bare.clone().header("Authorization", &format!("Basic {}", host.admin_key())),
            bare.header("Cookie", &format!("key={}", host.admin_key())),
            in_the_url,
            twice,
        ] {
            let reply = host.admin_send(&request);
            assert_eq!(reply.status, 401, "{path}");
            assert!(reply.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")));
            let error = reply.json();
            assert_eq!(error.as_object().map(serde_json::Map::len), Some(1), "{error}");
        }
    }
    for action in ["reload", "drain"] {
        assert_eq!(host.admin_send(&Request::bare("POST", &format!("/api/v1/{action}"))).status, 401);
    }
    assert_eq!(host.admin("/readyz").status, 200, "it was not told to drain");
    // The page itself holds nothing, and asks for the key.
    assert_eq!(host.admin("/").status, 200);
    let file = host.ready["admin_key_file"].as_str().expect("a path");
    assert_eq!(fs::metadata(file).expect("it is there").permissions().mode() & 0o777, 0o600);
    host.stop();
}

#[test]
fn pages_of_the_web_are_kept_out() {
    let host = host("");
    let own = host.admin_address().to_string();
    let check = |path: &str, headers: &[(&str, &str)], expected: u16| {
        let request = with_key(Request::bare("GET", path), &host.admin_key());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let reply = host.admin_send(&request);
        assert_eq!(reply.status, expected, "{path} {headers:?}");
        assert_eq!(reply.header("access-control-allow-origin"), None, "nobody elsewhere may read it");
    };
    for path in ["/api/v1/host", "/", "/app.js"] {
        // The name was made to lead here.
        check(path, &[("Host", "evil.example")], 403);
        check(path, &[("Host", "evil.example"), ("Origin", "http://evil.example")], 403);
        check(path, &[("Host", "127.0.0.1.evil.example")], 403);
        check(path, &[("Origin", &format!("http://{own}")), ("Sec-Fetch-Site", "same-origin")], 200);
        check(path, &[("Host", "localhost:9090"), ("Origin", "http://localhost:9090")], 200);
    }
    // A link to the page may stand anywhere.
    check("/", &[("Sec-Fetch-Site", "cross-site")], 200);
    for path in ["/api/v1/host", "/api/v1/nothing"] {
        check(path, &[("Origin", "http://evil.example")], 403);
        check(path, &[("Origin", "null")], 403);
        check(path, &[("Origin", "http://localhost:1")], 403);
        check(path, &[("Sec-Fetch-Site", "cross-site")], 403);
        check(path, &[("Sec-Fetch-Site", "same-site")], 403);
    }
    // Those who look whether it is alive come by many names.
    for path in ["/healthz", "/readyz", "/metrics"] {
        check(path, &[("Host", "toolyard.svc.cluster.local")], 200);
    }
    // A form can send a POST anywhere, without leave, but not the key.
    let form = Request::bare("POST", "/api/v1/drain").header("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(host.admin_send(&form.header("Origin", "http://evil.example")).status, 403);
    let preflight = Request::bare("OPTIONS", "/api/v1/drain").header("Origin", "http://evil.example");
    let preflight = host.admin_send(&preflight.header("Access-Control-Request-Headers", "authorization"));
    assert_eq!((preflight.status, preflight.header("access-control-allow-headers")), (403, None));
    host.stop();
}

#[test]
fn the_page_holds_to_itself() {
    let host = host("");
    let page = host.admin("/");
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let text = String::from_utf8(page.body).expect("a page is text");
    for inline in ["<style", " style=", " onclick=", "javascript:", "http://", "https://", "//"] {
        assert!(!text.contains(inline), "the page has `{inline}` in it");
    }
    let parts: Vec<&str> = text.split("src=\"").chain(text.split("href=\"")).skip(1).collect();
    for part in parts {
        let name = part.split('"').next().unwrap_or_default();
        if name.contains('.') && !name.contains(['<', '#']) {
            assert_eq!(host.admin(&format!("/{name}")).status, 200, "{name}");
        }
    }
    host.stop();
}

#[test]
fn a_key_can_be_configured() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("key");
    fs::write(&file, "a-key-from-a-file\n").expect("a file can be written");
    let admin = format!(
        "[secret.admin]\nfile = '{file}'\n[admin]\nlisten = '127.0.0.1:0'\nmetrics_need_key = true\n",
        file = file.display()
    );
    for key in [format!("key_file = '{}'\n", file.display()), "key = 'admin'\n".to_owned()] {
        let host = Setup::new().config(&admin).config(&key).start();
        assert_eq!(host.ready["admin_key_file"], Value::Null, "it is the operator's own");
        for path in ["/api/v1/host", "/metrics"] {
            assert_eq!(host.admin(path).status, 401, "{path}");
            let reply = host.admin_send(&with_key(Request::bare("GET", path), "a-key-from-a-file"));
            assert_eq!(reply.status, 200, "{path}");
        }
        assert_eq!(host.admin("/healthz").status, 200);
        host.stop();
    }
}

#[test]
fn without_a_place_for_a_key_there_is_no_api() {
    let host = Setup::new().config(LISTEN).state("").start();
    assert_eq!(host.ready["admin_key_file"], Value::Null);
    for path in ["/", "/app.js", "/api/v1/host"] {
        let reply = host.admin_send(&with_key(Request::bare("GET", path), ""));
        assert_eq!(reply.status, 404, "{path}");
        let reason = reply.json()["error"].take();
        assert!(reason.as_str().is_some_and(|reason| reason.contains("`key_file`")), "{reason}");
    }
    assert_eq!((host.admin("/healthz").status, host.admin("/metrics").status), (200, 200));
    host.stop();
}

#[test]
fn plugins_are_told_of_with_their_grants_against_their_wishes() {
    let host = host("");
    let plugins = told(&host, "plugins?name=p");
    let plugin = &list(&plugins, "plugins")[0];
    assert_eq!((&plugin["tenant"], &plugin["name"]), (&json!("default"), &json!("p")));
    let loaded = list(&host.ready, "plugins").iter().find(|plugin| plugin["name"] == "p").expect("it is loaded");
    assert_eq!(plugin["digest"], loaded["digest"]);
    let names: Vec<_> = list(plugin, "tools").iter().map(|tool| tool["name"].clone()).collect();
    assert_eq!(names, ["p_say", "p_wait", "p_slow", "p_fail"]);
    assert_eq!(plugin["tools"][2]["task"], "at once");
    let wishes: Vec<_> =
        list(plugin, "wishes").iter().map(|wish| (wish["what"].clone(), wish["granted"].clone())).collect();
    assert_eq!(
        wishes,
        [(json!("http GET https://api.example.com/v1/"), json!(true)), (json!("keyvalue"), json!(false))]
    );
    let grants = list(plugin, "grants");
    assert_eq!(grants[0], json!({ "what": "http GET HEAD https://*.example.com/", "wished": true }));
    assert_eq!(grants[1], json!({ "what": "config language", "wished": false }));
    assert!(!plugins.to_string().contains("of the operator"), "a value may be private");
    let refused = told(&host, "refused");
    let refused = list(&refused, "refused");
    assert_eq!(
        (refused.len(), &refused[0]["file"], &refused[0]["tenant"]),
        (1, &json!("broken.wasm"), &json!("default"))
    );
    let known = told(&host, "host");
    assert_eq!((&known["plugins"], &known["refused"], &known["ready"]), (&json!(2), &json!(1), &json!(true)));
    assert_eq!((&known["held"], &refused[0]["held"]), (&json!(0), &json!(false)));
    assert!(known["up_s"].is_u64() && known["now_ms"].as_u64() > Some(0), "{known}");
    host.stop();
}

#[test]
fn calls_are_seen_while_they_run_and_counted_when_they_end() {
    let host = host("");
    assert!(list(&told(&host, "latencies"), "tools").is_empty(), "nothing was called yet");
    let running = begin(&host, "p_wait");
    let call = in_flight(&host, "p_wait");
    assert_eq!((&call["tenant"], &call["plugin"]), (&json!("default"), &json!("p")));
    let subject = call["subject"].as_str().expect("a pseudonym");
    assert!(subject.len() == 16 && !subject.contains("anonymous"), "{call}");
    assert_eq!(told(&host, "host")["calls_in_flight"], 1);
    drop(running);
    eventually("the call to be gone", || list(&told(&host, "calls"), "calls").is_empty().then_some(()));

    expect::text(&host.call("p_say", &json!({})));
    expect::failure(&host.call("p_fail", &json!({})));
    let paces = told(&host, "latencies");
    let of = |tool: &str| list(&paces, "tools").iter().find(|pace| pace["tool"] == tool).expect("it was called");
    let numbers = |tool: &str| ["calls", "failed", "in_flight", "recent"].map(|name| of(tool)[name].clone());
    assert_eq!(numbers("p_say"), [1, 0, 0, 1]);
    assert_eq!(numbers("p_fail"), [1, 1, 0, 1]);
    assert_eq!((&of("p_say")["recent_failed"], &of("p_fail")["recent_failed"]), (&json!(0), &json!(1)));
    // What does not fit is the caller's doing, and no failure of the tool's.
    host.call("p_say", &json!({ "nonsense": 1 }));
    let told = told(&host, "tenants");
    let sums = list(&told, "tenants")[0].clone();
    assert_eq!((&sums["recent"], &sums["recent_failed"]), (&sums["calls"], &json!(1)), "{sums}");
    assert!(of("p_say")["p50_us"].as_u64() > Some(0) && of("p_say")["p99_us"].as_u64() > Some(0));
    assert_eq!(list(&paces, "tools").len(), 3, "the one that never ran is not among them");
    host.stop();
}

#[test]
fn tenants_are_told_apart() {
    let tenants = "[tenant.acme]\npublic = true\n[tenant.initech]\n";
    let hello = scripted(&json!({ "tools": [{ "name": "say", "act": { "say": "here" } }] }));
    let setup = Setup::new().file("acme/p.wasm", hello.clone()).file("initech/p.wasm", hello);
    let host = setup.config(LISTEN).config(tenants).start();
    let mut call = modern_request("tools/call", json!({ "name": "p_say", "arguments": {} }));
    call.path = "/t/acme/mcp".into();
    host.send(&call).result();
    let tenants = told(&host, "tenants");
    let of =
        |tenant: &str| list(&tenants, "tenants").iter().find(|told| told["tenant"] == tenant).expect("it is there");
    assert_eq!(["calls", "plugins", "tools"].map(|name| of("acme")[name].clone()), [1, 1, 1]);
    assert_eq!(["calls", "plugins", "tools"].map(|name| of("initech")[name].clone()), [0, 1, 1]);
    assert_eq!((&of("acme")["public"], &of("initech")["public"]), (&json!(true), &json!(false)));
    let plugins = told(&host, "plugins?tenant=initech");
    assert_eq!(list(&plugins, "plugins").len(), 1);
    assert_eq!(plugins["plugins"][0]["tenant"], "initech");
    let few = told(&host, "plugins?limit=1&name=p");
    assert_eq!((list(&few, "plugins").len(), few["left_off"].as_u64() >= Some(1)), (1, true));
    host.stop();
}

#[test]
fn what_is_refused_is_told() {
    let host = host("[tenant.default.quotas]\ncalls_per_day_max = 2\n");
    host.admin_send(&with_key(Request::bare("GET", "/api/v1/host"), "a-wrong-key-that-is-long"));
    for _ in 0..2 {
        host.call("caller_fetch", &json!({ "url": "http://127.0.0.1:9/private" }));
    }
    let exceeded = host.modern("tools/call", json!({ "name": "p_say", "arguments": {} }));
    assert_eq!(exceeded.status, 429);
    let denials = told(&host, "denials");
    let denials = list(&denials, "denials");
    let of =
        |kind: &str| denials.iter().find(|denial| denial["kind"] == kind).unwrap_or_else(|| panic!("{denials:#?}"));
    assert_eq!((&of("auth")["on"], &of("auth")["what"]), (&json!("admin"), &json!("a wrong admin key")));
    let grant = of("grant");
    assert_eq!((&grant["on"], &grant["tenant"], &grant["times"]), (&json!("caller"), &json!("default"), &json!(2)));
    assert!(grant["what"].as_str().is_some_and(|what| what.contains("http GET http://127.0.0.1:9/private")), "{grant}");
    assert!(of("limit")["what"].as_str().is_some_and(|what| what.contains("calls_per_day_max")));
    host.stop();
}

#[test]
fn the_end_of_the_audit_trail_is_told() {
    let host = host("[audit]\nfile = 'audit.jsonl'\n");
    host.call("p_say", &json!({}));
    let record = eventually("the call's record", || {
        let told = told(&host, "audit");
        assert_eq!(told["configured"], true);
        list(&told, "records").iter().find(|told| told["title"] == "call: p_say").cloned()
    });
    assert_eq!((&record["record"]["tenant"], &record["record"]["outcome"]), (&json!("default"), &json!("answered")));
    host.stop();
    let host = self::host("");
    assert_eq!(told(&host, "audit"), json!({ "configured": false, "records": [] }));
    host.stop();
}

#[test]
fn tasks_are_counted_and_the_newest_are_told() {
    let host = host("");
    let begun = |ms: u64| {
        let meta = json!({ "io.modelcontextprotocol/clientCapabilities": { "extensions": { "io.modelcontextprotocol/tasks": {} } } });
        let params = json!({ "name": "p_slow", "arguments": { "ms": ms }, "_meta": meta });
        let created = host.modern("tools/call", params).result();
        created["taskId"].as_str().unwrap_or_else(|| panic!("no task: {created}")).to_owned()
    };
    let (long, short) = (begun(3_600_000), begun(1));
    let told = eventually("the short one to end", || {
        let told = told(&host, "tasks");
        (told["ended"]["completed"] == 1).then_some(told)
    });
    assert_eq!((&told["open"]["working"], &told["more_open"]), (&json!(1), &json!(false)));
    let newest = list(&told, "newest");
    let of = |id: &str| {
        newest.iter().find(|task| id.starts_with(task["id"].as_str().unwrap_or("?"))).expect("it is told of")
    };
    assert_eq!((&of(&long)["state"], &of(&short)["state"]), (&json!("working"), &json!("completed")));
    assert_eq!((&of(&long)["what"], &of(&short)["what"]), (&json!("p_slow"), &json!("p_slow")));
    assert!(!told.to_string().contains(&long), "who has the whole id could ask for the task");
    assert!(!told.to_string().contains("waited"), "what came of a task is its owner's");
    host.stop();
}

#[test]
fn half_a_request_is_not_waited_for() {
    let host = host("[limits]\nheader_read_ms_max = 300\n");
    let mut half = Connection::open(host.admin_address());
    half.write(b"GET /healthz HTTP/1.1\r\nHost: 127");
    assert!(half.is_closed(), "nobody sends the rest");
    assert_eq!(host.admin("/healthz").status, 200);
    host.stop();
}

#[test]
fn the_host_does_what_it_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let trail = folder.path().join("trail.jsonl");
    let mut host = host(&format!("[audit]\nfile = '{}'\n", trail.display()));
    let key = host.admin_key();
    let tell = |action: &str| host.admin_send(&with_key(Request::bare("POST", &format!("/api/v1/{action}")), &key));
    assert_eq!(ask(&host, "/api/v1/reload").status, 405);
    assert_eq!(ask(&host, "/api/v1/nothing").status, 404);
    host.put("late.wasm", &scripted(&json!({ "tools": [{ "name": "say", "act": { "say": "late" } }] })));
    let said = tell("reload");
    assert_eq!(said.status, 200);
    assert!(host.tools().contains(&"late_say".to_owned()), "it was read before the answer: {}", said.json());
    // The configuration, too, and a wrong one changes nothing.
    let file = host.plugins().with_file_name("toolyard.toml");
    let config = fs::read_to_string(&file).expect("it is there");
    fs::write(&file, format!("{config}\n[plugin.late]\nprefix = 'soon'\n")).expect("a file can be written");
    assert_eq!(tell("reload").status, 200);
    assert!(host.tools().contains(&"soon_say".to_owned()), "it was in force before the answer");
    fs::write(&file, format!("{config}\n[plugin.late]\nprefik = 'later'\n")).expect("a file can be written");
    let said = tell("reload");
    assert_eq!(said.status, 409);
    assert!(said.json().to_string().contains("did you mean `prefix`?"), "{}", said.json());
    assert!(host.tools().contains(&"soon_say".to_owned()), "the one before it stays in force");
    let running = begin(&host, "p_wait");
    in_flight(&host, "p_wait");
    assert_eq!(tell("drain").status, 200);
    host.log.wait_for(&["told at the admin listener to drain"]);
    eventually("the door to close", || std::net::TcpStream::connect(host.address()).is_err().then_some(()));
    assert!(!host.has_ended(), "a call is still in flight");
    assert_eq!(told(&host, "host")["ready"], false);
    drop(running);
    assert!(host.wait().success());
    let trail = fs::read_to_string(trail).expect("there is a trail");
    let records = trail.lines().map(|line| serde_json::from_str::<Value>(line).expect("a record is JSON"));
    let told: Vec<_> = records
        .filter(|record| record["kind"] == "admin")
        .map(|record| format!("{} {}", record["action"], record["outcome"]).replace('"', ""))
        .collect();
    assert_eq!(told, ["reload done", "reload done", "reload refused", "drain done"]);
}
