//! From values that know where they stand to types: a deserializer whose errors say which value is wrong.

use std::{
    cell::RefCell,
    fmt,
    path::{Path, PathBuf},
};

use serde::{
    de::{self, DeserializeSeed, Expected, IntoDeserializer, Unexpected, Visitor, value::StrDeserializer},
    forward_to_deserialize_any,
};

use super::node::{Node, Place, Step, Value};
use crate::config::nearest::did_you_mean;

/// A path that the configuration names, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) key: Vec<Step>,
    pub(crate) path: PathBuf,
    pub(crate) at: Place,
}

/// Keys of what the host makes or fills itself, hands on as it is, or looks after in a place of its own: nothing in there is
/// read as configuration.
const NOT_READ: &[&str] = &["audit", "cache_dir", "folders", "keys_file", "plugins", "state_dir", "tls"];

impl Named {
    /// Whether what is there is part of what the configuration means, such as a key or a certificate.
    pub(crate) fn is_read(&self) -> bool {
        !self.path.as_os_str().is_empty() && !self.is_any_of(NOT_READ)
    }

    /// Whether one of `keys` leads to it.
    pub(crate) fn is_any_of(&self, keys: &[&str]) -> bool {
        self.key.iter().filter_map(Step::key).any(|key| keys.contains(&key))
    }
}

/// A value that is not what its place wants.
#[derive(Debug)]
pub(super) struct Error {
    /// From the inside out.
    path: Vec<Step>,
    reason: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The sentence says what it is about.
    Whole,
    /// What is said of a value, without its key.
    OfValue,
    /// Something is not there.
    Absence,
}

impl Error {
    fn new(kind: Kind, reason: impl Into<String>) -> Self {
        Self { path: Vec::new(), reason: reason.into(), kind }
    }

    /// Whether something is wrong because something is not there.
    pub(super) fn is_absence(&self) -> bool {
        self.kind == Kind::Absence
    }

    /// Where it is, and what it is.
    pub(super) fn into_parts(mut self) -> (Vec<Step>, String) {
        self.path.reverse();
        let key = self.path.iter().rev().find_map(Step::key).filter(|_| self.kind == Kind::OfValue);
        let reason = match key {
            Some(key) if self.reason.starts_with("must be") => format!("`{key}` {}", self.reason),
            Some(key) => format!("`{key}`: {}", self.reason),
            None => self.reason,
        };
        (self.path, reason)
    }

    fn within(mut self, step: Step) -> Self {
        self.path.push(step);
        self
    }
}

/// Reads a `T`, and all paths in it. Paths are relative to the folder of the file that they stand in; they are given
/// relative to `base`.
pub(super) fn read<T: de::DeserializeOwned>(root: &Node, base: &Path) -> Result<(T, Vec<Named>), Error> {
    let context = Context { base, paths: RefCell::default() };
    let read = T::deserialize(Reader { node: root, trail: Trail::Root, context: &context })?;
    Ok((read, context.paths.into_inner()))
}

struct Context<'a> {
    base: &'a Path,
    paths: RefCell<Vec<Named>>,
}

/// How a value was reached.
#[derive(Clone, Copy)]
enum Trail<'a> {
    Root,
    Key(&'a Trail<'a>, &'a str),
    Index(&'a Trail<'a>, usize),
}

impl Trail<'_> {
    fn steps(self) -> Vec<Step> {
        match self {
            Self::Root => Vec::new(),
            Self::Key(before, key) => [before.steps(), vec![Step::Key(key.to_owned())]].concat(),
            Self::Index(before, index) => [before.steps(), vec![Step::Index(index)]].concat(),
        }
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    trail: Trail<'a>,
    context: &'a Context<'a>,
}

impl<'de, 'a> Reader<'a> {
    /// The text of a string that is a reference as a whole: it may be meant as a number, or as `true`.
    fn reference(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Text(text) if self.node.given.as_ref().is_some_and(|given| given.whole) => Some(text.trim()),
            _ => None,
        }
    }

    fn number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Some(text) = self.reference() else { return de::Deserializer::deserialize_any(self, visitor) };
        let plain = text.replace('_', "");
        if let Ok(number) = plain.parse::<i64>() {
            return whole(number, visitor);
        }
        match plain.parse::<f64>() {
            Ok(number) if !plain.is_empty() => visitor.visit_f64(number),
            _ => Err(de::Error::invalid_type(Unexpected::Str(text), &visitor)),
        }
    }

    /// A string that is wanted as a path: relative to the file that it stands in, wherever that file is.
    fn path(&self, written: &str) -> String {
        let folder = self.node.at.folder();
        let inside = folder.strip_prefix(self.context.base).unwrap_or(&folder);
        let path = if written.is_empty() { PathBuf::new() } else { inside.join(written) };
        let named = Named { key: self.trail.steps(), path: path.clone(), at: self.node.at.clone() };
        self.context.paths.borrow_mut().push(named);
        path.to_string_lossy().into_owned()
    }

    fn string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            // serde's own word for what a `PathBuf` is made of; there is no other way to tell it from a text.
            Value::Text(text) if Shown(&visitor).to_string() == "path string" => visitor.visit_string(self.path(text)),
            _ => de::Deserializer::deserialize_any(self, visitor),
        }
    }
}

