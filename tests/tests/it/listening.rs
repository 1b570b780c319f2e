//! News: what changes while a client listens, in both eras.

use serde_json::{Value, json};
use toolyard_tests::{Connection, Host, Setup, eventually, modern_request, scripted};

use crate::expect;

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

fn host() -> Host {
    let tell = |name: &str, news: &Value| json!({ "name": name, "act": { "tell": news } });
    let tools = json!([
        tell("tools", &json!(["tools_changed"])),
        tell("prompts", &json!(["prompts_changed"])),
        tell("resources", &json!(["resources_changed"])),
        tell("one", &json!([{ "updated": "news://one" }])),
        tell("two", &json!([{ "updated": "news://two" }])),
        tell("foreign", &json!([{ "updated": "other://one" }])),
        tell("all", &json!(["tools_changed", "prompts_changed", "resources_changed", { "updated": "news://one" }])),
    ]);
    let resources = json!({ "prefixes": ["news://"], "list": [{ "uri": "news://one" }, { "uri": "news://two" }] });
    Setup::new().script("n", &json!({ "tools": tools, "resources": resources })).start()
}

/// Listens for what `filter` asks for, in a request with this id, and gives the stream behind its acknowledgment.
fn listen(host: &Host, id: &Value, filter: &Value) -> Connection {
    let request = modern_request("subscriptions/listen", json!({ "notifications": filter }));
    let mut body: Value = serde_json::from_slice(&request.body).expect("it was JSON");
    body["id"] = id.clone();
    let mut stream = host.start_sending(&request.body(body.to_string()));
    stream.expect_events();
    let first = stream.next_message().expect("it is acknowledged");
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(first["params"]["_meta"], json!({ SUBSCRIPTION: id }));
    assert_eq!(first["params"]["notifications"], *filter);
    stream
}

/// What is said next on a stream of the modern era, and of what: the URI, where it is about one resource.
fn next(stream: &mut Connection, id: &Value) -> (String, Option<String>) {
    let message = stream.next_message().expect("something happened");
    assert_eq!(message["params"]["_meta"], json!({ SUBSCRIPTION: id }), "{message}");
    said(&message)
}

fn said(message: &Value) -> (String, Option<String>) {
    let method = message["method"].as_str().unwrap_or_else(|| panic!("no news: {message}"));
    let method = method.strip_prefix("notifications/").expect("news are notifications");
    (method.to_owned(), message["params"]["uri"].as_str().map(str::to_owned))
}

fn tell(host: &Host, tool: &str) {
    assert_eq!(expect::text(&host.call(tool, &json!({}))), "done");
}

#[test]
fn each_hears_what_it_asked_for_and_nothing_else() {
    let host = host();
    for (filter, expected) in [
        (json!({ "toolsListChanged": true }), vec![("tools/list_changed", None)]),
        (json!({ "promptsListChanged": true }), vec![("prompts/list_changed", None)]),
        (json!({ "resourcesListChanged": true }), vec![("resources/list_changed", None)]),
        (json!({ "resourceSubscriptions": ["news://two"] }), vec![("resources/updated", Some("news://two"))]),
        (
            json!({ "toolsListChanged": true, "resourceSubscriptions": ["news://one"] }),
            vec![("tools/list_changed", None), ("resources/updated", Some("news://one"))],
        ),
    ] {
        let id = json!("listen:0");
        let mut stream = listen(&host, &id, &filter);
        // Twice, so that what comes second is known to come right behind the first.
        for tool in ["n_all", "n_two", "n_all", "n_two"] {
            tell(&host, tool);
        }
        for _ in 0..2 {
            for (method, uri) in &expected {
                assert_eq!(next(&mut stream, &id), ((*method).to_owned(), uri.map(str::to_owned)), "{filter}");
            }
        }
    }
    host.stop();
}

#[test]
fn several_listen_at_once_under_ids_of_any_kind() {
    let host = host();
    let ids = [json!(7), json!("7"), json!("listen:0"), json!(-1)];
    let mut streams: Vec<Connection> =
        ids.iter().map(|id| listen(&host, id, &json!({ "toolsListChanged": true }))).collect();
    tell(&host, "n_tools");
    for (stream, id) in streams.iter_mut().zip(&ids) {
        assert_eq!(next(stream, id).0, "tools/list_changed");
    }
    // Whoever leaves is not missed.
    drop(streams.remove(0));
    tell(&host, "n_tools");
    for (stream, id) in streams.iter_mut().zip(&ids[1..]) {
        assert_eq!(next(stream, id).0, "tools/list_changed");
    }
    host.stop();
}

