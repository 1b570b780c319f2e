//! What is told of this server to those who look for servers: parts of `[server]`, and which tenants are public.

use url::Url;

use super::ConfigError;

/// Texts of a card have bounds (its schema, `ServerCard`).
const NAME_CHARS_MAX: usize = 200;
const DESCRIPTION_CHARS_MAX: usize = 100;

/// What a card says where the operator says nothing.
const DESCRIPTION: &str = "Tools for AI agents, each in a sandbox of its own.";

/// How others find this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// Where clients reach it, without a `/` at the end. `None`: only this machine's own address is known.
    pub public_url: Option<String>,
    /// `namespace/name`, where the namespace is a domain in reverse. `None`: made of the public URL.
    pub card_name: Option<String>,
    pub description: String,
}

impl Default for Discovery {
    fn default() -> Self {
        Self { public_url: None, card_name: None, description: DESCRIPTION.to_owned() }
    }
}

impl Discovery {
    pub(super) fn new(
        public_url: Option<String>,
        card_name: Option<String>,
        description: Option<String>,
    ) -> Result<Self, ConfigError> {
        let wrong = |reason: String| ConfigError::new(format!("[server] {reason}"));
        let public_url = public_url.map(|url| checked_url(&url)).transpose().map_err(wrong)?;
        if let Some(name) = card_name.as_deref().filter(|name| !is_card_name(name)) {
            let reason = "must be a domain in reverse and a name, such as `com.example/tools`";
            return Err(wrong(format!("card_name: `{name}` {reason}")));
        }
        let description = description.unwrap_or_else(|| DESCRIPTION.to_owned());
        let chars = description.chars().count();
        if !(1..=DESCRIPTION_CHARS_MAX).contains(&chars) {
            return Err(wrong(format!("description: has {chars} characters; use 1 to {DESCRIPTION_CHARS_MAX}")));
        }
        Ok(Self { public_url, card_name, description })
    }
}

fn checked_url(text: &str) -> Result<String, String> {
    let wrong = |what: &str| format!("public_url: `{text}` {what}; write it as `https://tools.example.com`");
    let url = Url::parse(text).map_err(|error| wrong(&format!("is no URL ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("must begin with https:// or http://"));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must have no query, fragment or user"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// As the card's schema has it: `^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$`, and a domain has a dot.
fn is_card_name(name: &str) -> bool {
    let legal = |text: &str, more: &[char]| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(&c))
    };
    let Some((namespace, own)) = name.split_once('/') else { return false };
    name.len() <= NAME_CHARS_MAX
        && legal(namespace, &['.', '-'])
        && namespace.split('.').all(|label| !label.is_empty())
        && legal(own, &['.', '_', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<Option<String>, String> {
        Discovery::new(Some(text.into()), None, None).map(|made| made.public_url).map_err(|error| error.to_string())
    }

    #[test]
    fn a_public_url_is_a_place_and_nothing_more() {
        assert_eq!(url("https://Tools.Example.com/").unwrap().as_deref(), Some("https://tools.example.com"));
        assert_eq!(url("https://example.com/tools/").unwrap().as_deref(), Some("https://example.com/tools"));
        for wrong in ["tools.example.com", "ftp://example.com", "https://a@example.com", "https://example.com/?x", "x"]
        {
            assert!(url(wrong).unwrap_err().contains("write it as"), "{wrong} was taken");
        }
    }

    #[test]
    fn a_card_has_a_name_and_a_short_description() {
        for good in ["com.example/tools", "localhost/t", "com.example-1/a.b_c-d"] {
            assert!(is_card_name(good), "{good} was refused");
        }
        for wrong in ["tools", "com.example/", "/tools", "com..example/a", "com.example/a/b", "com.ex ample/a"] {
            assert!(!is_card_name(wrong), "{wrong} was taken");
        }
        let long = Discovery::new(None, None, Some("x".repeat(101))).unwrap_err().to_string();
        assert!(long.contains("has 101 characters"), "{long}");
    }
}
