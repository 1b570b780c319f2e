use toolyard_plugin::log::Level;
use toolyard_plugin::serde_json::{self, Value, json};
use toolyard_plugin::{Error, testing};

use crate::jq::PLUGIN;

/// Runs the tool with these arguments, and gives back its structured result, as text.
fn call(arguments: &str) -> Result<String, Error> {
    let result = PLUGIN.call("run", arguments, &testing::context())?;
    Ok(result.structured.expect("structured content"))
}

/// Runs a program, and gives back its outputs as JSON text.
fn run(program: &str, input: &str) -> Result<String, String> {
    let program = Value::from(program);
    let structured = call(&format!(r#"{{"program": {program}, "input": {input}}}"#));
    let structured = structured.map_err(|error| error.message().to_owned())?;
    let outputs =
        structured.strip_prefix(r#"{"outputs":"#).and_then(|rest| rest.strip_suffix(r#","truncated":false}"#));
    Ok(outputs.unwrap_or_else(|| panic!("an unexpected result: {structured}")).to_owned())
}

#[test]
fn programs_run() {
    let cases = [
        (".", r#"{"b": 1, "a": [true, null]}"#, r#"[{"b":1,"a":[true,null]}]"#),
        (".[] | .n", r#"[{"n": 1}, {"n": 2}]"#, "[1,2]"),
        ("map(select(.price < 10)) | length", r#"[{"price": 5}, {"price": 15}]"#, "[1]"),
        ("empty", "null", "[]"),
        ("to_entries", r#"{"a": 1}"#, r#"[[{"key":"a","value":1}]]"#),
        (
            "group_by(.k) | map({k: .[0].k, n: length})",
            r#"[{"k": 1}, {"k": 2}, {"k": 1}]"#,
            r#"[[{"k":1,"n":2},{"k":2,"n":1}]]"#,
        ),
        (r#"test("^a+$")"#, r#""aaa""#, "[true]"),
        (r#"capture("(?<year>\\d+)-(?<month>\\d+)")"#, r#""2026-11""#, r#"[{"year":"2026","month":"11"}]"#),
        ("todate", "0", r#"["1970-01-01T00:00:00Z"]"#),
        ("@base64, @uri", r#""a b""#, r#"["YSBi","a%20b"]"#),
        ("[limit(3; repeat(1))]", "null", "[[1,1,1]]"),
        (r#"try error("x") catch ."#, "null", r#"["x"]"#),
        ("1, halt, 2", "null", "[1]"),
        (r#""\u0000\n\"é""#, "null", r#"["\u0000\n\"é"]"#),
    ];
    for (program, input, expected) in cases {
        assert_eq!(run(program, input).as_deref(), Ok(expected), "{program}");
    }
}

#[test]
fn numbers_are_what_they_were() {
    let cases = [
        (".", "12345678901234567890123", "[12345678901234567890123]"),
        (". + 1", "9223372036854775807", "[9223372036854775808]"),
        (".", "0.10000000000000000000001", "[0.10000000000000000000001]"),
        (".", "1e1000", "[1e1000]"),
        ("1 / 3", "null", "[0.3333333333333333]"),
        (". * 1000", "4294967296", "[4294967296000]"),
        // What JSON cannot say, as jq says it.
        ("nan", "null", "[null]"),
        ("infinite, -infinite", "null", "[1.7976931348623157e+308,-1.7976931348623157e+308]"),
        (r#""+1.5" | tonumber"#, "null", "[1.5]"),
    ];
    for (program, input, expected) in cases {
        assert_eq!(run(program, input).as_deref(), Ok(expected), "{program} of {input}");
    }
}

#[test]
fn the_limit_ends_programs_that_do_not() {
    let cases = [
        (json!({"program": "repeat(1)", "limit": 3}), json!({"outputs": [1, 1, 1], "truncated": true})),
        (json!({"program": "range(1e9)", "limit": 2}), json!({"outputs": [0, 1], "truncated": true})),
        // After the second output it would run forever.
        (json!({"program": "1, 2, (0 | until(false; .))", "limit": 2}), json!({"outputs": [1, 2], "truncated": true})),
        (json!({"program": "1, 2", "limit": 3}), json!({"outputs": [1, 2], "truncated": false})),
    ];
    for (arguments, expected) in cases {
        let structured = call(&arguments.to_string()).unwrap_or_else(|error| panic!("{arguments}: {error:?}"));
        assert_eq!(serde_json::from_str::<Value>(&structured).expect("JSON"), expected, "{arguments}");
    }
    let outputs = call(&json!({"program": "repeat(1)"}).to_string()).expect("a result");
    assert_eq!(outputs.matches('1').count(), 100, "without a limit there is one");
}

#[test]
fn raw_outputs_are_lines() {
    let arguments = json!({"program": ".[]", "input": ["a \"b\"", 1, {"c": null}], "raw": true});
    let expected = json!({"text": "a \"b\"\n1\n{\"c\":null}", "truncated": false});
    let structured = call(&arguments.to_string()).expect("a result");
    assert_eq!(serde_json::from_str::<Value>(&structured).expect("JSON"), expected);
}

#[test]
fn mistakes_say_what_and_where() {
    let cases = [
        ("[1, 2", "`program`, line 1, column 6: expected closing bracket, found its end"),
        (".a |\n  | .b", "`program`, line 2, column 3: expected term, found `|`"),
        ("", "expected term, found its end"),
        ("lenght", "`program`, line 1, column 1: there is no filter `lenght/0`"),
        (".a | map(.b; .c)", "`program`, line 1, column 6: there is no filter `map/2`"),
        ("$x", "there is no variable `$x`"),
        ("env", "there is no filter `env/0`"),
        ("input", "there is no filter `input/0`"),
        (r#"import "m" as m; 1"#, "no modules here"),
        (".é | §", "`program`, line 1, column"),
        (".a.b", "the program failed: cannot index 1 with \"b\""),
        (r#"1, 2, error("no more")"#, "the program failed after 2 outputs: no more"),
        (r#""gone wrong" | halt_error"#, "the program halted with 5: gone wrong"),
        ("{(1, 2 | tostring): 1} | with_entries(.key |= tonumber)", "the key 1, which is not a string"),
        ("reduce range(200) as $i (0; [.])", "nested deeper than 128"),
    ];
    for (program, expected) in cases {
        let message = run(program, r#"{"a": 1}"#).expect_err(program);
        assert!(message.contains(expected), "{program}: {message}");
    }
    let error = call(&json!({"program": ".", "limit": 0}).to_string());
    assert_eq!(error, Err(Error::invalid_arguments("`limit` is from 1 to 10000")));
}

#[test]
fn debug_goes_to_the_log() {
    let (result, told) = testing::listen(|| call(&json!({"program": "debug, (1 | stderr)", "input": "x"}).to_string()));
    assert_eq!(result.expect("a result"), r#"{"outputs":["x",1],"truncated":false}"#);
    let log = |level, message: &str| (level, "jq".to_owned(), message.to_owned());
    assert_eq!(told.logs, [log(Level::Debug, "\"x\""), log(Level::Info, "1")]);
}