#[test]
fn only_what_is_known_is_acknowledged() {
    let host = host();
    let filter = json!({ "toolsListChanged": true, "promptsListChanged": false, "promptIds": ["x"], "other": 1 });
    let mut stream = host.start_sending(&modern_request("subscriptions/listen", json!({ "notifications": filter })));
    stream.expect_events();
    let first = stream.next_message().expect("it is acknowledged");
    let mut honoured = first["params"]["notifications"].clone();
    // What is not to be heard may be left out or said.
    if honoured["promptsListChanged"] == false {
        honoured.as_object_mut().expect("an object").remove("promptsListChanged");
    }
    assert_eq!(honoured, json!({ "toolsListChanged": true }));
    tell(&host, "n_prompts");
    tell(&host, "n_tools");
    assert_eq!(next(&mut stream, &json!(1)).0, "tools/list_changed");
    host.stop();
}

#[test]
fn what_is_no_filter_is_refused() {
    let host = host();
    for params in [
        json!({}),
        json!({ "notifications": null }),
        json!({ "notifications": [] }),
        json!({ "notifications": { "toolsListChanged": "yes" } }),
        json!({ "notifications": { "resourceSubscriptions": "news://one" } }),
        json!({ "notifications": { "resourceSubscriptions": [5] } }),
        json!({ "notifications": { "resourceSubscriptions": vec!["news://one"; 100_000] } }),
    ] {
        let reply = host.modern("subscriptions/listen", params);
        assert!(reply.status == 400 && reply.json()["error"]["code"] == -32602, "{reply:?}");
    }
    host.stop();
}

#[test]
fn a_plugin_speaks_for_its_own_resources_only() {
    let host = host();
    let id = json!(1);
    let mut stream = listen(&host, &id, &json!({ "resourceSubscriptions": ["other://one", "news://one"] }));
    tell(&host, "n_foreign");
    tell(&host, "n_one");
    assert_eq!(next(&mut stream, &id), ("resources/updated".to_owned(), Some("news://one".to_owned())));
    host.stop();
}

#[test]
fn a_stream_that_the_host_ends_ends_with_a_result() {
    let host = host();
    let id = json!("the-last");
    let mut stream = listen(&host, &id, &json!({ "toolsListChanged": true }));
    host.stop();
    let last = stream.next_message().expect("the host says goodbye");
    assert_eq!(last["id"], id);
    assert_eq!(last["result"]["resultType"], "complete");
    assert_eq!(last["result"]["_meta"][SUBSCRIPTION], id);
    assert_eq!(stream.next_event(), None);
}

/// A plugin with one tool of this name, which says these words.
fn saying(tool: &str, words: &str) -> Vec<u8> {
    scripted(&json!({ "tools": [{ "name": tool, "act": { "say": words } }] }))
}

/// Hears this much on both kinds of stream, and that nothing more comes until the host ends. Gives what it was.
fn hear(host: Host, mut streams: [Connection; 2], count: usize) -> [Vec<String>; 2] {
    let heard = streams.each_mut().map(|stream| {
        let messages = (0..count).map(|_| stream.next_message().expect("something happened"));
        let mut methods: Vec<String> = messages.map(|message| said(&message).0).collect();
        methods.sort();
        methods
    });
    host.stop();
    for mut stream in streams {
        let more: Vec<Value> = stream.messages().into_iter().filter(|last| last.get("method").is_some()).collect();
        assert_eq!(more, Vec::<Value>::new());
    }
    heard
}

