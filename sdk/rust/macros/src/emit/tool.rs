//! The glue of a tool.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Type};

use super::{about, call, default_value, field, local, numbered, option, returned};
use crate::parameter::{Argument, DefaultValue, Parameter, in_option};
use crate::tool::Tool;

pub(super) fn entry(tool: &Tool) -> TokenStream {
    let Tool { function, name, options, .. } = tool;
    let conditions = &function.conditions;
    let about = about(name, function, &options.about);
    let [read_only, destructive, idempotent, open_world] =
        [options.read_only, options.destructive, options.idempotent, options.open_world]
            .map(|hint| option(hint.as_ref()));
    let long_running = options.long_running;
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
                about: #about,
                hints: ::toolyard_plugin::__private::Hints {
                    read_only: #read_only,
                    destructive: #destructive,
                    idempotent: #idempotent,
                    open_world: #open_world,
                },
                long_running: #long_running,
                input: #input,
                output_schema: __output_schema,
                run: __run,
            }
        }
    }
}

/// The type that a call's arguments are decoded into.
fn arguments(tool: &Tool) -> TokenStream {
    if let Some(ty) = struct_of_arguments(tool) {
        return quote!(type __Arguments = #ty;);
    }
    // A schema of the tool's own allows more than a function without parameters takes.
    if tool.options.input_schema.is_some() && tool.function.arguments().next().is_none() {
        return quote!(
            type __Arguments = ::toolyard_plugin::serde::de::IgnoredAny;
        );
    }
    let fields = numbered(&tool.function).map(|(index, argument)| {
        let Argument { name, ty, default, .. } = argument;
        let field = field(index);
        let default = default.as_ref().map(|_| {
            let function = default_function(index).to_string();
            quote!(#[serde(default = #function)])
        });
        quote_spanned!(ty.span()=> #[serde(rename = #name)] #default #field: #ty)
    });
    let defaults = numbered(&tool.function)
        .filter_map(|(index, argument)| Some(default_of(index, argument.default.as_ref()?, &argument.ty)));
    quote! {
        #(#defaults)*
        #[derive(::toolyard_plugin::serde::Deserialize)]
        #[serde(crate = "::toolyard_plugin::serde", deny_unknown_fields, expecting = "an object that holds the arguments")]
        struct __Arguments { #(#fields),* }
    }
}

fn default_of(index: usize, default: &DefaultValue, ty: &Type) -> TokenStream {
    let function = default_function(index);
    let value = default_value(default);
    quote_spanned!(ty.span()=> fn #function() -> #ty { #value })
}

fn input(tool: &Tool) -> TokenStream {
    if let Some(schema) = &tool.options.input_schema {
        return quote!(::toolyard_plugin::__private::Input::Text(|| ::std::string::ToString::to_string(&#schema)));
    }
    if struct_of_arguments(tool).is_some() {
        return quote!(::toolyard_plugin::__private::Input::Type(
            ::toolyard_plugin::__private::inline_schema::<__Arguments>
        ));
    }
    let parameters = numbered(&tool.function).map(|(index, argument)| parameter_entry(index, argument));
    quote!(::toolyard_plugin::__private::Input::Parameters(&[#(#parameters),*]))
}

fn parameter_entry(index: usize, argument: &Argument) -> TokenStream {
    let Argument { name, title, description, ty, default, header, bounds, .. } = argument;
    let title = option(title.as_ref());
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
    let bounds = bounds.iter().map(|(keyword, json)| quote!((#keyword, #json)));
    quote! {
        ::toolyard_plugin::__private::Parameter {
            name: #name,
            title: #title,
            description: #description,
            required: #required,
            header: #header,
            default: #default,
            bounds: &[#(#bounds),*],
            schema: #schema,
        }
    }
}

/// The function that decodes, calls and turns the result into an answer.
fn run(tool: &Tool) -> TokenStream {
    let function = &tool.function;
    let [arguments, context, result, kind] = ["arguments", "context", "result", "kind"].map(local);
    let call = call(function, &context, |index, _| {
        let field = field(index);
        quote!(#arguments.#field)
    });
    let returned = returned(function);
    let answer = if function.is_fallible() {
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
            let #result = #call;
            #answer
        }
    }
}

fn output_schema(tool: &Tool) -> TokenStream {
    let returned = returned(&tool.function);
    let ok = tool.function.is_fallible().then(|| quote!(.ok()));
    let kind = match &tool.options.output_schema {
        Some(schema) => option(Some(quote!(::std::string::ToString::to_string(&#schema)))),
        None => quote_spanned! {returned.span()=>
            (&&::toolyard_plugin::__private::Returned::<#returned>::new() #ok).output_schema()
        },
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

fn struct_of_arguments(tool: &Tool) -> Option<&Type> {
    tool.function.parameters.iter().find_map(|parameter| match parameter {
        Parameter::Arguments { ty, .. } => Some(&**ty),
        _ => None,
    })
}

fn default_function(index: usize) -> Ident {
    format_ident!("__default_{index}")
}
