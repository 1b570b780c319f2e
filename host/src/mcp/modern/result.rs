//! Results in the words of 2026-07-28.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, value::RawValue};

use crate::mcp::{
    Completed, Server,
    content::{Block, object},
    era::MODERN_VERSIONS,
    listing::{Page, ToolJson},
    raw,
};

/// How long a client may take a list for current. Short, because a plugin may be replaced at any time and clients that do
/// not subscribe learn of it only by asking again.
const LIST_TTL_MS: u64 = 5_000;

/// Nothing here depends on who asks, while nobody is asked who they are.
const CACHE_SCOPE: &str = "public";

/// `DiscoverResult`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Discover<'a> {
    result_type: &'static str,
    supported_versions: [&'static str; MODERN_VERSIONS.len()],
    capabilities: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<&'a str>,
    ttl_ms: u64,
    cache_scope: &'static str,
    #[serde(rename = "_meta")]
    meta: &'a RawValue,
}

pub(super) fn discover(server: &Server) -> Discover<'_> {
    Discover {
        result_type: "complete",
        supported_versions: MODERN_VERSIONS,
        capabilities: serde_json::json!({ "tools": {} }),
        instructions: server.identity.instructions.as_deref(),
        ttl_ms: LIST_TTL_MS,
        cache_scope: CACHE_SCOPE,
        meta: &server.modern_meta,
    }
}

/// `ListToolsResult`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tools<'a> {
    result_type: &'static str,
    tools: Vec<ToolJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    ttl_ms: u64,
    cache_scope: &'static str,
    #[serde(rename = "_meta")]
    meta: &'a RawValue,
}

pub(super) fn tools<'a>(server: &'a Server, page: Page<'a>) -> Tools<'a> {
    Tools {
        result_type: "complete",
        tools: page.tools.into_iter().map(|(_, json)| json).collect(),
        next_cursor: page.next,
        ttl_ms: LIST_TTL_MS,
        cache_scope: CACHE_SCOPE,
        meta: &server.modern_meta,
    }
}

/// `CallToolResult`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Complete<'a> {
    result_type: &'static str,
    content: Vec<Block<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_content: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_error: bool,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<Cow<'a, RawValue>>,
}

pub(super) fn complete<'a>(completed: &'a Completed, server_meta: Option<&'a RawValue>) -> Complete<'a> {
    let meta = match (completed.result.meta.as_deref(), server_meta) {
        (Some(own), Some(server_meta)) => Some(Cow::Owned(merged(own, server_meta))),
        (own, server_meta) => object(own).or(server_meta).map(Cow::Borrowed),
    };
    Complete {
        result_type: "complete",
        content: completed.result.content.iter().map(Block::new).collect(),
        structured_content: completed.structured.as_deref(),
        is_error: completed.result.is_error,
        meta,
    }
}

/// The plugin's metadata and ours; where both have a key, ours stands.
fn merged(own: &str, server_meta: &RawValue) -> Box<RawValue> {
    let mut object = serde_json::from_str::<serde_json::Map<String, Value>>(own).unwrap_or_default();
    object.extend(serde_json::from_str::<serde_json::Map<String, Value>>(server_meta.get()).unwrap_or_default());
    raw(&object)
}
