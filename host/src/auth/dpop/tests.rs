use serde_json::{Value, json};

use super::*;
use crate::{
    auth::testing::{NOW_S, Signer},
    store::Sqlite,
};

const TOKEN: &str = "the-token";

const URL: &str = "https://h/mcp";

fn proofs(settings: &Dpop) -> Proofs {
    Proofs::new(settings, KeyRing::ephemeral().unwrap())
}

fn public(signer: &Signer) -> Value {
    let mut jwk = signer.jwk();
    jwk.as_object_mut().unwrap().remove("kid");
    jwk
}

fn thumbprint(signer: &Signer) -> String {
    PublicKey::read(signer.jwk().as_object().unwrap()).unwrap().thumbprint()
}

/// A good proof but for these changes of header and claims; null takes something out.
fn proof(signer: &Signer, header: &Value, claims: &Value) -> String {
    let change = |mut whole: Value, changes: &Value| {
        changes.as_object().unwrap().iter().for_each(|(name, value)| whole[name] = value.clone());
        whole.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        whole
    };
    let ath = BASE64URL.encode(Sha256::digest(TOKEN));
    let whole = json!({ "jti": "1", "htm": "POST", "htu": URL, "iat": NOW_S, "ath": ath });
    let full = change(json!({ "typ": "dpop+jwt", "jwk": public(signer) }), header);
    signer.sign_with(&full, &change(whole, claims))
}

fn check(proofs: &Proofs, signer: &Signer, proof: &str) -> Result<(), BadProof> {
    let shown = Shown { proof, method: "POST", url: URL, token: TOKEN, jkt: &thumbprint(signer) };
    proofs.check(&shown, NOW_S).map(drop)
}

/// The same, and whether another host has seen it.
async fn check_anywhere(proofs: &Proofs, signer: &Signer, proof: &str) -> Result<(), BadProof> {
    let shown = Shown { proof, method: "POST", url: URL, token: TOKEN, jkt: &thumbprint(signer) };
    proofs.first_anywhere(&proofs.check(&shown, now_s())?).await
}

fn now_s() -> u64 {
    crate::clock::now_ms() / 1000
}

#[test]
fn a_proof_is_held_against_its_request() {
    let (signer, stranger) = (Signer::es256("a"), Signer::es256("b"));
    let none = json!({});
    let mut private = public(&signer);
    private["d"] = "AQAB".into();
    for (header, claims, expected) in [
        (none.clone(), none.clone(), Ok(())),
        (none.clone(), json!({ "htu": "HTTPS://H:443/mcp?x#y" }), Ok(())),
        (json!({ "typ": "JWT" }), none.clone(), Err(BadProof::Kind)),
        (json!({ "typ": null }), none.clone(), Err(BadProof::Kind)),
        (json!({ "alg": "HS256" }), none.clone(), Err(BadProof::NoJwt)),
        (json!({ "alg": "none" }), none.clone(), Err(BadProof::NoJwt)),
        (json!({ "jwk": null }), none.clone(), Err(BadProof::Key)),
        (json!({ "jwk": private }), none.clone(), Err(BadProof::Key)),
        (json!({ "jwk": public(&stranger) }), none.clone(), Err(BadProof::OtherKey)),
        (none.clone(), json!({ "htm": "GET" }), Err(BadProof::Method)),
        (none.clone(), json!({ "htm": null }), Err(BadProof::Method)),
        (none.clone(), json!({ "htu": "https://h/t/acme/mcp" }), Err(BadProof::Url)),
        (none.clone(), json!({ "htu": "http://h/mcp" }), Err(BadProof::Url)),
        (none.clone(), json!({ "htu": "/mcp" }), Err(BadProof::Url)),
        (none.clone(), json!({ "ath": "x" }), Err(BadProof::Token)),
        (none.clone(), json!({ "ath": null }), Err(BadProof::Token)),
        (none.clone(), json!({ "iat": NOW_S - 301 }), Err(BadProof::Time)),
        (none.clone(), json!({ "iat": NOW_S + 301 }), Err(BadProof::Time)),
        (none.clone(), json!({ "iat": null }), Err(BadProof::Time)),
        (none.clone(), json!({ "iat": NOW_S - 300 }), Ok(())),
        (none.clone(), json!({ "jti": null }), Err(BadProof::NoId)),
        (none.clone(), json!({ "jti": "" }), Err(BadProof::NoId)),
        (none, json!({ "jti": "x".repeat(600) }), Err(BadProof::NoId)),
    ] {
        let found = check(&proofs(&Dpop::default()), &signer, &proof(&signer, &header, &claims));
        assert_eq!(found, expected, "{header} {claims}");
    }
}

#[test]
fn a_proof_of_somebody_else() {
    let (signer, stranger) = (Signer::es256("a"), Signer::es256("b"));
    let proofs = proofs(&Dpop::default());
    // Signed by the stranger, with the key of the other in it.
    let forged = proof(&stranger, &json!({ "jwk": public(&signer) }), &json!({}));
    assert_eq!(check(&proofs, &signer, &forged), Err(BadProof::Signature));
    assert_eq!(check(&proofs, &signer, &proof(&stranger, &json!({}), &json!({}))), Err(BadProof::OtherKey));
    assert_eq!(check(&proofs, &signer, "no proof"), Err(BadProof::NoJwt));
    let rsa = Signer::rsa("r");
    assert_eq!(check(&proofs, &rsa, &proof(&rsa, &json!({ "alg": "PS256" }), &json!({}))), Ok(()));
}

