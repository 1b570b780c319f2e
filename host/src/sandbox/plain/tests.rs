//! Every type and value both ways, and what is refused.

use proptest::{
    collection::{hash_set, vec},
    prelude::*,
    sample::subsequence,
    strategy::Union,
};
use serde_json::json;

use super::{
    docs::TypeDocs,
    shape::{Case, Integer},
    value::{arguments, from_json, to_json},
    *,
};
use crate::catalog::Schema;

const INTEGERS: [Integer; 8] =
    [Integer::S8, Integer::U8, Integer::S16, Integer::U16, Integer::S32, Integer::U32, Integer::S64, Integer::U64];

fn some_names() -> impl Strategy<Value = Vec<Box<str>>> {
    // Names that JSON pointers have to escape are none of WIT's, and must do no harm.
    hash_set("[a-z][a-z0-9]{0,4}(-[a-z0-9]{1,3})?|some|ok|error|~/", 1..5)
        .prop_map(|names| names.into_iter().map(Into::into).collect())
}

fn some_shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        Just(Shape::Bool),
        proptest::sample::select(&INTEGERS[..]).prop_map(Shape::Integer),
        Just(Shape::F32),
        Just(Shape::F64),
        Just(Shape::Char),
        Just(Shape::String),
        Just(Shape::Bytes),
        some_names().prop_map(Shape::Enum),
        some_names().prop_map(Shape::Flags),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let payload = proptest::option::of(boxed.clone());
        let fields = (some_names(), vec(inner.clone(), 5)).prop_map(|(names, shapes)| {
            let fields = names.into_iter().zip(shapes).map(|(name, shape)| Field { name, shape });
            Shape::Record(fields.collect())
        });
        let cases = (some_names(), vec(payload.clone(), 5)).prop_map(|(names, payloads)| {
            let cases = names.into_iter().zip(payloads).map(|(name, payload)| Case { name, payload });
            Shape::Variant(cases.collect())
        });
        prop_oneof![
            boxed.clone().prop_map(|item| match *item {
                Shape::Integer(Integer::U8) => Shape::Bytes,
                _ => Shape::List(item),
            }),
            boxed.prop_map(Shape::Option),
            vec(inner, 1..4).prop_map(Shape::Tuple),
            (payload.clone(), payload).prop_map(|(ok, error)| Shape::Result(ok, error)),
            fields,
            cases,
        ]
    })
}

fn some_integer(integer: Integer) -> BoxedStrategy<Val> {
    match integer {
        Integer::S8 => any::<i8>().prop_map(Val::S8).boxed(),
        Integer::U8 => any::<u8>().prop_map(Val::U8).boxed(),
        Integer::S16 => any::<i16>().prop_map(Val::S16).boxed(),
        Integer::U16 => any::<u16>().prop_map(Val::U16).boxed(),
        Integer::S32 => any::<i32>().prop_map(Val::S32).boxed(),
        Integer::U32 => any::<u32>().prop_map(Val::U32).boxed(),
        Integer::S64 => prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX)].prop_map(Val::S64).boxed(),
        Integer::U64 => prop_oneof![any::<u64>(), Just(u64::MAX), Just(1 << 53)].prop_map(Val::U64).boxed(),
    }
}

fn some_payload(payload: &Payload) -> BoxedStrategy<Option<Box<Val>>> {
    match payload {
        Some(shape) => some_value(shape).prop_map(|value| Some(Box::new(value))).boxed(),
        None => Just(None).boxed(),
    }
}

