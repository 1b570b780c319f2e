//! Public keys as JSON (RFC 7517, RFC 8037), and what is signed with them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::config::Algorithm;

/// A modulus of 8192 bits, the largest that `ring` takes.
const RSA_BYTES_MAX: usize = 1024;

/// What only the owner of a key has (RFC 7518, 6.2.2, 6.3.2 and 6.4.1).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A key that checks signatures, and cannot make any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PublicKey {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// Uncompressed points (SEC 1, 2.3.3).
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl PublicKey {
    /// Reads a key. `None`: it is of a kind that is not known here, or broken, or no public key.
    pub(super) fn read(jwk: &Map<String, Value>) -> Option<Self> {
        if PRIVATE.iter().any(|member| jwk.contains_key(*member)) {
            return None;
        }
        let text = |member: &str| jwk.get(member).and_then(Value::as_str);
        let bytes = |member: &str| BASE64URL.decode(text(member)?).ok();
        let point = |coordinate_bytes: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            let fits = x.len() == coordinate_bytes && y.len() == coordinate_bytes;
            fits.then(|| [&[4][..], &x, &y].concat())
        };
        match (text("kty")?, text("crv")) {
            ("RSA", _) => {
                let (n, e) = (significant(bytes("n")?), significant(bytes("e")?));
                (!n.is_empty() && n.len() <= RSA_BYTES_MAX && !e.is_empty()).then_some(Self::Rsa { n, e })
            }
            ("EC", Some("P-256")) => point(32).map(Self::P256),
            ("EC", Some("P-384")) => point(48).map(Self::P384),
            ("OKP", Some("Ed25519")) => bytes("x").filter(|x| x.len() == 32).map(Self::Ed25519),
            _ => None,
        }
    }

    /// Whether a signature of this algorithm can be of this key at all.
    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        use Algorithm::{EdDsa, Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        match self {
            Self::Rsa { .. } => matches!(algorithm, Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512),
            Self::P256(_) => algorithm == Es256,
            Self::P384(_) => algorithm == Es384,
            Self::Ed25519(_) => algorithm == EdDsa,
        }
    }

    /// Whether `signature` is this key's, under `message`. RSA keys below 2048 bits sign nothing.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let (point, parameters): (_, &'static dyn signature::VerificationAlgorithm) = match self {
            Self::Rsa { n, e } => {
                let Some(parameters) = rsa_parameters(algorithm) else { return false };
                return RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok();
            }
            Self::P256(point) => (point, &signature::ECDSA_P256_SHA256_FIXED),
            Self::P384(point) => (point, &signature::ECDSA_P384_SHA384_FIXED),
            Self::Ed25519(point) => (point, &signature::ED25519),
        };
        self.fits(algorithm) && UnparsedPublicKey::new(parameters, point).verify(message, signature).is_ok()
    }

    /// The key's name that is made of the key itself (RFC 7638).
    pub(super) fn thumbprint(&self) -> String {
        let encode = |bytes: &[u8]| BASE64URL.encode(bytes);
        let of_curve = |curve: &str, point: &[u8]| {
            // Behind the byte that says "uncompressed".
            let (x, y) = point[1..].split_at(point.len() / 2);
            format!(r#"{{"crv":"{curve}","kty":"EC","x":"{}","y":"{}"}}"#, encode(x), encode(y))
        };
        let members = match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encode(e), encode(n)),
            Self::P256(point) => of_curve("P-256", point),
            Self::P384(point) => of_curve("P-384", point),
            Self::Ed25519(x) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(x)),
        };
        encode(&Sha256::digest(members))
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static signature::RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => return None,
    })
}

/// A number without the zeros that some write in front of it, which `ring` does not take.
fn significant(bytes: Vec<u8>) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes[zeros..].to_vec()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(jwk: &Value) -> Option<PublicKey> {
        PublicKey::read(jwk.as_object().unwrap())
    }

    /// RFC 7638, 3.1.
    fn example() -> Value {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn6\
                 4tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOp\
                 bISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        json!({ "kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29" })
    }

    #[test]
    fn a_thumbprint_is_the_rfcs() {
        assert_eq!(read(&example()).unwrap().thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        // RFC 8037, A.3.
        let ed = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        assert_eq!(read(&ed).unwrap().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_private_or_broken_key_is_none() {
        for member in PRIVATE {
            let mut jwk = example();
            jwk[member] = "AQAB".into();
            assert_eq!(read(&jwk), None, "{member}");
        }
        let short = json!({ "kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB" });
        let secret = json!({ "kty": "oct", "k": "AQAB" });
        let other = json!({ "kty": "EC", "crv": "secp256k1", "x": "AQAB", "y": "AQAB" });
        for wrong in [short, secret, other, json!({}), json!({ "kty": "RSA", "n": "=", "e": "AQAB" })] {
            assert_eq!(read(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_signs_with_what_it_is_for() {
        let rsa = read(&example()).unwrap();
        assert!(rsa.fits(Algorithm::Ps256) && !rsa.fits(Algorithm::Es256) && !rsa.fits(Algorithm::EdDsa));
        assert!(!rsa.verifies(Algorithm::Es256, b"x", &[0; 64]));
    }
}
