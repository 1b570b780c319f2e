//! Other policies while clients listen: whose lists may be others is told, and nobody else.

use std::fs;

use serde_json::{Value, json};
use toolyard_tests::{Connection, Host, Request, Setup, eventually, keys, modern_request};

/// Without resources: which of those there are only their plugin knows.
fn script() -> Value {
    let tell = json!({ "name": "tell", "act": { "tell": ["prompts_changed"] } });
    let act = json!({ "say": "here" });
    json!({ "tools": [{ "name": "one", "act": act }, { "name": "two", "act": act }, tell], "prompts": [{ "name": "p" }] })
}

const ALL: &str = "permit (principal, action, resource);\n";

/// A host that takes this key, and guests without one.
fn host(keys: &std::path::Path) -> Host {
    let auth = format!("[auth]\nkeys_file = '{}'\nanonymous = true\n", keys.display());
    let config = format!("[policy]\nfiles = [\"plugins/*.cedar\"]\n{auth}");
    Setup::new().script("p", &script()).file("p.cedar", ALL).config(&config).start()
}

/// Puts these policies in place of those that are there, as an editor does.
fn replace(host: &Host, policies: &str) {
    let fresh = host.plugins().with_file_name("fresh");
    fs::write(&fresh, policies).expect("a file can be written");
    fs::rename(fresh, host.plugins().join("p.cedar")).expect("a file can be renamed");
}

/// A modern stream for all lists, of whoever sends this header.
fn listen(host: &Host, with: impl Fn(Request) -> Request) -> Connection {
    let all = json!({ "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true });
    let request = modern_request("subscriptions/listen", json!({ "notifications": all }));
    let mut stream = host.start_sending(&with(request));
    stream.expect_events();
    let first = stream.next_message().expect("it is acknowledged");
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    stream
}

fn next(stream: &mut Connection) -> String {
    let message = stream.next_message().expect("something happened");
    let method = message["method"].as_str().unwrap_or_else(|| panic!("no news: {message}"));
    method.strip_prefix("notifications/").expect("news are notifications").to_owned()
}

#[test]
fn whose_lists_may_be_others_is_told_and_nobody_else() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("keys.jsonl");
    let key = keys(&file, &["add", "--subject", "ci"]);
    let host = host(&file);
    for version in ["2025-11-25", "2025-06-18", "2025-03-26"] {
        let legacy = host.legacy(version);
        let known = |request: Request| request.header("Authorization", &format!("Bearer {key}"));
        let [mut guest, mut old, mut ci] = [listen(&host, |request| request), legacy.listen(), listen(&host, known)];
        for (hidden, news) in [
            ("resource == Tool::\"p_two\"", "tools/list_changed"),
            // From one tool to another: the list is as long, and another.
            ("resource == Tool::\"p_one\"", "tools/list_changed"),
        ] {
            let forbid = format!("forbid (principal == User::\"anonymous\", action == Action::\"list\", {hidden});");
            replace(&host, &format!("{ALL}{forbid}\n"));
            assert_eq!((next(&mut guest), next(&mut old)), (news.to_owned(), news.to_owned()), "{version}");
            let listed = host.modern("tools/list", json!({})).result();
            let is_hidden = |tool: &Value| hidden.contains(tool["name"].as_str().expect("a name is a text"));
            assert!(!listed["tools"].as_array().expect("a list").iter().any(is_hidden), "{listed}");
        }
        // What is only about calls changes no list, and neither does a comment.
        replace(&host, &format!("{ALL}// nothing\n"));
        assert_eq!((next(&mut guest), next(&mut old)), ("tools/list_changed".into(), "tools/list_changed".into()));
        let calls = "forbid (principal, action == Action::\"call\", resource == Tool::\"p_one\");\n";
        replace(&host, &format!("{ALL}{calls}"));
        eventually("the policies to be in force", || {
            (host.modern("tools/call", json!({ "name": "p_one" })).status == 403).then_some(())
        });
        host.call("p_tell", &json!({}));
        for stream in [&mut guest, &mut old, &mut ci] {
            assert_eq!(next(stream), "prompts/list_changed", "{version}");
        }
        replace(&host, ALL);
    }
    host.stop();
}
