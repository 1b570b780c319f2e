//! What a form looks like to a client, by the type it is made of.

use std::collections::{BTreeMap, BTreeSet};

use toolyard_plugin::{Confirm, Context, Deserialize, Error, Form, InputRequest, JsonSchema, Serialize, Url, json};
use toolyard_plugin::{schemars, serde, serde::de::DeserializeOwned, serde_json::Value, testing};

fn asked(ask: impl Fn(&Context) -> Error) -> InputRequest {
    match ask(&testing::context()) {
        Error::NeedInput(mut need) => need.requests.remove(0).1,
        error => panic!("{error:?}"),
    }
}

fn schema<T: DeserializeOwned + JsonSchema>() -> String {
    let ask = |context: &Context| context.ask("form", Form::<T>::new("?")).err().expect("a question");
    match asked(ask) {
        InputRequest::Form(form) => form.schema,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check<T: DeserializeOwned + JsonSchema>(properties: &Value, required: &[&str]) {
    let schema: Value = schema::<T>().parse().expect("JSON");
    let mut expected = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        expected["required"] = json!(required);
    }
    assert_eq!(schema, expected);
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "serde")]
#[schemars(crate = "schemars")]
#[expect(dead_code, reason = "only their schema is of interest")]
struct Plain {
    /// Your name.
    #[schemars(title = "Name", length(min = 1, max = 40))]
    zname: String,
    #[schemars(email)]
    email: Option<String>,
    #[schemars(range(min = 18, max = 99))]
    #[serde(default = "thirty")]
    age: u8,
    weight: f64,
    count: i64,
    #[serde(default)]
    note: Option<String>,
    #[serde(rename = "agreeToTerms", default = "yes")]
    agree: bool,
    #[schemars(extend("format" = "date"))]
    born: String,
}

fn thirty() -> u8 {
    30
}

fn yes() -> bool {
    true
}

#[test]
fn fields_are_in_their_order_and_say_only_what_clients_know() {
    let schema = schema::<Plain>();
    let expected = concat!(
        r#"{"type":"object","properties":{"#,
        r#""zname":{"description":"Your name.","maxLength":40,"minLength":1,"title":"Name","type":"string"},"#,
        r#""email":{"format":"email","type":"string"},"#,
        r#""age":{"default":30,"maximum":99,"minimum":18,"type":"integer"},"#,
        r#""weight":{"type":"number"},"#,
        r#""count":{"type":"integer"},"#,
        r#""note":{"type":"string"},"#,
        r#""agreeToTerms":{"default":true,"type":"boolean"},"#,
        r#""born":{"format":"date","type":"string"}"#,
        r#"},"required":["zname","weight","count","born"]}"#,
    );
    assert_eq!(schema, expected);
}

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "serde", rename_all = "lowercase")]
#[schemars(crate = "schemars")]
enum Size {
    #[default]
    Small,
    Large,
}

/// How to send it.
#[derive(PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(crate = "serde")]
#[schemars(crate = "schemars")]
enum Way {
    /// By air
    Air,
    #[schemars(title = "By sea", description = "Slow.")]
    Sea,
    Road,
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "serde")]
#[schemars(crate = "schemars")]
#[expect(dead_code, reason = "only their schema is of interest")]
struct Choices {
    #[serde(default)]
    size: Size,
    maybe: Option<Size>,
    way: Way,
    /// Or another one.
    other: Option<Way>,
    #[schemars(length(min = 1, max = 2))]
    sizes: Vec<Size>,
    ways: BTreeSet<Way>,
    #[schemars(extend("enum" = ["a", "b"], "enumNames" = ["A", "B"]))]
    legacy: String,
}

#[test]
fn choices_are_said_in_the_way_that_clients_know() {
    let ways = json!([
        {"const": "Air", "title": "By air"},
        {"const": "Sea", "title": "By sea"},
        {"const": "Road", "title": "Road"},
    ]);
    let sorted = |ways: &Value| {
        let mut ways = ways.as_array().cloned().expect("an array");
        // Variants about which nothing is said come first.
        ways.rotate_right(1);
        ways
    };
    check::<Choices>(
        &json!({
            "size": {"type": "string", "enum": ["small", "large"], "default": "small"},
            "maybe": {"type": "string", "enum": ["small", "large"]},
            "way": {"type": "string", "oneOf": sorted(&ways), "description": "How to send it."},
            "other": {"type": "string", "oneOf": sorted(&ways), "description": "Or another one."},
            "sizes": {
                "type": "array", "items": {"type": "string", "enum": ["small", "large"]}, "minItems": 1, "maxItems": 2,
            },
            "ways": {"type": "array", "items": {"anyOf": sorted(&ways)}},
            "legacy": {"type": "string", "enum": ["a", "b"], "enumNames": ["A", "B"]},
        }),
        &["way", "sizes", "ways", "legacy"],
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "serde")]
#[schemars(crate = "schemars")]
#[expect(dead_code, reason = "only their schema is of interest")]
struct With<T> {
    field: T,
}

#[track_caller]
fn refused<T: DeserializeOwned + JsonSchema>(expected: &str) {
    match testing::context().ask("form", Form::<T>::new("?")) {
        Err(Error::Internal(message)) => assert!(message.contains(expected), "{message}"),
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("there was an answer"),
    }
}

#[test]
fn what_does_not_fit_into_a_form_is_refused() {
    refused::<With<Vec<String>>>("the field `field` does not fit into a form");
    refused::<With<With<String>>>("the field `field` does not fit");
    refused::<With<BTreeMap<String, String>>>("the field `field` does not fit");
    refused::<With<Option<Vec<u8>>>>("the field `field` does not fit");
    refused::<With<Value>>("the field `field` does not fit");
    refused::<String>("a struct with named fields");
    refused::<Size>("a struct with named fields");
    check::<BTreeMap<String, String>>(&json!({}), &[]);
}

#[test]
fn a_schema_can_be_given_as_it_is() {
    let text = r#"{ "type": "object", "properties": {} }"#;
    let ask = |context: &Context| context.ask("k", Form::<Value>::with_schema("m", &text)).expect_err("a question");
    let InputRequest::Form(form) = asked(ask) else { panic!("not a form") };
    assert_eq!((form.message.as_str(), form.schema.as_str()), ("m", text));
    let ask = |context: &Context| context.ask("k", Confirm::new("sure?")).expect_err("a question");
    let InputRequest::Form(form) = asked(ask) else { panic!("not a form") };
    assert_eq!((form.message.as_str(), form.schema.as_str()), ("sure?", r#"{"type":"object","properties":{}}"#));
    let ask = |context: &Context| context.ask("k", Url::new("m", "https://example.com")).expect_err("a question");
    let InputRequest::Url(page) = asked(ask) else { panic!("not a page") };
    assert_eq!((page.message.as_str(), page.url.as_str()), ("m", "https://example.com"));
}
