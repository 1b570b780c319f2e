//! JSON Schemas (2020-12) of what tools take and give back.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};

use crate::tool::{Input, Parameter};

/// The schema of a tool's arguments: an object with a property for each parameter, in the order of the parameters.
pub(crate) fn input_schema(input: &Input) -> String {
    match input {
        Input::Parameters(parameters) => object_of(parameters),
        Input::Type(root) => {
            let mut generator = SchemaSettings::draft2020_12().into_generator();
            let mut schema = root(&mut generator).to_value();
            if let Value::Object(schema) = &mut schema {
                schema.remove("title");
                // Clients want to see it, and an enum's schema leaves it to its variants.
                schema.entry("type").or_insert_with(|| "object".into());
                add_definitions(schema, &mut generator);
            }
            schema.to_string()
        }
    }
}

/// The schema of the data that a tool gives back, unless it allows everything.
pub(crate) fn output_schema<T: JsonSchema>() -> Option<String> {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.root_schema_for::<T>().to_value();
    let object = schema.as_object_mut()?;
    object.remove("$schema");
    let says_something = object.keys().any(|key| key != "title" && key != "description");
    says_something.then(|| schema.to_string())
}

/// The schema of a parameter, in `$defs` where its type has a name.
pub fn shared_schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// The schema of a parameter where it is used: what carries `x-mcp-header` must not be behind a `$ref`.
pub fn inline_schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

// Written by hand, since a JSON map would sort the properties.
fn object_of(parameters: &[Parameter]) -> String {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut properties = String::new();
    let mut required = Vec::new();
    for parameter in parameters {
        if !properties.is_empty() {
            properties.push(',');
        }
        let schema = property(parameter, &mut generator);
        properties.push_str(&Value::from(parameter.name).to_string());
        properties.push(':');
        properties.push_str(&schema.to_string());
        if parameter.required {
            required.push(Value::from(parameter.name));
        }
    }
    let mut rest = Map::new();
    // A misspelt optional argument would otherwise be ignored without a word.
    rest.insert("additionalProperties".into(), false.into());
    if !required.is_empty() {
        rest.insert("required".into(), required.into());
    }
    add_definitions(&mut rest, &mut generator);
    let rest = Value::Object(rest).to_string();
    format!(r#"{{"type":"object","properties":{{{properties}}},{}"#, &rest[1..])
}

fn property(parameter: &Parameter, generator: &mut SchemaGenerator) -> Value {
    let mut schema = (parameter.schema)(generator);
    if let Some(description) = parameter.description {
        schema.insert("description".into(), description.into());
    }
    if let Some(default) = parameter.default {
        schema.insert("default".into(), default());
    }
    if let Some(header) = parameter.header {
        schema.insert("x-mcp-header".into(), header.into());
    }
    schema.to_value()
}

fn add_definitions(schema: &mut Map<String, Value>, generator: &mut SchemaGenerator) {
    let definitions = generator.take_definitions(true);
    if !definitions.is_empty() {
        schema.insert("$defs".into(), Value::Object(definitions));
    }
}
