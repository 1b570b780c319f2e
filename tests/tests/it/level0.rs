//! Components that know nothing of Toolyard: their plain functions are tools.

use std::process::Command;

use serde_json::{Value, json};
use toolyard_tests::{Host, Setup, Site, guest, host_program, output, undisturbed};

use crate::expect;

/// A component of `exports` over a module with some memory and functions.
fn component(exports: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (core module $code
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
                (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
                (func (export "half") (param f64) (result f64) (f64.mul (local.get 0) (f64.const 0.5)))
                (func (export "none"))
                (func (export "pair") (param i32 i32))
                (func (export "four") (param i32 i32 i32 i32))
            )
            (core instance $code (instantiate $code))
            (func $add (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $code "add")))
            (func $half (param "of-it" f64) (result f64) (canon lift (core func $code "half")))
            (func $none (canon lift (core func $code "none")))
            {exports}
        )"#
    );
    wat::parse_str(text).expect("the text is a component")
}

/// What QuickJS exports beside a program's functions.
const QUICKJS: &str = r#"(func (export "init") (param "shim" string) (param "script" string)
    (canon lift (core func $code "four") (memory (core memory $code "memory")) (realloc (core func $code "realloc"))))"#;

/// The text of a function with one parameter, a list of this type.
fn takes_list_of(types: &str, item: &str) -> String {
    format!(
        r#"{types} (type $param (list {item}))
        (func (export "take") (param "it" $param)
            (canon lift (core func $code "pair") (memory (core memory $code "memory")) (realloc (core func $code "realloc"))))"#
    )
}

fn listed(host: &Host, name: &str) -> Value {
    let tools = host.modern("tools/list", json!({})).result()["tools"].take();
    let found = tools.as_array().and_then(|tools| tools.iter().find(|tool| tool["name"] == name));
    found.unwrap_or_else(|| panic!("no tool `{name}`: {tools}")).clone()
}

fn reason(component: &[u8], config: &str) -> String {
    let host = Setup::new().file("bad.wasm", component).config(config).start();
    let reason = host.refused("bad.wasm").to_owned();
    host.stop();
    expect::sentence(&reason)
}

/// A point, and the same with what it leaves out.
fn point(x: f64) -> Value {
    json!({ "x": x, "y": -0.0, "label": "här" })
}

/// For each function of `echo`: values that come back as they went.
fn echoes() -> Vec<(&'static str, Vec<Value>)> {
    let everything = json!({
        "truth": true, "letter": "\u{10ffff}", "text": "a\u{0}\"ü", "bytes": "AP8=", "way": "south-west",
        "may": ["read", "run"], "drawn": { "polygon": [point(1.0), { "x": "NaN", "y": 1e300, "label": null }] },
        "maybe": { "some": null }, "outcome": { "error": "no" }, "pairs": [["a", -1], ["", 32767]],
    });
    vec![
        ("of-bool", vec![json!(true), json!(false)]),
        ("of-s8", vec![json!(i8::MIN), json!(0), json!(i8::MAX)]),
        ("of-u8", vec![json!(0), json!(u8::MAX)]),
        ("of-s16", vec![json!(i16::MIN), json!(i16::MAX)]),
        ("of-u16", vec![json!(u16::MAX)]),
        ("of-s32", vec![json!(i32::MIN), json!(i32::MAX)]),
        ("of-u32", vec![json!(u32::MAX)]),
        ("of-s64", vec![json!(i64::MIN), json!(i64::MAX), json!((1_i64 << 53) + 1)]),
        ("of-u64", vec![json!(u64::MAX), json!((1_u64 << 53) + 1)]),
        ("of-f32", vec![json!(0.1), json!(3.4028235e38), json!("-Infinity"), json!(-0.0)]),
        ("of-f64", vec![json!(0.1), json!(f64::MAX), json!("NaN"), json!("Infinity"), json!(5e-324)]),
        ("of-char", vec![json!("x"), json!("ü"), json!("🦀"), json!("\u{0}")]),
        ("of-string", vec![json!(""), json!("ü🦀\u{0}\\\""), json!("x".repeat(100_000))]),
        ("of-bytes", vec![json!(""), json!("AP8="), json!("eHh4")]),
        ("of-list", vec![json!([]), json!(["a", "", "c"])]),
        ("of-lists", vec![json!([[], [1, -2], [i32::MIN]])]),
        ("of-tuple", vec![json!([7, "seven", false])]),
        ("of-option", vec![json!(null), json!("some")]),
        ("of-options", vec![json!(null), json!({ "some": null }), json!({ "some": "text" })]),
        ("of-result", vec![json!([{ "ok": 1 }]), json!([{ "error": "one" }])]),
        ("of-results", vec![json!([{ "ok": null }, { "error": null }])]),
        ("of-enum", vec![json!("north"), json!("south-west")]),
        ("of-flags", vec![json!([]), json!(["read", "write", "run"])]),
        ("of-variant", vec![json!("nothing"), json!({ "circle": [point(2.0), 0.5] }), json!({ "named": "it" })]),
        ("of-record", vec![point(1.5)]),
        ("of-everything", vec![everything]),
    ]
}

