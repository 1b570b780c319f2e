//! `rmcp`, the official Rust client, in this process.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction,
    ErrorData, Implementation, ProgressNotificationParam, ProtocolVersion, ResourceUpdatedNotificationParam,
    SubscriptionFilter,
};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt, NotificationContext, RequestContext, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::{ClientHandler, RoleClient};
use serde_json::{Value, json};
use toolyard_tests::PATIENCE;

use super::Seen;
use super::work::ANSWER;

/// How a connection begins.
#[derive(Clone, Copy)]
pub(super) enum Lifecycle {
    Discover,
    Auto,
    Initialize,
}

/// Notes what the host says meanwhile, and answers what it asks.
#[derive(Clone, Default)]
struct Listener {
    progress: Arc<Mutex<Vec<f64>>>,
    news: Arc<Mutex<Vec<&'static str>>>,
}

type Client = RunningService<RoleClient, Listener>;

impl ClientHandler for Listener {
    async fn create_elicitation(
        &self,
        _request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let answer: Value = ANSWER
            .iter()
            .map(|(key, value)| ((*key).to_owned(), json!(value)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(answer))
    }

    async fn on_progress(&self, report: ProgressNotificationParam, _context: NotificationContext<RoleClient>) {
        self.progress.lock().expect("nobody panics with the list locked").push(report.progress);
    }

    async fn on_resource_updated(
        &self,
        _update: ResourceUpdatedNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.news.lock().expect("nobody panics with the list locked").push("notifications/resources/updated");
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.news.lock().expect("nobody panics with the list locked").push("notifications/tools/list_changed");
    }

    fn get_info(&self) -> ClientConfig {
        let capabilities: ClientCapabilities =
            serde_json::from_value(json!({ "elicitation": {} })).expect("these are capabilities");
        ClientConfig::new(capabilities, Implementation::new("toolyard-tests", "1"))
    }
}

/// Does what the scripts do: connects, lists, calls, does all it can, closes.
pub(super) fn drive(url: &str, lifecycle: Lifecycle, work: &Value) -> Seen {
    // On one thread, what is handled beside the answer is handled in the order in which it came.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    runtime.block_on(Box::pin(async {
        let listener = Listener::default();
        let transport = StreamableHttpClientTransport::from_uri(url);
        let connected = listener.clone().serve_with_lifecycle(transport, lifecycle.mode());
        // The future is large, as rmcp makes it.
        let client = Box::pin(connected).await.expect("the client connects");
        let version = client.peer_info().expect("the server introduced itself").protocol_version.clone();
        let modern = version >= ProtocolVersion::V_2026_07_28;
        let driver = Driver { client: &client, listener: &listener, work, modern };
        let tools = client.list_all_tools().await.expect("the tools are listed");
        let mut seen = Seen {
            era: if modern { "modern".into() } else { "legacy".into() },
            version: version.to_string(),
            tools: tools.iter().map(|tool| tool.name.to_string()).collect(),
            ..Seen::default()
        };
        for call in work["calls"].as_array().expect("calls are a list") {
            seen.calls.push(Box::pin(driver.run(call)).await);
        }
        for feature in work["features"].as_array().expect("features are a list") {
            let feature = feature.as_str().expect("a feature has a name");
            seen.features.insert(feature.to_owned(), Box::pin(driver.does(feature)).await);
        }
        client.cancel().await.expect("the client closes");
        seen
    }))
}

impl Lifecycle {
    fn mode(self) -> ClientLifecycleMode {
        let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
        match self {
            Lifecycle::Discover => ClientLifecycleMode::Discover { preferred_versions },
            Lifecycle::Auto => ClientLifecycleMode::Auto { preferred_versions, legacy_version: None },
            Lifecycle::Initialize => ClientLifecycleMode::Initialize,
        }
    }
}

struct Driver<'a> {
    client: &'a Client,
    listener: &'a Listener,
    work: &'a Value,
    modern: bool,
}

