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

/// A host of two tenants whose plugins have the same names: `s`, which is scripted, and `k`, which keeps things.
fn setup() -> Setup {
    let mut setup = Setup::new();
    for tenant in ["acme", "bolt"] {
        setup = setup
            .file(&format!("{tenant}/s.wasm"), scripted(&script(tenant)))
            .file(&format!("{tenant}/k.wasm"), guest("keeper"))
            .config(&format!("[tenant.{tenant}.secret.token]\ncommand = ['echo', 'secret of {tenant}']\n"))
            .config(&format!("[tenant.{tenant}.plugin.k.grants]\nkeyvalue = {{}}\nsecrets = {{ token = 'token' }}\n"))
            .config(&format!("environment = {{ WHOSE = 'of {tenant}' }}\n"));
    }
    setup
}
