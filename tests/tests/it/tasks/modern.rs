//! Tasks of the modern era: `io.modelcontextprotocol/tasks`.

use serde_json::{Value, json};
use toolyard_tests::{Request, eventually, modern_request};

use super::{Client, EXTENSION, acknowledged, declaring, host, setup, waiting};
use crate::expect;

/// An id that could be one.
const FOREIGN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn tools() -> Value {
    json!([
        waiting("wait", false),
        { "name": "slow", "act": { "wait": "waited" } },
        { "name": "never", "long_running": true, "act": { "wait": "waited" } },
        { "name": "required", "act": { "wait": "waited" } },
        { "name": "failing", "long_running": true, "act": { "fail": { "is_error": "It did not work." } } },
        { "name": "breaking", "long_running": true, "act": { "fail": { "internal": "it broke" } } },
        { "name": "trapping", "long_running": true, "act": "trap" },
        { "name": "third", "long_running": true, "act": { "again": 3 } },
        { "name": "ninth", "long_running": true, "act": { "again": 9 } },
        {
            "name": "strict",
            "long_running": true,
            "input_schema": r#"{"type":"object","required":["x"]}"#,
        },
    ])
}

const CONFIG: &str = "
    [plugin.t.tool]
    never.task = 'never'
    required.task = 'required'
    slow.limits.task_after_ms = 100
";

#[test]
fn the_extension_is_offered_where_it_belongs() {
    let host = host(&tools(), CONFIG);
    let capabilities = host.modern("server/discover", json!({})).result()["capabilities"].take();
    assert_eq!(capabilities["extensions"], json!({ EXTENSION: {} }));
    assert!(capabilities.get("tasks").is_none());
    host.stop();
}

#[test]
fn a_task_is_there_before_its_creation_is_answered() {
    let host = host(&tools(), CONFIG);
    let client = Client(&host);
    let created = client.call("t_wait", &json!({ "ms": 50 }));
    assert_eq!((&created["resultType"], &created["status"]), (&json!("task"), &json!("working")));
    for field in ["task", "result", "error", "inputRequests", "requestState", "ttl", "pollInterval"] {
        assert!(created.get(field).is_none(), "{created}");
    }
    assert!(created["ttlMs"].as_u64() > Some(0) && created["pollIntervalMs"].as_u64() > Some(0), "{created}");
    let time = created["createdAt"].as_str().expect("a time is a text");
    assert!(time.starts_with("20") && time.ends_with('Z') && time.len() == 24, "{time}");

    let id = created["taskId"].as_str().expect("an id is a text");
    assert_eq!(id.len(), 27, "160 bits in base64");
    let seen = client.get(id);
    assert_eq!((&seen["taskId"], &seen["createdAt"]), (&created["taskId"], &created["createdAt"]));
    assert_eq!(seen["resultType"], "complete");
    let ended = client.until(id, "completed");
    assert_eq!(ended["result"]["content"][0]["text"], "waited");
    assert_eq!(ended["result"]["resultType"], "complete");
    assert!(ended["result"].get("_meta").is_none(), "{ended}");
    assert_eq!(client.get(id), ended, "it stays");
    assert_ne!(client.begin("t_wait", &json!({ "ms": 0 })), id);
    host.stop();
}

#[test]
fn who_does_not_declare_tasks_in_a_request_has_none_in_it() {
    let host = host(&tools(), CONFIG);
    let id = Client(&host).begin("t_wait", &json!({ "ms": 60_000 }));
    // What an earlier request declared does not count, nor what an earlier revision would have had.
    let params = json!({ "name": "t_wait", "arguments": { "ms": 1 }, "task": { "ttl": 1000 } });
    assert_eq!(expect::text(&host.modern("tools/call", params).result()), "waited");
    let missing = json!({ "requiredCapabilities": { "extensions": { EXTENSION: {} } } });
    for id in [id.as_str(), FOREIGN] {
        for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
            let reply = host.modern(method, json!({ "taskId": id, "inputResponses": {} }));
            expect::error(&reply, 400, -32021, &json!(1));
            assert_eq!(reply.answer()["error"]["data"], missing);
        }
    }
    let reply = host.modern("subscriptions/listen", json!({ "notifications": { "taskIds": [id] } }));
    expect::error(&reply, 400, -32021, &json!(1));
    let reply = host.modern("tools/call", json!({ "name": "t_required", "arguments": { "ms": 1 } }));
    expect::error(&reply, 400, -32021, &json!(1));
    assert_eq!(reply.answer()["error"]["data"], missing);
    assert!(!host.log.has(&["the wait has begun", "t_required"]));
    let id = Client(&host).begin("t_required", &json!({ "ms": 1 }));
    Client(&host).until(&id, "completed");
    host.stop();
}

