//! Values of plain functions: from JSON and to JSON.
//!
//! The host has held arguments against the schema before. Nothing here relies on it: what does not fit is a [`Mistake`].

use std::fmt;

use base64::{Engine, alphabet, engine::DecodePaddingMode, engine::GeneralPurpose, engine::GeneralPurposeConfig};
use serde_json::{Map, Value};
use wasmtime::component::Val;

use super::shape::{Case, Field, Integer, Payload, Shape};

/// Base64 (RFC 4648, 4). Given with padding, taken without it too.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What is wrong with a value, and where in it (a JSON pointer, RFC 6901).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    place: String,
    what: String,
}

impl Mistake {
    fn new(what: impl Into<String>) -> Self {
        Self { place: String::new(), what: what.into() }
    }

    fn within(mut self, token: impl fmt::Display) -> Self {
        let token = token.to_string().replace('~', "~0").replace('/', "~1");
        self.place.insert_str(0, &token);
        self.place.insert(0, '/');
        self
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.what),
            place => write!(f, "at {place}: {}", self.what),
        }
    }
}

/// The arguments of a function, in the order of its parameters.
pub(super) fn arguments(parameters: &[Field], value: &Value) -> Result<Vec<Val>, Mistake> {
    let Value::Object(object) = value else { return Err(Mistake::new("must be an object")) };
    fields(parameters, object, |_, value| value)
}

/// A value of this shape, as the engine takes it.
pub(super) fn from_json(shape: &Shape, value: &Value) -> Result<Val, Mistake> {
    match (shape, value) {
        (Shape::Bool, Value::Bool(value)) => Ok(Val::Bool(*value)),
        (Shape::Integer(integer), Value::Number(_)) => whole(*integer, value),
        (Shape::F32, value) => {
            let double = float(value)?;
            let single = double as f32;
            let lost = single.is_infinite() && double.is_finite();
            if lost { Err(Mistake::new("is too large for 32 bits")) } else { Ok(Val::Float32(single)) }
        }
        (Shape::F64, value) => float(value).map(Val::Float64),
        (Shape::Char, Value::String(text)) => {
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(only), None) => Ok(Val::Char(only)),
                _ => Err(Mistake::new("must be a string of one character")),
            }
        }
        (Shape::String, Value::String(text)) => Ok(Val::String(text.clone())),
        (Shape::Bytes, Value::String(text)) => match BASE64.decode(text) {
            Ok(bytes) => Ok(Val::List(bytes.into_iter().map(Val::U8).collect())),
            Err(error) => Err(Mistake::new(format!("is not base64: {error}"))),
        },
        (Shape::Bytes, Value::Array(items)) => all(items, |item| whole(Integer::U8, item)).map(Val::List),
        (Shape::List(shape), Value::Array(items)) => all(items, |item| from_json(shape, item)).map(Val::List),
        (Shape::Tuple(shapes), Value::Array(items)) => tuple(shapes, items),
        (Shape::Record(parts), Value::Object(object)) => fields(parts, object, record_field).map(Val::Record),
        (Shape::Variant(cases), value) => variant(cases, value),
        (Shape::Enum(names), Value::String(text)) => known(names, text).map(Val::Enum),
        (Shape::Option(_), Value::Null) => Ok(Val::Option(None)),
        (Shape::Option(inner), value) => option(inner, value),
        (Shape::Result(ok, error), Value::Object(object)) => result(ok, error, object),
        (Shape::Flags(names), Value::Array(items)) => flags(names, items),
        (shape, _) => Err(Mistake::new(format!("must be {}", expected(shape)))),
    }
}

fn expected(shape: &Shape) -> &'static str {
    match shape {
        Shape::Bool => "true or false",
        Shape::Integer(_) => "an integer",
        Shape::F32 | Shape::F64 => "a number, or \"NaN\", \"Infinity\" or \"-Infinity\"",
        Shape::Char | Shape::String | Shape::Enum(_) => "a string",
        Shape::Bytes => "base64, or an array of integers from 0 to 255",
        Shape::List(_) | Shape::Tuple(_) | Shape::Flags(_) => "an array",
        Shape::Record(_) | Shape::Result(..) => "an object",
        Shape::Variant(_) => A_CASE,
        Shape::Option(_) => "null, or a value",
    }
}