#[test]
fn values_of_all_types_come_back() {
    let host = Setup::new().guest("plain").start();
    let session = host.legacy("2025-11-25");
    for (function, values) in echoes() {
        for value in values {
            let (tool, arguments) = (format!("plain_echo_{function}"), json!({ "value": value }));
            for result in [host.call(&tool, &arguments), session.call(&tool, &arguments)] {
                assert_ne!(result["isError"], true, "{tool} {value}: {result}");
                let structured = &result["structuredContent"];
                let is_record = ["of-record", "of-everything"].contains(&function);
                let given = if is_record { structured } else { &structured["result"] };
                assert_eq!(given, &value, "{tool}");
                match &value {
                    Value::String(text) => assert_eq!(expect::text(&result), text, "{tool}"),
                    other => assert_eq!(&expect::json_text(&result), other, "{tool}"),
                }
            }
        }
    }
    host.stop();
}

#[test]
fn what_may_be_written_in_another_way() {
    let host = Setup::new().guest("plain").start();
    for (tool, arguments, expected) in [
        ("plain_echo_of-bytes", json!({ "value": [0, 255] }), json!("AP8=")),
        ("plain_echo_of-bytes", json!({ "value": "AP8" }), json!("AP8=")),
        ("plain_echo_of-option", json!({}), json!(null)),
        ("plain_echo_of-flags", json!({ "value": ["run", "read"] }), json!(["read", "run"])),
        ("plain_echo_of-several", json!({ "a": 1, "c": [0.5] }), json!([1, null, [0.5]])),
        ("plain_inner_reverse", json!({ "text": "abc" }), json!("cba")),
    ] {
        assert_eq!(host.call(tool, &arguments)["structuredContent"]["result"], expected, "{tool} {arguments}");
    }
    // `1e2` is an integer, and 2^53 + 1 is told from 2^53.
    for (text, expected) in [("1e2", 100), ("9007199254740993", 9_007_199_254_740_993_u64)] {
        let value: Value = serde_json::from_str(text).expect("it is JSON");
        let result = host.call("plain_echo_of-u64", &json!({ "value": value }));
        assert_eq!(result["structuredContent"]["result"], expected, "{text}");
    }
    let record = host.call("plain_echo_of-record", &json!({ "value": { "x": 1, "y": 2 } }));
    assert_eq!(record["structuredContent"], json!({ "x": 1.0, "y": 2.0, "label": null }));
    host.stop();
}

#[test]
fn tools_are_described_by_types_and_doc_comments() {
    let host = Setup::new().guest("plain").start();
    let integer = json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX });
    let add = listed(&host, "plain_add");
    assert_eq!(add["description"], "Adds two numbers.");
    assert_eq!(
        add["inputSchema"],
        json!({
            "type": "object", "properties": { "a": integer, "b": integer }, "required": ["a", "b"],
            "additionalProperties": false,
        })
    );
    assert_eq!(
        add["outputSchema"],
        json!({
            "type": "object", "properties": { "result": integer }, "required": ["result"], "additionalProperties": false,
        })
    );
    assert_eq!(listed(&host, "plain_inner_reverse")["description"], "Turns a text around.");
    assert_eq!(listed(&host, "plain_say").get("outputSchema"), None);

    let record = listed(&host, "plain_echo_of-record");
    let number = json!({ "anyOf": [
        { "type": "number" }, { "type": "string", "enum": ["NaN", "Infinity", "-Infinity"] },
    ] });
    let mut east = number.clone();
    east["description"] = json!("To the east, in metres.");
    let point = json!({
        "type": "object", "properties": { "x": east, "y": number, "label": { "type": ["string", "null"] } },
        "required": ["x", "y"], "additionalProperties": false, "description": "A place on the map.",
    });
    assert_eq!(record["outputSchema"], point);
    // A function of the component itself knows what is said of the types it uses.
    assert_eq!(listed(&host, "plain_go")["inputSchema"]["properties"]["to"], point);

    let value = |tool: &str| listed(&host, tool)["inputSchema"]["properties"]["value"].clone();
    let way = value("plain_echo_of-enum");
    assert_eq!(way["enum"], json!(["north", "south", "south-west"]));
    assert_eq!(way["description"], "Which way.\n- `north`: Where the needle points.");
    assert_eq!(value("plain_echo_of-flags")["description"], "- `read`: May look.");
    let figure = value("plain_echo_of-variant")["oneOf"].clone();
    assert_eq!(figure[0], json!({ "type": "string", "const": "nothing" }));
    assert_eq!(figure[1]["description"], "A circle around a place.");
    assert_eq!(figure[1]["required"], json!(["circle"]));
    host.stop();
}

