//! The official clients that know tasks.

use std::collections::BTreeMap;
use std::time::Duration;

use rmcp::ClientHandler;
use rmcp::RoleClient;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, ClientConfig, DetailedTask, GetTaskParams,
    Implementation, ProtocolVersion, TaskPayload, UpdateTaskParams,
};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use serde_json::{Value, json};
use toolyard_tests::{PATIENCE, Setup};

use super::EXTENSION;
use crate::clients::inspector;

/// A client that says of itself that it knows tasks.
struct Knowing;

impl ClientHandler for Knowing {
    fn get_info(&self) -> ClientConfig {
        let capabilities = json!({ "elicitation": {}, "extensions": { EXTENSION: {} } });
        let capabilities = serde_json::from_value(capabilities).expect("these are capabilities");
        ClientConfig::new(capabilities, Implementation::new("toolyard-tests", "1"))
    }
}

struct Rust(RunningService<RoleClient, Knowing>);

impl Rust {
    async fn connect(url: &str) -> Rust {
        let mode = ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] };
        let transport = StreamableHttpClientTransport::from_uri(url);
        Rust(Box::pin(Knowing.serve_with_lifecycle(transport, mode)).await.expect("the client connects"))
    }

    /// Calls a tool that must become a task, and gives its id.
    async fn begin(&self, tool: &str, arguments: &Value) -> String {
        let arguments = arguments.as_object().cloned().unwrap_or_default();
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        match Box::pin(self.0.call_tool_once(params)).await.expect("the call is answered") {
            CallToolResponse::Task(created) => created.task.task_id,
            other => panic!("no task: {other:?}"),
        }
    }

    async fn get(&self, id: &str) -> DetailedTask {
        Box::pin(self.0.get_task(GetTaskParams::new(id))).await.expect("the task is there").task
    }

    /// Waits until the task is as `fits` wants it.
    async fn until(&self, id: &str, fits: impl Fn(&TaskPayload) -> bool) -> TaskPayload {
        let seen = async {
            loop {
                let task = self.get(id).await;
                if fits(&task.payload) {
                    return task.payload;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.expect("it comes")
    }
}

#[test]
fn rmcp_follows_answers_and_cancels_tasks() {
    let host = Setup::new().plugin("everything").tapped().start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    runtime.block_on(Box::pin(async {
        let client = Rust::connect(&host.url()).await;
        let id = client.begin("everything_slow_compute", &json!({ "seconds": 0.5, "label": "it" })).await;
        let ended = client.until(&id, |task| matches!(task, TaskPayload::Completed { .. })).await;
        let TaskPayload::Completed { result } = ended else { panic!("{ended:?}") };
        assert_eq!(result["content"][0]["text"], "Computed it for 0.5 s.");

        let id = client.begin("everything_multi_input", &json!({})).await;
        client.until(&id, |task| matches!(task, TaskPayload::InputRequired { .. })).await;
        let answer = |key: &str, content: Value| {
            let answer = json!({ "action": "accept", "content": content });
            UpdateTaskParams::new(id.clone(), BTreeMap::from([(key.to_owned(), answer)]))
        };
        Box::pin(client.0.update_task(answer("name", json!({ "name": "Ada" })))).await.expect("it is taken");
        Box::pin(client.0.update_task(answer("confirm", json!({ "confirm": false })))).await.expect("it is taken");
        let ended = client.until(&id, |task| matches!(task, TaskPayload::Completed { .. })).await;
        let TaskPayload::Completed { result } = ended else { panic!("{ended:?}") };
        assert_eq!(result["content"][0]["text"], "Ada wants nothing to be deleted.");

        let id = client.begin("everything_slow_compute", &json!({ "seconds": 60, "label": "it" })).await;
        Box::pin(client.0.cancel_task(CancelTaskParams::new(id.clone()))).await.expect("it is cancelled");
        client.until(&id, |task| matches!(task, TaskPayload::Cancelled)).await;
        let id = client.begin("everything_protocol_error_job", &json!({})).await;
        let ended = client.until(&id, |task| matches!(task, TaskPayload::Failed { .. })).await;
        let TaskPayload::Failed { error } = ended else { panic!("{ended:?}") };
        assert_eq!(error["code"], -32603);
        client.0.cancel().await.expect("the client closes");
    }));
    host.stop();
}

#[test]
fn the_inspector_waits_for_tasks() {
    let host = Setup::new().plugin("everything").tapped().start();
    let arguments = json!({ "seconds": 1, "label": "it" });
    let result = inspector::call("modern", &host.url(), "everything_slow_compute", &arguments);
    assert_eq!(result["content"][0]["text"], "Computed it for 1 s.");
    // It was a task: how far it was can be read nowhere else.
    host.stop();
}
