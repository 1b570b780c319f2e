//! What is wrong with a configuration: where, what, and what was probably meant.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::Serialize;

/// Values that are shorter may stand in a sentence by chance.
const GIVEN_CHARS_MIN: usize = 4;

/// A mistake in the configuration: where it is, what it is, and what was probably meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ConfigError {
    file: Option<PathBuf>,
    /// Line, counted from 1.
    line: Option<usize>,
    reason: String,
}

/// All that is wrong with a configuration. There is at least one mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes(Vec<ConfigError>);

impl ConfigError {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { file: None, line: None, reason: reason.into() }
    }

    /// The same, said of the part `place`.
    pub(super) fn within(mut self, place: &str) -> Self {
        self.reason = format!("{place} {}", self.reason);
        self
    }

    pub(super) fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_owned()).filter(|file| !file.as_os_str().is_empty());
        self
    }

    pub(super) fn on_line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    pub(super) fn reason(&self) -> &str {
        &self.reason
    }
}

impl Mistakes {
    /// In the order of files and lines. `given` are references, such as `${PORT}`, and the values that they stand for: those
    /// may be secret, and are said by their references.
    pub(super) fn new(mut mistakes: Vec<ConfigError>, given: &[(String, String)]) -> Self {
        for mistake in &mut mistakes {
            mistake.reason = concealed(&mistake.reason, given);
        }
        mistakes.sort();
        mistakes.dedup();
        Self(mistakes)
    }

    /// These, and others. Of those that are in the same line, the first say it all.
    pub(super) fn and(self, others: Vec<ConfigError>) -> Self {
        let said = |other: &ConfigError| self.0.iter().any(|own| (&own.file, own.line) == (&other.file, other.line));
        let others: Vec<ConfigError> = others.into_iter().filter(|other| !said(other)).collect();
        Self::new([self.0, others].concat(), &[])
    }

    /// One for each line.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &ConfigError> {
        self.0.iter()
    }

    /// The first, for those who speak of one.
    pub(super) fn into_first(self) -> ConfigError {
        self.0.into_iter().next().unwrap_or_else(|| ConfigError::new("the configuration is wrong"))
    }
}

/// A sentence with references in place of the values that they stand for.
pub(super) fn concealed(reason: &str, given: &[(String, String)]) -> String {
    given.iter().fold(reason.to_owned(), |reason, (reference, value)| hidden(&reason, reference, value))
}

fn hidden(text: &str, reference: &str, value: &str) -> String {
    if value.is_empty() {
        return text.to_owned();
    }
    let mut text = text.to_owned();
    for quote in ['`', '"'] {
        text = text.replace(&format!("{quote}{value}{quote}"), &format!("{quote}{reference}{quote}"));
    }
    // As serde shows it, and as it stands.
    let escaped = format!("{value:?}");
    text = text.replace(&escaped, &format!("\"{reference}\""));
    if value.chars().count() >= GIVEN_CHARS_MIN { text.replace(value, reference) } else { text }
}

impl From<ConfigError> for Mistakes {
    fn from(mistake: ConfigError) -> Self {
        Self(vec![mistake])
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}", file.display())?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            write!(f, ": ")?;
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() > 1 {
            writeln!(f, "the configuration has {} mistakes", self.0.len())?;
        }
        for (at, mistake) in self.0.iter().enumerate() {
            let end = if at == 0 { "" } else { "\n" };
            write!(f, "{end}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}
