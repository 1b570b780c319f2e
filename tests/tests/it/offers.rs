//! What a host offers beside tools: prompts, resources, completions, long lists, and a name for itself.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use toolyard_tests::{Host, MODERN, Request, Setup, modern_request};

use crate::expect;

const LEGACY: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// The same request in each revision: what is answered, and in which.
fn in_all(host: &Host, method: &str, params: &Value) -> Vec<(&'static str, Value)> {
    let modern = host.modern(method, params.clone()).answer();
    let legacy = LEGACY.map(|version| (version, host.legacy(version).send(method, params).answer()));
    std::iter::once((MODERN, modern)).chain(legacy).collect()
}

/// The result of the same request in each revision, without what is not about it.
fn results(host: &Host, method: &str, params: &Value) -> Vec<(&'static str, Value)> {
    let plain = |(version, mut answer): (&'static str, Value)| {
        assert!(answer.get("result").is_some(), "{version}: {answer}");
        let mut result = answer["result"].take();
        for beside in ["resultType", "ttlMs", "cacheScope", "_meta"] {
            result.as_object_mut().expect("a result is an object").remove(beside);
        }
        (version, result)
    };
    in_all(host, method, params).into_iter().map(plain).collect()
}

/// Checks that the request is refused in each revision: with this code in the modern one, and that in the others.
fn refused(host: &Host, method: &str, params: &Value, modern: i64, legacy: i64) -> Vec<Value> {
    let check = |(version, mut answer): (&str, Value)| {
        let code = if version == MODERN { modern } else { legacy };
        assert_eq!(answer["error"]["code"], code, "{version} {method} {params}: {answer}");
        expect::sentence(answer["error"]["message"].as_str().expect("a message is a text"));
        answer["error"].take()
    };
    in_all(host, method, params).into_iter().map(check).collect()
}

fn shelf() -> Host {
    let prompts = json!([
        { "name": "plain" },
        { "name": "both", "arguments": [{ "name": "needed", "required": true }, { "name": "extra" }] },
    ]);
    let list = json!([{ "uri": "o://one", "text": "one" }, { "uri": "o://hidden", "text": "hidden", "hidden": true }]);
    let resources = json!({ "prefixes": ["o://"], "templates": ["o://{id}"], "list": list });
    let completions = json!([
        { "of": "both", "argument": "needed", "known": { "extra": "fr" }, "values": ["Paris", "Pau", "Lyon"] },
        { "of": "both", "argument": "needed", "values": ["Oslo"], "numbers": 300 },
        { "of": "o://{id}", "argument": "id", "values": ["one", "only", "two"] },
    ]);
    let script = json!({ "prompts": prompts, "resources": resources, "completions": completions });
    Setup::new().script("o", &script).guest("echo").start()
}

#[test]
fn prompts_are_listed_and_filled_in() {
    let host = shelf();
    for (version, result) in results(&host, "prompts/list", &json!({})) {
        let prompts = result["prompts"].as_array().expect("a list");
        assert_eq!(
            prompts.iter().map(|prompt| &prompt["name"]).collect::<Vec<_>>(),
            ["o_plain", "o_both"],
            "{version}"
        );
        let needed = &prompts[1]["arguments"][0];
        assert_eq!((&needed["name"], &needed["required"]), (&json!("needed"), &json!(true)), "{version}");
    }
    for (arguments, expected) in [
        (json!({ "needed": "a" }), json!({ "needed": "a" })),
        (json!({ "needed": "ü", "extra": "" }), json!({ "needed": "ü", "extra": "" })),
    ] {
        for (version, result) in results(&host, "prompts/get", &json!({ "name": "o_both", "arguments": arguments })) {
            assert_eq!(result["messages"][0]["role"], "user", "{version}");
            let text = result["messages"][0]["content"]["text"].as_str().expect("a text");
            assert_eq!(serde_json::from_str::<Value>(text).expect("it is JSON"), expected, "{version}");
        }
    }
    assert_eq!(results(&host, "prompts/get", &json!({ "name": "o_plain" })).len(), 4);
    host.stop();
}

#[test]
fn a_prompt_that_is_asked_for_wrongly_is_refused() {
    let host = shelf();
    for params in [
        json!({}),
        json!({ "name": "nobody" }),
        json!({ "name": "both", "arguments": { "needed": "a" } }),
        json!({ "name": "o_both" }),
        json!({ "name": "o_both", "arguments": { "extra": "a" } }),
        json!({ "name": "o_both", "arguments": { "needed": 5 } }),
        json!({ "name": "o_both", "arguments": { "needed": "a", "unknown": "b" } }),
        json!({ "name": "o_both", "arguments": ["a"] }),
        json!({ "name": "o_both", "arguments": null }),
    ] {
        refused(&host, "prompts/get", &params, -32602, -32602);
    }
    host.stop();
}

