use http::{HeaderMap, HeaderValue};
use serde_json::json;

use super::*;
use crate::{
    auth::testing::{Signer, claims, showing},
    config::auth_for_tests,
};

struct World {
    signer: Signer,
    authenticator: Arc<Authenticator>,
    key: String,
    _folder: tempfile::TempDir,
    _stop: tokio_util::sync::DropGuard,
}

/// A host with one API key and one issuer, and this besides.
fn world(more: &str) -> World {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.jsonl");
    let key = keys::update(&path, |entries| {
        let minted = keys::Entry::mint(Some("k".into()), "acme".parse().unwrap(), "ci".into(), now_s());
        let (entry, key) = minted.map_err(|error| error.to_string())?;
        entries.push(entry);
        Ok(key)
    });
    let settings = auth_for_tests(&format!(
        "keys_file = '{}'\nscopes = ['read']\n{more}\n[[issuer]]\nurl = 'https://id.example'\ntenant = 'acme'",
        path.display()
    ));
    let authenticator =
        Authenticator::new(&settings, "https://h".parse().unwrap(), "test", KeyRing::ephemeral().unwrap());
    let (signer, authenticator, stop) = (Signer::es256("a"), Arc::new(authenticator), CancellationToken::new());
    authenticator.load().unwrap();
    let mut get = showing(&[signer.jwk()]);
    // It has no `jwks_uri`: its metadata is asked first.
    let keys = Arc::clone(&get);
    get = Arc::new(move |url| match url.path() {
        "/.well-known/oauth-authorization-server" => Box::pin(async {
            Ok(json!({ "issuer": "https://id.example", "jwks_uri": "https://id.example/k" }).to_string().into_bytes())
        }),
        "/k" => keys(url),
        other => {
            let other = other.to_owned();
            Box::pin(async move { Err(other) })
        }
    });
    let (kept, stopped) = (Arc::clone(&authenticator), stop.clone());
    tokio::spawn(async move { kept.issuers[0].keep(&get, stopped).await });
    World { signer, authenticator, key: key.unwrap(), _folder: folder, _stop: stop.drop_guard() }
}

fn headers(authorization: &[&str]) -> HeaderMap {
    authorization.iter().map(|value| (header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())).collect()
}

impl World {
    async fn ask(&self, tenant: Option<&str>, authorization: &[&str]) -> Result<String, Why> {
        let tenant = tenant.map(|tenant| tenant.parse().unwrap());
        let asked = self.authenticator.authenticate(&Method::POST, tenant.as_ref(), &headers(authorization)).await;
        asked
            .map(|principal| format!("{}@{}", principal.subject, principal.tenant))
            .map_err(|challenge| challenge.why())
    }

    fn token(&self) -> String {
        self.signer.sign(&claims(now_s(), &json!({})))
    }
}

#[tokio::test]
async fn keys_and_tokens_open() {
    let world = world("");
    let (key, token) = (format!("Bearer {}", world.key), format!("bearer  {}", world.token()));
    assert_eq!(world.ask(None, &[&key]).await.as_deref(), Ok("ci@acme"));
    assert_eq!(world.ask(None, &[&token]).await.as_deref(), Ok("alice@acme"));
    assert_eq!(world.authenticator.believed.len(), 1);
    assert_eq!(world.ask(Some("acme"), &[&token]).await.as_deref(), Ok("alice@acme"));
}

#[tokio::test]
async fn nothing_else_does() {
    let world = world("");
    let good = format!("Bearer {}", world.token());
    for (authorization, expected) in [
        (vec![], Why::Missing),
        (vec!["Bearer"], Why::Malformed),
        (vec!["Bearer "], Why::Malformed),
        (vec!["Basic YTpi"], Why::Malformed),
        (vec!["Bearer a b"], Why::Malformed),
        (vec!["Bearer a\"b"], Why::Malformed),
        (vec![&*good, &*good], Why::Malformed),
        (vec!["Bearer x"], Why::Invalid),
        (vec!["Bearer ty_k_0"], Why::Invalid),
        (vec![&*good.replace("Bearer", "DPoP")], Why::Invalid),
    ] {
        assert_eq!(world.ask(None, &authorization).await, Err(expected), "{authorization:?}");
    }
}

