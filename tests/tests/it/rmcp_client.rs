//! `rmcp`, the official Rust client, in this process.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rmcp::model::{CallToolRequestParams, ProgressNotificationParam, ProtocolVersion};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt, NotificationContext, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::{ClientHandler, RoleClient};
use serde_json::{Value, json};
use toolyard_tests::PATIENCE;

use crate::clients::Seen;

/// Notes the progress that is reported.
#[derive(Clone, Default)]
struct Listener {
    progress: Arc<Mutex<Vec<f64>>>,
}

impl ClientHandler for Listener {
    async fn on_progress(&self, report: ProgressNotificationParam, _context: NotificationContext<RoleClient>) {
        self.progress.lock().expect("nobody panics with the list locked").push(report.progress);
    }
}

/// Does what the foreign drivers do: connects, lists, calls, closes.
pub(crate) fn drive(url: &str, lifecycle: ClientLifecycleMode, calls: &Value) -> Seen {
    // On one thread, what is handled beside the answer is handled in the order in which it came.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    runtime.block_on(async {
        let listener = Listener::default();
        let transport = StreamableHttpClientTransport::from_uri(url);
        let connected = listener.clone().serve_with_lifecycle(transport, lifecycle);
        // The future is large, as rmcp makes it.
        let client = Box::pin(connected).await.expect("the client connects");
        let version = client.peer_info().expect("the server introduced itself").protocol_version.clone();
        let tools = client.list_all_tools().await.expect("the tools are listed");
        let mut seen = Seen {
            era: if version >= ProtocolVersion::V_2026_07_28 { "modern".into() } else { "legacy".into() },
            version: version.to_string(),
            tools: tools.iter().map(|tool| tool.name.to_string()).collect(),
            ..Seen::default()
        };
        for call in calls.as_array().expect("calls are a list") {
            seen.calls.push(run(&client, &listener, call).await);
        }
        client.cancel().await.expect("the client closes");
        seen
    })
}

async fn run(client: &RunningService<RoleClient, Listener>, listener: &Listener, call: &Value) -> Value {
    let name = call["name"].as_str().expect("a name is a text").to_owned();
    let mut params = CallToolRequestParams::new(name.clone());
    // What is empty is left out, as its users do.
    if let Some(arguments) = call["arguments"].as_object().filter(|arguments| !arguments.is_empty()) {
        params = params.with_arguments(arguments.clone());
    }
    let result = client.call_tool(params).await.unwrap_or_else(|error| panic!("{name} fails: {error}"));
    json!({
        "called": name,
        "isError": result.is_error.unwrap_or(false),
        "structured": result.structured_content,
        "content": result.content,
        "progress": progress(&name, listener).await,
    })
}

/// What was reported for this call. Reports are handled beside the answer, so they may come a little after it.
async fn progress(name: &str, listener: &Listener) -> Vec<f64> {
    let reported = || listener.progress.lock().expect("nobody panics with the list locked").clone();
    if name == "slow_steps" {
        let all = async {
            while reported().len() < 3 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("three reports come");
    }
    std::mem::take(&mut *listener.progress.lock().expect("nobody panics with the list locked"))
}
