//! What `#[arg(…)]` says that a value must be, beside its type: keywords of JSON Schema.

use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, ExprUnary, Lit, Result, Type, UnOp};

use crate::options::text;
use crate::parameter::{in_option, inside, is_named};

/// One keyword, and its value as JSON text.
pub(crate) type Bound = (&'static str, String);

/// The options, the keywords that they stand for, and what they are said of.
const KNOWN: [(&str, &str, Of); 7] = [
    ("minimum", "minimum", Of::Numbers),
    ("maximum", "maximum", Of::Numbers),
    ("min_length", "minLength", Of::Text),
    ("max_length", "maxLength", Of::Text),
    ("pattern", "pattern", Of::Text),
    ("min_items", "minItems", Of::Lists),
    ("max_items", "maxItems", Of::Lists),
];

/// The types that a keyword means something for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Numbers,
    Text,
    Lists,
}

impl Of {
    fn words(self) -> &'static str {
        match self {
            Self::Numbers => "a number",
            Self::Text => "text",
            Self::Lists => "a list",
        }
    }
}

/// Reads the option if it is one of these. `ty` is the argument's.
pub(crate) fn read(meta: &ParseNestedMeta<'_>, ty: &Type) -> Result<Option<Bound>> {
    let Some((option, keyword, of)) = KNOWN.into_iter().find(|(option, ..)| meta.path.is_ident(option)) else {
        return Ok(None);
    };
    if let Some(other) = kind(ty).filter(|kind| *kind != of) {
        return Err(meta.error(format_args!("`{option}` is said of {}, and this is {}", of.words(), other.words())));
    }
    let value = if option == "pattern" {
        json_string(&text(meta)?.value())
    } else {
        number(&meta.value()?.parse()?, of == Of::Numbers)?
    };
    Ok(Some((keyword, value)))
}

/// What the type is, as far as its name tells.
fn kind(ty: &Type) -> Option<Of> {
    let ty = in_option(ty).unwrap_or(ty);
    let is = |names: &[&str]| names.iter().any(|name| is_named(ty, name));
    if is(&["u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize", "f32", "f64"]) {
        Some(Of::Numbers)
    } else if is(&["String", "char"]) {
        Some(Of::Text)
    } else if inside(ty, "Vec").is_some() {
        Some(Of::Lists)
    } else {
        None
    }
}

/// A number as it is written, so that JSON has the same digits.
fn number(written: &Expr, may_be_any: bool) -> Result<String> {
    let (sign, literal) = match written {
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) if may_be_any => ("-", &**expr),
        other => ("", other),
    };
    match literal {
        Expr::Lit(ExprLit { lit: Lit::Int(int), .. }) => Ok(format!("{sign}{}", int.base10_digits())),
        Expr::Lit(ExprLit { lit: Lit::Float(float), .. }) if may_be_any => {
            // `1.` is no number in JSON.
            Ok(format!("{sign}{}", float.base10_digits().trim_end_matches('.')))
        }
        _ if may_be_any => Err(Error::new(written.span(), "write a number, such as 1, -40 or 0.5")),
        _ => Err(Error::new(written.span(), "write a number of characters or items, such as 1")),
    }
}

fn json_string(text: &str) -> String {
    let mut json = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if c < ' ' => json += &format!("\\u{:04x}", u32::from(c)),
            c => json.push(c),
        }
    }
    json + "\""
}
