//! The configuration file as a JSON Schema: for editors, and for those who show what holds where nothing was written.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{Config, DEFAULT_PLUGINS, Written, store::DEFAULT_PREFIX};

/// Where a value of another type than a string may be a reference to one.
const REFERENCE: &str = r"^\s*\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}\s*$|^file:";

/// A string that has one in it may become what its own pattern takes.
const WITH_REFERENCE: &str = r"\$\{|^file:";

/// The schema of the file (JSON Schema, draft 2020-12), with descriptions and defaults.
pub fn schema() -> Value {
    let mut schema = exact();
    relax(&mut schema);
    schema
}

/// The same for what a file means, in which no reference is left and tables that need not be there are told from those
/// whose defaults hold.
pub(super) fn exact() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Written>().to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".into(), "The configuration of Toolyard".into());
        root.shift_remove("description");
    }
    for (key, default) in defaults() {
        let Some(property) = property_mut(&mut schema, key) else { continue };
        property.insert("default".into(), default);
    }
    schema
}

/// The table or the value that `schema` describes: what it refers to, if it only refers.
pub(super) fn resolved<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let one = schema.get("anyOf").and_then(Value::as_array).and_then(|any| any.iter().find(|one| !is_null(one)));
    let schema = one.unwrap_or(schema);
    match schema.get("$ref").and_then(Value::as_str).and_then(|to| root.pointer(to.trim_start_matches('#'))) {
        Some(meant) => resolved(meant, root),
        None => schema,
    }
}

/// Whether a value need not be there, and nothing holds in its place.
pub(super) fn is_optional(schema: &Value) -> bool {
    schema.get("anyOf").and_then(Value::as_array).is_some_and(|any| any.iter().any(is_null))
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "null")
}

/// What holds where nothing is written, as far as it is not the type's own. Tables of plugins, tools and tenants have none:
/// there, what is written one level above holds.
fn defaults() -> Vec<(&'static str, Value)> {
    let config = Config::new();
    let (host, identity) = (&config.host_limits, &config.identity);
    let ms = |time: std::time::Duration| json!(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let mut defaults = vec![
        ("listen", json!(config.listen)),
        ("plugins", json!(DEFAULT_PLUGINS)),
        ("store_prefix", json!(DEFAULT_PREFIX)),
        ("auth.dpop.window_ms", ms(config.auth.dpop.window)),
        ("drain_notice_ms", ms(config.drain_notice)),
        ("log.filter", json!(config.log.filter.to_string())),
        ("log.format", json!(config.log.format)),
        ("server.name", json!(identity.name)),
        ("server.version", json!(identity.version)),
        ("limits.calls_max", json!(host.calls_max)),
        ("limits.queue_max", json!(host.queue_max)),
        ("limits.warm_instances_max", json!(host.warm_instances_max)),
        ("limits.queue_wait_ms_max", ms(host.queue_wait_max)),
        ("limits.body_bytes_max", json!(host.body_bytes_max)),
        ("limits.body_read_ms_max", ms(host.body_read_max)),
        ("limits.header_bytes_max", json!(host.header_bytes_max)),
        ("limits.header_read_ms_max", ms(host.header_read_max)),
        ("limits.connections_max", json!(host.connections_max)),
        ("limits.component_bytes_max", json!(host.component_bytes_max)),
        ("limits.input_wait_ms_max", ms(host.input_wait_max)),
        ("limits.session_ttl_ms", ms(host.session_ttl)),
        ("limits.drain_ms_max", ms(host.drain_max)),
        ("limits.tasks_max", json!(host.tasks_max)),
        ("limits.tasks_ended_max", json!(host.tasks_ended_max)),
        ("limits.tasks_running_max", json!(host.tasks_running_max)),
        ("limits.task_ttl_ms", ms(host.task_ttl)),
        ("limits.task_result_ttl_ms", ms(host.task_result_ttl)),
    ];
    defaults.extend(config.default_tenant().limits.listed());
    defaults
}

/// The property at `key`, in which a dot leads into a table.
fn property_mut<'a>(root: &'a mut Value, key: &str) -> Option<&'a mut Map<String, Value>> {
    let mut pointer = String::new();
    for (at, part) in key.split('.').enumerate() {
        if at > 0 {
            let schema = root.pointer(&pointer)?;
            let refers = schema.get("$ref").and_then(Value::as_str).map(|to| to.trim_start_matches('#').to_owned());
            pointer = refers.unwrap_or(pointer);
        }
        pointer.push_str("/properties/");
        pointer.push_str(part);
    }
    root.pointer_mut(&pointer)?.as_object_mut()
}

