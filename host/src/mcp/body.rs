//! What results hold in all revisions alike. Each era puts its own envelope around it.

use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    call::Completed,
    content::{Block, Contents},
    described::{MessageJson, ToolJson},
};
use crate::sandbox::contract::{Completion, Content, PromptResult, ResourceContents};

/// What the server can do. The same whatever is loaded: a plugin may come at any time, and clients ask only once.
pub(super) fn capabilities() -> Value {
    json!({
        "tools": { "listChanged": true },
        "prompts": { "listChanged": true },
        "resources": { "listChanged": true, "subscribe": true },
        "completions": {},
        "logging": {},
    })
}

/// A list under its name, and where the next page begins.
pub(super) fn list(name: &str, items: impl Serialize, next: Option<&str>) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert(name.to_owned(), json!(items));
    body.extend(next.map(|next| ("nextCursor".to_owned(), next.into())));
    body
}

/// `tools` of `ListToolsResult`. Schemas are passed on as they stand, so it is not made of values.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tools<'a> {
    pub(super) tools: Vec<ToolJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<&'a str>,
}

/// `CallToolResult`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallTool<'a> {
    content: Vec<Block<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) structured_content: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_error: bool,
}

impl<'a> CallTool<'a> {
    /// `block` renders content as the revision knows it.
    pub(super) fn new(completed: &'a Completed, block: impl Fn(&'a Content) -> Block<'a>) -> Self {
        Self {
            content: completed.result.content.iter().map(block).collect(),
            structured_content: completed.structured.as_deref(),
            is_error: completed.result.is_error,
        }
    }
}

/// `GetPromptResult`
#[derive(Serialize)]
pub(super) struct GetPrompt<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    messages: Vec<MessageJson<'a>>,
}

impl<'a> GetPrompt<'a> {
    /// `block` renders content as the revision knows it.
    pub(super) fn new(prompt: &'a PromptResult, block: impl Fn(&'a Content) -> Block<'a>) -> Self {
        let messages = prompt.messages.iter().map(|message| MessageJson::new(message, &block)).collect();
        Self { description: prompt.description.as_deref(), messages }
    }
}

/// `ReadResourceResult`
#[derive(Serialize)]
pub(super) struct ReadResource<'a> {
    contents: Vec<Contents<'a>>,
}

impl<'a> ReadResource<'a> {
    pub(super) fn new(contents: &'a [ResourceContents]) -> Self {
        Self { contents: contents.iter().map(Contents::new).collect() }
    }
}

/// `CompleteResult`
pub(super) fn completion(completion: &Completion) -> Value {
    let Completion { values, total, has_more } = completion;
    let mut json = json!({ "values": values, "hasMore": has_more });
    if let Some(total) = total {
        json["total"] = (*total).into();
    }
    json!({ "completion": json })
}
