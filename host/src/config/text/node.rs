//! A value of a configuration file, which knows where it was written.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use toml::{
    Spanned,
    de::{DeInteger, DeTable, DeValue},
};

use crate::config::ConfigError;

/// A value, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: Place,
    /// What it was taken from that does not stand in the file, if anything.
    pub(crate) given: Option<Arc<Given>>,
    /// Whether something below was wrong and was taken out, so that what is missing now is no second mistake.
    maimed: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Bool(bool),
    Integer(i64),
    Float(f64),
    /// A string, or a date as it was written.
    Text(String),
    Array(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

/// A line of a file, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: Arc<Path>,
    pub(crate) line: usize,
}

/// What stands in a string for something else, and what that was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Given {
    /// As it was written, such as `${PORT}`, and its value. Defaults are not among them: they stand in the file.
    pub(crate) parts: Vec<(String, String)>,
    /// Whether the string is a reference and nothing else, so that it can be a number as well.
    pub(crate) whole: bool,
}

/// One step from a value to one below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

impl Place {
    pub(crate) fn mistake(&self, reason: impl Into<String>) -> ConfigError {
        ConfigError::new(reason).in_file(&self.file).on_line(self.line)
    }

    /// The folder of the file.
    pub(super) fn folder(&self) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).to_owned()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

impl Node {
    /// Parses a file's text. All that is no TOML is said at once.
    pub(super) fn parse(text: &str, file: &Arc<Path>) -> Result<Self, Vec<ConfigError>> {
        let lines = Lines::of(text, file);
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut mistakes: Vec<ConfigError> = errors
            .iter()
            .map(|error| match error.span() {
                Some(span) => lines.at(span.start).mistake(error.message()),
                None => ConfigError::new(error.message()).in_file(file),
            })
            .collect();
        let root = Self::new(lines.table(table.into_inner(), &mut mistakes), lines.at(0));
        if mistakes.is_empty() { Ok(root) } else { Err(mistakes) }
    }

    pub(super) fn new(value: Value, at: Place) -> Self {
        Self { value, at, given: None, maimed: false }
    }

    /// What `later` says over what this says: tables grow together, everything else is replaced.
    pub(super) fn merge(&mut self, later: Self) {
        match (&mut self.value, later.value) {
            (Value::Table(own), Value::Table(others)) => {
                self.at = later.at;
                for (key, other) in others {
                    match own.get_mut(&key) {
                        Some(node) => node.merge(other),
                        None => drop(own.insert(key, other)),
                    }
                }
            }
            (_, value) => *self = Self { value, ..later },
        }
    }

    pub(super) fn child(&self, step: &Step) -> Option<&Self> {
        match (&self.value, step) {
            (Value::Table(table), Step::Key(key)) => table.get(key),
            (Value::Array(items), Step::Index(index)) => items.get(*index),
            _ => None,
        }
    }

    fn child_mut(&mut self, step: &Step) -> Option<&mut Self> {
        match (&mut self.value, step) {
            (Value::Table(table), Step::Key(key)) => table.get_mut(key),
            (Value::Array(items), Step::Index(index)) => items.get_mut(*index),
            _ => None,
        }
    }

    /// The value that `path` leads to, or as far as it leads.
    pub(crate) fn descend(&self, path: &[Step]) -> &Self {
        let next = path.split_first().and_then(|(step, rest)| Some((self.child(step)?, rest)));
        next.map_or(self, |(child, rest)| child.descend(rest))
    }

    /// Takes the value at `path` out. Says whether there was one.
    pub(super) fn remove(&mut self, path: &[Step]) -> bool {
        let Some((step, rest)) = path.split_first() else { return false };
        self.maimed = true;
        if !rest.is_empty() {
            return self.child_mut(step).is_some_and(|child| child.remove(rest));
        }
        match (&mut self.value, step) {
            (Value::Table(table), Step::Key(key)) => table.remove(key).is_some(),
            (Value::Array(items), Step::Index(index)) if *index < items.len() => {
                items.remove(*index);
                true
            }
            _ => false,
        }
    }

