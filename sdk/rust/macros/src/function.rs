//! What all functions have, whatever they are in the plugin.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Ident, ItemFn, LitStr, Result, ReturnType, Signature, Type};

use crate::docs::description;
use crate::options::check_name;
use crate::parameter::{self, Argument, Parameter, inside, is_named, unraw};

/// A function of the module.
pub(crate) struct Function {
    /// What it is called in the source.
    pub(crate) ident: Ident,
    /// From its doc comment.
    pub(crate) description: Option<String>,
    /// In the order of the signature.
    pub(crate) parameters: Vec<Parameter>,
    /// Where the signature's parameters are.
    pub(crate) inputs_span: Span,
    /// `None`: nothing.
    pub(crate) returned: Option<Type>,
    /// Its `#[cfg]`, which hold for the table's entry as well.
    pub(crate) conditions: Vec<Attribute>,
}

impl Function {
    /// Reads a function, and takes away from its parameters what the compiler would not understand. `what` is what it is in
    /// the plugin, such as `a tool`.
    pub(crate) fn read(function: &mut ItemFn, what: &str) -> Result<Self> {
        check_signature(&function.sig, what)?;
        let parameters = function.sig.inputs.iter_mut().map(|input| parameter::read(input, what));
        let parameters = parameters.collect::<Result<Vec<_>>>()?;
        check_names(&parameters)?;
        Ok(Self {
            ident: function.sig.ident.clone(),
            description: description(&function.attrs),
            parameters,
            inputs_span: function.sig.inputs.span(),
            returned: match &function.sig.output {
                ReturnType::Default => None,
                ReturnType::Type(_, ty) => Some((**ty).clone()),
            },
            conditions: function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect(),
        })
    }

    /// What clients call it: what `given` says, or its own name.
    pub(crate) fn name(&self, what: &str, given: Option<&LitStr>) -> Result<(String, Span)> {
        let name = given.map_or_else(|| unraw(&self.ident), LitStr::value);
        let span = given.map_or_else(|| self.ident.span(), LitStr::span);
        check_name(what, &name, span)?;
        Ok((name, span))
    }

    /// The parameters that are arguments.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Argument> {
        self.parameters.iter().filter_map(|parameter| match parameter {
            Parameter::Argument(argument) => Some(&**argument),
            _ => None,
        })
    }

    /// For functions whose arguments are text: they have no schema, and no struct.
    pub(crate) fn check_text_arguments(&self, what: &str) -> Result<()> {
        for parameter in &self.parameters {
            match parameter {
                Parameter::Arguments { ty, .. } => {
                    return Err(Error::new(ty.span(), format_args!("{what} takes its arguments one by one")));
                }
                Parameter::Argument(argument) => {
                    if let Some((keyword, _)) = argument.bounds.first() {
                        return Err(Error::new(
                            argument.span,
                            format_args!(
                                "`{keyword}` is for the arguments of tools: {what} takes text, and looks at it itself"
                            ),
                        ));
                    }
                    if let Some(header) = &argument.header {
                        return Err(Error::new(header.span(), "only the arguments of tools are sent as headers"));
                    }
                }
                Parameter::Context { .. } => {}
            }
        }
        Ok(())
    }

    /// Whether it returns a `Result`.
    pub(crate) fn is_fallible(&self) -> bool {
        self.returned.as_ref().is_some_and(|ty| is_named(ty, "Result"))
    }

    /// Whether it returns an `Option`, or a `Result` that holds one.
    pub(crate) fn is_optional(&self) -> bool {
        let returned = self.returned.as_ref();
        let held = if self.is_fallible() { returned.and_then(|ty| inside(ty, "Result")) } else { returned };
        held.is_some_and(|ty| is_named(ty, "Option"))
    }
}

fn check_signature(signature: &Signature, what: &str) -> Result<()> {
    if let Some(asyncness) = &signature.asyncness {
        return Err(Error::new(
            asyncness.span(),
            format_args!(
                "{what} is an ordinary function: each call has an instance of its own, so it may simply wait; \
                 take `async` away"
            ),
        ));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new(
            signature.generics.span(),
            format_args!("{what} cannot be generic, since what clients see is made from its types: write them out"),
        ));
    }
    if let ReturnType::Type(_, ty) = &signature.output
        && let Type::ImplTrait(_) = &**ty
    {
        return Err(Error::new(ty.span(), "what is returned needs a type that is written out, such as `String`"));
    }
    Ok(())
}

fn check_names(parameters: &[Parameter]) -> Result<()> {
    let mut seen: Vec<&Argument> = Vec::new();
    for parameter in parameters {
        let Parameter::Argument(argument) = parameter else { continue };
        if seen.iter().any(|other| other.name == argument.name) {
            return Err(Error::new(argument.span, format_args!("two arguments are named `{}`", argument.name)));
        }
        // Headers are the same whatever their case (RFC 9110, section 5.1).
        if let Some(header) = &argument.header
            && seen.iter().filter_map(|other| other.header.as_ref()).any(|other| same_header(other, header))
        {
            return Err(Error::new(header.span(), "two arguments are sent in this header"));
        }
        seen.push(argument);
    }
    Ok(())
}

fn same_header(one: &LitStr, other: &LitStr) -> bool {
    one.value().eq_ignore_ascii_case(&other.value())
}
