//! The Model Context Protocol, both eras over one neutral core.
//!
//! `era` decides which era a request belongs to. `modern` and `legacy` are siblings that never look at each other: each
//! reads its own envelope, asks the core (`call`, `listing`) and says the outcome in its own words.

mod call;
mod content;
mod era;
mod fault;
mod legacy;
mod listing;
mod message;
mod modern;
mod stream;

use std::sync::Arc;

use http::HeaderMap;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio_util::task::TaskTracker;

pub use call::{Call, Caller, Completed, Reply, Runner, read_arguments, run};
pub use era::{Era, VERSION_HEADER};
pub use fault::{Fault, Rejection};
pub use stream::Events;

use crate::{
    auth::Principal,
    catalog::Live,
    config::{Config, Identity},
};
use message::Message;

/// What answering takes besides the request.
pub struct Server {
    live: Arc<Live>,
    identity: Identity,
    /// `_meta` of modern results, and `serverInfo` of legacy ones, written once.
    modern_meta: Box<RawValue>,
    server_info: Box<RawValue>,
    runner: Runner,
    /// Calls whose client is gone and that go on.
    background: TaskTracker,
}

/// A request as the transport hands it over.
pub struct Request<'a> {
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    pub principal: Arc<Principal>,
    /// Whether the client can read an event stream.
    pub takes_events: bool,
}

/// What goes back.
pub enum Answer {
    /// A notification or a response was taken; there is nothing to say.
    Accepted,
    /// One JSON-RPC message.
    Message(Vec<u8>),
    /// Several, the last of which is the response.
    Events(Events),
}

/// A rejection with the era it happened in, on which its status depends.
pub struct Refusal {
    pub era: Option<Era>,
    pub rejection: Rejection,
}

impl Server {
    /// A server over the catalog `live`. `background` tracks calls that outlive their connection.
    pub fn new(config: &Config, live: Arc<Live>, background: TaskTracker) -> Self {
        #[derive(Serialize)]
        struct ServerInfo<'a> {
            name: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            title: Option<&'a str>,
            version: &'a str,
        }
        let Identity { name, title, version, .. } = &config.identity;
        let info = raw(&ServerInfo { name, title: title.as_deref(), version });
        let meta = raw(&serde_json::json!({ "io.modelcontextprotocol/serverInfo": info }));
        Self {
            live,
            identity: config.identity.clone(),
            modern_meta: meta,
            server_info: info,
            runner: Runner::new(&config.host_limits),
            background,
        }
    }

    fn runner(&self) -> Runner {
        self.runner.clone()
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<'_>) -> Result<Answer, Refusal> {
        let message = Message::parse(request.body).map_err(|rejection| Refusal { era: None, rejection })?;
        let era = match Era::of(request.headers, &message) {
            Ok(era) => era,
            Err(fault) => {
                let rejection = Rejection { id: message.into_id(), fault };
                return Err(Refusal { era: None, rejection });
            }
        };
        let answer = match era {
            Era::Modern => modern::answer(self, request, message).await,
            Era::Legacy(version) => legacy::answer(self, version, request, message).await,
        };
        answer.map_err(|rejection| Refusal { era: Some(era), rejection })
    }
}

impl Message<'_> {
    fn into_id(self) -> Option<message::Id> {
        match self.kind {
            message::Kind::Request { id, .. } => Some(id),
            message::Kind::Notification { .. } | message::Kind::Response => None,
        }
    }
}

/// A result as JSON, for those who show it without a protocol around it: a `CallToolResult` of 2026-07-28.
pub fn to_tool_result(completed: &Completed) -> Vec<u8> {
    modern::plain_result(completed)
}

/// A JSON-RPC response.
fn response(id: &RawValue, result: &impl Serialize) -> Vec<u8> {
    #[derive(Serialize)]
    struct Response<'a, T> {
        jsonrpc: &'static str,
        id: &'a RawValue,
        result: &'a T,
    }
    to_json(&Response { jsonrpc: "2.0", id, result })
}

/// A JSON-RPC notification.
fn notification(method: &str, params: &impl Serialize) -> Vec<u8> {
    #[derive(Serialize)]
    struct Notification<'a, T> {
        jsonrpc: &'static str,
        method: &'a str,
        params: &'a T,
    }
    to_json(&Notification { jsonrpc: "2.0", method, params })
}

/// Writing our own types to memory cannot fail: they have string keys and no errors of their own.
fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("our own messages are JSON")
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("our own messages are JSON")
}
