//! One function that suggests values: what its signature and attributes say, and what it is for.

use syn::spanned::Spanned;
use syn::{Attribute, Error, ItemFn, LitStr, Result};

use crate::function::Function;
use crate::options::{at, each, take_one, text, unknown};
use crate::parameter::in_option;
use crate::prompt::Prompt;
use crate::resource::{Place, Resource, is_text};
use crate::template::Part;

/// A function that suggests values, as it is meant.
pub(crate) struct Completer {
    pub(crate) function: Function,
    pub(crate) of: Completed,
    pub(crate) argument: LitStr,
}

/// What is being filled in.
pub(crate) enum Completed {
    Prompt(LitStr),
    Template(LitStr),
}

const WHAT: &str = "a completion";
const OF: &str = "say what it completes: `#[complete(prompt = \"…\", argument = \"…\")]` or `#[complete(uri_template = \"…\", argument = \"…\")]`";

/// Reads a function under `#[complete(…)]`, and takes away from it what the compiler would not understand.
pub(crate) fn read(function: &mut ItemFn) -> Result<Completer> {
    let Some(attribute) = take_one(&mut function.attrs, "complete")? else {
        return Err(Error::new(function.sig.ident.span(), OF));
    };
    let function = Function::read(function, WHAT)?;
    function.check_text_arguments(WHAT)?;
    let (of, argument) = read_options(&attribute)?;
    let mut arguments = function.arguments();
    if !arguments.next().is_some_and(is_text) {
        return Err(Error::new(
            function.inputs_span,
            "the first parameter is what the value begins with: write `value: &str`",
        ));
    }
    for known in arguments {
        if in_option(&known.ty).is_none() {
            return Err(Error::new(known.ty.span(), "what is filled in already is not known: make it an `Option`"));
        }
    }
    Ok(Completer { function, of, argument })
}

fn read_options(attribute: &Attribute) -> Result<(Completed, LitStr)> {
    let (mut of, mut argument) = (Vec::new(), None);
    each(attribute, |name, meta| {
        match name {
            "prompt" => of.push(Completed::Prompt(text(meta)?)),
            "uri_template" => of.push(Completed::Template(text(meta)?)),
            "argument" => argument = Some(text(meta)?),
            _ => return Err(unknown(meta, "complete", "`prompt`, `uri_template` and `argument`")),
        }
        Ok(())
    })?;
    match (of.pop(), of.is_empty(), argument) {
        (Some(of), true, Some(argument)) => Ok((of, argument)),
        _ => Err(at(attribute, OF)),
    }
}

impl Completer {
    /// Holds it against what the plugin has.
    pub(crate) fn check(&self, prompts: &[Prompt], resources: &[Resource]) -> Result<()> {
        let names = match &self.of {
            Completed::Prompt(name) => prompt_arguments(name, prompts)?,
            Completed::Template(template) => template_variables(template, resources)?,
        };
        let listed = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        if !names.contains(&self.argument.value()) {
            let message = format!("there is no argument `{}`: there is {listed}", self.argument.value());
            return Err(Error::new(self.argument.span(), message));
        }
        for known in self.function.arguments().skip(1) {
            if !names.contains(&known.name) || known.name == self.argument.value() {
                let message = format!("`{}` is no other argument: there is {listed}", known.name);
                return Err(Error::new(known.span, message));
            }
        }
        Ok(())
    }

    /// Whether both are for the same argument.
    pub(crate) fn clashes(&self, other: &Self) -> bool {
        let same = match (&self.of, &other.of) {
            (Completed::Prompt(one), Completed::Prompt(other)) => one.value() == other.value(),
            (Completed::Template(one), Completed::Template(other)) => one.value() == other.value(),
            _ => false,
        };
        same && self.argument.value() == other.argument.value()
    }
}

fn prompt_arguments(name: &LitStr, prompts: &[Prompt]) -> Result<Vec<String>> {
    let prompt = prompts.iter().find(|prompt| prompt.name == name.value());
    let prompt = prompt.ok_or_else(|| Error::new(name.span(), "the plugin has no such prompt"))?;
    Ok(prompt.function.arguments().map(|argument| argument.name.clone()).collect())
}

fn template_variables(template: &LitStr, resources: &[Resource]) -> Result<Vec<String>> {
    let parts = resources.iter().find_map(|resource| match &resource.place {
        Place::Template(text, parts) if text.value() == template.value() => Some(parts),
        _ => None,
    });
    let parts = parts.ok_or_else(|| Error::new(template.span(), "the plugin has no resource with this template"))?;
    Ok(parts.iter().flat_map(Part::variables).cloned().collect())
}
