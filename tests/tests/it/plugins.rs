//! The three plugins, called through the host: what a user of the tools sees.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use toolyard_tests::{Host, Setup, undisturbed};

use crate::expect;

/// What `plugins/` has to offer.
pub(crate) const PLUGINS: [&str; 3] = ["jq", "text", "time"];

/// A call whose answer is always the same.
pub(crate) struct Sample {
    pub(crate) tool: &'static str,
    pub(crate) arguments: Value,
    /// The structured content of its result.
    pub(crate) expected: Value,
}

/// At least one call of each plugin: for clients, who all see the same.
pub(crate) fn samples() -> Vec<Sample> {
    let sample = |tool, arguments, expected| Sample { tool, arguments, expected };
    vec![
        sample(
            "jq_run",
            json!({ "program": "map(.n) | add, length", "input": [{ "n": 1 }, { "n": 2.5 }] }),
            json!({ "outputs": [3.5, 2], "truncated": false }),
        ),
        sample(
            "text_replace",
            json!({ "text": "Grüße 2026-11", "pattern": r"(?<y>\d+)-(?<m>\d+)", "replacement": "${m}/${y}" }),
            json!({ "text": "Grüße 11/2026", "replacements": 1 }),
        ),
        sample("time_zones", json!({ "search": "berlin" }), json!({ "zones": ["Europe/Berlin"], "more": 0 })),
        sample(
            "time_difference",
            json!({ "start": "2026-01-31", "end": "2026-03-01" }),
            json!({
                "text": "1 month, 1 day", "duration": "P1M1D", "seconds": 2_505_600.0,
                "start": {
                    "time": "2026-01-31T00:00:00+00:00", "zone": "UTC", "abbreviation": "UTC",
                    "daylight_saving": false, "weekday": "Saturday", "unix": 1_769_817_600,
                },
                "end": {
                    "time": "2026-03-01T00:00:00+00:00", "zone": "UTC", "abbreviation": "UTC",
                    "daylight_saving": false, "weekday": "Sunday", "unix": 1_772_323_200,
                },
            }),
        ),
    ]
}

fn host() -> Host {
    PLUGINS.iter().fold(Setup::new(), |setup, plugin| setup.plugin(plugin)).start()
}

/// Checks that each call gives this structured content, and says the same as text.
fn gives(host: &Host, calls: &[(&str, Value, Value)]) {
    for (tool, arguments, expected) in calls {
        let result = host.call(tool, arguments);
        assert_eq!(result["structuredContent"], *expected, "{tool} {arguments}: {result}");
        assert_eq!(expect::json_text(&result), *expected, "{tool} {arguments}");
    }
}

/// Checks that each call fails, and that what it says has this in it.
fn refuses(host: &Host, calls: &[(&str, Value, &str)]) {
    for (tool, arguments, said) in calls {
        let result = host.call(tool, arguments);
        assert_eq!(result["isError"], true, "{tool} {arguments}: {result}");
        let text = result["content"][0]["text"].as_str().expect("there is a text");
        assert!(text.contains(said), "{tool} {arguments}: `{said}` is not said: {text}");
    }
}

#[test]
fn a_model_can_tell_what_they_are_for() {
    let host = host();
    let tools = [
        "jq_run",
        "text_search",
        "text_replace",
        "text_diff",
        "text_hash",
        "text_encode",
        "text_decode",
        "time_now",
        "time_convert",
        "time_difference",
        "time_zones",
    ];
    assert_eq!(host.tools(), tools);
    let list = host.modern("tools/list", json!({})).result();
    for tool in list["tools"].as_array().expect("tools are a list") {
        assert!(tool["title"].is_string(), "{tool}");
        assert!(tool["description"].as_str().is_some_and(|text| text.ends_with('.')), "{tool}");
        // Nothing here changes anything, or reaches out of the host.
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
        assert_eq!(tool["annotations"]["openWorldHint"], false, "{tool}");
        assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
        assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
    }
    host.stop();
}

