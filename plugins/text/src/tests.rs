use toolyard_plugin::serde_json::{self, Value, json};
use toolyard_plugin::{Content, Error, testing};

use crate::text::PLUGIN;

/// Calls a tool that gives data.
fn data(tool: &str, arguments: &Value) -> Result<Value, Error> {
    let result = PLUGIN.call(tool, &arguments.to_string(), &testing::context())?;
    Ok(serde_json::from_str(&result.structured.expect("structured content")).expect("JSON"))
}

/// Calls a tool that gives text.
fn text(tool: &str, arguments: &Value) -> Result<String, Error> {
    let mut result = PLUGIN.call(tool, &arguments.to_string(), &testing::context())?;
    match result.content.pop() {
        Some(Content::Text(text)) => Ok(text.text),
        other => panic!("expected text, found {other:?}"),
    }
}

#[test]
fn search_finds_places() {
    let found =
        data("search", &json!({"text": "one\nzwei drei", "pattern": r"\b(?<first>\w)(x)?\w*r(\w+)"})).expect("matches");
    let expected = json!({"matches": [{
        "text": "drei", "line": 2, "column": 6, "start": 9, "end": 13, "groups": ["d", null, "ei"], "named": {"first": "d"},
    }], "more": false});
    assert_eq!(found, expected);

    // Characters count, not bytes.
    let found = data("search", &json!({"text": "äöü x\nß x", "pattern": "x"})).expect("matches");
    let expected = json!({"matches": [
        {"text": "x", "line": 1, "column": 5, "start": 4, "end": 5}, {"text": "x", "line": 2, "column": 3, "start": 8, "end": 9},
    ], "more": false});
    assert_eq!(found, expected);
}

#[test]
fn search_follows_its_options() {
    let cases = [
        (json!({"text": "aAa", "pattern": "a", "flags": "i"}), 3, false),
        (json!({"text": "aAa", "pattern": "a"}), 2, false),
        (json!({"text": "a\na", "pattern": "^a$", "flags": "m"}), 2, false),
        (json!({"text": "a\na", "pattern": "^a$"}), 0, false),
        (json!({"text": "a\nb", "pattern": "a.b", "flags": "s"}), 1, false),
        (json!({"text": "ab", "pattern": "a  b # both", "flags": "x"}), 1, false),
        (json!({"text": "a.b axb", "pattern": "a.b", "literal": true}), 1, false),
        (json!({"text": "a b", "pattern": "a b", "literal": true, "flags": "x"}), 1, false),
        (json!({"text": "aaaa", "pattern": "a", "limit": 3}), 3, true),
        (json!({"text": "aaa", "pattern": "a", "limit": 3}), 3, false),
        (json!({"text": "a".repeat(101), "pattern": "a"}), 100, true),
    ];
    for (arguments, count, more) in cases {
        let found = data("search", &arguments).unwrap_or_else(|error| panic!("{arguments}: {error:?}"));
        assert_eq!(found["matches"].as_array().map(Vec::len), Some(count), "{arguments}");
        assert_eq!(found["more"], more, "{arguments}");
    }
}

#[test]
fn replace_puts_in_what_was_matched() {
    let cases = [
        (json!({"text": "a-b c-d", "pattern": r"(\w)-(\w)", "replacement": "$2-$1"}), "b-a d-c", 2),
        (json!({"text": "2026-11", "pattern": r"(?<y>\d+)-(?<m>\d+)", "replacement": "${m}_${y}"}), "11_2026", 1),
        (json!({"text": "aaa", "pattern": "a", "replacement": "b", "limit": 2}), "bba", 2),
        (json!({"text": "aaa", "pattern": "a", "replacement": "b", "limit": 0}), "aaa", 0),
        (json!({"text": "5", "pattern": "5", "replacement": "$$$0"}), "$5", 1),
        (json!({"text": "a.b", "pattern": ".", "replacement": "$1", "literal": true}), "a$1b", 1),
        (json!({"text": "abc", "pattern": "x", "replacement": "y"}), "abc", 0),
    ];
    for (arguments, expected, count) in cases {
        let replaced = data("replace", &arguments).unwrap_or_else(|error| panic!("{arguments}: {error:?}"));
        assert_eq!(replaced, json!({"text": expected, "replacements": count}), "{arguments}");
    }
}

