//! URLs that mean something to others: where clients find the host, whom tokens are for, and what may be fetched to be believed.

use std::{fmt, net::SocketAddr, str::FromStr};

use serde::Deserialize;
use url::{Host, Url};

use crate::ids::TenantId;

/// Where clients find the host: scheme, host, port, and perhaps the path that a proxy puts in front. Lower case, no slash at its
/// end, as MCP's canonical URIs are (2026-07-28, authorization, "Canonical Server URI").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    text: String,
    /// How much of it is scheme, host and port.
    origin_len: usize,
}

impl PublicUrl {
    /// The URL of a host that nobody gave another one.
    pub fn of_listener(address: SocketAddr, tls: bool) -> Self {
        let origin = format!("{}://{address}", if tls { "https" } else { "http" });
        Self { origin_len: origin.len(), text: origin }
    }

    /// The URL of `path`.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// The URL of an endpoint: the one for everybody, or a tenant's.
    pub fn endpoint(&self, tenant: Option<&TenantId>) -> String {
        match tenant {
            None => self.at("/mcp"),
            Some(tenant) => self.at(&format!("/t/{tenant}/mcp")),
        }
    }

    /// Where a document about `path` is, that RFC 8615 puts below `/.well-known/` in front of the path.
    pub fn well_known(&self, name: &str, path: &str) -> String {
        let (origin, prefix) = self.text.split_at(self.origin_len);
        format!("{origin}/.well-known/{name}{prefix}{path}")
    }

    /// The path that a proxy puts in front; mostly nothing.
    pub fn prefix(&self) -> &str {
        &self.text[self.origin_len..]
    }

    /// Whether what goes there is encrypted.
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https:")
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` must be a URL such as https://tools.example.com, with no `?`, `#` or user in it");
        let url = Url::parse(text).map_err(|_| wrong())?;
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !matches!(url.scheme(), "http" | "https") || !plain || url.password().is_some() {
            return Err(wrong());
        }
        let origin = url.origin().ascii_serialization();
        Ok(Self { origin_len: origin.len(), text: format!("{origin}{}", url.path().trim_end_matches('/')) })
    }
}

impl<'de> Deserialize<'de> for PublicUrl {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A resource's URI in the form in which two that mean the same are the same text; what is no URL stays as it is.
pub fn canonical(uri: &str) -> String {
    match Url::parse(uri) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none() => {
            format!("{}{}", url.origin().ascii_serialization(), url.path().trim_end_matches('/'))
        }
        _ => uri.to_owned(),
    }
}

/// A URL from which something is fetched that is trusted: encrypted, unless it is on this machine.
pub fn trusted_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`{text}` is no URL: {error}"))?;
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" if url.host().is_some() => Ok(url),
        "http" if local => Ok(url),
        _ => Err(format!("`{text}` must begin with https://; only on this machine http:// does as well")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_urls() {
        let check = |text: &str, endpoint: &str, document: &str| {
            let url: PublicUrl = text.parse().unwrap();
            assert_eq!(url.at("/mcp"), endpoint);
            assert_eq!(url.well_known("x", "/mcp"), document);
        };
        check("HTTPS://Tools.Example:443/", "https://tools.example/mcp", "https://tools.example/.well-known/x/mcp");
        check("http://h:8080/a/b/", "http://h:8080/a/b/mcp", "http://h:8080/.well-known/x/a/b/mcp");
        let own = PublicUrl::of_listener("[::1]:80".parse().unwrap(), false);
        assert_eq!(own.at("/mcp"), "http://[::1]:80/mcp");
        for bad in ["tools.example", "ftp://h", "https://h/?a", "https://h/#a", "https://u@h", "https://u:p@h"] {
            assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn audiences_that_mean_the_same() {
        for same in ["https://h/mcp", "HTTPS://H/mcp", "https://h:443/mcp/"] {
            assert_eq!(canonical(same), "https://h/mcp");
        }
        for other in ["https://h/MCP", "http://h/mcp", "https://h/mcp?x", "https://h/mcp#x", "api://tools", "client-1"]
        {
            assert_ne!(canonical(other), "https://h/mcp");
        }
        for opaque in ["client-1", "api://Tools/", "urn:x:y"] {
            assert_eq!(canonical(opaque), opaque);
        }
    }
}
