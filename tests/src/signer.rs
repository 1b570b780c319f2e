//! Somebody who signs, as `cosign` does with a key pair.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::json;
use tempfile::TempDir;

/// What stands before a P-256 key's point (RFC 5480).
const PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A key pair, made for one test.
pub struct Signer {
    pair: EcdsaKeyPair,
    folder: TempDir,
}

impl Signer {
    pub fn new() -> Signer {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("keys can be made");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, made.as_ref(), &random);
        let pair = pair.expect("a key that was just made");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let text = BASE64.encode([&PREFIX[..], pair.public_key().as_ref()].concat());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n{}\n-----END PUBLIC KEY-----\n", &text[..64], &text[64..]);
        std::fs::write(folder.path().join("cosign.pub"), pem).expect("a file can be written");
        Signer { pair, folder }
    }

    /// Its public key, in PEM.
    pub fn public_key(&self) -> PathBuf {
        Path::new(self.folder.path()).join("cosign.pub")
    }

    /// What `cosign sign-blob --key` prints.
    pub fn sign(&self, bytes: &[u8]) -> String {
        BASE64.encode(self.pair.sign(&SystemRandom::new(), bytes).expect("it can sign"))
    }

    /// What `cosign generate` makes of a manifest's digest, and the signature of that.
    pub fn sign_manifest(&self, reference: &str, manifest: &str) -> (Vec<u8>, String) {
        let payload = json!({
            "critical": {
                "identity": { "docker-reference": reference },
                "image": { "docker-manifest-digest": manifest },
                "type": "cosign container image signature",
            },
            "optional": null,
        });
        let payload = payload.to_string().into_bytes();
        let signature = self.sign(&payload);
        (payload, signature)
    }
}

impl Default for Signer {
    fn default() -> Signer {
        Signer::new()
    }
}
