//! Writing the code: the table of the tools, and the glue of each. What it declares has names that begin with `__`, so as not
//! to hide what the module's own code means.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Ident, Item, Lit, Type, parse_quote};

use crate::parameter::{Argument, DefaultValue, Parameter, in_option};
use crate::tool::Tool;

/// What the module gets beside its own items.
pub(crate) fn exports(tools: &[Tool]) -> [Item; 2] {
    let entries = tools.iter().map(entry);
    let table = parse_quote! {
        /// The plugin that this module is.
        #[allow(dead_code)]
        pub static PLUGIN: ::toolyard_plugin::Plugin = {
            const __TOOLS: &[::toolyard_plugin::__private::Tool] = &[#(#entries),*];
            ::toolyard_plugin::Plugin::new(__TOOLS)
        };
    };
    let component = parse_quote! {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct __Component;
            impl ::toolyard_plugin::__private::Exported for __Component {
                const PLUGIN: &'static ::toolyard_plugin::Plugin = &PLUGIN;
            }
            ::toolyard_plugin::__private::export_component!(
                __Component with_types_in ::toolyard_plugin::__private::bindings
            );
        };
    };
    [table, component]
}

fn entry(tool: &Tool) -> TokenStream {
    let Tool { name, description, options, conditions, .. } = tool;
    let title = option(options.title.as_ref());
    let description = option(description.as_ref());
    let [read_only, destructive, idempotent, open_world] =
        [options.read_only, options.destructive, options.idempotent, options.open_world]
            .map(|hint| option(hint.as_ref()));
    let long_running = options.long_running;
    let icons = &options.icons;
    let arguments = arguments(tool);
    let input = input(tool);
    let run = run(tool);
    let output_schema = output_schema(tool);
    quote! {
        #(#conditions)*
        {
            #arguments
            #run
            #output_schema
            ::toolyard_plugin::__private::Tool {
                name: #name,
                title: #title,
                description: #description,
                hints: ::toolyard_plugin::__private::Hints {
                    read_only: #read_only,
                    destructive: #destructive,
                    idempotent: #idempotent,
                    open_world: #open_world,
                },
                long_running: #long_running,
                icons: &[#(#icons),*],
                input: #input,
                output_schema: __output_schema,
                run: __run,
            }
        }
    }
}

/// The type `Arguments` that a call's arguments are decoded into.
fn arguments(tool: &Tool) -> TokenStream {
    if let Some(ty) = struct_of_arguments(tool) {
        return quote!(type __Arguments = #ty;);
    }
    let fields = tool.parameters.iter().enumerate().filter_map(|(index, parameter)| {
        let Parameter::Argument(argument) = parameter else { return None };
        let Argument { name, ty, default, .. } = &**argument;
        let field = field(index);
        let default = default.as_ref().map(|_| {
            let function = default_function(index).to_string();
            quote!(#[serde(default = #function)])
        });
        Some(quote_spanned!(ty.span()=> #[serde(rename = #name)] #default #field: #ty))
    });
    let defaults = tool.parameters.iter().enumerate().filter_map(|(index, parameter)| match parameter {
        Parameter::Argument(argument) => Some(default_of(index, argument.default.as_ref()?, &argument.ty)),
        _ => None,
    });
    quote! {
        #(#defaults)*
        #[derive(::toolyard_plugin::serde::Deserialize)]
        #[serde(crate = "::toolyard_plugin::serde", deny_unknown_fields, expecting = "an object that holds the arguments")]
        struct __Arguments { #(#fields),* }
    }
}

fn default_of(index: usize, default: &DefaultValue, ty: &Type) -> TokenStream {
    let function = default_function(index);
    let value = match default {
        DefaultValue::OfType => quote!(::core::default::Default::default()),
        // So that a `String` need not be spelt `"…".to_owned()`.
        DefaultValue::Expression(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => {
            quote!(::core::convert::Into::into(#text))
        }
        DefaultValue::Expression(value) => quote!(#value),
    };
    quote_spanned!(ty.span()=> fn #function() -> #ty { #value })
}

fn input(tool: &Tool) -> TokenStream {
    if struct_of_arguments(tool).is_some() {
        return quote!(::toolyard_plugin::__private::Input::Type(
            ::toolyard_plugin::__private::inline_schema::<__Arguments>
        ));
    }
    let parameters = tool.parameters.iter().enumerate().filter_map(|(index, parameter)| match parameter {
        Parameter::Argument(argument) => Some(parameter_entry(index, argument)),
        _ => None,
    });
    quote!(::toolyard_plugin::__private::Input::Parameters(&[#(#parameters),*]))
}

fn parameter_entry(index: usize, argument: &Argument) -> TokenStream {
    let Argument { name, description, ty, default, header, .. } = argument;
    let description = option(description.as_ref());
    let required = in_option(ty).is_none() && default.is_none();
    let default = option(default.as_ref().map(|_| {
        let function = default_function(index);
        quote!(|| ::toolyard_plugin::__private::json_text(&#function()))
    }));
    let schema = match header {
        // A header is there or it is not, and clients accept one type for it.
        Some(_) => {
            let ty = in_option(ty).unwrap_or(ty);
            quote_spanned!(ty.span()=> ::toolyard_plugin::__private::inline_schema::<#ty>)
        }
        None => quote_spanned!(ty.span()=> ::toolyard_plugin::__private::shared_schema::<#ty>),
    };
    let header = option(header.as_ref());
    quote! {
        ::toolyard_plugin::__private::Parameter {
            name: #name,
            description: #description,
            required: #required,
            header: #header,
            default: #default,
            schema: #schema,
        }
    }
}

/// The function that decodes, calls and turns the result into an answer.
fn run(tool: &Tool) -> TokenStream {
    let function = &tool.function;
    let [arguments, context, result, kind] = ["arguments", "context", "result", "kind"].map(local);
    let given = tool.parameters.iter().enumerate().map(|(index, parameter)| match parameter {
        Parameter::Context { by_reference: true } => quote!(#context),
        Parameter::Context { by_reference: false } => quote!(::core::clone::Clone::clone(#context)),
        Parameter::Arguments { by_reference: true, .. } => quote!(&#arguments),
        Parameter::Arguments { by_reference: false, .. } => quote!(#arguments),
        Parameter::Argument(argument) => {
            let field = field(index);
            if argument.by_reference { quote!(&#arguments.#field) } else { quote!(#arguments.#field) }
        }
    });
    let returned = returned(tool);
    let answer = if tool.fallible {
        quote_spanned! {returned.span()=>
            let #kind = ::toolyard_plugin::__private::Returned::<#returned>::new();
            let #result = #kind.check(#result)?;
            (&&#kind.ok()).result(#result)
        }
    } else {
        quote_spanned! {returned.span()=>
            (&&::toolyard_plugin::__private::Returned::<#returned>::new()).result(#result)
        }
    };
    quote! {
        #[allow(unused_variables, clippy::let_unit_value, clippy::needless_borrow)]
        fn __run(
            #arguments: &str,
            #context: &::toolyard_plugin::Context,
        ) -> ::core::result::Result<::toolyard_plugin::ToolResult, ::toolyard_plugin::Error> {
            #[allow(unused_imports)]
            use ::toolyard_plugin::__private::{ViaContent as _, ViaStructured as _};
            let #arguments: __Arguments = ::toolyard_plugin::__private::decode(#arguments)?;
            let #result = self::#function(#(#given),*);
            #answer
        }
    }
}

fn output_schema(tool: &Tool) -> TokenStream {
    let returned = returned(tool);
    let ok = tool.fallible.then(|| quote!(.ok()));
    let kind = quote_spanned! {returned.span()=>
        (&&::toolyard_plugin::__private::Returned::<#returned>::new() #ok).output_schema()
    };
    quote! {
        #[allow(clippy::needless_borrow)]
        fn __output_schema() -> ::core::option::Option<::std::string::String> {
            #[allow(unused_imports)]
            use ::toolyard_plugin::__private::{ViaContent as _, ViaStructured as _};
            #kind
        }
    }
}

fn returned(tool: &Tool) -> Type {
    tool.returned.clone().unwrap_or_else(|| parse_quote!(()))
}

fn struct_of_arguments(tool: &Tool) -> Option<&Type> {
    tool.parameters.iter().find_map(|parameter| match parameter {
        Parameter::Arguments { ty, .. } => Some(&**ty),
        _ => None,
    })
}

// Invisible to the function's own code, and so never in the way of a function or a constant of the same name.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn field(index: usize) -> Ident {
    format_ident!("argument_{index}")
}

fn default_function(index: usize) -> Ident {
    format_ident!("__default_{index}")
}

fn option(value: Option<impl quote::ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
