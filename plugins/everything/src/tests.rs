use toolyard_plugin::log::Level;
use toolyard_plugin::serde_json::Value;
use toolyard_plugin::testing::{self, Change, Listing};
use toolyard_plugin::{
    ClientCapabilities, Content, Context, Error, InputNeed, InputRequest, Reference, ResourceBody, Result, Role,
    ToolResult, json,
};

use crate::everything::PLUGIN;

fn call(tool: &str, arguments: &Value) -> Result<ToolResult> {
    PLUGIN.call(tool, &arguments.to_string(), &testing::context())
}

#[track_caller]
fn text(result: Result<ToolResult>) -> String {
    match result.map(|result| result.content) {
        Ok(content) => match &content[..] {
            [Content::Text(text)] => text.text.clone(),
            other => panic!("{other:?}"),
        },
        Err(error) => panic!("{error:?}"),
    }
}

/// Runs a tool in as many rounds as it takes, with these answers.
fn converse(tool: &str, arguments: &Value, answers: &[(&str, Value)]) -> Result<ToolResult> {
    let call = |context: &Context| PLUGIN.call(tool, &arguments.to_string(), context);
    testing::converse(call, |key, _| answers.iter().find(|(asked, _)| *asked == key).map(|(_, answer)| answer.clone()))
}