const A_CASE: &str = "the name of a case, or an object with that name and what the case carries";

fn whole(integer: Integer, value: &Value) -> Result<Val, Mistake> {
    let exact = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    // `1.0` and `1e3` are integers too. The cast saturates, and so falls out of every range.
    let exact = exact.or_else(|| value.as_f64().filter(|float| float.fract() == 0.0).map(|float| float as i128));
    let exact = exact.ok_or_else(|| Mistake::new("must be an integer"))?;
    let fitting = match integer {
        Integer::S8 => exact.try_into().map(Val::S8),
        Integer::U8 => exact.try_into().map(Val::U8),
        Integer::S16 => exact.try_into().map(Val::S16),
        Integer::U16 => exact.try_into().map(Val::U16),
        Integer::S32 => exact.try_into().map(Val::S32),
        Integer::U32 => exact.try_into().map(Val::U32),
        Integer::S64 => exact.try_into().map(Val::S64),
        Integer::U64 => exact.try_into().map(Val::U64),
    };
    let (least, greatest) = integer.range();
    fitting.map_err(|_| Mistake::new(format!("must be an integer from {least} to {greatest}")))
}

fn float(value: &Value) -> Result<f64, Mistake> {
    let float = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => NOT_FINITE.iter().find(|(name, _)| name == text).map(|(_, float)| *float),
        _ => None,
    };
    float.ok_or_else(|| Mistake::new(format!("must be {}", expected(&Shape::F64))))
}