#[test]
fn arguments_that_do_not_fit() {
    let host = Setup::new().guest("plain").start();
    for (function, value, word) in [
        ("of-u8", json!(256), "/value"),
        ("of-s8", json!(-129), "/value"),
        ("of-u64", json!(-1), "/value"),
        // 2^64, which the schema's own bound does not tell from what is below it.
        ("of-u64", json!(18_446_744_073_709_551_616.0), "/value"),
        ("of-u32", json!(0.5), "/value"),
        ("of-f32", json!(1e39), "at /value: is too large for 32 bits"),
        ("of-f64", json!("nan"), "/value"),
        ("of-char", json!("ab"), "/value"),
        ("of-char", json!(""), "/value"),
        ("of-bytes", json!("=x"), "at /value: is not base64"),
        ("of-list", json!(["a", 1]), "/value/1"),
        ("of-tuple", json!([7, "seven"]), "/value"),
        ("of-tuple", json!([7, "seven", true, 1]), "/value"),
        ("of-options", json!("text"), "/value"),
        ("of-enum", json!("west"), "/value"),
        ("of-flags", json!(["read", "read"]), "/value"),
        ("of-variant", json!({ "circle": [] }), "at /value/circle: must have 2 items"),
        ("of-variant", json!({ "polygon": [{ "x": 1, "y": "2" }] }), "at /value/polygon/0/y: must be a number"),
        ("of-variant", json!({ "square": 1 }), "at /value: must be one of nothing, circle, polygon, named"),
        ("of-variant", json!({ "nothing": null }), "/value"),
        ("of-variant", json!({ "named": "a", "circle": "b" }), "/value"),
        ("of-record", json!({ "x": 1 }), "/value"),
        ("of-record", json!({ "x": 1, "y": 1, "z": 1 }), "/value"),
        ("of-result", json!([{ "ok": 1, "error": "x" }]), "/value/0"),
    ] {
        let message = expect::failure(&host.call(&format!("plain_echo_{function}"), &json!({ "value": value })));
        assert!(message.contains(word), "{function} {value}: {message}");
    }
    for arguments in [json!({}), json!({ "a": 1 }), json!({ "a": 1, "b": 2, "c": 3 })] {
        expect::failure(&host.call("plain_add", &arguments));
    }
    host.stop();
}

#[test]
fn results_and_errors() {
    let host = Setup::new().guest("plain").start();
    let session = host.legacy("2025-11-25");
    let place = |x: Value| json!({ "to": { "x": x, "y": 0 } });
    let far = r#"{"too-far":{"x":101.0,"y":0.0,"label":null}}"#;
    for (tool, arguments, text) in [
        ("plain_divide", json!({ "a": 1, "b": 0 }), "1 cannot be divided by 0"),
        ("plain_go", place(json!(101)), far),
        ("plain_go", place(json!("NaN")), "not-there"),
        ("plain_check", json!({ "fits": false }), "The tool failed without saying why."),
    ] {
        for result in [host.call(tool, &arguments), session.call(tool, &arguments)] {
            assert_eq!(result["isError"], true, "{tool}: {result}");
            assert_eq!(result["content"], json!([{ "type": "text", "text": text }]), "{tool}");
            assert_eq!(result.get("structuredContent"), None, "{tool}: {result}");
        }
    }
    assert_eq!(host.call("plain_divide", &json!({ "a": -7, "b": 2 }))["structuredContent"], json!({ "result": -3 }));
    let went = host.call("plain_go", &place(json!(1)));
    assert_eq!(went["structuredContent"], json!({ "x": 1.0, "y": 0.0, "label": null }));
    for (tool, arguments) in [("plain_check", json!({ "fits": true })), ("plain_say", json!({ "text": "heard" }))] {
        let result = host.call(tool, &arguments);
        assert_eq!((&result["content"], result.get("structuredContent")), (&json!([]), None), "{tool}: {result}");
        assert_ne!(result["isError"], true, "{tool}");
    }
    host.log.wait_for(&["heard", "plain"]);
    let message = expect::failure(&host.call("plain_trap", &json!({})));
    assert!(!message.contains("in the middle"), "{message}");
    host.log.wait_for(&["in the middle"]);
    host.stop();
}

