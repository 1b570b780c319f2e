//! Completions: what [`plugin`](crate::plugin) writes down of them, and how one is made.

use crate::bindings::completions::wire;
use crate::bindings::toolyard::plugin::types::{CallContext, Error as WireError};
use crate::plugin::{Exported, leaked};
use crate::{Completion, Context, Error, Plugin, Reference, ToolError};

/// One function that suggests values.
#[derive(Debug)]
pub struct Completer {
    pub of: Completed,
    pub argument: &'static str,
    pub complete: Complete,
}

/// Suggests values, given what the value begins with and which arguments are known.
type Complete = fn(&str, &[(String, String)], &Context) -> Result<Completion, Error>;

/// What is being filled in.
#[derive(Debug, Clone, Copy)]
pub enum Completed {
    Prompt(&'static str),
    ResourceTemplate(&'static str),
}

/// More are not passed on to clients.
const VALUES_MAX: usize = 100;

impl Plugin {
    /// Suggests values of `argument` that begin like `value`, given the arguments that are `known`. Nothing where the plugin has no
    /// suggestions for it.
    ///
    /// # Errors
    /// Those of the function.
    pub fn complete(
        &self,
        reference: &Reference,
        argument: &str,
        value: &str,
        known: &[(&str, &str)],
        context: &Context,
    ) -> Result<Completion, Error> {
        let known: Vec<(String, String)> =
            known.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        self.suggest(reference, argument, value, &known, context)
    }

    fn suggest(
        &self,
        reference: &Reference,
        argument: &str,
        value: &str,
        known: &[(String, String)],
        context: &Context,
    ) -> Result<Completion, Error> {
        let is_meant = |completer: &&Completer| completer.argument == argument && completer.of.is(reference);
        match self.parts.completers.iter().find(is_meant) {
            Some(completer) => (completer.complete)(value, known, context),
            None => Ok(Completion::default()),
        }
    }
}

impl Completed {
    fn is(self, reference: &Reference) -> bool {
        match (self, reference) {
            (Self::Prompt(own), Reference::Prompt(other)) => own == other,
            (Self::ResourceTemplate(own), Reference::ResourceTemplate(other)) => own == other,
            _ => false,
        }
    }
}

impl<T: Exported> wire::Guest for T {
    fn complete(
        reference: Reference,
        argument: String,
        value: String,
        known: Vec<(String, String)>,
        context: CallContext,
    ) -> Result<Completion, WireError> {
        let (reference, argument, value, known) = (leaked(reference), leaked(argument), leaked(value), leaked(known));
        Ok(T::PLUGIN.suggest(&reference, &argument, &value, &known, &leaked(Context::resumed(context, None)))?)
    }
}

impl Default for Completion {
    fn default() -> Self {
        Self { values: Vec::new(), total: Some(0), has_more: false }
    }
}

impl Completion {
    /// Those of `candidates` that begin with `value`, whatever their case. At most 100 of them, and how many there are.
    pub fn starting_with<S: AsRef<str>>(value: &str, candidates: impl IntoIterator<Item = S>) -> Self {
        let value = value.to_lowercase();
        candidates.into_iter().filter(|candidate| candidate.as_ref().to_lowercase().starts_with(&value)).collect()
    }
}

impl<S: AsRef<str>> FromIterator<S> for Completion {
    fn from_iter<I: IntoIterator<Item = S>>(candidates: I) -> Self {
        let mut values = Vec::new();
        let mut total = 0_usize;
        for candidate in candidates {
            total += 1;
            if values.len() < VALUES_MAX {
                values.push(candidate.as_ref().to_owned());
            }
        }
        Self { has_more: total > values.len(), total: u32::try_from(total).ok(), values }
    }
}

/// What a function that suggests values may return: a `Vec` of text, or a [`Completion`]. Each may stand in a `Result`.
#[diagnostic::on_unimplemented(
    message = "suggestions cannot be a `{Self}`",
    label = "return `Vec<String>`, `Vec<&str>` or `Completion`"
)]
pub trait IntoCompletion {
    /// The suggestions.
    ///
    /// # Errors
    /// Those of the function.
    fn into_completion(self) -> Result<Completion, Error>;
}

impl IntoCompletion for Completion {
    fn into_completion(self) -> Result<Completion, Error> {
        Ok(self)
    }
}

impl<S: AsRef<str>> IntoCompletion for Vec<S> {
    fn into_completion(self) -> Result<Completion, Error> {
        Ok(self.into_iter().collect())
    }
}

impl<T: IntoCompletion, E: ToolError> IntoCompletion for Result<T, E> {
    fn into_completion(self) -> Result<Completion, Error> {
        self.map_err(ToolError::into_error)?.into_completion()
    }
}
