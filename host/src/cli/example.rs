//! Arguments that a schema asks for, with nothing in them.

use serde_json::Value;

/// A value of about that shape, with what must be in it.
pub(super) fn value(schema: &Value) -> String {
    if let Some(choice) = schema["enum"].get(0) {
        return choice.to_string();
    }
    match schema["type"].as_str() {
        Some("integer" | "number") => schema["minimum"].as_number().map_or_else(|| "1".into(), ToString::to_string),
        Some("boolean") => "true".into(),
        Some("array") if schema["minItems"].as_u64().is_some_and(|least| least > 0) => {
            format!("[{}]", value(&schema["items"]))
        }
        Some("array") => "[]".into(),
        Some("object") => {
            let names = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let member = |name| format!("{}: {}", Value::from(name), value(&schema["properties"][name]));
            format!("{{{}}}", names.map(member).collect::<Vec<_>>().join(", "))
        }
        _ => r#""text""#.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_has_a_value_for_what_must_be_there() {
        for (schema, example) in [
            (r#"{"type":"string"}"#, r#""text""#),
            (r#"{"type":"integer","minimum":3}"#, "3"),
            (r#"{"type":"string","enum":["red","blue"]}"#, r#""red""#),
            (r#"{"type":"array"}"#, "[]"),
            (r#"{"type":"array","minItems":1,"items":{"type":"boolean"}}"#, "[true]"),
            (
                r#"{"type":"object","required":["a","b"],"properties":{"a":{"type":"object"},"b":{"title":"B"},"c":{}}}"#,
                r#"{"a": {}, "b": "text"}"#,
            ),
        ] {
            assert_eq!(value(&serde_json::from_str(schema).unwrap()), example, "{schema}");
        }
    }
}
