//! Where components come from, and what must be true of them: `[supply]`, `[registry."HOST"]`, and the part of `[plugin.NAME]`
//! that says the same of one plugin.

use std::{
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, SecretName, Secrets};
use crate::ids::Digest;

/// The lock file's usual name, beside the configuration.
const LOCK_FILE: &str = "toolyard.lock";

/// How often a tag is looked up again. A registry that counts requests allows some hundred in some hours.
const POLL: Duration = Duration::from_secs(300);

/// The distribution specification ("Pulling manifests"): a tag has at most so many characters.
const TAG_CHARS_MAX: usize = 128;

/// Registries take names up to so many characters, host included (the same place).
const REPOSITORY_CHARS_MAX: usize = 255;

/// What must be true of all components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supply {
    /// Public keys of which one must have signed, where signatures are wanted. PEM.
    pub keys: Vec<PathBuf>,
    /// Whether each component must be signed.
    pub require_signatures: bool,
    /// Whether only what is in the lock file is served.
    pub locked: bool,
    pub lock_file: PathBuf,
    /// Whether a plugin that describes itself otherwise under the same version is held back. `None`: where there is a lock file.
    pub hold_changes: Option<bool>,
    /// How often tags are looked up again.
    pub poll: Duration,
    /// By `HOST` or `HOST:PORT`.
    pub registries: BTreeMap<String, Registry>,
}

/// How one registry is spoken to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    /// Whom to say that this is, and the secret that proves it.
    pub login: Option<(String, SecretName)>,
    /// Whether it is spoken to without encryption.
    pub plain_http: bool,
    /// Certificates to trust beside the system's, in PEM.
    pub ca_files: Vec<PathBuf>,
}

/// What is said of one plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginSupply {
    /// `None`: a file in the plugin folder.
    pub source: Option<Source>,
    /// Public keys of which one must have signed it. Empty: what holds for all.
    pub signed_by: Vec<PathBuf>,
    /// Whether it may describe itself otherwise under the same version.
    pub allow_changes: bool,
}

/// Where a component is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    File(PathBuf),
    Oci(Reference),
}

/// An artifact in a registry: `HOST[:PORT]/NAME[:TAG][@sha256:DIGEST]`, with a tag or a digest or both. Where there are both, the
/// digest says what it is and the tag only what that is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    pub registry: String,
    pub repository: String,
    pub tag: Option<String>,
    pub digest: Option<Digest>,
}

/// `[supply]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenSupply {
    /// Public keys in PEM, of which one must have signed.
    pub keys: Vec<PathBuf>,
    /// Whether each component must be signed by one of `keys`.
    pub require_signatures: bool,
    /// Whether only what is in the lock file is served.
    pub locked: bool,
    /// The lock file; `toolyard.lock` beside the configuration.
    pub lock_file: Option<PathBuf>,
    /// Whether a plugin that describes itself otherwise under the same version is held back; yes where there is a lock file.
    pub hold_changes: Option<bool>,
    /// Seconds between two looks at a tag.
    pub poll_s: Option<u64>,
}

/// `[registry."HOST:PORT"]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenRegistry {
    /// Who the host says it is; without, it says nothing.
    pub username: Option<String>,
    /// The name of a secret.
    pub password_secret: Option<SecretName>,
    /// Whether it is spoken to without encryption.
    pub plain_http: bool,
    /// Certificates to trust beside the system's, in PEM.
    pub ca_files: Vec<PathBuf>,
}

impl Default for Supply {
    fn default() -> Self {
        let nothing = (WrittenSupply::default(), BTreeMap::new());
        Self::new(nothing.0, nothing.1, Path::new("."), &Secrets::default()).expect("nothing said is nothing wrong")
    }
}

impl Supply {
    /// Checks what was written. `base` is the folder that relative paths start from.
    pub(super) fn new(
        written: WrittenSupply,
        registries: BTreeMap<String, WrittenRegistry>,
        base: &Path,
        secrets: &Secrets,
    ) -> Result<Self, ConfigError> {
        let WrittenSupply { keys, require_signatures, locked, lock_file, hold_changes, poll_s } = written;
        if require_signatures && keys.is_empty() {
            let reason = "[supply] `require_signatures` says nothing without `keys`: name the public keys to trust";
            return Err(ConfigError::new(reason));
        }
        if poll_s == Some(0) {
            return Err(ConfigError::new("[supply] `poll_s` must be 1 or more"));
        }
        let mut checked = BTreeMap::new();
        for (name, registry) in registries {
            let registry = registry
                .usable(&name, base, secrets)
                .map_err(|error| error.within(&format!("[registry.\"{name}\"]")))?;
            checked.insert(name, registry);
        }
        Ok(Self {
            keys: keys.iter().map(|key| base.join(key)).collect(),
            require_signatures,
            locked,
            lock_file: base.join(lock_file.unwrap_or_else(|| LOCK_FILE.into())),
            hold_changes,
            poll: poll_s.map_or(POLL, Duration::from_secs),
            registries: checked,
        })
    }

