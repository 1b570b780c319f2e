//! Results in the words of 2025-11-25 and before.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::tasks;
use crate::{
    catalog::{Prompt, Tool},
    mcp::{
        body,
        call::Reply,
        content::{Block, object},
        described::{Common, ExecutionJson, PromptJson, ResourceJson, TemplateJson, ToolJson},
        era::LegacyVersion,
        face::Face,
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

pub(super) fn initialize(face: &Face, version: LegacyVersion) -> Initialize<'_> {
    let mut server_info = json!(face.server_info);
    if let (Value::Object(info), true) = (&mut server_info, version < LegacyVersion::V2025_11_25) {
        // Icons and the like came with 2025-11-25, titles with 2025-06-18.
        info.retain(|key, _| {
            matches!(key.as_str(), "name" | "version") || (key == "title" && version > LegacyVersion::V2025_03_26)
        });
    }
    let mut capabilities = body::capabilities();
    if tasks::known(version) {
        capabilities["tasks"] = json!({ "cancel": {}, "requests": { "tools": { "call": {} } } });
    }
    Initialize {
        protocol_version: version.as_str(),
        capabilities,
        server_info,
        instructions: face.instructions.as_deref(),
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
pub(super) fn tools(version: LegacyVersion, page: &Page<Arc<Tool>>) -> body::Tools<'_> {
    let tools = page.items.iter().map(|tool| {
        let mut json = ToolJson::new(tool);
        fit(version, &mut json.common);
        // Before 2026 structured content is an object, and before 2025-06-18 there is none.
        let structured =
            version >= LegacyVersion::V2025_06_18 && tool.output().is_some_and(|schema| schema.takes_objects());
        if !structured {
            json.output_schema = None;
        }
        if tasks::known(version) {
            json.execution = tasks::support(tool).map(|task_support| ExecutionJson { task_support });
        }
        json
    });
    body::Tools { tools: tools.collect(), next_cursor: page.next.as_deref() }
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
    body::list("prompts", prompts, page.next.as_deref())
}

/// `ListResourcesResult`.
pub(super) fn resources(version: LegacyVersion, page: &Page<Resource>) -> Map<String, Value> {
    let fitted = |resource| {
        let mut json = ResourceJson::new(resource);
        fit(version, &mut json.common);
        json
    };
    let resources: Vec<_> = page.items.iter().map(fitted).collect();
    body::list("resources", resources, page.next.as_deref())
}

/// `ListResourceTemplatesResult`.
pub(super) fn templates(version: LegacyVersion, page: &Page<ResourceTemplate>) -> Map<String, Value> {
    let fitted = |template| {
        let mut json = TemplateJson::new(template);
        fit(version, &mut json.common);
        json
    };
    let templates: Vec<_> = page.items.iter().map(fitted).collect();
    body::list("resourceTemplates", templates, page.next.as_deref())
}

/// What came of a call, and the plugin's metadata.
#[derive(Serialize)]
pub(super) struct Called<'a> {
    #[serde(flatten)]
    body: Body<'a>,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Tool(body::CallTool<'a>),
    Prompt(body::GetPrompt<'a>),
    Resource(body::ReadResource<'a>),
    /// A reply that is a question is answered before there is a result.
    Nothing {},
}

pub(super) fn of(version: LegacyVersion, reply: &Reply) -> Called<'_> {
    match reply {
        Reply::Tool(completed) => {
            let mut body = body::CallTool::new(completed, |content| block(version, content));
            let is_object = |value: &RawValue| value.get().trim_start().starts_with('{');
            body.structured_content =
                body.structured_content.filter(|value| version >= LegacyVersion::V2025_06_18 && is_object(value));
            Called { body: Body::Tool(body), meta: object(completed.result.meta.as_deref()) }
        }
        Reply::Prompt(prompt) => {
            let body = body::GetPrompt::new(prompt, |content| block(version, content));
            Called { body: Body::Prompt(body), meta: object(prompt.meta.as_deref()) }
        }
        Reply::Resource(contents) => Called { body: Body::Resource(body::ReadResource::new(contents)), meta: None },
        Reply::NeedInput(_) => Called { body: Body::Nothing {}, meta: None },
    }
}

fn block(version: LegacyVersion, content: &Content) -> Block<'_> {
    match content {
        // 2025-03-26 has no links; the model reads it instead.
        Content::ResourceLink(link) if version < LegacyVersion::V2025_06_18 => Block::link_as_text(link),
        content => Block::new(content),
    }
}
