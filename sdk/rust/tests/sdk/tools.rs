//! What the macro makes of a module, seen from the outside: descriptions, schemas, calls.

use std::time::Duration;

use toolyard_plugin::log::Level;
use toolyard_plugin::{
    Annotations, Client, ClientCapabilities, Content, Context, Error, IconTheme, Role, ToolResult, json, testing,
};
use toolyard_plugin::{RawValue, Tool, serde_json, serde_json::Value};

/// Tools that each show something, in an order that is not the alphabet's.
#[toolyard_plugin::plugin]
mod shop {
    use std::collections::BTreeMap;

    use toolyard_plugin::{
        Content, Context, Deserialize, Error, IntoToolResult, JsonSchema, RawValue, Result, Serialize,
    };
    use toolyard_plugin::{ToolResult, json, log};

    /// Something for sale.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct Item {
        /// What it is called.
        pub name: String,
        pub price: u8,
    }

    #[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    pub enum Unit {
        Piece,
        Dozen,
    }

    /// Greets somebody.
    ///
    /// With a second paragraph,
    /// of two lines.
    #[tool(title = "Greeting", read_only, idempotent, open_world = false, icon = "https://example.com/hand.png")]
    pub fn zgreet(
        /// Whom to greet.
        name: &str,
        /** How to. */
        greeting: Option<String>,
    ) -> String {
        format!("{}, {name}!", greeting.as_deref().unwrap_or("Hello"))
    }

    pub fn bounded(
        #[arg(minimum = 1, maximum = 12, default = 1)] month: u8,
        #[arg(minimum = -40, maximum = 0.5)] degrees: f64,
        #[arg(min_length = 1, max_length = 9, pattern = r#"^"\d"#)] code: Option<&str>,
        #[arg(min_items = 1, max_items = 2)] items: Vec<Item>,
    ) -> String {
        format!("{month} {degrees} {code:?} {items:?}")
    }

    #[tool(destructive, long_running, name = "buy-now")]
    pub fn buy(
        context: &Context,
        items: &[Item],
        #[arg(default = 2)] count: u32,
        #[arg(default = Unit::Piece)] unit: Unit,
        #[arg(default = "here", name = "where")] place: String,
        #[header("Region")] region: Option<String>,
    ) -> Result<Receipt> {
        if count == 0 {
            return Err(Error::invalid_arguments("`count` is at least 1"));
        }
        for (index, item) in items.iter().enumerate() {
            context.progress(index + 1, items.len(), &item.name);
        }
        log::info!("{} items", items.len());
        let pieces = if matches!(unit, Unit::Dozen) { 12 } else { 1 };
        let total = items.iter().map(|item| u64::from(item.price)).sum::<u64>() * u64::from(count) * pieces;
        Ok(Receipt { total, place, region })
    }

    #[derive(Serialize, JsonSchema)]
    pub struct Receipt {
        pub total: u64,
        pub place: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub region: Option<String>,
    }

    /// The arguments as a struct.
    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct Search {
        /// What to look for.
        pub query: String,
        #[serde(default)]
        pub limit: Option<u32>,
    }

    pub fn search(#[args] search: Search, context: Context) -> Vec<String> {
        vec![search.query, search.limit.unwrap_or(0).to_string(), context.tenant.clone()]
    }

    // Names that the macro's own code also uses.
    pub fn run(arguments: String, context: &Context, result: i32) -> String {
        format!("{arguments} {} {result}", context.attempt)
    }

    pub fn nothing() {}

    pub fn number() -> f64 {
        0.5
    }

    pub fn any(value: Box<RawValue>) -> serde_json::Value {
        serde_json::from_str(value.get()).unwrap_or_default()
    }

    pub fn picture() -> Content {
        Content::image([1, 2, 3], "image/png")
    }

    pub fn several() -> Result<Vec<Content>> {
        Ok(vec![Content::text("one"), Content::link("https://example.com", "two")])
    }

    pub fn whole() -> ToolResult {
        ToolResult::from("text").with("more")
    }

    pub struct Own;

    impl IntoToolResult for Own {
        fn into_tool_result(self) -> ToolResult {
            "own".into()
        }
    }

    pub fn own() -> Own {
        Own
    }

    pub fn questionable(number: &str) -> Result<i64> {
        Ok(number.parse()?)
    }

    pub fn told(kind: &str) -> Result<(), String> {
        Err(format!("told {kind}"))
    }

    pub fn unspeakable() -> BTreeMap<Vec<u8>, u8> {
        BTreeMap::from([(vec![1], 1)])
    }

    #[tool(
        input_schema = r#"{ "type": "object", "$comment": "kept" }"#,
        output_schema = json!({"type": "array"}),
        meta = json!({"a": {"b": 1}}),
        icon(src = "https://example.com/a.png", mime_type = "image/png", sizes = "48x48 any", theme = "light")
    )]
    pub fn raw(#[args] arguments: serde_json::Value) -> serde_json::Value {
        json!([arguments])
    }

    #[tool(input_schema = r#"{"type":"object"}"#)]
    pub fn raw_and_ignored() -> &'static str {
        "whatever"
    }

    pub fn borrows(#[arg(title = "Text")] text: Option<&str>, items: Option<&[u8]>, item: Option<&Item>) -> String {
        format!("{text:?} {items:?} {:?}", item.map(|item| item.price))
    }

    #[cfg(any())]
    pub fn left_out(unheard_of: Unheard) -> String {
        unheard_of.of()
    }

    // Not tools.
    pub(super) fn helper() -> u8 {
        private()
    }

    fn private() -> u8 {
        7
    }
}

