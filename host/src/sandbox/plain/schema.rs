//! JSON Schemas of plain functions: what [`super::value`] takes and gives, said in advance.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{
    docs::TypeDocs,
    shape::{Case, Field, Payload, Shape},
    value::{ERROR, NOT_FINITE, OK, SOME, entry},
};

/// Doc comments in the schemas of one component, in bytes: a type is described wherever it is used. What is beyond is left out.
pub(super) const DOCS_BYTES_MAX: usize = 1 << 20;

/// What is said of types. One of whom two different things are said, because two types with the same fields are the same to
/// the engine, has `None`.
pub(super) type TypesDocs<'a> = HashMap<Shape, Option<&'a TypeDocs>>;

/// Writes schemas, with the doc comments that fit.
pub(super) struct Writer<'a> {
    /// Types in the order in which they are looked for: those of the function's own interface, then all others.
    pub(super) types: [&'a TypesDocs<'a>; 2],
    /// What is left of [`DOCS_BYTES_MAX`].
    pub(super) left: &'a mut usize,
}

impl<'a> Writer<'a> {
    /// The schema of a function's arguments, or of a record.
    pub(super) fn object(&mut self, fields: &[Field], docs: Option<&TypeDocs>) -> Value {
        let mut properties = Map::new();
        for field in fields {
            let mut schema = self.schema(&field.shape);
            if let Some(text) = docs.and_then(|docs| docs.items.get(&*field.name)) {
                self.describe(&mut schema, text);
            }
            properties.insert(field.name.to_string(), schema);
        }
        let required = fields.iter().filter(|field| !matches!(field.shape, Shape::Option(_)));
        let required: Vec<&str> = required.map(|field| &*field.name).collect();
        let mut schema = json!({ "type": "object", "properties": properties });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema["additionalProperties"] = json!(false);
        schema
    }

    /// The schema of a result: an object, which is what clients of earlier revisions take.
    pub(super) fn result(&mut self, shape: &Shape) -> Value {
        match shape {
            Shape::Record(_) => self.schema(shape),
            _ => self.single(super::RESULT, shape),
        }
    }

    pub(super) fn schema(&mut self, shape: &Shape) -> Value {
        let docs = self.docs(shape);
        let mut schema = match shape {
            Shape::Bool => json!({ "type": "boolean" }),
            Shape::Integer(integer) => {
                let (least, greatest) = integer.range();
                // The least of all fits 64 bits with a sign, the greatest 64 without.
                json!({ "type": "integer", "minimum": least as i64, "maximum": greatest as u64 })
            }
            Shape::F32 | Shape::F64 => {
                let names = NOT_FINITE.map(|(name, _)| name);
                json!({ "anyOf": [{ "type": "number" }, { "type": "string", "enum": names }] })
            }
            Shape::Char => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
            Shape::String => json!({ "type": "string" }),
            Shape::Bytes => json!({ "anyOf": [
                { "type": "string", "contentEncoding": "base64" },
                { "type": "array", "items": { "type": "integer", "minimum": 0, "maximum": 255 } },
            ] }),
            Shape::List(item) => json!({ "type": "array", "items": self.schema(item) }),
            Shape::Tuple(items) => {
                let schemas: Vec<Value> = items.iter().map(|item| self.schema(item)).collect();
                json!({ "type": "array", "prefixItems": schemas, "items": false, "minItems": items.len() })
            }
            Shape::Record(fields) => self.object(fields, docs),
            Shape::Variant(cases) => json!({ "oneOf": self.cases(cases, docs) }),
            Shape::Enum(names) => json!({ "type": "string", "enum": names }),
            Shape::Flags(names) => {
                json!({ "type": "array", "items": { "type": "string", "enum": names }, "uniqueItems": true })
            }
            Shape::Option(inner) => self.nullable(inner),
            Shape::Result(ok, error) => json!({ "oneOf": [self.side(OK, ok), self.side(ERROR, error)] }),
        };
        if let Some(text) = docs.and_then(|docs| about(shape, docs)) {
            self.describe(&mut schema, &text);
        }
        schema
    }

    fn cases(&mut self, cases: &[Case], docs: Option<&TypeDocs>) -> Vec<Value> {
        let cases = cases.iter().map(|case| {
            let mut schema = match &case.payload {
                None => json!({ "type": "string", "const": case.name }),
                Some(payload) => self.single(&case.name, payload),
            };
            if let Some(text) = docs.and_then(|docs| docs.items.get(&*case.name)) {
                self.describe(&mut schema, text);
            }
            schema
        });
        cases.collect()
    }

    fn side(&mut self, key: &str, payload: &Payload) -> Value {
        match payload {
            Some(shape) => self.single(key, shape),
            None => with_only(key, json!({ "type": "null" })),
        }
    }

    /// An object of one entry.
    fn single(&mut self, key: &str, shape: &Shape) -> Value {
        with_only(key, self.schema(shape))
    }

    fn nullable(&mut self, inner: &Shape) -> Value {
        let mut schema = match inner {
            Shape::Option(_) => self.single(SOME, inner),
            _ => self.schema(inner),
        };
        let simple = schema.get("type").is_some_and(Value::is_string) && schema.get("enum").is_none();
        if simple {
            let ty = schema["type"].take();
            schema["type"] = json!([ty, "null"]);
            return schema;
        }
        json!({ "anyOf": [schema, { "type": "null" }] })
    }

    /// What is said of a type that has a name.
    fn docs(&self, shape: &Shape) -> Option<&'a TypeDocs> {
        let named = matches!(shape, Shape::Record(_) | Shape::Variant(_) | Shape::Enum(_) | Shape::Flags(_));
        let found = self.types.iter().filter(|_| named).find_map(|types| types.get(shape));
        found.copied().flatten()
    }

    /// Puts a text before what is said already.
    fn describe(&mut self, schema: &mut Value, text: &str) {
        let text = text.trim();
        let Some(left) = self.left.checked_sub(text.len()).filter(|_| !text.is_empty()) else { return };
        *self.left = left;
        schema["description"] = match schema.get("description").and_then(Value::as_str) {
            Some(before) => format!("{text}\n\n{before}").into(),
            None => text.into(),
        };
    }
}

fn with_only(key: &str, schema: Value) -> Value {
    json!({ "type": "object", "properties": entry(key, schema), "required": [key], "additionalProperties": false })
}

/// What is said of a type as a whole. Names without a schema of their own are explained here too.
fn about(shape: &Shape, docs: &TypeDocs) -> Option<String> {
    let (Shape::Enum(names) | Shape::Flags(names)) = shape else { return docs.docs.clone() };
    let names = names.iter().filter_map(|name| Some((name, docs.items.get(&**name)?.trim())));
    let lines = names.map(|(name, text)| format!("- `{name}`: {}", text.replace('\n', "\n  ")));
    let lines: Vec<String> = docs.docs.iter().map(|text| text.trim().to_owned()).chain(lines).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
