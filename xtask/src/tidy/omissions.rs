//! Nothing is left for later: no `todo!`, no `unimplemented!`, no ignored test.
//!
//! It looks at tokens, so that the inside of macros is seen, and texts and comments are not.

use proc_macro2::{TokenStream, TokenTree};

use super::Violation;
use super::source::Source;

pub(crate) fn check(source: &Source) -> Vec<Violation> {
    let mut violations = Vec::new();
    // It was parsed before, so it can be cut into tokens.
    if let Ok(tokens) = source.text.parse() {
        walk(source, tokens, &mut violations);
    }
    violations
}

fn walk(source: &Source, tokens: TokenStream, violations: &mut Vec<Violation>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1);
        match token {
            TokenTree::Ident(name) if is_punct(next, '!') && (name == "todo" || name == "unimplemented") => {
                let why = "what is there works; what is missing is in an issue, not in the code";
                violations.push(source.violation(name.span().start().line, format!("`{name}!`"), why));
            }
            TokenTree::Punct(hash) if hash.as_char() == '#' && is_ignore(next) => {
                let why = "a test that is not run proves nothing; provide what it needs, or take it out";
                violations.push(source.violation(hash.span().start().line, "`#[ignore]`".to_owned(), why));
            }
            TokenTree::Group(group) => walk(source, group.stream(), violations),
            _ => {}
        }
    }
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

/// Whether this is the bracket of `#[ignore]`, `#[ignore = "…"]` or `#[cfg_attr(…, ignore)]`.
fn is_ignore(token: Option<&TokenTree>) -> bool {
    let Some(TokenTree::Group(group)) = token else { return false };
    let mut tokens = group.stream().into_iter();
    match tokens.next() {
        Some(TokenTree::Ident(name)) if name == "ignore" => true,
        Some(TokenTree::Ident(name)) if name == "cfg_attr" => match tokens.next() {
            Some(TokenTree::Group(inner)) => {
                inner.stream().into_iter().any(|token| matches!(token, TokenTree::Ident(name) if name == "ignore"))
            }
            _ => false,
        },
        _ => false,
    }
}
