//! URLs of HTTP, strictly: what has two readings is refused or written in one.

use std::fmt::{self, Write};

/// An `http` or `https` URL. Its host is in lower case, its path free of `.` and `..`, what may not stand in it is
/// percent-encoded, and there is no user name in it.
///
/// ```
/// use toolyard_plugin::http::Url;
///
/// let url = Url::parse("HTTPS://Example.com:443/a/./b/../c d?q=ä#top")?;
/// assert_eq!(url.as_str(), "https://example.com/a/c%20d?q=%C3%A4#top");
/// assert_eq!(url.join("../e?f")?.as_str(), "https://example.com/e?f");
/// assert_eq!(url.origin(), "https://example.com");
/// # Ok::<(), toolyard_plugin::http::BadUrl>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Url {
    text: String,
    authority: usize,
    path: usize,
    fragment: usize,
}

/// Why a text is no URL that could be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadUrl {
    text: String,
    reason: &'static str,
}

/// Longer ones are refused by most servers.
const URL_BYTES_MAX: usize = 8192;

/// A port that need not be said.
const PORTS: [(&str, &str); 2] = [("http", "80"), ("https", "443")];

impl Url {
    /// Reads an absolute URL.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadUrl> {
        let wrong = |reason| BadUrl { text: text.to_owned(), reason };
        if text.len() > URL_BYTES_MAX {
            return Err(wrong("is too long"));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("does not begin with https:// or http://"))?;
        let scheme = scheme.to_ascii_lowercase();
        let (_, known_port) = PORTS
            .into_iter()
            .find(|(known, _)| *known == scheme)
            .ok_or_else(|| wrong("does not begin with https:// or http://"))?;
        if text.chars().any(char::is_control) {
            return Err(wrong("has a control character in it"));
        }
        let (authority, rest) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
        let authority = read_authority(authority, known_port).map_err(wrong)?;
        let (rest, fragment) = rest.split_once('#').map_or((rest, None), |(rest, fragment)| (rest, Some(fragment)));
        let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
        Ok(Self::of(&scheme, &authority, path, query, fragment))
    }

    /// What `reference` means on the page at this URL: RFC 3986, section 5.
    ///
    /// # Errors
    /// That it is of another scheme, or no URL.
    pub fn join(&self, reference: &str) -> Result<Self, BadUrl> {
        let reference = reference.trim_matches([' ', '\t', '\n', '\r']);
        if has_scheme(reference) {
            return Self::parse(reference);
        }
        let path = self.path();
        let joined = match reference.chars().next() {
            _ if reference.starts_with("//") => return Self::parse(&format!("{}:{reference}", self.scheme())),
            None => format!("{}{}", self.origin(), self.path_and_query()),
            Some('/') => format!("{}{reference}", self.origin()),
            Some('?') => format!("{}{path}{reference}", self.origin()),
            Some('#') => format!("{}{}{reference}", self.origin(), self.path_and_query()),
            Some(_) => {
                let folder = path.rfind('/').map_or("/", |slash| &path[..=slash]);
                format!("{}{folder}{reference}", self.origin())
            }
        };
        Self::parse(&joined)
    }

    /// With these names and values as its query.
    #[must_use]
    pub fn with_query(&self, pairs: &[(&str, &str)]) -> Self {
        let mut query = String::new();
        for (index, (name, value)) in pairs.iter().enumerate() {
            query.push_str(if index == 0 { "" } else { "&" });
            encode(&mut query, name, is_unreserved);
            query.push('=');
            encode(&mut query, value, is_unreserved);
        }
        Self::of(self.scheme(), self.authority(), self.path(), Some(&query), None)
    }

    /// The whole of it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        &self.text[..self.authority - "://".len()]
    }

    /// The host, and the port unless it is the scheme's own.
    pub fn authority(&self) -> &str {
        &self.text[self.authority..self.path]
    }

    /// The host without a port.
    pub fn host(&self) -> &str {
        let authority = self.authority();
        match authority.rfind(':') {
            Some(colon) if !authority[colon..].contains(']') => &authority[..colon],
            _ => authority,
        }
    }

    /// Scheme, host and port: what browsers take for one site.
    pub fn origin(&self) -> &str {
        &self.text[..self.path]
    }

    /// The path, which begins with `/`.
    pub fn path(&self) -> &str {
        let whole = self.path_and_query();
        &whole[..whole.find('?').unwrap_or(whole.len())]
    }

    /// What a server is asked for: everything but the fragment.
    pub fn path_and_query(&self) -> &str {
        &self.text[self.path..self.fragment]
    }

    fn of(scheme: &str, authority: &str, path: &str, query: Option<&str>, fragment: Option<&str>) -> Self {
        let mut text = format!("{scheme}://{authority}");
        let path_at = text.len();
        let mut encoded = String::new();
        encode(&mut encoded, path, |byte| is_kept(byte) && byte != b'?');
        push_path(&mut text, &encoded);
        if let Some(query) = query {
            text.push('?');
            encode(&mut text, query, |byte| is_kept(byte) && byte != b'\'');
        }
        let fragment_at = text.len();
        if let Some(fragment) = fragment {
            text.push('#');
            encode(&mut text, fragment, is_kept);
        }
        Self { text, authority: scheme.len() + "://".len(), path: path_at, fragment: fragment_at }
    }
}

