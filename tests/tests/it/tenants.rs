//! Tenants on one host: what is one's is nobody else's.

mod isolation;
mod shares;

use serde_json::{Value, json};
use toolyard_tests::{Setup, guest, scripted};

use crate::asking::{form, tool};

/// What both tenants have, by the same names; and something that only this one has.
fn script(tenant: &str) -> Value {
    let rounds = json!([{ "name": form("What is your name?", "name") }]);
    let tell = |name: &str, news: Value| json!({ "name": name, "act": { "tell": news } });
    json!({
        "tools": [
            tool("ask", &rounds),
            { "name": "whose", "act": { "say": format!("of {tenant}") } },
            { "name": format!("only_{tenant}"), "act": { "say": "here" } },
            { "name": "task", "long_running": true, "act": { "wait": format!("of {tenant}") } },
            { "name": "wait", "act": { "wait": format!("of {tenant}") } },
            { "name": "spin", "act": "spin" },
            { "name": "log", "act": { "log": [["warn", forgery(tenant)]] } },
            { "name": "panic", "act": { "panic": forgery(tenant) } },
            tell("tell_all", json!(["tools_changed", "prompts_changed", "resources_changed", { "updated": "s://shared" }])),
            tell("tell_last", json!([{ "updated": "s://last" }])),
        ],
        "prompts": [
            { "name": "shared", "arguments": [{ "name": "x" }] },
            { "name": format!("only_{tenant}"), "arguments": [{ "name": "x" }] },
        ],
        "resources": {
            "prefixes": ["s://", format!("{tenant}://")],
            "list": [
                { "uri": "s://shared", "text": format!("of {tenant}") },
                { "uri": format!("{tenant}://one"), "text": "here" },
            ],
        },
        "completions": [
            { "of": "shared", "argument": "x", "values": [format!("of {tenant}")] },
            { "of": format!("only_{tenant}"), "argument": "x", "values": ["here"] },
        ],
    })
}

const TENANTS: [&str; 2] = ["acme", "bolt"];

/// What would be a line of the other tenant's in a log, in either format, if ends of lines or escapes went through.
fn forgery(tenant: &str) -> String {
    let other = if tenant == TENANTS[0] { TENANTS[1] } else { TENANTS[0] };
    format!(
        "over\n{{\"level\":\"ERROR\",\"target\":\"toolyard\",\"tenant\":\"{other}\",\"message\":\"forged-line\"}}\r\u{1b}[2K\n\
         2026-01-01T00:00:00Z ERROR forged-line tenant={other} plugin=\"s\"\u{2028}\",\"tenant\":\"{other}\",\"x\":\"forged-line"
    )
}

/// A host of two tenants whose plugins have the same names: `s`, which is scripted, and `k`, which keeps things.
fn setup() -> Setup {
    setup_on(Setup::new())
}

/// The same, on what is there already.
fn setup_on(mut setup: Setup) -> Setup {
    for tenant in TENANTS {
        setup = setup
            .file(&format!("{tenant}/s.wasm"), scripted(&script(tenant)))
            .file(&format!("{tenant}/k.wasm"), guest("keeper"))
            .config(&format!("[tenant.{tenant}.secret.token]\ncommand = ['echo', 'secret of {tenant}']\n"))
            .config(&format!("[tenant.{tenant}.plugin.k.grants]\nkeyvalue = {{}}\nsecrets = {{ token = 'token' }}\n"))
            .config(&format!("environment = {{ WHOSE = 'of {tenant}' }}\n"));
    }
    setup
}
