//! How much work it is to hold a value against a schema.
//!
//! A schema of a few lines can ask for more steps than there are seconds in a year: definitions that name each other twice
//! double the work at every level. The validator cannot be stopped once it began, so the steps are counted before, with a bound:
//! every subschema that applies to a part of the value is one, whether or not the validator would get there.

use serde_json::{Map, Value};

/// Steps of one check. The validator takes these in less than a second.
const STEPS_MAX: u64 = 2_000_000;

/// Schemas within schemas that are followed; a value itself is nested 100 deep at most.
const DEPTH_MAX: u32 = 1_000;

/// What a pattern costs that may backtrack, up to its own bound.
const BACKTRACKING: u64 = 1_000;

/// What one of the standard's own schemas costs, which are known to the validator.
const FOREIGN: u64 = 10_000;

/// Where the standard's own schemas are.
const STANDARD: &str = "json-schema.org/";

/// Why a schema is refused whose steps could not be counted. Continues "its schema …".
pub(super) fn countable(schema: &Value) -> Result<(), String> {
    let draft_4 = schema["$schema"].as_str().is_some_and(|draft| draft.contains("draft-04"));
    match schema {
        Value::Object(keywords) => keywords.values().try_for_each(|value| no_documents_within(value, draft_4)),
        _ => Ok(()),
    }
}

/// A document within the document would change what references lead to.
fn no_documents_within(part: &Value, draft_4: bool) -> Result<(), String> {
    match part {
        Value::Object(keywords) => {
            if keywords.get("$id").is_some_and(Value::is_string)
                || draft_4 && keywords.get("id").is_some_and(Value::is_string)
            {
                return Err("has an `$id` below its root, which is not supported".into());
            }
            if let Some(encoded) = keywords.get("$ref").and_then(Value::as_str).filter(|target| target.contains('%')) {
                return Err(format!("refers to `{encoded}`; write it without `%`"));
            }
            let data = |keyword: &str| ["const", "default", "enum", "examples"].contains(&keyword);
            let parts = keywords.iter().filter(|(keyword, _)| !data(keyword));
            parts.map(|(_, part)| part).try_for_each(|part| no_documents_within(part, draft_4))
        }
        Value::Array(parts) => parts.iter().try_for_each(|part| no_documents_within(part, draft_4)),
        _ => Ok(()),
    }
}

/// Whether `value` can be held against `schema` in [`STEPS_MAX`] steps.
pub(super) fn is_bearable(schema: &Value, value: &Value) -> bool {
    Effort { root: schema, left: STEPS_MAX, depth: 0 }.apply(schema, value).is_some()
}

struct Effort<'a> {
    root: &'a Value,
    left: u64,
    depth: u32,
}

impl Effort<'_> {
    /// Counts down for `schema` where it stands against `value`; `None` when nothing is left.
    fn apply(&mut self, schema: &Value, value: &Value) -> Option<()> {
        self.take(1)?;
        let Value::Object(keywords) = schema else { return Some(()) };
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        for (keyword, part) in keywords {
            self.keyword(keyword, part, value)?;
        }
        self.depth -= 1;
        Some(())
    }

    fn keyword(&mut self, keyword: &str, part: &Value, value: &Value) -> Option<()> {
        match (keyword, part, value) {
            ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(target), _) => self.refer(target, value),
            ("allOf" | "anyOf" | "oneOf", Value::Array(parts), _) => {
                parts.iter().try_for_each(|part| self.apply(part, value))
            }
            ("not" | "if" | "then" | "else" | "extends", part, _) => self.apply(part, value),
            ("dependentSchemas" | "dependencies", Value::Object(parts), _) => {
                parts.values().try_for_each(|part| self.apply(part, value))
            }
            ("items" | "prefixItems", Value::Array(parts), Value::Array(items)) => {
                parts.iter().zip(items).try_for_each(|(part, item)| self.apply(part, item))
            }
            ("items" | "additionalItems" | "unevaluatedItems" | "contains", part, Value::Array(items)) => {
                items.iter().try_for_each(|item| self.apply(part, item))
            }
            ("properties", Value::Object(parts), Value::Object(entries)) => entries
                .iter()
                .try_for_each(|(name, entry)| parts.get(name).map_or(Some(()), |part| self.apply(part, entry))),
            ("additionalProperties" | "unevaluatedProperties", part, Value::Object(entries)) => {
                entries.values().try_for_each(|entry| self.apply(part, entry))
            }
            ("propertyNames", part, Value::Object(entries)) => {
                entries.keys().try_for_each(|name| self.apply(part, &Value::String(name.clone())))
            }
            ("patternProperties", Value::Object(parts), Value::Object(entries)) => {
                self.pattern_properties(parts, entries)
            }
            ("pattern", Value::String(pattern), Value::String(text)) => self.match_pattern(pattern, text),
            ("enum", Value::Array(choices), _) => self.take(choices.len() as u64),
            _ => Some(()),
        }
    }

    fn pattern_properties(&mut self, parts: &Map<String, Value>, entries: &Map<String, Value>) -> Option<()> {
        for (pattern, part) in parts {
            for (name, entry) in entries {
                self.match_pattern(pattern, name)?;
                self.apply(part, entry)?;
            }
        }
        Some(())
    }

    fn match_pattern(&mut self, pattern: &str, text: &str) -> Option<()> {
        let escapes = |first: char| pattern.split('\\').skip(1).any(|rest| rest.starts_with(first));
        let backtracks = pattern.contains("(?") || ('1'..='9').any(escapes) || escapes('k');
        self.take(if backtracks { BACKTRACKING } else { 1 + text.len() as u64 / 16 })
    }

    /// All that a reference may lead to, whichever way the document's own address is written in it.
    fn refer(&mut self, target: &str, value: &Value) -> Option<()> {
        let root = self.root;
        let place = target.split_once('#').map_or("", |(_, place)| place);
        let own_id = root["$id"].as_str().unwrap_or_default();
        if place.starts_with('/') {
            return match root.pointer(place) {
                Some(schema) => self.apply(schema, value),
                None => self.take(FOREIGN),
            };
        }
        if place.is_empty() {
            let foreign = target.contains(STANDARD) && !own_id.contains(STANDARD);
            return if foreign { self.take(FOREIGN) } else { self.apply(root, value) };
        }
        let mut named = Vec::new();
        find_anchors(root, place, &mut named);
        self.take(FOREIGN / 100)?;
        named.into_iter().try_for_each(|schema| self.apply(schema, value))
    }

    fn take(&mut self, steps: u64) -> Option<()> {
        self.left = self.left.checked_sub(steps)?;
        Some(())
    }
}

