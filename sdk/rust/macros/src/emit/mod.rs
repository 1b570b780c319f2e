//! Writing the code: the tables of what the plugin offers, and the glue of each. What it declares has names that begin with
//! `__`, so as not to hide what the module's own code means.

mod completion;
mod prompt;
mod resource;
mod tool;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Ident, Item, Lit, LitStr, Type, parse_quote};

use crate::function::Function;
use crate::module::Offers;
use crate::options::{About, Icon, Theme};
use crate::parameter::{Argument, DefaultValue, Parameter, Passing, in_option};

/// What the module gets beside its own items.
pub(crate) fn exports(offers: &Offers) -> [Item; 2] {
    let tools = offers.tools.iter().map(tool::entry);
    let resources = offers.resources.iter().map(resource::entry);
    let listings = offers.listings.iter().map(resource::listing);
    let prompts = offers.prompts.iter().map(prompt::entry);
    let completers = offers.completers.iter().map(completion::entry);
    let table = parse_quote! {
        /// The plugin that this module is.
        #[allow(dead_code)]
        pub static PLUGIN: ::toolyard_plugin::Plugin = {
            const __PARTS: ::toolyard_plugin::__private::Parts = ::toolyard_plugin::__private::Parts {
                tools: &[#(#tools),*],
                resources: &[#(#resources),*],
                listings: &[#(#listings),*],
                prompts: &[#(#prompts),*],
                completers: &[#(#completers),*],
            };
            ::toolyard_plugin::Plugin::new(__PARTS)
        };
    };
    // Each export brings the code of its interface into the component.
    let used = [
        ("tools", !offers.tools.is_empty()),
        ("resources", !offers.resources.is_empty()),
        ("prompts", !offers.prompts.is_empty()),
        ("completions", !offers.completers.is_empty()),
    ];
    let exports = used.iter().filter(|(_, used)| *used).map(|(interface, _)| {
        let (export, bindings) = (format_ident!("export_{interface}"), format_ident!("{interface}"));
        quote! {
            ::toolyard_plugin::__private::#export!(
                __Component with_types_in ::toolyard_plugin::__private::bindings::#bindings
            );
        }
    });
    let component = parse_quote! {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct __Component;
            impl ::toolyard_plugin::__private::Exported for __Component {
                const PLUGIN: &'static ::toolyard_plugin::Plugin = &PLUGIN;
            }
            #(#exports)*
        };
    };
    [table, component]
}

/// The wishes in `file`, as a custom section of the component.
pub(crate) fn wishes(file: &LitStr) -> Item {
    let bytes = quote_spanned!(file.span()=> ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #file)));
    parse_quote! {
        #[allow(unsafe_code)]
        const _: () = {
            // Read in every build, so that a missing file shows in tests, too.
            const __WISHES: &[u8] = #bytes;
            #[cfg(target_family = "wasm")]
            #[used]
            #[unsafe(link_section = "toolyard:wishes")]
            static __SECTION: [u8; __WISHES.len()] = *#bytes;
        };
    }
}

fn about(name: &str, function: &Function, about: &About) -> TokenStream {
    let title = option(about.title.as_ref());
    let description = option(function.description.as_ref());
    let icons = about.icons.iter().map(picture);
    // Text stays as it is, and `json!` becomes text.
    let meta = option(about.meta.as_ref().map(|meta| quote!(|| ::std::string::ToString::to_string(&#meta))));
    quote! {
        ::toolyard_plugin::__private::About {
            name: #name,
            title: #title,
            description: #description,
            icons: &[#(#icons),*],
            meta: #meta,
        }
    }
}

fn picture(icon: &Icon) -> TokenStream {
    let Icon { src, mime_type, sizes, theme } = icon;
    let mime_type = option(mime_type.as_ref());
    let theme = option(theme.map(|theme| match theme {
        Theme::Light => quote!(::toolyard_plugin::IconTheme::Light),
        Theme::Dark => quote!(::toolyard_plugin::IconTheme::Dark),
    }));
    quote! {
        ::toolyard_plugin::__private::Picture {
            src: #src,
            mime_type: #mime_type,
            sizes: &[#(#sizes),*],
            theme: #theme,
        }
    }
}

/// Reads arguments that are text out of `values`, each into a variable of its own. `missing` is what to do where a required one
/// cannot be had: without it, that is an error.
fn texts<'a>(
    parameters: impl Iterator<Item = (usize, &'a Argument)>,
    values: &Ident,
    missing: Option<&TokenStream>,
) -> TokenStream {
    let read = |(index, argument): (usize, &Argument)| {
        let Argument { name, ty, default, .. } = argument;
        let variable = field(index);
        let optional = in_option(ty);
        let held = optional.unwrap_or(ty);
        let may_be = quote_spanned!(ty.span()=> ::toolyard_plugin::__private::optional::<#held>(#values, #name));
        match (default, optional, missing) {
            (Some(default), ..) => {
                let default = default_value(default);
                let given = local("given");
                let value = match optional {
                    Some(_) => option(Some(&given)),
                    None => quote!(#given),
                };
                quote! {
                    let #variable: #ty = match #may_be? {
                        ::core::option::Option::Some(#given) => #value,
                        ::core::option::Option::None => #default,
                    };
                }
            }
            (None, Some(_), _) => quote!(let #variable: #ty = #may_be?;),
            (None, None, missing) => {
                let must_be =
                    quote_spanned!(ty.span()=> ::toolyard_plugin::__private::required::<#held>(#values, #name));
                match missing {
                    Some(missing) => quote!(let ::core::result::Result::Ok(#variable) = #must_be else { #missing };),
                    None => quote!(let #variable: #ty = #must_be?;),
                }
            }
        }
    };
    parameters.map(read).collect()
}

/// The arguments of a function, with their places among its parameters.
fn numbered(function: &Function) -> impl Iterator<Item = (usize, &Argument)> {
    function.parameters.iter().enumerate().filter_map(|(index, parameter)| match parameter {
        Parameter::Argument(argument) => Some((index, &**argument)),
        _ => None,
    })
}

/// The call of the function, with `argument` saying where each argument is. All of them as one are `arguments`.
fn call(function: &Function, context: &Ident, argument: impl Fn(usize, &Argument) -> TokenStream) -> TokenStream {
    let (ident, whole) = (&function.ident, local("arguments"));
    let given = function.parameters.iter().enumerate().map(|(index, parameter)| match parameter {
        Parameter::Context { by_reference: true } => quote!(#context),
        Parameter::Context { by_reference: false } => quote!(::core::clone::Clone::clone(#context)),
        Parameter::Arguments { by_reference: true, .. } => quote!(&#whole),
        Parameter::Arguments { by_reference: false, .. } => quote!(#whole),
        Parameter::Argument(it) => {
            let place = argument(index, it);
            match it.passing {
                Passing::Value => place,
                Passing::Reference => quote!(&#place),
                Passing::OptionDeref => quote!(#place.as_deref()),
                Passing::OptionRef => quote!(#place.as_ref()),
            }
        }
    });
    quote!(self::#ident(#(#given),*))
}

fn default_value(default: &DefaultValue) -> TokenStream {
    match default {
        DefaultValue::OfType => quote!(::core::default::Default::default()),
        // So that a `String` need not be spelt `"…".to_owned()`.
        DefaultValue::Expression(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => {
            quote!(::core::convert::Into::into(#text))
        }
        DefaultValue::Expression(value) => quote!(#value),
    }
}

fn returned(function: &Function) -> Type {
    function.returned.clone().unwrap_or_else(|| parse_quote!(()))
}

// Invisible to the function's own code, and so never in the way of a function or a constant of the same name.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn field(index: usize) -> Ident {
    format_ident!("argument_{index}")
}

fn option(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
