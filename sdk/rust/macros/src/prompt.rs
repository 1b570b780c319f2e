//! One function as a prompt: what its signature and attributes say.

use proc_macro2::Span;
use syn::{ItemFn, Result};

use crate::function::Function;
use crate::options::{About, each, take_one, unknown};

/// A prompt, as it is meant.
pub(crate) struct Prompt {
    pub(crate) function: Function,
    /// As clients see it.
    pub(crate) name: String,
    /// Where to point at when something is wrong with the name.
    pub(crate) name_span: Span,
    pub(crate) about: About,
}

/// Reads a function under `#[prompt]`, and takes away from it what the compiler would not understand.
pub(crate) fn read(function: &mut ItemFn) -> Result<Prompt> {
    let attribute = take_one(&mut function.attrs, "prompt")?;
    let function = Function::read(function, "a prompt")?;
    function.check_text_arguments("a prompt")?;
    let mut about = About::default();
    if let Some(attribute) = attribute {
        each(&attribute, |name, meta| match about.read(name, meta)? {
            true => Ok(()),
            false => Err(unknown(meta, "prompt", About::KNOWN)),
        })?;
    }
    let (name, name_span) = function.name("a prompt", about.name.as_ref())?;
    Ok(Prompt { function, name, name_span, about })
}
