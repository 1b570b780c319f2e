//! One parameter: what it is given.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, FnArg, Ident, LitStr, Pat, PatType, Result, Type, TypeReference, parse_quote};

use crate::bounds::{self, Bound};
use crate::docs::take_description;
use crate::options::{at, take_one, text, unknown};

/// What a parameter is given.
pub(crate) enum Parameter {
    /// The call's context.
    Context {
        /// Whether it is borrowed.
        by_reference: bool,
    },
    /// All arguments, as one struct.
    Arguments {
        /// The struct, owned.
        ty: Box<Type>,
        /// Whether it is borrowed.
        by_reference: bool,
    },
    /// One argument.
    Argument(Box<Argument>),
}

/// One argument.
pub(crate) struct Argument {
    /// As clients see it.
    pub(crate) name: String,
    /// A name for people.
    pub(crate) title: Option<LitStr>,
    /// From its doc comment.
    pub(crate) description: Option<String>,
    /// What is decoded: owned, also where the function borrows it.
    pub(crate) ty: Type,
    /// How the function takes it.
    pub(crate) passing: Passing,
    /// What it is when it is left out.
    pub(crate) default: Option<DefaultValue>,
    /// What else its value must be.
    pub(crate) bounds: Vec<Bound>,
    /// The `x-mcp-header`.
    pub(crate) header: Option<LitStr>,
    /// Where it is.
    pub(crate) span: Span,
}

/// How a function takes what was decoded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passing {
    /// As it is.
    Value,
    /// `&T`.
    Reference,
    /// `Option<&str>` and `Option<&[T]>`.
    OptionDeref,
    /// `Option<&T>`.
    OptionRef,
}

/// What an argument is when it is left out.
pub(crate) enum DefaultValue {
    /// What `Default` says.
    OfType,
    /// This.
    Expression(Expr),
}

/// Reads a parameter of `what`, and takes away from it what the compiler would not understand.
pub(crate) fn read(input: &mut FnArg, what: &str) -> Result<Parameter> {
    let FnArg::Typed(typed) = input else {
        return Err(Error::new(input.span(), format_args!("{what} is a function, not a method: it has no `self`")));
    };
    let description = take_description(&mut typed.attrs);
    let arg = take_one(&mut typed.attrs, "arg")?;
    let args = take_one(&mut typed.attrs, "args")?;
    let header = take_one(&mut typed.attrs, "header")?;
    let (ty, passing) = owned(&typed.ty)?;
    let by_reference = passing == Passing::Reference;
    if is_named(&ty, "Context") {
        return match arg.or(args).or(header) {
            Some(extra) => Err(at(&extra, "the context is no argument: take this attribute away")),
            None => Ok(Parameter::Context { by_reference }),
        };
    }
    if let Some(args) = args {
        return match arg.or(header) {
            Some(extra) => {
                Err(at(&extra, "a struct of arguments says this on its fields, with serde and schemars attributes"))
            }
            None => args.meta.require_path_only().map(|_| Parameter::Arguments { ty: Box::new(ty), by_reference }),
        };
    }
    let Arg { name, title, default, bounds } = arg.map(|arg| read_arg(&arg, &ty)).transpose()?.unwrap_or_default();
    let name = match name {
        Some(name) => name.value(),
        None => name_of(typed)?,
    };
    let header = header.map(|header| read_header(&header, &ty)).transpose()?;
    let span = typed.span();
    Ok(Parameter::Argument(Box::new(Argument { name, title, description, ty, passing, default, bounds, header, span })))
}

/// The type in `Option<…>`, if it is that.
pub(crate) fn in_option(ty: &Type) -> Option<&Type> {
    inside(ty, "Option")
}

/// The first type in `Name<…>`, if it is that.
pub(crate) fn inside<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == name)?;
    let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first()? {
        syn::GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

/// Whether the type is written as a path that ends in `name`.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == name))
}

