//! Issuers and clients made to order, for tests.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use ring::{
    rand::SystemRandom,
    rsa,
    signature::{
        self, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    },
};
use serde_json::{Value, json};

use super::fetch::Get;
use crate::config::{Auth, Issuer, TenantOf};

pub(super) const ISSUER: &str = "https://id.example";

/// The time at which everything happens in tests that need one.
pub(super) const NOW_S: u64 = 1_800_000_000;

/// Somebody who signs.
pub(super) struct Signer {
    kid: String,
    key: Key,
}

enum Key {
    Es256(Box<EcdsaKeyPair>),
    EdDsa(Box<Ed25519KeyPair>),
    Rsa(Box<rsa::KeyPair>),
}

impl Signer {
    pub(super) fn es256(kid: &str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        Self { kid: kid.into(), key: Key::Es256(Box::new(key)) }
    }

    pub(super) fn ed25519(kid: &str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self { kid: kid.into(), key: Key::EdDsa(Box::new(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())) }
    }

    /// A key that stands in the repository, since `ring` makes none of this kind.
    pub(super) fn rsa(kid: &str) -> Self {
        let key = rsa::KeyPair::from_pkcs8(include_bytes!("testdata/rsa2048.pk8.der")).unwrap();
        Self { kid: kid.into(), key: Key::Rsa(Box::new(key)) }
    }

    pub(super) fn jwk(&self) -> Value {
        let encode = |bytes: &[u8]| BASE64URL.encode(bytes);
        let mut jwk = match &self.key {
            Key::Es256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) })
            }
            Key::EdDsa(key) => json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(key.public_key().as_ref()) }),
            Key::Rsa(key) => {
                let public = rsa::PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({ "kty": "RSA", "n": encode(&public.n), "e": encode(&public.e) })
            }
        };
        jwk["kid"] = self.kid.as_str().into();
        jwk
    }

    /// A token with this header besides `alg` and `kid`.
    pub(super) fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let algorithm = match &self.key {
            Key::Es256(_) => "ES256",
            Key::EdDsa(_) => "EdDSA",
            Key::Rsa(_) => "RS256",
        };
        let mut full = json!({ "alg": algorithm, "kid": self.kid });
        header.as_object().unwrap().iter().for_each(|(name, value)| full[name] = value.clone());
        let signed = format!("{}.{}", encode(&full), encode(claims));
        let signature = self.signature(full["alg"].as_str().unwrap_or_default(), signed.as_bytes());
        format!("{signed}.{}", BASE64URL.encode(signature))
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({ "typ": "at+jwt" }), claims)
    }

    fn signature(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Es256(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Key::EdDsa(key) => key.sign(message).as_ref().to_vec(),
            Key::Rsa(key) => {
                let padding: &'static dyn signature::RsaEncoding =
                    if algorithm == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(padding, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

/// A part of a token.
pub(super) fn encode(part: &Value) -> String {
    BASE64URL.encode(part.to_string())
}

/// An issuer with nothing special about it.
pub(super) fn issuer() -> Issuer {
    let auth = auth();
    Issuer { tenant: TenantOf::Fixed("acme".parse().unwrap()), ..auth.issuers[0].clone() }
}

pub(super) fn auth() -> Auth {
    crate::config::auth_for_tests(&format!("[[issuer]]\nurl = '{ISSUER}'\njwks_uri = '{ISSUER}/keys'"))
}

/// What a good token says, with these changes; null takes a claim out.
pub(super) fn claims(now_s: u64, changes: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": "https://h/mcp", "sub": "alice", "client_id": "agent", "scope": "read write",
        "groups": ["staff"], "iat": now_s, "exp": now_s + 300,
    });
    changes.as_object().unwrap().iter().for_each(|(name, value)| claims[name] = value.clone());
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// Gives these keys to whoever asks for anything.
pub(super) fn showing(keys: &[Value]) -> Get {
    let document = json!({ "keys": keys }).to_string().into_bytes();
    std::sync::Arc::new(move |_| {
        let document = document.clone();
        Box::pin(async move { Ok(document) })
    })
}
