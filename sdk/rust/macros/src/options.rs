//! Reading what stands in an attribute's parentheses.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, LitBool, LitStr, Result, Token};

/// Takes the attributes out of `attributes` whose path ends in `name`, so that the compiler, which does not know them, never
/// sees them.
pub(crate) fn take(attributes: &mut Vec<Attribute>, name: &str) -> Vec<Attribute> {
    attributes.extract_if(.., |attribute| is(attribute, name)).collect()
}

/// The one attribute of this name, if there is one.
pub(crate) fn take_one(attributes: &mut Vec<Attribute>, name: &str) -> Result<Option<Attribute>> {
    let mut taken = take(attributes, name).into_iter();
    let first = taken.next();
    match taken.next() {
        Some(second) => {
            Err(at(&second, format_args!("`#[{name}]` stands here twice; write it once, with all its options")))
        }
        None => Ok(first),
    }
}

/// Whether the attribute's path ends in `name`.
pub(crate) fn is(attribute: &Attribute, name: &str) -> bool {
    attribute.path().segments.last().is_some_and(|segment| segment.ident == name)
}

/// `flag`, `flag = true` or `flag = false`.
pub(crate) fn flag(meta: &ParseNestedMeta<'_>) -> Result<bool> {
    if meta.input.peek(Token![=]) { Ok(meta.value()?.parse::<LitBool>()?.value) } else { Ok(true) }
}

/// `text = "…"`, where the text is not empty.
pub(crate) fn text(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let text: LitStr = meta.value()?.parse()?;
    if text.value().trim().is_empty() {
        return Err(Error::new(text.span(), "this must not be empty"));
    }
    Ok(text)
}

/// For an option that is none of those that `attribute` has.
pub(crate) fn unknown(meta: &ParseNestedMeta<'_>, attribute: &str, known: &str) -> Error {
    let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
    meta.error(format_args!("`{name}` is no option of `#[{attribute}]`, which has {known}"))
}

/// An error that shows the attribute.
pub(crate) fn at(attribute: &Attribute, message: impl std::fmt::Display) -> Error {
    Error::new_spanned(&attribute.meta, message)
}

/// Names that clients, models and the host all accept: letters, digits, `_` and `-`, at most 64.
pub(crate) fn check_name(name: &str, span: Span) -> Result<()> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(legal) {
        return Err(Error::new(
            span,
            "a tool's name is made of 1 to 64 of the letters a-z and A-Z, digits, `_` and `-`",
        ));
    }
    Ok(())
}