/// Any value of this shape.
fn some_value(shape: &Shape) -> BoxedStrategy<Val> {
    match shape {
        Shape::Bool => any::<bool>().prop_map(Val::Bool).boxed(),
        Shape::Integer(integer) => some_integer(*integer),
        Shape::F32 => proptest::num::f32::ANY.prop_map(Val::Float32).boxed(),
        Shape::F64 => proptest::num::f64::ANY.prop_map(Val::Float64).boxed(),
        Shape::Char => any::<char>().prop_map(Val::Char).boxed(),
        Shape::String => any::<String>().prop_map(Val::String).boxed(),
        Shape::Bytes => {
            vec(any::<u8>(), 0..9).prop_map(|bytes| Val::List(bytes.into_iter().map(Val::U8).collect())).boxed()
        }
        Shape::List(item) => vec(some_value(item), 0..4).prop_map(Val::List).boxed(),
        Shape::Tuple(items) => items.iter().map(some_value).collect::<Vec<_>>().prop_map(Val::Tuple).boxed(),
        Shape::Record(fields) => {
            let names: Vec<String> = fields.iter().map(|field| field.name.to_string()).collect();
            let values: Vec<_> = fields.iter().map(|field| some_value(&field.shape)).collect();
            values.prop_map(move |values| Val::Record(names.iter().cloned().zip(values).collect())).boxed()
        }
        Shape::Variant(cases) => {
            let cases = cases.iter().map(|case| {
                let name = case.name.to_string();
                some_payload(&case.payload).prop_map(move |payload| Val::Variant(name.clone(), payload)).boxed()
            });
            Union::new(cases).boxed()
        }
        Shape::Enum(names) => proptest::sample::select(names.clone()).prop_map(|name| Val::Enum(name.into())).boxed(),
        Shape::Option(inner) => {
            proptest::option::of(some_value(inner).prop_map(Box::new)).prop_map(Val::Option).boxed()
        }
        Shape::Result(ok, error) => prop_oneof![
            some_payload(ok).prop_map(|value| Val::Result(Ok(value))),
            some_payload(error).prop_map(|value| Val::Result(Err(value))),
        ]
        .boxed(),
        Shape::Flags(names) => {
            let all: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            let count = all.len();
            subsequence(all, 0..=count).prop_map(Val::Flags).boxed()
        }
    }
}

fn some_typed_value() -> impl Strategy<Value = (Shape, Val)> {
    some_shape().prop_flat_map(|shape| {
        let value = some_value(&shape);
        (Just(shape), value)
    })
}

/// Any JSON, of the kinds that a caller might send.
fn some_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-2i64..300).prop_map(|number| json!(number as f64)),
        "[a-z]{0,3}|NaN|some|ok|error|~/".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 30, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec(("[a-c]|some|ok|error|~/", inner), 0..3)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// The schema of one value, as it stands in that of a function's result.
fn schema_of(shape: &Shape) -> (String, Schema) {
    let nothing = TypesDocs::new();
    let text = Writer { types: [&nothing, &nothing], left: &mut 0 }.result(shape).to_string();
    let schema = Schema::compile(&text).unwrap_or_else(|reason| panic!("its schema {reason}: {text}"));
    (text, schema)
}

fn wrapped(shape: &Shape, value: &Value) -> Value {
    if matches!(shape, Shape::Record(_)) { value.clone() } else { json!({ RESULT: value }) }
}

proptest! {
    #[test]
    fn values_go_both_ways_and_fit_the_schema((shape, value) in some_typed_value()) {
        let json = to_json(&shape, value.clone()).unwrap();
        // Through the text, as it travels.
        let json: Value = crate::json::strict(&json.to_string()).unwrap();
        let (text, schema) = schema_of(&shape);
        prop_assert_eq!(schema.check(&wrapped(&shape, &json)), Ok(()), "{} {}", json, text);
        prop_assert_eq!(from_json(&shape, &json).unwrap(), value);
    }

    /// What fits the schema is taken, but for what a schema does not say; what does not fit is not. Nothing panics.
    #[test]
    fn the_schema_says_what_is_taken(shape in some_shape(), json in some_json()) {
        let (text, schema) = schema_of(&shape);
        let (fits, taken) = (schema.check(&wrapped(&shape, &json)), from_json(&shape, &json));
        if let Err(mistake) = &taken {
            let words = mistake.to_string();
            let unsaid = words.contains("is not base64") || words.contains("is too large for 32 bits")
                // 2^64, which the validator takes for the integer before it.
                || words.contains("must be an integer from");
            prop_assert!(fits.is_err() || unsaid, "{words}: {json} {text}");
        }
        if let Err(mistakes) = fits {
            prop_assert!(taken.is_err(), "{mistakes}: {json} {text}");
        }
        let mismatched = to_json(&shape, Val::Tuple(vec![Val::Bool(true); 2]));
        prop_assert!(matches!(shape, Shape::Tuple(_)) || mismatched.is_err());
    }
}