/// The places that are called `name`.
fn find_anchors<'a>(part: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match part {
        Value::Object(keywords) => {
            if ["$anchor", "$dynamicAnchor"].iter().any(|keyword| keywords.get(*keyword).is_some_and(|own| own == name))
            {
                found.push(part);
            }
            keywords.values().for_each(|part| find_anchors(part, name, found));
        }
        Value::Array(parts) => parts.iter().for_each(|part| find_anchors(part, name, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_doubles_is_too_much() {
        let definitions: Map<String, Value> = (0..40)
            .map(|at| {
                let next = json!({ "$ref": format!("#/$defs/d{}", at + 1) });
                (format!("d{at}"), json!({ "allOf": [next, next] }))
            })
            .collect();
        let doubling = json!({ "$ref": "#/$defs/d0", "$defs": definitions });
        assert!(!is_bearable(&doubling, &json!({})));
        // It is the value that makes it double.
        let branch = json!({ "items": { "$ref": "#d" } });
        let items = json!({ "$ref": "#/$defs/d", "$defs": { "d": { "$anchor": "d", "allOf": [branch, branch] } } });
        let nested = |depth: usize| (0..depth).fold(json!([]), |inner, _| json!([inner]));
        assert!(is_bearable(&items, &nested(5)));
        assert!(!is_bearable(&items, &nested(60)));
        for round in ["#", "", "schema:///", "schema:///#", "#/allOf/0"] {
            let schema = json!({ "allOf": [{ "allOf": [{ "$ref": round }, { "$ref": round }] }] });
            assert!(!is_bearable(&schema, &json!({})), "{round}");
        }
    }

    #[test]
    fn what_only_goes_round_is_not() {
        let any = json!({ "$ref": "#/$defs/any" });
        let schema = json!({ "$ref": "#/$defs/any", "$defs": { "any": { "anyOf": [
            { "type": ["null", "boolean", "number", "string"] },
            { "type": "array", "items": any },
            { "type": "object", "additionalProperties": any },
        ] } } });
        let deep = (0..100).fold(json!(1), |inner, _| json!({ "a": [inner, 1, 2], "b": {} }));
        assert!(is_bearable(&schema, &deep));
        let wide: Vec<Value> = (0..50_000).map(|number| json!({ "id": number })).collect();
        assert!(is_bearable(&schema, &json!(wide)));
    }

    #[test]
    fn patterns_cost_what_they_may_take() {
        let many = json!(vec!["aaaaaaaaaaaaaaaa"; 10_000]);
        assert!(is_bearable(&json!({ "items": { "pattern": "^a+$" } }), &many));
        assert!(!is_bearable(&json!({ "items": { "not": { "pattern": "^(?=(a+)+b)" } } }), &many));
    }

    #[test]
    fn documents_within_are_refused() {
        assert!(countable(&json!({ "$id": "https://example.com/own", "properties": { "$id": {} } })).is_ok());
        assert!(countable(&json!({ "$defs": { "a": { "$id": "x" } } })).is_err());
        assert!(countable(&json!({ "$defs": { "a": { "const": { "$id": "x" } } } })).is_ok());
        assert!(countable(&json!({ "$defs": { "a": { "$ref": "#/%24defs/a" } } })).is_err());
    }
}