fn owned(ty: &Type) -> Result<(Type, Passing)> {
    if let Type::ImplTrait(_) = ty {
        return Err(Error::new(ty.span(), "an argument needs a type that is written out, such as `String`"));
    }
    if let Type::Reference(reference) = ty {
        return Ok((owner_of(reference)?, Passing::Reference));
    }
    let Some(Type::Reference(reference)) = in_option(ty) else { return Ok((ty.clone(), Passing::Value)) };
    let inner = owner_of(reference)?;
    let deref = matches!(&*reference.elem, Type::Slice(_)) || is_named(&reference.elem, "str");
    let passing = if deref { Passing::OptionDeref } else { Passing::OptionRef };
    Ok((parse_quote!(::core::option::Option<#inner>), passing))
}

/// What is decoded for the function to borrow from.
fn owner_of(TypeReference { mutability, elem, .. }: &TypeReference) -> Result<Type> {
    if let Some(mutability) = mutability {
        return Err(Error::new(mutability.span(), "an argument is the function's own: take it by value, or by `&`"));
    }
    Ok(match &**elem {
        Type::Path(path) if path.path.is_ident("str") => parse_quote!(::std::string::String),
        Type::Slice(slice) => {
            let item = &slice.elem;
            parse_quote!(::std::vec::Vec<#item>)
        }
        other => other.clone(),
    })
}

/// What `#[arg(…)]` says.
#[derive(Default)]
struct Arg {
    name: Option<LitStr>,
    title: Option<LitStr>,
    default: Option<DefaultValue>,
    bounds: Vec<Bound>,
}

fn read_arg(attribute: &Attribute, ty: &Type) -> Result<Arg> {
    let mut arg = Arg::default();
    if attribute.meta.require_list().is_err() {
        return Err(at(
            attribute,
            "`#[arg]` says nothing by itself: write `#[arg(default = …)]` or `#[arg(name = \"…\")]`",
        ));
    }
    attribute.parse_nested_meta(|meta| {
        if meta.path.is_ident("default") {
            let value = meta.input.peek(syn::Token![=]);
            arg.default =
                Some(if value { DefaultValue::Expression(meta.value()?.parse()?) } else { DefaultValue::OfType });
        } else if meta.path.is_ident("name") {
            arg.name = Some(text(&meta)?);
        } else if meta.path.is_ident("title") {
            arg.title = Some(text(&meta)?);
        } else if let Some(bound) = bounds::read(&meta, ty)? {
            arg.bounds.push(bound);
        } else {
            return Err(unknown(
                &meta,
                "arg",
                "`default`, `name`, `title`, `minimum`, `maximum`, `min_length`, `max_length`, `pattern`, `min_items` and \
                 `max_items`",
            ));
        }
        Ok(())
    })?;
    Ok(arg)
}

fn read_header(attribute: &Attribute, ty: &Type) -> Result<LitStr> {
    let name: LitStr = attribute
        .parse_args()
        .map_err(|_| at(attribute, "say which header: `#[header(\"Region\")]` is sent as `Mcp-Param-Region`"))?;
    // RFC 9110, section 5.6.2: a token.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.value().is_empty() || !name.value().bytes().all(is_token) {
        return Err(Error::new(name.span(), "a header's name is made of letters, digits and `-`, without blanks"));
    }
    let ty = in_option(ty).unwrap_or(ty);
    if ["f32", "f64", "Vec"].iter().any(|name| is_named(ty, name)) {
        return Err(at(attribute, "only a string, an integer or a boolean can be sent as a header"));
    }
    Ok(name)
}

fn name_of(typed: &PatType) -> Result<String> {
    match &*typed.pat {
        Pat::Ident(pattern) if pattern.subpat.is_none() => Ok(unraw(&pattern.ident)),
        other => {
            Err(Error::new(other.span(), "an argument needs a name: write `name: Type`, and take it apart in the body"))
        }
    }
}

/// The name without the `r#` that makes a keyword one.
pub(crate) fn unraw(ident: &Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").map_or(name.clone(), str::to_owned)
}
