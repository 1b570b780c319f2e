//! Protected resource metadata (RFC 9728): where a client that is not let in can get a token.

use serde_json::{Value, json};

use super::challenge::METADATA;
use crate::{
    config::{Algorithm, Auth, PublicUrl},
    ids::TenantId,
};

/// The endpoint that a path below `/.well-known/` asks about: `None` if it asks about something else. The prefix that a proxy
/// puts in front of all paths may stand between.
fn endpoint(path: &str, prefix: &str) -> Option<Option<TenantId>> {
    let rest = path.strip_prefix("/.well-known/")?.strip_prefix(METADATA)?;
    let rest = rest.strip_prefix(prefix).unwrap_or(rest);
    match rest {
        "" | "/mcp" => Some(None),
        _ => rest.strip_prefix("/t/")?.strip_suffix("/mcp")?.parse().ok().map(Some),
    }
}

/// The document that `path` asks for. It is the same for every tenant but for the name that the path has, so that nobody learns
/// from it which tenants there are.
pub(super) fn document(path: &str, auth: &Auth, public: &PublicUrl, name: &str) -> Option<Value> {
    let tenant = endpoint(path, public.prefix())?;
    let issuers: Vec<&str> = auth.issuers.iter().map(|issuer| issuer.url.as_str()).collect();
    if issuers.is_empty() {
        return None;
    }
    let mut document = json!({
        "resource": public.endpoint(tenant.as_ref()),
        "authorization_servers": issuers,
        "bearer_methods_supported": ["header"],
        "resource_name": name,
        "dpop_signing_alg_values_supported": Algorithm::ALL.map(Algorithm::name),
        "dpop_bound_access_tokens_required": auth.dpop.required,
    });
    if !auth.scopes.is_empty() {
        document["scopes_supported"] = json!(auth.scopes);
    }
    Some(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_has_its_document() {
        let (auth, public) = (super::super::testing::auth(), "https://h/x".parse().unwrap());
        let resource = |path: &str| {
            document(path, &auth, &public, "n").map(|document| document["resource"].as_str().unwrap().to_owned())
        };
        for path in ["", "/mcp", "/x/mcp"] {
            let path = format!("/.well-known/oauth-protected-resource{path}");
            assert_eq!(resource(&path).as_deref(), Some("https://h/x/mcp"), "{path}");
        }
        for path in ["/t/a/mcp", "/x/t/a/mcp"] {
            let path = format!("/.well-known/oauth-protected-resource{path}");
            assert_eq!(resource(&path).as_deref(), Some("https://h/x/t/a/mcp"), "{path}");
        }
        for path in
            ["/.well-known/oauth-protected-resource/other", "/.well-known/oauth-protected-resource/t//mcp", "/mcp"]
        {
            assert_eq!(resource(path), None, "{path}");
        }
        assert_eq!(document("/.well-known/oauth-protected-resource", &Auth::default(), &public, "n"), None);
    }
}
