//! JSON Schemas of tools: compiled once when a plugin loads, bounded, closed to the outside.

mod effort;

use jsonschema::{PatternOptions, Retrieve, Uri, Validator};
use serde_json::{Value, value::RawValue};

use crate::json;

/// A schema's text.
const BYTES_MAX: usize = 256 << 10;

/// Steps of backtracking that a `pattern` may take on one string before it counts as not matching.
const BACKTRACK_MAX: usize = 100_000;

/// Mistakes named in one answer: enough to mend the arguments, not the whole of a long array.
const MISTAKES_MAX: usize = 5;

/// Characters of one mistake, which quotes the value.
const MISTAKE_CHARS_MAX: usize = 200;

/// A schema that is ready to hold values against. By default JSON Schema 2020-12; `$schema` may name another dialect that
/// the validator knows.
pub struct Schema {
    raw: Box<RawValue>,
    value: Value,
    validator: Validator,
}

impl Schema {
    /// Compiles a schema. The error continues "its schema …".
    pub fn compile(text: &str) -> Result<Self, String> {
        if text.len() > BYTES_MAX {
            return Err(format!("has {} bytes; at most {BYTES_MAX} are taken", text.len()));
        }
        let value = json::strict(text).map_err(|error| format!("is not JSON: {error}"))?;
        if !value.is_object() {
            return Err("is not a JSON object".into());
        }
        effort::countable(&value)?;
        let validator = jsonschema::options()
            // Without a base, a relative reference fails for a reason that explains nothing.
            .with_base_uri("schema:///")
            .with_retriever(NoRetriever)
            .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(BACKTRACK_MAX))
            .build(&value)
            .map_err(|error| format!("is not valid: {}", cut(&error.to_string())))?;
        let raw = RawValue::from_string(text.to_owned()).map_err(|error| format!("is not JSON: {error}"))?;
        Ok(Self { raw, value, validator })
    }

    /// The protocol wants the arguments of a tool to be an object, and its schema to say so.
    pub(super) fn must_take_objects(self) -> Result<Self, String> {
        if self.takes_objects() { Ok(self) } else { Err("must say `\"type\": \"object\"`".into()) }
    }

    /// Whether the schema's root says `"type": "object"`.
    pub fn takes_objects(&self) -> bool {
        self.value.get("type").is_some_and(|ty| ty == "object")
    }

    /// The text as the plugin gave it.
    pub fn raw(&self) -> &RawValue {
        &self.raw
    }

    /// The same, parsed.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Holds `value` against the schema. The error lists what is wrong, one mistake after the other, each with the place
    /// (`/items/0/name`) and what was expected there.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        if !effort::is_bearable(&self.value, value) {
            return Err("it would take too many steps to tell".into());
        }
        if self.validator.is_valid(value) {
            return Ok(());
        }
        let mut errors = self.validator.iter_errors(value);
        let mut mistakes: Vec<String> = errors
            .by_ref()
            .take(MISTAKES_MAX)
            .map(|error| match error.instance_path().as_str() {
                "" => cut(&error.to_string()),
                place => format!("at {}: {}", cut(place), cut(&error.to_string())),
            })
            .collect();
        if errors.next().is_some() {
            mistakes.push("and more".into());
        }
        Err(mistakes.join("; "))
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MISTAKE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A schema that fetches others at load would make the host a client of strangers.
struct NoRetriever;

impl Retrieve for NoRetriever {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("`{uri}` is another document, and only references within the schema are followed").into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(text: &str) -> String {
        Schema::compile(text).and_then(Schema::must_take_objects).err().expect("the schema was accepted")
    }

    #[test]
    fn schemas_that_could_mislead_are_refused() {
        assert!(refused("{").starts_with("is not JSON"));
        assert!(refused("true").starts_with("is not a JSON object"));
        assert!(refused("{}").contains("\"type\": \"object\""));
        assert!(refused(r#"{"type":"object","type":"string"}"#).contains("duplicate key"));
        assert!(refused(r#"{"type":"object","properties":5}"#).starts_with("is not valid"));
        assert!(refused(r#"{"type":"object","$schema":"https://example.com/mine"}"#).starts_with("is not valid"));
        for external in ["https://example.com/x.json", "file:///etc/passwd", "other.json"] {
            let text = json!({"type": "object", "properties": {"a": {"$ref": external}}}).to_string();
            assert!(refused(&text).contains("another document"), "{}", refused(&text));
        }
    }

    #[test]
    fn mistakes_say_where_and_what() {
        let schema = Schema::compile(
            r##"{"type":"object","properties":{"n":{"type":"integer"},"items":{"type":"array","items":{"$ref":"#/$defs/i"}}},
                "required":["n"],"additionalProperties":false,"$defs":{"i":{"type":"string"}}}"##,
        )
        .unwrap();
        assert_eq!(schema.check(&json!({"n": 1, "items": ["x"]})), Ok(()));
        assert_eq!(schema.check(&json!({})).unwrap_err(), "\"n\" is a required property");
        let many = schema.check(&json!({"n": "one", "items": [1, 2, 3, 4], "x": 1})).unwrap_err();
        assert!(many.contains("/n: \"one\" is not of type \"integer\""), "{many}");
        assert!(many.ends_with("; and more"), "{many}");
        let long = schema.check(&json!({"n": "x".repeat(10_000)})).unwrap_err();
        assert!(long.len() < 300, "{long}");
    }
}