#[test]
fn diff_is_unified() {
    // As `diff -u` writes them.
    let ten = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n";
    let cases = [
        ("a\nb\nc\n", "a\nB\nc\nd\n", 1, "@@ -1,3 +1,4 @@\n a\n-b\n+B\n c\n+d\n", [2, 1]),
        ("", "a\n", 3, "@@ -0,0 +1 @@\n+a\n", [1, 0]),
        ("a\nb\n", "", 3, "@@ -1,2 +0,0 @@\n-a\n-b\n", [0, 2]),
        ("a", "a\n", 3, "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n", [1, 1]),
        ("a\nb\n", "a\nc\nb\n", 0, "@@ -1,0 +2 @@\n+c\n", [1, 0]),
        (
            ten,
            "1\nx\n3\n4\n5\n6\n7\n8\ny\n10\n",
            1,
            "@@ -1,3 +1,3 @@\n 1\n-2\n+x\n 3\n@@ -8,3 +8,3 @@\n 8\n-9\n+y\n 10\n",
            [2, 2],
        ),
        (
            ten,
            "1\nx\n3\n4\n5\n6\n7\n8\ny\n10\n",
            3,
            "@@ -1,10 +1,10 @@\n 1\n-2\n+x\n 3\n 4\n 5\n 6\n 7\n 8\n-9\n+y\n 10\n",
            [2, 2],
        ),
    ];
    for (old, new, context, hunks, [added, removed]) in cases {
        let arguments = json!({"old": old, "new": new, "context": context, "new_name": "n"});
        let expected = json!({"diff": format!("--- old\n+++ n\n{hunks}"), "added": added, "removed": removed});
        assert_eq!(data("diff", &arguments).as_ref(), Ok(&expected), "{arguments}");
    }
    let difference = data("diff", &json!({"old": "a", "new": "a", "context": u32::MAX}));
    assert_eq!(difference.expect("a diff"), json!({"diff": "", "added": 0, "removed": 0}));
}

#[test]
fn hashes_are_those_of_the_standards() {
    // Of "abc": FIPS 180-4, RFC 1321, and the check values of BLAKE3 and CRC-32/ISO-HDLC.
    let cases = [
        ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "sha512",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("blake3", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
        ("crc32", "352441c2"),
    ];
    for (algorithm, expected) in cases {
        let written = [("abc", "text"), ("616263", "hex"), ("YWJj", "base64")];
        for (bytes, input) in written {
            let hash = text("hash", &json!({"text": bytes, "algorithm": algorithm, "input": input}));
            assert_eq!(hash.as_deref(), Ok(expected), "{algorithm} of {input}");
        }
    }
    assert_eq!(text("hash", &json!({"text": "abc"})).as_deref(), Ok(cases[0].1), "the default");
}

#[test]
fn what_is_encoded_can_be_decoded() {
    let cases = [
        ("base64", "ä?>", "w6Q/Pg=="),
        ("base64url", "ä?>", "w6Q_Pg"),
        ("hex", "ä?>", "c3a43f3e"),
        ("url", "a b/ä?~", "a%20b%2F%C3%A4%3F~"),
        ("html", "<a href=\"x\">'&'</a>", "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;"),
    ];
    for (format, plain, encoded) in cases {
        assert_eq!(text("encode", &json!({"text": plain, "format": format})).as_deref(), Ok(encoded), "{format}");
        assert_eq!(text("decode", &json!({"text": encoded, "format": format})).as_deref(), Ok(plain), "{format}");
    }
}

#[test]
fn decoding_is_lenient_where_nothing_is_lost() {
    let cases = [
        (json!({"text": "w6Q\n/Pg", "format": "base64"}), "ä?>"),
        (json!({"text": "w6Q_Pg==", "format": "base64url"}), "ä?>"),
        (json!({"text": "C3 A4", "format": "hex"}), "ä"),
        (json!({"text": "/w==", "format": "base64", "output": "hex"}), "ff"),
        (json!({"text": "ff", "format": "hex", "output": "base64"}), "/w=="),
        (
            json!({"text": "&#x20AC;&#8364;&euro; &unheard; R&D &#xD800;", "format": "html"}),
            "€€€ &unheard; R&D &#xD800;",
        ),
        (json!({"text": "&amp;lt;", "format": "html"}), "&lt;"),
    ];
    for (arguments, expected) in cases {
        assert_eq!(text("decode", &arguments).as_deref(), Ok(expected), "{arguments}");
    }
    assert_eq!(text("encode", &json!({"text": "ff00", "input": "hex", "format": "base64"})).as_deref(), Ok("/wA="));
}

#[test]
fn mistakes_say_what_would_be_right() {
    let cases = [
        ("search", json!({"text": "", "pattern": "(a"}), "`pattern`: regex parse error"),
        ("search", json!({"text": "", "pattern": "a", "flags": "q"}), "`flags` has `q`"),
        ("search", json!({"text": "", "pattern": r"(\w{1000}){1000}"}), "`pattern` is too large"),
        ("replace", json!({"text": "a", "pattern": "a", "replacement": "$1"}), "names the group `1`"),
        ("replace", json!({"text": "a", "pattern": "(a)", "replacement": "$1st"}), "names the group `1st`"),
        ("hash", json!({"text": "xy", "input": "hex"}), "is not hex, at `x`"),
        ("decode", json!({"text": "a$", "format": "base64"}), "is not base64, at `$`"),
        ("decode", json!({"text": "100%", "format": "url"}), "a plain `%` is `%25`"),
        ("decode", json!({"text": "%C3", "format": "url"}), "Set `output` to `hex`"),
        ("encode", json!({"text": "ff", "input": "hex", "format": "html"}), "only text can be encoded as HTML"),
        ("encode", json!({"text": "", "format": "rot13"}), "unknown variant `rot13`, expected one of `base64`"),
    ];
    for (tool, arguments, expected) in cases {
        let error = PLUGIN.call(tool, &arguments.to_string(), &testing::context()).expect_err(expected);
        assert!(error.message().contains(expected), "{arguments}: {}", error.message());
    }
}
