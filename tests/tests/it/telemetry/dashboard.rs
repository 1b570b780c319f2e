//! The dashboard and the documentation speak of metrics that there are, and of all of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use toolyard_tests::Site;

use super::{metrics, scrape};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every name of a metric in a text.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("toolyard_")).map(str::to_owned).collect()
}

/// What the dashboard asks for: queries of panels, and of the lists to choose from.
fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                match value {
                    Value::String(text) if matches!(key.as_str(), "expr" | "query" | "definition") => {
                        found.push(text.clone());
                    }
                    _ => queries(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| queries(item, found)),
        _ => {}
    }
}

#[test]
fn each_metric_is_exported_shown_and_explained() {
    let site = Site::saying("hello");
    let host = metrics::host(&site);
    metrics::use_all(&host, &site);
    let metrics = scrape(&host);
    host.stop();

    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/toolyard.json")).expect("the dashboard is JSON");
    let mut all = Vec::new();
    queries(&dashboard, &mut all);
    assert!(all.len() > 20, "{all:#?}");
    for query in &all {
        for name in named(query) {
            assert!(metrics.contains_key(&name), "the dashboard asks for {name}, which no host exports: {query}");
        }
        // Labels that a query groups or chooses by must be there, or its panel is empty for ever.
        for name in named(query) {
            let labels: BTreeSet<&String> = metrics[&name].iter().flat_map(|(labels, _)| labels.keys()).collect();
            for label in ["tenant", "plugin", "tool", "outcome"] {
                let asks = query.contains(&format!("{label}=")) || query.contains(&format!("by ({label}"));
                assert!(!asks || labels.iter().any(|own| *own == label), "{name} has no `{label}`: {query}");
            }
        }
    }
    let family = |name: &str| {
        let suffix = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        suffix.unwrap_or(name).to_owned()
    };
    let exported: BTreeSet<String> = metrics.keys().map(|name| family(name)).collect();
    let shown: BTreeSet<String> = all.iter().flat_map(|query| named(query)).map(|name| family(&name)).collect();
    let explained: BTreeSet<String> = named(&read("docs/telemetry.md")).iter().map(|name| family(name)).collect();
    assert_eq!(exported, shown, "exported on the left, shown on the right");
    assert_eq!(exported, explained, "exported on the left, explained in docs/telemetry.md on the right");
}
