//! Everything that can be wrong with a request, and how JSON-RPC says it. Statuses are `http/respond.rs`'s affair.

use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use super::{era::MODERN_VERSIONS, message::Id};

/// Why a request gets an error for an answer. The text is one sentence for the client.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Not JSON.
    Parse(String),
    /// JSON, but not a message.
    InvalidRequest(String),
    MethodNotFound(String),
    InvalidParams(String),
    /// The headers do not say what the body says.
    HeaderMismatch(String),
    UnsupportedVersion { requested: String },
    /// No room for the call now.
    Busy,
    /// The plugin or the host is at fault.
    Internal(String),
}

/// A fault and the id of the request that it answers, where that could be read.
#[derive(Debug)]
pub struct Rejection {
    pub(super) id: Option<Id>,
    pub fault: Fault,
}

impl From<Fault> for Rejection {
    fn from(fault: Fault) -> Self {
        Self { id: None, fault }
    }
}

impl Rejection {
    /// The JSON-RPC error message.
    pub fn render(&self) -> Vec<u8> {
        self.fault.render(self.id.as_deref())
    }
}

impl Fault {
    /// The JSON-RPC code (JSON-RPC 2.0, 5.1; MCP 2026-07-28, basic, "Error codes").
    pub fn code(&self) -> i32 {
        match self {
            Self::Parse(_) => -32700,
            Self::InvalidRequest(_) => -32600,
            Self::MethodNotFound(_) => -32601,
            Self::InvalidParams(_) => -32602,
            Self::Busy | Self::Internal(_) => -32603,
            Self::HeaderMismatch(_) => -32020,
            Self::UnsupportedVersion { .. } => -32022,
        }
    }

    /// The sentence for the client.
    pub fn message(&self) -> String {
        match self {
            Self::Parse(text)
            | Self::InvalidRequest(text)
            | Self::InvalidParams(text)
            | Self::HeaderMismatch(text)
            | Self::Internal(text) => text.clone(),
            Self::MethodNotFound(method) => format!("there is no method `{}` here", cut(method)),
            Self::UnsupportedVersion { requested } => {
                format!("protocol version `{}` is not supported; use {}", cut(requested), MODERN_VERSIONS.join(" or "))
            }
            Self::Busy => "the host runs as many calls as it can; try again shortly".into(),
        }
    }

    fn data(&self) -> Option<Value> {
        match self {
            Self::UnsupportedVersion { requested } => {
                Some(json!({ "supported": MODERN_VERSIONS, "requested": cut(requested) }))
            }
            _ => None,
        }
    }

    /// The JSON-RPC error message.
    pub(super) fn render(&self, id: Option<&RawValue>) -> Vec<u8> {
        #[derive(Serialize)]
        struct Message<'a> {
            jsonrpc: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            id: Option<&'a RawValue>,
            error: Error,
        }
        #[derive(Serialize)]
        struct Error {
            code: i32,
            message: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            data: Option<Value>,
        }
        let error = Error { code: self.code(), message: self.message(), data: self.data() };
        super::to_json(&Message { jsonrpc: "2.0", id, error })
    }
}

/// A stranger's word, short enough to repeat.
fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}
