//! Answering in the terminal what a plugin asks: the command line is a client too.
//!
//! Questions go to standard error, so that what the tool gives back stays alone on standard output; answers are lines of
//! standard input. An input that has ended means "cancel".

use std::{env, io};

use serde_json::{Map, Value, json};

use super::shown;

use crate::{
    mcp::{Question, QuestionKind},
    sandbox::contract::ClientCapabilities,
};

/// All that can be asked here. (`all()` would also set bits that mean nothing, on which some guests trap.)
pub(super) fn capabilities() -> ClientCapabilities {
    ClientCapabilities::ELICITATION_FORM
        | ClientCapabilities::ELICITATION_URL
        | ClientCapabilities::SAMPLING
        | ClientCapabilities::SAMPLING_TOOLS
        | ClientCapabilities::ROOTS
}

/// Asks, one question after the other. The answers are by key, as the protocol's result objects.
pub(super) fn ask(questions: &[Question]) -> io::Result<Vec<(String, String)>> {
    let answer = |question: &Question| Ok((question.key.clone(), one(&question.kind)?.to_string()));
    questions.iter().map(answer).collect()
}

fn one(question: &QuestionKind) -> io::Result<Value> {
    match question {
        QuestionKind::Form { message, schema } => {
            eprintln!("{}", shown(message));
            let schema: Value = serde_json::from_str(schema.get()).unwrap_or_default();
            if schema["properties"].as_object().is_none_or(Map::is_empty) {
                eprintln!("Press Enter to agree, or type `no`:");
                return consent();
            }
            Ok(match form(&schema)? {
                Some(content) => json!({ "action": "accept", "content": content }),
                None => json!({ "action": "cancel" }),
            })
        }
        QuestionKind::Url { message, url } => {
            let (message, url) = (shown(message), shown(url));
            eprintln!("{message}\n  {url}\nOpen it, then press Enter; `no` to decline:");
            consent()
        }
        QuestionKind::Sampling { params } => {
            eprintln!("The tool asks a model. Answer in its place:\n{}", shown(params.get()));
            let text = line()?.unwrap_or_default();
            let content = json!({ "type": "text", "text": text });
            Ok(json!({ "role": "assistant", "content": content, "model": "a person", "stopReason": "endTurn" }))
        }
        QuestionKind::Roots => {
            let here = env::current_dir()?;
            Ok(json!({ "roots": [{ "uri": format!("file://{}", here.display()), "name": "current folder" }] }))
        }
    }
}

/// Yes, no, or no answer at all. What is neither an empty line nor a "yes" is a no.
fn consent() -> io::Result<Value> {
    Ok(match line()?.map(|line| line.to_ascii_lowercase()).as_deref() {
        None => json!({ "action": "cancel" }),
        Some("" | "y" | "yes") => json!({ "action": "accept", "content": {} }),
        Some(_) => json!({ "action": "decline" }),
    })
}

/// Asks field by field. `None` if the input ends first.
fn form(schema: &Value) -> io::Result<Option<Map<String, Value>>> {
    let mut content = Map::new();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let required = schema["required"].as_array().is_some_and(|names| names.iter().any(|other| other == name));
        loop {
            eprint!("  {}: ", shown(&label(name, field, required)));
            let Some(text) = line()? else { return Ok(None) };
            match read(&text, field) {
                Ok(Some(value)) => content.insert(name.clone(), value),
                Ok(None) if !required => None,
                Ok(None) => {
                    eprintln!("  this one is needed");
                    continue;
                }
                Err(hint) => {
                    eprintln!("  {hint}");
                    continue;
                }
            };
            break;
        }
    }
    Ok(Some(content))
}

fn label(name: &str, field: &Value, required: bool) -> String {
    let mut label = field["title"].as_str().unwrap_or(name).to_owned();
    let choices = choices(field);
    if !choices.is_empty() {
        label += &format!(" [{}]", choices.join(", "));
    }
    if let Some(default) = field.get("default") {
        label += &format!(" (default {default})");
    } else if !required {
        label += " (optional)";
    }
    label
}

/// The values to choose from, whichever way the schema lists them.
fn choices(field: &Value) -> Vec<String> {
    let field = if field["type"] == "array" { &field["items"] } else { field };
    let listed = field["enum"].as_array().into_iter().flatten();
    let titled =
        ["oneOf", "anyOf"].into_iter().filter_map(|key| field[key].as_array()).flatten().map(|choice| &choice["const"]);
    listed.chain(titled).filter_map(|choice| choice.as_str().map(str::to_owned)).collect()
}

/// Reads a field's text. `None` if there is none and no default.
fn read(text: &str, field: &Value) -> Result<Option<Value>, String> {
    if text.is_empty() {
        return Ok(field.get("default").cloned());
    }
    let choices = choices(field);
    let known = |word: &str| choices.is_empty() || choices.iter().any(|choice| choice == word);
    let value = match field["type"].as_str() {
        Some("integer") => text.parse::<i64>().map(Value::from).map_err(|_| "a whole number, please")?,
        Some("number") => text.parse::<f64>().map(Value::from).map_err(|_| "a number, please")?,
        Some("boolean") => match text.to_ascii_lowercase().as_str() {
            "y" | "yes" | "true" => true.into(),
            "n" | "no" | "false" => false.into(),
            _ => return Err("yes or no, please".into()),
        },
        Some("array") => {
            let words: Vec<&str> = text.split(',').map(str::trim).collect();
            if !words.iter().all(|word| known(word)) {
                return Err(format!("some of {}, with commas between, please", choices.join(", ")));
            }
            words.into()
        }
        _ if known(text) => text.into(),
        _ => return Err(format!("one of {}, please", choices.join(", "))),
    };
    Ok(Some(value))
}

/// The next line, `None` at the end.
pub(super) fn line() -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = io::stdin().read_line(&mut line)?;
    Ok((read > 0).then(|| line.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_their_schema_says() {
        let check = |text: &str, field: Value, expected: Option<Value>| assert_eq!(read(text, &field), Ok(expected));
        check("Ada", json!({ "type": "string" }), Some(json!("Ada")));
        check("", json!({ "type": "string" }), None);
        check("", json!({ "type": "integer", "default": 30 }), Some(json!(30)));
        check("7", json!({ "type": "integer" }), Some(json!(7)));
        check("yes", json!({ "type": "boolean" }), Some(json!(true)));
        check("a, b", json!({ "type": "array", "items": { "enum": ["a", "b", "c"] } }), Some(json!(["a", "b"])));
        check("b", json!({ "type": "string", "oneOf": [{ "const": "b", "title": "B" }] }), Some(json!("b")));
        assert_eq!(read("x", &json!({ "type": "string", "enum": ["a", "b"] })).unwrap_err(), "one of a, b, please");
        assert!(read("seven", &json!({ "type": "integer" })).is_err());
    }
}