#[test]
fn resources_are_listed_and_read() {
    let host = shelf();
    for (version, result) in results(&host, "resources/list", &json!({})) {
        assert_eq!(result, json!({ "resources": [{ "uri": "o://one", "name": "o://one" }] }), "{version}");
    }
    for (version, result) in results(&host, "resources/templates/list", &json!({})) {
        let templates = json!([{ "uriTemplate": "o://{id}", "name": "o://{id}" }]);
        assert_eq!(result, json!({ "resourceTemplates": templates }), "{version}");
    }
    for name in ["one", "hidden"] {
        let uri = format!("o://{name}");
        for (version, result) in results(&host, "resources/read", &json!({ "uri": uri })) {
            assert_eq!(result, json!({ "contents": [{ "uri": uri, "text": name }] }), "{version}");
        }
    }
    host.stop();
}

#[test]
fn a_resource_that_is_not_there_is_not_found() {
    let host = shelf();
    for uri in ["o://absent", "other://one", "o:/one"] {
        for error in refused(&host, "resources/read", &json!({ "uri": uri }), -32602, -32002) {
            assert_eq!(error["data"]["uri"], uri, "{error}");
        }
    }
    for params in [json!({}), json!({ "uri": 5 })] {
        refused(&host, "resources/read", &params, -32602, -32602);
    }
    host.stop();
}

#[test]
fn the_longest_beginning_of_a_uri_decides_who_is_asked() {
    let of = |prefix: &str, who: &str| {
        let list = json!([{ "uri": "x://a/one", "text": who }, { "uri": "x://one", "text": who }]);
        json!({ "resources": { "prefixes": [prefix], "list": list } })
    };
    let host = Setup::new().script("short", &of("x://", "short")).script("long", &of("x://a/", "long")).start();
    for (uri, who) in [("x://a/one", "long"), ("x://one", "short")] {
        let result = host.modern("resources/read", json!({ "uri": uri })).result();
        assert_eq!(result["contents"][0]["text"], who, "{uri}");
    }
    // A plugin lists only what it answers for.
    let list = host.modern("resources/list", json!({})).result();
    let uris: Vec<&str> =
        list["resources"].as_array().expect("a list").iter().filter_map(|r| r["uri"].as_str()).collect();
    assert_eq!(uris.iter().filter(|uri| **uri == "x://one").count(), 1, "{uris:?}");
    host.stop();
}

#[test]
fn two_plugins_cannot_answer_for_the_same() {
    let script =
        |text: &str| json!({ "resources": { "prefixes": ["x://"], "list": [{ "uri": "x://a", "text": text }] } });
    let host = Setup::new().script("one", &script("1")).script("two", &script("2")).start();
    assert_eq!(host.ready["plugins"].as_array().map(Vec::len), Some(1), "{}", host.ready);
    let reason = host.ready["refused"][0]["reason"].as_str().expect("a reason");
    for word in ["x://", "one", "two"] {
        assert!(host.ready["refused"][0].to_string().contains(word), "`{word}` is not said: {reason}");
    }
    assert_eq!(host.modern("resources/read", json!({ "uri": "x://a" })).status, 200);
    host.stop();
}

#[test]
fn completions_are_suggested() {
    let host = shelf();
    let prompt = json!({ "type": "ref/prompt", "name": "o_both" });
    let complete = |reference: &Value, argument: &str, value: &str, known: Value| {
        let argument = json!({ "name": argument, "value": value });
        json!({ "ref": reference, "argument": argument, "context": { "arguments": known } })
    };
    let check = |params: Value, expected: &[&str]| {
        for (version, result) in results(&host, "completion/complete", &params) {
            assert_eq!(result["completion"]["values"], json!(expected), "{version}: {params}");
            assert_eq!(result["completion"]["hasMore"], false, "{version}");
        }
    };
    check(complete(&prompt, "needed", "Pa", json!({ "extra": "fr" })), &["Paris", "Pau"]);
    check(complete(&prompt, "needed", "O", json!({})), &["Oslo"]);
    check(complete(&prompt, "extra", "", json!({})), &[]);
    let template = json!({ "type": "ref/resource", "uri": "o://{id}" });
    check(complete(&template, "id", "on", json!({})), &["one", "only"]);

    // A hundred is what one answer may hold.
    for (version, result) in results(&host, "completion/complete", &complete(&prompt, "needed", "", json!({}))) {
        let completion = &result["completion"];
        assert_eq!(completion["values"].as_array().map(Vec::len), Some(100), "{version}");
        assert_eq!((&completion["hasMore"], &completion["total"]), (&json!(true), &json!(301)), "{version}");
    }
    host.stop();
}

