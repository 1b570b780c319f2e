use serde_json::json;

use super::*;
use crate::{
    auth::testing::{ISSUER, NOW_S, Signer, claims, encode, issuer, showing},
    config::Algorithm,
};

/// Three keys of one issuer, each of another kind.
struct World {
    es256: Signer,
    ed25519: Signer,
    rsa: Signer,
    trusted: Arc<[Arc<Trusted>; 1]>,
    _stop: tokio_util::sync::DropGuard,
}

fn world(settings: &Issuer) -> World {
    let (es256, ed25519, rsa) = (Signer::es256("es"), Signer::ed25519("ed"), Signer::rsa("rs"));
    let get = showing(&[es256.jwk(), ed25519.jwk(), rsa.jwk()]);
    let (trusted, stop) = (Arc::new([Arc::new(Trusted::new(settings))]), CancellationToken::new());
    let (kept, stopped) = (Arc::clone(&trusted), stop.clone());
    tokio::spawn(async move { kept[0].keep(&get, stopped).await });
    World { es256, ed25519, rsa, trusted, _stop: stop.drop_guard() }
}

impl World {
    async fn validate(&self, token: &str) -> Result<Validated, Refused> {
        let ours = (&"https://h".parse().unwrap(), &ScopeTree::default());
        validate(&*self.trusted, ours, token, NOW_S).await
    }

    async fn check(&self, token: &str, expected: Result<(), Flaw>) {
        assert_eq!(self.found(token).await, expected, "{token}");
    }

    /// A good token but for these claims.
    async fn check_claims(&self, changes: &Value, expected: Result<(), Flaw>) {
        let token = self.es256.sign(&claims(NOW_S, changes));
        assert_eq!(self.found(&token).await, expected, "{changes}");
    }

    async fn found(&self, token: &str) -> Result<(), Flaw> {
        match self.validate(token).await {
            Ok(_) => Ok(()),
            Err(Refused::Flawed(flaw, _)) => Err(flaw),
            Err(Refused::Away) => panic!("the issuer answers: {token}"),
        }
    }

    /// Of whom the trail may say that it was theirs.
    async fn known(&self, token: &str) -> Option<Known> {
        let Err(Refused::Flawed(_, known)) = self.validate(token).await else { panic!("it is refused: {token}") };
        known.map(|known| *known)
    }
}

#[tokio::test]
async fn a_token_says_who_calls() {
    let world = world(&issuer());
    let validated = world.validate(&world.es256.sign(&claims(NOW_S, &json!({})))).await.ok().unwrap();
    assert_eq!(
        *validated.principal,
        Principal {
            tenant: "acme".parse().unwrap(),
            subject: "alice".into(),
            scopes: vec!["read".into(), "write".into()],
            groups: vec!["staff".into()],
            client: Some("agent".into()),
            by: By::Token { issuer: ISSUER.into() },
        }
    );
    assert_eq!(validated.bound_to, None);
    assert_eq!(validated.until_s, NOW_S + BELIEVED_S_MAX, "not for as long as the token says");
}

#[tokio::test]
async fn of_a_token_that_does_not_do_only_what_its_issuer_signed_is_known() {
    let (world, stranger) = (world(&issuer()), Signer::es256("es"));
    for changes in [json!({ "exp": 1 }), json!({ "aud": "https://other.example/mcp" })] {
        let known = world.known(&world.es256.sign(&claims(NOW_S, &changes))).await.unwrap();
        let told = (known.tenant, known.subject, known.client, known.by);
        let tenant = "acme".parse().ok();
        let by = By::Token { issuer: ISSUER.into() };
        assert_eq!(told, (tenant, Some("alice".into()), Some("agent".into()), by), "{changes}");
    }
    // Whoever signed it did not say of which tenant.
    let fixed = Issuer { tenant: TenantOf::Claim { claim: "org".into(), only: Default::default() }, ..issuer() };
    let world_of_claims = self::world(&fixed);
    let nowhere = world_of_claims.es256.sign(&claims(NOW_S, &json!({ "exp": 1, "org": null })));
    let known = world_of_claims.known(&nowhere).await.unwrap();
    assert_eq!((known.tenant, known.subject.as_deref()), (None, Some("alice")));
    assert_eq!(world.known(&stranger.sign(&claims(NOW_S, &json!({ "exp": 1 })))).await, None, "a forged one");
    assert_eq!(world.known(&world.es256.sign(&claims(NOW_S, &json!({ "iss": "https://x" })))).await, None);
}

