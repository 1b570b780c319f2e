use http::{HeaderMap, HeaderValue};
use serde_json::json;

use super::{keys::Entry, *};
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
            .map(|(principal, _)| format!("{}@{}", principal.subject, principal.tenant))
            .map_err(|challenge| challenge.why())
    }

    fn token(&self) -> String {
        self.signer.sign(&claims(now_s(), &json!({})))
    }

    /// Somebody who was let in with this credential.
    async fn admitted(&self, credential: &str) -> (Arc<Principal>, Pass) {
        let headers = headers(&[&format!("Bearer {credential}")]);
        self.authenticator.authenticate(&Method::POST, None, &headers).await.ok().unwrap()
    }

    /// What takes the place of its authenticator under these settings.
    fn succeeded(&self, settings: &Auth) -> Authenticator {
        let next = self.authenticator.succeeded(settings, "https://h".parse().unwrap(), "test");
        next.load().unwrap();
        next
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
        world.authenticator.authenticate(&Method::POST, Some(&tenant), &headers(authorization)).await.err().unwrap()
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
    let (principal, _) = open.authenticate(&Method::POST, None, &headers(&["Bearer whatever"])).await.unwrap();
    assert_eq!(*principal, Principal::anonymous());
}

#[tokio::test]
async fn bound_tokens_take_their_proof() {
    let world = world("");
    let bound = world.signer.sign(&claims(now_s(), &json!({ "cnf": { "jkt": "x" } })));
    for (scheme, error) in [("Bearer", "invalid_token"), ("DPoP", "invalid_dpop_proof")] {
        let authorization = format!("{scheme} {bound}");
        let refused = world.authenticator.authenticate(&Method::POST, None, &headers(&[&authorization])).await;
        let line = refused.err().unwrap().headers()[0].1.to_str().unwrap().to_owned();
        assert!(line.starts_with("DPoP ") && line.contains(&format!("error=\"{error}\"")), "{line}");
    }
    let required = self::world("[dpop]\nrequired = true");
    let token = format!("Bearer {}", required.token());
    assert_eq!(required.ask(None, &[&token]).await, Err(Why::Invalid));
    assert_eq!(required.ask(None, &[&format!("Bearer {}", required.key)]).await.as_deref(), Ok("ci@acme"));
    let missing = required.authenticator.authenticate(&Method::POST, None, &HeaderMap::new()).await.err().unwrap();
    let schemes: Vec<_> =
        missing.headers().iter().map(|(_, value)| value.to_str().unwrap().split(' ').next()).collect();
    assert_eq!(schemes, [Some("Bearer"), Some("DPoP")]);
}

#[tokio::test]
async fn the_trail_learns_whose_a_credential_was_if_that_is_certain() {
    let world = world("");
    let ask = async |scheme: &str, token: &str| {
        let sent = headers(&[&format!("{scheme} {token}")]);
        let refused = world.authenticator.authenticate(&Method::POST, None, &sent).await.map(drop).unwrap_err();
        let known = refused.known().map(|known| (known.subject.clone().unwrap(), known.by.kind()));
        (refused.code(), known)
    };
    let theirs = |subject: &str, kind| Some((subject.to_owned(), kind));
    let bound = world.signer.sign(&claims(now_s(), &json!({ "cnf": { "jkt": "x" } })));
    let expired = world.signer.sign(&claims(1, &json!({})));
    assert_eq!(ask("Bearer", &expired).await, ("token_expired", theirs("alice", "token")));
    assert_eq!(ask("Bearer", &bound).await, ("token_binding", theirs("alice", "token")));
    assert_eq!(ask("DPoP", &bound).await, ("proof_count", theirs("alice", "token")));
    let forged = Signer::es256("a").sign(&claims(now_s(), &json!({})));
    assert_eq!(ask("Bearer", &forged).await, ("token_signature", None));
    assert_eq!(ask("Bearer", "ty_k_0123").await, ("unknown_key", None), "the id alone is nobody's");
    std::fs::write(world.authenticator.settings.keys_file.as_ref().unwrap(), "").unwrap();
    world.authenticator.load().unwrap();
    assert_eq!(ask("Bearer", &world.key).await, ("revoked_key", theirs("ci", "key")));
    let nobody = world.authenticator.authenticate(&Method::POST, None, &HeaderMap::new()).await.map(drop).unwrap_err();
    assert_eq!((nobody.code(), nobody.known()), ("no_credentials", None));
}

