//! The names things go by, each a type of its own: parsed once at the edge, then trusted.

use std::{fmt, sync::LazyLock, sync::atomic::AtomicU64, sync::atomic::Ordering};

use sha2::{Digest as _, Sha256};

/// The longest name that model APIs accept for a tool.
pub const NAME_CHARS_MAX: usize = 64;

/// What [`check_name`] takes, as a regular expression.
pub(crate) const NAME_PATTERN: &str = "^[A-Za-z0-9_-]{1,64}$";

/// Why a name was refused, as a clause: "`a b` may hold only …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a legal name: use 1 to {NAME_CHARS_MAX} letters, digits, `_` and `-`")]
pub struct IllegalName {
    name: String,
}

pub(crate) fn check_name(name: &str) -> Result<std::sync::Arc<str>, IllegalName> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(legal) {
        // Cut and in one line, because the name may be a stranger's and end in a log.
        let shown = name.chars().take(80).map(|c| if c.is_control() { '\u{fffd}' } else { c });
        return Err(IllegalName { name: shown.collect() });
    }
    Ok(name.into())
}

/// Makes a type of names that are what [`check_name`] takes. Cheap to clone.
macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::ids::IllegalName;

            fn from_str(name: &str) -> Result<Self, $crate::ids::IllegalName> {
                $crate::ids::check_name(name).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
                output.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $crate::ids::NAME_PATTERN })
            }
        }
    };
}
pub(crate) use name_type;

name_type!(
    /// A plugin's name: the name of its file without `.wasm`.
    PluginId
);
name_type!(
    /// A tool's public name: the plugin's prefix and the tool's own name.
    ToolName
);
name_type!(
    /// A prompt's public name, made like a tool's.
    PromptName
);
name_type!(
    /// Who owns plugins, grants and quotas.
    TenantId
);

name_type!(
    /// One process that serves, for as long as it lives.
    HostId
);

impl HostId {
    /// An id that no other process has.
    pub fn random() -> std::io::Result<Self> {
        Ok(Self(hex(&crate::seal::random::<8>()?).into()))
    }
}

impl Default for TenantId {
    fn default() -> Self {
        Self("default".into())
    }
}

/// The SHA-256 of a component's bytes: a plugin's identity. Written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The 64 hexadecimal digits alone, as a file name wants them.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

/// Why a text is no digest, as a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not `sha256:` and 64 hexadecimal digits in lower case")]
pub struct IllegalDigest;

impl std::str::FromStr for Digest {
    type Err = IllegalDigest;

    fn from_str(text: &str) -> Result<Self, IllegalDigest> {
        let digits = text.strip_prefix("sha256:").map(str::as_bytes).filter(|digits| digits.len() == 64);
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.ok_or(IllegalDigest)?.chunks(2)) {
            let digit = |c: u8| match c {
                b'0'..=b'9' => Ok(c - b'0'),
                b'a'..=b'f' => Ok(c - b'a' + 10),
                _ => Err(IllegalDigest),
            };
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text: String = serde::Deserialize::deserialize(input)?;
        text.parse().map_err(|reason| serde::de::Error::custom(format!("`{text}` {reason}")))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A key that no other call on any host has: 64 random bits for this process, then a count.
pub fn idempotency_key() -> String {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| {
        use std::hash::{BuildHasher, RandomState};
        // The standard library seeds this from the operating system; it need be unique, not secret.
        RandomState::new().hash_one(std::process::id())
    });
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut key = [0; 16];
    key[..8].copy_from_slice(&PROCESS.to_be_bytes());
    key[8..].copy_from_slice(&count.to_be_bytes());
    hex(&key)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_model_apis_accept() {
        for good in ["time", "time_now", "a-b-9", &"x".repeat(64)] {
            assert_eq!(good.parse::<ToolName>().unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a.b", "tür", "a/b", "..", &"x".repeat(65)] {
            assert!(bad.parse::<ToolName>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_digest_reads_like_sha256sum() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").to_string(), empty);
        assert_eq!(empty.parse(), Ok(Digest::of(b"")));
        for wrong in ["", "sha256:", &empty[7..], &empty[..70], &empty.to_uppercase(), &format!("{empty}0")] {
            assert_eq!(wrong.parse::<Digest>(), Err(IllegalDigest), "{wrong}");
        }
    }

    #[test]
    fn idempotency_keys_differ() {
        assert_ne!(idempotency_key(), idempotency_key());
        assert_eq!(idempotency_key().len(), 32);
    }
}