#[test]
fn completions_of_nothing_are_refused() {
    let host = shelf();
    let argument = json!({ "name": "needed", "value": "" });
    let both = json!({ "type": "ref/prompt", "name": "o_both" });
    for params in [
        json!({ "argument": argument }),
        json!({ "ref": both }),
        json!({ "ref": { "type": "ref/prompt", "name": "nobody" }, "argument": argument }),
        json!({ "ref": { "type": "ref/resource", "uri": "other://{id}" }, "argument": argument }),
        json!({ "ref": { "type": "ref/other", "name": "x" }, "argument": argument }),
        json!({ "ref": both, "argument": { "name": "needed" } }),
        json!({ "ref": both, "argument": { "name": "needed", "value": 5 } }),
        json!({ "ref": both, "argument": argument, "context": { "arguments": { "extra": 5 } } }),
    ] {
        refused(&host, "completion/complete", &params, -32602, -32602);
    }
    host.stop();
}

/// All pages of a list in the modern era, and in a legacy one: the items, and how many pages there were.
fn pages(host: &Host, list: &str, version: &str) -> (Vec<Value>, usize) {
    let session = (version != MODERN).then(|| host.legacy(version));
    let (mut items, mut pages, mut params) = (Vec::new(), 0, json!({}));
    loop {
        let method = format!("{list}/list");
        let mut result = match &session {
            Some(session) => session.send(&method, &params).result(),
            None => host.modern(&method, params.clone()).result(),
        };
        pages += 1;
        items.append(result[list].as_array_mut().expect("a list"));
        match result.get("nextCursor") {
            Some(cursor) => params = json!({ "cursor": cursor }),
            None => return (items, pages),
        }
        assert!(pages < 50, "the list has no end");
    }
}

/// A host with three plugins of a hundred things each.
fn crowded() -> Host {
    ["a", "b", "c"]
        .iter()
        .fold(Setup::new(), |setup, plugin| {
            let named = |number: u32| json!({ "name": format!("n{number}") });
            let tools: Vec<Value> = (0..100).map(named).collect();
            let prompts: Vec<Value> = (0..100).map(named).collect();
            let list: Vec<Value> = (0..100).map(|number| json!({ "uri": format!("{plugin}://{number}") })).collect();
            let resources = json!({ "prefixes": [format!("{plugin}://")], "list": list, "per_page": 7 });
            setup.script(plugin, &json!({ "tools": tools, "prompts": prompts, "resources": resources }))
        })
        .start()
}

#[test]
fn long_lists_come_in_pages() {
    let host = crowded();
    for version in [MODERN, "2025-11-25", "2025-03-26"] {
        for (list, key) in [("tools", "name"), ("prompts", "name"), ("resources", "uri")] {
            let (items, count) = pages(&host, list, version);
            let names: BTreeSet<&str> = items.iter().filter_map(|item| item[key].as_str()).collect();
            assert_eq!((items.len(), names.len()), (300, 300), "{version} {list}");
            assert!(count > 1, "{version} {list}");
            // The same again, in the same order.
            assert_eq!(pages(&host, list, version).0, items, "{version} {list}");
        }
    }
    host.stop();
}

#[test]
fn a_cursor_is_one_that_was_given() {
    let host = crowded();
    let first = host.modern("tools/list", json!({})).result();
    for (list, _) in [("tools", 0), ("prompts", 0), ("resources", 0), ("resources/templates", 0)] {
        for wrong in [json!("nonsense"), json!("AAAA"), json!(5), json!("e30")] {
            refused(&host, &format!("{list}/list"), &json!({ "cursor": wrong }), -32602, -32602);
        }
    }
    // An empty one is the beginning.
    assert_eq!(host.modern("tools/list", json!({ "cursor": "" })).result(), first);
    host.stop();
}

#[test]
fn a_list_goes_on_though_its_plugins_change() {
    let host = crowded();
    let first = host.modern("tools/list", json!({})).result();
    let read = first["tools"].as_array().expect("a list").len();
    let cursor = first["nextCursor"].clone();
    // Whose tools were already listed, and goes.
    fs::remove_file(host.plugins().join("a.wasm")).expect("a file can be removed");
    toolyard_tests::eventually("the plugin to go", || {
        let reply = host.modern("tools/call", json!({ "name": "a_n0" }));
        (reply.status == 400).then_some(())
    });
    let rest = host.modern("tools/list", json!({ "cursor": cursor })).result();
    assert_eq!(rest["tools"].as_array().map(Vec::len), Some(300 - read));
    // And where it was to go on: with what comes next.
    fs::remove_file(host.plugins().join("c.wasm")).expect("a file can be removed");
    toolyard_tests::eventually("the plugin to go", || {
        let rest = host.modern("tools/list", json!({ "cursor": cursor })).result();
        (rest["tools"] == json!([])).then_some(())
    });
    host.stop();
}