#[test]
fn only_what_takes_long_becomes_a_task() {
    let host = host(&tools(), CONFIG);
    let client = Client(&host);
    assert_eq!(expect::text(&client.call("t_never", &json!({ "ms": 200 }))), "waited");
    assert_eq!(expect::text(&client.call("t_slow", &json!({ "ms": 0 }))), "waited");
    let id = client.begin("t_slow", &json!({ "ms": 400 }));
    assert_eq!(client.until(&id, "completed")["result"]["content"][0]["text"], "waited");
    // What an earlier revision had decides nothing here.
    let params = json!({ "name": "t_never", "arguments": { "ms": 0 }, "task": "whatever" });
    assert_eq!(expect::text(&client.send("tools/call", params).result()), "waited");
    host.stop();
}

#[test]
fn what_was_said_before_a_call_became_a_task_was_said_to_its_caller() {
    let host = host(&tools(), CONFIG);
    let meta = json!({ "progressToken": "p" });
    let params = declaring(json!({ "name": "t_slow", "arguments": { "ms": 1500 }, "_meta": meta }));
    let messages = host.send(&modern_request("tools/call", params)).messages();
    let [progress, created] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(progress["params"]["progressToken"], "p");
    assert_eq!(created["result"]["resultType"], "task");
    let id = created["result"]["taskId"].as_str().expect("an id is a text");
    assert!(Client(&host).until(id, "completed").get("statusMessage").is_none());
    host.stop();
}

#[test]
fn progress_is_what_a_task_says_of_itself() {
    let host = host(&tools(), CONFIG);
    let client = Client(&host);
    let id = client.begin("t_wait", &json!({ "ms": 60_000 }));
    let said = eventually("the guest's words to be in the task", || {
        client.get(&id)["statusMessage"].as_str().map(str::to_owned)
    });
    assert_eq!(said, "waiting");
    host.stop();
}

#[test]
fn a_task_may_take_longer_than_a_call() {
    let config = "
        [plugin.t.limits]
        timeout_ms_max = 400
        [plugin.t.tool.slow.limits]
        task_after_ms = 100
    ";
    let host = host(&tools(), config);
    assert!(expect::failure(&host.call("t_slow", &json!({ "ms": 2000 }))).contains("400 ms"));
    let client = Client(&host);
    for tool in ["t_slow", "t_wait"] {
        let id = client.begin(tool, &json!({ "ms": 1000 }));
        assert_eq!(expect::text(&client.until(&id, "completed")["result"]), "waited");
    }
    host.stop();
}

#[test]
fn a_task_has_bounds_of_its_own() {
    let config = "
        [plugin.t.limits]
        task_timeout_ms_max = 300
        task_cpu_ms_max = 300
    ";
    let tools = json!([waiting("wait", false), { "name": "spin", "long_running": true, "act": "spin" }]);
    let host = host(&tools, config);
    let client = Client(&host);
    for tool in ["t_wait", "t_spin"] {
        let id = client.begin(tool, &json!({ "ms": 60_000 }));
        assert!(expect::failure(&client.until(&id, "completed")["result"]).contains("300 ms"));
    }
    host.stop();
}

#[test]
fn results_that_tell_of_failures_are_results_and_errors_are_failures() {
    let host = host(&tools(), CONFIG);
    let client = Client(&host);
    let ended = client.until(&client.begin("t_failing", &json!({})), "completed");
    assert_eq!(expect::failure(&ended["result"]), "It did not work.");
    let ended = client.until(&client.begin("t_trapping", &json!({})), "completed");
    expect::failure(&ended["result"]);
    let ended = client.until(&client.begin("t_breaking", &json!({})), "failed");
    assert_eq!(ended["error"], json!({ "code": -32603, "message": "it broke" }));
    assert_eq!(ended["statusMessage"], "it broke");
    assert!(ended.get("result").is_none(), "{ended}");
    // What is wrong with the arguments is said at once.
    let result = client.call("t_strict", &json!({}));
    assert!(expect::failure(&result).contains("input schema"), "{result}");
    host.stop();
}

#[test]
fn a_tool_that_asks_for_it_is_run_again() {
    let host = host(&tools(), CONFIG);
    let client = Client(&host);
    let ended = client.until(&client.begin("t_third", &json!({})), "completed");
    assert_eq!(ended["result"]["content"][0]["text"], "attempt 3");
    let ended = client.until(&client.begin("t_ninth", &json!({})), "completed");
    assert!(expect::failure(&ended["result"]).starts_with("attempt 3 "), "{ended}");
    host.stop();
}

#[test]
fn what_is_no_task_of_the_callers_is_unknown() {
    let host = host(&tools(), CONFIG);
    let client = Client(&host);
    for id in [FOREIGN, "", "x", "../x", "task/AAAA", &"A".repeat(5000)] {
        for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
            let reply = client.send(method, json!({ "taskId": id, "inputResponses": {} }));
            expect::error(&reply, 400, -32602, &json!(1));
        }
    }
    let bare = json!({ "jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": { "taskId": FOREIGN } });
    let said = expect::error(&host.send(&Request::post(bare.to_string())), 400, -32602, &json!(1));
    assert!(said.contains("protocolVersion"), "{said}");
    for method in ["tasks/result", "tasks/list"] {
        expect::error(&client.send(method, json!({ "taskId": FOREIGN })), 404, -32601, &json!(1));
    }
    expect::error(&client.send("tasks/get", json!({})), 400, -32602, &json!(1));
    let id = client.begin("t_wait", &json!({ "ms": 60_000 }));
    for answers in [json!(null), json!([]), json!({ "x": 1 })] {
        let reply = client.send("tasks/update", json!({ "taskId": id, "inputResponses": answers }));
        expect::error(&reply, 400, -32602, &json!(1));
    }
    expect::error(&client.send("tasks/update", json!({ "taskId": id })), 400, -32602, &json!(1));
    host.stop();
}

