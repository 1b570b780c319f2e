//! `x-mcp-header`: arguments that clients repeat as `Mcp-Param-*` headers, so that gateways can route without reading bodies
//! (MCP 2026-07-28, "Custom headers from tool parameters").
//!
//! Clients drop a tool whose annotations break the rules, so such a tool is refused when its plugin loads.

use std::collections::HashSet;

use serde_json::Value;

const KEYWORD: &str = "x-mcp-header";

/// One argument that is repeated as a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderParam {
    /// The whole header name, in lower case: `mcp-param-region`.
    pub header: String,
    /// The keys that lead from the arguments to the value.
    pub path: Vec<String>,
    pub kind: HeaderKind,
}

/// What values the argument has, and so how they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderKind {
    String,
    Integer,
    Boolean,
}

/// Finds the annotations of an input schema. The error names the one that breaks a rule.
pub(super) fn read(schema: &Value) -> Result<Vec<HeaderParam>, String> {
    let mut found = Vec::new();
    walk(schema, &mut Vec::new(), &mut found)?;
    let mut seen = HashSet::new();
    if let Some(twice) = found.iter().find(|param| !seen.insert(&param.header)) {
        return Err(format!("{KEYWORD} names `{}` twice", twice.header));
    }
    // An annotation that only other keywords lead to (items, anyOf, $ref …) has no single place in the arguments.
    if count(schema) != found.len() {
        return Err(format!("{KEYWORD} stands where `properties` alone do not lead"));
    }
    Ok(found)
}

fn walk(schema: &Value, path: &mut Vec<String>, found: &mut Vec<HeaderParam>) -> Result<(), String> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Ok(()) };
    for (key, property) in properties {
        path.push(key.clone());
        if let Some(name) = property.get(KEYWORD) {
            found.push(param(name, property, path)?);
        }
        walk(property, path, found)?;
        path.pop();
    }
    Ok(())
}

fn param(name: &Value, property: &Value, path: &[String]) -> Result<HeaderParam, String> {
    let place = path.join("/");
    let token = name.as_str().filter(|name| !name.is_empty() && name.bytes().all(is_token_byte));
    let name = token.ok_or_else(|| format!("{KEYWORD} of `{place}` is not a header name: {name}"))?;
    let kind = match property.get("type").and_then(Value::as_str) {
        Some("string") => HeaderKind::String,
        Some("integer") => HeaderKind::Integer,
        Some("boolean") => HeaderKind::Boolean,
        _ => return Err(format!("{KEYWORD} of `{place}`: only a string, an integer or a boolean can be a header")),
    };
    Ok(HeaderParam { header: format!("mcp-param-{}", name.to_ascii_lowercase()), path: path.to_vec(), kind })
}

fn count(schema: &Value) -> usize {
    match schema {
        Value::Object(object) => object
            .iter()
            // `properties` may have a property of that very name, whose schema is an object and not a header's name.
            .map(|(key, value)| usize::from(key == KEYWORD && !value.is_object()) + count(value))
            .sum(),
        Value::Array(items) => items.iter().map(count).sum(),
        _ => 0,
    }
}

/// RFC 9110, 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(property: &Value) -> Result<Vec<HeaderParam>, String> {
        read(&json!({"type": "object", "properties": {"a": property}}))
    }

    #[test]
    fn annotations_are_found_where_properties_lead() {
        let nested = json!({"type": "object", "properties": {"b": {"type": "integer", "x-mcp-header": "Shard-Id"}}});
        let expected = HeaderParam {
            header: "mcp-param-shard-id".into(),
            path: vec!["a".into(), "b".into()],
            kind: HeaderKind::Integer,
        };
        assert_eq!(of(&nested), Ok(vec![expected]));
        assert_eq!(of(&json!({"type": "string"})), Ok(vec![]));
    }

    #[test]
    fn annotations_that_clients_would_drop_the_tool_for_are_refused() {
        for bad in [
            json!({"type": "string", "x-mcp-header": ""}),
            json!({"type": "string", "x-mcp-header": "a b"}),
            json!({"type": "string", "x-mcp-header": 5}),
            json!({"type": "number", "x-mcp-header": "N"}),
            json!({"type": ["string", "null"], "x-mcp-header": "N"}),
            json!({"type": "array", "items": {"type": "string", "x-mcp-header": "N"}}),
            json!({"anyOf": [{"type": "string", "x-mcp-header": "N"}]}),
        ] {
            assert!(of(&bad).is_err(), "{bad} was accepted");
        }
        let twice = json!({"type": "object", "properties": {
            "b": {"type": "string", "x-mcp-header": "Same"}, "c": {"type": "string", "x-mcp-header": "SAME"}}});
        assert!(of(&twice).unwrap_err().contains("twice"));
    }
}
