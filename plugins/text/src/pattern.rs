//! Regular expressions. They take time in proportion to the text, whatever the pattern.

use std::collections::BTreeMap;

use regex::{Captures, NoExpand, Regex, RegexBuilder, Replacer};
use toolyard_plugin::{Error, Result};

use crate::text::{Found, Match, Replaced};

/// The most memory that a pattern may take, in bytes: far more than any pattern that somebody wrote by hand.
const PATTERN_BYTES_MAX: usize = 4 << 20;

/// A pattern to look for.
pub(crate) struct Pattern {
    regex: Regex,
    literal: bool,
}

impl Pattern {
    /// Reads the regular expression `pattern`, or, if it is `literal`, the text.
    pub(crate) fn new(pattern: &str, flags: &str, literal: bool) -> Result<Self> {
        let escaped;
        let source = if literal {
            escaped = regex::escape(pattern);
            &escaped
        } else {
            pattern
        };
        let mut builder = RegexBuilder::new(source);
        builder.size_limit(PATTERN_BYTES_MAX);
        for flag in flags.chars() {
            match flag {
                'i' => builder.case_insensitive(true),
                'm' => builder.multi_line(true),
                's' => builder.dot_matches_new_line(true),
                'x' => builder.ignore_whitespace(!literal),
                // As in other tools. Here it is so anyway.
                'g' | 'u' => &mut builder,
                _ => {
                    return Err(Error::invalid_arguments(format_args!("`flags` has `{flag}`: it knows i, m, s and x")));
                }
            };
        }
        match builder.build() {
            Ok(regex) => Ok(Self { regex, literal }),
            Err(regex::Error::CompiledTooBig(_)) => {
                Err(Error::invalid_arguments("`pattern` is too large: repeat less in it"))
            }
            Err(error) => Err(Error::invalid_arguments(format_args!("`pattern`: {error}"))),
        }
    }

    /// The first `matches_max` matches.
    pub(crate) fn search(&self, text: &str, matches_max: usize) -> Found {
        let mut found = self.regex.captures_iter(text);
        let mut place = Place::default();
        let matches =
            found.by_ref().take(matches_max).map(|captures| self.describe(text, &captures, &mut place)).collect();
        Found { matches, more: found.next().is_some() }
    }

    /// Replaces the first `matches_max` matches.
    pub(crate) fn replace(&self, text: &str, replacement: &str, matches_max: usize) -> Result<Replaced> {
        if !self.literal {
            self.check_groups(replacement)?;
        }
        let mut replacements = 0;
        let counted = |captures: &Captures<'_>, into: &mut String| {
            replacements += 1;
            if self.literal {
                NoExpand(replacement).replace_append(captures, into);
            } else {
                captures.expand(replacement, into);
            }
        };
        let replaced = match matches_max {
            0 => text.into(),
            // To the regex, none is no limit.
            usize::MAX => self.regex.replacen(text, 0, Counted(counted)),
            _ => self.regex.replacen(text, matches_max, Counted(counted)),
        };
        Ok(Replaced { text: replaced.into_owned(), replacements })
    }

    // A group that there is not would become nothing, and text would be lost without a word.
    fn check_groups(&self, replacement: &str) -> Result<()> {
        let mut rest = replacement;
        while let Some(position) = rest.find('$') {
            rest = &rest[position + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                rest = after;
                continue;
            }
            let braced = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(name, _)| name);
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let name = braced.unwrap_or_else(|| &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())]);
            let known = match name.parse::<usize>() {
                Ok(number) => number < self.regex.captures_len(),
                Err(_) => self.regex.capture_names().flatten().any(|known| known == name),
            };
            if !name.is_empty() && !known {
                return Err(Error::invalid_arguments(format_args!(
                    "`replacement` names the group `{name}`, which `pattern` has not. Write `${{1}}` where letters, digits or `_` \
                     follow a group, and `$$` for a `$`"
                )));
            }
        }
        Ok(())
    }

    fn describe(&self, text: &str, captures: &Captures<'_>, place: &mut Place) -> Match {
        let whole = captures.get_match();
        place.advance(text, whole.start());
        let named = self.regex.capture_names().flatten();
        let named = named.filter_map(|name| Some((name.to_owned(), captures.name(name)?.as_str().to_owned())));
        Match {
            text: whole.as_str().to_owned(),
            line: place.line + 1,
            column: place.column + 1,
            start: place.char,
            end: place.char + whole.as_str().chars().count(),
            groups: captures.iter().skip(1).map(|group| group.map(|group| group.as_str().to_owned())).collect(),
            named: named.collect::<BTreeMap<_, _>>(),
        }
    }
}

/// A place in a text, which only goes forward, so that a thousand matches do not count its lines a thousand times.
#[derive(Default)]
struct Place {
    byte: usize,
    char: usize,
    line: usize,
    column: usize,
}

impl Place {
    fn advance(&mut self, text: &str, byte: usize) {
        for char in text[self.byte..byte].chars() {
            self.char += 1;
            self.column += 1;
            if char == '\n' {
                self.line += 1;
                self.column = 0;
            }
        }
        self.byte = byte;
    }
}

/// A function as a replacer.
struct Counted<F>(F);

impl<F: FnMut(&Captures<'_>, &mut String)> Replacer for Counted<F> {
    fn replace_append(&mut self, captures: &Captures<'_>, into: &mut String) {
        (self.0)(captures, into);
    }
}
