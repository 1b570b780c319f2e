//! The glue of a function that suggests values.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::{call, field, local, numbered, returned, texts};
use crate::completion::{Completed, Completer};

pub(super) fn entry(completer: &Completer) -> TokenStream {
    let Completer { function, of, argument } = completer;
    let conditions = &function.conditions;
    let of = match of {
        Completed::Prompt(name) => quote!(::toolyard_plugin::__private::Completed::Prompt(#name)),
        Completed::Template(template) => quote!(::toolyard_plugin::__private::Completed::ResourceTemplate(#template)),
    };
    let [value, known, context, result] = ["value", "known", "context", "result"].map(local);
    // The first is what the value begins with, the others are known.
    let first = numbered(function).next().map_or(0, |(index, _)| index);
    let texts = texts(numbered(function).skip(1), &known, None);
    let call = call(function, &context, |index, _| match field(index) {
        _ if index == first => quote!(::std::string::String::from(#value)),
        variable => quote!(#variable),
    });
    let ty = returned(function);
    let into = quote_spanned!(ty.span()=> ::toolyard_plugin::IntoCompletion::into_completion);
    quote! {
        #(#conditions)*
        {
            #[allow(unused_variables, clippy::let_unit_value, clippy::needless_borrow)]
            fn __complete(
                #value: &str,
                #known: &[(::std::string::String, ::std::string::String)],
                #context: &::toolyard_plugin::Context,
            ) -> ::core::result::Result<::toolyard_plugin::Completion, ::toolyard_plugin::Error> {
                #texts
                let #result: #ty = #call;
                #into(#result)
            }
            ::toolyard_plugin::__private::Completer { of: #of, argument: #argument, complete: __complete }
        }
    }
}