#[track_caller]
fn asks(tool: &str, arguments: &Value, context: &Context) -> InputNeed {
    match PLUGIN.call(tool, &arguments.to_string(), context) {
        Err(Error::NeedInput(need)) => *need,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn form(need: &InputNeed) -> (&str, &str, Value) {
    match &need.requests[..] {
        [(key, InputRequest::Form(form))] => (key, &form.message, form.schema.parse().expect("JSON")),
        other => panic!("{other:?}"),
    }
}

fn able(capabilities: ClientCapabilities) -> Context {
    let mut parts = testing::call_context();
    parts.client.capabilities = capabilities;
    parts.into()
}

#[test]
fn everything_is_described() {
    let tools = PLUGIN.tools();
    assert_eq!(tools[0].name, "test_simple_text", "which the suite calls with no arguments");
    for tool in &tools {
        assert!(tool.description.as_ref().is_some_and(|text| !text.is_empty()), "{}", tool.name);
        let schema: Value = tool.input_schema.parse().expect("JSON");
        assert_eq!(schema["type"], "object", "{}", tool.name);
    }
    let custom = tools.iter().find(|tool| tool.name == "test_custom_header").expect("it");
    assert_eq!(
        custom.input_schema,
        concat!(
            r#"{"type":"object","properties":{"value":{"description":"Any text.","x-mcp-header":"Value","type":"string"}},"#,
            r#""required":["value"],"additionalProperties":false}"#
        )
    );
    let raw = tools.iter().find(|tool| tool.name == "json_schema_2020_12_tool").expect("it");
    assert_eq!(raw.input_schema, include_str!("../assets/contact.schema.json"));
    for prompt in PLUGIN.prompts() {
        assert!(prompt.description.is_some(), "{}", prompt.name);
    }
    assert_eq!(PLUGIN.resources().prefixes.iter().filter(|prefix| !prefix.starts_with("test://")).count(), 0);
}

#[test]
fn content_is_what_the_suite_expects() {
    assert_eq!(text(call("test_simple_text", &json!({}))), "This is a simple text response for testing.");
    let png: &[u8] = b"\x89PNG\r\n\x1a\n";
    match &call("test_image_content", &json!({})).expect("an image").content[..] {
        [Content::Image(image)] => assert!(image.mime_type == "image/png" && image.data.starts_with(png)),
        other => panic!("{other:?}"),
    }
    match &call("test_audio_content", &json!({})).expect("a sound").content[..] {
        [Content::Audio(audio)] => assert!(audio.mime_type == "audio/wav" && audio.data.starts_with(b"RIFF")),
        other => panic!("{other:?}"),
    }
    let embedded = |uri, mime_type, text| Content::embedded_text(uri, mime_type, text);
    let contents = embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.");
    assert_eq!(call("test_embedded_resource", &json!({})), Ok(contents.into()));
    let mixed = call("test_multiple_content_types", &json!({})).expect("content").content;
    assert_eq!((mixed.len(), &mixed[0]), (3, &Content::text("Multiple content types test:")));
    let data = r#"{"test":"data","value":123}"#;
    assert_eq!(mixed[2], embedded("test://mixed-content-resource", "application/json", data));

    let all = call("test_all_content", &json!({})).expect("content");
    assert_eq!((all.content.len(), all.structured.as_deref()), (6, Some(r#"{"pieces":6}"#)));
    assert_eq!(all.meta.as_deref(), Some(r#"{"example.com/kind":"all"}"#));

    let error = call("test_error_handling", &json!({})).expect_err("an error");
    assert_eq!(error, Error::failed("This tool intentionally returns an error for testing"));
}

#[test]
fn arguments_and_structured_results_go_through() {
    assert_eq!(text(call("test_custom_header", &json!({"value": "=?a?="}))), "Received: =?a?=");
    let told = text(call("json_schema_2020_12_tool", &json!({"phone": "1"})));
    assert_eq!(told, r#"JSON Schema 2020-12 tool called with: {"phone":"1"}"#);
    let structured =
        |tool, arguments| call(tool, &arguments).expect("a result").structured.expect("structured content");
    let oslo = r#"{"city":"Oslo","temperature":7.5,"conditions":"cloudy"}"#;
    assert_eq!(structured("test_structured_object", json!({})), oslo);
    assert_eq!(structured("test_structured_array", json!({})), format!("[{oslo},{}]", oslo.replace("Oslo", "Rome")));
    assert_eq!(structured("test_structured_number", json!({"a": 1, "b": 0.5})), "1.5");
}

#[test]
fn things_are_said_meanwhile() {
    let (_, told) = testing::listen(|| call("test_tool_with_progress", &json!({})));
    let progress: Vec<_> = told.progress.iter().map(|(done, total, _)| (*done, *total)).collect();
    assert_eq!(progress, [0.0, 50.0, 100.0].map(|done| (done, Some(100.0))));

    let (_, told) = testing::listen(|| call("test_tool_with_logging", &json!({})));
    let logs: Vec<_> = told.logs.iter().map(|(level, _, message)| (*level, message.as_str())).collect();
    let expected = ["Tool execution started", "Tool processing data", "Tool execution completed"];
    assert_eq!(logs, expected.map(|message| (Level::Info, message)));

    let (_, told) = testing::listen(|| call("test_logging_tool", &json!({})));
    let levels: Vec<_> = told.logs.iter().map(|(level, ..)| *level).collect();
    assert_eq!(levels, [Level::Debug, Level::Info, Level::Warn, Level::Error]);

    let (done, told) = testing::listen(|| text(call("test_tool_slow", &json!({"durationMs": 150}))));
    assert_eq!(done, "Done after 150 ms.");
    assert!(told.progress.len() >= 2 && told.progress.is_sorted_by(|a, b| a.0 <= b.0), "{told:?}");
    assert_eq!(told.progress.last().map(|last| last.0), Some(150.0));
}

#[test]
fn changes_are_told() {
    let cases = [
        ("test_trigger_tool_change", Change::List(Listing::Tools)),
        ("test_trigger_prompt_change", Change::List(Listing::Prompts)),
        ("test_trigger_resource_change", Change::List(Listing::Resources)),
        ("test_update_watched_resource", Change::Resource("test://watched-resource".into())),
    ];
    for (tool, change) in cases {
        let (_, told) = testing::listen(|| text(call(tool, &json!({}))));
        assert_eq!(told.changes, [change], "{tool}");
    }
}

#[test]
fn forms_are_what_the_suite_expects() {
    let need = asks("test_elicitation", &json!({"message": "Who?"}), &testing::context());
    let (_, message, schema) = form(&need);
    assert_eq!((message, &schema["required"]), ("Who?", &json!(["username", "email"])));
    assert_eq!(schema["properties"]["email"]["type"], "string");

    let need = asks("test_elicitation_sep1034_defaults", &json!({}), &testing::context());
    let (.., schema) = form(&need);
    let shown =
        |field: &str| (schema["properties"][field]["type"].clone(), schema["properties"][field]["default"].clone());
    assert_eq!(shown("name"), (json!("string"), json!("John Doe")));
    assert_eq!(shown("age"), (json!("integer"), json!(30)));
    assert_eq!(shown("score"), (json!("number"), json!(95.5)));
    assert_eq!(shown("status"), (json!("string"), json!("active")));
    assert_eq!(schema["properties"]["status"]["enum"], json!(["active", "inactive", "pending"]));
    assert_eq!(shown("verified"), (json!("boolean"), json!(true)));

    let need = asks("test_elicitation_sep1330_enums", &json!({}), &testing::context());
    let (.., mut schema) = form(&need);
    schema["properties"]["legacyEnum"].as_object_mut().expect("a field").remove("description");
    let titled = |kind: &str| {
        let title = |value: &str, which: &str| json!({"const": value, "title": format!("{which} {kind}")});
        json!([title("value1", "First"), title("value2", "Second"), title("value3", "Third")])
    };
    let plain = json!(["option1", "option2", "option3"]);
    let expected = json!({"type": "object", "properties": {
        "untitledSingle": {"type": "string", "enum": plain},
        "titledSingle": {"type": "string", "oneOf": titled("Option")},
        "legacyEnum": {
            "type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled("Choice")}},
    }});
    assert_eq!(schema, expected);
}

#[test]
fn forms_are_told_as_they_were_filled_in() {
    let (message, account) = (json!({"message": "Who?"}), json!({"username": "ada", "email": "a@b"}));
    let told = |answer| text(converse("test_elicitation", &message, &[("form", answer)]));
    let accepted = r#"User response: action=accept, content={"username":"ada","email":"a@b"}"#;
    assert_eq!(told(testing::accept(account)), accepted);
    assert_eq!(told(testing::decline()), "User response: action=decline, content={}");
    let told = |tool: &str, content| text(converse(tool, &json!({}), &[("form", testing::accept(content))]));
    assert_eq!(
        told("test_elicitation_sep1034_defaults", json!({"age": 31})),
        "Elicitation completed: action=accept, \
         content={\"name\":\"John Doe\",\"age\":31,\"score\":95.5,\"status\":\"active\",\"verified\":true}"
    );
    assert_eq!(
        told("test_elicitation_sep1330_enums", json!({"titledSingle": "value2", "untitledMulti": ["option1"]})),
        r#"Elicitation completed: action=accept, content={"titledSingle":"value2","untitledMulti":["option1"]}"#
    );
    let need = asks("test_elicitation_sep1036_url", &json!({}), &testing::context());
    assert!(matches!(&need.requests[..], [(_, InputRequest::Url(_))]), "{need:?}");
    let opened = converse("test_elicitation_sep1036_url", &json!({}), &[("sign_in", json!({"action": "accept"}))]);
    assert_eq!(text(opened), "URL elicitation completed: action=accept");
}

#[test]
fn a_name_is_asked_for_and_nothing_else_is_taken_for_it() {
    let tool = "test_input_required_result_elicitation";
    let need = asks(tool, &json!({}), &testing::context());
    let (key, message, schema) = form(&need);
    assert_eq!((key, message), ("user_name", "What is your name?"));
    let expected = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
    assert_eq!(schema, expected);

    // A first call that brings the answer along, and more.
    let nothing = InputNeed { requests: Vec::new(), state: Vec::new() };
    let answers = [("user_name", testing::accept(json!({"name": "Alice"}))), ("unknown", json!({}))];
    let result = PLUGIN.call(tool, "{}", &testing::resumed(&nothing, answers));
    assert_eq!(text(result), "Hello, Alice!");
    assert_eq!(asks(tool, &json!({}), &testing::resumed(&nothing, [("wrong_key", json!({}))])), need);
    assert_eq!(asks(tool, &json!({}), &testing::resumed(&nothing, [("user_name", json!(12345))])), need);
}

#[test]
fn rounds_go_as_the_suite_expects() {
    let person = || testing::accept(json!({"name": "Ada"}));
    let (roots, said) = (testing::roots(["file:///test/root"]), testing::sampled("Paris"));

    let tool = "test_input_required_result_sampling";
    assert_eq!(text(converse(tool, &json!({}), &[("capital_question", said)])), "The model says: Paris");
    let tool = "test_input_required_result_list_roots";
    assert_eq!(text(converse(tool, &json!({}), &[("client_roots", roots.clone())])), "Roots: file:///test/root");

    for tool in ["test_input_required_result_request_state", "test_input_required_result_tampered_state"] {
        let need = asks(tool, &json!({}), &testing::context());
        assert!(!need.state.is_empty());
        let confirmed = |ok: bool| [("confirm", testing::accept(json!({"ok": ok})))];
        assert_eq!(text(PLUGIN.call(tool, "{}", &testing::resumed(&need, confirmed(true)))), "state-ok");
        assert!(PLUGIN.call(tool, "{}", &testing::resumed(&need, confirmed(false))).is_err());
        let stateless = InputNeed { state: Vec::new(), ..need };
        assert!(PLUGIN.call(tool, "{}", &testing::resumed(&stateless, confirmed(true))).is_err());
    }

    let tool = "test_input_required_result_multiple_inputs";
    let need = asks(tool, &json!({}), &testing::context());
    assert_eq!((need.requests.len(), need.state.is_empty()), (3, false));
    let answers = [("user_name", person()), ("greeting", testing::sampled("Hi")), ("client_roots", roots)];
    assert_eq!(text(converse(tool, &json!({}), &answers)), "Hi Ada in file:///test/root");

    let tool = "test_input_required_result_multi_round";
    let first = asks(tool, &json!({}), &testing::context());
    let second = asks(tool, &json!({}), &testing::resumed(&first, [("step1", person())]));
    assert_eq!((form(&first).0, form(&second).0), ("step1", "step2"));
    assert_ne!(first.state, second.state);
    let color = testing::accept(json!({"color": "red"}));
    assert_eq!(text(PLUGIN.call(tool, "{}", &testing::resumed(&second, [("step2", color)]))), "Ada likes red.");
}

#[test]
fn only_what_a_client_can_is_asked_of_it() {
    let tool = "test_input_required_result_capabilities";
    let need = asks(tool, &json!({}), &able(ClientCapabilities::SAMPLING));
    assert!(matches!(&need.requests[..], [(_, InputRequest::Sampling(_))]), "{need:?}");
    let none = able(ClientCapabilities::empty());
    assert_eq!(text(PLUGIN.call(tool, "{}", &none)), "Hello, whoever you are, in no folder");
    assert_eq!(asks("test_missing_capability", &json!({}), &none).requests.len(), 1);
    assert_eq!(text(call("test_missing_capability", &json!({}))), "The client has a model.");
    assert_eq!(text(PLUGIN.call("test_streaming_elicitation", "{}", &none)), "There is nobody to ask.");
    let sure = converse("test_streaming_elicitation", &json!({}), &[("sure", testing::cancel())]);
    assert_eq!(text(sure), "The user said: cancel");
}

#[test]
fn the_model_may_use_a_tool() {
    let tool_use = |id: &str, input: Value| json!({"role": "assistant", "model": "m", "content": {"type": "tool_use", "id": id, "name": "weather", "input": input}});
    let mut requests = Vec::new();
    let run = |context: &Context| PLUGIN.call("test_sampling_with_tools", r#"{"city": "Rome"}"#, context);
    let result = testing::converse(run, |key, request| {
        let InputRequest::Sampling(params) = request else { panic!("{request:?}") };
        requests.push(params.clone());
        Some(match key {
            "round1" => tool_use("a", json!({})),
            "round2" => tool_use("b", json!({"city": "Rome"})),
            _ => testing::sampled("It rains."),
        })
    });
    assert_eq!(text(result), "LLM response: It rains.");
    let last: Value = requests.last().expect("a request").parse().expect("JSON");
    assert_eq!((last["messages"].as_array().map(Vec::len), &last["tools"][0]["name"]), (Some(5), &json!("weather")));
    assert_eq!(last["messages"][2]["content"]["isError"], true, "the first use had no city");
    assert_eq!(last["messages"][4]["content"]["content"][0]["text"], "It rains in Rome.");
    let endless = testing::converse(run, |_, _| Some(tool_use("a", json!({"city": "Rome"}))));
    assert!(matches!(endless, Err(Error::Failed(_))), "{endless:?}");

    let answer = converse("test_sampling", &json!({"prompt": "?"}), &[("answer", testing::sampled("Yes"))]);
    assert_eq!(text(answer), "LLM response: Yes");
}

#[track_caller]
fn read(uri: &str) -> String {
    match &PLUGIN.read(uri, &testing::context()).expect(uri)[..] {
        [contents] => match &contents.body {
            ResourceBody::Text(text) => text.clone(),
            ResourceBody::Blob(blob) => format!("{} bytes", blob.len()),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn resources_are_listed_and_read() {
    let mut listed = Vec::new();
    let mut cursor = None;
    loop {
        let page = PLUGIN.list_resources(cursor.as_deref(), &testing::context()).expect("a page");
        listed.extend(page.resources);
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!((listed.len(), listed[0].uri.as_str()), (28, "test://static-text"));
    for resource in &listed {
        assert!(resource.description.is_some() && resource.mime_type.is_some(), "{}", resource.uri);
        assert!(!read(&resource.uri).is_empty());
    }
    let text = read("test://static-text");
    assert_eq!(
        (text.as_str(), listed[0].size),
        ("This is the content of the static text resource.", Some(text.len() as u64))
    );
    assert_eq!(read("test://static-binary"), "70 bytes");
    let data = r#"{"id":"123","templateTest":true,"data":"Data for ID: 123"}"#;
    assert_eq!(read("test://template/123/data"), data);
    for nothing in ["test://nothing", "test://numbers/0", "test://numbers/26", "test://numbers/x"] {
        assert_eq!(PLUGIN.read(nothing, &testing::context()), Err(Error::NotFound), "{nothing}");
    }
    let locked = |answer: Value| {
        testing::converse(|context| PLUGIN.read("test://locked/3", context), move |_, _| Some(answer.clone()))
    };
    assert_eq!(locked(testing::accept(json!({}))).map(|contents| contents.len()), Ok(1));
    assert_eq!(locked(testing::decline()), Err(Error::NotFound));
}

#[test]
fn prompts_are_filled_in_and_completed() {
    let get = |prompt, arguments: &[(&str, &str)]| {
        PLUGIN.get_prompt(prompt, arguments, &testing::context()).expect(prompt).messages
    };
    assert_eq!(get("test_simple_prompt", &[])[0].content, "This is a simple prompt for testing.".into());
    let filled = get("test_prompt_with_arguments", &[("arg1", "testValue1"), ("arg2", "testValue2")]);
    assert_eq!(filled[0].content, "Prompt with arguments: arg1='testValue1', arg2='testValue2'".into());
    let embedded = get("test_prompt_with_embedded_resource", &[("resourceUri", "test://x")]);
    let resource = Content::embedded_text("test://x", "text/plain", "Embedded resource content for testing.");
    assert_eq!((&embedded[0].content, embedded.len()), (&resource, 2));
    assert!(matches!(get("test_prompt_with_image", &[])[0].content, Content::Image(_)));
    let run = |context: &Context| PLUGIN.get_prompt("test_input_required_result_prompt", &[], context);
    let asked = testing::converse(run, |_, _| Some(testing::accept(json!({"context": "tea"})))).expect("a prompt");
    assert_eq!((asked.messages.len(), asked.messages[1].role), (2, Role::Assistant));

    let prompt = Reference::Prompt("test_prompt_with_arguments".into());
    let complete = |argument, value, known: &[(&str, &str)]| {
        PLUGIN.complete(&prompt, argument, value, known, &testing::context()).expect("suggestions").values
    };
    assert_eq!(complete("arg1", "test", &[]), ["test", "testValue1", "testing"]);
    assert_eq!(complete("arg2", "after", &[("arg1", "x")]), ["after-x"]);
    let template = Reference::ResourceTemplate("test://template/{id}/data".into());
    let ids = PLUGIN.complete(&template, "id", "1", &[], &testing::context()).expect("suggestions");
    assert_eq!((ids.values.len(), ids.total, ids.has_more), (62, Some(62), false));
}

#[test]
fn what_takes_long_says_so_and_how_far_it_is() {
    let long = |name: &str| PLUGIN.tools().iter().any(|tool| tool.name == name && tool.long_running);
    for name in ["slow_compute", "protocol_error_job", "confirm_delete", "multi_input"] {
        assert!(long(name), "{name}");
    }
    assert!(!long("greet") && !long("test_tool_with_task"));
    assert_eq!(text(call("greet", &json!({"name": "Ada"}))), "Hello, Ada!");
    assert_eq!(text(call("slow_compute", &json!({"seconds": 0, "label": "nothing"}))), "Computed nothing for 0 s.");
    let steps = crate::tasks::steps(1.2);
    assert_eq!(steps.iter().map(std::time::Duration::as_millis).collect::<Vec<_>>(), [500, 500, 200]);
    assert!(call("failing_job", &json!({})).is_err_and(|error| matches!(error, Error::Failed(_))));
    assert!(call("protocol_error_job", &json!({})).is_err_and(|error| matches!(error, Error::Internal(_))));
}

#[test]
fn jobs_ask_while_they_work() {
    let able = able(ClientCapabilities::ELICITATION_FORM);
    let need = asks("confirm_delete", &json!({"filename": "x"}), &able);
    let (key, message, schema) = form(&need);
    assert_eq!((key, message), ("confirm", "Delete x?"));
    assert_eq!(schema["properties"]["confirm"]["type"], "boolean");
    let need = asks("multi_input", &json!({}), &able);
    assert_eq!(need.requests.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["name", "confirm"]);
    let answers = [
        ("name", json!({"action": "accept", "content": {"name": "Ada"}})),
        ("confirm", json!({"action": "decline"})),
        ("user_name", json!({"action": "accept", "content": {"name": "Alice"}})),
    ];
    assert_eq!(text(converse("multi_input", &json!({}), &answers)), "Ada wants nothing to be deleted.");
    assert_eq!(text(converse("test_tool_with_task", &json!({}), &answers)), "Done, Alice.");
    let confirmed = [("confirm", json!({"action": "accept", "content": {"confirm": true}}))];
    assert_eq!(text(converse("confirm_delete", &json!({"filename": "x"}), &confirmed)), "Deleted x.");
}
