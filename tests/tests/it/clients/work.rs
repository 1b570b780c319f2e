//! The work that every client is given, and what must come of it.

use serde_json::{Value, json};
use toolyard_tests::{Host, Hosts, Nginx, Setup};

use super::{Driver, Row, Seen, inspector, rust, scripts};
use crate::expect;
use crate::plugins::{PLUGINS, Sample, samples};

/// The answer to whatever a client's user is asked.
pub(super) const ANSWER: [(&str, &str); 2] = [("username", "ann"), ("email", "ann@example.com")];

/// What a client is asked to do: calls of the plugins, and one thing for each feature.
pub(super) fn work(row: &Row) -> Value {
    let samples = samples().into_iter().map(|sample| json!({ "name": sample.tool, "arguments": sample.arguments }));
    let calls: Value = samples.chain([json!({ "name": "slow_steps", "arguments": {} })]).collect();
    let answer: Value =
        ANSWER.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect::<serde_json::Map<_, _>>().into();
    let mut news = vec!["everything_test_update_watched_resource"];
    if !matches!(row.driver, Driver::Inspector(_)) {
        // Its commands show what happens to a resource, and of lists only what they are.
        news.push("everything_test_trigger_tool_change");
    }
    json!({
        "calls": calls,
        "features": row.features(),
        "call": { "name": "everything_test_simple_text" },
        "read": ["test://static-text", "test://static-binary"],
        "prompt": { "name": "everything_test_prompt_with_arguments", "arguments": { "arg1": "a", "arg2": "b" } },
        "complete": { "prompt": "everything_test_prompt_with_arguments", "argument": "arg1", "value": "te" },
        "elicit": {
            "call": { "name": "everything_test_elicitation", "arguments": { "message": "Who are you?" } },
            "answer": answer,
        },
        "progress": { "name": "everything_test_tool_with_progress" },
        "cancel": {
            "slow": { "name": "everything_test_tool_slow", "arguments": { "durationMs": 25_000 } },
            "fast": { "name": "everything_test_tool_fast" },
        },
        "subscribe": {
            "uri": "test://watched-resource",
            "tools": news,
        },
    })
}

/// Lets the client do its work, and checks that it saw what there is to see.
pub(super) fn prove(row: &Row) {
    let host = host(CONFIG).tapped().start();
    drive(row, &host.url(), &host);
    // A call that was cancelled has left its place, and did not come to its end.
    assert!(!host.log.has(&["Done after 25000 ms"]));
    host.stop();
}

/// The same behind a balancer, with three hosts.
pub(super) fn prove_behind_nginx(row: &Row) {
    // What one host knows of a call, another may not: there is room for it anywhere.
    let hosts = Hosts::start(3, || host(""));
    let nginx = Nginx::before(hosts.addresses()).tapped();
    drive(row, &nginx.url(), &hosts.at(0).host());
    for place in hosts.iter() {
        // It was cancelled wherever it ran.
        assert!(!place.host().log.has(&["Done after 25000 ms"]));
    }
    nginx.stop();
    hosts.stop();
}

/// Lets the client do its work at this address, and checks it by what one of the hosts there says.
fn drive(row: &Row, url: &str, host: &Host) {
    let work = work(row);
    let seen = match &row.driver {
        Driver::Script(script, mode) => scripts::drive(script, mode, url, &work),
        Driver::Rust(lifecycle) => rust::drive(url, *lifecycle, &work),
        Driver::Inspector(era) => inspector::drive(era, url, &work),
    };
    assert_eq!((seen.era.as_str(), seen.version.as_str()), (row.era(), row.version));
    assert_eq!(seen.tools, host.tools());
    check_calls(&seen);
    let mut done: Vec<&str> = seen.features.keys().map(String::as_str).collect();
    done.sort_by_key(|feature| super::FEATURES.iter().position(|other| other == feature));
    assert_eq!(done, row.features());
    for (feature, value) in &seen.features {
        assert_eq!(expect::as_floats(value), expect::as_floats(&expected(feature, host, &work)), "{feature}");
    }
    // Clients write there what they only put up with, for their users to see.
    assert_eq!(seen.complaints, "");
}

/// There is room for one call only, so that a call which is not cancelled is in the way.
const CONFIG: &str = "[limits]\ncalls_max = 1\nqueue_wait_ms_max = 20000\n";

/// A host with all plugins, and one more whose tool reports progress.
fn host(config: &str) -> Setup {
    let steps = json!({ "tools": [{ "name": "steps", "act": { "progress": 3 } }] });
    let setup = PLUGINS.iter().fold(Setup::new(), |setup, plugin| setup.plugin(plugin));
    setup.plugin("everything").script("slow", &steps).config(config)
}

fn check_calls(seen: &Seen) {
    let (steps, sampled) = seen.calls.split_last().expect("it called something");
    let samples = samples();
    assert_eq!(sampled.len(), samples.len());
    for (call, Sample { tool, expected, .. }) in sampled.iter().zip(&samples) {
        assert_eq!(call["called"], *tool);
        assert_eq!(call["isError"], false, "{call}");
        assert_eq!(call["content"][0]["type"], "text", "{call}");
        let structured = match &call["structured"] {
            // Older than structured content: the same is said as text.
            Value::Null => serde_json::from_str(call["content"][0]["text"].as_str().expect("a text")).expect("JSON"),
            structured => structured.clone(),
        };
        assert_eq!(expect::as_floats(&structured), expect::as_floats(expected), "{tool}");
    }
    assert_eq!(steps["content"][0]["text"], "done", "{steps}");
    if let Some(progress) = steps["progress"].as_array() {
        let progress: Vec<f64> = progress.iter().filter_map(Value::as_f64).collect();
        assert_eq!(progress, [1.0, 2.0, 3.0], "{steps}");
    }
}

/// What a client sees of a feature.
fn expected(feature: &str, host: &Host, work: &Value) -> Value {
    let names = |list: &str, under: &str, key: &str| -> Value {
        let result = host.modern(&format!("{list}/list"), json!({})).result();
        result[under].as_array().expect("a list").iter().map(|item| item[key].clone()).collect()
    };
    match feature {
        "list" => json!({
            "prompts": names("prompts", "prompts", "name"),
            "resources": names("resources", "resources", "uri"),
            "templates": names("resources/templates", "resourceTemplates", "uriTemplate"),
        }),
        "call" => json!("This is a simple text response for testing."),
        "read" => {
            let read = |uri: &str| host.modern("resources/read", json!({ "uri": uri })).result()["contents"][0].take();
            let (text, image) = (read("test://static-text"), read("test://static-binary"));
            assert!(image["blob"].as_str().is_some_and(|blob| blob.starts_with("iVBOR")), "{image}");
            json!([text["text"], image["blob"]])
        }
        "prompt" => json!("Prompt with arguments: arg1='a', arg2='b'"),
        "complete" => json!(["test", "testValue1", "testing"]),
        "elicit" => {
            json!(r#"User response: action=accept, content={"username":"ann","email":"ann@example.com"}"#)
        }
        "progress" => json!([0, 50, 100]),
        "cancel" => json!("cancelled"),
        _ => {
            let all = ["notifications/resources/updated", "notifications/tools/list_changed"];
            let asked = work["subscribe"]["tools"].as_array().map_or(0, Vec::len);
            json!(all[..asked])
        }
    }
}
