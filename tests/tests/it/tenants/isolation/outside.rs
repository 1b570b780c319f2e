//! What plugins leave outside of calls: files, lines of log, counts.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};
use toolyard_tests::{Request, eventually};

use super::Pair;
use crate::expect;
use crate::telemetry::{scrape, sum};
use crate::tenants::{TENANTS, forgery};

/// What is in a folder, without following links.
fn contents(folder: &Path) -> BTreeMap<String, String> {
    let entries =
        fs::read_dir(folder).expect("a folder can be listed").map(|entry| entry.expect("an entry can be read"));
    let text = |path: &Path| match path.symlink_metadata() {
        Ok(kind) if kind.is_file() => fs::read_to_string(path).expect("a file can be read"),
        kind => format!("{:?}", kind.map(|kind| kind.file_type())),
    };
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), text(&entry.path()))).collect()
}

/// Both have a folder under the same name, in which there is a file of the same name.
pub(super) fn files(pair: &Pair<'_>) {
    let (theirs, own) = (pair.folders.join(pair.has.tenant), pair.folders.join(pair.other.tenant));
    for (at, text) in [(&pair.has, pair.own()), (&pair.other, pair.others())] {
        pair.text(at, "k_write", &json!({ "path": "/data/secret", "text": text }));
        assert_eq!(pair.text(at, "k_read", &json!({ "path": "/data/secret" })), text);
    }
    let before = contents(&theirs);
    // A link that is there, and one that the guest makes, if it may.
    symlink(&theirs, own.join("left")).expect("a link can be made");
    let name = pair.has.tenant;
    pair.other.call("k_symlink", &json!({ "target": format!("../{name}"), "path": "/data/made" }));
    let full = theirs.display();
    let ways = [
        format!("/data/../{name}"),
        format!("/data/./..//{name}"),
        format!("/data/x/../../{name}"),
        format!("../{name}"),
        format!("/{name}"),
        format!("{full}"),
        format!("/data/{full}"),
        format!("/data/../..{full}"),
        "/data/left".to_owned(),
        "/data/made".to_owned(),
    ];
    for way in &ways {
        let (file, new) = (format!("{way}/secret"), format!("{way}/new"));
        for (tool, arguments) in [
            ("k_list", json!({ "path": way })),
            ("k_read", json!({ "path": file })),
            ("k_kind", json!({ "path": file })),
            ("k_read_removed", json!({ "path": file })),
            ("k_write", json!({ "path": file, "text": "x" })),
            ("k_write", json!({ "path": new, "text": "x" })),
            ("k_append", json!({ "path": file, "text": "x" })),
            ("k_set_size", json!({ "path": file, "bytes": 0 })),
            ("k_make_folder", json!({ "path": new })),
            ("k_remove", json!({ "path": file })),
            ("k_rename", json!({ "from": file, "to": "/data/stolen" })),
            ("k_rename", json!({ "from": "/data/secret", "to": file })),
            ("k_link", json!({ "from": file, "to": "/data/stolen" })),
        ] {
            let said = pair.other.call(tool, &arguments);
            assert_eq!(said["isError"], true, "{tool} {arguments}: {said}");
            assert!(!said.to_string().contains(&pair.own()), "{tool} {arguments}: {said}");
        }
    }
    assert_eq!(contents(&theirs), before, "nothing of it changed");
    let got: Vec<_> = contents(&own).into_iter().filter(|(_, text)| *text == pair.own()).collect();
    assert!(got.is_empty(), "{got:?}");
    for link in ["left", "made"] {
        // The second need not have come to be.
        let _ = fs::remove_file(own.join(link));
    }
}