fn read_authority(text: &str, known_port: &str) -> Result<String, &'static str> {
    if text.contains('@') {
        return Err("has a user name in it, which is not sent");
    }
    let (host, port) = match text.rfind(':') {
        Some(colon) if !text[colon..].contains(']') => (&text[..colon], Some(&text[colon + 1..])),
        _ => (text, None),
    };
    let in_brackets = host.strip_prefix('[').map(|host| host.strip_suffix(']'));
    let plain = match in_brackets {
        Some(address) => address.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok()),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
    };
    if !plain {
        return Err(match host.is_ascii() {
            true => "has no host that could be asked",
            false => "has a host that is not in ASCII: write it in its `xn--` form",
        });
    }
    let host = host.to_ascii_lowercase();
    match port.filter(|port| !port.is_empty()) {
        None => Ok(host),
        Some(port) => {
            let digits = port.bytes().all(|byte| byte.is_ascii_digit());
            let number: u16 = port.parse().ok().filter(|_| digits).ok_or("has a port that is none")?;
            let port = number.to_string();
            Ok(if port == known_port { host } else { format!("{host}:{port}") })
        }
    }
}

fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else { return false };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Appends a path without its dot segments: RFC 3986, section 5.2.4. Servers decode before they look for them, so encoded
/// ones are meant as well.
fn push_path(text: &mut String, path: &str) {
    let mut segments: Vec<&str> = Vec::new();
    let mut last_is_folder = true;
    for segment in path.strip_prefix('/').unwrap_or(path).split('/') {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        last_is_folder = matches!(plain.as_str(), "." | "..");
        match plain.as_str() {
            "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    for segment in &segments {
        text.push('/');
        text.push_str(segment);
    }
    if last_is_folder || segments.is_empty() {
        text.push('/');
    }
}

fn encode(into: &mut String, text: &str, keep: impl Fn(u8) -> bool) {
    for byte in text.bytes() {
        if keep(byte) {
            into.push(char::from(byte));
        } else {
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// What stays as it is in a path, a query or a fragment. A `%` may be somebody's encoding.
fn is_kept(byte: u8) -> bool {
    byte.is_ascii_graphic() && !br##""#<>\^`{|}"##.contains(&byte)
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for BadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown: String = self.text.chars().take(200).collect();
        if shown.len() < self.text.len() {
            shown.push('…');
        }
        write!(f, "`{}` {}", shown.escape_debug(), self.reason)
    }
}

impl std::error::Error for BadUrl {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        Url::parse(text).unwrap().to_string()
    }

    #[test]
    fn urls_are_written_in_one_way() {
        for (text, expected) in [
            ("http://A.example", "http://a.example/"),
            ("http://a.example:80?q", "http://a.example/?q"),
            ("http://a.example:0443/", "http://a.example:443/"),
            ("https://a.example:/x/", "https://a.example/x/"),
            ("http://[::1]:8080/a//b", "http://[::1]:8080/a//b"),
            ("http://a.example/%2e%2E/x/.", "http://a.example/x/"),
            ("http://a.example/../../x", "http://a.example/x"),
            ("http://a.example/a/..", "http://a.example/"),
            ("http://a.example/\u{e4} \"<>", "http://a.example/%C3%A4%20%22%3C%3E"),
            ("http://a.example/100%/%41", "http://a.example/100%/%41"),
            ("http://a.example\\@evil.example/", "http://a.example/%5C@evil.example/"),
        ] {
            assert_eq!(parsed(text), expected, "{text}");
            assert_eq!(parsed(expected), expected);
        }
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        for text in [
            "example.com",
            "ftp://a/",
            "javascript:alert(1)",
            "http:/a",
            "http://",
            "http:///a",
            "http://u@a/",
            "http://u:p@a/",
            "http://a b/",
            "http://a%2fb/",
            "http://a:99999/",
            "http://a:+80/",
            "http://a:8x/",
            "http://[::1/",
            "http://[v1.x]/",
            "http://::1/",
            "http://a\n.example/",
            "http://a/\r\nHost: b",
            "http://\u{e4}.example/",
            "https://a\u{0}/",
        ] {
            let wrong = Url::parse(text).unwrap_err();
            assert!(!wrong.to_string().contains('\n'), "{wrong}");
        }
        assert!(Url::parse(&format!("http://a/{}", "x".repeat(9000))).unwrap_err().to_string().len() < 300);
    }

    #[test]
    fn references_are_resolved_as_rfc_3986_has_it() {
        let base = Url::parse("http://a/b/c/d;p?q").unwrap();
        for (reference, expected) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q#s"),
            ("g#s", "http://a/b/c/g#s"),
            ("g?y#s", "http://a/b/c/g?y#s"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/./x", "http://a/b/c/g?y/./x"),
            ("https://h/", "https://h/"),
        ] {
            assert_eq!(base.join(reference).unwrap().as_str(), expected, "{reference}");
        }
        for reference in ["mailto:a@b", "javascript:x", "data:,x", "//u@h/", "http:g"] {
            assert!(base.join(reference).is_err(), "{reference}");
        }
    }

    #[test]
    fn parts_can_be_had() {
        let url = Url::parse("http://[::1]:81/a/b?c#d").unwrap();
        assert_eq!((url.scheme(), url.authority(), url.host()), ("http", "[::1]:81", "[::1]"));
        assert_eq!((url.origin(), url.path(), url.path_and_query()), ("http://[::1]:81", "/a/b", "/a/b?c"));
        assert_eq!(Url::parse("http://a.example:81/").unwrap().host(), "a.example");
    }
}