/// What JSON has no numbers for.
pub(super) const NOT_FINITE: [(&str, f64); 3] =
    [("NaN", f64::NAN), ("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)];

fn all(items: &[Value], convert: impl Fn(&Value) -> Result<Val, Mistake>) -> Result<Vec<Val>, Mistake> {
    let items = items.iter().enumerate();
    items.map(|(at, item)| convert(item).map_err(|mistake| mistake.within(at))).collect()
}

fn tuple(shapes: &[Shape], items: &[Value]) -> Result<Val, Mistake> {
    if shapes.len() != items.len() {
        return Err(Mistake::new(format!("must have {} items", shapes.len())));
    }
    let items = shapes.iter().zip(items).enumerate();
    let items = items.map(|(at, (shape, item))| from_json(shape, item).map_err(|mistake| mistake.within(at)));
    items.collect::<Result<_, _>>().map(Val::Tuple)
}

fn record_field(name: &str, value: Val) -> (String, Val) {
    (name.to_owned(), value)
}

/// The fields of a record, or the arguments of a call: in their order, the optional ones that are missing as `none`.
fn fields<T>(fields: &[Field], object: &Map<String, Value>, each: impl Fn(&str, Val) -> T) -> Result<Vec<T>, Mistake> {
    let is_known = |key: &str| fields.iter().any(|field| *field.name == *key);
    let given = fields.iter().filter(|field| object.contains_key(&*field.name)).count();
    if let Some(other) = object.keys().find(|key| given < object.len() && !is_known(key)) {
        return Err(Mistake::new("is not known").within(other));
    }
    let fields = fields.iter().map(|Field { name, shape }| {
        let value = match (object.get(&**name), shape) {
            (Some(value), shape) => from_json(shape, value),
            (None, Shape::Option(_)) => Ok(Val::Option(None)),
            (None, _) => Err(Mistake::new("is missing")),
        };
        value.map(|value| each(name, value)).map_err(|mistake| mistake.within(name))
    });
    fields.collect()
}

fn variant(cases: &[Case], value: &Value) -> Result<Val, Mistake> {
    let said = match value {
        Value::String(name) => Some((name, None)),
        Value::Object(object) => only(object).map(|(name, payload)| (name, Some(payload))),
        _ => None,
    };
    let (name, payload) = said.ok_or_else(|| Mistake::new(format!("must be {A_CASE}")))?;
    let case = cases.iter().find(|case| *case.name == **name);
    let case = case.ok_or_else(|| one_of(cases.iter().map(|case| &case.name)))?;
    let payload = match (&case.payload, payload) {
        (None, None) => None,
        (Some(shape), Some(payload)) => Some(from_json(shape, payload).map_err(|mistake| mistake.within(name))?.into()),
        (None, Some(_)) => return Err(Mistake::new(format!("must be the string \"{name}\", which carries nothing"))),
        (Some(_), None) => return Err(Mistake::new(format!("must be an object with what \"{name}\" carries"))),
    };
    Ok(Val::Variant(name.clone(), payload))
}

/// Names that a mistake lists.
const LISTED_MAX: usize = 20;

fn one_of<'a>(names: impl ExactSizeIterator<Item = &'a Box<str>>) -> Mistake {
    let more = if names.len() > LISTED_MAX { " and others" } else { "" };
    let names: Vec<&str> = names.take(LISTED_MAX).map(|name| &**name).collect();
    Mistake::new(format!("must be one of {}{more}", names.join(", ")))
}

/// The only entry of an object.
fn only(object: &Map<String, Value>) -> Option<(&String, &Value)> {
    object.iter().next().filter(|_| object.len() == 1)
}

fn known(names: &[Box<str>], text: &str) -> Result<String, Mistake> {
    if names.iter().any(|name| **name == *text) {
        return Ok(text.to_owned());
    }
    Err(one_of(names.iter()))
}

fn option(inner: &Shape, value: &Value) -> Result<Val, Mistake> {
    if !matches!(inner, Shape::Option(_)) {
        return from_json(inner, value).map(|value| Val::Option(Some(value.into())));
    }
    let some = value.as_object().and_then(only).filter(|(key, _)| *key == SOME);
    let (key, value) = some.ok_or_else(|| Mistake::new("must be null or {\"some\": …}"))?;
    let value = from_json(inner, value).map_err(|mistake| mistake.within(key))?;
    Ok(Val::Option(Some(value.into())))
}

/// Around the value of an option whose value may be `null` itself.
pub(super) const SOME: &str = "some";

/// The two sides of a result.
pub(super) const OK: &str = "ok";
pub(super) const ERROR: &str = "error";

fn result(ok: &Payload, error: &Payload, object: &Map<String, Value>) -> Result<Val, Mistake> {
    let side = |payload: &Payload, key: &str, value: &Value| {
        match (payload, value) {
            (Some(shape), value) => from_json(shape, value).map(|value| Some(Box::new(value))),
            (None, Value::Null) => Ok(None),
            (None, _) => Err(Mistake::new("must be null")),
        }
        .map_err(|mistake| mistake.within(key))
    };
    match only(object) {
        Some((key, value)) if key == OK => Ok(Val::Result(Ok(side(ok, key, value)?))),
        Some((key, value)) if key == ERROR => Ok(Val::Result(Err(side(error, key, value)?))),
        _ => Err(Mistake::new("must be {\"ok\": …} or {\"error\": …}")),
    }
}

fn flags(names: &[Box<str>], items: &[Value]) -> Result<Val, Mistake> {
    let mut set: Vec<String> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let name = item.as_str().ok_or_else(|| Mistake::new("must be a string"));
        let name = name.and_then(|name| known(names, name)).map_err(|mistake| mistake.within(at))?;
        if set.contains(&name) {
            return Err(Mistake::new("stands there twice").within(at));
        }
        set.push(name);
    }
    Ok(Val::Flags(set))
}

