//! What `toolyard dev` prints: plain lines, each call's under its number, and nothing of a guest's that could pass for a line of
//! the host's or that a terminal would obey.

use std::{
    io::{self, Write},
    time::Duration,
};

use serde_json::Value;

use crate::{
    catalog::{Plugin, Prompt, Tool},
    cli::{example, shown},
    observe::{Ended, Seen, Sight},
};

/// Of a text that somebody else wrote, so much is shown.
const CHARS_MAX: usize = 20_000;

/// Prints lines. That nobody reads them is no reason to stop serving.
pub(super) fn line(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{}", shown(text));
}

/// Prints what was seen in a call.
pub(super) fn sight((call, seen): &Sight) {
    let (mark, text) = describe(seen);
    let (text, cut) = match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => (&text[..end], format!("\n... {} characters more", text[end..].chars().count())),
        None => (text.as_str(), String::new()),
    };
    let text = format!("{mark} {}{cut}", text.trim_end());
    let lines: Vec<String> = text.lines().map(|line| format!("#{call} {line}")).collect();
    line(&lines.join("\n"));
}

/// The word in front, and the text.
fn describe(seen: &Seen) -> (String, String) {
    match seen {
        Seen::Begun { what, arguments, client } => {
            let from = client.as_ref().map(|client| format!(" from {client}")).unwrap_or_default();
            (">".into(), format!("{what} {arguments}{from}"))
        }
        Seen::Progress { progress, total, message } => {
            let total = total.map(|total| format!("/{total}")).unwrap_or_default();
            (format!("  progress {progress}{total}"), message.clone().unwrap_or_default())
        }
        Seen::Log { level, message } => (format!("  {level}:"), message.clone()),
        Seen::Output { stream, line } => (format!("  {stream}:"), line.clone()),
        Seen::Refused { grant, missing } => ("  refused:".into(), format!("{missing} is not granted ({grant})")),
        Seen::Touched(effect) => ("  touched:".into(), effect.to_string()),
        Seen::Broke { why } => ("  broke:".into(), trap(why)),
        Seen::Ended { how, took } => {
            let (mark, text) = end(how);
            (format!("{mark} ({})", time(*took)), text)
        }
    }
}

/// Why a guest was stopped, and where, a line for each function. The engine says all of it in one, the reason last.
fn trap(why: &str) -> String {
    let backtrace = why.split_once("wasm backtrace:").map(|(_, backtrace)| backtrace);
    let Some((frames, reason)) = backtrace.and_then(|backtrace| backtrace.rsplit_once(": wasm trap: ")) else {
        return why.to_owned();
    };
    // `    0:  0x19d1d - module.wasm!function     1: ...`
    let functions = frames.split(" - ").skip(1).map(|frame| {
        let function = frame.split("    ").next().unwrap_or(frame);
        function.split_once('!').map_or(function, |(_, function)| function)
    });
    let lines = functions.map(|function| format!("\n  in {}", function.trim()));
    format!("{reason}{}", lines.collect::<String>())
}

fn end(how: &Ended) -> (&'static str, String) {
    match how {
        Ended::Answered(result) => {
            let result: Value = serde_json::from_str(result).unwrap_or_default();
            let mark = if result["isError"] == true { "< failed" } else { "<" };
            (mark, answer(&result))
        }
        Ended::Asked(questions) => ("<", format!("asks the user ({questions} to answer)")),
        Ended::Fault(text) => ("< error", text.clone()),
        Ended::Dropped => ("<", "given up: nobody waits for it".into()),
    }
}

/// A result as a person reads it: its texts, and what else there is by name.
fn answer(result: &Value) -> String {
    let list = ["content", "messages", "contents"].into_iter().find_map(|key| result[key].as_array());
    let blocks: Vec<String> = list.into_iter().flatten().map(block).collect();
    if blocks.is_empty() { result["structuredContent"].to_string() } else { blocks.join("\n") }
}

fn block(block: &Value) -> String {
    // A prompt's message holds its content.
    let inner = if block["content"].is_object() { &block["content"] } else { block };
    match (inner["text"].as_str(), inner["type"].as_str()) {
        (Some(text), _) => text.to_owned(),
        (None, Some(kind @ ("image" | "audio"))) => {
            let bytes = inner["data"].as_str().map_or(0, |data| data.len() / 4 * 3);
            format!("[{kind}: {}, about {bytes} bytes]", inner["mimeType"].as_str().unwrap_or_default())
        }
        _ if inner["blob"].is_string() => {
            let bytes = inner["blob"].as_str().map_or(0, |data| data.len() / 4 * 3);
            format!("[{}, about {bytes} bytes]", inner["mimeType"].as_str().unwrap_or("bytes"))
        }
        _ => inner.to_string(),
    }
}