#[test]
fn a_plugin_that_cannot_list_does_not_hide_the_others() {
    let list = json!([{ "uri": "good://one" }]);
    let host = Setup::new()
        .script("bad", &json!({ "resources": { "prefixes": ["bad://"], "broken": "The shelf is locked." } }))
        .script("good", &json!({ "resources": { "prefixes": ["good://"], "list": list } }))
        .start();
    for (version, result) in results(&host, "resources/list", &json!({})) {
        assert_eq!(result["resources"][0]["uri"], "good://one", "{version}");
    }
    host.log.wait_for(&["The shelf is locked."]);
    host.stop();
}

#[test]
fn what_may_be_kept_says_for_how_long() {
    let host = shelf();
    for (method, params) in [
        ("server/discover", json!({})),
        ("tools/list", json!({})),
        ("prompts/list", json!({})),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("resources/read", json!({ "uri": "o://one" })),
    ] {
        let result = host.modern(method, params).result();
        assert!(result["ttlMs"].is_u64(), "{method}: {result}");
        assert!(["public", "private"].contains(&result["cacheScope"].as_str().expect("a scope")), "{method}");
    }
    for (method, params) in
        [("tools/call", json!({ "name": "echo_context" })), ("prompts/get", json!({ "name": "o_plain" }))]
    {
        let result = host.modern(method, params).result();
        assert!(result.get("ttlMs").is_none() && result.get("cacheScope").is_none(), "{method}: {result}");
    }
    host.stop();
}

const IDENTITY: &str = r#"
[server]
name = "acme-tools"
title = "Acme's tools"
version = "4.5"
instructions = "Ask before you buy."
website_url = "https://acme.example"

[[server.icons]]
src = "https://acme.example/icon.png"
mime_type = "image/png"
sizes = ["48x48"]
theme = "dark"
"#;

#[test]
fn a_host_has_the_name_that_it_is_given() {
    let host = Setup::new().config(IDENTITY).start();
    let icons = json!([{ "src": "https://acme.example/icon.png", "mimeType": "image/png", "sizes": ["48x48"], "theme": "dark" }]);
    let whole = json!({
        "name": "acme-tools", "version": "4.5", "title": "Acme's tools", "websiteUrl": "https://acme.example", "icons": icons,
    });
    let discovered = host.modern("server/discover", json!({})).result();
    assert_eq!(discovered["instructions"], "Ask before you buy.");
    for result in [discovered, host.modern("tools/list", json!({})).result()] {
        assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"], whole);
    }
    for version in LEGACY {
        let initialized = host.legacy(version).initialized;
        assert_eq!(initialized["instructions"], "Ask before you buy.");
        let mut expected = json!({ "name": "acme-tools", "version": "4.5" });
        if version >= "2025-06-18" {
            expected["title"] = whole["title"].clone();
        }
        if version >= "2025-11-25" {
            expected = whole.clone();
        }
        assert_eq!(initialized["serverInfo"], expected, "{version}");
    }
    host.stop();
}

#[test]
fn what_is_declared_is_there() {
    let host = shelf();
    let modern = host.modern("server/discover", json!({})).result()["capabilities"].take();
    let common = json!({
        "tools": { "listChanged": true },
        "prompts": { "listChanged": true },
        "resources": { "listChanged": true, "subscribe": true },
        "completions": {},
        "logging": {},
    });
    let with = |key: &str, value: Value| {
        let mut capabilities = common.clone();
        capabilities[key] = value;
        capabilities
    };
    assert_eq!(modern, with("extensions", json!({ "io.modelcontextprotocol/tasks": {} })));
    for version in LEGACY {
        let expected = match version {
            "2025-11-25" => with("tasks", json!({ "cancel": {}, "requests": { "tools": { "call": {} } } })),
            _ => common.clone(),
        };
        assert_eq!(host.legacy(version).initialized["capabilities"], expected, "{version}");
    }
    host.stop();
}

#[test]
fn methods_of_one_era_are_unknown_to_the_other() {
    let host = shelf();
    for method in ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"] {
        let request = modern_request(method, json!({ "uri": "o://one", "level": "info" }));
        expect::error(&host.send(&request), 404, -32601, &json!(1));
    }
    for version in LEGACY {
        let session = host.legacy(version);
        let mut unknown = vec!["server/discover", "subscriptions/listen", "tasks/update"];
        if version != "2025-11-25" {
            unknown.extend(["tasks/get", "tasks/result", "tasks/cancel"]);
        }
        for method in unknown {
            let answer = session.send(method, &json!({})).answer();
            assert_eq!(answer["error"]["code"], -32601, "{version} {method}: {answer}");
        }
    }
    let bare = Request::post(json!({ "jsonrpc": "2.0", "id": 1, "method": "server/discover" }).to_string());
    expect::error(&host.send(&bare), 400, -32602, &json!(1));
    host.stop();
}
