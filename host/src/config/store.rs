//! Where the store is that several hosts share: a URL, and what else it takes to reach it.
//!
//! The URL is Redis' own for one server (`redis://[USER@]HOST[:PORT][/DB]`). Where there are several, the scheme says how they
//! belong together, as `git+ssh` does, and hosts stand one after the other, which clients of other databases do as well:
//!
//! - `redis+sentinel://HOST[:PORT],…/NAME[/DB]`: sentinels, and the name under which they watch the servers;
//! - `redis+cluster://HOST[:PORT],…`: some nodes of a cluster, which know the others.
//!
//! With `rediss` in place of `redis`, all connections are encrypted.

use std::{fmt, path::PathBuf, str::FromStr};

use super::{ConfigError, SecretName, Secrets};

const PORT: u16 = 6379;

const SENTINEL_PORT: u16 = 26379;

/// Redis Cluster Specification: hash tags stand between braces, and these names come before them.
const PREFIX_CHARS_MAX: usize = 64;

pub(super) const DEFAULT_PREFIX: &str = "toolyard";

/// The store that hosts share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedStore {
    pub url: StoreUrl,
    pub password: Option<SecretName>,
    /// The sentinels', if they ask for one.
    pub sentinel_password: Option<SecretName>,
    /// In front of all keys, so that several installations can share a server.
    pub prefix: String,
    /// Certificates to trust instead of the system's, in PEM.
    pub ca_files: Vec<PathBuf>,
}

/// Which servers those are. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUrl {
    pub form: StoreForm,
    pub tls: bool,
    pub user: Option<String>,
    /// Host and port. At least one.
    pub addresses: Vec<(String, u16)>,
    pub database: u16,
}

/// How the servers belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreForm {
    One,
    /// The addresses are those of sentinels, who know where the server of that name is.
    Sentinel(String),
    /// The addresses are those of some nodes, who know the others.
    Cluster,
}

/// What of it stands in the configuration beside the URL.
pub(super) struct Access {
    pub(super) password: Option<SecretName>,
    pub(super) sentinel_password: Option<SecretName>,
    pub(super) prefix: Option<String>,
    pub(super) ca_files: Vec<PathBuf>,
}

impl SharedStore {
    pub(super) fn new(url: Option<&str>, access: Access, secrets: &Secrets) -> Result<Option<Self>, ConfigError> {
        let Access { password, sentinel_password, prefix, ca_files } = access;
        let Some(url) = url else {
            let given = password.is_some() || sentinel_password.is_some() || prefix.is_some() || !ca_files.is_empty();
            return match given {
                true => Err(ConfigError::new("the other `store_…` keys say something only with `store`; add it")),
                false => Ok(None),
            };
        };
        let url: StoreUrl = url.parse().map_err(|reason| ConfigError::new(format!("`store`: {reason}")))?;
        if sentinel_password.is_some() && !matches!(url.form, StoreForm::Sentinel(_)) {
            return Err(ConfigError::new("`store_sentinel_password`: `store` names no sentinels"));
        }
        if let Some(unknown) = [&password, &sentinel_password].into_iter().flatten().find(|name| !secrets.knows(name)) {
            return Err(ConfigError::new(format!(
                "there is no secret `{unknown}` for the store; add [secret.{unknown}]"
            )));
        }
        if !url.tls && !ca_files.is_empty() {
            return Err(ConfigError::new("`store_ca_files`: `store` is not encrypted; write `rediss` for `redis`"));
        }
        let prefix = prefix.unwrap_or_else(|| DEFAULT_PREFIX.into());
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/');
        if prefix.is_empty() || prefix.len() > PREFIX_CHARS_MAX || !prefix.chars().all(is_plain) {
            return Err(ConfigError::new(format!(
                "`store_prefix` must be 1 to {PREFIX_CHARS_MAX} letters, digits and `-_.:/`"
            )));
        }
        Ok(Some(Self { url, password, sentinel_password, prefix, ca_files }))
    }
}

