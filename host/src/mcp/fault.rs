//! Everything that can be wrong with a request, and how JSON-RPC says it. Statuses are `http/respond.rs`'s affair.

use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use super::{
    era::{Era, MODERN_VERSIONS},
    message::Id,
};
use crate::{catalog::Exceeded, store::StoreError};

/// Why a request gets an error for an answer. The text is one sentence for the client.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Not JSON.
    Parse(String),
    /// JSON, but not a message.
    InvalidRequest(String),
    MethodNotFound(String),
    /// The method is there, but not in this way.
    WrongWay(String),
    InvalidParams(String),
    /// The headers do not say what the body says.
    HeaderMismatch(String),
    UnsupportedVersion {
        requested: String,
    },
    /// The request needs something of the client that the client has not declared.
    MissingCapability {
        required: Value,
    },
    /// There is no resource by that URI.
    NotFound {
        uri: String,
    },
    /// The session is not one of ours, or not any more.
    NoSession,
    /// The host has no room for the call now.
    Busy,
    /// The plugin's share of it is in use.
    PluginBusy,
    /// The caller may not, with the token it has. One with all of these scopes would do; none, if no token would.
    Denied {
        scopes: Vec<String>,
        /// What is wrong with the arguments, where that is why.
        misfit: Option<String>,
    },
    /// The tenant has used its share.
    Exceeded(Exceeded),
    /// There are as many tasks as there may be.
    TooManyTasks(String),
    /// What this needs is in the store, which does not answer. Why is in the log.
    StoreAway,
    /// The call cannot be written down, and so is not answered. Why is in the log.
    NotRecorded,
    /// The plugin or the host is at fault.
    Internal(String),
}

/// A fault and the id of the request that it answers, where that could be read.
#[derive(Debug)]
pub struct Rejection {
    pub(super) id: Option<Id>,
    pub fault: Fault,
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "a request needs the store");
        Self::StoreAway
    }
}

impl From<Fault> for Rejection {
    fn from(fault: Fault) -> Self {
        Self { id: None, fault }
    }
}

impl Rejection {
    /// The JSON-RPC error message, in the words of `era` (before it is known, those that all share).
    pub fn render(&self, era: Option<Era>) -> Vec<u8> {
        self.fault.render(self.id.as_deref(), era)
    }
}

impl Fault {
    /// What became of a request that its client does not want any more.
    pub(super) fn cancelled() -> Self {
        Self::InvalidRequest("the client cancelled this request".into())
    }

    /// The JSON-RPC code (JSON-RPC 2.0, 5.1; MCP 2026-07-28, basic, "Error codes").
    pub fn code(&self, era: Option<Era>) -> i32 {
        match self {
            // JSON-RPC leaves what is not reserved to applications; the protocol has no code for this.
            Self::Denied { .. } => 403,
            Self::Parse(_) => -32700,
            Self::InvalidRequest(_) | Self::NoSession => -32600,
            Self::MethodNotFound(_) | Self::WrongWay(_) => -32601,
            Self::InvalidParams(_) => -32602,
            Self::Busy
            | Self::PluginBusy
            | Self::Exceeded(_)
            | Self::TooManyTasks(_)
            | Self::StoreAway
            | Self::NotRecorded
            | Self::Internal(_) => -32603,
            Self::HeaderMismatch(_) => -32020,
            Self::MissingCapability { .. } => -32021,
            Self::UnsupportedVersion { .. } => -32022,
            // A code of its own until 2026, when it was given up.
            Self::NotFound { .. } if matches!(era, Some(Era::Legacy(_))) => -32002,
            Self::NotFound { .. } => -32602,
        }
    }

    /// The sentence for the client.
    pub fn message(&self) -> String {
        match self {
            Self::Parse(text)
            | Self::InvalidRequest(text)
            | Self::InvalidParams(text)
            | Self::HeaderMismatch(text)
            | Self::WrongWay(text)
            | Self::TooManyTasks(text)
            | Self::Internal(text) => text.clone(),
            Self::MethodNotFound(method) => format!("there is no method `{}` here", cut(method)),
            Self::UnsupportedVersion { requested } => {
                format!("protocol version `{}` is not supported; use {}", cut(requested), MODERN_VERSIONS.join(" or "))
            }
            Self::MissingCapability { required } => {
                format!("this needs a client capability that the request does not declare: {required}")
            }
            Self::NotFound { uri } => format!("there is no resource `{}`", cut(uri)),
            Self::NoSession => "this session is not known here, or has ended: begin again with `initialize`".into(),
            Self::Busy => "the host runs as many calls as it can; try again shortly".into(),
            Self::StoreAway => "the host cannot reach its store, which this needs; try again shortly".into(),
            Self::NotRecorded => {
                "the host cannot write its audit trail, and answers no calls without it; try again shortly".into()
            }
            Self::Denied { misfit: Some(misfit), .. } => format!("you may not do this here: {misfit}"),
            Self::Denied { scopes, .. } if scopes.is_empty() => "you may not do this here".into(),
            Self::Denied { scopes, .. } => {
                format!("this takes a token with the scopes: {}", scopes.join(" "))
            }
            Self::Exceeded(Exceeded::CallsMax | Exceeded::CallsPerSecondMax) => {
                "your share of this host is in use; try again shortly".into()
            }
            Self::Exceeded(Exceeded::StreamsMax) => {
                "as many streams of yours are open as may be at once; end one, or try again shortly".into()
            }
            Self::Exceeded(_) => "your share of this host is used up for today; it begins anew at midnight UTC".into(),
            Self::PluginBusy => "as many calls of this plugin run as may at once; try again shortly".into(),
        }
    }

    pub(super) fn data(&self) -> Option<Value> {
        match self {
            Self::UnsupportedVersion { requested } => {
                Some(json!({ "supported": MODERN_VERSIONS, "requested": cut(requested) }))
            }
            Self::MissingCapability { required } => Some(json!({ "requiredCapabilities": required })),
            Self::NotFound { uri } => Some(json!({ "uri": uri })),
            _ => None,
        }
    }

    /// The JSON-RPC error message.
    pub(super) fn render(&self, id: Option<&RawValue>, era: Option<Era>) -> Vec<u8> {
        error(id, self.code(era), &self.message(), self.data())
    }
}

/// A JSON-RPC error message.
pub(super) fn error(id: Option<&RawValue>, code: i32, message: &str, data: Option<impl Serialize>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Message<'a, D> {
        jsonrpc: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a RawValue>,
        error: Error<'a, D>,
    }
    #[derive(Serialize)]
    struct Error<'a, D> {
        code: i32,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<D>,
    }
    super::to_json(&Message { jsonrpc: "2.0", id, error: Error { code, message, data } })
}

/// A stranger's word, short enough to repeat.
fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}