    /// The same, with nothing held back and nothing locked: for those who change a plugin all day.
    pub fn for_development(self) -> Self {
        Self { locked: false, hold_changes: Some(false), ..self }
    }
}

impl WrittenRegistry {
    fn usable(self, name: &str, base: &Path, secrets: &Secrets) -> Result<Registry, ConfigError> {
        check_host(name).map_err(ConfigError::new)?;
        let login = match (self.username, self.password_secret) {
            (Some(username), Some(secret)) => Some((username, secret)),
            (None, None) => None,
            _ => return Err(ConfigError::new("`username` and `password_secret` belong together: give both or none")),
        };
        if let Some((_, unknown)) = login.as_ref().filter(|(_, secret)| !secrets.knows(secret)) {
            return Err(ConfigError::new(format!("there is no secret `{unknown}`; add [secret.{unknown}]")));
        }
        if self.plain_http && login.is_some() && !is_loopback(name) {
            let reason =
                "`plain_http` would send the password unencrypted to another machine; take one of the two away";
            return Err(ConfigError::new(reason));
        }
        let ca_files = self.ca_files.iter().map(|file| base.join(file)).collect();
        Ok(Registry { login, plain_http: self.plain_http, ca_files })
    }
}

impl PluginSupply {
    pub(super) fn new(
        source: Option<&str>,
        signed_by: &[PathBuf],
        allow_changes: bool,
        base: &Path,
    ) -> Result<Self, ConfigError> {
        let source = source.map(|text| Source::parse(text, base)).transpose();
        let source = source.map_err(|reason| ConfigError::new(format!("source: {reason}")))?;
        let signed_by = signed_by.iter().map(|key| base.join(key)).collect();
        Ok(Self { source, signed_by, allow_changes })
    }
}

impl Source {
    fn parse(text: &str, base: &Path) -> Result<Self, String> {
        if let Some(reference) = text.strip_prefix("oci://") {
            return reference.parse().map(Self::Oci);
        }
        if text.is_empty() || text.contains("://") {
            return Err(format!("`{text}` is neither oci://HOST/NAME:TAG, oci://HOST/NAME@sha256:DIGEST nor a path"));
        }
        Ok(Self::File(base.join(text)))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Oci(reference) => write!(f, "oci://{reference}"),
        }
    }
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (registry, rest) =
            text.split_once('/').ok_or_else(|| format!("`{text}` names no registry: HOST/NAME:TAG"))?;
        check_host(registry)?;
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => {
                (rest, Some(digest.parse().map_err(|_| format!("`{digest}` is no sha256: digest"))?))
            }
            None => (rest, None),
        };
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        if repository.len() > REPOSITORY_CHARS_MAX || !repository.split('/').all(is_component) {
            return Err(format!("`{repository}` is no repository's name: lower case letters, digits and `/._-`"));
        }
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(format!("`{tag}` is no tag: up to {TAG_CHARS_MAX} letters, digits and `._-`"));
        }
        if tag.is_none() && digest.is_none() {
            return Err(format!("`{text}` does not say which: add :TAG or @sha256:DIGEST"));
        }
        Ok(Self { registry: registry.into(), repository: repository.into(), tag: tag.map(str::to_owned), digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Whether a registry of that name is on this machine.
pub fn is_loopback(registry: &str) -> bool {
    let host = host_of(registry);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The host without its port, and without the brackets of an IPv6 address.
fn host_of(registry: &str) -> &str {
    match registry.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => registry.rsplit_once(':').map_or(registry, |(host, _)| host),
    }
}

/// `HOST`, `HOST:PORT`, with an IPv6 address in brackets.
fn check_host(registry: &str) -> Result<(), String> {
    let port = match registry.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map(|(_, port)| port.strip_prefix(':')),
        None => Some(registry.rsplit_once(':').map(|(_, port)| port)),
    };
    let host = host_of(registry);
    let is_host = match registry.starts_with('[') {
        true => host.parse::<std::net::Ipv6Addr>().is_ok(),
        false => !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-'),
    };
    let is_port = port.is_some_and(|port| port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0)));
    if is_host && is_port { Ok(()) } else { Err(format!("`{registry}` is no registry: HOST or HOST:PORT")) }
}