#[tokio::test]
async fn signatures() {
    let world = world(&issuer());
    let good = claims(NOW_S, &json!({}));
    for signer in [&world.es256, &world.ed25519, &world.rsa] {
        world.check(&signer.sign(&good), Ok(())).await;
    }
    world.check(&world.rsa.sign_with(&json!({ "alg": "PS256" }), &good), Ok(())).await;
    world.check(&world.ed25519.sign_with(&json!({ "alg": "Ed25519" }), &good), Ok(())).await;
    world.check(&world.es256.sign_with(&json!({ "kid": null }), &good), Err(Flaw::NoJwt)).await;
    // RS384 and ES384 are not in the list of an issuer of which nothing is said.
    world.check(&world.rsa.sign_with(&json!({ "alg": "RS384" }), &good), Err(Flaw::Algorithm)).await;
    world.check(&Signer::es256("es").sign(&good), Err(Flaw::Signature)).await;
    world.check(&Signer::es256("other").sign(&good), Err(Flaw::UnknownKey)).await;
    // A key of one kind, an algorithm of another.
    world.check(&world.es256.sign_with(&json!({ "kid": "rs" }), &good), Err(Flaw::UnknownKey)).await;
    world.check(&world.rsa.sign_with(&json!({ "alg": "ES256" }), &good), Err(Flaw::UnknownKey)).await;
    let token = world.es256.sign(&good);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let other = encode(&claims(NOW_S, &json!({ "sub": "bob" })));
    let header = signed.split_once('.').unwrap().0;
    world.check(&format!("{header}.{other}.{signature}"), Err(Flaw::Signature)).await;
    world.check(&format!("{signed}."), Err(Flaw::Signature)).await;
    world.check(&format!("{signed}.{}", &signature[..signature.len() - 2]), Err(Flaw::Signature)).await;
}

#[tokio::test]
async fn forged_algorithms() {
    let world = world(&issuer());
    let good = claims(NOW_S, &json!({}));
    for name in ["none", "None", "NONE", "", "HS256", "HS512", "A128KW", "dir"] {
        let token = world.es256.sign_with(&json!({ "alg": name }), &good);
        world.check(&token, Err(Flaw::Algorithm)).await;
        let bare = format!("{}.{}.", encode(&json!({ "alg": name })), encode(&good));
        world.check(&bare, Err(Flaw::Algorithm)).await;
    }
    // The public key as the secret of a symmetric signature: what libraries fell for.
    let header = encode(&json!({ "alg": "HS256", "typ": "at+jwt", "kid": "rs" }));
    let signed = format!("{header}.{}", encode(&good));
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, world.rsa.jwk()["n"].as_str().unwrap().as_bytes());
    let mac = base64::Engine::encode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        ring::hmac::sign(&secret, signed.as_bytes()),
    );
    world.check(&format!("{signed}.{mac}"), Err(Flaw::Algorithm)).await;
    // A key that the token brings along is nobody's.
    let stranger = Signer::es256("es");
    let token = stranger.sign_with(&json!({ "jwk": stranger.jwk() }), &good);
    world.check(&token, Err(Flaw::Signature)).await;
}

#[tokio::test]
async fn headers_that_mean_something_else() {
    let world = world(&issuer());
    let good = claims(NOW_S, &json!({}));
    for (header, expected) in [
        (json!({}), Ok(())),
        (json!({ "typ": "JWT" }), Ok(())),
        (json!({ "typ": "application/at+jwt" }), Ok(())),
        (json!({ "typ": "dpop+jwt" }), Err(Flaw::Kind)),
        (json!({ "typ": "logout+jwt" }), Err(Flaw::Kind)),
        (json!({ "typ": "oauth-id-jag+jwt" }), Err(Flaw::Kind)),
        (json!({ "crit": ["b64"], "b64": false }), Err(Flaw::Critical)),
        (json!({ "alg": 1 }), Err(Flaw::NoJwt)),
        (json!({ "typ": "x".repeat(2000) }), Err(Flaw::NoJwt)),
        (json!({ "x5c": ["x".repeat(4000)] }), Err(Flaw::TooLong)),
    ] {
        world.check(&world.es256.sign_with(&header, &good), expected).await;
    }
}