#[test]
fn each_type_has_one_form() {
    let integer = || Shape::Integer(Integer::U8);
    let option = |inner| Shape::Option(Box::new(inner));
    let case = |name: &str, payload: Option<Shape>| Case { name: name.into(), payload: payload.map(Box::new) };
    let variant = Shape::Variant(vec![case("none", None), case("range", Some(integer()))]);
    for (shape, value, expected) in [
        (Shape::Integer(Integer::U64), Val::U64(u64::MAX), json!(u64::MAX)),
        (Shape::Integer(Integer::S64), Val::S64(i64::MIN), json!(i64::MIN)),
        (Shape::F32, Val::Float32(0.1), json!(0.1)),
        (Shape::F32, Val::Float32(f32::MAX), json!(3.4028235e38)),
        (Shape::F64, Val::Float64(f64::NAN), json!("NaN")),
        (Shape::F32, Val::Float32(f32::NEG_INFINITY), json!("-Infinity")),
        (Shape::Char, Val::Char('ü'), json!("ü")),
        (Shape::Bytes, Val::List(vec![Val::U8(0xff), Val::U8(0)]), json!("/wA=")),
        (option(integer()), Val::Option(None), json!(null)),
        (option(integer()), Val::Option(Some(Val::U8(1).into())), json!(1)),
        (option(option(integer())), Val::Option(None), json!(null)),
        (option(option(integer())), Val::Option(Some(Val::Option(None).into())), json!({ "some": null })),
        (variant.clone(), Val::Variant("none".into(), None), json!("none")),
        (variant, Val::Variant("range".into(), Some(Val::U8(5).into())), json!({ "range": 5 })),
        (Shape::Result(None, None), Val::Result(Ok(None)), json!({ "ok": null })),
        (
            Shape::Result(None, Some(Box::new(Shape::String))),
            Val::Result(Err(Some(Val::String("no".into()).into()))),
            json!({ "error": "no" }),
        ),
    ] {
        assert_eq!(to_json(&shape, value.clone()).unwrap(), expected);
        assert_eq!(from_json(&shape, &expected).unwrap(), value);
    }
    // Bytes may also be written as numbers.
    assert_eq!(from_json(&Shape::Bytes, &json!([255, 0])), from_json(&Shape::Bytes, &json!("/wA=")));
    // An optional field may be left out.
    let record = Shape::Record(vec![Field { name: "a".into(), shape: option(integer()) }]);
    assert_eq!(from_json(&record, &json!({})), from_json(&record, &json!({ "a": null })));
}

#[test]
fn mistakes_say_where() {
    let integers = Shape::List(Box::new(Shape::Integer(Integer::U64)));
    let flags = Shape::Flags(vec!["x".into(), "y".into()]);
    let record = Shape::Record(vec![Field { name: "a/b".into(), shape: integers }]);
    let parameters = [Field { name: "r".into(), shape: record }, Field { name: "f".into(), shape: flags }]
        .map(|field| Field { shape: Shape::Option(Box::new(field.shape)), ..field });
    for (value, expected) in [
        (json!({ "r": { "a/b": [1, -1] } }), "at /r/a~1b/1: must be an integer from 0 to 18446744073709551615"),
        // 2^64 as a float.
        (json!({ "r": { "a/b": [18446744073709551616.0] } }), "at /r/a~1b/0: must be an integer from 0"),
        (json!({ "r": { "a/b": [0.5] } }), "at /r/a~1b/0: must be an integer"),
        (json!({ "r": {} }), "at /r/a~1b: is missing"),
        (json!({ "r": { "a/b": [], "c~": 1 } }), "at /r/c~0: is not known"),
        (json!({ "f": ["x", "x"] }), "at /f/1: stands there twice"),
        (json!({ "f": ["z"] }), "at /f/0: must be one of x, y"),
        (json!({ "g": 1 }), "at /g: is not known"),
        (json!([]), "must be an object"),
    ] {
        let mistake = arguments(&parameters, &value).unwrap_err().to_string();
        assert!(mistake.starts_with(expected), "{value}: {mistake}");
    }
}

#[test]
fn doc_comments_become_descriptions() {
    let color = Shape::Enum(vec!["red".into(), "blue".into()]);
    let field = Field { name: "paint".into(), shape: color.clone() };
    let record = Shape::Record(vec![field]);
    let said = |docs: &str, items: &[(&str, &str)]| TypeDocs {
        docs: Some(docs.to_owned()),
        items: items.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
    };
    let of_color = said("A color.", &[("red", "Warm.")]);
    let of_record = said("A wall.", &[("paint", "What it is painted with.")]);
    let types = TypesDocs::from([(color, Some(&of_color)), (record.clone(), Some(&of_record))]);
    let mut schema = Writer { types: [&types, &types], left: &mut 1000 }.schema(&record);
    assert_eq!(schema["description"], "A wall.");
    let paint = schema["properties"]["paint"]["description"].take();
    assert_eq!(paint, "What it is painted with.\n\nA color.\n- `red`: Warm.");
    // What is beyond the bound is left out, and no more.
    let short = Writer { types: [&types, &types], left: &mut 10 }.schema(&record);
    assert_eq!(short["description"], "A wall.");
    assert_eq!(short["properties"]["paint"], json!({ "type": "string", "enum": ["red", "blue"] }));
}