#[test]
fn the_limits_are_those_of_all_plugins() {
    let config = "
        admin_listen = '127.0.0.1:0'
        [plugin.plain]
        warm = 2
        [plugin.plain.limits]
        cpu_ms_max = 200
        memory_bytes_max = 33554432
        output_bytes_max = 1048576
    ";
    let host = Setup::new().guest("plain").config(config).start();
    undisturbed(&host, || {
        for (tool, arguments, words) in [
            ("plain_spin", json!({}), "200 ms of processor time"),
            ("plain_hoard", json!({ "bytes": 100_000_000 }), "33554432"),
            ("plain_flood", json!({ "letters": 2_000_000 }), "1048576"),
        ] {
            let message = expect::failure(&host.call(tool, &arguments));
            assert!(message.contains(words), "{tool}: {message}");
        }
        // Each call has an instance of its own, the warm ones too.
        for _ in 0..8 {
            assert_eq!(host.call("plain_count", &json!({}))["structuredContent"]["result"], 0);
        }
    });
    let metrics = String::from_utf8(host.admin("/metrics").body).expect("metrics are text");
    for limit in ["cpu_ms_max", "memory_bytes_max", "output_bytes_max"] {
        let counted = |line: &str| line.contains("plugin=\"plain\"") && line.contains(limit) && line.ends_with(" 1");
        assert!(metrics.lines().any(counted), "{limit}: {metrics}");
    }
    host.stop();

    // What it says of itself counts too.
    let reason = reason(&guest("plain"), "[plugin.bad.limits]\noutput_bytes_max = 1000\n");
    assert!(reason.contains("1000 bytes"), "{reason}");
}

#[test]
fn a_component_in_its_own_words() {
    let exports = r#"
        (export "add-both" (func $add))
        (instance $own (export "half" (func $half)))
        (instance $other (export "half" (func $half)) (export "nothing" (func $none)))
        (instance $wasi (export "run" (func $none)))
        (export "example:numbers/own@0.1.0" (instance $own))
        (export "example:numbers/calc@0.1.0" (instance $own))
        (export "other:numbers/calc@0.1.0" (instance $own))
        (export "example:more/calc@2.0.0" (instance $other))
        (export "wasi:cli/run@0.2.0" (instance $wasi))
        (export "init" (func $none))
    "#;
    let host = Setup::new().file("w.wasm", component(exports)).start();
    let mut tools = host.tools();
    tools.sort();
    let expected = [
        "w_add-both",
        "w_example_numbers_calc_half",
        "w_init",
        "w_more_calc_half",
        "w_more_calc_nothing",
        "w_other_numbers_calc_half",
        "w_own_half",
    ];
    assert_eq!(tools, expected);
    assert_eq!(host.call("w_add-both", &json!({ "a": 40, "b": 2 }))["structuredContent"], json!({ "result": 42 }));
    assert_eq!(host.call("w_own_half", &json!({ "of-it": 3 }))["structuredContent"], json!({ "result": 1.5 }));
    assert_eq!(host.call("w_more_calc_nothing", &json!({}))["content"], json!([]));
    host.stop();
}

#[test]
fn handles_are_left_out() {
    let resource = r#"
        (type $file (resource (rep i32)))
        (core func $new (canon resource.new $file))
        (core module $files
            (import "" "new" (func $new (param i32) (result i32)))
            (func (export "open") (result i32) (call $new (i32.const 7)))
        )
        (core instance $files (instantiate $files (with "" (instance (export "new" (func $new))))))
        (export $shown "file" (type $file))
        (func (export "open") (result (own $shown)) (canon lift (core func $files "open")))
    "#;
    let config = "[plugin.w]\nown_resources = true\n[plugin.bad]\nown_resources = true\n";
    let with_more = component(&format!("{resource} (export \"add\" (func $add))"));
    let host = Setup::new().file("w.wasm", with_more.clone()).config(config).start();
    assert_eq!(host.tools(), ["w_add"]);
    host.log.wait_for(&["left out", "open", "a resource"]);
    host.stop();

    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::write(folder.path().join("w.wasm"), with_more).expect("a file can be written");
    std::fs::write(folder.path().join("toolyard.toml"), config).expect("a file can be written");
    for (arguments, words) in [
        (
            &["inspect", "--config", "toolyard.toml", "w.wasm"][..],
            &["its plain functions", "left out", "`open` takes or gives a resource"][..],
        ),
        (
            &["inspect", "--config", "toolyard.toml", "--json", "w.wasm"],
            &["\"plain\": true", "`open` takes or gives a resource"],
        ),
    ] {
        let output = output(Command::new(host_program()).current_dir(folder.path()).args(arguments));
        let said = String::from_utf8(output.stdout).expect("the host prints text");
        assert!(words.iter().all(|word| said.contains(word)), "{arguments:?}: {said}");
    }

    let reason = reason(&component(resource), config);
    assert!(reason.contains("nor a plain function") && reason.contains("`open` takes or gives a resource"), "{reason}");
}

