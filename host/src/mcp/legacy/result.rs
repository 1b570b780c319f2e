//! Results in the words of 2025-11-25 and before.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::{
    catalog::{Prompt, Tool},
    mcp::{
        Server,
        call::Reply,
        content::{Block, Contents, object},
        described::{Common, MessageJson, PromptJson, ResourceJson, TemplateJson, ToolJson},
        era::LegacyVersion,
        listing::Page,
    },
    sandbox::contract::{Content, Resource, ResourceTemplate},
};

/// `InitializeResult`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Initialize<'a> {
    protocol_version: &'static str,
    capabilities: Value,
    server_info: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<&'a str>,
}

pub(super) fn initialize(server: &Server, version: LegacyVersion) -> Initialize<'_> {
    let mut server_info = json!(server.server_info);
    if let (Value::Object(info), true) = (&mut server_info, version < LegacyVersion::V2025_11_25) {
        // Icons and the like came with 2025-11-25, titles with 2025-06-18.
        info.retain(|key, _| {
            matches!(key.as_str(), "name" | "version") || (key == "title" && version > LegacyVersion::V2025_03_26)
        });
    }
    Initialize {
        protocol_version: version.as_str(),
        capabilities: json!({
            "tools": { "listChanged": true },
            "prompts": { "listChanged": true },
            "resources": { "listChanged": true, "subscribe": true },
            "completions": {},
            "logging": {},
        }),
        server_info,
        instructions: server.identity.instructions.as_deref(),
    }
}

/// Leaves out what `version` does not know.
fn fit(version: LegacyVersion, common: &mut Common<'_>) {
    if version < LegacyVersion::V2025_11_25 {
        common.icons.clear();
    }
    if version < LegacyVersion::V2025_06_18 {
        common.title = None;
        common.meta = None;
    }
}

/// `ListToolsResult`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tools<'a> {
    tools: Vec<ToolJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
}

pub(super) fn tools(version: LegacyVersion, page: &Page<Arc<Tool>>) -> Tools<'_> {
    let tools = page.items.iter().map(|tool| {
        let mut json = ToolJson::new(tool);
        fit(version, &mut json.common);
        // Before 2026 structured content is an object, and before 2025-06-18 there is none.
        let structured =
            version >= LegacyVersion::V2025_06_18 && tool.output().is_some_and(|schema| schema.takes_objects());
        if !structured {
            json.output_schema = None;
        }
        json
    });
    Tools { tools: tools.collect(), next_cursor: page.next.as_deref() }
}

fn list(name: &str, items: impl Serialize, next: Option<&str>) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert(name.to_owned(), json!(items));
    body.extend(next.map(|next| ("nextCursor".to_owned(), next.into())));
    body
}

/// `ListPromptsResult`.
pub(super) fn prompts(version: LegacyVersion, page: &Page<Arc<Prompt>>) -> Map<String, Value> {
    let prompts: Vec<_> = page
        .items
        .iter()
        .map(|prompt| {
            let mut json = PromptJson::new(prompt);
            fit(version, &mut json.common);
            if version < LegacyVersion::V2025_06_18 {
                json.arguments.iter_mut().for_each(|argument| argument.title = None);
            }
            json
        })
        .collect();
    list("prompts", prompts, page.next.as_deref())
}

/// `ListResourcesResult`.
pub(super) fn resources(version: LegacyVersion, page: &Page<Resource>) -> Map<String, Value> {
    let fitted = |resource| {
        let mut json = ResourceJson::new(resource);
        fit(version, &mut json.common);
        json
    };
    let resources: Vec<_> = page.items.iter().map(fitted).collect();
    list("resources", resources, page.next.as_deref())
}

/// `ListResourceTemplatesResult`.
pub(super) fn templates(version: LegacyVersion, page: &Page<ResourceTemplate>) -> Map<String, Value> {
    let fitted = |template| {
        let mut json = TemplateJson::new(template);
        fit(version, &mut json.common);
        json
    };
    let templates: Vec<_> = page.items.iter().map(fitted).collect();
    list("resourceTemplates", templates, page.next.as_deref())
}

/// What came of a call: `CallToolResult`, `GetPromptResult` or `ReadResourceResult`.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Called<'a> {
    Tool(CallTool<'a>),
    Prompt(GetPrompt<'a>),
    Resource {
        contents: Vec<Contents<'a>>,
    },
    /// A reply that is a question is answered before there is a result.
    Nothing {},
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallTool<'a> {
    content: Vec<Block<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_content: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_error: bool,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<&'a RawValue>,
}

#[derive(Serialize)]
pub(super) struct GetPrompt<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    messages: Vec<MessageJson<'a>>,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<&'a RawValue>,
}

pub(super) fn of(version: LegacyVersion, reply: &Reply) -> Called<'_> {
    match reply {
        Reply::Tool(completed) => {
            let object_only =
                |value: &&RawValue| version >= LegacyVersion::V2025_06_18 && value.get().trim_start().starts_with('{');
            Called::Tool(CallTool {
                content: completed.result.content.iter().map(|content| block(version, content)).collect(),
                structured_content: completed.structured.as_deref().filter(object_only),
                is_error: completed.result.is_error,
                meta: object(completed.result.meta.as_deref()),
            })
        }
        Reply::Prompt(prompt) => Called::Prompt(GetPrompt {
            description: prompt.description.as_deref(),
            messages: prompt
                .messages
                .iter()
                .map(|message| MessageJson::new(message, |content| block(version, content)))
                .collect(),
            meta: object(prompt.meta.as_deref()),
        }),
        Reply::Resource(contents) => Called::Resource { contents: contents.iter().map(Contents::new).collect() },
        Reply::NeedInput(_) => Called::Nothing {},
    }
}

fn block(version: LegacyVersion, content: &Content) -> Block<'_> {
    match content {
        // 2025-03-26 has no links; the model reads it instead.
        Content::ResourceLink(link) if version < LegacyVersion::V2025_06_18 => Block::link_as_text(link),
        content => Block::new(content),
    }
}