/// One part of a repository's name: letters and digits, with `.`, `_`, `__` or dashes within (the distribution specification's
/// pattern).
fn is_component(part: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    part.starts_with(is_plain)
        && part.ends_with(is_plain)
        && part
            .split(is_plain)
            .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|c| c == b'-'))
}

fn is_tag(tag: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= TAG_CHARS_MAX && tag.starts_with(is_word) && tag.chars().all(|c| is_word(c) || c == '.' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn check(text: &str, expected: &str) {
        let shown = match Source::parse(text, Path::new("/base")) {
            Ok(source) => source.to_string(),
            Err(reason) => reason,
        };
        assert!(shown.contains(expected), "{text}: {shown}");
    }

    #[test]
    fn sources_read_and_show_themselves() {
        for text in [
            "oci://ghcr.io/acme/weather:1.2.0",
            "oci://localhost:5000/weather:latest",
            "oci://[::1]:5000/a/b_c/d__e/f--g:1",
            "oci://127.0.0.1:5000/a.b:v1.0-rc_2",
        ] {
            check(text, text);
        }
        check(&format!("oci://ghcr.io/acme/weather@{DIGEST}"), &format!("oci://ghcr.io/acme/weather@{DIGEST}"));
        check(&format!("oci://ghcr.io/acme/weather:1@{DIGEST}"), &format!(":1@{DIGEST}"));
        check("weather.wasm", "file:/base/weather.wasm");
        check("/elsewhere/weather.wasm", "file:/elsewhere/weather.wasm");
    }

    #[test]
    fn what_is_no_source_says_why() {
        check("oci://ghcr.io/acme/weather", "does not say which");
        check("oci://weather:1", "names no registry");
        check("oci://ghcr.io/Acme/weather:1", "is no repository's name");
        check("oci://ghcr.io/../weather:1", "is no repository's name");
        check("oci://ghcr.io/a//b:1", "is no repository's name");
        check("oci://ghcr.io/a._b:1", "is no repository's name");
        check("oci://ghcr.io/:1", "is no repository's name");
        check("oci://ghcr.io/a:", "is no tag");
        check("oci://ghcr.io/a:b/c", "is no tag");
        check("oci://ghcr.io/a@sha256:12", "is no sha256: digest");
        check("oci://user:pw@ghcr.io/a:1", "is no registry");
        check("oci://ghcr.io:0/a:1", "is no registry");
        check("oci://[::1/a:1", "is no registry");
        check("https://ghcr.io/a:1", "is neither oci://");
        check("", "is neither oci://");
        check("file:///etc/passwd", "is neither oci://");
    }

    fn registry(name: &str, written: WrittenRegistry) -> String {
        let secrets = crate::config::Secrets::default();
        let registries = [(name.to_owned(), written)].into();
        let supply = Supply::new(WrittenSupply::default(), registries, Path::new("."), &secrets);
        supply.map_or_else(|error| error.to_string(), |supply| format!("{:?}", supply.registries))
    }

    #[test]
    fn registries_are_checked() {
        assert!(registry("ghcr.io", WrittenRegistry::default()).contains("login: None"));
        assert!(registry("https://ghcr.io", WrittenRegistry::default()).contains("is no registry"));
        let half = WrittenRegistry { username: Some("me".into()), ..WrittenRegistry::default() };
        assert!(registry("ghcr.io", half).contains("belong together"));
        let whole = || WrittenRegistry {
            username: Some("me".into()),
            password_secret: Some("token".parse().unwrap()),
            plain_http: true,
            ..WrittenRegistry::default()
        };
        assert!(registry("ghcr.io", whole()).contains("there is no secret `token`"));
    }

    #[test]
    fn a_password_is_not_sent_in_the_clear_to_another_machine() {
        assert!(is_loopback("localhost:5000") && is_loopback("127.0.0.1:1") && is_loopback("[::1]:5000"));
        assert!(!is_loopback("localhost.example:5000") && !is_loopback("10.0.0.1"));
    }

    #[test]
    fn what_says_nothing_is_refused() {
        let new = |written| Supply::new(written, BTreeMap::new(), Path::new("."), &Secrets::default());
        let unsigned = WrittenSupply { require_signatures: true, ..WrittenSupply::default() };
        assert!(new(unsigned).unwrap_err().to_string().contains("without `keys`"));
        let never = WrittenSupply { poll_s: Some(0), ..WrittenSupply::default() };
        assert!(new(never).unwrap_err().to_string().contains("1 or more"));
    }
}