/// A tool as one would call it, and the first line of its description.
pub(super) fn tool(tool: &Tool) -> String {
    let schema = tool.input().value();
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|other| other == name));
    let arguments = schema["properties"].as_object().into_iter().flatten().map(|(name, property)| {
        let kind = property["type"].as_str().map(|kind| format!(": {kind}")).unwrap_or_default();
        format!("{name}{}{kind}", if is_required(name) { "" } else { "?" })
    });
    let arguments: Vec<String> = arguments.collect();
    let described = tool.described();
    let about = described.description.as_deref().and_then(|text| text.lines().next()).unwrap_or_default();
    format!("  {}({})  {about}", described.name, arguments.join(", "))
}

/// A call of the tool as one would type it, with the arguments that must be there.
pub(super) fn example(tool: &Tool) -> String {
    format!("{} {}", tool.described().name, example::value(tool.input().value()))
}

/// A prompt as one would fill it in, and the first line of its description.
pub(super) fn prompt(prompt: &Prompt) -> String {
    let described = prompt.described();
    let arguments: Vec<String> = described
        .arguments
        .iter()
        .map(|argument| format!("{}{}", argument.name, if argument.required { "" } else { "?" }))
        .collect();
    let about = described.description.as_deref().and_then(|text| text.lines().next()).unwrap_or_default();
    format!("  {}({})  {about}", described.name, arguments.join(", "))
}

/// What can be read: templates, and the beginnings of URIs that no template has.
pub(super) fn resources(plugin: &Plugin) -> Vec<String> {
    let templates: Vec<&str> = plugin.templates().iter().map(|template| template.uri_template.as_str()).collect();
    let prefixes = plugin.program().prefixes.iter();
    let others = prefixes.filter(|prefix| !templates.iter().any(|template| template.starts_with(prefix.as_str())));
    let others = others.map(|prefix| format!("  {prefix}..."));
    templates.iter().map(|template| format!("  {template}")).chain(others).collect()
}

/// A time in the unit that fits.
pub(super) fn time(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    match millis {
        0.0..10.0 => format!("{millis:.1} ms"),
        10.0..1000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(seen: &Seen) -> String {
        let (mark, text) = describe(seen);
        format!("{mark} {text}")
    }

    #[test]
    fn calls_are_told_in_plain_words() {
        let ended = |how| said(&Seen::Ended { how, took: Duration::from_micros(1234) });
        let result =
            r#"{"content":[{"type":"text","text":"Hello"},{"type":"image","mimeType":"image/png","data":"AAAA"}]}"#;
        assert_eq!(ended(Ended::Answered(result.into())), "< (1.2 ms) Hello\n[image: image/png, about 3 bytes]");
        let failed = r#"{"content":[{"type":"text","text":"No."}],"isError":true}"#;
        assert_eq!(ended(Ended::Answered(failed.into())), "< failed (1.2 ms) No.");
        let prompt = r#"{"messages":[{"role":"user","content":{"type":"text","text":"Plan."}}]}"#;
        assert_eq!(ended(Ended::Answered(prompt.into())), "< (1.2 ms) Plan.");
        assert_eq!(ended(Ended::Asked(1)), "< (1.2 ms) asks the user (1 to answer)");
        let begun = Seen::Begun { what: "greet".into(), arguments: "{}".into(), client: Some("me".into()) };
        assert_eq!(said(&begun), "> greet {} from me");
        let progress = Seen::Progress { progress: 1.0, total: Some(3.0), message: Some("on".into()) };
        assert_eq!(said(&progress), "  progress 1/3 on");
        let refused = Seen::Refused { grant: "http", missing: "GET https://a/".into() };
        assert_eq!(said(&refused), "  refused: GET https://a/ is not granted (http)");
    }

    #[test]
    fn a_trap_says_why_and_where() {
        let why = "error while executing at wasm backtrace:     0:  0x19d1d - shop.wasm!abort     1:  0x178c3 - \
                   shop.wasm!std[d12]::abort    10:   0x82c9 - shop.wasm!toolyard:plugin/tools@0.1.0#call: wasm trap: wasm \
                   `unreachable` instruction executed";
        let told = "  broke: wasm `unreachable` instruction executed\n  in abort\n  in std[d12]::abort\n  in \
                    toolyard:plugin/tools@0.1.0#call";
        assert_eq!(said(&Seen::Broke { why: why.into() }), told);
        assert_eq!(said(&Seen::Broke { why: "it took too long".into() }), "  broke: it took too long");
    }

    #[test]
    fn times_have_their_unit() {
        let told = [300, 38_000, 1_240_000].map(|micros| time(Duration::from_micros(micros)));
        assert_eq!(told, ["0.3 ms", "38 ms", "1.2 s"]);
    }
}
