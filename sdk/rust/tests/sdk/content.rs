//! All kinds of content, as they are built, and as they go to the client's model.

use toolyard_plugin::{
    Annotations, Content, Icon, IconTheme, JsonSchema, ModelPreferences, ResourceContents, ResourceLink, Role, Sampled,
    Sampling, SamplingContent, SamplingTool, ToolChoice, ToolUse, json, schemars, serde_json::Value, testing,
};
use toolyard_plugin::{Error, InputRequest};

fn object(value: &Value) -> toolyard_plugin::serde_json::Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

fn params(request: &Sampling) -> Value {
    match testing::context().sample("k", request.clone()) {
        Err(Error::NeedInput(need)) => match &need.requests[..] {
            [(key, InputRequest::Sampling(params))] if key == "k" => params.parse().expect("JSON"),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn answered(response: &Value) -> Result<Sampled, Error> {
    let Err(Error::NeedInput(need)) = testing::context().sample("k", Sampling::new("?")) else { panic!("no question") };
    testing::resumed(&need, [("k", response.clone())]).sample("k", Sampling::new("?"))
}

#[test]
fn meta_and_annotations_go_onto_every_kind() {
    let meta = object(&json!({"a": 1}));
    let link =
        ResourceLink { size: Some(3), mime_type: Some("text/plain".into()), ..ResourceLink::new("file:///a", "a") };
    let pieces = [
        Content::text("t"),
        Content::image([1], "image/png"),
        Content::audio([1], "audio/wav"),
        link.into(),
        ResourceContents::text("x").at("file:///a").with_meta(&meta).into(),
        Content::embedded_blob("file:///b", "image/png", [1]),
    ];
    for piece in pieces {
        let piece = piece.annotated(Annotations::for_assistant()).with_meta(&meta);
        let (annotations, said) = match piece {
            Content::Text(text) => (text.annotations, text.meta),
            Content::Image(media) | Content::Audio(media) => (media.annotations, media.meta),
            Content::ResourceLink(link) => (link.annotations, link.meta),
            Content::Resource(resource) => (resource.annotations, resource.meta),
        };
        assert_eq!(annotations.expect("annotations").audience, [Role::Assistant]);
        assert_eq!(said.as_deref(), Some(r#"{"a":1}"#));
    }
}

#[test]
fn a_request_to_the_model_says_what_was_asked_and_no_more() {
    let least = json!({"maxTokens": 1000, "messages": [{"role": "user", "content": {"type": "text", "text": "Hi"}}]});
    assert_eq!(params(&Sampling::new("Hi")), least);

    #[derive(JsonSchema)]
    #[schemars(crate = "schemars")]
    #[expect(dead_code, reason = "only its schema is of interest")]
    struct Place {
        city: String,
    }
    let request = Sampling::new("Hi")
        .assistant("Hello")
        .message(Role::User, ["a".into(), SamplingContent::Image { data: vec![1], mime_type: "image/png".into() }])
        .max_tokens(7)
        .system_prompt("Be short.")
        .temperature(0.5)
        .stop_at("END")
        .prefer(ModelPreferences { hints: vec!["sonnet".into()], speed: Some(1.0), ..Default::default() })
        .tool(SamplingTool::new::<Place>("weather", "Says the weather."))
        .tool_choice(ToolChoice::Required)
        .metadata(object(&json!({"x": 1})));
    let all = json!({
        "maxTokens": 7,
        "messages": [
            {"role": "user", "content": {"type": "text", "text": "Hi"}},
            {"role": "assistant", "content": {"type": "text", "text": "Hello"}},
            {"role": "user", "content": [
                {"type": "text", "text": "a"}, {"type": "image", "data": "AQ==", "mimeType": "image/png"},
            ]},
        ],
        "systemPrompt": "Be short.",
        "temperature": 0.5,
        "stopSequences": ["END"],
        "modelPreferences": {"hints": [{"name": "sonnet"}], "speedPriority": 1.0},
        "tools": [{
            "name": "weather",
            "description": "Says the weather.",
            "inputSchema": {
                "title": "Place", "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
            },
        }],
        "toolChoice": {"mode": "required"},
        "metadata": {"x": 1},
    });
    assert_eq!(params(&request), all);
}

#[test]
fn answers_of_the_model_are_read_in_all_forms() {
    let said = answered(&testing::sampled("Paris")).expect("an answer");
    assert_eq!((said.text().as_str(), said.model.as_str(), said.role), ("Paris", "test", Role::Assistant));
    assert_eq!(said.stop_reason.as_deref(), Some("endTurn"));

    let several = json!({"role": "assistant", "model": "m", "content": [
        {"type": "text", "text": "one"},
        {"type": "audio", "data": "AQI=", "mimeType": "audio/wav"},
        {"type": "tool_use", "id": "1", "name": "weather", "input": {"city": "Oslo"}},
        {"type": "text", "text": "two"},
    ]});
    let said = answered(&several).expect("an answer");
    assert_eq!(said.text(), "one\ntwo");
    assert_eq!(said.content[1], SamplingContent::Audio { data: vec![1, 2], mime_type: "audio/wav".into() });
    let uses: Vec<&ToolUse> = said.tool_uses().collect();
    assert_eq!(uses[0].arguments::<Value>(), Ok(json!({"city": "Oslo"})));

    for wrong in [
        json!({"role": "assistant", "content": {"type": "text"}, "model": "m"}),
        json!({"role": "assistant", "content": {"type": "image", "data": "!", "mimeType": "x"}, "model": "m"}),
        json!({"role": "assistant", "content": {"type": "smell"}, "model": "m"}),
        json!({"role": "nobody", "content": [], "model": "m"}),
        json!({"role": "assistant", "content": []}),
    ] {
        assert!(matches!(answered(&wrong), Err(Error::NeedInput(_))), "{wrong} is asked for again");
    }
}

#[test]
fn tools_of_the_model_are_answered_with_content_of_every_kind() {
    let tool_use = json!({"type": "tool_use", "id": "1", "name": "look", "input": {}});
    let first = answered(&json!({"role": "assistant", "content": tool_use, "model": "m"})).expect("an answer");
    let it = first.tool_uses().next().expect("a tool use");
    let icon =
        Icon { src: "https://i".into(), mime_type: None, sizes: vec!["any".into()], theme: Some(IconTheme::Light) };
    let link = ResourceLink { size: Some(3), icons: vec![icon], ..ResourceLink::new("file:///a", "a") };
    let hints =
        Annotations { audience: vec![Role::User], priority: Some(0.5), last_modified: Some("2026-01-01".into()) };
    let meta = object(&json!({"a": 1}));
    let results = [
        it.result(link),
        it.result(Content::embedded_text("file:///b", "text/plain", "b").with_meta(&meta)),
        it.result(ResourceContents::blob([1]).at("file:///c").with_meta(&meta)),
        it.result(Content::audio([1], "audio/wav").annotated(hints)),
        it.error("broken"),
    ];
    let request = params(&Sampling::new("Look").continued(&first, results));
    let result = |content: Value| json!({"type": "tool_result", "toolUseId": "1", "content": [content]});
    let mut broken = result(json!({"type": "text", "text": "broken"}));
    broken["isError"] = true.into();
    let expected = json!([
        {"role": "user", "content": {"type": "text", "text": "Look"}},
        {"role": "assistant", "content": tool_use},
        {"role": "user", "content": [
            result(json!({
                "type": "resource_link", "uri": "file:///a", "name": "a", "size": 3,
                "icons": [{"src": "https://i", "sizes": ["any"], "theme": "light"}],
            })),
            result(json!({
                "type": "resource", "resource": {"uri": "file:///b", "mimeType": "text/plain", "text": "b"}, "_meta": {"a": 1},
            })),
            result(json!({"type": "resource", "resource": {"uri": "file:///c", "blob": "AQ==", "_meta": {"a": 1}}})),
            result(json!({
                "type": "audio", "data": "AQ==", "mimeType": "audio/wav",
                "annotations": {"audience": ["user"], "priority": 0.5, "lastModified": "2026-01-01"},
            })),
            broken,
        ]},
    ]);
    assert_eq!(request["messages"], expected);
}
