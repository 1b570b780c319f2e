//! Which web pages may call. A browser sends `Origin` with every cross-site POST, so a foreign page cannot reach a host on
//! the user's own machine, whatever name it was led to it by (MCP 2026-07-28, transports, "Security Warning").

use axum::http::{HeaderMap, HeaderValue, header};

/// The web origins that are let in.
#[derive(Debug)]
pub(super) struct Origins {
    allowed: Vec<String>,
}

/// What a request's `Origin` means for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict<'a> {
    /// No browser, or none that tells.
    None,
    /// A page that may read the answer.
    Allowed(&'a HeaderValue),
    Foreign,
}

impl Origins {
    pub(super) fn new(allowed: &[String]) -> Self {
        Self { allowed: allowed.to_vec() }
    }

    pub(super) fn judge<'a>(&self, headers: &'a HeaderMap) -> Verdict<'a> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else { return Verdict::None };
        let known =
            origin.to_str().is_ok_and(|text| is_local(text) || self.allowed.iter().any(|allowed| allowed == text));
        // A browser sends one. Of two, whoever is in between may have looked at the other.
        if known && origins.next().is_none() { Verdict::Allowed(origin) } else { Verdict::Foreign }
    }
}

/// A page that this machine itself serves: no stranger can.
fn is_local(origin: &str) -> bool {
    let Some(authority) = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) else {
        return false;
    };
    ["localhost", "127.0.0.1", "[::1]"].into_iter().any(|host| {
        authority.strip_prefix(host).is_some_and(|port| {
            port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_pages_get_in() {
        let origins = Origins::new(&["https://app.example".into()]);
        let judge = |origin: &str| {
            let headers = HeaderMap::from_iter([(header::ORIGIN, origin.parse().unwrap())]);
            origins.judge(&headers) != Verdict::Foreign
        };
        for good in [
            "http://localhost",
            "http://localhost:5173",
            "https://127.0.0.1:1",
            "http://[::1]:80",
            "https://app.example",
        ] {
            assert!(judge(good), "{good} was kept out");
        }
        for bad in [
            "http://evil.example",
            "http://localhost.evil.example",
            "http://localhost:80@evil.example",
            "http://127.0.0.1.nip.io",
            "https://app.example.evil",
            "http://app.example",
            "null",
            "",
        ] {
            assert!(!judge(bad), "{bad} was let in");
        }
        assert_eq!(origins.judge(&HeaderMap::new()), Verdict::None);
        let twice =
            ["https://app.example", "https://app.example"].map(|origin| (header::ORIGIN, origin.parse().unwrap()));
        assert_eq!(origins.judge(&HeaderMap::from_iter(twice)), Verdict::Foreign);
    }
}