#[test]
fn samples_hold() {
    let host = host();
    for Sample { tool, arguments, expected } in samples() {
        gives(&host, &[(tool, arguments, expected)]);
    }
    host.stop();
}

#[test]
fn jq() {
    let host = host();
    let outputs = |outputs: Value| json!({ "outputs": outputs, "truncated": false });
    gives(
        &host,
        &[
            ("jq_run", json!({ "program": "." }), outputs(json!([null]))),
            ("jq_run", json!({ "program": ".a.b", "input": { "a": { "b": "x" } } }), outputs(json!(["x"]))),
            ("jq_run", json!({ "program": "empty", "input": 1 }), outputs(json!([]))),
            (
                "jq_run",
                json!({ "program": "group_by(.k) | map({k: .[0].k, n: length})", "input": [{ "k": 1 }, { "k": 2 }, { "k": 1 }] }),
                outputs(json!([[{ "k": 1, "n": 2 }, { "k": 2, "n": 1 }]])),
            ),
            (
                "jq_run",
                json!({ "program": "repeat(1)", "limit": 3 }),
                json!({ "outputs": [1, 1, 1], "truncated": true }),
            ),
            (
                "jq_run",
                json!({ "program": ".[]", "input": ["a", { "b": 1 }], "raw": true }),
                json!({ "text": "a\n{\"b\":1}", "truncated": false }),
            ),
        ],
    );
    refuses(
        &host,
        &[
            ("jq_run", json!({ "program": "map(.n" }), "`program`, line 1"),
            ("jq_run", json!({ "program": ".a.b", "input": { "a": 1 } }), "cannot index"),
            ("jq_run", json!({ "program": "env" }), "there is no filter `env/0`"),
            ("jq_run", json!({ "program": ".", "limit": 0 }), "`limit`"),
            ("jq_run", json!({ "input": 1 }), "program"),
        ],
    );
    host.stop();
}

#[test]
fn numbers_go_through_as_they_are() {
    let host = host();
    // Larger than any float holds exactly: read back as text, since this test's own numbers would round it.
    let big = "12345678901234567890123";
    let request =
        toolyard_tests::modern_request("tools/call", json!({ "name": "jq_run", "arguments": { "program": "." } }));
    let body = String::from_utf8(request.body.clone()).expect("JSON is UTF-8");
    let body = body.replacen("\"arguments\":{", &format!("\"arguments\":{{\"input\":{big},"), 1);
    let reply = host.send(&request.body(body));
    let answer = String::from_utf8(reply.body).expect("JSON is UTF-8");
    assert!(answer.contains(&format!("\"structuredContent\":{{\"outputs\":[{big}]")), "{answer}");
    host.stop();
}

#[test]
fn a_jq_program_that_does_not_end_is_ended() {
    let limits = "[plugin.jq.limits]\ntimeout_ms_max = 500\n";
    let host = Setup::new().plugin("jq").config(limits).start();
    undisturbed(&host, || {
        for program in ["def f: f; f", "last(range(1e12))", "[range(1e12)] | length"] {
            expect::failure(&host.call("jq_run", &json!({ "program": program })));
        }
    });
    host.stop();
}