#[tokio::test]
async fn tokens_of_other_kinds_under_the_same_key() {
    let world = world(&issuer());
    for (typ, changes, expected) in [
        // As OpenID Connect has them: an ID token, one beside a code, and a logout token.
        (None, json!({ "nonce": "n" }), Err(Flaw::Kind)),
        (Some("JWT"), json!({ "at_hash": "h" }), Err(Flaw::Kind)),
        (Some("JWT"), json!({ "c_hash": "h" }), Err(Flaw::Kind)),
        (None, json!({ "events": { "http://schemas.openid.net/event/backchannel-logout": {} } }), Err(Flaw::Kind)),
        // As Keycloak and Cognito have them.
        (Some("JWT"), json!({ "typ": "ID" }), Err(Flaw::Kind)),
        (Some("JWT"), json!({ "typ": "Refresh" }), Err(Flaw::Kind)),
        (Some("JWT"), json!({ "typ": "Bearer" }), Ok(())),
        (Some("JWT"), json!({ "typ": "Bearer", "nonce": "n" }), Ok(())),
        (Some("JWT"), json!({ "typ": 7 }), Err(Flaw::Kind)),
        (None, json!({ "token_use": "id" }), Err(Flaw::Kind)),
        (None, json!({ "token_use": "access" }), Ok(())),
        (None, json!({ "token_use": "access", "typ": "ID" }), Err(Flaw::Kind)),
        // Whoever says so in the header has nothing more to say.
        (Some("at+jwt"), json!({ "nonce": "n" }), Ok(())),
        (Some("at+JWT"), json!({ "typ": "x" }), Ok(())),
    ] {
        let header = typ.map_or(json!({}), |typ| json!({ "typ": typ }));
        world.check(&world.es256.sign_with(&header, &claims(NOW_S, &changes)), expected).await;
    }
}

#[tokio::test]
async fn a_scope_brings_those_that_are_in_it() {
    let auth = crate::config::auth_for_tests("[scope_includes]\nwrite = ['append']");
    let world = world(&issuer());
    let token = world.es256.sign(&claims(NOW_S, &json!({})));
    let found = validate(&*world.trusted, (&"https://h".parse().unwrap(), &auth.scope_includes), &token, NOW_S).await;
    assert_eq!(found.ok().unwrap().principal.scopes, ["read", "write", "append"]);
}

