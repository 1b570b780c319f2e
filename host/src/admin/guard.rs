//! Who may ask. The listener is on this machine, and so is the operator's browser, in which any page of the web can send
//! requests here: what it may not do is to be let in, and to read.
//!
//! Three locks, each enough for most: the key is in a header that no foreign page can send without leave, which nobody gets here;
//! `Origin` and `Sec-Fetch-Site`, where a browser sends them, must say that the page is this one; and `Host` must be a name
//! that cannot be made to lead here by whoever owns it (DNS rebinding).

use std::net::IpAddr;

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::Response,
};

use super::{Key, Parts, reply};
use crate::{
    audit::record::Refused,
    denials::{self, By, Denial},
};

/// What every answer says to browsers. No script, style or picture but the page's own; no frame around it; no address of it told.
pub(super) const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

/// What somebody gets who is not let in.
pub(super) type Refusal = Box<Response>;

/// Whether the request was meant for this listener.
pub(super) fn for_here(parts: &Parts, peer: IpAddr, headers: &HeaderMap) -> Result<(), Refusal> {
    if is_own(only(headers, &header::HOST).unwrap_or_default(), &parts.settings.hosts) {
        return Ok(());
    }
    let reason = "this `Host` is not known here; reach the host by its address or as localhost, or add the name to `hosts` \
                  in [admin]";
    note(parts, peer, "foreign_host", StatusCode::FORBIDDEN);
    Err(reply::refused(StatusCode::FORBIDDEN, reason).into())
}

/// Whether the request is of a page of this listener's own, if of any.
pub(super) fn from_here(parts: &Parts, peer: IpAddr, headers: &HeaderMap) -> Result<(), Refusal> {
    let host = only(headers, &header::HOST).unwrap_or_default();
    let foreign = || {
        note(parts, peer, "foreign_origin", StatusCode::FORBIDDEN);
        Err(reply::refused(StatusCode::FORBIDDEN, "a page of another origin may not ask here").into())
    };
    if headers.contains_key(header::ORIGIN) {
        let own = |origin: &str| {
            let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
        };
        if !only(headers, &header::ORIGIN).is_some_and(own) {
            return foreign();
        }
    }
    match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => foreign(),
    }
}

/// The key, if there is one that somebody could have.
pub(super) fn can_be_opened(parts: &Parts) -> Result<&Key, Refusal> {
    parts.key.as_ref().ok_or_else(|| {
        let reason = "this host has no admin key, so that there is nothing to open this with: give [admin] `key` or \
                      `key_file`, or the host a state folder";
        reply::refused(StatusCode::NOT_FOUND, reason).into()
    })
}

/// Whether the request has the key.
pub(super) fn authorized(parts: &Parts, peer: IpAddr, headers: &HeaderMap) -> Result<(), Refusal> {
    let key = can_be_opened(parts)?;
    let given = only(headers, &header::AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    });
    let reason = match given {
        Some(given) if key.is(given) => return Ok(()),
        Some(_) => "This is not the admin key of this host.",
        None => "Send the admin key as `Authorization: Bearer KEY`.",
    };
    denials::note(&Denial {
        by: By::Auth,
        tenant: None,
        subject: None,
        on: Some("admin"),
        what: if given.is_some() { "a wrong admin key" } else { "no admin key" },
    });
    let code = if given.is_some() { "wrong_key" } else { "no_credentials" };
    note(parts, peer, code, StatusCode::UNAUTHORIZED);
    let mut response = reply::refused(StatusCode::UNAUTHORIZED, reason);
    let challenge = HeaderValue::from_static("Bearer realm=\"toolyard admin\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    Err(response.into())
}

/// Writes down that somebody was not let in here.
fn note(parts: &Parts, peer: IpAddr, reason: &'static str, status: StatusCode) {
    let (status, address, endpoint) = (Some(status.as_u16()), Some(peer), Some("admin"));
    let refused = Refused { reason, status, address, endpoint, ..Refused::default() };
    parts.watched.server.audit().note_stranger(&refused);
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whether nobody else can make this name lead here: an address, which is no name; this machine's own; one of the operator's.
fn is_own(host: &str, known: &[String]) -> bool {
    let Ok(uri) = host.parse::<Uri>() else { return false };
    let Some(authority) = uri.authority().filter(|authority| authority.as_str() == host && !host.contains('@')) else {
        return false;
    };
    let name = authority.host().to_ascii_lowercase();
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&name);
    address.parse::<IpAddr>().is_ok() || name == "localhost" || known.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_strangers_own_do_not_lead_here() {
        let known = ["toolyard.internal".to_owned()];
        for own in [
            "127.0.0.1:9090",
            "127.0.0.1",
            "[::1]:9090",
            "localhost",
            "LOCALHOST:9090",
            "10.1.2.3:80",
            "toolyard.internal",
            "Toolyard.Internal:443",
        ] {
            assert!(is_own(own, &known), "{own} was kept out");
        }
        for foreign in [
            "",
            "evil.example",
            "evil.example:9090",
            "127.0.0.1.nip.io",
            "localhost.evil.example",
            "toolyard.internal.evil.example",
            "evil.example@127.0.0.1",
            "127.0.0.1/",
            "http://127.0.0.1",
            "127.0.0.1:9090, evil.example",
        ] {
            assert!(!is_own(foreign, &known), "{foreign} was let in");
        }
    }
}