use shop::PLUGIN;

fn call(tool: &str, arguments: &str) -> Result<ToolResult, Error> {
    PLUGIN.call(tool, arguments, &testing::context())
}

fn described(tool: &str) -> Tool {
    PLUGIN.tools().into_iter().find(|described| described.name == tool).expect(tool)
}

fn structured(result: Result<ToolResult, Error>) -> Value {
    let result = result.expect("a result");
    assert_eq!(result.content, [], "the host says structured content as text");
    serde_json::from_str(&result.structured.expect("structured content")).expect("JSON")
}

#[test]
fn every_public_function_is_a_tool_in_the_order_of_the_source() {
    let names: Vec<String> = PLUGIN.tools().into_iter().map(|tool| tool.name).collect();
    let expected = [
        "zgreet",
        "bounded",
        "buy-now",
        "search",
        "run",
        "nothing",
        "number",
        "any",
        "picture",
        "several",
        "whole",
        "own",
        "questionable",
        "told",
        "unspeakable",
        "raw",
        "raw_and_ignored",
        "borrows",
    ];
    assert_eq!(names, expected);
    assert_eq!(shop::helper(), 7);
}

#[test]
fn a_tool_is_described_by_its_comments_and_options() {
    let tool = described("zgreet");
    assert_eq!(tool.title.as_deref(), Some("Greeting"));
    assert_eq!(tool.description.as_deref(), Some("Greets somebody.\n\nWith a second paragraph,\nof two lines."));
    let annotations = tool.annotations.expect("annotations");
    assert_eq!(annotations.read_only, Some(true));
    assert_eq!(annotations.destructive, None);
    assert_eq!(annotations.idempotent, Some(true));
    assert_eq!(annotations.open_world, Some(false));
    assert_eq!(tool.icons[0].src, "https://example.com/hand.png");
    assert!(!tool.long_running);

    let tool = described("buy-now");
    assert_eq!((tool.title, tool.description), (None, None));
    assert_eq!(tool.annotations.expect("annotations").destructive, Some(true));
    assert!(tool.long_running);
    assert_eq!(described("nothing").annotations, None);
}