/// What a plugin says goes to whoever called it, as what it is.
pub(super) fn notifications(pair: &Pair<'_>) {
    let session = pair.other.legacy("2025-11-25");
    session.send("logging/setLevel", &json!({ "level": "debug" })).result();
    session.send("resources/subscribe", &json!({ "uri": "s://last" })).result();
    let mut news = session.listen();

    let caller = pair.has.legacy("2025-11-25");
    caller.send("logging/setLevel", &json!({ "level": "debug" })).result();
    let meta = json!({ "io.modelcontextprotocol/logLevel": "debug" });
    let modern = pair.has.modern("tools/call", json!({ "name": "s_log", "_meta": meta })).messages();
    let legacy = caller.send("tools/call", &json!({ "name": "s_log", "arguments": {} })).messages();
    for said in [modern, legacy] {
        let [message, done] = &said[..] else { panic!("one message and the answer: {said:?}") };
        assert_eq!(expect::text(&done["result"]), "done");
        assert_eq!(message["method"], "notifications/message", "{message}");
        let whole = json!(forgery(pair.has.tenant)).to_string();
        let data = message["params"]["data"].to_string();
        assert!(data.contains(whole.trim_matches('"')), "{data}");
    }
    // What the other's client hears first is what its own tenant says after that.
    assert_eq!(pair.text(&pair.other, "s_tell_last", &json!({})), "done");
    let message = news.next_message().expect("its own news come");
    assert_eq!(message["params"]["uri"], "s://last", "{message}");
}

/// Every line that a plugin caused says whose plugin that was, whatever it writes.
pub(super) fn log(pair: &Pair<'_>) {
    let log = &pair.has.host.log;
    let before = log.lines().len();
    assert_eq!(pair.text(&pair.has, "s_log", &json!({})), "done");
    expect::failure(&pair.has.call("s_panic", &json!({})));
    let has_trapped = || log.lines()[before..].iter().any(|line| line.contains("a call trapped")).then_some(());
    eventually("the trap to be in the log", has_trapped);
    let lines = log.lines().split_off(before);
    let mut from = Vec::new();
    for line in &lines {
        let read: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("forged ({error}): {line:?}"));
        assert!(!line.chars().any(char::is_control), "not one line of text: {line:?}");
        if line.contains("forged-line") || line.contains("a call trapped") {
            assert_eq!((&read["tenant"], &read["plugin"]), (&json!(pair.has.tenant), &json!("s")), "{line}");
            from.push(read["stream"].as_str().or(read["context"].as_str()).unwrap_or("the host").to_owned());
        }
        if line.contains("forged-line") {
            assert_eq!(read["target"], "plugin", "{line}");
        }
    }
    for source in ["\"script\"", "stderr", "the host"] {
        assert!(from.iter().any(|from| from == source), "no line of {source}: {lines:#?}");
    }
}

/// Counts are told by tenant, to the operator alone.
pub(super) fn metrics(pair: &Pair<'_>) {
    let host = pair.has.host;
    let calls = |tenant: &str| {
        let labels = [("tenant", tenant), ("plugin", "s"), ("tool", "s_whose"), ("outcome", "ok")];
        sum(&scrape(host), "toolyard_calls_total", &labels)
    };
    let (theirs, others) = (calls(pair.has.tenant), calls(pair.other.tenant));
    assert_eq!(pair.text(&pair.has, "s_whose", &json!({})), pair.own());
    assert_eq!((calls(pair.has.tenant), calls(pair.other.tenant)), (theirs + 1.0, others));

    let all = scrape(host);
    let tenants = all.values().flatten().filter_map(|(labels, _)| labels.get("tenant"));
    let known = |tenant: &str| TENANTS.contains(&tenant) || tenant == "default";
    assert_eq!(tenants.filter(|tenant| !known(tenant)).collect::<Vec<_>>(), Vec::<&String>::new());
    let text = String::from_utf8(host.admin("/metrics").body).expect("metrics are text");
    assert!(!text.contains("forged"), "{text}");

    let ask = |path: &str| {
        let reply = host.send(&Request::bare("GET", path));
        (reply.status, reply.body)
    };
    let nowhere = ask("/nowhere");
    assert_eq!(nowhere.0, 404);
    for path in ["/metrics", "/mcp/metrics", "/healthz", "/api/calls", "//metrics", "/%6detrics"] {
        assert_eq!(ask(path), nowhere, "{path}");
    }
    let tenant = pair.other.tenant;
    for path in ["metrics", "mcp/metrics", "../../metrics", "..%2f..%2fmetrics", "mcp/../../../metrics", "api/calls"] {
        assert_eq!(ask(&format!("/t/{tenant}/{path}")), nowhere, "{path}");
    }
}
