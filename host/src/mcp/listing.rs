//! `tools/list` without an era: pages of the catalog, and cursors that stay good when plugins come and go.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    content::{IconJson, icons, object},
    fault::Fault,
};
use crate::{
    catalog::{Catalog, Tool},
    ids::PluginId,
    sandbox::contract::ToolAnnotations,
};

/// Tools on one page. Most hosts have fewer in all; a client that ignores cursors then still sees everything.
const PAGE_TOOLS_MAX: usize = 250;

/// A tool as it goes out. What a revision does not know is left out by it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolJson<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) icons: Vec<IconJson<'a>>,
    input_schema: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_schema: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<AnnotationsJson>,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub(super) meta: Option<&'a RawValue>,
}

#[derive(Debug, Serialize)]
struct AnnotationsJson {
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
    fn new(tool: &'a Tool) -> Self {
        let described = tool.described();
        Self {
            name: tool.name().as_str(),
            title: described.title.as_deref(),
            description: described.description.as_deref(),
            icons: icons(&described.icons),
            input_schema: tool.input().raw(),
            output_schema: tool.output().map(|schema| schema.raw()),
            annotations: described.annotations.as_ref().map(AnnotationsJson::new),
            meta: object(described.meta.as_deref()),
        }
    }
}

impl AnnotationsJson {
    fn new(annotations: &ToolAnnotations) -> Self {
        let ToolAnnotations { read_only, destructive, idempotent, open_world } = *annotations;
        Self { read_only, destructive, idempotent, open_world }
    }
}

/// A page of tools, and where the next one begins.
pub(super) struct Page<'a> {
    pub(super) tools: Vec<(&'a Tool, ToolJson<'a>)>,
    pub(super) next: Option<String>,
}

/// The page that begins at `cursor`; no cursor, or an empty one, is the beginning.
pub(super) fn page<'a>(catalog: &'a Catalog, cursor: Option<&str>) -> Result<Page<'a>, Fault> {
    let from = match cursor.filter(|cursor| !cursor.is_empty()) {
        None => None,
        Some(cursor) => Some(
            Cursor::parse(cursor)
                .ok_or_else(|| Fault::InvalidParams("`cursor` is not one that this server gave out".into()))?,
        ),
    };
    let skip = |id: &PluginId, place: usize| from.as_ref().is_some_and(|from| *id == from.plugin && place < from.place);
    let mut rest = catalog
        .tools_from(from.as_ref().map(|from| &from.plugin))
        .filter(|(id, place, _)| !skip(id, *place));
    let tools = rest.by_ref().take(PAGE_TOOLS_MAX).map(|(_, _, tool)| (&**tool, ToolJson::new(tool))).collect();
    let next = rest.next().map(|(plugin, place, _)| Cursor { plugin: plugin.clone(), place }.to_string());
    Ok(Page { tools, next })
}

/// Where a page begins: at a tool of a plugin, or after it if it is gone. Opaque to clients, not secret.
struct Cursor {
    plugin: PluginId,
    place: usize,
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let decoded = String::from_utf8(BASE64URL.decode(text).ok()?).ok()?;
        let (place, plugin) = decoded.split_once(' ')?;
        Some(Self { plugin: plugin.parse().ok()?, place: place.parse().ok()? })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&BASE64URL.encode(format!("{} {}", self.place, self.plugin)))
    }
}
