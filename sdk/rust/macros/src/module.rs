//! The module that `#[plugin]` stands on: finding what it offers.

use proc_macro2::{Span, TokenStream};
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Item, ItemFn, ItemMod, LitStr, Result, Token, Visibility, parse_quote, parse2,
    punctuated::Punctuated,
};

use crate::completion::{self, Completer};
use crate::emit;
use crate::function::Function;
use crate::options::{self, is};
use crate::prompt::{self, Prompt};
use crate::resource::{self, Listing, Resource};
use crate::tool::{self, Tool};

/// What a plugin offers, each in the order of the source.
#[derive(Default)]
pub(crate) struct Offers {
    pub(crate) tools: Vec<Tool>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) listings: Vec<Listing>,
    pub(crate) prompts: Vec<Prompt>,
    pub(crate) completers: Vec<Completer>,
}

/// `#[plugin(attribute)] item`, expanded.
pub(crate) fn expand(attribute: &TokenStream, item: TokenStream) -> Result<TokenStream> {
    let wishes = read_options(attribute)?;
    let start = item.span();
    let mut module: ItemMod = parse2(item).map_err(|error| not_a_module(start, error))?;
    let Some((_, items)) = &mut module.content else {
        return Err(Error::new(
            module.span(),
            "write `mod name { … }` with the functions inside: the macro sees only what is between the braces",
        ));
    };
    let offers = Offers::read(items)?;
    offers.check(module.ident.span())?;
    for item in items.iter_mut() {
        name_crates(item);
    }
    items.extend(emit::exports(&offers));
    items.extend(wishes.as_ref().map(emit::wishes));
    // The functions are public for the reader and for the macro, and their parameters are the arguments' types.
    module.attrs.push(parse_quote! {
        #[allow(unreachable_pub, clippy::boxed_local, clippy::needless_pass_by_value, clippy::too_many_arguments)]
    });
    Ok(quote::quote!(#module))
}

/// `#[plugin(wishes = "wishes.toml")]`: the file that says what the plugin would like to be granted.
fn read_options(attribute: &TokenStream) -> Result<Option<LitStr>> {
    let mut wishes = None;
    let parser = syn::meta::parser(|meta| {
        if !meta.path.is_ident("wishes") {
            return Err(options::unknown(&meta, "plugin", "`wishes`"));
        }
        let file = options::text(&meta)?;
        match wishes.replace(file) {
            Some(_) => Err(meta.error("`wishes` stands here twice; write all of them into one file")),
            None => Ok(()),
        }
    });
    parser.parse2(attribute.clone())?;
    Ok(wishes)
}

// What the parser has to say about a module with a mistake in it is better than what we could.
fn not_a_module(start: Span, error: Error) -> Error {
    if error.to_string().starts_with("expected `mod`") {
        return Error::new(start, "`#[plugin]` stands on a module, whose functions are the tools: `mod name { … }`");
    }
    error
}

impl Offers {
    fn read(items: &mut [Item]) -> Result<Self> {
        let mut offers = Self::default();
        let mut errors: Option<Error> = None;
        for item in items {
            let Item::Fn(function) = item else { continue };
            let read = what_it_is(function).and_then(|what| offers.add(what, function));
            // All mistakes at once, rather than one for each compilation.
            if let Err(error) = read {
                match &mut errors {
                    Some(errors) => errors.combine(error),
                    None => errors = Some(error),
                }
            }
        }
        errors.map_or(Ok(offers), Err)
    }

    fn add(&mut self, what: Option<What>, function: &mut ItemFn) -> Result<()> {
        match what {
            None => {}
            Some(What::Tool) => self.tools.push(tool::read(function)?),
            Some(What::Resource) => self.resources.push(resource::read(function)?),
            Some(What::Listing) => self.listings.push(resource::read_listing(function)?),
            Some(What::Prompt) => self.prompts.push(prompt::read(function)?),
            Some(What::Completer) => self.completers.push(completion::read(function)?),
        }
        Ok(())
    }

    fn check(&self, module: Span) -> Result<()> {
        if self.tools.is_empty() && self.resources.is_empty() && self.prompts.is_empty() {
            let message = match self.listings.is_empty() {
                true => "this plugin has no tool: make a function in it `pub`",
                false => "what is listed has to be readable: add a function with `#[resource(…)]`",
            };
            return Err(Error::new(module, message));
        }
        if let (Some(listing), true) = (self.listings.first(), self.resources.is_empty()) {
            let message = "what is listed has to be readable: add a function with `#[resource(…)]`";
            return Err(Error::new(listing.function.ident.span(), message));
        }
        unique(
            &self.tools,
            |tool| &tool.function,
            |one, other| {
                (one.name == other.name).then(|| (other.name_span, format!("two tools are named `{}`", other.name)))
            },
        )?;
        unique(
            &self.prompts,
            |prompt| &prompt.function,
            |one, other| {
                (one.name == other.name).then(|| (other.name_span, format!("two prompts are named `{}`", other.name)))
            },
        )?;
        unique(
            &self.resources,
            |resource| &resource.function,
            |one, other| {
                let (one, other) = (one.place.text(), other.place.text());
                (one.value() == other.value())
                    .then(|| (other.span(), format!("two resources are at `{}`", other.value())))
            },
        )?;
        unique(
            &self.completers,
            |completer| &completer.function,
            |one, other| {
                one.clashes(other).then(|| (other.argument.span(), "two functions complete this argument".to_owned()))
            },
        )?;
        self.completers.iter().try_for_each(|completer| completer.check(&self.prompts, &self.resources))
    }
}

/// What a function is in the plugin.
#[derive(Clone, Copy)]
enum What {
    Tool,
    Resource,
    Listing,
    Prompt,
    Completer,
}

/// By the attribute that says so, and what it is called in messages.
const KINDS: [(&str, What, &str); 5] = [
    ("tool", What::Tool, "a tool"),
    ("resource", What::Resource, "a resource"),
    ("resources", What::Listing, "a list of resources"),
    ("prompt", What::Prompt, "a prompt"),
    ("complete", What::Completer, "a completion"),
];

fn what_it_is(function: &ItemFn) -> Result<Option<What>> {
    let public = matches!(function.vis, Visibility::Public(_));
    let said = |name: &str| function.attrs.iter().any(|attribute| is(attribute, name));
    let mut said = KINDS.iter().filter(|(name, ..)| said(name));
    match (said.next(), said.next()) {
        (Some((one, ..)), Some((other, ..))) => Err(Error::new(
            function.sig.ident.span(),
            format_args!("a function is one thing: `#[{one}]` or `#[{other}]`"),
        )),
        (Some((.., what)), None) if !public => {
            Err(Error::new(function.sig.fn_token.span, format_args!("{what} is `pub`: write `pub fn`")))
        }
        (Some((_, what, _)), None) => Ok(Some(*what)),
        (None, _) => Ok(public.then_some(What::Tool)),
    }
}

/// Holds each against all before it.
fn unique<T>(
    items: &[T],
    function: impl Fn(&T) -> &Function,
    clash: impl Fn(&T, &T) -> Option<(Span, String)>,
) -> Result<()> {
    // Under `#[cfg]` both may be meant, of which one is there.
    let always = |item: &T| function(item).conditions.is_empty();
    for (index, item) in items.iter().enumerate().filter(|(_, item)| always(item)) {
        let others = items[..index].iter().filter(|other| always(other));
        if let Some((span, message)) = others.into_iter().find_map(|other| clash(other, item)) {
            return Err(Error::new(span, message));
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
