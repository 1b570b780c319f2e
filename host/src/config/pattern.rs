//! Which URLs are meant: scheme, host, port and the beginning of a path.

use std::{fmt, net::Ipv4Addr, str::FromStr};

use url::{Host, Url};

/// A set of URLs, written as one: `https://api.example.com/v1/`, `https://*.example.com/`, `http://127.0.0.1:8080/`,
/// `https://*/`.
///
/// Without a port, the scheme's own is meant. A path is a beginning that ends where a segment does: `/v1` takes `/v1` and
/// `/v1/x`, and not `/v10`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlPattern {
    https: bool,
    host: HostPattern,
    port: u16,
    /// Without a slash at the end; empty: every path.
    path: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostPattern {
    Any,
    /// Every name below this one, which itself is not meant.
    Below(String),
    /// A name or an address, as the URL standard writes it.
    Exactly(String),
}

impl UrlPattern {
    /// Whether it takes `url`, whose host and path the URL standard's parser has normalized.
    pub fn takes(&self, url: &Url) -> bool {
        url.scheme() == self.scheme()
            && url.port_or_known_default() == Some(self.port)
            && url.host().is_some_and(|host| self.host.takes(&host))
            && self.takes_path(url.path())
    }

    /// Whether what is sent there cannot be read on the way: it is encrypted, or does not leave this machine.
    pub fn is_private_transport(&self) -> bool {
        let loopback = |host: &str| host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
        let here = |host: &str| host == "localhost" || host == "[::1]" || loopback(host);
        self.https || matches!(&self.host, HostPattern::Exactly(host) if here(host))
    }

    /// Whether it is about one host, which the operator wrote in full.
    pub fn names_its_host(&self) -> bool {
        matches!(self.host, HostPattern::Exactly(_))
    }

    /// Whether it is about encrypted requests.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Whether `other` takes nothing that this does not.
    pub fn covers(&self, other: &Self) -> bool {
        let host = match (&self.host, &other.host) {
            (HostPattern::Any, _) => true,
            (HostPattern::Below(domain), HostPattern::Below(other)) => other == domain || is_below(other, domain),
            (HostPattern::Below(domain), HostPattern::Exactly(host)) => is_below(host, domain),
            (HostPattern::Exactly(host), HostPattern::Exactly(other)) => host == other,
            _ => false,
        };
        host && self.https == other.https && self.port == other.port && self.takes_path(&other.path)
    }

    fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    fn takes_path(&self, path: &str) -> bool {
        let Some(rest) = path.strip_prefix(&self.path) else { return false };
        let ends = rest.is_empty() || rest.starts_with('/');
        // A server may decode before it looks for `..`; where the path matters, what could climb out of it is not taken.
        ends && (self.path.is_empty() || !climbs(path))
    }
}

impl HostPattern {
    fn takes(&self, host: &Host<&str>) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Below(domain), Host::Domain(name)) => is_below(without_dot(name), domain),
            (Self::Below(_), _) => false,
            (Self::Exactly(exactly), Host::Domain(name)) => without_dot(name) == exactly,
            (Self::Exactly(exactly), address) => address.to_string() == *exactly,
        }
    }
}

/// A name may be written with the root's dot at its end.
fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

/// Whether a path has a segment `..` once it is decoded, however often.
fn climbs(path: &str) -> bool {
    let mut path = path.to_owned();
    // Each round takes one layer of encoding off; what is encoded more often than this is not a path.
    for _ in 0..4 {
        if path.split(['/', '\\']).any(|segment| segment == ".." || segment.starts_with("..;")) {
            return true;
        }
        let decoded = percent_encoding::percent_decode_str(&path).decode_utf8_lossy().into_owned();
        if decoded == path {
            return false;
        }
        path = decoded;
    }
    true
}

