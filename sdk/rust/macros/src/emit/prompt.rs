//! The glue of a prompt.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::{about, call, field, local, numbered, option, returned, texts};
use crate::parameter::{Argument, in_option};
use crate::prompt::Prompt;

pub(super) fn entry(prompt: &Prompt) -> TokenStream {
    let Prompt { function, name, about: options, .. } = prompt;
    let conditions = &function.conditions;
    let about = about(name, function, options);
    let arguments = function.arguments().map(argument);
    let [values, context, result] = ["values", "context", "result"].map(local);
    let texts = texts(numbered(function), &values, None);
    let call = call(function, &context, |index, _| {
        let variable = field(index);
        quote!(#variable)
    });
    let ty = returned(function);
    // Where the type is written down is where it is wrong.
    let into = quote_spanned!(ty.span()=> ::toolyard_plugin::IntoPromptResult::into_prompt_result);
    quote! {
        #(#conditions)*
        {
            #[allow(unused_variables, clippy::let_unit_value, clippy::needless_borrow)]
            fn __get(
                #values: &[(::std::string::String, ::std::string::String)],
                #context: &::toolyard_plugin::Context,
            ) -> ::core::result::Result<::toolyard_plugin::PromptResult, ::toolyard_plugin::Error> {
                #texts
                let #result: #ty = #call;
                #into(#result)
            }
            ::toolyard_plugin::__private::Prompt {
                about: #about,
                arguments: &[#(#arguments),*],
                get: __get,
            }
        }
    }
}

fn argument(argument: &Argument) -> TokenStream {
    let Argument { name, title, description, ty, default, .. } = argument;
    let title = option(title.as_ref());
    let description = option(description.as_ref());
    let required = in_option(ty).is_none() && default.is_none();
    quote! {
        ::toolyard_plugin::__private::PromptArgument {
            name: #name,
            title: #title,
            description: #description,
            required: #required,
        }
    }
}
