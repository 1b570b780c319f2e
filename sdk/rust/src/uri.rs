//! URIs held against a template (RFC 6570, as far as it can be read backwards).

/// A piece of a template. The macro takes the template apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Literal(&'static str),
    /// `{name}`: not empty, up to a `/`, `?` or `#`.
    Segment(&'static str),
    /// `{+name}`: not empty.
    Rest(&'static str),
    /// `{?one,two}`, at the end: each may be left out, in any order.
    Query(&'static [&'static str]),
}

/// What stands before the first variable.
pub(crate) fn beginning(parts: &'static [Part]) -> &'static str {
    match parts {
        [Part::Literal(text), ..] => text,
        _ => "",
    }
}

/// The values of the variables, decoded, where the URI fits.
pub(crate) fn variables(parts: &[Part], uri: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    fit(parts, uri, &mut found).then_some(found)
}

fn fit(parts: &[Part], text: &str, found: &mut Vec<(String, String)>) -> bool {
    let Some((part, others)) = parts.split_first() else { return text.is_empty() };
    match part {
        Part::Literal(literal) => text.strip_prefix(literal).is_some_and(|text| fit(others, text, found)),
        Part::Segment(name) => {
            let end = text.find(['/', '?', '#']).unwrap_or(text.len());
            fit_value(name, others, text, end, found)
        }
        Part::Rest(name) => fit_value(name, others, text, text.len(), found),
        Part::Query(names) => fit_query(names, text, found),
    }
}

/// Tries all values, the shortest first: what follows says where it ends.
fn fit_value(name: &str, others: &[Part], text: &str, end_max: usize, found: &mut Vec<(String, String)>) -> bool {
    let ends = (1..=end_max).filter(|end| text.is_char_boundary(*end));
    for end in ends {
        let (value, rest) = text.split_at(end);
        let before = found.len();
        if let Some(value) = decoded(value) {
            found.push((name.to_owned(), value));
            if fit(others, rest, found) {
                return true;
            }
            found.truncate(before);
        }
    }
    false
}

fn fit_query(names: &[&str], text: &str, found: &mut Vec<(String, String)>) -> bool {
    if text.is_empty() {
        return true;
    }
    let Some(query) = text.strip_prefix('?') else { return false };
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(value) = decoded(value) else { return false };
        // Others may be for somebody between the client and us.
        if names.contains(&name) {
            found.push((name.to_owned(), value));
        }
    }
    true
}

/// Percent-encoding undone (RFC 3986, section 2.1).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let ([high, low], after) = rest.split_first_chunk()?;
        bytes.push(hex(*high)? << 4 | hex(*low)?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::Part::{Literal, Query, Rest, Segment};
    use super::*;

    #[track_caller]
    fn check(parts: &[Part], uri: &str, expected: Option<&[(&str, &str)]>) {
        let found = variables(parts, uri);
        let found: Option<Vec<(&str, &str)>> =
            found.as_ref().map(|found| found.iter().map(|(name, value)| (&**name, &**value)).collect());
        assert_eq!(found.as_deref(), expected, "{uri}");
    }

    #[test]
    fn segments_end_at_a_slash_and_are_decoded() {
        let parts = [Literal("t://"), Segment("id"), Literal("/data")];
        check(&parts, "t://123/data", Some(&[("id", "123")]));
        check(&parts, "t://a%2Fb%c3%A9é/data", Some(&[("id", "a/béé")]));
        for wrong in
            ["t:///data", "t://a/b/data", "t://a/dat", "t://a/data/", "t://%2/data", "t://%ff/data", "t://%+1/data"]
        {
            check(&parts, wrong, None);
        }
        let parts = [Literal("t://"), Segment("name"), Literal("."), Segment("ending")];
        check(&parts, "t://a.b", Some(&[("name", "a"), ("ending", "b")]));
        check(&parts, "t://a.b.c", Some(&[("name", "a"), ("ending", "b.c")]));
        check(&[Literal("t://"), Segment("id"), Literal(".json")], "t://a.json.json", Some(&[("id", "a.json")]));
        check(&[Literal("t://a")], "t://a", Some(&[]));
    }

    #[test]
    fn the_rest_takes_everything() {
        let parts = [Literal("t://"), Rest("path")];
        check(&parts, "t://a/b?c#d", Some(&[("path", "a/b?c#d")]));
        check(&parts, "t://", None);
        let parts = [Literal("t://"), Rest("path"), Literal("/meta")];
        check(&parts, "t://a/meta/b/meta", Some(&[("path", "a/meta/b")]));
    }

    #[test]
    fn a_query_may_be_left_out() {
        let parts = [Literal("t://"), Segment("id"), Query(&["one", "two"])];
        check(&parts, "t://a", Some(&[("id", "a")]));
        check(&parts, "t://a?two=%20x&other=1&one", Some(&[("id", "a"), ("two", " x"), ("one", "")]));
        check(&parts, "t://a?", Some(&[("id", "a")]));
        check(&parts, "t://a/b", None);
        check(&parts, "t://a?one=%zz", None);
    }
}
