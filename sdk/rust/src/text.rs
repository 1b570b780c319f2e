//! Values that come as text: the arguments of prompts, the variables of URIs.

use std::fmt::Display;
use std::str::FromStr;

use crate::Error;

/// What text can be read as: everything that is [`FromStr`], which is text itself, numbers, `bool`, and many more.
#[diagnostic::on_unimplemented(
    message = "text cannot be read as `{Self}`",
    label = "implement `std::str::FromStr` for it, or take a `String`"
)]
pub trait FromText: Sized {
    /// Reads it, or says why it cannot be read.
    fn from_text(text: &str) -> Result<Self, String>;
}

impl<T: FromStr<Err: Display>> FromText for T {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: T::Err| error.to_string())
    }
}

/// A value that has to be there.
pub fn required<T: FromText>(values: &[(String, String)], name: &str) -> Result<T, Error> {
    optional(values, name)?.ok_or_else(|| Error::invalid_arguments(format_args!("missing argument `{name}`")))
}

/// A value that may be left out.
pub fn optional<T: FromText>(values: &[(String, String)], name: &str) -> Result<Option<T>, Error> {
    let Some((_, text)) = values.iter().find(|(given, _)| given == name) else { return Ok(None) };
    let read = T::from_text(text);
    read.map(Some).map_err(|reason| Error::invalid_arguments(format_args!("`{name}`: {reason}")))
}
