//! Proofs of possession, beyond what an official client does (`sign_in`).

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use toolyard_tests::{Host, Issuer, Reply, Setup, modern_request};

use super::{challenge, trust};

const PUBLIC: &str = "http://127.0.0.1:1";

/// A client with a key.
struct Client {
    pair: EcdsaKeyPair,
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64URL.encode(bytes)
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs()
}

impl Client {
    fn new() -> Client {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("keys can be made");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random);
        Client { pair: pair.expect("a key that was just made") }
    }

    fn point(&self) -> (String, String) {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        (encode(x), encode(y))
    }

    /// RFC 7638.
    fn thumbprint(&self) -> String {
        let (x, y) = self.point();
        encode(digest(&SHA256, format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#).as_bytes()))
    }

    fn proof(&self, token: &str, id: &str) -> String {
        let (x, y) = self.point();
        let header =
            json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": { "kty": "EC", "crv": "P-256", "x": x, "y": y } });
        let ath = encode(digest(&SHA256, token.as_bytes()));
        let claims = json!({ "jti": id, "htm": "POST", "htu": format!("{PUBLIC}/mcp"), "iat": now_s(), "ath": ath });
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).expect("it can sign");
        format!("{signed}.{}", encode(signature))
    }
}

/// A token that is bound to the client's key.
fn bound(issuer: &mut Issuer, client: &Client) -> String {
    let claims: Value = json!({
        "iss": issuer.url(), "sub": "alice", "aud": format!("{PUBLIC}/mcp"), "exp": now_s() + 600,
        "cnf": { "jkt": client.thumbprint() },
    });
    issuer.sign(&claims, &json!({}))
}

fn list(host: &Host, token: &str, proof: &str) -> Reply {
    let request = modern_request("tools/list", json!({})).header("Authorization", &format!("DPoP {token}"));
    host.send(&request.header("DPoP", proof))
}

#[test]
fn a_proof_is_good_once_on_all_hosts_that_share_a_store() {
    let (mut issuer, client) = (Issuer::start(), Client::new());
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let config = format!("public_url = '{PUBLIC}'\n{}", trust(&issuer, ""));
    let start = || Setup::new().guest("echo").config(&config).state(folder.path()).start();
    let (one, two) = (start(), start());
    let token = bound(&mut issuer, &client);
    let used = |host: &Host, proof: &str| challenge(&list(host, &token, proof), 401).contains("was used before");
    let first = client.proof(&token, "1");
    assert_eq!(list(&one, &token, &first).status, 200);
    assert!(used(&one, &first) && used(&two, &first));
    assert_eq!(list(&two, &token, &client.proof(&token, "2")).status, 200);
    one.stop();
    let again = start();
    assert!(used(&again, &first), "a host that starts anew has not forgotten");
    // The same id is another client's to use.
    let other = Client::new();
    let others = bound(&mut issuer, &other);
    assert_eq!(list(&again, &others, &other.proof(&others, "1")).status, 200);
    again.stop();
    two.stop();
}
