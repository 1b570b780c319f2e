//! `[admin]`: the operator's own listener.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{ConfigError, SecretName, Secrets};

/// `[admin]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenAdmin {
    /// Address and port of health, metrics and the admin page, such as `127.0.0.1:9090`; the same as `admin_listen`.
    #[serde(deserialize_with = "address")]
    pub listen: Option<SocketAddr>,
    /// A file that holds the key.
    pub key_file: Option<PathBuf>,
    /// The name of the secret that is the key.
    pub key: Option<SecretName>,
    /// Names under which browsers reach it, beside `localhost` and addresses, such as `toolyard.internal`.
    pub hosts: Vec<String>,
    /// Whether metrics are given only to those who have the key.
    pub metrics_need_key: bool,
}

/// An address and port: serde's own words for what is none do not say what would be one.
pub(super) fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = || D::Error::custom(format!("`{text}` must be an address and a port, such as 127.0.0.1:9090"));
    text.parse().map(Some).map_err(|_| wrong())
}

/// The operator's own listener, as far as it is more than an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AdminSettings {
    pub key: KeyPlace,
    /// In lower case, without a port.
    pub hosts: Vec<String>,
    pub metrics_need_key: bool,
}

/// Where the key is that opens the API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum KeyPlace {
    /// In the state folder, made if it is not there. Without a state folder there is none, and no API.
    #[default]
    State,
    File(PathBuf),
    Secret(SecretName),
}

impl WrittenAdmin {
    /// The address, whichever way it was written, and the rest.
    pub(super) fn usable(
        self,
        admin_listen: Option<SocketAddr>,
        secrets: &Secrets,
        base: &Path,
    ) -> Result<(Option<SocketAddr>, AdminSettings), ConfigError> {
        let wrong = |reason: String| Err(ConfigError::new(format!("[admin] {reason}")));
        if let (Some(one), Some(other)) = (self.listen, admin_listen)
            && one != other
        {
            return wrong(format!(
                "`listen` is {one}, and `admin_listen` is {other}: they are the same; leave one out"
            ));
        }
        let key = match (self.key_file, self.key) {
            (None, None) => KeyPlace::State,
            (Some(file), None) => KeyPlace::File(base.join(file)),
            (None, Some(name)) if secrets.knows(&name) => KeyPlace::Secret(name),
            (None, Some(name)) => return wrong(format!("key: there is no secret `{name}`; add [secret.{name}]")),
            (Some(_), Some(_)) => return wrong("give either `key_file` or `key`".into()),
        };
        if let Some(bad) = self.hosts.iter().find(|host| host.is_empty() || host.contains(['/', ':', ' '])) {
            return wrong(format!("hosts: `{bad}` must be a host's name alone, such as `toolyard.internal`"));
        }
        let hosts = self.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Ok((self.listen.or(admin_listen), AdminSettings { key, hosts, metrics_need_key: self.metrics_need_key }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Written};

    fn usable(text: &str) -> Result<Config, String> {
        let written = Written::parse(text).map_err(|error| error.to_string())?;
        written.usable(Path::new("/etc/toolyard")).map_err(|error| error.to_string())
    }

    #[test]
    fn the_address_may_stand_in_either_place() {
        let address: SocketAddr = "127.0.0.1:9090".parse().unwrap();
        for text in ["admin_listen = '127.0.0.1:9090'", "[admin]\nlisten = '127.0.0.1:9090'"] {
            let config = usable(text).unwrap();
            assert_eq!((config.admin_listen, config.admin.key), (Some(address), KeyPlace::State));
        }
        let both = "admin_listen = '127.0.0.1:9090'\n[admin]\nlisten = '127.0.0.1:9091'";
        assert!(usable(both).unwrap_err().contains("leave one out"));
    }

    #[test]
    fn the_key_is_in_one_place() {
        let file = usable("[admin]\nkey_file = 'admin.key'").unwrap();
        assert_eq!(file.admin.key, KeyPlace::File("/etc/toolyard/admin.key".into()));
        let secret = usable("[secret.a]\nenv = 'A'\n[admin]\nkey = 'a'").unwrap();
        assert_eq!(secret.admin.key, KeyPlace::Secret("a".parse().unwrap()));
        assert!(usable("[admin]\nkey = 'a'").unwrap_err().contains("add [secret.a]"));
        let both = "[secret.a]\nenv = 'A'\n[admin]\nkey = 'a'\nkey_file = 'b'";
        assert!(usable(both).unwrap_err().contains("either"));
        assert!(usable("[admin]\nlisten = '9090'").unwrap_err().contains("such as 127.0.0.1:9090"));
        assert!(usable("[admin]\nhosts = ['http://x']").unwrap_err().contains("name alone"));
    }
}