#[test]
fn parameters_are_the_input_schema() {
    let schema = described("zgreet").input_schema;
    let expected = r#"{"type":"object","properties":{"name":{"description":"Whom to greet.","type":"string"},"greeting":{"description":"How to.","type":["string","null"]}},"required":["name"],"additionalProperties":false}"#;
    assert_eq!(schema, expected, "properties are in the order of the parameters");

    let schema: Value = serde_json::from_str(&described("buy-now").input_schema).expect("JSON");
    let expected = json!({
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
            "count": {"type": "integer", "minimum": 0, "default": 2},
            "unit": {"$ref": "#/$defs/Unit", "default": "piece"},
            "where": {"type": "string", "default": "here"},
            "region": {"type": "string", "x-mcp-header": "Region"},
        },
        "required": ["items"],
        "additionalProperties": false,
        "$defs": {
            "Item": {
                "description": "Something for sale.",
                "type": "object",
                "properties": {
                    "name": {"description": "What it is called.", "type": "string"},
                    "price": {"type": "integer", "minimum": 0, "maximum": 255},
                },
                "required": ["name", "price"],
                "additionalProperties": false,
            },
            "Unit": {"type": "string", "enum": ["piece", "dozen"]},
        },
    });
    assert_eq!(schema, expected);

    let schema: Value = serde_json::from_str(&described("nothing").input_schema).expect("JSON");
    assert_eq!(schema, json!({"type": "object", "properties": {}, "additionalProperties": false}));
}