#[tokio::test]
async fn keys_that_changed_while_no_host_ran_are_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let (path, seen) = (folder.path().join("keys.jsonl"), folder.path().join("keys.seen"));
    let settings = auth_for_tests(&format!("keys_file = '{}'", path.display()));
    let add = |id: &str| {
        let entry = Entry::mint(Some(id.into()), "acme".parse().unwrap(), "ci".into(), now_s()).unwrap().0;
        keys::update(&path, |entries| {
            entries.retain(|other| other.id != "a");
            entries.push(entry);
            Ok(())
        })
        .unwrap();
    };
    // What a host that begins now writes of keys.
    let begins = async || {
        let trail = crate::audit::for_tests(folder.path());
        let host = Authenticator::new(&settings, "https://h".parse().unwrap(), "t", KeyRing::ephemeral().unwrap());
        let host = host.audited(trail.clone(), Some(seen.clone()));
        host.load().unwrap();
        trail.close().await;
        let records = trail.recent(100).into_iter().map(|line| serde_json::from_str::<Value>(&line).unwrap());
        let keys = records.filter(|record| record["what"] == "key");
        keys.map(|record| format!("{} {}", record["change"], record["name"])).collect::<Vec<_>>()
    };
    add("a");
    assert!(begins().await.is_empty(), "the first host knows of no time before");
    assert!(begins().await.is_empty(), "nothing changed");
    add("b");
    assert_eq!(begins().await, [r#""added" "b""#, r#""removed" "a""#]);
    assert!(begins().await.is_empty());
}

#[tokio::test]
async fn a_refusal_repeats_nothing_that_was_sent() {
    let world = world("");
    for sent in ["ty_k_0123456789", "aaa.bbb.ccc", "seekrit"] {
        let refused =
            world.authenticator.authenticate(&Method::POST, None, &headers(&[&format!("Bearer {sent}")])).await;
        assert!(!format!("{:?}", refused.err().unwrap()).contains(sent));
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

/// Whether a stream of somebody who was let in would end by itself by then.
async fn ends(stream: &mut futures_util::future::BoxFuture<'static, ()>) -> bool {
    // Whoever is told of something is on the way to look.
    tokio::task::yield_now().await;
    futures_util::FutureExt::now_or_never(stream).is_some()
}

#[tokio::test]
async fn a_stream_ends_with_the_key_that_opened_it() {
    let world = world("");
    let (principal, pass) = world.admitted(&world.key).await;
    let door = Arc::new(ArcSwap::new(Arc::clone(&world.authenticator)));
    let stream = || ended(Arc::clone(&door), Arc::clone(&principal), pass.clone());
    let mut open = stream();
    assert!(!ends(&mut open).await);
    let path = world.authenticator.settings.keys_file.clone().unwrap();
    let change = |change: &dyn Fn(&mut Vec<keys::Entry>)| {
        keys::update(&path, |entries| {
            change(entries);
            Ok(())
        })
        .unwrap();
        world.authenticator.load_keys().unwrap();
    };
    change(&|entries| {
        let other = keys::Entry::mint(Some("other".into()), "acme".parse().unwrap(), "x".into(), now_s()).unwrap().0;
        entries.push(other);
        entries[0].expires = Some(clock::to_text(now_s() + 3600));
    });
    assert!(!ends(&mut open).await, "another key is no affair of its");
    change(&|entries| entries[0].groups = vec!["others".into()]);
    assert!(ends(&mut open).await, "its owner is somebody else now");
    change(&|entries| entries[0].groups = Vec::new());
    let mut open = stream();
    assert!(!ends(&mut open).await);
    change(&|entries| entries.retain(|entry| entry.id != "k"));
    assert!(ends(&mut open).await);
    assert!(ends(&mut stream()).await, "and before it has begun");
}

#[tokio::test]
async fn a_caller_stays_no_longer_than_its_credential() {
    let world = world("");
    let now_ms = clock::now_ms();
    let left =
        |auth: &Authenticator, (principal, pass): &(Arc<Principal>, Pass), at_ms| auth.left(principal, pass, at_ms);
    let key = world.admitted(&world.key).await;
    assert_eq!(left(&world.authenticator, &key, now_ms), Some(Duration::MAX));
    let exp_s = now_s() + 300;
    let token = world.admitted(&world.signer.sign(&claims(now_s(), &json!({ "exp": exp_s })))).await;
    let clocks_ms = 30_000;
    assert_eq!(left(&world.authenticator, &token, exp_s * 1000 + clocks_ms - 1), Some(Duration::from_millis(1)));
    assert_eq!(left(&world.authenticator, &token, exp_s * 1000 + clocks_ms), None);

    let settings = world.authenticator.settings.clone();
    let same = world.succeeded(&settings);
    assert!(left(&same, &token, now_ms).is_some() && left(&same, &key, now_ms).is_some());
    let strict = Auth { dpop: crate::config::Dpop { required: true, ..settings.dpop.clone() }, ..settings.clone() };
    let strict = world.succeeded(&strict);
    assert!(left(&strict, &token, now_ms).is_none(), "whether it would still be let in is to be asked");
    assert!(left(&strict, &key, now_ms).is_some());
    let none = world.succeeded(&Auth { issuers: Vec::new(), keys_file: None, ..settings });
    assert!(left(&none, &token, now_ms).is_none() && left(&none, &key, now_ms).is_none());
}

#[tokio::test]
async fn those_without_credentials_go_when_they_are_not_let_in_any_more() {
    let world = world("anonymous = 'guests'");
    let asked = world.authenticator.authenticate(&Method::POST, None, &HeaderMap::new()).await;
    let (principal, pass) = asked.ok().unwrap();
    let door = Arc::new(ArcSwap::new(Arc::clone(&world.authenticator)));
    let mut open = ended(Arc::clone(&door), principal, pass);
    assert!(!ends(&mut open).await);
    let next = Arc::new(world.succeeded(&Auth { anonymous: None, ..world.authenticator.settings.clone() }));
    door.store(Arc::clone(&next));
    next.takes_over();
    assert!(ends(&mut open).await);
}

#[tokio::test]
async fn a_key_that_its_issuer_withdraws_ends_streams() {
    let settings = auth_for_tests(
        "[[issuer]]\nurl = 'https://id.example'\njwks_uri = 'https://id.example/k'\nkeys_refetch_ms_min = 0",
    );
    let authenticator =
        Authenticator::new(&settings, "https://h".parse().unwrap(), "test", KeyRing::ephemeral().unwrap());
    let (old, new) = (Signer::es256("old"), Signer::es256("new"));
    let shown = Arc::new(Mutex::new(showing(&[old.jwk()])));
    let get: Get = {
        let shown = Arc::clone(&shown);
        Arc::new(move |url| shown.lock().unwrap()(url))
    };
    let authenticator = Arc::new(authenticator);
    assert!(authenticator.gets.set(vec![get]).is_ok());
    let stop = CancellationToken::new();
    let tending = tokio::spawn(Arc::clone(&authenticator).tend(stop.clone()));
    let ask = async |token: String| {
        let headers = headers(&[&format!("Bearer {token}")]);
        authenticator.authenticate(&Method::POST, None, &headers).await.ok().unwrap()
    };
    let (principal, pass) = ask(old.sign(&claims(now_s(), &json!({})))).await;
    let mut open = ended(Arc::new(ArcSwap::new(Arc::clone(&authenticator))), principal, pass);
    assert!(!ends(&mut open).await);
    *shown.lock().unwrap() = showing(&[new.jwk()]);
    // A token with the new key has the keys fetched.
    ask(new.sign(&claims(now_s(), &json!({ "sub": "bob" })))).await;
    open.await;
    stop.cancel();
    tending.await.unwrap();
}

#[tokio::test]
async fn an_issuer_that_is_away_is_not_forgotten_when_something_else_changes() {
    let world = world("");
    let token = format!("Bearer {}", world.token());
    assert!(world.ask(None, &[&token]).await.is_ok());
    let settings = Auth { scopes: vec!["other".into()], ..world.authenticator.settings.clone() };
    // Nobody fetches anything for this one.
    let next = world.succeeded(&settings);
    assert!(next.authenticate(&Method::POST, None, &headers(&[&token])).await.is_ok());
    let elsewhere = Issuer { jwks_uri: "https://id.example/other".parse().ok(), ..settings.issuers[0].clone() };
    let next = world.succeeded(&Auth { issuers: vec![elsewhere], ..settings });
    assert_eq!(next.issuers[0].settings.jwks_uri.as_ref().map(url::Url::path), Some("/other"));
    assert!(!Arc::ptr_eq(&next.issuers[0], &world.authenticator.issuers[0]), "its keys are others");
}
