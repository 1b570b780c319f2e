//! The configuration file as a JSON Schema, for editors and for who shows the defaults.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{Config, Written};

/// A string that stands for something else, where a number, a boolean or one of some words is wanted.
const REFERENCE: &str = r"^\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}$|^file:";

/// The schema (JSON Schema, draft 2020-12), with descriptions and defaults.
pub fn schema() -> Value {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Written>();
    let mut schema = schema.to_value();
    tidy(&mut schema);
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".into(), "The configuration of Toolyard".into());
        root.remove("description");
    }
    for (key, default) in defaults() {
        if let Some(property) = property_mut(&mut schema, &key) {
            property.insert("default".into(), default);
        }
    }
    schema
}

pub fn debug() -> String { format!("{:#}", schema()) }

fn tidy(_: &mut Value) {}
fn defaults() -> Vec<(String, Value)> { vec![] }
fn property_mut<'a>(schema: &'a mut Value, key: &str) -> Option<&'a mut Map<String, Value>> { None }
#[test] fn show() { std::fs::write("/tmp/schema.json", debug()).unwrap(); }