impl FromStr for UrlPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            |why: &str| format!("`{text}` {why}; write it as https://api.example.com/v1/ or https://*.example.com/");
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("has no scheme"))?;
        let https = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(wrong("is neither http nor https")),
        };
        let (authority, _) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (stars, concrete) = match authority.strip_prefix("*") {
            Some(rest) if rest.is_empty() || rest.starts_with(':') => (true, text.replacen('*', "any.invalid", 1)),
            Some(rest) if rest.starts_with('.') => (true, text.replacen("*.", "", 1)),
            _ => (false, text.to_owned()),
        };
        let any = stars && !authority.starts_with("*.");
        let url = Url::parse(&concrete).map_err(|error| wrong(&format!("does not read: {error}")))?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("may have only a scheme, a host, a port and a path"));
        }
        if authority.contains('*') && !stars || url.path().contains('*') {
            return Err(wrong(
                "has a `*` where it means nothing: it stands for a host, or for what is left of a domain",
            ));
        }
        let host = url.host_str().ok_or_else(|| wrong("has no host"))?;
        let host = without_dot(host).to_owned();
        Ok(Self {
            https,
            host: match (any, stars) {
                (true, _) => HostPattern::Any,
                (false, true) => HostPattern::Below(host),
                (false, false) => HostPattern::Exactly(host),
            },
            port: url.port_or_known_default().ok_or_else(|| wrong("has no port"))?,
            path: url.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for UrlPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme())?;
        match &self.host {
            HostPattern::Any => write!(f, "*")?,
            HostPattern::Below(domain) => write!(f, "*.{domain}")?,
            HostPattern::Exactly(host) => write!(f, "{host}")?,
        }
        if self.port != if self.https { 443 } else { 80 } {
            write!(f, ":{}", self.port)?;
        }
        write!(f, "{}/", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> UrlPattern {
        text.parse().unwrap()
    }

    fn takes(text: &str, url: &str) -> bool {
        pattern(text).takes(&Url::parse(url).unwrap())
    }

    #[test]
    fn every_part_must_fit() {
        for url in ["https://a.example/v1", "https://A.example:443/v1/x?y#z", "https://a.example./v1/"] {
            assert!(takes("https://a.example/v1/", url), "{url}");
        }
        for url in [
            "http://a.example/v1/",
            "https://a.example:444/v1/",
            "https://b.a.example/v1/",
            "https://a.example.evil/v1/",
            "https://a.example/v10",
            "https://a.example/",
            "https://a.example@evil/v1/",
        ] {
            assert!(!takes("https://a.example/v1/", url), "{url}");
        }
    }

    #[test]
    fn a_path_cannot_be_climbed_out_of() {
        for path in
            ["/v1/../x", "/v1/%2e%2e/x", "/v1/..%2fx", "/v1/%252e%252e%252fx", "/v1/..\\x", "/v1/..;/x", "/v1/.%2E/"]
        {
            assert!(!takes("https://a.example/v1", &format!("https://a.example{path}")), "{path}");
        }
        assert!(takes("https://a.example/v1", "https://a.example/v1/a..b/..c"));
        // Where every path is meant there is nothing to climb out of.
        assert!(takes("https://a.example/", "https://a.example/v1/..%2fx"));
    }

    #[test]
    fn stars_stand_for_hosts() {
        assert!(takes("https://*.example.com/", "https://a.b.example.com/"));
        assert!(!takes("https://*.example.com/", "https://example.com/"));
        assert!(!takes("https://*.example.com/", "https://evilexample.com/"));
        assert!(takes("https://*/", "https://example.com/"));
        assert!(takes("http://*:8080/", "http://[::1]:8080/"));
        assert!(!takes("http://*:8080/", "http://example.com/"));
    }

    #[test]
    fn addresses_are_read_in_all_spellings() {
        for url in ["http://127.0.0.1/", "http://2130706433/", "http://0177.0.0.1/", "http://0x7f.1/", "http://127.1/"]
        {
            assert!(takes("http://127.0.0.1/", url), "{url}");
            assert!(!takes("http://127.0.0.2/", url), "{url}");
        }
        assert!(takes("http://[::1]/", "http://[0:0:0:0:0:0:0:1]/"));
        assert!(!takes("http://127.0.0.1/", "http://[::ffff:127.0.0.1]/"));
    }

    #[test]
    fn only_what_stays_here_is_private_without_encryption() {
        for here in ["http://127.0.0.1/", "http://127.1.2.3:8080/", "http://localhost/", "http://[::1]/", "https://a/"]
        {
            assert!(pattern(here).is_private_transport(), "{here}");
        }
        for elsewhere in
            ["http://127.evil.example/", "http://a/", "http://10.0.0.1/", "http://*/", "http://*.localhost/"]
        {
            assert!(!pattern(elsewhere).is_private_transport(), "{elsewhere}");
        }
    }

    #[test]
    fn one_covers_another() {
        assert!(pattern("https://*.example.com/").covers(&pattern("https://a.example.com/v1/")));
        assert!(pattern("https://*/").covers(&pattern("https://*.example.com/")));
        assert!(!pattern("https://a.example.com/v1").covers(&pattern("https://a.example.com/")));
        assert!(!pattern("https://a.example.com/").covers(&pattern("https://*.example.com/")));
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for wrong in
            ["example.com", "ftp://a/", "https://a*b/", "https://u:p@a/", "https://a/?q", "https://a/*", "https://"]
        {
            let error = wrong.parse::<UrlPattern>().unwrap_err();
            assert!(error.contains(wrong) && error.contains("write it as"), "{error}");
        }
        assert_eq!(pattern("HTTPS://EXAMPLE.com:443/a/".to_lowercase().as_str()).to_string(), "https://example.com/a/");
    }
}