/// A stream of each kind that hears of every list.
fn listen_to_all(host: &Host) -> [Connection; 2] {
    let all = json!({ "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true });
    [listen(host, &json!(1), &all), host.legacy("2025-11-25").listen()]
}

#[test]
fn a_list_that_changes_is_told_and_one_that_does_not_is_not() {
    let host = Setup::new().file("p.wasm", saying("say", "one")).start();
    let streams = listen_to_all(&host);
    // Another component with the same list: whoever calls it notices, and nobody is told.
    host.put("p.wasm", &saying("say", "two"));
    let says = |words: &str| (expect::text(&host.call("p_say", &json!({}))) == words).then_some(());
    eventually("the plugin to be replaced", || says("two"));
    // Another list of tools, and no other list of prompts.
    host.put("p.wasm", &saying("tell", "three"));
    for heard in hear(host, streams, 1) {
        assert_eq!(heard, ["tools/list_changed"]);
    }
}

#[test]
fn prompts_and_resources_that_come_with_a_plugin_are_told() {
    let host = host();
    let streams = listen_to_all(&host);
    let resources = json!({ "prefixes": ["more://"], "list": [{ "uri": "more://one" }] });
    host.put("q.wasm", &scripted(&json!({ "prompts": [{ "name": "hi" }], "resources": resources })));
    for heard in hear(host, streams, 2) {
        assert_eq!(heard, ["prompts/list_changed", "resources/list_changed"]);
    }
}

#[test]
fn a_legacy_session_hears_of_lists_on_its_stream() {
    let host = host();
    for version in ["2025-11-25", "2025-06-18", "2025-03-26"] {
        let session = host.legacy(version);
        let mut news = session.listen();
        for (tool, method) in [
            ("n_tools", "tools/list_changed"),
            ("n_prompts", "prompts/list_changed"),
            ("n_resources", "resources/list_changed"),
        ] {
            tell(&host, tool);
            assert_eq!(said(&news.next_message().expect("something happened")).0, method);
        }
    }
    host.stop();
}

#[test]
fn a_legacy_session_hears_of_the_resources_it_subscribed_to() {
    let host = host();
    for version in ["2025-11-25", "2025-06-18", "2025-03-26"] {
        let (session, other) = (host.legacy(version), host.legacy(version));
        let (mut news, mut others) = (session.listen(), other.listen());
        let subscribe = |method: &str, uri: &str| session.send(method, &json!({ "uri": uri })).result();
        assert_eq!(subscribe("resources/subscribe", "news://one"), json!({}));
        // Twice is once.
        assert_eq!(subscribe("resources/subscribe", "news://one"), json!({}));
        for tool in ["n_two", "n_one", "n_tools"] {
            tell(&host, tool);
        }
        let mut heard = || said(&news.next_message().expect("something happened"));
        assert_eq!(heard(), ("resources/updated".to_owned(), Some("news://one".to_owned())));
        assert_eq!(heard().0, "tools/list_changed");
        assert_eq!(said(&others.next_message().expect("something happened")).0, "tools/list_changed");

        assert_eq!(subscribe("resources/unsubscribe", "news://one"), json!({}));
        assert_eq!(subscribe("resources/unsubscribe", "news://never"), json!({}));
        for tool in ["n_one", "n_prompts"] {
            tell(&host, tool);
        }
        assert_eq!(heard().0, "prompts/list_changed");
    }
    host.stop();
}

#[test]
fn subscribing_takes_a_session_and_a_uri() {
    let host = host();
    let session = host.legacy("2025-11-25");
    for method in ["resources/subscribe", "resources/unsubscribe"] {
        expect::error(&session.send(method, &json!({})), 200, -32602, &json!(1));
        let request = session.request(method, &json!({ "uri": "news://one" })).without("Mcp-Session-Id");
        let answer = host.send(&request).answer();
        expect::sentence(answer["error"]["message"].as_str().unwrap_or_else(|| panic!("no message: {answer}")));
    }
    host.stop();
}

#[test]
fn subscriptions_outlive_a_restart_where_the_state_is_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let resources = json!({ "prefixes": ["news://"] });
    let tools = json!([{ "name": "one", "act": { "tell": [{ "updated": "news://one" }] } }]);
    let start =
        || Setup::new().state(folder.path()).script("n", &json!({ "tools": tools, "resources": resources })).start();
    let first = start();
    let session = first.legacy("2025-11-25");
    assert_eq!(session.send("resources/subscribe", &json!({ "uri": "news://one" })).result(), json!({}));
    let second = start();
    let moved = session.moved_to(&second);
    let mut news = moved.listen();
    tell(&second, "n_one");
    assert_eq!(said(&news.next_message().expect("something happened")).0, "resources/updated");
    first.stop();
    second.stop();
}
