//! What a plugin would like to be granted, in its maker's words.
//!
//! Wishes come with the component (a custom section that an SDK writes) or in a file beside it (`NAME.toml`, which wins). They
//! have the shape of grants, with a reason for each. A wish grants nothing: it tells the operator what to think about.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;

use super::{Grants, UrlPattern};

/// All that one plugin wishes for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes(Vec<Wish>);

/// One thing that a plugin wishes for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    what: What,
    why: String,
    /// Whether it does its work without, if not as well.
    optional: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Http { method: String, to: UrlPattern },
    Tcp { host: String, port: u16 },
    Folder { guest: String, write: bool },
    KeyValue,
    Config(String),
    Secret(String),
    Environment(String),
}

/// Wishes as they are written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    http: Vec<WrittenHttp>,
    tcp: Vec<WrittenTcp>,
    folders: Vec<WrittenFolder>,
    keyvalue: Option<WrittenKeyValue>,
    config: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHttp {
    url: String,
    methods: Option<Vec<String>>,
    why: String,
    #[serde(default)]
    optional: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTcp {
    host: String,
    port: u16,
    why: String,
    #[serde(default)]
    optional: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFolder {
    guest: String,
    #[serde(default)]
    write: bool,
    why: String,
    #[serde(default)]
    optional: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKeyValue {
    why: String,
    #[serde(default)]
    optional: bool,
}

impl Wishes {
    /// Reads them. The error is a sentence for whoever wrote them.
    pub fn parse(text: &str) -> Result<Self, String> {
        let written: Written = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let mut wishes = Vec::new();
        for WrittenHttp { url, methods, why, optional } in written.http {
            let to: UrlPattern = url.parse()?;
            for method in methods.unwrap_or_else(|| vec!["GET".into()]) {
                let what = What::Http { method: method.to_ascii_uppercase(), to: to.clone() };
                wishes.push(Wish { what, why: why.clone(), optional });
            }
        }
        wishes.extend(written.tcp.into_iter().map(|WrittenTcp { host, port, why, optional }| Wish {
            what: What::Tcp { host: host.to_ascii_lowercase(), port },
            why,
            optional,
        }));
        wishes.extend(written.folders.into_iter().map(|WrittenFolder { guest, write, why, optional }| Wish {
            what: What::Folder { guest, write },
            why,
            optional,
        }));
        wishes.extend(written.keyvalue.map(|WrittenKeyValue { why, optional }| Wish {
            what: What::KeyValue,
            why,
            optional,
        }));
        // Settings have defaults; a secret has none.
        let named = |map: BTreeMap<String, String>, what: fn(String) -> What, optional| {
            map.into_iter().map(move |(key, why)| Wish { what: what(key), why, optional })
        };
        wishes.extend(named(written.config, What::Config, true));
        wishes.extend(named(written.secrets, What::Secret, false));
        wishes.extend(named(written.environment, What::Environment, true));
        Ok(Self(wishes))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Wish> {
        self.0.iter()
    }

    /// Those that `grants` do not meet and the plugin cannot do without.
    pub fn unmet<'a>(&'a self, grants: &'a Grants) -> impl Iterator<Item = &'a Wish> {
        self.iter().filter(|wish| !wish.optional && !wish.is_met(grants))
    }
}

impl Wish {
    /// Whether `grants` allow all of it.
    pub fn is_met(&self, grants: &Grants) -> bool {
        match &self.what {
            What::Http { method, to } => {
                grants.http.iter().any(|grant| grant.to.covers(to) && grant.methods.contains(method))
            }
            What::Tcp { host, port } => grants.tcp.iter().any(|grant| grant.host == *host && grant.port == *port),
            What::Folder { guest, write } => {
                grants.folders.iter().any(|grant| grant.guest == *guest && (grant.write || !write))
            }
            What::KeyValue => grants.keyvalue.is_some(),
            What::Config(key) => grants.config.contains_key(key) || grants.secrets.contains_key(key),
            What::Secret(key) => grants.secrets.contains_key(key),
            What::Environment(key) => grants.environment.contains_key(key),
        }
    }

    /// The reason that the plugin gives: its own words.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// Whether the plugin does its work without.
    pub fn is_optional(&self) -> bool {
        self.optional
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Http { method, to } => write!(f, "http {method} {to}"),
            What::Tcp { host, port } => write!(f, "tcp {host}:{port}"),
            What::Folder { guest, write: false } => write!(f, "folders {guest}"),
            What::Folder { guest, write: true } => write!(f, "folders {guest} (write)"),
            What::KeyValue => write!(f, "keyvalue"),
            What::Config(key) => write!(f, "config {key}"),
            What::Secret(key) => write!(f, "secrets {key}"),
            What::Environment(key) => write!(f, "environment {key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Written;

    const WISHES: &str = "
        [[http]]
        url = 'https://api.example.com/v1/'
        methods = ['GET', 'POST']
        why = 'to read orders'
        [[folders]]
        guest = '/data'
        write = true
        why = 'to keep reports'
        [keyvalue]
        why = 'to remember'
        optional = true
        [config]
        language = 'of the answers'
        [secrets]
        key = 'to sign'
    ";

    fn unmet(grants: &str) -> Vec<String> {
        let config =
            Written::parse(&format!("[secret.k]\nenv = 'K'\n{grants}")).unwrap().usable(Path::new("/")).unwrap();
        let grants = config.for_plugin(&"p".parse().unwrap()).grants;
        Wishes::parse(WISHES).unwrap().unmet(&grants).map(Wish::to_string).collect()
    }

    #[test]
    fn wishes_are_held_against_grants() {
        let all = ["http GET https://api.example.com/v1/", "http POST https://api.example.com/v1/"];
        assert_eq!(unmet(""), [all[0], all[1], "folders /data (write)", "secrets key"]);
        let some = "
            [plugin.p.grants]
            secrets = { key = 'k' }
            [[plugin.p.grants.http]]
            url = 'https://*.example.com/'
            [[plugin.p.grants.folders]]
            path = '/srv'
            guest = '/data'
        ";
        assert_eq!(unmet(some), [all[1], "folders /data (write)"]);
        let narrower = "[[plugin.p.grants.http]]\nurl = 'https://api.example.com/v1/orders'";
        assert!(unmet(narrower).contains(&all[0].to_owned()));
    }

    #[test]
    fn mistakes_are_told() {
        assert!(Wishes::parse("[[http]]\nurl = 'https://a/'").unwrap_err().contains("why"));
        assert!(Wishes::parse("[[http]]\nurl = 'a'\nwhy = ''").unwrap_err().contains("has no scheme"));
        assert!(Wishes::parse("nonsense").is_err());
    }
}