/// Makes a schema of what may be written from one of what is meant: TOML has no null, and a reference is a string whatever
/// it stands for.
fn relax(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(relax),
        Value::Object(object) => {
            object.values_mut().for_each(relax);
            without_null(object);
            with_references(object);
        }
        _ => {}
    }
}

fn without_null(schema: &mut Map<String, Value>) {
    if schema.get("default").is_some_and(Value::is_null) {
        schema.shift_remove("default");
    }
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [one] = &mut kinds[..] {
            let one = one.take();
            schema.insert("type".into(), one);
        }
    }
    if let Some(Value::Array(any)) = schema.get_mut("anyOf") {
        any.retain(|one| !is_null(one));
        if let [Value::Object(one)] = &mut any[..] {
            let one = std::mem::take(one);
            schema.shift_remove("anyOf");
            // What is said of the key comes before what is said of the type.
            for (key, value) in one {
                schema.entry(key).or_insert(value);
            }
        }
    }
}

fn with_references(schema: &mut Map<String, Value>) {
    let reference = json!({ "type": "string", "pattern": REFERENCE });
    match schema.get("type").and_then(Value::as_str) {
        Some(kind @ ("integer" | "number" | "boolean")) => {
            schema.insert("type".into(), json!([kind, "string"]));
            schema.insert("pattern".into(), REFERENCE.into());
        }
        Some("string") if schema.contains_key("enum") => {
            let words = json!({ "enum": schema.shift_remove("enum") });
            schema.insert("anyOf".into(), json!([words, reference]));
        }
        Some("string") => {
            if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
                let pattern = format!("{pattern}|{WITH_REFERENCE}");
                schema.insert("pattern".into(), pattern.into());
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validator() -> jsonschema::Validator {
        jsonschema::draft202012::new(&schema()).unwrap()
    }

    fn check(text: &str, expected: bool) {
        let document: Value = serde_json::to_value(toml::from_str::<toml::Value>(text).unwrap()).unwrap();
        let errors: Vec<String> = validator().iter_errors(&document).map(|error| error.to_string()).collect();
        assert_eq!(errors.is_empty(), expected, "{text}\n{errors:?}");
    }

    #[test]
    fn it_is_a_schema_of_its_draft() {
        assert!(jsonschema::draft202012::meta::is_valid(&schema()));
        assert_eq!(schema()["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }

    #[test]
    fn it_takes_what_the_host_takes() {
        check("", true);
        check("listen = '127.0.0.1:1'\ninclude = ['a.toml']", true);
        check("[limits]\ncalls_max = '${CALLS}'\nqueue_max = '${QUEUE:-5}'\nbody_bytes_max = 'file:x'", true);
        check("[plugin.a.tool.t]\ntask = '${MODE}'\n[plugin.b.tool.t]\ntask = 'never'", true);
        check("store_password = '${NAME}'", true);
        check("[plugin.a.grants]\nkeyvalue = { keys_max = 1 }", true);
    }

    #[test]
    fn it_refuses_what_the_host_refuses() {
        check("listening = '127.0.0.1:1'", false);
        check("[limits]\ncalls_max = 'many'", false);
        check("[limits]\ncalls_max = -1", false);
        check("[plugin.a.tool.t]\ntask = 'always'", false);
        check("[plugin.'a b']", false);
        check("store_password = 'a b'", false);
        check("[[seal.keys]]\nsecret = 'x'", false);
    }

    #[test]
    fn every_default_has_its_place_and_every_limit_its_default() {
        let mut schema = exact();
        for (key, default) in defaults() {
            assert_eq!(property_mut(&mut schema, key).unwrap()["default"], default, "{key}");
        }
        let limits = resolved(&schema["properties"]["limits"], &schema)["properties"].as_object().unwrap();
        for (name, limit) in limits {
            assert!(!limit["default"].is_null(), "{name}");
        }
    }

    #[test]
    fn everything_is_described() {
        let schema = schema();
        let tables = schema["$defs"].as_object().unwrap().iter().map(|(name, table)| (name.as_str(), table));
        let mut silent = Vec::new();
        for (table, described) in tables.chain([("the file", &schema)]) {
            for (key, property) in described["properties"].as_object().into_iter().flatten() {
                let own = property.get("description");
                let said = own.or_else(|| resolved(property, &schema).get("description"));
                // Lists of tables are described where the table is.
                let said = said.or_else(|| resolved(&property["items"], &schema).get("description"));
                let entry = property["patternProperties"].as_object().and_then(|entries| entries.values().next());
                let said = said.or_else(|| resolved(entry?, &schema).get("description"));
                if said.is_none() {
                    silent.push(format!("`{key}` of {table}"));
                }
            }
        }
        assert!(silent.is_empty(), "no doc comment: {silent:#?}");
    }
}