/// A value of this shape as JSON.
pub(super) fn to_json(shape: &Shape, val: Val) -> Result<Value, Mistake> {
    Ok(match (shape, val) {
        (Shape::Bool, Val::Bool(value)) => value.into(),
        (Shape::Integer(_), val) => integer_to_json(&val)?,
        (Shape::F32, Val::Float32(value)) => single_to_json(value),
        (Shape::F64, Val::Float64(value)) => double_to_json(value),
        (Shape::Char, Val::Char(value)) => value.to_string().into(),
        (Shape::String, Val::String(text)) | (Shape::Enum(_), Val::Enum(text)) => text.into(),
        (Shape::Bytes, Val::List(items)) => bytes_to_json(&items)?,
        (Shape::List(shape), Val::List(items)) => {
            items.into_iter().map(|item| to_json(shape, item)).collect::<Result<_, _>>()?
        }
        (Shape::Tuple(shapes), Val::Tuple(items)) if shapes.len() == items.len() => {
            let items = shapes.iter().zip(items);
            items.map(|(shape, item)| to_json(shape, item)).collect::<Result<_, _>>()?
        }
        (Shape::Record(fields), Val::Record(values)) if fields.len() == values.len() => {
            let fields = fields.iter().zip(values);
            let fields = fields.map(|(field, (name, value))| Ok((name, to_json(&field.shape, value)?)));
            Value::Object(fields.collect::<Result<_, _>>()?)
        }
        (Shape::Variant(cases), Val::Variant(name, payload)) => {
            let shape = cases.iter().find(|case| *case.name == *name).map(|case| &case.payload);
            match (shape, payload) {
                (Some(None), None) => name.into(),
                (Some(Some(shape)), Some(payload)) => entry(name, to_json(shape, *payload)?),
                _ => return Err(foreign()),
            }
        }
        (Shape::Option(_), Val::Option(None)) => Value::Null,
        (Shape::Option(inner), Val::Option(Some(value))) => match &**inner {
            Shape::Option(_) => entry(SOME, to_json(inner, *value)?),
            inner => to_json(inner, *value)?,
        },
        (Shape::Result(ok, _), Val::Result(Ok(value))) => entry(OK, payload_to_json(ok, value)?),
        (Shape::Result(_, error), Val::Result(Err(value))) => entry(ERROR, payload_to_json(error, value)?),
        (Shape::Flags(_), Val::Flags(names)) => names.into(),
        _ => return Err(foreign()),
    })
}

/// The engine gives only what the type says; this is for the case that it does not.
pub(super) fn foreign() -> Mistake {
    Mistake::new("is not of the type that the function says")
}

pub(super) fn entry(key: impl Into<String>, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.into(), value)]))
}

pub(super) fn payload_to_json(payload: &Payload, value: Option<Box<Val>>) -> Result<Value, Mistake> {
    match (payload, value) {
        (Some(shape), Some(value)) => to_json(shape, *value),
        (None, None) => Ok(Value::Null),
        _ => Err(foreign()),
    }
}

fn integer_to_json(val: &Val) -> Result<Value, Mistake> {
    Ok(match val {
        Val::S8(value) => (*value).into(),
        Val::U8(value) => (*value).into(),
        Val::S16(value) => (*value).into(),
        Val::U16(value) => (*value).into(),
        Val::S32(value) => (*value).into(),
        Val::U32(value) => (*value).into(),
        Val::S64(value) => (*value).into(),
        Val::U64(value) => (*value).into(),
        _ => return Err(foreign()),
    })
}

fn bytes_to_json(items: &[Val]) -> Result<Value, Mistake> {
    let bytes = items.iter().map(|item| match item {
        Val::U8(byte) => Ok(*byte),
        _ => Err(foreign()),
    });
    Ok(BASE64.encode(bytes.collect::<Result<Vec<u8>, _>>()?).into())
}

/// With the digits that say which 32 bits it is, and not those of the 64 bits beside it.
fn single_to_json(value: f32) -> Value {
    let short = value.to_string().parse::<f64>().ok().filter(|short| *short as f32 == value);
    double_to_json(short.unwrap_or_else(|| value.into()))
}

fn double_to_json(value: f64) -> Value {
    if value.is_finite() {
        return value.into();
    }
    let same = |float: f64| float == value || float.is_nan() && value.is_nan();
    NOT_FINITE.iter().find(|(_, float)| same(*float)).map_or(Value::Null, |(name, _)| (*name).into())
}
