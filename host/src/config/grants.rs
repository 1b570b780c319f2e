//! What the operator lets a plugin touch. Nothing that does not stand here is granted.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, SecretName, pattern::UrlPattern};

/// All that one plugin may touch. The default is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Where it may send HTTP requests.
    pub http: Vec<HttpGrant>,
    /// Where it may open TCP connections.
    pub tcp: Vec<TcpGrant>,
    /// Folders of this machine that it sees.
    pub folders: Vec<FolderGrant>,
    /// Values that outlive its calls.
    pub keyvalue: Option<KeyValueGrant>,
    /// What `wasi:config` tells it.
    pub config: BTreeMap<String, String>,
    /// Secrets whose value it may read, by their key in `wasi:config`.
    pub secrets: BTreeMap<String, SecretName>,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
}

/// HTTP requests to some URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpGrant {
    pub to: UrlPattern,
    /// In upper case.
    pub methods: Vec<String>,
    /// Networks that the host's name may lead into although they are not public.
    pub networks: Vec<IpNet>,
    /// Headers that the host adds to these requests.
    pub headers: Vec<HeaderGrant>,
}

/// A header that is added to a request on its way out, so that the guest never holds what is secret in it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderGrant {
    /// The header's.
    pub name: String,
    /// The name of the secret that is its value.
    pub secret: SecretName,
    /// Stands before the secret, such as `Bearer `.
    #[serde(default)]
    pub prefix: String,
}

/// TCP connections to one host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpGrant {
    /// A name or an address, in lower case.
    pub host: String,
    pub port: u16,
    /// Networks that the name may lead into although they are not public.
    pub networks: Vec<IpNet>,
}

/// A folder of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderGrant {
    pub path: PathBuf,
    /// Where the guest sees it, such as `/data`.
    pub guest: String,
    pub write: bool,
    /// How large all that is in it may become by what guests write.
    pub bytes_max: u64,
}

/// Bounds of a plugin's key-value data.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeyValueGrant {
    /// Of all keys and values together.
    pub bytes_max: u64,
    /// How many keys there may be.
    pub keys_max: u64,
    /// Of one key.
    pub key_bytes_max: usize,
    /// Of one value.
    pub value_bytes_max: usize,
}

impl Default for KeyValueGrant {
    fn default() -> Self {
        Self { bytes_max: 16 << 20, keys_max: 10_000, key_bytes_max: 512, value_bytes_max: 1 << 20 }
    }
}

/// `[plugin.NAME.grants]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenGrants {
    /// Where it may send HTTP requests.
    pub http: Vec<WrittenHttp>,
    /// Where it may open TCP connections.
    pub tcp: Vec<WrittenTcp>,
    /// Folders of this machine that it sees.
    pub folders: Vec<WrittenFolder>,
    /// Values that outlive its calls. `{}` grants them with the usual bounds.
    pub keyvalue: Option<KeyValueGrant>,
    /// What `wasi:config` tells it.
    pub config: BTreeMap<String, String>,
    /// Names of secrets whose value it may read, by their key in `wasi:config`.
    pub secrets: BTreeMap<String, SecretName>,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
}

/// `[[plugin.NAME.grants.http]]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenHttp {
    /// Scheme, host, port and the beginning of the path: `https://api.example.com/v1/`.
    pub url: String,
    /// Default: `GET` and `HEAD`.
    pub methods: Option<Vec<String>>,
    /// Such as `10.0.0.0/8`. Default: none but what is public.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub networks: Vec<IpNet>,
    /// Headers that the host adds to these requests.
    #[serde(default)]
    pub headers: Vec<HeaderGrant>,
}

/// `[[plugin.NAME.grants.tcp]]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenTcp {
    /// A name or an address.
    pub host: String,
    /// From 1 to 65535.
    pub port: u16,
    /// Networks that the name may lead into although they are not public, such as `10.0.0.0/8`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub networks: Vec<IpNet>,
}

/// `[[plugin.NAME.grants.folders]]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenFolder {
    /// The folder on this machine.
    pub path: PathBuf,
    /// Where the guest sees it, such as `/data`.
    pub guest: String,
    /// Whether the guest may change what is in it.
    #[serde(default)]
    pub write: bool,
    /// How large all that is in it may become by what guests write. Default: 1 GiB.
    pub bytes_max: Option<u64>,
}

/// A folder that nobody set a size for.
const FOLDER_BYTES_MAX: u64 = 1 << 30;

