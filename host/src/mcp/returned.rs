//! What a tool gives back, held to what it promised.

use std::borrow::Cow;

use serde_json::{Value, value::RawValue};

use super::{
    call::{Again, Completed},
    fault::Fault,
    message::is_reserved,
};
use crate::{
    catalog::Tool,
    json, metrics,
    observe::{self, Seen},
    sandbox::contract::{Content, TextContent, ToolError, ToolResult},
};

/// Holds a result to what the tool promised.
pub(super) fn finish(tool: &Tool, mut result: ToolResult) -> Completed {
    let structured = match result.structured.take() {
        Some(text) => match structured(tool, text, result.is_error) {
            Ok(structured) => Some(structured),
            Err(reason) => return broken(tool, &reason),
        },
        None if tool.output().is_some() && !result.is_error => {
            return broken(tool, "it gave no structured content though it has an output schema");
        }
        None => None,
    };
    if let (Some(structured), true) = (&structured, result.content.is_empty()) {
        // For clients that read only text (MCP 2026-07-28, tools, "Structured Content").
        let text = structured.get().to_owned();
        result.content.push(Content::Text(TextContent { text, annotations: None, meta: None }));
    }
    result.meta = result.meta.take().and_then(|meta| without_reserved(&meta));
    let outcome = if result.is_error { metrics::Outcome::Error } else { metrics::Outcome::Ok };
    Completed { result, structured, again: None, outcome }
}

fn structured(tool: &Tool, text: String, is_error: bool) -> Result<Box<RawValue>, String> {
    let value = json::strict(&text).map_err(|error| format!("its structured content is not JSON: {error}"))?;
    if let Some(schema) = tool.output().filter(|_| !is_error) {
        schema.check(&value).map_err(|mistakes| format!("its result does not fit its output schema: {mistakes}"))?;
    }
    RawValue::from_string(text).map_err(|error| format!("its structured content is not JSON: {error}"))
}

/// The plugin's mistake, not the caller's: the model learns that trying again is no use, the log learns why.
fn broken(tool: &Tool, reason: &str) -> Completed {
    let name = tool.name();
    tracing::warn!(tenant = %tool.program().tenant, plugin = %tool.program().id, tool = %name, reason, "a tool broke its own description");
    observe::say(|| Seen::Broke { why: reason.to_owned() });
    Completed::failure(format!("The tool `{name}` is broken: {reason}.")).because(metrics::Outcome::Broken)
}

/// A tool's own error, as far as a model could act on it.
pub(super) fn tool_error(error: ToolError) -> Result<Completed, Fault> {
    match error {
        ToolError::InvalidArguments(text) | ToolError::Denied(text) | ToolError::Failed(text) => {
            Ok(Completed::failure(text))
        }
        ToolError::Retryable(hint) => {
            let when: Cow<'_, str> = match hint.after_ms {
                Some(after_ms) => format!("Calling again in {after_ms} ms may help.").into(),
                None => "Calling again may help.".into(),
            };
            let failure = Completed::failure(format!("{} {when}", hint.message));
            Ok(Completed { again: Some(Again { after_ms: hint.after_ms }), ..failure })
        }
        ToolError::Internal(text) => Err(Fault::Internal(text)),
    }
}

fn without_reserved(meta: &str) -> Option<String> {
    let Ok(Value::Object(mut object)) = json::strict(meta) else { return None };
    object.retain(|key, _| !is_reserved(key));
    (!object.is_empty()).then(|| Value::Object(object).to_string())
}

/// A clause as a sentence.
pub(super) fn sentence(clause: &str) -> String {
    let mut chars = clause.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}
