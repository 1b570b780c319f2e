//! One function as a tool: what its signature and attributes say.

use proc_macro2::Span;
use syn::{Attribute, Error, Expr, ItemFn, Result};

use crate::function::Function;
use crate::options::{About, at, each, flag, take_one, unknown};
use crate::parameter::Parameter;

/// A tool, as it is meant.
pub(crate) struct Tool {
    pub(crate) function: Function,
    /// As clients see it.
    pub(crate) name: String,
    /// Where to point at when something is wrong with the name.
    pub(crate) name_span: Span,
    /// From `#[tool(…)]`.
    pub(crate) options: Options,
}

/// What `#[tool(…)]` says.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) about: About,
    pub(crate) read_only: Option<bool>,
    pub(crate) destructive: Option<bool>,
    pub(crate) idempotent: Option<bool>,
    pub(crate) open_world: Option<bool>,
    pub(crate) long_running: bool,
    pub(crate) input_schema: Option<Expr>,
    pub(crate) output_schema: Option<Expr>,
}

/// Reads a function, and takes away from it what the compiler would not understand.
pub(crate) fn read(function: &mut ItemFn) -> Result<Tool> {
    let attribute = take_one(&mut function.attrs, "tool")?;
    let function = Function::read(function, "a tool")?;
    let options = attribute.map(|attribute| read_options(&attribute)).transpose()?.unwrap_or_default();
    let (name, name_span) = function.name("a tool", options.about.name.as_ref())?;
    check_parameters(&function, &options)?;
    Ok(Tool { function, name, name_span, options })
}

fn read_options(attribute: &Attribute) -> Result<Options> {
    let mut options = Options::default();
    each(attribute, |name, meta| {
        match name {
            "read_only" => options.read_only = Some(flag(meta)?),
            "destructive" => options.destructive = Some(flag(meta)?),
            "idempotent" => options.idempotent = Some(flag(meta)?),
            "open_world" => options.open_world = Some(flag(meta)?),
            "long_running" => options.long_running = flag(meta)?,
            "input_schema" => options.input_schema = Some(meta.value()?.parse()?),
            "output_schema" => options.output_schema = Some(meta.value()?.parse()?),
            _ if options.about.read(name, meta)? => {}
            _ => return Err(unknown(meta, "tool", &format!("{KNOWN}, {}", About::KNOWN))),
        }
        Ok(())
    })?;
    if options.read_only == Some(true) && options.destructive == Some(true) {
        return Err(at(attribute, "a tool that is `read_only` cannot be `destructive`"));
    }
    Ok(options)
}

const KNOWN: &str =
    "`read_only`, `destructive`, `idempotent`, `open_world`, `long_running`, `input_schema`, `output_schema`";

fn check_parameters(function: &Function, options: &Options) -> Result<()> {
    let is_struct = |parameter: &&Parameter| matches!(parameter, Parameter::Arguments { .. });
    let structs = function.parameters.iter().filter(is_struct).count();
    if structs > 1 || (structs == 1 && function.arguments().next().is_some()) {
        return Err(Error::new(
            function.inputs_span,
            "the struct under `#[args]` holds all arguments: make the other parameters fields of it",
        ));
    }
    let header = function.arguments().find_map(|argument| argument.header.as_ref());
    match header.filter(|_| options.input_schema.is_some()) {
        Some(header) => Err(Error::new(header.span(), "say it in the `input_schema`, as `x-mcp-header`")),
        None => Ok(()),
    }
}
