//! Arguments as clients write them, read strictly.

use serde_json::{Value, value::RawValue};

use super::fault::Fault;
use crate::json;

/// Reads arguments: the text, as the guest gets it, and the value, as the schema is held against it.
pub fn read_arguments(text: &str) -> Result<(String, Value), Fault> {
    let value = json::strict(text)
        .map_err(|error| Fault::InvalidParams(format!("`arguments` do not read: {}", without_place(&error))))?;
    if !value.is_object() {
        return Err(Fault::InvalidParams("`arguments` must be an object".into()));
    }
    Ok((text.to_owned(), value))
}

/// Reads an object of strings, absent meaning empty.
pub(super) fn read_strings(name: &str, raw: Option<&RawValue>) -> Result<Vec<(String, String)>, Fault> {
    let Some(raw) = raw else { return Ok(Vec::new()) };
    let value = json::strict(raw.get())
        .map_err(|error| Fault::InvalidRequest(format!("`{name}` do not read: {}", without_place(&error))))?;
    let Value::Object(object) = value else { return Err(Fault::InvalidParams(format!("`{name}` must be an object"))) };
    let entries = object.into_iter().map(|(key, value)| match value {
        Value::String(value) => Ok((key, value)),
        _ => Err(Fault::InvalidParams(format!("`{name}` must hold strings, and `{key}` is none"))),
    });
    entries.collect()
}

/// serde counts lines from where the value begins, which is not what the client sent.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).map_or(text.clone(), str::to_owned)
}