#[test]
fn a_proof_is_good_once() {
    let (signer, other) = (Signer::es256("a"), Signer::ed25519("b"));
    let proofs = proofs(&Dpop::default());
    let first = proof(&signer, &json!({}), &json!({}));
    assert_eq!(check(&proofs, &signer, &first), Ok(()));
    assert_eq!(check(&proofs, &signer, &first), Err(BadProof::Replayed));
    // The same id again, signed anew.
    assert_eq!(
        check(&proofs, &signer, &proof(&signer, &json!({}), &json!({ "iat": NOW_S - 1 }))),
        Err(BadProof::Replayed)
    );
    assert_eq!(check(&proofs, &signer, &proof(&signer, &json!({}), &json!({ "jti": "2" }))), Ok(()));
    assert_eq!(check(&proofs, &other, &proof(&other, &json!({}), &json!({}))), Ok(()), "of another key");
    // It is remembered for as long as it could be used, and not longer.
    proofs.tidy(NOW_S + 300);
    assert_eq!(check(&proofs, &signer, &first), Err(BadProof::Replayed));
    proofs.tidy(NOW_S + 301);
    assert_eq!(proofs.seen.len(), 0);
}

#[test]
fn what_is_refused_is_not_remembered() {
    let signer = Signer::es256("a");
    let proofs = proofs(&Dpop::default());
    assert_eq!(check(&proofs, &signer, &proof(&signer, &json!({}), &json!({ "htm": "GET" }))), Err(BadProof::Method));
    assert_eq!(proofs.seen.len(), 0, "nobody fills the memory with what proves nothing");
    assert_eq!(check(&proofs, &signer, &proof(&signer, &json!({}), &json!({}))), Ok(()));
}

#[test]
fn the_memory_has_a_bound_and_forgets_nothing() {
    let mut seen = Seen::default();
    let id = |number: u64| std::array::from_fn(|place| if place < 8 { number.to_be_bytes()[place] } else { 0 });
    for number in 0..PROOFS_MAX as u64 {
        assert_eq!(seen.note(id(number), NOW_S + 1, NOW_S), Ok(()));
    }
    assert_eq!(seen.note(id(u64::MAX), NOW_S + 1, NOW_S), Err(BadProof::TooMany));
    assert_eq!(seen.note(id(0), NOW_S + 1, NOW_S), Err(BadProof::Replayed));
    assert_eq!(seen.note(id(0), NOW_S + 2, NOW_S + 1), Ok(()), "when its time is over, there is room");
}

#[tokio::test]
async fn a_proof_is_good_once_on_all_hosts_that_share_a_store() {
    let (signer, other) = (Signer::es256("a"), Signer::es256("b"));
    let store: Arc<dyn Store> = Arc::new(Sqlite::in_memory().unwrap());
    let host = || proofs(&Dpop::default()).shared(Some(Arc::clone(&store)));
    let (here, there) = (host(), host());
    let first = proof(&signer, &json!({}), &json!({ "iat": now_s() }));
    assert_eq!(check_anywhere(&here, &signer, &first).await, Ok(()));
    assert_eq!(check_anywhere(&there, &signer, &first).await, Err(BadProof::Replayed));
    let next = here.succeeded(&Dpop::default());
    assert_eq!(check_anywhere(&next, &signer, &first).await, Err(BadProof::Replayed));
    assert_eq!(check_anywhere(&host(), &signer, &first).await, Err(BadProof::Replayed), "a host that starts anew");
    let again = |claims: Value| proof(&signer, &json!({}), &claims);
    assert_eq!(check_anywhere(&there, &signer, &again(json!({ "iat": now_s(), "jti": "2" }))).await, Ok(()));
    let others = proof(&other, &json!({}), &json!({ "iat": now_s() }));
    assert_eq!(check_anywhere(&there, &other, &others).await, Ok(()), "the same id with another key");
    assert_eq!(check_anywhere(&proofs(&Dpop::default()), &signer, &first).await, Ok(()), "of another store");
}

#[tokio::test]
async fn a_store_that_cannot_say_opens_nothing() {
    let (signer, folder) = (Signer::es256("a"), tempfile::tempdir().unwrap());
    let path = folder.path().join("state.db");
    let proofs = proofs(&Dpop::default()).shared(Some(Arc::new(Sqlite::open(&path).unwrap())));
    let fresh = |jti: &str| proof(&signer, &json!({}), &json!({ "iat": now_s(), "jti": jti }));
    assert_eq!(check_anywhere(&proofs, &signer, &fresh("1")).await, Ok(()));
    rusqlite::Connection::open(&path).unwrap().execute("DROP TABLE record", []).unwrap();
    assert_eq!(check_anywhere(&proofs, &signer, &fresh("2")).await, Err(BadProof::Unsaid));
}

#[test]
fn nonces_are_ours_and_fresh() {
    let (signer, settings) = (Signer::es256("a"), Dpop { nonce: true, ..Dpop::default() });
    let (ours, theirs) = (proofs(&settings), proofs(&settings));
    let with = |nonce: Value| check(&ours, &signer, &proof(&signer, &json!({}), &json!({ "nonce": nonce })));
    assert_eq!(with(Value::Null), Err(BadProof::Nonce));
    assert_eq!(with("made up".into()), Err(BadProof::Nonce));
    assert_eq!(with(theirs.nonce().unwrap().into()), Err(BadProof::Nonce));
    assert_eq!(with(ours.nonce().unwrap().into()), Ok(()));
    assert_eq!(proofs(&Dpop::default()).nonce(), None);
}