impl WrittenGrants {
    /// Checks all of it. `base` is the folder that relative paths start from. The error begins with the part that is wrong.
    pub(super) fn usable(self, base: &Path) -> Result<Grants, ConfigError> {
        let within = |part: &'static str| move |reason: String| ConfigError::new(format!("{part}: {reason}"));
        if let Some(key) = self.secrets.keys().find(|key| self.config.contains_key(*key)) {
            return Err(ConfigError::new(format!("`{key}` stands in both `config` and `secrets`")));
        }
        let folders: Vec<FolderGrant> = all(self.folders, |folder| folder.usable(base)).map_err(within("folders"))?;
        if let Some(twice) = twice(&folders) {
            return Err(ConfigError::new(format!("folders: two of them are `{twice}` to the guest")));
        }
        Ok(Grants {
            http: all(self.http, WrittenHttp::usable).map_err(within("http"))?,
            tcp: all(self.tcp, WrittenTcp::usable).map_err(within("tcp"))?,
            folders,
            keyvalue: self.keyvalue,
            config: self.config,
            secrets: self.secrets,
            environment: self.environment,
        })
    }
}

impl Grants {
    /// The secrets that are used in any way.
    pub fn secret_names(&self) -> impl Iterator<Item = &SecretName> {
        let headers = self.http.iter().flat_map(|http| http.headers.iter().map(|header| &header.secret));
        headers.chain(self.secrets.values())
    }

    /// The same without what is secret, for who only looks.
    pub fn without_secrets(mut self) -> Self {
        self.secrets.clear();
        for http in &mut self.http {
            http.headers.clear();
        }
        self
    }
}

impl WrittenHttp {
    fn usable(self) -> Result<HttpGrant, String> {
        let Self { url, methods, networks, headers } = self;
        let to: UrlPattern = url.parse()?;
        let methods = methods.unwrap_or_else(|| vec!["GET".into(), "HEAD".into()]);
        let token =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if let Some(wrong) = methods.iter().find(|method| !token(method)) {
            return Err(format!("`{wrong}` is no method"));
        }
        // The one makes a tunnel, in which nothing is held against a grant; the other gives headers back, secrets among them.
        if let Some(wrong) =
            methods.iter().find(|method| ["CONNECT", "TRACE"].iter().any(|no| no.eq_ignore_ascii_case(method)))
        {
            return Err(format!("`{wrong}` cannot be granted"));
        }
        if let Some(wrong) = headers.iter().find(|header| !token(&header.name)) {
            return Err(format!("`{}` is no name of a header", wrong.name));
        }
        if !headers.is_empty() && to.is_every_host() {
            return Err(format!(
                "a secret would go to whoever the plugin chooses by `{url}`; name a host, or a domain"
            ));
        }
        if !headers.is_empty() && !to.is_private_transport() {
            return Err(format!("a secret would go to `{url}` unencrypted; use https, or an address of this machine"));
        }
        let methods = methods.iter().map(|method| method.to_ascii_uppercase()).collect();
        Ok(HttpGrant { to, methods, networks, headers })
    }
}

impl WrittenTcp {
    fn usable(self) -> Result<TcpGrant, String> {
        let host = url::Host::parse(&self.host).map_err(|error| format!("host `{}`: {error}", self.host))?;
        let host = host.to_string().trim_matches(['[', ']']).to_owned();
        Ok(TcpGrant { host, port: self.port, networks: self.networks })
    }
}

impl WrittenFolder {
    fn usable(self, base: &Path) -> Result<FolderGrant, String> {
        let Self { path, guest, write, bytes_max } = self;
        let plain = guest.starts_with('/') && !guest.split('/').any(|part| part == "..");
        if !plain {
            return Err(format!("guest `{guest}` must be an absolute path, such as /data"));
        }
        Ok(FolderGrant { path: base.join(path), guest, write, bytes_max: bytes_max.unwrap_or(FOLDER_BYTES_MAX) })
    }
}

fn all<T, U>(written: Vec<T>, usable: impl Fn(T) -> Result<U, String>) -> Result<Vec<U>, String> {
    written.into_iter().map(usable).collect()
}

fn twice(folders: &[FolderGrant]) -> Option<&str> {
    let mut seen = std::collections::HashSet::new();
    folders.iter().map(|folder| folder.guest.as_str()).find(|guest| !seen.insert(*guest))
}
