//! Several hosts over one store, each request to the next of them: clients must not be able to tell.

mod asking;

mod news;
mod sessions;
mod streams;

use serde_json::{Value, json};
use toolyard_tests::{Connection, Hosts, Session, Setup};

use crate::asking::{form, tool};

const LEGACY: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// Longer than anybody waits.
const LONG_MS: u64 = 28_000;

fn setup() -> Setup {
    let name = json!([{ "name": form("What is your name?", "name") }]);
    let rounds = json!([{ "a": form("A?", "x"), "b": form("B?", "x") }, { "c": form("C?", "x") }]);
    let tell = |name: &str, news: &Value| json!({ "name": name, "act": { "tell": [news] } });
    let tools = json!([
        { "name": "echo" },
        { "name": "wait", "act": { "wait": "waited" } },
        { "name": "steps", "act": { "progress": 3 } },
        { "name": "log", "act": { "log": [["debug", "low"], ["error", "high"]] } },
        tool("name", &name),
        tool("rounds", &rounds),
        tell("tools", &json!("tools_changed")),
        tell("prompts", &json!("prompts_changed")),
        tell("one", &json!({ "updated": "news://one" })),
        tell("two", &json!({ "updated": "news://two" })),
    ]);
    let resources = json!({ "prefixes": ["news://"], "list": [{ "uri": "news://one" }, { "uri": "news://two" }] });
    Setup::new()
        .script("h", &json!({ "tools": tools, "resources": resources }))
        .config("admin_listen = '127.0.0.1:0'\n")
}

fn hosts(count: usize) -> Hosts {
    Hosts::start(count, setup)
}

/// Begins a call that takes so long, and gives it when the tool runs, with the id of the event that said so.
fn begin_wait(session: &Session<'_>, id: u64, ms: u64) -> (Connection, String) {
    let params = json!({ "name": "h_wait", "arguments": { "ms": ms }, "_meta": { "progressToken": id } });
    let mut call = session.start(&session.request_as(&json!(id), "tools/call", &params));
    loop {
        let event = call.next_event().expect("the tool says that it runs");
        if let Some(message) = event.message() {
            assert_eq!(message["method"], "notifications/progress");
            return (call, event.id.expect("an event has an id"));
        }
    }
}
