//! URIs and URI templates (RFC 6570), taken apart when the plugin is compiled.

use proc_macro2::Span;
use syn::{Error, LitStr, Result};

/// A piece of a template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Literal(String),
    /// `{name}`
    Segment(String),
    /// `{+name}`
    Rest(String),
    /// `{?one,two}`
    Query(Vec<String>),
}

impl Part {
    pub(crate) fn variables(&self) -> &[String] {
        match self {
            Self::Literal(_) => &[],
            Self::Segment(name) | Self::Rest(name) => std::slice::from_ref(name),
            Self::Query(names) => names,
        }
    }
}

/// Whether it is a URI, or the beginning of one.
pub(crate) fn check_uri(uri: &LitStr) -> Result<()> {
    let text = uri.value();
    let wrong = |message: &str| Err(Error::new(uri.span(), message));
    if !begins_with_scheme(&text) {
        return wrong("a URI begins with a scheme, such as `notes://`");
    }
    if text.contains(|char: char| char.is_whitespace() || char.is_control()) {
        return wrong("a URI has no blanks: write `%20`");
    }
    if text.contains(['{', '}']) {
        return wrong("a URI with variables is a template: write `uri_template = \"…\"`");
    }
    Ok(())
}

/// Takes a template apart.
pub(crate) fn parse(template: &LitStr) -> Result<Vec<Part>> {
    let span = template.span();
    let wrong = |message: &str| Err(Error::new(span, message));
    let text = template.value();
    let mut parts = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (literal, expression) = rest.split_once('{').map_or((rest, None), |(literal, rest)| (literal, Some(rest)));
        if literal.contains('}') {
            return wrong("there is a `}` without a `{`");
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.to_owned()));
        }
        let Some(expression) = expression else { break };
        let Some((expression, after)) = expression.split_once('}') else {
            return wrong("there is a `{` without a `}`");
        };
        parts.push(read_expression(expression, span)?);
        rest = after;
    }
    check(&parts, span)?;
    Ok(parts)
}

fn read_expression(expression: &str, span: Span) -> Result<Part> {
    let (operator, names) = match expression.chars().next() {
        Some(operator @ ('+' | '?')) => (Some(operator), &expression[1..]),
        _ => (None, expression),
    };
    let mut names: Vec<String> = names.split(',').map(str::to_owned).collect();
    for name in &names {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(Error::new(
                span,
                format_args!("`{{{expression}}}` cannot be read: write `{{name}}`, `{{+name}}` or `{{?one,two}}`"),
            ));
        }
    }
    match (operator, &mut names[..]) {
        (Some('?'), _) => Ok(Part::Query(names)),
        (Some(_), [name]) => Ok(Part::Rest(std::mem::take(name))),
        (None, [name]) => Ok(Part::Segment(std::mem::take(name))),
        _ => Err(Error::new(
            span,
            format_args!("`{{{expression}}}` is several variables in one: give each its own braces"),
        )),
    }
}

fn check(parts: &[Part], span: Span) -> Result<()> {
    let wrong = |message: &str| Err(Error::new(span, message));
    if !matches!(parts.first(), Some(Part::Literal(text)) if begins_with_scheme(text)) {
        return wrong("a URI template begins with a scheme, such as `notes://`");
    }
    if !parts.iter().any(|part| !part.variables().is_empty()) {
        return wrong("this template has no variables: write `uri = \"…\"`");
    }
    for pair in parts.windows(2) {
        match pair {
            [Part::Query(_), _] => return wrong("a query stands at the end"),
            [one, Part::Segment(_) | Part::Rest(_)] if !matches!(one, Part::Literal(_)) => {
                return wrong("nothing says where one variable ends and the next begins: write something between them");
            }
            _ => {}
        }
    }
    let names: Vec<&String> = parts.iter().flat_map(Part::variables).collect();
    match names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
        Some((_, name)) => Err(Error::new(span, format_args!("the variable `{name}` stands here twice"))),
        None => Ok(()),
    }
}

/// RFC 3986, section 3.1.
fn begins_with_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else { return false };
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(legal)
}
