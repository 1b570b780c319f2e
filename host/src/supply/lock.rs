//! What is known of plugins: in the lock file, which people keep beside the configuration, and in the state folder, where the host
//! remembers what it served.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{Digest, PluginId, TenantId};

/// The form of the file; another one is another number.
const FORM: u32 = 1;

const HEADER: &str = "\
# Written by `toolyard lock`: what each plugin is, and by what digest its tools are known. Keep it with the configuration; look at
# what changes in it.

";

/// A lock file's contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    form: u32,
    #[serde(default, rename = "plugin")]
    plugins: Vec<Locked>,
}

/// What is known of one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    pub tenant: TenantId,
    pub name: PluginId,
    /// Where in a registry it is. `None`: in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Of what the registry has under that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Digest>,
    pub component: Digest,
    /// The version that it goes by. `None`: it goes by none, and so is always the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The beginnings of the URIs that it answers for.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub prefixes: BTreeSet<String>,
    /// By the plugin's own names for them: a digest of all that a model reads of each.
    #[serde(default)]
    pub tools: BTreeMap<String, Digest>,
    /// The same of prompts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prompts: BTreeMap<String, Digest>,
    /// The same of templates of resources, by their URIs. Which resources there are a plugin says only when it runs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub templates: BTreeMap<String, Digest>,
}

/// What a plugin says of itself, as far as it is known without running it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    pub prefixes: BTreeSet<String>,
    pub tools: BTreeMap<String, Digest>,
    pub prompts: BTreeMap<String, Digest>,
    pub templates: BTreeMap<String, Digest>,
}

/// What differs between two descriptions of a plugin, as a clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes(String);

impl Default for Lock {
    fn default() -> Self {
        Self { form: FORM, plugins: Vec::new() }
    }
}

impl Lock {
    /// With these plugins, in their order by tenant and name.
    pub fn new(mut plugins: Vec<Locked>) -> Self {
        plugins.sort_by(|a, b| (&a.tenant, &a.name, &a.version).cmp(&(&b.tenant, &b.name, &b.version)));
        Self { form: FORM, plugins }
    }

    /// Reads a file. `None`: there is none. The error is a sentence for the operator.
    pub fn read(path: &Path) -> Result<Option<Self>, String> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
        };
        Self::parse(&text).map(Some).map_err(|reason| format!("{}: {reason}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let lock: Self = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        if lock.form != FORM {
            return Err(format!(
                "has form {}, and this toolyard knows form {FORM}: remove it, and write it anew with `toolyard lock`",
                lock.form
            ));
        }
        Ok(lock)
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let text = toml::to_string(self).expect("names, digests and texts are TOML");
        format!("{HEADER}{text}")
    }

    /// Writes a file beside its place and puts it there, so that nobody reads half of it.
    pub fn write(&self, path: &Path, mode: u32) -> io::Result<()> {
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".{}.draft", process::id()));
        let write = || {
            let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&draft)?;
            file.write_all(self.text().as_bytes())?;
            file.sync_all()?;
            fs::rename(&draft, path)
        };
        write().inspect_err(|_| drop(fs::remove_file(&draft)))
    }

    pub fn plugins(&self) -> &[Locked] {
        &self.plugins
    }

    /// The entry of a plugin.
    pub fn get(&self, tenant: &TenantId, name: &PluginId) -> Option<&Locked> {
        self.plugins.iter().find(|locked| locked.tenant == *tenant && locked.name == *name)
    }
}

impl Locked {
    /// What is described otherwise in `other`, if anything is.
    pub fn changes(&self, other: &Self) -> Option<Changes> {
        let [before, now] = [self.parts(), other.parts()];
        let quoted = |parts: Vec<&Part<'_>>| parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let changed = before.iter().filter(|(part, digest)| now.get(part).is_some_and(|now| now != *digest));
        let gone = before.keys().filter(|part| !now.contains_key(part));
        let new = now.keys().filter(|part| !before.contains_key(part));
        let parts = [
            ("changed", quoted(changed.map(|(part, _)| part).collect())),
            ("new", quoted(new.collect())),
            ("gone", quoted(gone.collect())),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| format!("{what}: {names}"))
            .collect();
        (!parts.is_empty()).then(|| Changes(parts.join("; ")))
    }

    /// All that it says of itself. Whether it answers for a URI has no description.
    fn parts(&self) -> BTreeMap<Part<'_>, Option<&Digest>> {
        let prefixes = self.prefixes.iter().map(|name| (Part { what: "URIs below ", name }, None));
        let described = [("", &self.tools), ("prompt ", &self.prompts), ("template ", &self.templates)];
        let described = described
            .into_iter()
            .flat_map(|(what, known)| known.iter().map(move |(name, digest)| (Part { what, name }, Some(digest))));
        described.chain(prefixes).collect()
    }
}

/// One thing that a plugin offers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Part<'a> {
    /// What stands before its name; nothing before that of a tool.
    what: &'static str,
    name: &'a str,
}

impl std::fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}`{}`", self.what, self.name)
    }
}

