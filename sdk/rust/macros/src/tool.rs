//! One function as a tool: what its signature and attributes say.

use syn::spanned::Spanned;
use syn::{Attribute, Error, Ident, ItemFn, LitStr, Result, ReturnType, Signature, Type};

use crate::docs::description;
use crate::options::{at, check_name, flag, take_one, text, unknown};
use crate::parameter::{self, Argument, Parameter, is_named, unraw};

/// A tool, as it is meant.
pub(crate) struct Tool {
    /// The function.
    pub(crate) function: Ident,
    /// As clients see it.
    pub(crate) name: String,
    /// Where to point at when something is wrong with the name.
    pub(crate) name_span: proc_macro2::Span,
    /// From its doc comment.
    pub(crate) description: Option<String>,
    /// From `#[tool(…)]`.
    pub(crate) options: Options,
    /// In the order of the signature.
    pub(crate) parameters: Vec<Parameter>,
    /// `None`: nothing.
    pub(crate) returned: Option<Type>,
    /// Whether that is a `Result`.
    pub(crate) fallible: bool,
    /// The function's `#[cfg]`, which hold for the tool as well.
    pub(crate) conditions: Vec<Attribute>,
}

/// What `#[tool(…)]` says.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    pub(crate) title: Option<LitStr>,
    pub(crate) icons: Vec<LitStr>,
    pub(crate) read_only: Option<bool>,
    pub(crate) destructive: Option<bool>,
    pub(crate) idempotent: Option<bool>,
    pub(crate) open_world: Option<bool>,
    pub(crate) long_running: bool,
}

/// Reads a function, and takes away from it what the compiler would not understand.
pub(crate) fn read(function: &mut ItemFn) -> Result<Tool> {
    check_signature(&function.sig)?;
    let options = match take_one(&mut function.attrs, "tool")? {
        Some(attribute) => read_options(&attribute)?,
        None => Options::default(),
    };
    let name = options.name.as_ref().map_or_else(|| unraw(&function.sig.ident), LitStr::value);
    let name_span = options.name.as_ref().map_or_else(|| function.sig.ident.span(), LitStr::span);
    check_name(&name, name_span)?;
    let parameters = function.sig.inputs.iter_mut().map(parameter::read).collect::<Result<Vec<_>>>()?;
    check_parameters(&parameters, &function.sig)?;
    let returned = match &function.sig.output {
        ReturnType::Default => None,
        ReturnType::Type(_, ty) => Some((**ty).clone()),
    };
    Ok(Tool {
        function: function.sig.ident.clone(),
        name,
        name_span,
        description: description(&function.attrs),
        options,
        parameters,
        fallible: returned.as_ref().is_some_and(|ty| is_named(ty, "Result")),
        returned,
        conditions: function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect(),
    })
}

fn check_signature(signature: &Signature) -> Result<()> {
    if let Some(asyncness) = &signature.asyncness {
        return Err(Error::new(
            asyncness.span(),
            "a tool is an ordinary function: each call has an instance of its own, so it may simply wait; \
             take `async` away",
        ));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new(
            signature.generics.span(),
            "a tool cannot be generic, since its schema is made from its types: write them out",
        ));
    }
    if let ReturnType::Type(_, ty) = &signature.output
        && let Type::ImplTrait(_) = &**ty
    {
        return Err(Error::new(ty.span(), "a tool's result needs a type that is written out, such as `String`"));
    }
    Ok(())
}

fn read_options(attribute: &Attribute) -> Result<Options> {
    let mut options = Options::default();
    if attribute.meta.require_path_only().is_ok() {
        return Ok(options);
    }
    if attribute.meta.require_list().is_err() {
        return Err(at(attribute, "write the options in parentheses: `#[tool(read_only, title = \"…\")]`"));
    }
    attribute.parse_nested_meta(|meta| {
        let name = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
        match name.as_str() {
            "name" => options.name = Some(text(&meta)?),
            "title" => options.title = Some(text(&meta)?),
            "icon" => options.icons.push(text(&meta)?),
            "read_only" => options.read_only = Some(flag(&meta)?),
            "destructive" => options.destructive = Some(flag(&meta)?),
            "idempotent" => options.idempotent = Some(flag(&meta)?),
            "open_world" => options.open_world = Some(flag(&meta)?),
            "long_running" => options.long_running = flag(&meta)?,
            _ => return Err(unknown(&meta, "tool", KNOWN)),
        }
        Ok(())
    })?;
    if options.read_only == Some(true) && options.destructive == Some(true) {
        return Err(at(attribute, "a tool that is `read_only` cannot be `destructive`"));
    }
    Ok(options)
}

const KNOWN: &str =
    "`read_only`, `destructive`, `idempotent`, `open_world`, `long_running`, `name`, `title` and `icon`";

fn check_parameters(parameters: &[Parameter], signature: &Signature) -> Result<()> {
    let arguments = || {
        parameters.iter().zip(&signature.inputs).filter_map(|(parameter, input)| match parameter {
            Parameter::Argument(argument) => Some((&**argument, input)),
            _ => None,
        })
    };
    let structs = parameters.iter().filter(|parameter| matches!(parameter, Parameter::Arguments { .. })).count();
    if structs > 1 || (structs == 1 && arguments().next().is_some()) {
        return Err(Error::new(
            signature.inputs.span(),
            "the struct under `#[args]` holds all arguments: make the other parameters fields of it",
        ));
    }
    let mut seen: Vec<&Argument> = Vec::new();
    for (argument, input) in arguments() {
        if seen.iter().any(|other| other.name == argument.name) {
            return Err(Error::new(input.span(), format_args!("two arguments are named `{}`", argument.name)));
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
