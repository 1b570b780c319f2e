//! What answers have in common.

use serde_json::Value;
use toolyard_tests::Reply;

/// Checks that the answer is a JSON-RPC error with this status and code, for the request with id `id`, and gives its
/// message, which is one clear sentence.
pub(crate) fn error(reply: &Reply, status: u16, code: i64, id: &Value) -> String {
    assert_eq!(reply.status, status, "{reply:?}");
    let answer = reply.answer();
    assert_eq!(answer["error"]["code"], code, "{reply:?}");
    assert_eq!(answer["jsonrpc"], "2.0", "{reply:?}");
    assert_eq!(answer.get("id").unwrap_or(&Value::Null), id, "{reply:?}");
    assert!(answer.get("result").is_none(), "{reply:?}");
    sentence(answer["error"]["message"].as_str().unwrap_or_else(|| panic!("no message: {reply:?}")))
}

/// Checks that the result says that the tool failed, in one clear sentence, and gives that.
pub(crate) fn failure(result: &Value) -> String {
    assert_eq!(result["isError"], true, "{result}");
    let content = result["content"].as_array().unwrap_or_else(|| panic!("no content: {result}"));
    assert_eq!(content.len(), 1, "{result}");
    sentence(content[0]["text"].as_str().unwrap_or_else(|| panic!("no text: {result}")))
}

/// Checks that a reader gets something to read: one line, short, in words, and nothing of the host's insides.
pub(crate) fn sentence(text: &str) -> String {
    assert!(text.contains(' ') && !text.trim().is_empty(), "no sentence: {text:?}");
    assert!(!text.contains('\n') && text.len() <= 1000, "not one short line: {text:?}");
    for inside in ["panicked", ".rs:", "wasm backtrace", "Error {", "Some(", "/src/", "/tmp/"] {
        assert!(!text.contains(inside), "`{inside}` is nothing for the caller: {text:?}");
    }
    text.to_owned()
}

/// The text of a result that has one piece of text as its content.
pub(crate) fn text(result: &Value) -> &str {
    assert_ne!(result["isError"], true, "{result}");
    result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {result}"))
}

/// The same, where the text is JSON.
pub(crate) fn json_text(result: &Value) -> Value {
    serde_json::from_str(text(result)).unwrap_or_else(|error| panic!("the text is not JSON ({error}): {result}"))
}

/// The same value, its numbers all floats: 1 and 1.0 are the same number in JSON, and some clients know only one kind.
pub(crate) fn as_floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_f64()),
        Value::Array(items) => items.iter().map(as_floats).collect(),
        Value::Object(entries) => entries.iter().map(|(key, value)| (key.clone(), as_floats(value))).collect(),
        other => other.clone(),
    }
}
