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
        // What is included is part of what is shown.
        for (key, property) in properties.into_iter().flatten().filter(|(key, _)| *key != "include") {
            self.property(property, written.get(key), &at.below(key));
        }
        let known = |key: &str| properties.is_some_and(|properties| properties.contains_key(key));
        for (key, node) in written.iter().filter(|(key, _)| !known(key)) {
            let entries = schema.get("patternProperties").and_then(Value::as_object);
            let entry = entries.and_then(|entries| entries.values().next());
            let entry = entry.or_else(|| schema.get("additionalProperties")).unwrap_or(&Value::Null);
            // Somebody took care not to write it down, under a name of their own.
            let free =
                is_text(schema::resolved(entry, self.root)) && (is_telling(key) || !node.references().is_empty());
            // `[secret.NAME]`, of whatever tenant.
            let is_place = at.key == "secret" || at.key.ends_with(".secret");
            let at = At { is_named: false, is_secret: at.is_secret || free || is_place, ..at.below(key) };
            self.property(entry, Some(node), &at);
        }
    }

    fn property(&mut self, property: &Value, node: Option<&Node>, at: &At) {
        let schema = schema::resolved(property, self.root);
        let says_secret = |schema: &Value| schema.get("writeOnly").is_some_and(|is| is == true);
        let telling = is_text(schema) && !is_name(property) && is_telling(&at.key);
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
                value: typed(value(node, is_secret), schema),
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

/// Whether a text is secret as far as its key tells.
fn is_telling(key: &str) -> bool {
    let name = key.rsplit('.').next().unwrap_or(key).to_ascii_lowercase();
    TELLING.iter().any(|part| name.contains(part))
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

/// What a reference to a number or a boolean stands for.
fn typed(value: Value, schema: &Value) -> Value {
    let wanted = || schema.get("type").is_some() && !is_text(schema);
    let read = value.as_str().filter(|_| wanted()).and_then(|text| text.trim().replace('_', "").parse().ok());
    read.unwrap_or(value)
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

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
listen = "127.0.0.1:${PORT}"
store = "redis://toolyard@cache/1"
store_password = "cache"
[limits]
calls_max = "${CALLS}"
[secret.cache]
file = "/run/secrets/cache"
[tenant.acme.secret.own]
command = ["pass", "own"]
[tenant.acme.plugin.p]
prefix = "p"
[[seal.keys]]
id = "1"
secret = "hunter2"
[plugin.p.grants]
config = { language = "en", api_token = "hunter2", who = "${WHO}" }
environment = { PASSWORD = "hunter2", LANG = "C" }
secrets = { key = "cache" }
[[plugin.p.grants.http]]
url = "https://user:hunter2@api.example.com/"
"#;

    fn lines(effective: bool) -> Vec<String> {
        let environment = |name: &str| {
            let value = [("PORT", "1"), ("CALLS", "7"), ("WHO", "hunter2")].iter().find(|(known, _)| *known == name);
            Ok(value.map(|(_, value)| (*value).to_owned()))
        };
        let document = Document::parse(TEXT, &environment).unwrap();
        let line = |one: Shown| format!("{} = {} from {} {}", one.key, one.value, one.from, one.by.join(" "));
        shown(&document, effective).into_iter().map(|one| line(one).trim_end().to_owned()).collect()
    }

    #[test]
    fn what_is_written_is_shown_with_its_place_and_what_is_secret_is_not() {
        assert_eq!(
            lines(false),
            [
                r#"listen = "127.0.0.1:1" from :2 ${PORT}"#,
                r#"store = "redis://…@cache/1" from :3"#,
                r#"store_password = "cache" from :4"#,
                r#"seal.keys[0].id = "1" from :14"#,
                r#"seal.keys[0].secret = "…" from :15"#,
                r#"limits.calls_max = 7 from :6 ${CALLS}"#,
                r#"tenant.acme.plugin.p.prefix = "p" from :12"#,
                r#"tenant.acme.secret.own.command = ["…","…"] from :10"#,
                r#"plugin.p.grants.http[0].url = "https://…@api.example.com/" from :21"#,
                r#"plugin.p.grants.config.api_token = "…" from :17"#,
                r#"plugin.p.grants.config.language = "en" from :17"#,
                r#"plugin.p.grants.config.who = "…" from :17 ${WHO}"#,
                r#"plugin.p.grants.secrets.key = "cache" from :19"#,
                r#"plugin.p.grants.environment.LANG = "C" from :18"#,
                r#"plugin.p.grants.environment.PASSWORD = "…" from :18"#,
                r#"secret.cache.file = "…" from :8"#,
            ]
        );
    }

    #[test]
    fn what_holds_is_shown_with_the_defaults() {
        let lines = lines(true);
        for line in [
            r#"limits.calls_max = 7 from :6 ${CALLS}"#,
            r#"limits.queue_max = 1024 from default"#,
            r#"limits.timeout_ms_max = 30000 from default"#,
            r#"plugins = "plugins" from default"#,
            r#"admin_listen = null from default"#,
            r#"server.name = "toolyard" from default"#,
            r#"egress.dns = [] from default"#,
            r#"plugin.p.own_resources = false from default"#,
        ] {
            assert!(lines.iter().any(|shown| shown == line), "{line} is not in {lines:#?}");
        }
        // A plugin has the limits of its tenant, and those are shown there.
        assert!(!lines.iter().any(|line| line.starts_with("plugin.p.limits")), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.contains("hunter2")), "{lines:#?}");
    }
}
