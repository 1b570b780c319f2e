//! From a type to the schema of a form.
//!
//! Clients draw a form from a small part of JSON Schema (`PrimitiveSchemaDefinition` in the protocol's schema): an object whose
//! properties are strings, numbers, booleans and choices, each said in one way. What schemars says about the same
//! type is wider: nullable, nested, in several ways. This brings the one to the other, and refuses what has no counterpart.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::Error as NoFields;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// A type that a form is made of. Only these two functions are there once for each type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    schema: fn(&mut SchemaGenerator) -> Schema,
    in_order: fn() -> &'static [&'static str],
}

impl Fields {
    pub(super) fn of<T: DeserializeOwned + JsonSchema>() -> Self {
        Self { schema: T::json_schema, in_order: fields_in_order::<T> }
    }

    /// The schema of a form with these fields, or what about them does not fit into a form.
    pub(super) fn form_schema(self) -> Result<String, String> {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        let schema = (self.schema)(&mut settings.into_generator());
        write(schema.as_value(), (self.in_order)())
    }
}

fn write(schema: &Value, order: &[&str]) -> Result<String, String> {
    let no_fields = Object::new();
    let fields = match schema.get("properties") {
        Some(Value::Object(fields)) => fields,
        _ if schema.get("type").is_some_and(|ty| ty == "object") => &no_fields,
        _ => return Err("a form is made of a struct with named fields".into()),
    };
    // JSON objects are sorted by name here; people fill in forms in the order that was thought of.
    let known = order.iter().copied().filter(|name| fields.contains_key(*name));
    let others = fields.keys().map(String::as_str).filter(|name| !order.contains(name));
    let names: Vec<&str> = known.chain(others).collect();
    let mut properties = String::new();
    for name in &names {
        let field = field(&fields[*name]).ok_or_else(|| {
            format!(
                "the field `{name}` does not fit into a form, which holds strings, numbers, booleans, enums without data and \
                 `Vec`s of such enums"
            )
        })?;
        let comma = if properties.is_empty() { "" } else { "," };
        properties.push_str(&format!("{comma}{}:{}", json!(name), Value::Object(field)));
    }
    let required: Vec<&&str> = names.iter().filter(|name| is_required(schema, name)).collect();
    let required = if required.is_empty() { String::new() } else { format!(r#","required":{}"#, json!(required)) };
    Ok(format!(r#"{{"type":"object","properties":{{{properties}}}{required}}}"#))
}

fn is_required(schema: &Value, name: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    required.is_some_and(|required| required.iter().any(|required| required == name))
}

fn field(schema: &Value) -> Option<Object> {
    let schema = not_null(schema.as_object()?)?;
    let mut field = Object::new();
    let known: &[&str] = match schema.get("type").and_then(Value::as_str) {
        Some(ty @ ("integer" | "number")) => {
            field.insert("type".into(), ty.into());
            &["minimum", "maximum"]
        }
        Some("boolean") => {
            field.insert("type".into(), "boolean".into());
            &[]
        }
        Some("array") => {
            field.insert("type".into(), "array".into());
            let (keyword, choices) = choices(schema.get("items")?.as_object()?)?;
            let items = match keyword {
                Choices::Plain => json!({ "type": "string", "enum": choices }),
                Choices::Titled => json!({ "anyOf": choices }),
            };
            field.insert("items".into(), items);
            &["minItems", "maxItems"]
        }
        _ => match choices(&schema) {
            Some((keyword, choices)) => {
                let keyword = if matches!(keyword, Choices::Plain) { "enum" } else { "oneOf" };
                field.insert("type".into(), "string".into());
                field.insert(keyword.into(), choices.into());
                // How revisions before 2025-11-25 name choices: not something schemars says, but a plugin may.
                &["enumNames"]
            }
            None if schema.get("type").is_some_and(|ty| ty == "string") => {
                field.insert("type".into(), "string".into());
                field.extend(format(&schema));
                &["minLength", "maxLength"]
            }
            None => return None,
        },
    };
    for key in known.iter().chain(&["title", "description", "default"]) {
        // A default of `null` says that there is none.
        if let Some(value) = schema.get(*key).filter(|value| !value.is_null()) {
            field.insert((*key).into(), value.clone());
        }
    }
    Some(field)
}

fn format(schema: &Object) -> Option<(String, Value)> {
    let format = schema.get("format")?;
    let known = ["email", "uri", "date", "date-time"].iter().any(|known| format == known);
    known.then(|| ("format".into(), format.clone()))
}

/// An `Option` allows `null` beside what it holds. A form's field is left empty instead.
fn not_null(schema: &Object) -> Option<Object> {
    let mut schema = schema.clone();
    if let Some(Value::Array(either)) = schema.remove("anyOf") {
        let is_null = |schema: &Value| schema.get("type").is_some_and(|ty| ty == "null");
        let mut others = either.into_iter().filter(|schema| !is_null(schema));
        let (Some(Value::Object(other)), None) = (others.next(), others.next()) else { return None };
        // What is said beside the `anyOf` is about this field, what is in it about its type.
        for (key, value) in other {
            schema.entry(key).or_insert(value);
        }
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|ty| ty != "null");
        let [only] = &mut types[..] else { return None };
        let only = only.take();
        schema.insert("type".into(), only);
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    Some(schema)
}

enum Choices {
    /// Just the values.
    Plain,
    /// Each with a title.
    Titled,
}

/// The variants of an enum without data, if the schema is that of one.
fn choices(schema: &Object) -> Option<(Choices, Vec<Value>)> {
    let mut named = Vec::new();
    match schema.get("oneOf") {
        // One schema for each variant that has something said about it, and one for the rest.
        Some(Value::Array(variants)) => {
            for variant in variants {
                named.extend(values(variant.as_object()?)?);
            }
        }
        _ => named = values(schema)?,
    }
    if named.iter().all(|(_, title)| title.is_none()) {
        return Some((Choices::Plain, named.into_iter().map(|(value, _)| value.into()).collect()));
    }
    let titled = |(value, title): (&str, Option<&str>)| json!({ "const": value, "title": title.unwrap_or(value) });
    Some((Choices::Titled, named.into_iter().map(titled).collect()))
}

fn values(schema: &Object) -> Option<Vec<(&str, Option<&str>)>> {
    if let Some(value) = schema.get("const") {
        let title = schema.get("title").or(schema.get("description"));
        return Some(vec![(value.as_str()?, title.and_then(Value::as_str))]);
    }
    schema.get("enum")?.as_array()?.iter().map(|value| Some((value.as_str()?, None))).collect()
}

/// The names of a struct's fields as they are declared: serde says them to whom it asks for a struct.
fn fields_in_order<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // There is nothing to read. What is asked for is known by then.
    let _ = T::deserialize(FieldNames(&mut fields));
    fields
}

struct FieldNames<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = NoFields;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, NoFields> {
        Err(NoFields::custom("not a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, NoFields> {
        *self.0 = fields;
        Err(NoFields::custom("nothing to read"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
