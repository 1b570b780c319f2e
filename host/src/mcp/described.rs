//! What lists hold, in the protocol's JSON: tools, prompts, resources, templates. What a revision does not know, its module
//! leaves out.

use serde::Serialize;
use serde_json::value::RawValue;

use super::content::{AnnotationsJson, Block, IconJson, icons, object, role};
use crate::{
    catalog::{Prompt, Tool},
    sandbox::contract::{self, PromptMessage, ToolAnnotations},
};

/// What all of them have.
#[derive(Debug, Serialize)]
pub(super) struct Common<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) icons: Vec<IconJson<'a>>,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub(super) meta: Option<&'a RawValue>,
}

impl<'a> Common<'a> {
    fn new(
        title: Option<&'a String>,
        description: Option<&'a String>,
        own_icons: &'a [contract::Icon],
        meta: Option<&'a String>,
    ) -> Self {
        Self {
            title: title.map(String::as_str),
            description: description.map(String::as_str),
            icons: icons(own_icons),
            meta: object(meta.map(String::as_str)),
        }
    }
}

/// `Tool`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolJson<'a> {
    name: &'a str,
    #[serde(flatten)]
    pub(super) common: Common<'a>,
    input_schema: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_schema: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<ToolAnnotationsJson>,
    /// Only 2025-11-25 has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) execution: Option<ExecutionJson>,
}

/// `ToolExecution`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExecutionJson {
    pub(super) task_support: &'static str,
}

#[derive(Debug, Serialize)]
struct ToolAnnotationsJson {
    #[serde(rename = "readOnlyHint", skip_serializing_if = "Option::is_none")]
    read_only: Option<bool>,
    #[serde(rename = "destructiveHint", skip_serializing_if = "Option::is_none")]
    destructive: Option<bool>,
    #[serde(rename = "idempotentHint", skip_serializing_if = "Option::is_none")]
    idempotent: Option<bool>,
    #[serde(rename = "openWorldHint", skip_serializing_if = "Option::is_none")]
    open_world: Option<bool>,
}

impl<'a> ToolJson<'a> {
    pub(super) fn new(tool: &'a Tool) -> Self {
        let contract::Tool { title, description, icons, meta, annotations, .. } = tool.described();
        let hints = |hints: &ToolAnnotations| {
            let ToolAnnotations { read_only, destructive, idempotent, open_world } = *hints;
            ToolAnnotationsJson { read_only, destructive, idempotent, open_world }
        };
        Self {
            name: tool.name().as_str(),
            common: Common::new(title.as_ref(), description.as_ref(), icons, meta.as_ref()),
            input_schema: tool.input().raw(),
            output_schema: tool.output().map(|schema| schema.raw()),
            annotations: annotations.as_ref().map(hints),
            execution: None,
        }
    }
}

/// `Prompt`
#[derive(Debug, Serialize)]
pub(super) struct PromptJson<'a> {
    name: &'a str,
    #[serde(flatten)]
    pub(super) common: Common<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) arguments: Vec<PromptArgumentJson<'a>>,
}

/// `PromptArgument`
#[derive(Debug, Serialize)]
pub(super) struct PromptArgumentJson<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    required: bool,
}

impl<'a> PromptJson<'a> {
    pub(super) fn new(prompt: &'a Prompt) -> Self {
        let contract::Prompt { title, description, icons, meta, arguments, .. } = prompt.described();
        let argument = |argument: &'a contract::PromptArgument| PromptArgumentJson {
            name: &argument.name,
            title: argument.title.as_deref(),
            description: argument.description.as_deref(),
            required: argument.required,
        };
        Self {
            name: prompt.name().as_str(),
            common: Common::new(title.as_ref(), description.as_ref(), icons, meta.as_ref()),
            arguments: arguments.iter().map(argument).collect(),
        }
    }
}

/// `PromptMessage`
#[derive(Debug, Serialize)]
pub(super) struct MessageJson<'a> {
    role: &'static str,
    content: Block<'a>,
}

impl<'a> MessageJson<'a> {
    /// `block` renders content as the revision knows it.
    pub(super) fn new(message: &'a PromptMessage, block: impl Fn(&'a contract::Content) -> Block<'a>) -> Self {
        Self { role: role(message.role), content: block(&message.content) }
    }
}

/// `Resource`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResourceJson<'a> {
    uri: &'a str,
    name: &'a str,
    #[serde(flatten)]
    pub(super) common: Common<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<AnnotationsJson<'a>>,
}

impl<'a> ResourceJson<'a> {
    pub(super) fn new(resource: &'a contract::Resource) -> Self {
        let contract::Resource { uri, name, title, description, mime_type, size, icons, annotations, meta } = resource;
        Self {
            uri,
            name,
            common: Common::new(title.as_ref(), description.as_ref(), icons, meta.as_ref()),
            mime_type: mime_type.as_deref(),
            size: *size,
            annotations: annotations.as_ref().map(AnnotationsJson::new),
        }
    }
}

/// `ResourceTemplate`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TemplateJson<'a> {
    uri_template: &'a str,
    name: &'a str,
    #[serde(flatten)]
    pub(super) common: Common<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<AnnotationsJson<'a>>,
}

impl<'a> TemplateJson<'a> {
    pub(super) fn new(template: &'a contract::ResourceTemplate) -> Self {
        let contract::ResourceTemplate { uri_template, name, title, description, mime_type, icons, annotations, meta } =
            template;
        Self {
            uri_template,
            name,
            common: Common::new(title.as_ref(), description.as_ref(), icons, meta.as_ref()),
            mime_type: mime_type.as_deref(),
            annotations: annotations.as_ref().map(AnnotationsJson::new),
        }
    }
}
