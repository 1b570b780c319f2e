//! Where an issuer's keys are, as its metadata says (RFC 8414; OpenID Connect Discovery 1.0).

use serde::Deserialize;
use url::Url;

use super::fetch::Get;
use crate::config::trusted_url;

/// What of it matters here.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// Asks `issuer` where its keys are.
pub(super) async fn jwks_uri(issuer: &str, get: &Get) -> Result<Url, String> {
    let mut reasons = Vec::new();
    for place in places(issuer) {
        match get(place).await.and_then(|document| read(&document, issuer)) {
            Ok(uri) => return Ok(uri),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(reasons.join("; "))
}

/// Where the metadata may be, in the order that MCP has (2026-07-28, authorization server discovery): the first two are the same
/// for an issuer without a path.
fn places(issuer: &str) -> Vec<Url> {
    let Ok(url) = Url::parse(issuer) else { return Vec::new() };
    let path = url.path().trim_end_matches('/').to_owned();
    let mut places = Vec::new();
    for path in [
        format!("/.well-known/oauth-authorization-server{path}"),
        format!("/.well-known/openid-configuration{path}"),
        format!("{path}/.well-known/openid-configuration"),
    ] {
        let mut place = url.clone();
        place.set_path(&path);
        place.set_query(None);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

fn read(document: &[u8], issuer: &str) -> Result<Url, String> {
    let metadata: Metadata =
        serde_json::from_slice(document).map_err(|error| format!("its metadata cannot be read: {error}"))?;
    // Else one issuer could speak for another (RFC 8414, 3.3).
    if metadata.issuer != issuer {
        return Err(format!("its metadata is of `{}`; `url` must be exactly that", metadata.issuer));
    }
    let uri = trusted_url(&metadata.jwks_uri).map_err(|reason| format!("its metadata: `jwks_uri` {reason}"))?;
    // What is on this machine is for those on this machine to name: the host is nobody's way to it from elsewhere.
    if uri.scheme() != "https" && issuer.starts_with("https:") {
        return Err(format!("its metadata: `jwks_uri` `{uri}` is not encrypted, although the issuer is"));
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_metadata_is() {
        let check = |issuer: &str, expected: &[&str]| {
            let places: Vec<String> = places(issuer).iter().map(|place| place.path().to_owned()).collect();
            assert_eq!(places, expected, "{issuer}");
        };
        let (oauth, oidc) = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration");
        check("https://id.example", &[oauth, oidc]);
        check("https://id.example/", &[oauth, oidc]);
        check(
            "https://id.example/realms/a",
            &[&format!("{oauth}/realms/a"), &format!("{oidc}/realms/a"), &format!("/realms/a{oidc}")],
        );
    }

    #[test]
    fn metadata_of_somebody_else() {
        let read = |issuer: &str, uri: &str| {
            let document = serde_json::json!({ "issuer": issuer, "jwks_uri": uri }).to_string();
            read(document.as_bytes(), "https://id.example").map(|uri| uri.to_string())
        };
        assert_eq!(read("https://id.example", "https://id.example/keys").as_deref(), Ok("https://id.example/keys"));
        assert!(read("https://id.example/", "https://id.example/keys").unwrap_err().contains("must be exactly that"));
        assert!(read("https://id.example", "http://id.example/keys").unwrap_err().contains("must begin with https"));
        for inward in ["http://127.0.0.1:9090/", "http://localhost/keys", "http://[::1]/keys"] {
            assert!(read("https://id.example", inward).unwrap_err().contains("is not encrypted"), "{inward}");
        }
    }
}