#[tokio::test]
async fn what_is_no_token() {
    let world = world(&issuer());
    for text in ["", "x", "a.b", "..", "a.b.c.d", "e30.e30.", "!.!.!", "bnVsbA.bnVsbA.AA"] {
        assert_eq!(world.found(text).await, Err(Flaw::NoJwt), "{text}");
    }
    let long = world.es256.sign(&claims(NOW_S, &json!({ "x": "x".repeat(20_000) })));
    world.check(&long, Err(Flaw::TooLong)).await;
    // Twice the same claim: which of them did the issuer mean?
    let twice = base64::Engine::encode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        format!(r#"{{"sub":"bob",{}"#, &claims(NOW_S, &json!({})).to_string()[1..]),
    );
    let token = world.es256.sign(&json!({}));
    let [header, _, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    world.check(&format!("{header}.{twice}.{signature}"), Err(Flaw::NoJwt)).await;
}

#[tokio::test]
async fn issuers_audiences_and_times() {
    let world = world(&issuer());
    for (changes, expected) in [
        (json!({ "iss": "https://evil.example" }), Err(Flaw::Issuer)),
        (json!({ "iss": "https://id.example/" }), Err(Flaw::Issuer)),
        (json!({ "iss": ["https://id.example"] }), Err(Flaw::Claim)),
        (json!({ "iss": null }), Err(Flaw::Issuer)),
        (json!({ "aud": "https://other/mcp" }), Err(Flaw::Audience)),
        (json!({ "aud": "https://h" }), Err(Flaw::Audience)),
        (json!({ "aud": "https://h/t/other/mcp" }), Err(Flaw::Audience)),
        (json!({ "aud": null }), Err(Flaw::Audience)),
        (json!({ "aud": [] }), Err(Flaw::Audience)),
        (json!({ "aud": { "a": "https://h/mcp" } }), Err(Flaw::Audience)),
        (json!({ "aud": ["https://other/mcp", "https://h/mcp"] }), Ok(())),
        (json!({ "aud": "HTTPS://H:443/mcp/" }), Ok(())),
        (json!({ "aud": "https://h/t/acme/mcp" }), Ok(())),
        (json!({ "exp": NOW_S - 31 }), Err(Flaw::Expired)),
        (json!({ "exp": NOW_S - 30 }), Err(Flaw::Expired)),
        (json!({ "exp": NOW_S - 29 }), Ok(())),
        (json!({ "exp": (NOW_S + 1) as f64 + 0.5 }), Ok(())),
        (json!({ "exp": null }), Err(Flaw::NoExpiry)),
        (json!({ "exp": "tomorrow" }), Err(Flaw::NoExpiry)),
        (json!({ "exp": -1 }), Err(Flaw::NoExpiry)),
        (json!({ "exp": 1e300 }), Err(Flaw::NoExpiry)),
        (json!({ "exp": u64::MAX }), Ok(())),
        (json!({ "nbf": NOW_S + 31 }), Err(Flaw::NotYet)),
        (json!({ "nbf": NOW_S + 30 }), Ok(())),
        (json!({ "nbf": "now" }), Err(Flaw::Claim)),
        (json!({ "iat": NOW_S + 3600 }), Err(Flaw::NotYet)),
        (json!({ "iat": null }), Ok(())),
    ] {
        world.check_claims(&changes, expected).await;
    }
}

#[tokio::test]
async fn owners_and_bindings() {
    let world = world(&issuer());
    for (changes, expected) in [
        (json!({ "sub": null }), Ok(())),
        (json!({ "sub": null, "client_id": null }), Err(Flaw::NoSubject)),
        (json!({ "sub": "" }), Err(Flaw::NoSubject)),
        (json!({ "sub": "anonymous" }), Err(Flaw::NoSubject)),
        (json!({ "sub": 7 }), Err(Flaw::Claim)),
        (json!({ "sub": "x".repeat(600) }), Err(Flaw::Claim)),
        (json!({ "sub": "a\nb" }), Err(Flaw::Claim)),
        (json!({ "sub": "a\u{1b}[31m" }), Err(Flaw::Claim)),
        (json!({ "client_id": "a\0" }), Err(Flaw::Claim)),
        (json!({ "groups": ["a\rb"] }), Err(Flaw::Claim)),
        (json!({ "scope": 7 }), Err(Flaw::Claim)),
        (json!({ "groups": [{ "a": 1 }] }), Err(Flaw::Claim)),
        (json!({ "groups": vec!["g"; 1001] }), Err(Flaw::Claim)),
        (json!({ "cnf": { "jkt": "x" } }), Ok(())),
        (json!({ "cnf": { "x5t#S256": "x" } }), Err(Flaw::Binding)),
        (json!({ "cnf": { "jkt": "x", "x5t#S256": "x" } }), Err(Flaw::Binding)),
        (json!({ "cnf": {} }), Err(Flaw::Binding)),
        (json!({ "cnf": "x" }), Err(Flaw::Binding)),
    ] {
        world.check_claims(&changes, expected).await;
    }
    let alone = world.validate(&world.es256.sign(&claims(NOW_S, &json!({ "sub": null })))).await.ok().unwrap();
    assert_eq!(alone.principal.subject, "agent", "a program that calls on its own behalf");
    let scp = json!({ "scope": null, "scp": ["a", "b"] });
    let scp = world.validate(&world.es256.sign(&claims(NOW_S, &scp))).await.ok().unwrap();
    assert_eq!(scp.principal.scopes, ["a", "b"]);
    let bound =
        world.validate(&world.es256.sign(&claims(NOW_S, &json!({ "cnf": { "jkt": "x" } })))).await.ok().unwrap();
    assert_eq!(bound.bound_to.as_deref(), Some("x"));
}

#[tokio::test]
async fn what_the_operator_says_of_an_issuer() {
    let only = ["acme".parse().unwrap(), "umbrella".parse().unwrap()].into();
    let settings = Issuer {
        audiences: vec!["api://tools".into()],
        tenant: TenantOf::Claim { claim: "org".into(), only },
        subject_claim: "email".into(),
        subject_prefix: "id:".into(),
        scopes_claim: Some("https://x.example/scopes".into()),
        groups_claim: "realm_access.roles".into(),
        groups_prefix: "id:".into(),
        algorithms: vec![Algorithm::EdDsa],
        ..issuer()
    };
    let world = world(&settings);
    let token = |changes: Value| {
        let mut full = json!({
            "aud": "api://tools", "org": "umbrella", "email": "a@x.example", "https://x.example/scopes": "s",
            "realm_access": { "roles": ["admin"] },
        });
        changes.as_object().unwrap().iter().for_each(|(name, value)| full[name] = value.clone());
        world.ed25519.sign(&claims(NOW_S, &full))
    };
    let found = world.validate(&token(json!({}))).await.ok().unwrap().principal;
    assert_eq!((found.tenant.as_str(), found.subject.as_str()), ("umbrella", "id:a@x.example"));
    assert_eq!(
        (found.scopes.as_slice(), found.groups.as_slice()),
        (&["s".to_owned()][..], &["id:admin".to_owned()][..])
    );
    world.check(&token(json!({ "aud": "https://h/mcp" })), Err(Flaw::Audience)).await;
    for wrong in [json!({ "org": "other" }), json!({ "org": null }), json!({ "org": "a b" })] {
        world.check(&token(wrong), Err(Flaw::NoTenant)).await;
    }
    let forbidden = world.es256.sign(&claims(NOW_S, &json!({ "aud": "api://tools" })));
    world.check(&forbidden, Err(Flaw::Algorithm)).await;
}
