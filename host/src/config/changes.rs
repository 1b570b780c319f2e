//! What differs between two configurations, and whether a host that runs can take it up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    Limits,
    text::{Document, Node, Step, Value},
};

/// So many keys are named; of more, their number is.
const NAMED_MAX: usize = 20;

/// The parts of a configuration that a host takes up while it runs: each is some `Taker`'s, or of those who load plugins.
const APPLIED: &[&str] = &[
    "allow_anonymous",
    "allowed_origins",
    "audit.arguments",
    "audit.durable",
    "audit.keep_files_max",
    "audit.redact",
    "audit.rotate_bytes_max",
    "auth",
    "egress",
    "log",
    "plugin",
    "plugins",
    "policy",
    "public_url",
    "registry",
    "secret",
    "server",
    "strict_grants",
    "supply",
    "telemetry.propagate",
    "telemetry.sample_ratio",
    "tenant",
];

/// Limits of the host as a whole that hold for what comes next. The others in `[limits]` are either of calls, which are applied,
/// or sizes of what is made once.
const LIMITS_APPLIED: &[&str] = &["component_bytes_max"];

/// What differs between two configurations, by the keys as they stand in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// What the host takes up while it runs.
    pub applied: Vec<String>,
    /// What holds from its next start on.
    pub needs_restart: Vec<String>,
}

impl Changes {
    /// `started` is what the host began with: what is as it was then needs no restart, whatever was written in between.
    pub(super) fn between(started: &Document, old: &Document, new: &Document) -> Self {
        let [started, old, new] = [started, old, new].map(|document| leaves(&document.root));
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let changed = keys.into_iter().filter(|key| old.get(*key) != new.get(*key)).cloned();
        let (applied, mut needs_restart): (Vec<_>, Vec<_>) = changed.partition(|key| is_applied(key));
        needs_restart.retain(|key| started.get(key) != new.get(key));
        Self { applied, needs_restart }
    }

    /// Whether the files say the same.
    pub fn is_empty(&self) -> bool {
        self.applied.is_empty() && self.needs_restart.is_empty()
    }
}

/// The keys in a line, for a log.
pub(super) fn named(keys: &[String]) -> String {
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
    if let Some(limit) = key.strip_prefix("limits.") {
        let of_calls = Limits::default().listed();
        let is_of_calls = of_calls.iter().any(|(listed, _)| *listed == key);
        return !is_of_pool && (is_of_calls || LIMITS_APPLIED.contains(&limit));
    }
    !is_of_pool && APPLIED.iter().any(applied)
}

/// All values that are no tables, by their keys. A list is one value.
fn leaves(root: &Node) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    root.visit(&mut Vec::new(), &mut |path, node| {
        let in_list = path.iter().any(|step| matches!(step, Step::Index(_)));
        if path.is_empty() || in_list || matches!(&node.value, Value::Table(table) if !table.is_empty()) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::text::of_process;

    fn check(old: &str, new: &str, applied: &[&str], needs_restart: &[&str]) {
        let document = |text| Document::parse(text, &of_process).unwrap();
        let old = document(old);
        let changes = Changes::between(&old, &old, &document(new));
        assert_eq!(
            (changes.applied, changes.needs_restart),
            (
                applied.iter().map(|key| key.to_string()).collect(),
                needs_restart.iter().map(|key| key.to_string()).collect::<Vec<_>>()
            )
        );
    }

    #[test]
    fn what_differs_is_named_by_its_key() {
        check("a = 1\n[plugin.p]\nb = [1, 2]", "a = 0x1\n[plugin]\np = { b = [1, 2] }", &[], &[]);
        check("[plugin.p]\nb = [1, 2]", "[plugin.p]\nb = [2, 1]", &["plugin.p.b"], &[]);
        check("[plugin.p]", "[plugin.p]\nb = 1", &["plugin.p", "plugin.p.b"], &[]);
        check("", "[tenant.t]\n[secret.s]\nenv = 'E'", &["secret.s.env", "tenant.t"], &[]);
        check("allowed_origins = []", "allowed_origins = ['https://a']", &["allowed_origins"], &[]);
        check("plugins = 'a'\nlisten = 'x'", "plugins = 'b'", &["plugins"], &["listen"]);
        check("store = 'a'", "[[seal.keys]]\nid = '1'", &[], &["seal.keys", "store"]);
        check(
            "",
            "[plugin.p.limits]\ntable_elements_max = 1\ncpu_ms_max = 1",
            &["plugin.p.limits.cpu_ms_max"],
            &["plugin.p.limits.table_elements_max"],
        );
        check("", "[limits]\ncalls_max = 1\ncpu_ms_max = 1", &["limits.cpu_ms_max"], &["limits.calls_max"]);
        check("", "[audit]\nfile = 'a'\n[tls]\ncert = 'c'", &[], &["audit.file", "tls.cert"]);
        check("", "public_url = 'u'\n[supply]\nlocked = true", &["public_url", "supply.locked"], &[]);
    }

    #[test]
    fn what_is_as_it_was_at_the_start_needs_no_restart() {
        let [one, two] = ["listen = 'a'", "listen = 'b'"].map(|text| Document::parse(text, &of_process).unwrap());
        assert_eq!(Changes::between(&one, &one, &two).needs_restart, ["listen"]);
        assert_eq!(Changes::between(&one, &two, &one), Changes::default());
    }

    #[test]
    fn a_part_may_be_taken_up_and_the_rest_of_its_table_not() {
        check("", "[tls]\ncert = 'a'", &[], &["tls.cert"]);
        check("", "[log]\nfilter = 'warn'", &["log.filter"], &[]);
        check(
            "",
            "[audit]\nfile = 'a'\narguments = 'full'\n[telemetry]\nsample_ratio = 0.5\notlp_endpoint = 'http://c'",
            &["audit.arguments", "telemetry.sample_ratio"],
            &["audit.file", "telemetry.otlp_endpoint"],
        );
        let egress = "[egress]\ndns = ['127.0.0.1:53']\n[server]\ntitle = 'T'\n[admin]\nhosts = ['h']";
        check("", egress, &["egress.dns", "server.title"], &["admin.hosts"]);
    }

    #[test]
    fn many_keys_are_counted() {
        let keys: Vec<String> = (0..25).map(|at| at.to_string()).collect();
        assert!(named(&keys).ends_with("18, 19 and 5 more"));
    }
}
