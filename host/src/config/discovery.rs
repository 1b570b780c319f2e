//! What is told of this server to those who look for servers: parts of `[server]`, and which tenants are public.

use super::ConfigError;

/// Texts of a card have bounds (its schema, `ServerCard`).
const NAME_CHARS_MAX: usize = 200;
const DESCRIPTION_CHARS_MAX: usize = 100;

/// What a card says where the operator says nothing.
const DESCRIPTION: &str = "Tools for AI agents, each in a sandbox of its own.";

/// How others find this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// `namespace/name`, where the namespace is a domain in reverse. `None`: made of the public URL.
    pub card_name: Option<String>,
    pub description: String,
}

impl Default for Discovery {
    fn default() -> Self {
        Self { card_name: None, description: DESCRIPTION.to_owned() }
    }
}

impl Discovery {
    pub(super) fn new(card_name: Option<String>, description: Option<String>) -> Result<Self, ConfigError> {
        let wrong = |reason: String| ConfigError::new(format!("[server] {reason}"));
        if let Some(name) = card_name.as_deref().filter(|name| !is_card_name(name)) {
            let reason = "must be a domain in reverse and a name, such as `com.example/tools`";
            return Err(wrong(format!("card_name: `{name}` {reason}")));
        }
        let description = description.unwrap_or_else(|| DESCRIPTION.to_owned());
        let chars = description.chars().count();
        if !(1..=DESCRIPTION_CHARS_MAX).contains(&chars) {
            return Err(wrong(format!("description: has {chars} characters; use 1 to {DESCRIPTION_CHARS_MAX}")));
        }
        Ok(Self { card_name, description })
    }
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

    #[test]
    fn a_card_has_a_name_and_a_short_description() {
        for good in ["com.example/tools", "localhost/t", "com.example-1/a.b_c-d"] {
            assert!(is_card_name(good), "{good} was refused");
        }
        for wrong in ["tools", "com.example/", "/tools", "com..example/a", "com.example/a/b", "com.ex ample/a"] {
            assert!(!is_card_name(wrong), "{wrong} was taken");
        }
        let long = Discovery::new(None, Some("x".repeat(101))).unwrap_err().to_string();
        assert!(long.contains("has 101 characters"), "{long}");
    }
}