#[tokio::test]
async fn another_tenants_endpoint_is_nobodys() {
    let world = world("");
    let ask = async |tenant: &str, authorization: &[&str]| {
        let tenant = tenant.parse().unwrap();
        world.authenticator.authenticate(&Method::POST, Some(&tenant), &headers(authorization)).await.unwrap_err()
    };
    let key = format!("Bearer {}", world.key);
    let refused = ask("umbrella", &[&key]).await;
    assert_eq!(refused.why(), Why::Forbidden);
    assert_eq!(refused, ask("no-such", &[&key]).await, "whether or not it is there");
    let line = ask("umbrella", &[]).await.headers()[0].1.to_str().unwrap().to_owned();
    assert!(line.contains("/.well-known/oauth-protected-resource/t/umbrella/mcp\""), "{line}");
}

#[tokio::test]
async fn those_without_credentials_have_a_place_if_the_operator_says_so() {
    let world = world("anonymous = 'guests'");
    assert_eq!(world.ask(None, &[]).await.as_deref(), Ok("anonymous@guests"));
    assert_eq!(world.ask(Some("acme"), &[]).await, Err(Why::Forbidden));
    assert_eq!(world.ask(None, &["Bearer ty_k_0"]).await, Err(Why::Invalid), "a wrong key is not no key");
    let open = Authenticator::new(&Auth::default(), "http://h".parse().unwrap(), "test", KeyRing::ephemeral().unwrap());
    let principal = open.authenticate(&Method::POST, None, &headers(&["Bearer whatever"])).await.unwrap();
    assert_eq!(*principal, Principal::anonymous());
}

#[tokio::test]
async fn bound_tokens_take_their_proof() {
    let world = world("");
    let bound = world.signer.sign(&claims(now_s(), &json!({ "cnf": { "jkt": "x" } })));
    for authorization in [format!("Bearer {bound}"), format!("DPoP {bound}")] {
        let refused = world.authenticator.authenticate(&Method::POST, None, &headers(&[&authorization])).await;
        let line = refused.unwrap_err().headers()[0].1.to_str().unwrap().to_owned();
        assert!(line.starts_with("DPoP ") && line.contains("error=\"invalid_token\""), "{line}");
    }
    let required = self::world("[dpop]\nrequired = true");
    let token = format!("Bearer {}", required.token());
    assert_eq!(required.ask(None, &[&token]).await, Err(Why::Invalid));
    assert_eq!(required.ask(None, &[&format!("Bearer {}", required.key)]).await.as_deref(), Ok("ci@acme"));
    let missing = required.authenticator.authenticate(&Method::POST, None, &HeaderMap::new()).await.unwrap_err();
    let schemes: Vec<_> =
        missing.headers().iter().map(|(_, value)| value.to_str().unwrap().split(' ').next()).collect();
    assert_eq!(schemes, [Some("Bearer"), Some("DPoP")]);
}

#[tokio::test]
async fn a_refusal_repeats_nothing_that_was_sent() {
    let world = world("");
    for sent in ["ty_k_0123456789", "aaa.bbb.ccc", "seekrit"] {
        let refused =
            world.authenticator.authenticate(&Method::POST, None, &headers(&[&format!("Bearer {sent}")])).await;
        assert!(!format!("{:?}", refused.unwrap_err()).contains(sent));
    }
}

#[tokio::test]
async fn keys_change_while_the_host_runs() {
    let world = world("");
    let path = world.authenticator.settings.keys_file.clone().unwrap();
    let key = format!("Bearer {}", world.key);
    std::fs::write(&path, "broken").unwrap();
    assert!(world.authenticator.load_keys().unwrap_err().contains("keys_file"));
    assert!(world.ask(None, &[&key]).await.is_ok(), "those that were known stay");
    std::fs::write(&path, "").unwrap();
    world.authenticator.load().unwrap();
    assert_eq!(world.ask(None, &[&key]).await, Err(Why::Invalid));
}