#[test]
fn what_has_nothing_to_call_or_too_much() {
    let doubled: String = (0..16).map(|n| format!("(type $t{} (tuple $t{n} $t{n}))", n + 1)).collect();
    let doubled = takes_list_of(&format!("(type $t0 (tuple u8 u8)) {doubled}"), "$t16");
    let deep: String = (0..30).map(|n| format!("(type $t{} (list $t{n}))", n + 1)).collect();
    let deep = takes_list_of(&format!("(type $t0 (list u8)) {deep}"), "$t30");
    let fields: String = (0..1001).map(|n| format!("(field \"f{n}\" bool) ")).collect();
    let wide = format!("(type $own (record {fields})) (export $wide \"wide\" (type $own))");
    let wide = takes_list_of(&wide, "$wide");
    let many: String = (0..1001).map(|n| format!("(export \"f{n}\" (func $none))")).collect();
    let twice = r#"(instance $i (export "half" (func $half)))
        (export "a:b/c@1.0.0" (instance $i)) (export "a:b/c@2.0.0" (instance $i))"#;
    let wasi = r#"(instance $i (export "run" (func $none))) (export "wasi:cli/run@0.2.0" (instance $i))"#;
    for (exports, words) in [
        (wasi, &["nor a plain function", "wasi:cli/run@0.2.0"][..]),
        ("", &["nor a plain function", "exports nothing"]),
        (QUICKJS, &["nor a plain function"]),
        (twice, &["`a:b/c@1.0.0#half`", "`a:b/c@2.0.0#half`", "`a_b_c_half`"]),
        (&doubled, &["`take`", "50000"]),
        (&deep, &["`take`", "deep"]),
        (&wide, &["`take`", "1000"]),
        (&many, &["1001 tools"]),
    ] {
        let reason = reason(&component(exports), "");
        assert!(words.iter().all(|word| reason.contains(word)), "{words:?}: {reason}");
    }
}

#[test]
fn the_contract_wins() {
    let host = Setup::new().guest("both").start();
    assert_eq!(host.tools(), ["both_described"]);
    assert_eq!(host.call("both_described", &json!({}))["structuredContent"], json!({ "by": "contract" }));
    host.stop();
}

#[test]
fn a_component_made_for_another_host_runs_under_grants() {
    let site = Site::saying("A page.");
    let host = Setup::new().guest("borrowed").start();
    let url = format!("{}/x", site.url());
    // In the component's own words, whatever they are.
    let refused = host.call("borrowed_pages_get", &json!({ "url": url }));
    assert_eq!(refused["isError"], true, "{refused}");
    assert_eq!(refused["content"][0]["text"], "ErrorCode::HttpRequestDenied");
    assert_eq!(host.call("borrowed_greeting", &json!({}))["structuredContent"], json!({ "result": null }));
    host.log.wait_for(&["looking at the environment", "borrowed"]);
    expect::failure(&host.call("borrowed_read-file", &json!({ "path": "/notes/a.txt" })));
    host.stop();
    assert_eq!(site.connections(), 0);

    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::write(folder.path().join("a.txt"), "a note").expect("a file can be written");
    let config = format!(
        "[plugin.borrowed.grants.environment]\nGREETING = 'Hello'\n\
         [[plugin.borrowed.grants.http]]\nurl = '{}/'\n\
         [[plugin.borrowed.grants.folders]]\npath = '{}'\nguest = '/notes'\n",
        site.url(),
        folder.path().display()
    );
    let host = Setup::new().guest("borrowed").config(&config).start();
    let page = host.call("borrowed_pages_get", &json!({ "url": url }));
    assert_eq!(page["structuredContent"], json!({ "status": 200, "body": "A page." }));
    assert_eq!(expect::text(&host.call("borrowed_greeting", &json!({}))), "Hello");
    assert_eq!(expect::text(&host.call("borrowed_read-file", &json!({ "path": "/notes/a.txt" }))), "a note");
    host.stop();
}