#[test]
fn text() {
    let host = host();
    gives(
        &host,
        &[
            (
                "text_search",
                json!({ "text": "one\nzwei drei", "pattern": r"(?<first>d)(x)?(\w+)" }),
                json!({
                    "matches": [{
                        "text": "drei", "line": 2, "column": 6, "start": 9, "end": 13,
                        "groups": ["d", null, "rei"], "named": { "first": "d" },
                    }],
                    "more": false,
                }),
            ),
            (
                "text_replace",
                json!({ "text": "aaa", "pattern": "A", "replacement": "b", "flags": "i", "limit": 2 }),
                json!({ "text": "bba", "replacements": 2 }),
            ),
            (
                "text_diff",
                json!({ "old": "a\nb\nc\n", "new": "a\nB\nc\nd\n", "context": 1 }),
                json!({ "diff": "--- old\n+++ new\n@@ -1,3 +1,4 @@\n a\n-b\n+B\n c\n+d\n", "added": 2, "removed": 1 }),
            ),
        ],
    );
    for (tool, arguments, expected) in [
        ("text_hash", json!({ "text": "abc" }), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("text_hash", json!({ "text": "abc", "algorithm": "md5" }), "900150983cd24fb0d6963f7d28e17f72"),
        ("text_hash", json!({ "text": "616263", "algorithm": "crc32", "input": "hex" }), "352441c2"),
        ("text_encode", json!({ "text": "ä?>", "format": "base64" }), "w6Q/Pg=="),
        ("text_encode", json!({ "text": "a b/ä", "format": "url" }), "a%20b%2F%C3%A4"),
        ("text_decode", json!({ "text": "w6Q_Pg", "format": "base64url" }), "ä?>"),
        ("text_decode", json!({ "text": "/w==", "format": "base64", "output": "hex" }), "ff"),
        ("text_decode", json!({ "text": "&euro;&#x20AC;", "format": "html" }), "€€"),
    ] {
        assert_eq!(expect::text(&host.call(tool, &arguments)), expected, "{tool} {arguments}");
    }
    refuses(
        &host,
        &[
            ("text_search", json!({ "text": "", "pattern": "(a" }), "`pattern`"),
            ("text_search", json!({ "text": "", "pattern": r"(\w{1000}){1000}" }), "too large"),
            ("text_replace", json!({ "text": "a", "pattern": "a", "replacement": "$1" }), "group"),
            ("text_decode", json!({ "text": "%C3", "format": "url" }), "output"),
            ("text_encode", json!({ "text": "", "format": "rot13" }), "rot13"),
            ("text_hash", json!({}), "text"),
        ],
    );
    host.stop();
}

#[test]
fn time() {
    let host = host();
    let shown = |tool: &str, arguments: Value, pointer: &str| {
        let result = host.call(tool, &arguments);
        result["structuredContent"].pointer(pointer).unwrap_or_else(|| panic!("no {pointer}: {result}")).clone()
    };
    for (time, from, to, expected) in [
        ("2026-07-01T14:30", Some("Europe/Berlin"), "America/New_York", "2026-07-01T08:30:00-04:00"),
        ("2026-01-01T14:30", Some("Europe/Berlin"), "America/New_York", "2026-01-01T08:30:00-05:00"),
        ("2026-07-01T14:30:00+02:00", None, "Asia/Kolkata", "2026-07-01T18:00:00+05:30"),
        ("2026-10-25T02:30", Some("Europe/Berlin"), "UTC", "2026-10-25T00:30:00+00:00"),
    ] {
        let mut arguments = json!({ "time": time, "to": to });
        if let Some(from) = from {
            arguments["from"] = json!(from);
        }
        assert_eq!(shown("time_convert", arguments, "/to/time"), expected, "{time}");
    }
    let difference = json!({ "start": "2026-03-28T12:00", "end": "2026-03-29T12:00", "zone": "Europe/Berlin" });
    assert_eq!(shown("time_difference", difference, "/seconds"), 82_800.0);

    // The clock is the machine's, and not frozen when the plugin was made.
    let unix = || SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
    let before = unix();
    let now = shown("time_now", json!({ "zone": "Asia/Tokyo" }), "/unix").as_u64().expect("a number");
    assert!((before..=unix()).contains(&now), "{now}");

    refuses(
        &host,
        &[
            ("time_now", json!({ "zone": "Europe/Nowhere" }), "Europe/Nowhere"),
            (
                "time_convert",
                json!({ "time": "2026-03-08T02:30", "from": "America/New_York", "to": "UTC" }),
                "never showed",
            ),
            ("time_convert", json!({ "time": "half past two", "from": "UTC", "to": "UTC" }), "half past two"),
            ("time_convert", json!({ "time": "14:30" }), "to"),
        ],
    );
    host.stop();
}
