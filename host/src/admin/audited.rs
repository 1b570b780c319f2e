//! Records of the audit trail, each with a line that says what it is of.

use serde_json::{Value, json};

/// Members of a record that its line is made of, in their order, where it has them.
const LINE: [&str; 8] = ["time", "tenant", "subject", "decision", "rule", "outcome", "reason", "status"];

/// A record as the page shows it: what it is of, a line about it, and all of it.
pub(super) fn told(record: &Value) -> Value {
    let word = |name: &str| match &record[name] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let title = ["name", "plugin", "change"].into_iter().find_map(word);
    let kind = word("kind").unwrap_or_else(|| "record".into());
    let title = title.map_or_else(|| kind.clone(), |title| format!("{kind}: {title}"));
    let mut line: Vec<String> = LINE.into_iter().filter_map(word).collect();
    line.extend(record["duration_us"].as_u64().map(|us| format!("{us} µs")));
    let effects = record["effects"].as_array().map_or(0, Vec::len);
    if effects > 0 {
        line.push(format!("{effects} {}", if effects == 1 { "effect" } else { "effects" }));
    }
    json!({ "key": word("seq").or_else(|| word("hash")), "title": title, "summary": line.join(" · "), "record": record })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_a_line() {
        let record = json!({
            "seq": 7, "kind": "call", "name": "text_search", "time": "2026-11-22T01:02:03Z", "tenant": "acme",
            "subject": "alice", "decision": "allow", "outcome": "answered", "duration_us": 312, "effects": [{}],
        });
        let told = told(&record);
        assert_eq!((&told["key"], &told["title"]), (&json!("7"), &json!("call: text_search")));
        let line = "2026-11-22T01:02:03Z · acme · alice · allow · answered · 312 µs · 1 effect";
        assert_eq!(told["summary"], line);
        assert_eq!(super::told(&json!({}))["title"], "record");
    }
}