/// What a visitor says that it expects.
struct Shown<'a>(&'a dyn Expected);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn whole<'de, V: Visitor<'de>>(number: i64, visitor: V) -> Result<V::Value, Error> {
    match u64::try_from(number) {
        Ok(number) => visitor.visit_u64(number),
        Err(_) => visitor.visit_i64(number),
    }
}

macro_rules! numbers {
    ($($name:ident)*) => {
        $(fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.number(visitor)
        })*
    };
}

impl<'de> de::Deserializer<'de> for Reader<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Bool(is) => visitor.visit_bool(*is),
            Value::Integer(number) => whole(*number, visitor),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Text(text) => visitor.visit_str(text),
            Value::Array(items) => visitor.visit_seq(Items { items: items.iter().enumerate(), of: self }),
            Value::Table(table) => visitor.visit_map(Entries { entries: table.iter(), value: None, of: self }),
        }
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.reference() {
            Some("true") => visitor.visit_bool(true),
            Some("false") => visitor.visit_bool(false),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Text(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            Value::Table(table) => {
                let entries = Entries { entries: table.iter(), value: None, of: self };
                let enumerated = de::value::MapAccessDeserializer::new(entries);
                enumerated.deserialize_enum(name, variants, visitor)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        char bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'a, I> {
    items: I,
    of: Reader<'a>,
}

impl<'de, 'a, I: Iterator<Item = (usize, &'a Node)>> de::SeqAccess<'de> for Items<'a, I> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some((index, node)) = self.items.next() else { return Ok(None) };
        let trail = Trail::Index(&self.of.trail, index);
        let read = seed.deserialize(Reader { node, trail, context: self.of.context });
        read.map(Some).map_err(|error| error.within(Step::Index(index)))
    }
}

struct Entries<'a, I> {
    entries: I,
    value: Option<(&'a str, &'a Node)>,
    of: Reader<'a>,
}

impl<'de, 'a, I: Iterator<Item = (&'a String, &'a Node)>> de::MapAccess<'de> for Entries<'a, I> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((key, node)) = self.entries.next() else { return Ok(None) };
        self.value = Some((key, node));
        let name: StrDeserializer<'_, Error> = key.as_str().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|error| error.within(Step::Key(key.clone())))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (key, node) = self.value.take().ok_or_else(|| de::Error::custom("a value was asked for before its key"))?;
        let trail = Trail::Key(&self.of.trail, key);
        let read = seed.deserialize(Reader { node, trail, context: self.of.context });
        read.map_err(|error| error.within(Step::Key(key.to_owned())))
    }
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::new(Kind::OfValue, reason.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format!("must be {}, and is {}", wanted(&expected.to_string()), shown(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(found: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format!("`{found}` cannot stand here; {}", did_you_mean(found, expected)))
    }

    fn unknown_field(found: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Kind::Whole, format!("unknown key `{found}`; {}", did_you_mean(found, expected)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Kind::Absence, format!("`{field}` is missing; add it"))
    }
}

/// What serde expects, in the words of the file.
fn wanted(expected: &str) -> String {
    let words = match expected {
        "a map" => "a table",
        "a sequence" => "a list",
        "a boolean" => "`true` or `false`",
        "path string" => "a path",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "u128" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        expected if expected.starts_with("struct ") => "a table",
        expected => expected,
    };
    words.to_owned()
}

fn shown(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Map => "a table".into(),
        Unexpected::Seq => "a list".into(),
        Unexpected::Str(text) => format!("the string `{text}`"),
        Unexpected::Unsigned(number) => format!("`{number}`"),
        Unexpected::Signed(number) => format!("`{number}`"),
        Unexpected::Float(number) => format!("`{number}`"),
        Unexpected::Bool(is) => format!("`{is}`"),
        other => other.to_string(),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Error {}
