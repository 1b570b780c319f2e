//! The module that `#[plugin]` stands on: finding its tools.

use proc_macro2::{Span, TokenStream};
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Item, ItemFn, ItemMod, Result, Token, Visibility, parse_quote, parse2, punctuated::Punctuated,
};

use crate::emit;
use crate::options::is;
use crate::tool::{self, Tool};

/// `#[plugin(attribute)] item`, expanded.
pub(crate) fn expand(attribute: &TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !attribute.is_empty() {
        return Err(Error::new(attribute.span(), "`#[plugin]` takes no options"));
    }
    let start = item.span();
    let mut module: ItemMod = parse2(item).map_err(|error| not_a_module(start, error))?;
    let Some((_, items)) = &mut module.content else {
        return Err(Error::new(
            module.span(),
            "write `mod name { … }` with the functions inside: the macro sees only what is between the braces",
        ));
    };
    let tools = read_tools(items)?;
    if tools.is_empty() {
        return Err(Error::new(module.ident.span(), "this plugin has no tool: make a function in it `pub`"));
    }
    check_names(&tools)?;
    for item in items.iter_mut() {
        name_crates(item);
    }
    items.extend(emit::exports(&tools));
    // The functions are public for the reader and for the macro, and their parameters are the arguments' types.
    module.attrs.push(parse_quote! {
        #[allow(unreachable_pub, clippy::boxed_local, clippy::needless_pass_by_value, clippy::too_many_arguments)]
    });
    Ok(quote::quote!(#module))
}

// What the parser has to say about a module with a mistake in it is better than what we could.
fn not_a_module(start: Span, error: Error) -> Error {
    if error.to_string().starts_with("expected `mod`") {
        return Error::new(start, "`#[plugin]` stands on a module, whose functions are the tools: `mod name { … }`");
    }
    error
}

fn read_tools(items: &mut [Item]) -> Result<Vec<Tool>> {
    let mut tools = Vec::new();
    let mut errors: Option<Error> = None;
    for item in items {
        let Item::Fn(function) = item else { continue };
        let read = match is_tool(function) {
            Ok(true) => tool::read(function).map(|tool| tools.push(tool)),
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        // All mistakes at once, rather than one for each compilation.
        if let Err(error) = read {
            match &mut errors {
                Some(errors) => errors.combine(error),
                None => errors = Some(error),
            }
        }
    }
    errors.map_or(Ok(tools), Err)
}

fn is_tool(function: &ItemFn) -> Result<bool> {
    let public = matches!(function.vis, Visibility::Public(_));
    match function.attrs.iter().find(|attribute| is(attribute, "tool")) {
        Some(_) if !public => Err(Error::new(function.sig.fn_token.span, "a tool is `pub`: write `pub fn`")),
        _ => Ok(public),
    }
}

fn check_names(tools: &[Tool]) -> Result<()> {
    for (index, tool) in tools.iter().enumerate() {
        // Under `#[cfg]` both may be meant, of which one is there.
        let clash =
            |other: &&Tool| other.name == tool.name && other.conditions.is_empty() && tool.conditions.is_empty();
        if tools[..index].iter().any(|other| clash(&other)) {
            return Err(Error::new(tool.name_span, format_args!("two tools are named `{}`", tool.name)));
        }
    }
    Ok(())
}

// The derives of serde and schemars write paths to their crates, which a plugin need not depend on by itself.
fn name_crates(item: &mut Item) {
    let attributes = match item {
        Item::Struct(item) => &mut item.attrs,
        Item::Enum(item) => &mut item.attrs,
        _ => return,
    };
    let derived: Vec<String> = attributes.iter().flat_map(derives).collect();
    let derives = |names: &[&str]| derived.iter().any(|derived| names.contains(&derived.as_str()));
    let serde = derives(&["Serialize", "Deserialize"]);
    let schemars = derives(&["JsonSchema"]);
    if serde && !says_crate(attributes, "serde") {
        attributes.push(parse_quote!(#[serde(crate = "::toolyard_plugin::serde")]));
    }
    if schemars && !says_crate(attributes, "schemars") {
        attributes.push(parse_quote!(#[schemars(crate = "::toolyard_plugin::schemars")]));
    }
}

fn derives(attribute: &Attribute) -> Vec<String> {
    if !attribute.path().is_ident("derive") {
        return Vec::new();
    }
    let paths = attribute.parse_args_with(Punctuated::<syn::Path, Token![,]>::parse_terminated);
    let last = |path: syn::Path| path.segments.last().map(|segment| segment.ident.to_string());
    paths.into_iter().flatten().filter_map(last).collect()
}

fn says_crate(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident(name)).any(|attribute| {
        let mut found = false;
        // Other options are none of our business; reading stops at the first that we do not know the form of.
        let _ = attribute.parse_nested_meta(|meta| {
            found |= meta.path.is_ident("crate");
            if meta.input.peek(Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            } else if meta.input.peek(syn::token::Paren) {
                meta.input.parse::<proc_macro2::Group>()?;
            }
            Ok(())
        });
        found
    })
}