impl std::fmt::Display for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A digest of what a model reads of something. JSON counts by what it means: white space and the order of keys are not looked at.
pub fn described(texts: &[Option<&str>], json: &[Option<&str>]) -> Digest {
    let meaning = |text: &&str| {
        // What does not read counts as it stands.
        let value: Value = serde_json::from_str(text).unwrap_or_else(|_| Value::String((*text).to_owned()));
        sorted(value)
    };
    let json: Vec<Option<Value>> = json.iter().map(|text| text.as_ref().map(meaning)).collect();
    let all = serde_json::json!([texts, json]);
    Digest::of(all.to_string().as_bytes())
}

/// With the keys of all objects in their order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let map: BTreeMap<String, Value> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(map.into_iter().collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(name: &str, tools: &[(&str, &str)]) -> Locked {
        Locked {
            tenant: TenantId::default(),
            name: name.parse().unwrap(),
            source: Some("oci://registry.example/acme/weather:1.0".into()),
            manifest: Some(Digest::of(b"manifest")),
            component: Digest::of(b"component"),
            version: Some("1.0".into()),
            prefixes: BTreeSet::new(),
            tools: tools.iter().map(|(name, text)| ((*name).to_owned(), Digest::of(text.as_bytes()))).collect(),
            prompts: BTreeMap::new(),
            templates: BTreeMap::new(),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("toolyard.lock");
        assert_eq!(Lock::read(&path), Ok(None));
        let mut file = locked("b", &[]);
        (file.source, file.manifest, file.version) = (None, None, None);
        let lock = Lock::new(vec![file, locked("a", &[("x", "1"), ("a tool: \"y\"", "2")])]);
        lock.write(&path, 0o644).unwrap();
        assert_eq!(Lock::read(&path), Ok(Some(lock.clone())));
        assert_eq!(lock.plugins()[0].name.as_str(), "a");
        assert!(lock.get(&TenantId::default(), &"b".parse().unwrap()).is_some());
        assert!(lock.get(&"other".parse().unwrap(), &"b".parse().unwrap()).is_none());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "the draft is gone");
    }

    #[test]
    fn what_is_no_lock_file_says_why() {
        for (text, reason) in [
            ("form = 2", "this toolyard knows form 1"),
            ("", "form"),
            ("form = 1\nplugins = []", "unknown field"),
            (
                "form = 1\n[[plugin]]\ntenant = \"default\"\nname = \"a\"\ncomponent = \"sha256:1\"",
                "64 hexadecimal digits",
            ),
        ] {
            let wrong = Lock::parse(text).unwrap_err();
            assert!(wrong.contains(reason), "{text}: {wrong}");
        }
    }

    #[test]
    fn changes_are_named() {
        let old = locked("a", &[("same", "1"), ("other", "1"), ("gone", "1")]);
        assert_eq!(old.changes(&old), None);
        let now = locked("a", &[("same", "1"), ("other", "2"), ("more", "1")]);
        assert_eq!(old.changes(&now).unwrap().to_string(), "changed: `other`; new: `more`; gone: `gone`");
    }

    #[test]
    fn prompts_and_templates_and_prefixes_count_too() {
        let digest = |text: &str| Digest::of(text.as_bytes());
        let say = |prefix: &str, prompt: &str, template: &str| Locked {
            prefixes: [prefix.to_owned()].into(),
            prompts: [("p".to_owned(), digest(prompt))].into(),
            templates: [("a://{id}".to_owned(), digest(template))].into(),
            ..locked("a", &[("p", "1")])
        };
        let old = say("a://", "1", "1");
        let told = |now: &Locked| old.changes(now).map(|changes| changes.to_string());
        assert_eq!(told(&old), None);
        assert_eq!(told(&say("a://", "2", "1")).as_deref(), Some("changed: prompt `p`"));
        assert_eq!(told(&say("a://", "1", "2")).as_deref(), Some("changed: template `a://{id}`"));
        assert_eq!(told(&say("file:", "1", "1")).as_deref(), Some("new: URIs below `file:`; gone: URIs below `a://`"));
        let bare = locked("a", &[("p", "1")]);
        let gone = "gone: URIs below `a://`, prompt `p`, template `a://{id}`";
        assert_eq!(told(&bare).as_deref(), Some(gone), "a tool of that name is another thing");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("toolyard.lock");
        let lock = Lock::new(vec![old]);
        lock.write(&path, 0o644).unwrap();
        assert_eq!(Lock::read(&path), Ok(Some(lock)));
    }

    #[test]
    fn a_schema_counts_by_what_it_means() {
        let digest = |text, schema| described(&[Some(text)], &[Some(schema), None]);
        let plain = digest("says", r#"{"type":"object","properties":{"a":{"type":"string"},"b":{}}}"#);
        assert_eq!(digest("says", r#"{ "properties": {"b": {}, "a": {"type": "string"}}, "type": "object" }"#), plain);
        assert_ne!(digest("says ", r#"{"type":"object","properties":{"a":{"type":"string"},"b":{}}}"#), plain);
        assert_ne!(digest("says", r#"{"type":"object","properties":{"a":{"type":"number"},"b":{}}}"#), plain);
        assert_ne!(described(&[None, Some("a")], &[]), described(&[Some("a"), None], &[]));
    }
}
