//! Reading what stands in an attribute's parentheses.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, Expr, LitBool, LitStr, Result, Token};

/// What tools, resources and prompts all can say.
#[derive(Default)]
pub(crate) struct About {
    pub(crate) name: Option<LitStr>,
    pub(crate) title: Option<LitStr>,
    pub(crate) icons: Vec<Icon>,
    pub(crate) meta: Option<Expr>,
}

/// `icon = "…"`, or `icon(src = "…", …)`.
pub(crate) struct Icon {
    pub(crate) src: LitStr,
    pub(crate) mime_type: Option<LitStr>,
    pub(crate) sizes: Vec<String>,
    pub(crate) theme: Option<Theme>,
}

#[derive(Clone, Copy)]
pub(crate) enum Theme {
    Light,
    Dark,
}

impl About {
    pub(crate) const KNOWN: &str = "`name`, `title`, `icon` and `meta`";

    /// Reads the option if it is one of these.
    pub(crate) fn read(&mut self, option: &str, meta: &ParseNestedMeta<'_>) -> Result<bool> {
        match option {
            "name" => self.name = Some(text(meta)?),
            "title" => self.title = Some(text(meta)?),
            "icon" => self.icons.push(icon(meta)?),
            "meta" => self.meta = Some(meta.value()?.parse()?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Reads an attribute's options one by one, each by its name.
pub(crate) fn each(
    attribute: &Attribute,
    mut read: impl FnMut(&str, &ParseNestedMeta<'_>) -> Result<()>,
) -> Result<()> {
    if attribute.meta.require_path_only().is_ok() {
        return Ok(());
    }
    if attribute.meta.require_list().is_err() {
        return Err(at(attribute, "write the options in parentheses, such as `(title = \"…\")`"));
    }
    attribute.parse_nested_meta(|meta| {
        let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        read(&name, &meta)
    })
}

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
pub(crate) fn check_name(what: &str, name: &str, span: Span) -> Result<()> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(legal) {
        return Err(Error::new(
            span,
            format_args!("the name of {what} is made of 1 to 64 of the letters a-z and A-Z, digits, `_` and `-`"),
        ));
    }
    Ok(())
}

fn icon(meta: &ParseNestedMeta<'_>) -> Result<Icon> {
    if meta.input.peek(Token![=]) {
        return Ok(Icon { src: text(meta)?, mime_type: None, sizes: Vec::new(), theme: None });
    }
    let (mut src, mut mime_type, mut sizes, mut theme) = (None, None, Vec::new(), None);
    meta.parse_nested_meta(|meta| {
        match meta.path.get_ident().map(ToString::to_string).unwrap_or_default().as_str() {
            "src" => src = Some(text(&meta)?),
            "mime_type" => mime_type = Some(text(&meta)?),
            "sizes" => sizes = text(&meta)?.value().split_whitespace().map(str::to_owned).collect(),
            "theme" => theme = Some(read_theme(&text(&meta)?)?),
            _ => return Err(unknown(&meta, "icon", "`src`, `mime_type`, `sizes` and `theme`")),
        }
        Ok(())
    })?;
    let src = src.ok_or_else(|| meta.error("say where the picture is: `icon(src = \"https://…\", …)`"))?;
    Ok(Icon { src, mime_type, sizes, theme })
}

fn read_theme(text: &LitStr) -> Result<Theme> {
    match text.value().as_str() {
        "light" => Ok(Theme::Light),
        "dark" => Ok(Theme::Dark),
        _ => Err(Error::new(text.span(), "an icon is drawn for a `light` or a `dark` background")),
    }
}