impl FromStr for StoreUrl {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let form = "it must be redis://HOST[:PORT][/DB], redis+sentinel://HOST[:PORT],…/NAME[/DB] or \
                    redis+cluster://HOST[:PORT],… (`rediss` for TLS)";
        let (scheme, rest) = url.split_once("://").ok_or(form)?;
        let (family, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        let tls = match family {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(form.into()),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, authority),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return Err("a password has no place in it: name a secret in `store_password`, and say with \
                        [secret.NAME] where that is"
                .into());
        }
        let (form, database) = match (kind, path.split_once('/').unwrap_or((path, ""))) {
            ("", (database, "")) => (StoreForm::One, database),
            ("sentinel", (name, database)) if !name.is_empty() => (StoreForm::Sentinel(name.into()), database),
            ("cluster", ("", "")) => (StoreForm::Cluster, ""),
            _ => return Err(form.into()),
        };
        let port = if matches!(form, StoreForm::Sentinel(_)) { SENTINEL_PORT } else { PORT };
        let addresses: Vec<_> = hosts.split(',').map(|host| address(host, port)).collect::<Result<_, _>>()?;
        if form == StoreForm::One && addresses.len() > 1 {
            return Err(
                "it names several hosts; write redis+sentinel:// or redis+cluster:// to say what they are".into()
            );
        }
        let database = match database {
            "" => 0,
            number => number.parse().map_err(|_| format!("`{number}` is not the number of a database"))?,
        };
        let user = user.filter(|user| !user.is_empty()).map(str::to_owned);
        Ok(Self { form, tls, user, addresses, database })
    }
}

/// `HOST[:PORT]`; an IPv6 address in brackets.
fn address(text: &str, default: u16) -> Result<(String, u16), String> {
    let wrong = || format!("`{text}` is not a host, or a host and a port");
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(wrong)?;
            (host, port.strip_prefix(':').or_else(|| port.is_empty().then_some("")).ok_or_else(wrong)?)
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || "/?#@".contains(c)) {
        return Err(wrong());
    }
    let port = if port.is_empty() { default } else { port.parse().map_err(|_| wrong())? };
    Ok((host.to_owned(), port))
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.tls { "rediss" } else { "redis" })?;
        f.write_str(match self.form {
            StoreForm::One => "",
            StoreForm::Sentinel(_) => "+sentinel",
            StoreForm::Cluster => "+cluster",
        })?;
        f.write_str("://")?;
        for (at, (host, port)) in self.addresses.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            if host.contains(':') { write!(f, "{comma}[{host}]:{port}")? } else { write!(f, "{comma}{host}:{port}")? }
        }
        match &self.form {
            StoreForm::Sentinel(name) => write!(f, "/{name}"),
            StoreForm::One | StoreForm::Cluster => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: &str) {
        let shown = match url.parse::<StoreUrl>() {
            Ok(url) => format!("{url} user={:?} db={}", url.user.as_deref().unwrap_or(""), url.database),
            Err(reason) => reason,
        };
        assert!(shown.contains(expected), "{url}: {shown}");
    }

    #[test]
    fn urls() {
        check("redis://cache", "redis://cache:6379 user=\"\" db=0");
        check("redis://cache:7000/3", "redis://cache:7000 user=\"\" db=3");
        check("rediss://toolyard@cache.example/", "rediss://cache.example:6379 user=\"toolyard\" db=0");
        check("valkeys://cache", "rediss://cache:6379 ");
        check("redis://[::1]:7000", "redis://[::1]:7000 ");
        check("redis://[::1]", "redis://[::1]:6379 ");
        check("redis+sentinel://a,b:1,c/main", "redis+sentinel://a:26379,b:1,c:26379/main user=\"\" db=0");
        check("rediss+sentinel://u@a/main/2", "rediss+sentinel://a:26379/main user=\"u\" db=2");
        check("redis+cluster://a,b:1", "redis+cluster://a:6379,b:1 user=\"\" db=0");
    }

    #[test]
    fn what_is_no_url() {
        for url in
            ["", "redis", "http://a", "redis+cluster://a/1", "redis+sentinel://a", "redis+x://a", "redis://a/1/2"]
        {
            check(url, "it must be redis://HOST");
        }
        for url in [
            "redis://",
            "redis://:1",
            "redis://a:x",
            "redis://a:70000",
            "redis://a b",
            "redis://[::1",
            "redis://[::1]x",
        ] {
            check(url, "is not a host");
        }
        check("redis://a/x", "`x` is not the number of a database");
        check("redis://a,b", "several hosts");
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        for url in ["redis://:hunter2@a", "redis://user:hunter2@a", "redis+cluster://user:hunter2@a,b"] {
            let reason = url.parse::<StoreUrl>().unwrap_err();
            assert!(reason.contains("store_password") && !reason.contains("hunter2"), "{reason}");
        }
    }
}
