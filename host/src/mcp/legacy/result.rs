//! Results in the words of 2025-11-25 and before.

use serde::Serialize;
use serde_json::{Value, value::RawValue};

use crate::{
    mcp::{
        Completed, Server,
        content::{Block, object},
        era::LegacyVersion,
        listing::{Page, ToolJson},
        message::Params,
    },
    sandbox::contract::Content,
};

/// `InitializeResult`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Initialize<'a> {
    protocol_version: &'static str,
    capabilities: Value,
    server_info: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<&'a str>,
}

/// A version that is not known, or not of this era, is answered with the latest one, never echoed.
pub(super) fn initialize<'a>(server: &'a Server, params: &Params<'_>) -> Initialize<'a> {
    let asked = params.protocol_version.as_deref().and_then(LegacyVersion::parse);
    Initialize {
        protocol_version: asked.unwrap_or(LegacyVersion::LATEST).as_str(),
        capabilities: serde_json::json!({ "tools": {} }),
        server_info: &server.server_info,
        instructions: server.identity.instructions.as_deref(),
    }
}

/// `ListToolsResult`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tools<'a> {
    tools: Vec<ToolJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Leaves out what `version` does not know.
pub(super) fn tools(version: LegacyVersion, page: Page<'_>) -> Tools<'_> {
    let tools = page.tools.into_iter().map(|(tool, mut json)| {
        if version < LegacyVersion::V2025_11_25 {
            json.icons.clear();
        }
        if version < LegacyVersion::V2025_06_18 {
            json.title = None;
            json.meta = None;
        }
        // Before 2026 structured content is an object, and before 2025-06-18 there is none.
        let structured = version >= LegacyVersion::V2025_06_18 && tool.output().is_some_and(|schema| schema.takes_objects());
        if !structured {
            json.output_schema = None;
        }
        json
    });
    Tools { tools: tools.collect(), next_cursor: page.next }
}

/// `CallToolResult`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Complete<'a> {
    content: Vec<Block<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_content: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_error: bool,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<&'a RawValue>,
}

pub(super) fn complete(version: LegacyVersion, completed: &Completed) -> Complete<'_> {
    let result = &completed.result;
    let structured = completed.structured.as_deref();
    Complete {
        content: result.content.iter().map(|content| block(version, content)).collect(),
        structured_content: structured
            .filter(|value| version >= LegacyVersion::V2025_06_18 && value.get().trim_start().starts_with('{')),
        is_error: result.is_error,
        meta: object(result.meta.as_deref()),
    }
}

fn block(version: LegacyVersion, content: &Content) -> Block<'_> {
    match content {
        // 2025-03-26 has no links; the model reads it instead.
        Content::ResourceLink(link) if version < LegacyVersion::V2025_06_18 => Block::link_as_text(link),
        content => Block::new(content),
    }
}