    pub(crate) fn is_table(&self) -> bool {
        matches!(self.value, Value::Table(_))
    }

    /// The references in it, such as `${PORT}`.
    pub(crate) fn references(&self) -> Vec<String> {
        self.given.iter().flat_map(|given| given.parts.iter().map(|(reference, _)| reference.clone())).collect()
    }

    pub(super) fn is_maimed(&self) -> bool {
        self.maimed
    }

    /// All references below, and what they stand for.
    pub(super) fn given_parts(&self) -> Vec<(String, String)> {
        let mut parts = Vec::new();
        self.visit(&mut Vec::new(), &mut |_, node| {
            parts.extend(node.given.iter().flat_map(|given| given.parts.clone()));
        });
        parts
    }

    /// The same as [`Node::visit`], for who changes values.
    pub(super) fn visit_mut(&mut self, path: &mut Vec<Step>, seen: &mut impl FnMut(&[Step], &mut Self)) {
        seen(path, self);
        let mut below = |step: Step, node: &mut Self| {
            path.push(step);
            node.visit_mut(path, seen);
            path.pop();
        };
        match &mut self.value {
            Value::Table(table) => table.iter_mut().for_each(|(key, node)| below(Step::Key(key.clone()), node)),
            Value::Array(items) => items.iter_mut().enumerate().for_each(|(at, node)| below(Step::Index(at), node)),
            _ => {}
        }
    }

    /// This value and all below it, in the order of the keys, with the path to each.
    pub(crate) fn visit<'a>(&'a self, path: &mut Vec<Step>, seen: &mut impl FnMut(&[Step], &'a Self)) {
        seen(path, self);
        let mut below = |step: Step, node: &'a Self| {
            path.push(step);
            node.visit(path, seen);
            path.pop();
        };
        match &self.value {
            Value::Table(table) => table.iter().for_each(|(key, node)| below(Step::Key(key.clone()), node)),
            Value::Array(items) => items.iter().enumerate().for_each(|(at, node)| below(Step::Index(at), node)),
            _ => {}
        }
    }
}

impl Step {
    pub(crate) fn key(&self) -> Option<&str> {
        match self {
            Self::Key(key) => Some(key),
            Self::Index(_) => None,
        }
    }
}

/// Where lines begin in a file's text.
struct Lines<'a> {
    file: &'a Arc<Path>,
    ends: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &str, file: &'a Arc<Path>) -> Self {
        Self { file, ends: text.match_indices('\n').map(|(at, _)| at).collect() }
    }

    fn at(&self, offset: usize) -> Place {
        Place { file: Arc::clone(self.file), line: self.ends.partition_point(|end| *end < offset) + 1 }
    }

    fn table(&self, table: DeTable<'_>, mistakes: &mut Vec<ConfigError>) -> Value {
        let entry = |(key, value): (Spanned<std::borrow::Cow<'_, str>>, Spanned<DeValue<'_>>)| {
            let at = self.at(key.span().start);
            let value = self.value(value.into_inner(), &at, mistakes)?;
            Some((key.into_inner().into_owned(), Node::new(value, at)))
        };
        Value::Table(table.into_iter().filter_map(entry).collect())
    }

    /// `None` with a mistake more.
    fn value(&self, value: DeValue<'_>, at: &Place, mistakes: &mut Vec<ConfigError>) -> Option<Value> {
        Some(match value {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Integer(number) => match integer(&number) {
                Some(number) => Value::Integer(number),
                None => {
                    mistakes.push(at.mistake(format!("{number} is too large a number")));
                    return None;
                }
            },
            DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(is) => Value::Bool(is),
            DeValue::Datetime(time) => Value::Text(time.to_string()),
            DeValue::Array(items) => {
                let item = |item: Spanned<DeValue<'_>>| {
                    let at = self.at(item.span().start);
                    let value = self.value(item.into_inner(), &at, mistakes)?;
                    Some(Node::new(value, at))
                };
                Value::Array(items.into_iter().filter_map(item).collect())
            }
            DeValue::Table(table) => self.table(table, mistakes),
        })
    }
}

fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}
