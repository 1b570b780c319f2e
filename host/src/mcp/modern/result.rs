//! Results in the words of 2026-07-28.

use std::{borrow::Cow, sync::Arc};

use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::tasks::{self, TaskJson};
use crate::{
    catalog::{Prompt, Tool},
    mcp::{
        Call, Completed, body,
        content::{Block, object},
        described::{PromptJson, ResourceJson, TemplateJson, ToolJson},
        era::MODERN_VERSIONS,
        face::Face,
        listing::Page,
        raw,
        visitor::Visitor,
    },
    sandbox::contract::{Completion, PromptResult, Resource, ResourceContents, ResourceTemplate},
    tasks::Task,
};

/// How long a client may take a list for current. Short, because a plugin may be replaced at any time and clients that do
/// not listen learn of it only by asking again.
const LIST_TTL_MS: u64 = 5_000;

/// What a resource holds may change with the next call.
const READ_TTL_MS: u64 = 0;

/// Whether an answer is good for all who ask the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// Nobody was asked who they are, and no policy tells callers apart.
    All,
    Caller,
}

impl For {
    pub(super) fn visitor(visitor: &Visitor) -> Self {
        if visitor.is_anybody() { Self::All } else { Self::Caller }
    }

    pub(super) fn call(call: &Call) -> Self {
        if call.wanted.is_anybodys() { Self::All } else { Self::Caller }
    }

    /// `cacheScope`
    fn scope(self) -> &'static str {
        match self {
            Self::All => "public",
            Self::Caller => "private",
        }
    }
}

/// What every result has, and `ttlMs` and `cacheScope` where clients may keep it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope<'a, T> {
    result_type: &'static str,
    #[serde(flatten)]
    body: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_scope: Option<&'static str>,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<Cow<'a, RawValue>>,
}

fn plain<'a, T>(body: T, meta: Option<&'a RawValue>) -> Envelope<'a, T> {
    let meta = meta.map(Cow::Borrowed);
    Envelope { result_type: "complete", body, ttl_ms: None, cache_scope: None, meta }
}

fn cached<'a, T>(body: T, ttl_ms: u64, whom: For, meta: Option<&'a RawValue>) -> Envelope<'a, T> {
    Envelope { ttl_ms: Some(ttl_ms), cache_scope: Some(whom.scope()), ..plain(body, meta) }
}

/// `DiscoverResult`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Discover<'a> {
    supported_versions: [&'static str; MODERN_VERSIONS.len()],
    capabilities: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<&'a str>,
}

pub(super) fn discover(face: &Face, whom: For) -> Envelope<'_, Discover<'_>> {
    let mut capabilities = body::capabilities();
    capabilities["extensions"] = json!({ tasks::EXTENSION: {} });
    let body =
        Discover { supported_versions: MODERN_VERSIONS, capabilities, instructions: face.instructions.as_deref() };
    listed(face, whom, body)
}

/// `CreateTaskResult`.
pub(super) fn created<'a>(face: &'a Face, task: &'a Task) -> Envelope<'a, TaskJson<'a>> {
    Envelope { result_type: "task", ..plain(TaskJson::new(task), Some(&face.modern_meta)) }
}

/// `GetTaskResult`, and without a task the empty results of what is done to one.
pub(super) fn task<'a>(face: &'a Face, task: Option<TaskJson<'a>>) -> Envelope<'a, Option<TaskJson<'a>>> {
    plain(task, Some(&face.modern_meta))
}

/// A body that clients may keep for as long as lists are good.
fn listed<T>(face: &Face, whom: For, body: T) -> Envelope<'_, T> {
    cached(body, LIST_TTL_MS, whom, Some(&face.modern_meta))
}

/// `ListToolsResult`.
pub(super) fn tools<'a>(face: &'a Face, whom: For, page: &'a Page<Arc<Tool>>) -> Envelope<'a, body::Tools<'a>> {
    let tools = page.items.iter().map(|tool| ToolJson::new(tool)).collect();
    listed(face, whom, body::Tools { tools, next_cursor: page.next.as_deref() })
}

/// `ListPromptsResult`.
pub(super) fn prompts<'a>(face: &'a Face, whom: For, page: &Page<Arc<Prompt>>) -> Envelope<'a, Map<String, Value>> {
    let prompts: Vec<_> = page.items.iter().map(|prompt| PromptJson::new(prompt)).collect();
    listed(face, whom, body::list("prompts", prompts, page.next.as_deref()))
}

/// `ListResourcesResult`.
pub(super) fn resources<'a>(face: &'a Face, whom: For, page: &Page<Resource>) -> Envelope<'a, Map<String, Value>> {
    let resources: Vec<_> = page.items.iter().map(ResourceJson::new).collect();
    listed(face, whom, body::list("resources", resources, page.next.as_deref()))
}

/// `ListResourceTemplatesResult`.
pub(super) fn templates<'a>(
    face: &'a Face,
    whom: For,
    page: &Page<ResourceTemplate>,
) -> Envelope<'a, Map<String, Value>> {
    let templates: Vec<_> = page.items.iter().map(TemplateJson::new).collect();
    listed(face, whom, body::list("resourceTemplates", templates, page.next.as_deref()))
}

/// `CompleteResult`.
pub(super) fn completion<'a>(face: &'a Face, completion: &Completion) -> Envelope<'a, Value> {
    plain(body::completion(completion), Some(&face.modern_meta))
}

/// `CallToolResult`.
pub(super) fn call_tool<'a>(
    completed: &'a Completed,
    server_meta: Option<&'a RawValue>,
) -> Envelope<'a, body::CallTool<'a>> {
    let meta = with_own(completed.result.meta.as_deref(), server_meta);
    Envelope { meta, ..plain(body::CallTool::new(completed, Block::new), None) }
}

/// `GetPromptResult`.
pub(super) fn get_prompt<'a>(
    prompt: &'a PromptResult,
    server_meta: Option<&'a RawValue>,
) -> Envelope<'a, body::GetPrompt<'a>> {
    Envelope {
        meta: with_own(prompt.meta.as_deref(), server_meta),
        ..plain(body::GetPrompt::new(prompt, Block::new), None)
    }
}

/// `ReadResourceResult`.
pub(super) fn read_resource<'a>(
    contents: &'a [ResourceContents],
    whom: For,
    server_meta: Option<&'a RawValue>,
) -> Envelope<'a, body::ReadResource<'a>> {
    cached(body::ReadResource::new(contents), READ_TTL_MS, whom, server_meta)
}

/// The plugin's metadata and ours; where both have a key, ours stands.
fn with_own<'a>(own: Option<&'a str>, server_meta: Option<&'a RawValue>) -> Option<Cow<'a, RawValue>> {
    let (Some(own_object), Some(server_meta)) = (object(own), server_meta) else {
        return object(own).or(server_meta).map(Cow::Borrowed);
    };
    let read = |raw: &RawValue| serde_json::from_str::<Map<String, Value>>(raw.get()).unwrap_or_default();
    let mut merged = read(own_object);
    merged.extend(read(server_meta));
    Some(Cow::Owned(raw(&merged)))
}
