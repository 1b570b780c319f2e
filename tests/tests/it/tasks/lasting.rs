//! What becomes of tasks when their host ends, well or not.

use serde_json::{Value, json};
use tempfile::TempDir;
use toolyard_tests::{Host, Setup};

use super::{Client, setup, waiting};
use crate::asking::{accept, form};
use crate::expect;

fn tools() -> Value {
    json!([
        waiting("once", false),
        waiting("again", true),
        { "name": "ask", "long_running": true, "act": { "ask": { "rounds": [{ "a": form("A?", "x") }] } } },
    ])
}

/// A host over the state in this folder.
fn start(state: &TempDir) -> Host {
    over(state).start()
}

fn over(state: &TempDir) -> Setup {
    setup(&tools(), "[limits]\ndrain_ms_max = 2000\n").state(state.path())
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

/// Dropping a host kills it, as the loss of its machine would.
fn lose(host: Host) {
    drop(host);
}

#[test]
fn a_lost_host_costs_a_task_only_what_was_not_safe_to_repeat() {
    let state = folder();
    let host = start(&state);
    let client = Client(&host);
    let once = client.begin("t_once", &json!({ "ms": 3_000 }));
    let again = client.begin("t_again", &json!({ "ms": 3_000 }));
    let asked = client.begin("t_ask", &json!({}));
    client.until(&asked, "input_required");
    let done = client.begin("t_once", &json!({ "ms": 0 }));
    let result = client.until(&done, "completed");
    toolyard_tests::eventually("all to have begun", || {
        let begun = host.log.lines().iter().filter(|line| line.contains("the wait has begun")).count();
        (begun == 3).then_some(())
    });
    lose(host);

    let host = start(&state);
    let client = Client(&host);
    assert_eq!(client.get(&done), result, "what has ended is what it was");
    client.update(&asked, &json!({ "a": accept(&json!({ "x": "1" })) }));
    assert_eq!(
        client.until(&asked, "completed")["result"]["structuredContent"]["answers"]["a"]["content"],
        json!({ "x": "1" })
    );
    let failed = client.until(&once, "failed");
    assert_eq!(failed["error"]["code"], -32603);
    let why = expect::sentence(failed["error"]["message"].as_str().expect("a text"));
    assert!(why.contains("lost") && why.contains("not idempotent"), "{why}");
    assert_eq!(expect::text(&client.until(&again, "completed")["result"]), "waited");
    let begun = host.log.lines().iter().filter(|line| line.contains("the wait has begun")).count();
    assert_eq!(begun, 1, "only the idempotent one was run again");
    host.stop();
}

#[test]
fn a_host_that_is_told_to_stop_hands_its_tasks_over() {
    let state = folder();
    let host = start(&state);
    let client = Client(&host);
    let again = client.begin("t_again", &json!({ "ms": 4_000 }));
    let once = client.begin("t_once", &json!({ "ms": 60_000 }));
    let quick = client.begin("t_once", &json!({ "ms": 1_000 }));
    toolyard_tests::eventually("all to have begun", || {
        let begun = host.log.lines().iter().filter(|line| line.contains("the wait has begun")).count();
        (begun == 3).then_some(())
    });
    host.stop();

    let host = start(&state);
    let client = Client(&host);
    // What may not be repeated had the time that the host had; what took longer was cut short.
    assert_eq!(expect::text(&client.until(&quick, "completed")["result"]), "waited");
    let failed = client.until(&once, "failed");
    assert!(failed["error"]["message"].as_str().is_some_and(|why| why.contains("stopped")), "{failed}");
    assert_eq!(expect::text(&client.until(&again, "completed")["result"]), "waited");
    host.stop();
}

#[test]
fn any_host_answers_for_a_task() {
    let state = folder();
    let (one, other) = (start(&state), start(&state));
    let id = Client(&one).begin("t_ask", &json!({}));
    Client(&other).until(&id, "input_required");
    Client(&other).update(&id, &json!({ "a": accept(&json!({ "x": "1" })) }));
    Client(&one).until(&id, "completed");
    let id = Client(&one).begin("t_once", &json!({ "ms": 60_000 }));
    one.log.wait_for(&["the wait has begun"]);
    Client(&other).cancel(&id);
    assert_eq!(Client(&one).get(&id)["status"], "cancelled");
    one.stop();
    other.stop();
}

#[test]
fn a_tool_that_is_gone_fails_its_task() {
    let state = folder();
    let host = start(&state);
    let id = Client(&host).begin("t_again", &json!({ "ms": 60_000 }));
    host.log.wait_for(&["the wait has begun"]);
    host.stop();
    let other = json!({ "tools": [{ "name": "other" }] });
    let host = Setup::new().script("t", &other).state(state.path()).start();
    let failed = Client(&host).until(&id, "failed");
    assert_eq!(failed["error"]["code"], -32602);
    assert!(failed["error"]["message"].as_str().is_some_and(|why| why.contains("`t_again`")), "{failed}");
    host.stop();
}
