//! The completions of a script.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Scripted;
use crate::bindings::exports::toolyard::plugin::completions::{Completion, Guest, Reference};
use crate::bindings::toolyard::plugin::types::{CallContext, Error};
use crate::script::Script;

/// What to suggest for one argument.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptedCompletion {
    /// The prompt or the template.
    of: String,
    argument: String,
    /// Arguments that must be known already, with these values.
    #[serde(default)]
    known: BTreeMap<String, String>,
    values: Vec<String>,
    /// How many more values to make up, all of them numbers.
    #[serde(default)]
    numbers: u32,
}

impl Guest for Scripted {
    fn complete(
        reference: Reference,
        argument: String,
        value: String,
        known: Vec<(String, String)>,
        _context: CallContext,
    ) -> Result<Completion, Error> {
        let (Reference::Prompt(of) | Reference::ResourceTemplate(of)) = reference;
        let known: BTreeMap<String, String> = known.into_iter().collect();
        let fits = |completion: &ScriptedCompletion| {
            completion.of == of
                && completion.argument == argument
                && completion.known.iter().all(|(key, value)| known.get(key) == Some(value))
        };
        let mut values = Vec::new();
        if let Some(completion) = Script::read().completions.into_iter().find(fits) {
            values = completion.values;
            values.extend((0..completion.numbers).map(|number| number.to_string()));
            values.retain(|suggestion| suggestion.starts_with(&value));
        }
        let total = u32::try_from(values.len()).ok();
        Ok(Completion { values, total, has_more: false })
    }
}
