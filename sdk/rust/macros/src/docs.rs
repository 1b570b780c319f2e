//! Doc comments as descriptions.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The text of the doc comments, without the blank that follows each `///`.
pub(crate) fn description(attributes: &[Attribute]) -> Option<String> {
    let lines: Vec<String> = attributes.iter().filter_map(line).collect();
    let text = lines.join("\n");
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The same, and takes the doc comments away: the compiler does not allow them on parameters.
pub(crate) fn take_description(attributes: &mut Vec<Attribute>) -> Option<String> {
    let docs: Vec<Attribute> = attributes.extract_if(.., |attribute| attribute.path().is_ident("doc")).collect();
    description(&docs)
}

fn line(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
                let text = text.value();
                Some(
                    text.lines()
                        .enumerate()
                        .map(|(number, line)| unindented(line, number > 0))
                        .collect::<Vec<_>>()
                        .join("\n"),
                )
            }
            _ => None,
        },
        _ => None,
    }
}

// A block comment holds several lines, which are indented as the code is, and may begin with a star.
fn unindented(line: &str, in_block: bool) -> &str {
    let line = if in_block { line.trim_start().trim_start_matches('*') } else { line };
    line.strip_prefix(' ').unwrap_or(line).trim_end()
}
