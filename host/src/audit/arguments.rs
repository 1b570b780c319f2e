//! Arguments of calls, as far as they may be written down.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::record::Arguments;
use crate::config::ArgumentsShown;

/// Longer arguments are in a record by their digest only: the trail is no archive.
const SHOWN_BYTES_MAX: usize = 16 << 10;

/// What stands in place of a value that is left out.
const LEFT_OUT: &str = "[left out]";

/// Words in the names of members whose values are secrets more often than not.
const SECRET_WORDS: [&str; 9] =
    ["password", "passwd", "passphrase", "secret", "token", "apikey", "authorization", "credential", "cookie"];

/// Arguments as a record has them.
pub(super) fn shown(value: &Value, how: &ArgumentsShown) -> Arguments {
    let text = canonical(value);
    let sha256 = hex(&Sha256::digest(text.as_bytes()));
    let bytes = text.len();
    let shown = match how {
        ArgumentsShown::Digest => None,
        _ if bytes > SHOWN_BYTES_MAX => None,
        ArgumentsShown::Full => Some(text),
        ArgumentsShown::Redacted(names) => Some(canonical(&redacted(value, names))),
    };
    let value = shown.and_then(|text| serde_json::value::RawValue::from_string(text).ok());
    Arguments { sha256, bytes, value }
}

/// JSON with its keys sorted and no spaces, as `jq -cS` writes it: two writings of one value have one digest.
pub(super) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            for (place, (key, value)) in entries.into_iter().enumerate() {
                text.push(if place == 0 { '{' } else { ',' });
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write(value, text);
            }
            text.push_str(if object.is_empty() { "{}" } else { "}" });
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                text.push(if place == 0 { '[' } else { ',' });
                write(item, text);
            }
            text.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        plain => text.push_str(&plain.to_string()),
    }
}

/// The same without the values of members that are called like `names` or like secrets are, at any depth.
fn redacted(value: &Value, names: &[String]) -> Value {
    match value {
        Value::Object(object) => {
            let entries = object.iter().map(|(key, value)| {
                let kept = if is_secret(key, names) { LEFT_OUT.into() } else { redacted(value, names) };
                (key.clone(), kept)
            });
            Value::Object(entries.collect())
        }
        Value::Array(items) => items.iter().map(|item| redacted(item, names)).collect(),
        plain => plain.clone(),
    }
}

fn is_secret(key: &str, names: &[String]) -> bool {
    let key = key.to_lowercase();
    let plain: String = key.chars().filter(|c| !matches!(c, '-' | '_' | '.' | ' ')).collect();
    names.contains(&key) || SECRET_WORDS.iter().any(|word| plain.contains(word))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn two_writings_of_one_value_have_one_digest() {
        let (one, other) = (
            json!({ "b": [1, {}], "a": { "y": "é\n", "x": 1.5 } }),
            json!({ "a": { "x": 1.5, "y": "é\n" }, "b": [1, {}] }),
        );
        assert_eq!(canonical(&one), r#"{"a":{"x":1.5,"y":"é\n"},"b":[1,{}]}"#);
        let digest = |value| shown(value, &ArgumentsShown::Digest);
        assert_eq!(digest(&one).sha256, digest(&other).sha256);
        // As `printf '{}' | sha256sum` has it.
        let empty = digest(&json!({}));
        assert_eq!(empty.sha256, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
        assert!(empty.value.is_none());
    }

    #[test]
    fn what_is_called_like_a_secret_is_left_out() {
        let value = json!({ "user": "ann", "API_Key": "k1", "deep": [{ "new-password": { "a": "k2" }, "IBAN": 7, "n": null }] });
        let text = shown(&value, &ArgumentsShown::Redacted(vec!["iban".into()])).value.unwrap();
        let left_out = LEFT_OUT;
        let expected = json!({ "API_Key": left_out, "deep": [{ "IBAN": left_out, "n": null, "new-password": left_out }], "user": "ann" });
        assert_eq!(serde_json::from_str::<Value>(text.get()).unwrap(), expected);
        let full = shown(&value, &ArgumentsShown::Full).value.unwrap();
        assert_eq!(serde_json::from_str::<Value>(full.get()).unwrap(), value);
    }

    #[test]
    fn what_is_long_is_in_a_record_by_its_digest() {
        let long = json!({ "text": "x".repeat(SHOWN_BYTES_MAX) });
        let arguments = shown(&long, &ArgumentsShown::Full);
        assert!(arguments.value.is_none() && arguments.bytes > SHOWN_BYTES_MAX);
    }
}
