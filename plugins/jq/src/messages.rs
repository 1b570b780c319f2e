//! What is wrong with a program, and where.

use std::fmt::Display;

use jaq_core::compile::Undefined;
use jaq_core::load::{Error, Errors, span};

/// Of a program that cannot be read.
pub(crate) fn of_loading(errors: &Errors<&str, ()>) -> String {
    let mut lines = Vec::new();
    for (file, error) in errors {
        match error {
            Error::Io(errors) => {
                lines.extend(
                    errors.iter().map(|(at, error)| message(file.code, at, format_args!("no modules here: {error}"))),
                );
            }
            Error::Lex(errors) => lines.extend(errors.iter().map(|(expected, at)| {
                message(file.code, at, format_args!("expected {}, found {}", expected.as_str(), found(at)))
            })),
            Error::Parse(errors) => lines.extend(errors.iter().map(|(expected, at)| {
                message(file.code, at, format_args!("expected {}, found {}", expected.as_str(), found(at)))
            })),
        }
    }
    lines.join("\n")
}

/// Of a program that uses what there is not.
pub(crate) fn of_compiling(errors: &jaq_core::compile::Errors<&str, ()>) -> String {
    let mut lines = Vec::new();
    for (file, errors) in errors {
        lines.extend(errors.iter().map(|(name, undefined)| match undefined {
            Undefined::Filter(arity) => message(file.code, name, format_args!("there is no filter `{name}/{arity}`")),
            _ => message(file.code, name, format_args!("there is no {} `{name}`", undefined.as_str())),
        }));
    }
    lines.join("\n")
}

fn message(program: &str, part: &str, what: impl Display) -> String {
    let before = program.get(..span(program, part).start).unwrap_or(program);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
    format!("`program`, line {line}, column {column}: {what}")
}

fn found(part: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 20;
    match part.lines().next().map(str::trim_end) {
        None | Some("") => "its end".to_owned(),
        Some(line) if line.chars().count() > SHOWN_CHARS_MAX => {
            format!("`{}…`", line.chars().take(SHOWN_CHARS_MAX).collect::<String>())
        }
        Some(line) => format!("`{line}`"),
    }
}