#[test]
fn bounds_are_in_the_schema_in_place_of_the_types_own() {
    let schema: Value = serde_json::from_str(&described("bounded").input_schema).expect("JSON");
    let property = |name: &str| &schema["properties"][name];
    let month = property("month");
    assert_eq!((&month["minimum"], &month["maximum"], &month["default"]), (&json!(1), &json!(12), &json!(1)));
    assert_eq!((&property("degrees")["minimum"], &property("degrees")["maximum"]), (&json!(-40), &json!(0.5)));
    let code = property("code");
    assert_eq!((&code["minLength"], &code["maxLength"]), (&json!(1), &json!(9)));
    assert_eq!(code["pattern"], r#"^"\d"#);
    assert_eq!((&property("items")["minItems"], &property("items")["maxItems"]), (&json!(1), &json!(2)));
    // Each keyword stands once, or no strict reader would take the schema. The third is that of an item's price.
    assert_eq!(described("bounded").input_schema.matches("\"maximum\"").count(), 3);
}

#[test]
fn a_struct_of_arguments_is_the_input_schema() {
    let schema: Value = serde_json::from_str(&described("search").input_schema).expect("JSON");
    let expected = json!({
        "description": "The arguments as a struct.",
        "type": "object",
        "properties": {
            "query": {"description": "What to look for.", "type": "string"},
            "limit": {"type": ["integer", "null"], "minimum": 0, "default": null},
        },
        "required": ["query"],
        "additionalProperties": false,
    });
    assert_eq!(schema, expected);
}

#[test]
fn schemas_and_meta_can_be_given_as_they_are() {
    let raw = described("raw");
    assert_eq!(raw.input_schema, r#"{ "type": "object", "$comment": "kept" }"#);
    assert_eq!(raw.output_schema.as_deref(), Some(r#"{"type":"array"}"#));
    assert_eq!(raw.meta.as_deref(), Some(r#"{"a":{"b":1}}"#));
    let icon = &raw.icons[0];
    assert_eq!((icon.src.as_str(), icon.mime_type.as_deref()), ("https://example.com/a.png", Some("image/png")));
    assert_eq!((&icon.sizes[..], icon.theme), (&["48x48".to_owned(), "any".to_owned()][..], Some(IconTheme::Light)));
    assert_eq!(structured(call("raw", r#"{"x": 1}"#)), json!([{"x": 1}]));
    assert_eq!(call("raw_and_ignored", r#"{"x": 1}"#), Ok("whatever".into()));
}

#[test]
fn optional_arguments_may_be_borrowed() {
    assert_eq!(call("borrows", "{}"), Ok("None None None".into()));
    let all = r#"{"text": "a", "items": [1], "item": {"name": "tea", "price": 2}}"#;
    assert_eq!(call("borrows", all), Ok("Some(\"a\") Some([1]) Some(2)".into()));
    let schema: Value = serde_json::from_str(&described("borrows").input_schema).expect("JSON");
    assert_eq!(schema["properties"]["text"], json!({"title": "Text", "type": ["string", "null"]}));
    assert_eq!(schema.get("required"), None);
}

#[test]
fn data_has_an_output_schema_and_content_has_none() {
    let schema: Value = serde_json::from_str(&described("buy-now").output_schema.expect("a schema")).expect("JSON");
    assert_eq!(schema["type"], "object");
    assert_eq!(schema["required"], json!(["total", "place"]));
    assert_eq!(schema.get("$schema"), None);
    assert_eq!(described("number").output_schema.as_deref(), Some(r#"{"type":"number"}"#));
    // A schema that allows everything says nothing.
    assert_eq!(described("any").output_schema, None);
    for tool in ["zgreet", "nothing", "picture", "several", "whole", "own", "told"] {
        assert_eq!(described(tool).output_schema, None, "{tool}");
    }
}

#[test]
fn calls_are_decoded_and_answered() {
    assert_eq!(call("zgreet", r#"{"name": "Ada"}"#), Ok("Hello, Ada!".into()));
    assert_eq!(call("zgreet", r#"{"name": "A\"b", "greeting": "Hi"}"#), Ok("Hi, A\"b!".into()));
    assert_eq!(call("zgreet", r#"{"name": "Ada", "greeting": null}"#), Ok("Hello, Ada!".into()));
    assert_eq!(call("run", r#"{"arguments": "a", "result": 3}"#), Ok("a 1 3".into()));
    assert_eq!(structured(call("search", r#"{"query": "q"}"#)), json!(["q", "0", "default"]));
    let receipt = structured(call("buy-now", r#"{"items": [{"name": "tea", "price": 3}]}"#));
    assert_eq!(receipt, json!({"total": 6, "place": "here"}));
    let arguments =
        r#"{"items": [{"name": "tea", "price": 3}], "count": 1, "unit": "dozen", "where": "there", "region": "eu"}"#;
    assert_eq!(structured(call("buy-now", arguments)), json!({"total": 36, "place": "there", "region": "eu"}));
}

#[test]
fn results_are_what_their_types_say() {
    assert_eq!(call("nothing", "{}"), Ok(ToolResult::new([])));
    assert_eq!(structured(call("number", "{}")), json!(0.5));
    assert_eq!(structured(call("any", r#"{"value": {"a": [1]}}"#)), json!({"a": [1]}));
    assert_eq!(call("picture", "{}"), Ok(Content::image([1, 2, 3], "image/png").into()));
    assert_eq!(call("several", "{}").expect("a result").content.len(), 2);
    assert_eq!(call("whole", "{}"), Ok(ToolResult::new(["text".into(), "more".into()])));
    assert_eq!(call("own", "{}"), Ok("own".into()));
}

#[test]
fn wrong_arguments_say_which_and_why() {
    let cases = [
        ("zgreet", "{}", "missing field `name`"),
        ("zgreet", r#"{"name": 1}"#, "`name`: invalid type: integer `1`, expected a string"),
        ("zgreet", r#"{"name": "a", "nmae": 1}"#, "unknown field `nmae`, expected `name` or `greeting`"),
        ("zgreet", "{", "EOF while parsing an object"),
        ("zgreet", "7", "invalid type: integer `7`, expected an object that holds the arguments"),
        (
            "buy-now",
            "{\n \"items\": [{\"name\": \"{\\\"]\", \"price\": 1},\n  {\"name\": \"tea\", \"price\": 300}]}",
            "`items[1].price`: invalid value: integer `300`, expected u8",
        ),
        ("buy-now", r#"{"items": [{"name": "tea"}]}"#, "`items[0]`: missing field `price`"),
        ("buy-now", r#"{"items": [{"nmae": "tea"}]}"#, "`items[0]`: unknown field `nmae`, expected `name` or `price`"),
        ("buy-now", r#"{"items": [], "unit": "ton"}"#, "`unit`: unknown variant `ton`, expected `piece` or `dozen`"),
        ("buy-now", r#"{"items": [], "count": 0}"#, "`count` is at least 1"),
        ("search", r#"{"limit": 1}"#, "missing field `query`"),
    ];
    for (tool, arguments, expected) in cases {
        assert_eq!(call(tool, arguments), Err(Error::invalid_arguments(expected)), "{arguments}");
    }
}

#[test]
fn errors_keep_their_kind_and_others_are_failures() {
    let error = call("questionable", r#"{"number": "x"}"#);
    assert_eq!(error, Err(Error::failed("invalid digit found in string")));
    assert_eq!(call("told", r#"{"kind": "so"}"#), Err(Error::failed("told so")));
    assert_eq!(call("unheard", "{}"), Err(Error::internal("the plugin has no tool `unheard`")));
    let error = call("unspeakable", "{}").expect_err("a key that is no string");
    assert!(
        matches!(&error, Error::Internal(message) if message.starts_with("the result cannot be said in JSON")),
        "{error:?}"
    );

    let error = Error::retryable("busy").after(Duration::from_secs(2));
    assert_eq!(error, Error::Retryable { message: "busy".into(), after: Some(Duration::from_secs(2)) });
    assert_eq!(Error::denied("no").message(), "no");
}

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl std::fmt::Display for Outer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the count is wrong")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn the_question_mark_keeps_an_errors_sources() {
    fn fails() -> toolyard_plugin::Result<u8> {
        Ok("x".parse().map_err(Outer)?)
    }
    assert_eq!(fails(), Err(Error::failed("the count is wrong: invalid digit found in string")));
}

#[test]
fn the_host_hears_progress_and_logs() {
    let arguments = r#"{"items": [{"name": "tea", "price": 1}, {"name": "", "price": 1}]}"#;
    let (result, told) = testing::listen(|| call("buy-now", arguments));
    assert!(result.is_ok());
    assert_eq!(told.progress, [(1.0, Some(2.0), Some("tea".into())), (2.0, Some(2.0), None)]);
    assert_eq!(told.logs, [(Level::Info, "sdk::tools::shop".into(), "2 items".into())]);

    let mut call = testing::call_context();
    call.wants_progress = false;
    let (result, told) = testing::listen(|| PLUGIN.call("buy-now", arguments, &call.into()));
    assert!(result.is_ok());
    assert_eq!(told.progress, [], "nobody listens");
}

#[test]
fn a_context_tells_of_the_call() {
    let mut call = testing::call_context();
    call.scopes = vec!["read".into()];
    call.client = Client { name: Some("c".into()), version: None, capabilities: ClientCapabilities::ROOTS };
    call.deadline_ms = 1_000;
    let context = Context::from(call);
    assert!(context.has_scope("read") && !context.has_scope("write"));
    assert!(context.client.capabilities.contains(ClientCapabilities::ROOTS));
    assert_eq!(context.deadline(), std::time::UNIX_EPOCH + Duration::from_secs(1));
    assert_eq!(context.time_left(), Duration::ZERO);
    assert!(testing::context().time_left() > Duration::from_secs(20));

    let (_, told) = testing::listen(|| testing::context().progress_of_unknown(7_u8, "going"));
    assert_eq!(told.progress, [(7.0, None, Some("going".into()))]);
}

#[test]
fn content_is_built_in_short() {
    let hints = Annotations { audience: vec![Role::User], priority: Some(1.0), last_modified: None };
    let pieces = [
        Content::text("t"),
        Content::audio([1], "audio/wav"),
        Content::link("file:///a", "a"),
        Content::embedded_text("file:///a", "text/plain", "a"),
        Content::embedded_blob("file:///b", "image/png", [1]),
    ];
    for piece in pieces {
        let annotated = match piece.annotated(hints.clone()) {
            Content::Text(text) => text.annotations,
            Content::Image(media) | Content::Audio(media) => media.annotations,
            Content::ResourceLink(link) => link.annotations,
            Content::Resource(resource) => resource.annotations,
        };
        assert_eq!(annotated.as_ref(), Some(&hints));
    }
    let meta = json!({"a": 1}).as_object().cloned().expect("an object");
    assert_eq!(ToolResult::from("t").with_meta(&meta).meta.as_deref(), Some(r#"{"a":1}"#));
    let raw = RawValue::from_string("12345678901234567890".into()).expect("JSON");
    let result = ToolResult::structured(&raw).expect("a result");
    assert_eq!(result.structured.as_deref(), Some("12345678901234567890"));
}