#[test]
fn the_header_names_the_task() {
    let host = host(&tools(), CONFIG);
    let id = Client(&host).begin("t_wait", &json!({ "ms": 60_000 }));
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let request = || modern_request(method, declaring(json!({ "taskId": id, "inputResponses": {} })));
        expect::error(&host.send(&request().header("Mcp-Name", FOREIGN)), 400, -32020, &json!(1));
        expect::error(&host.send(&request().without("Mcp-Name")), 400, -32020, &json!(1));
        assert_eq!(host.send(&request()).status, 200);
    }
    host.stop();
}

#[test]
fn a_cancelled_task_ends_at_once_and_for_good() {
    // There is room for one call only.
    let host = host(&tools(), "[limits]\ncalls_max = 1\nqueue_wait_ms_max = 20000\n");
    let client = Client(&host);
    let id = client.begin("t_wait", &json!({ "ms": 25_000 }));
    host.log.wait_for(&["the wait has begun"]);
    client.cancel(&id);
    let cancelled = client.get(&id);
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(expect::text(&host.call("t_slow", &json!({ "ms": 0 }))), "waited", "its place is free");
    client.cancel(&id);
    acknowledged(&client.send("tasks/update", json!({ "taskId": id, "inputResponses": { "x": {} } })));
    assert_eq!(client.get(&id), cancelled);

    let done = client.begin("t_wait", &json!({ "ms": 0 }));
    let ended = client.until(&done, "completed");
    client.cancel(&done);
    assert_eq!(client.get(&done), ended);
    host.stop();
}

#[test]
fn a_client_behind_a_pipe_has_tasks_too() {
    let mut pipe = setup(&tools(), CONFIG).start_pipe();
    let call = declaring(json!({ "name": "t_wait", "arguments": { "ms": 100 } }));
    pipe.modern(&json!("call"), "tools/call", call);
    let created = pipe.read();
    assert_eq!(created["result"]["resultType"], "task", "{created}");
    let id = &created["result"]["taskId"];
    eventually("the task to be completed", || {
        pipe.modern(&json!("get"), "tasks/get", declaring(json!({ "taskId": id })));
        (pipe.read()["result"]["status"] == "completed").then_some(())
    });
    pipe.stop();
}

#[test]
fn there_are_only_so_many_tasks() {
    let config = "[limits]\ntasks_max = 1\n[plugin.t.tool]\nslow.limits.task_after_ms = 50\n";
    let host = host(&tools(), config);
    let client = Client(&host);
    let id = client.begin("t_wait", &json!({ "ms": 60_000 }));
    let reply = client.send("tools/call", json!({ "name": "t_wait", "arguments": { "ms": 0 } }));
    assert!(expect::error(&reply, 429, -32603, &json!(1)).contains("1 tasks are open"));
    assert!(reply.header("Retry-After").is_some());
    // What need not be a task goes on without.
    assert_eq!(expect::text(&client.call("t_slow", &json!({ "ms": 500 }))), "waited");
    client.cancel(&id);
    client.until(&client.begin("t_wait", &json!({ "ms": 0 })), "completed");
    host.stop();
}

#[test]
fn tasks_wait_for_a_place() {
    let host = host(&tools(), "[limits]\ntasks_running_max = 1\n");
    let client = Client(&host);
    let first = client.begin("t_wait", &json!({ "ms": 60_000 }));
    host.log.wait_for(&["the wait has begun"]);
    let second = client.begin("t_third", &json!({}));
    assert_eq!(client.get(&second)["status"], "working");
    client.cancel(&first);
    client.until(&second, "completed");
    host.stop();
}

#[test]
fn a_task_whose_time_is_over_has_failed() {
    let host = host(&tools(), "[limits]\ntask_ttl_ms = 1000\n");
    let client = Client(&host);
    let created = client.call("t_wait", &json!({ "ms": 60_000 }));
    assert_eq!(created["ttlMs"], 1000);
    let ended = client.until(created["taskId"].as_str().expect("a text"), "failed");
    assert_eq!(ended["error"]["code"], -32603);
    assert!(expect::sentence(ended["error"]["message"].as_str().expect("a text")).contains("expired"));
    // One that ended in time stays longer than that.
    let ended = client.until(&client.begin("t_wait", &json!({ "ms": 0 })), "completed");
    assert!(ended["ttlMs"].as_u64() >= Some(900_000), "{ended}");
    host.stop();
}
