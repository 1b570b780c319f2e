//! What holds, and why: every value with the place where it was written, and without what is secret.

use serde::Serialize;
use serde_json::Value;

use super::{
    schema,
    text::{self, Document, Node},
};

/// What is shown in place of a secret.
const HIDDEN: &str = "…";

/// Keys whose value is hidden although nobody said that it is secret, by a part of their name.
const TELLING: &[&str] =
    &["password", "passwd", "secret", "token", "credential", "authorization", "hash", "private", "api_key", "apikey"];

/// One value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// Such as `limits.calls_max` or `seal.keys[0].id`.
    pub key: String,
    /// `null`: it is not set, and nothing holds in its place.
    pub value: Value,
    /// `FILE:LINE`, or `default`.
    pub from: String,
    /// What it was taken from that does not stand there, such as `${PORT}`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
}

/// All values of `document`; with `effective`, also those that hold because nothing was written.
pub(super) fn shown(document: &Document, effective: bool) -> Vec<Shown> {
    let root = schema::exact();
    let mut list = List { root: &root, effective, shown: Vec::new() };
    list.table(&root, Some(&document.root), &At { key: String::new(), is_secret: false, is_named: true });
    list.shown
}

/// A place in the configuration.
struct At {
    key: String,
    /// Whether all below is secret.
    is_secret: bool,
    /// Whether the schema knows it by name, so that its defaults hold although nothing is written.
    is_named: bool,
}

impl At {
    fn below(&self, key: &str) -> Self {
        let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        let key = if plain { key.to_owned() } else { format!("{key:?}") };
        let key = if self.key.is_empty() { key } else { format!("{}.{key}", self.key) };
        Self { key, is_secret: self.is_secret, is_named: self.is_named }
    }

    fn item(&self, index: usize) -> Self {
        Self { key: format!("{}[{index}]", self.key), is_secret: self.is_secret, is_named: false }
    }
}

struct List<'a> {
    root: &'a Value,
    effective: bool,
    shown: Vec<Shown>,
}

impl List<'_> {
    fn table(&mut self, schema: &Value, node: Option<&Node>, at: &At) {
        let nothing = Default::default();
        let written = match node.map(|node| &node.value) {
            Some(text::Value::Table(table)) => table,
            _ => &nothing,
        };
        let properties = schema.get("properties").and_then(Value::as_object);
        for (key, property) in properties.into_iter().flatten() {
            self.property(property, written.get(key), &at.below(key));
        }
        let known = |key: &str| properties.is_some_and(|properties| properties.contains_key(key));
        for (key, node) in written.iter().filter(|(key, _)| !known(key)) {
            let entries = schema.get("patternProperties").and_then(Value::as_object);
            let entry = entries.and_then(|entries| entries.values().next());
            let entry = entry.or_else(|| schema.get("additionalProperties")).unwrap_or(&Value::Null);
            let free = is_text(schema::resolved(entry, self.root)) && is_telling(key, node);
            // `[secret.NAME]`, of whatever tenant.
            let is_place = at.key == "secret" || at.key.ends_with(".secret");
            let at = At { is_named: false, is_secret: at.is_secret || free || is_place, ..at.below(key) };
            self.property(entry, Some(node), &at);
        }
    }

    fn property(&mut self, property: &Value, node: Option<&Node>, at: &At) {
        let schema = schema::resolved(property, self.root);
        let says_secret = |schema: &Value| schema.get("writeOnly").is_some_and(|is| is == true);
        let telling = node.is_some_and(|node| is_text(schema) && !is_name(property) && is_telling(&at.key, node));
        let is_secret = at.is_secret || says_secret(property) || says_secret(schema) || telling;
        let at = &At { key: at.key.clone(), is_secret, is_named: at.is_named };
        match node.map(|node| (&node.value, node)) {
            Some((text::Value::Table(_), node)) => self.table(schema, Some(node), at),
            Some((text::Value::Array(items), _)) if items.iter().any(|item| item.is_table()) => {
                let each = schema.get("items").unwrap_or(&Value::Null);
                items.iter().enumerate().for_each(|(index, item)| self.property(each, Some(item), &at.item(index)));
            }
            Some((_, node)) => self.shown.push(Shown {
                key: at.key.clone(),
                value: value(node, is_secret),
                from: node.at.to_string(),
                by: node.references(),
            }),
            None if !self.effective => {}
            None if schema.get("properties").is_some() => {
                if at.is_named && !schema::is_optional(property) {
                    self.table(schema, None, at);
                }
            }
            None => self.default(property, at),
        }
    }

    fn default(&mut self, property: &Value, at: &At) {
        let value = property.get("default").cloned().unwrap_or_default();
        // Of what is named by the operator, only what holds is told: most keys are not for most plugins.
        let is_nothing = value.is_null() || value.as_object().is_some_and(|table| table.is_empty());
        let is_map = property.get("patternProperties").is_some() || property.get("additionalProperties").is_some();
        if !is_map && (at.is_named || !is_nothing) {
            self.shown.push(Shown { key: at.key.clone(), value, from: "default".into(), by: Vec::new() });
        }
    }
}

/// Whether `schema` is of any text, in which somebody may have written a secret.
fn is_text(schema: &Value) -> bool {
    let kind = schema.get("type");
    kind.is_some_and(|kind| {
        kind == "string" || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "string"))
    })
}

/// Whether a property is a secret's name, which is not secret.
fn is_name(property: &Value) -> bool {
    let refers = |schema: &Value| schema.get("$ref").is_some_and(|to| to == "#/$defs/SecretName");
    refers(property) || property.get("anyOf").and_then(Value::as_array).is_some_and(|any| any.iter().any(refers))
}

/// Whether a text is secret as far as one can see: by its key, or because somebody took care not to write it down in a table
/// of their own names.
fn is_telling(key: &str, node: &Node) -> bool {
    let name = key.rsplit('.').next().unwrap_or(key).to_ascii_lowercase();
    let free = key.contains(".environment.") || key.contains(".config.") || !key.contains('.');
    TELLING.iter().any(|part| name.contains(part)) || free && !node.references().is_empty()
}

fn value(node: &Node, is_secret: bool) -> Value {
    match &node.value {
        text::Value::Array(items) => items.iter().map(|item| value(item, is_secret)).collect(),
        text::Value::Table(table) => table.iter().map(|(key, node)| (key.clone(), value(node, is_secret))).collect(),
        _ if is_secret => HIDDEN.into(),
        text::Value::Bool(is) => (*is).into(),
        text::Value::Integer(number) => (*number).into(),
        text::Value::Float(number) => (*number).into(),
        text::Value::Text(text) => without_userinfo(text).into(),
    }
}

/// A URL without the name and the password in it.
fn without_userinfo(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    match authority.rfind('@') {
        Some(at) => format!("{scheme}://{HIDDEN}{}", &rest[at..]),
        None => text.to_owned(),
    }
}
