//! The official schemas of the protocol, one for each revision. They are no part of this project: `TOOLYARD_MCP_SCHEMAS`
//! names the folder that has them, and without it nothing is checked.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::Validator;
use serde_json::{Value, json};

/// A revision of the protocol. Later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Revision {
    V2025_03_26,
    V2025_06_18,
    V2025_11_25,
    V2026_07_28,
    /// The extension `io.modelcontextprotocol/tasks` of the last one. Nobody speaks it alone.
    Tasks,
    /// Not spoken but read: what is said of servers beforehand.
    ServerCard,
}

/// A folder with a file for each revision, such as `2025-11-25.json`.
pub(crate) struct Schemas {
    folder: PathBuf,
    compiled: Mutex<HashMap<(Revision, &'static str), Arc<Validator>>>,
}

impl Revision {
    pub(crate) fn parse(text: &str) -> Option<Revision> {
        use Revision::*;
        [V2025_03_26, V2025_06_18, V2025_11_25, V2026_07_28].into_iter().find(|revision| revision.as_str() == text)
    }

    fn as_str(self) -> &'static str {
        match self {
            Revision::V2025_03_26 => "2025-03-26",
            Revision::V2025_06_18 => "2025-06-18",
            Revision::V2025_11_25 => "2025-11-25",
            Revision::V2026_07_28 => "2026-07-28",
            Revision::Tasks => "ext-tasks",
            Revision::ServerCard => "server-card",
        }
    }

    /// What its schema calls a response with a result.
    pub(crate) fn response(self) -> &'static str {
        if self >= Revision::V2025_11_25 { "JSONRPCResultResponse" } else { "JSONRPCResponse" }
    }

    /// What its schema calls a response with an error.
    pub(crate) fn error(self) -> &'static str {
        if self >= Revision::V2025_11_25 { "JSONRPCErrorResponse" } else { "JSONRPCError" }
    }
}

impl Schemas {
    /// The official ones, if they are there.
    pub(crate) fn official() -> Option<&'static Schemas> {
        static OFFICIAL: OnceLock<Option<Schemas>> = OnceLock::new();
        let find = || std::env::var_os("TOOLYARD_MCP_SCHEMAS").map(|folder| Schemas::in_folder(folder.into()));
        OFFICIAL.get_or_init(find).as_ref()
    }

    pub(crate) fn in_folder(folder: PathBuf) -> Schemas {
        Schemas { folder, compiled: Mutex::default() }
    }

    /// Checks that `value` is what the revision calls by this name.
    pub(crate) fn check(&self, revision: Revision, definition: &'static str, value: &Value) -> Result<(), String> {
        let validator = self.validator(revision, definition);
        let wrong: Vec<String> =
            validator.iter_errors(value).map(|error| format!("at `{}` {error}", error.instance_path())).collect();
        if wrong.is_empty() {
            return Ok(());
        }
        Err(format!("no {definition} of {}: {}", revision.as_str(), wrong.join("; ")))
    }

    fn validator(&self, revision: Revision, definition: &'static str) -> Arc<Validator> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = compiled.entry((revision, definition));
        Arc::clone(entry.or_insert_with(|| Arc::new(self.compile(revision, definition))))
    }

    fn compile(&self, revision: Revision, definition: &str) -> Validator {
        let path = self.folder.join(revision.as_str()).with_extension("json");
        let text = fs::read(&path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()));
        let mut schema: Value = serde_json::from_slice(&text).expect("a schema is JSON");
        let definitions = if schema.get("$defs").is_some() { "$defs" } else { "definitions" };
        assert!(schema[definitions].get(definition).is_some(), "{} has no {definition}", path.display());
        schema["allOf"] = json!([{ "$ref": format!("#/{definitions}/{definition}") }]);
        let options = jsonschema::options().should_validate_formats(true).with_format("byte", is_base64);
        options.build(&schema).unwrap_or_else(|error| panic!("{} is no schema: {error}", path.display()))
    }
}

/// Checks that `card` is a server card.
pub fn check_server_card(card: &Value) {
    if let Some(schemas) = Schemas::official() {
        let checked = schemas.check(Revision::ServerCard, "ServerCard", card);
        assert_eq!(checked, Ok(()), "{card:#}");
    }
}

/// Whether a text is base64 as RFC 4648, section 4, has it, with all its padding.
fn is_base64(text: &str) -> bool {
    let data = text.trim_end_matches('=');
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    text.len().is_multiple_of(4) && text.len() - data.len() <= 2 && data.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$defs": {
                "Part": { "type": "object", "properties": { "data": { "type": "string", "format": "byte" } } },
                "Whole": {
                    "type": "object",
                    "properties": { "parts": { "items": { "$ref": "#/$defs/Part" } } },
                    "required": ["parts"],
                },
            },
        });
        fs::write(folder.path().join("2026-07-28.json"), schema.to_string()).expect("a file can be written");
        let schemas = Schemas::in_folder(folder.path().to_owned());
        let check = |value: Value| schemas.check(Revision::V2026_07_28, "Whole", &value);
        assert_eq!(check(json!({ "parts": [{ "data": "YQ==" }] })), Ok(()));
        assert!(check(json!({})).expect_err("it lacks something").contains("parts"));
        assert!(check(json!({ "parts": [{ "data": "Y" }] })).expect_err("it is no base64").contains("/parts/0/data"));
    }
}