impl Driver<'_> {
    async fn run(&self, call: &Value) -> Value {
        let mut result = self.call(call).await;
        let name = call["name"].as_str().expect("a name is a text");
        let expected = if name == "slow_steps" { 3 } else { 0 };
        json!({
            "called": name,
            "isError": result.get("isError").cloned().unwrap_or(Value::Bool(false)),
            "structured": result["structuredContent"].take(),
            "content": result["content"].take(),
            "progress": self.progress(expected).await,
        })
    }

    async fn call(&self, call: &Value) -> Value {
        let name = call["name"].as_str().expect("a name is a text").to_owned();
        let mut params = CallToolRequestParams::new(name.clone());
        // What is empty is left out, as its users do.
        if let Some(arguments) = call["arguments"].as_object().filter(|arguments| !arguments.is_empty()) {
            params = params.with_arguments(arguments.clone());
        }
        let result = Box::pin(self.client.call_tool(params)).await;
        json!(result.unwrap_or_else(|error| panic!("{name} fails: {error}")))
    }

    async fn does(&self, feature: &str) -> Value {
        match feature {
            "list" => self.list().await,
            "call" => self.call(&self.work["call"]).await["content"][0]["text"].take(),
            "read" => self.read().await,
            "prompt" => {
                let params = serde_json::from_value(self.work["prompt"].clone()).expect("these are params");
                let result = Box::pin(self.client.get_prompt(params)).await.expect("the prompt is given");
                json!(result)["messages"][0]["content"]["text"].take()
            }
            "complete" => {
                let asked = |key: &str| self.work["complete"][key].as_str().expect("a text").to_owned();
                let values =
                    self.client.complete_prompt_simple(asked("prompt"), asked("argument"), asked("value")).await;
                json!(values.expect("something is suggested"))
            }
            "elicit" => self.call(&self.work["elicit"]["call"]).await["content"][0]["text"].take(),
            "progress" => {
                self.progress(0).await;
                self.call(&self.work["progress"]).await;
                json!(self.progress(3).await)
            }
            "cancel" => self.cancel().await,
            _ => self.subscribe().await,
        }
    }

    async fn list(&self) -> Value {
        let prompts = self.client.list_all_prompts().await.expect("the prompts are listed");
        let resources = self.client.list_all_resources().await.expect("the resources are listed");
        let templates = self.client.list_all_resource_templates().await.expect("the templates are listed");
        let names = |list: Value, key: &str| -> Value {
            list.as_array().expect("a list").iter().map(|item| item[key].clone()).collect()
        };
        json!({
            "prompts": names(json!(prompts), "name"),
            "resources": names(json!(resources), "uri"),
            "templates": names(json!(templates), "uriTemplate"),
        })
    }

    async fn read(&self) -> Value {
        let mut read = Vec::new();
        for uri in self.work["read"].as_array().expect("a list") {
            let params = serde_json::from_value(json!({ "uri": uri })).expect("these are params");
            let result = json!(Box::pin(self.client.read_resource(params)).await.expect("the resource is read"));
            let contents = &result["contents"][0];
            read.push(contents.get("text").unwrap_or(&contents["blob"]).clone());
        }
        json!(read)
    }

    /// Whoever drops the future has cancelled the call.
    async fn cancel(&self) -> Value {
        self.progress(0).await;
        let call = self.call(&self.work["cancel"]["slow"]);
        // As soon as the tool says that it runs.
        let ended = tokio::select! {
            _ = call => "answered",
            _ = self.wait_for(|| self.listener.progress.lock().expect("it is not poisoned").first().copied()) => "cancelled",
        };
        // There is room for one call only: this is answered when the other has left.
        self.call(&self.work["cancel"]["fast"]).await;
        json!(ended)
    }

    async fn subscribe(&self) -> Value {
        let asked = &self.work["subscribe"];
        let uri = asked["uri"].as_str().expect("a text");
        let tools = asked["tools"].as_array().expect("a list");
        let mut heard = Vec::new();
        if self.modern {
            let filter = SubscriptionFilter::builder().tools_list_changed().resource_subscription(uri).build();
            let mut news = self.client.listen(filter).await.expect("the host lets us listen");
            for tool in tools {
                self.call(&json!({ "name": tool })).await;
                let next = news.next().await.expect("the stream is in order").expect("something happened");
                heard.push(json!(next)["method"].take());
            }
            news.cancel().await.expect("the stream is closed");
        } else {
            let params = serde_json::from_value(json!({ "uri": uri })).expect("these are params");
            #[expect(deprecated, reason = "it is what the legacy era has")]
            self.client.subscribe(params).await.expect("the host takes the subscription");
            for tool in tools {
                self.call(&json!({ "name": tool })).await;
            }
            let news = || Some(self.listener.news.lock().expect("it is not poisoned").clone());
            heard = self
                .wait_for(|| news().filter(|news| news.len() == tools.len()))
                .await
                .into_iter()
                .map(Value::from)
                .collect();
        }
        heard.sort_by_key(Value::to_string);
        json!(heard)
    }

    /// What was reported since this was last asked, at least this much. Reports are handled beside the answer, so they may
    /// come a little after it.
    async fn progress(&self, at_least: usize) -> Vec<f64> {
        let progress = || self.listener.progress.lock().expect("nobody panics with the list locked");
        self.wait_for(|| (progress().len() >= at_least).then_some(())).await;
        std::mem::take(&mut *progress())
    }

    async fn wait_for<T>(&self, look: impl Fn() -> Option<T>) -> T {
        let seen = async {
            loop {
                if let Some(seen) = look() {
                    return seen;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.expect("it comes")
    }
}
