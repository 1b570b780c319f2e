//! JSON Schemas (2020-12) of what tools take and give back.
//!
//! They are written as text rather than put together as a JSON value: a value sorts the properties, which should stand in the
//! order of the parameters, and its code is a quarter of a small component.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

use crate::tool::{Input, Parameter};

/// The schema of a tool's arguments: an object with a property for each parameter, in the order of the parameters.
pub(crate) fn input_schema(input: &Input) -> String {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = ObjectText::default();
    match input {
        Input::Parameters(parameters) => add_parameters(&mut schema, parameters, &mut generator),
        Input::Type(root) => {
            let root = root(&mut generator);
            schema.extend_from(&root, &[]);
            // The contract wants to see it, and an enum's schema leaves it to its variants.
            if root.get("type").is_none() {
                schema.add("type", "object");
            }
        }
        Input::Text(text) => return text(),
    }
    schema.finish_with_definitions(&generator)
}

/// The schema of the data that a tool gives back, unless it allows everything.
pub(crate) fn output_schema(root: fn(&mut SchemaGenerator) -> Schema) -> Option<String> {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let root = root(&mut generator);
    let says_something = root.as_object()?.keys().any(|key| key != "title" && key != "description");
    says_something.then(|| {
        let mut schema = ObjectText::default();
        schema.extend_from(&root, &[]);
        schema.finish_with_definitions(&generator)
    })
}

/// The schema of a parameter, in `$defs` where its type has a name.
pub fn shared_schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// The schema where it is used: the root of a schema, and what carries `x-mcp-header`, must not be behind a `$ref`.
pub fn inline_schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

/// A value as JSON text. The values here are strings, numbers and defaults, which cannot fail to be.
pub fn json_text(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".into())
}

fn add_parameters(schema: &mut ObjectText, parameters: &[Parameter], generator: &mut SchemaGenerator) {
    let mut properties = ObjectText::default();
    for parameter in parameters {
        properties.add_text(parameter.name, &property(parameter, generator));
    }
    let required = parameters.iter().filter(|parameter| parameter.required);
    let required: Vec<&str> = required.map(|parameter| parameter.name).collect();
    schema.add("type", "object");
    schema.add_text("properties", &properties.finish());
    if !required.is_empty() {
        schema.add_text("required", &json_text(&required));
    }
    // A misspelt optional argument would otherwise be ignored without a word.
    schema.add_text("additionalProperties", "false");
}

fn property(parameter: &Parameter, generator: &mut SchemaGenerator) -> String {
    let mut property = ObjectText::default();
    let mut said_here: Vec<&str> = Vec::new();
    if let Some(title) = parameter.title {
        property.add("title", title);
        said_here.push("title");
    }
    if let Some(description) = parameter.description {
        property.add("description", description);
        said_here.push("description");
    }
    if let Some(default) = parameter.default {
        property.add_text("default", &default());
        said_here.push("default");
    }
    if let Some(header) = parameter.header {
        property.add("x-mcp-header", header);
        said_here.push("x-mcp-header");
    }
    for (keyword, json) in parameter.bounds {
        property.add_text(keyword, json);
        said_here.push(keyword);
    }
    property.extend_from(&(parameter.schema)(generator), &said_here);
    property.finish()
}

/// A JSON object that is being written.
#[derive(Default)]
struct ObjectText {
    entries: String,
}

impl ObjectText {
    fn add(&mut self, key: &str, text: &str) {
        self.add_text(key, &json_text(text));
    }

    fn add_text(&mut self, key: &str, json: &str) {
        if !self.entries.is_empty() {
            self.entries.push(',');
        }
        self.entries.push_str(&json_text(key));
        self.entries.push(':');
        self.entries.push_str(json);
    }

    /// Adds what `schema` says, but for what was said before.
    fn extend_from(&mut self, schema: &Schema, but_for: &[&str]) {
        let mut value = schema.clone().to_value();
        without_number_formats(&mut value);
        match value.as_object() {
            Some(object) => {
                for (key, value) in object.iter().filter(|(key, _)| !but_for.contains(&key.as_str())) {
                    self.add_text(key, &json_text(value));
                }
            }
            None if value.as_bool() == Some(false) => self.add_text("not", "{}"),
            None => {}
        }
    }

    fn finish(self) -> String {
        format!("{{{}}}", self.entries)
    }

    fn finish_with_definitions(mut self, generator: &SchemaGenerator) -> String {
        let mut definitions = ObjectText::default();
        for (name, schema) in generator.definitions() {
            let mut schema = schema.clone();
            without_number_formats(&mut schema);
            definitions.add_text(name, &json_text(&schema));
        }
        if !definitions.entries.is_empty() {
            self.add_text("$defs", &definitions.finish());
        }
        self.finish()
    }
}

/// Takes out what schemars says of a number's width (`"format": "uint32"`): JSON Schema knows no such formats, clients complain of
/// unknown ones, and the range is said by `minimum` and `maximum`.
fn without_number_formats(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let is_number = object.get("format").and_then(Value::as_str).is_some_and(|format| {
                let width = format.trim_start_matches("uint").trim_start_matches("int");
                matches!(format, "float" | "double")
                    || (width.len() < format.len() && width.bytes().all(|c| c.is_ascii_digit()))
            });
            if is_number {
                object.remove("format");
            }
            // Values that a schema quotes are not schemas.
            let schemas =
                object.iter_mut().filter(|(key, _)| !matches!(key.as_str(), "default" | "const" | "enum" | "examples"));
            schemas.for_each(|(_, value)| without_number_formats(value));
        }
        Value::Array(items) => items.iter_mut().for_each(without_number_formats),
        _ => {}
    }
}
