//! What differs between two configurations, and whether a host that runs can take it up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::text::{Document, Node, Step, Value};

/// So many keys are named; of more, their number is.
const NAMED_MAX: usize = 20;

/// The parts of a configuration that a host takes up while it runs. A `*` stands for a name.
const APPLIED: &[&str] =
    &["allowed_origins", "audit", "auth", "plugin", "policy", "secret", "telemetry.log", "tenant", "tls"];

/// What differs between two configurations, by the keys as they stand in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// What the host takes up while it runs.
    pub applied: Vec<String>,
    /// What holds from its next start on.
    pub needs_restart: Vec<String>,
}

impl Changes {
    pub(super) fn between(old: &Document, new: &Document) -> Self {
        let (old, new) = (leaves(&old.root), leaves(&new.root));
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let changed = keys.into_iter().filter(|key| old.get(*key) != new.get(*key)).cloned();
        let (applied, needs_restart) = changed.partition(|key| is_applied(key));
        Self { applied, needs_restart }
    }

    /// Whether the files say the same.
    pub fn is_empty(&self) -> bool {
        self.applied.is_empty() && self.needs_restart.is_empty()
    }
}

/// The keys in a line, for a log.
pub fn named(keys: &[String]) -> String {
    let more = keys.len().saturating_sub(NAMED_MAX);
    let named = keys[..keys.len() - more].join(", ");
    if more == 0 { named } else { format!("{named} and {more} more") }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "applied: {}; needs a restart: {}", or_nothing(&self.applied), or_nothing(&self.needs_restart))
    }
}

fn or_nothing(keys: &[String]) -> String {
    if keys.is_empty() { "nothing".into() } else { named(keys) }
}

fn is_applied(key: &str) -> bool {
    // The pool of tables is made once, for the largest.
    let is_of_pool = key.ends_with(".table_elements_max");
    let applied =
        |part: &&str| key.strip_prefix(*part).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    !is_of_pool && APPLIED.iter().any(|part| applied(&part))
}

/// All values that are no tables, by their keys. A list is one value.
fn leaves(root: &Node) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    root.visit(&mut Vec::new(), &mut |path, node| {
        let in_list = path.iter().any(|step| matches!(step, Step::Index(_)));
        if in_list || matches!(&node.value, Value::Table(table) if !table.is_empty()) {
            return;
        }
        let keys: Vec<&str> = path.iter().filter_map(Step::key).collect();
        leaves.insert(keys.join("."), compared(node));
    });
    leaves
}

/// A text that is the same for values that mean the same.
fn compared(node: &Node) -> String {
    match &node.value {
        Value::Bool(is) => is.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(|item| format!("{:?}", compared(item))).collect::<Vec<_>>().join(","))
        }
        Value::Table(table) => {
            let entries = table.iter().map(|(key, node)| format!("{key:?}:{:?}", compared(node)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
    }
}
