use toolyard_plugin::log::Level;
use toolyard_plugin::serde_json::{self, Value, json};
use toolyard_plugin::{Error, ToolResult, testing};

use crate::echo::PLUGIN;

fn call(tool: &str, arguments: &Value) -> Result<ToolResult, Error> {
    PLUGIN.call(tool, &arguments.to_string(), &testing::context())
}

#[test]
fn each_tool_does_its_one_thing() {
    assert_eq!(call("echo", &json!({"message": "a\u{0}\"é"})), Ok("a\u{0}\"é".into()));
    assert_eq!(call("fail", &json!({"message": "so"})), Err(Error::failed("so")));
    let sum = call("add", &json!({"a": i64::MAX, "b": -1})).expect("a sum").structured;
    assert_eq!(sum.as_deref(), Some(r#"{"sum":9223372036854775806}"#));
    assert!(matches!(call("add", &json!({"a": i64::MAX, "b": 1})), Err(Error::InvalidArguments(_))));
    assert!(matches!(call("log", &json!({"level": "loud", "message": ""})), Err(Error::InvalidArguments(_))));

    let (result, told) = testing::listen(|| call("progress", &json!({"steps": 2, "delay_ms": 1})));
    assert_eq!(result, Ok("2 steps done".into()));
    assert_eq!(
        told.progress,
        [(1.0, Some(2.0), Some("step 1 of 2".into())), (2.0, Some(2.0), Some("step 2 of 2".into()))]
    );

    let (result, told) = testing::listen(|| call("log", &json!({"level": "warn", "message": "{}"})));
    assert_eq!(result, Ok(ToolResult::new([])));
    assert_eq!(told.logs, [(Level::Warn, "echo".into(), "{}".into())]);
}

#[test]
fn the_context_is_what_the_host_said() {
    let mut context = testing::call_context();
    context.scopes = vec!["a".into(), "b".into()];
    context.client.capabilities = toolyard_plugin::ClientCapabilities::ELICITATION_FORM;
    context.meta = Some(r#"{"x":1}"#.into());
    let told = PLUGIN.call("context", "{}", &context.into()).expect("a result").structured.expect("structured content");
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["scopes"], json!(["a", "b"]));
    assert_eq!(told["capabilities"], json!(["elicitation-form"]));
    assert_eq!(told["meta"], r#"{"x":1}"#);
    assert_eq!(told["subject"], "anonymous");
}
