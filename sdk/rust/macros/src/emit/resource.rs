//! The glue of a resource, and of a list of them.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::{about, call, field, local, numbered, option, returned, texts};
use crate::resource::{Annotations, Audience, Listing, Place, Resource};
use crate::template::Part;

pub(super) fn entry(resource: &Resource) -> TokenStream {
    let Resource { function, place, name, about: options, size, annotations: hints, .. } = resource;
    let conditions = &function.conditions;
    let at = at(place);
    let about = about(name, function, options);
    let size = option(size.as_ref());
    let annotations = option(hints.say_something().then(|| annotations(hints)));
    let mime_type = mime_type(resource);
    let read = read(resource);
    quote! {
        #(#conditions)*
        {
            #mime_type
            #read
            ::toolyard_plugin::__private::Readable {
                at: #at,
                about: #about,
                mime_type: __mime_type,
                size: #size,
                annotations: #annotations,
                read: __read,
            }
        }
    }
}

fn at(place: &Place) -> TokenStream {
    match place {
        Place::Uri(uri) => quote!(::toolyard_plugin::__private::At::Uri(#uri)),
        Place::Prefix(prefix) => quote!(::toolyard_plugin::__private::At::Prefix(#prefix)),
        Place::Template(text, parts) => {
            let parts = parts.iter().map(|part| match part {
                Part::Literal(text) => quote!(::toolyard_plugin::__private::Part::Literal(#text)),
                Part::Segment(name) => quote!(::toolyard_plugin::__private::Part::Segment(#name)),
                Part::Rest(name) => quote!(::toolyard_plugin::__private::Part::Rest(#name)),
                Part::Query(names) => quote!(::toolyard_plugin::__private::Part::Query(&[#(#names),*])),
            });
            quote!(::toolyard_plugin::__private::At::Template { text: #text, parts: &[#(#parts),*] })
        }
    }
}

fn annotations(Annotations { audience, priority, last_modified }: &Annotations) -> TokenStream {
    let audience = audience.iter().map(|audience| match audience {
        Audience::User => quote!(::toolyard_plugin::Role::User),
        Audience::Assistant => quote!(::toolyard_plugin::Role::Assistant),
    });
    let priority = option(priority.as_ref());
    let last_modified = option(last_modified.as_ref());
    quote! {
        ::toolyard_plugin::__private::ResourceHints {
            audience: &[#(#audience),*],
            priority: #priority,
            last_modified: #last_modified,
        }
    }
}

/// What is said, or what follows from the type that is returned.
fn mime_type(resource: &Resource) -> TokenStream {
    let said = match &resource.mime_type {
        Some(said) => option(Some(said)),
        None => {
            let returned = returned(&resource.function);
            let held = held(resource);
            quote_spanned! {returned.span()=>
                (&&::toolyard_plugin::__private::Returned::<#returned>::new() #held).mime_type()
            }
        }
    };
    quote! {
        #[allow(clippy::needless_borrow)]
        fn __mime_type() -> ::core::option::Option<&'static str> {
            #[allow(unused_imports)]
            use ::toolyard_plugin::__private::{ViaContents as _, ViaJson as _};
            #said
        }
    }
}

/// From the type that is returned to the one that is the contents.
fn held(resource: &Resource) -> TokenStream {
    let ok = resource.function.is_fallible().then(|| quote!(.ok()));
    let some = resource.function.is_optional().then(|| quote!(.some()));
    quote!(#ok #some)
}

/// The function that reads the variables, calls, and turns the result into contents.
fn read(resource: &Resource) -> TokenStream {
    let function = &resource.function;
    let [asked, values, context, result, kind] = ["asked", "values", "context", "result", "kind"].map(local);
    let nothing = quote!(return ::core::result::Result::Ok(::core::option::Option::None));
    let (texts, call) = match &resource.place {
        Place::Prefix(_) => {
            (TokenStream::new(), call(function, &context, |_, _| quote!(::std::string::String::from(#asked.uri))))
        }
        // A value that cannot be read is part of a URI at which there is nothing.
        _ => (
            texts(numbered(function), &values, Some(&nothing)),
            call(function, &context, |index, _| {
                let variable = field(index);
                quote!(#variable)
            }),
        ),
    };
    let returned = returned(function);
    let ok = function.is_fallible().then(|| {
        quote_spanned! {returned.span()=>
            let #result = #kind.check(#result)?;
            let #kind = #kind.ok();
        }
    });
    let some = function.is_optional().then(|| {
        quote_spanned! {returned.span()=>
            let ::core::option::Option::Some(#result) = #result else { #nothing };
            let #kind = #kind.some();
        }
    });
    let contents = quote_spanned!(returned.span()=> (&&#kind).contents(#result));
    quote! {
        #[allow(unused_variables, clippy::let_unit_value, clippy::needless_borrow)]
        fn __read(
            #asked: &::toolyard_plugin::__private::Asked<'_>,
            #context: &::toolyard_plugin::Context,
        ) -> ::core::result::Result<
            ::core::option::Option<::std::vec::Vec<::toolyard_plugin::ResourceContents>>,
            ::toolyard_plugin::Error,
        > {
            #[allow(unused_imports)]
            use ::toolyard_plugin::__private::{ViaContents as _, ViaJson as _};
            let #values = &#asked.variables[..];
            #texts
            let #result = #call;
            let #kind = ::toolyard_plugin::__private::Returned::<#returned>::new();
            #ok
            #some
            #contents.map(::core::option::Option::Some)
        }
    }
}

/// The glue of a function that lists resources.
pub(super) fn listing(listing: &Listing) -> TokenStream {
    let function = &listing.function;
    let conditions = &function.conditions;
    let [cursor, context, result] = ["cursor", "context", "result"].map(local);
    let call = call(function, &context, |_, _| quote!(#cursor.map(::std::string::String::from)));
    let ty = returned(function);
    let into = quote_spanned!(ty.span()=> ::toolyard_plugin::IntoResourcePage::into_resource_page);
    quote! {
        #(#conditions)*
        {
            #[allow(unused_variables, clippy::let_unit_value)]
            fn __list(
                #cursor: ::core::option::Option<&str>,
                #context: &::toolyard_plugin::Context,
            ) -> ::core::result::Result<::toolyard_plugin::ResourcePage, ::toolyard_plugin::Error> {
                let #result: #ty = #call;
                #into(#result)
            }
            ::toolyard_plugin::__private::Listing { list: __list }
        }
    }
}
