//! Signatures as cosign makes them with a key pair: of a manifest in a registry, or of a file.
//!
//! Cosign's `specs/SIGNATURE_SPEC.md`: ECDSA on P-256 over SHA-256, in ASN.1. What is signed of a manifest is a payload in the
//! "simple signing" format, which names the manifest's digest; the name that the signer claims for it is ignored, so that a mirror
//! needs no signatures of its own. Certificates and the transparency log (keyless signing) are not looked at.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};

use crate::{ids::Digest, json};

/// What stands before a P-256 key's point in a `SubjectPublicKeyInfo` (RFC 5480): its length and both object identifiers are
/// always the same.
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// An uncompressed point.
const POINT_BYTES: usize = 65;

/// A signature in base64 has some hundred characters; a file with more is something else.
const SIGNATURE_FILE_BYTES_MAX: u64 = 4 << 10;

/// `critical.type` of what cosign signs.
const PAYLOAD_TYPE: &str = "cosign container image signature";

/// A key that is trusted.
#[derive(Debug, Clone)]
pub(super) struct PublicKey {
    point: Vec<u8>,
}

/// One signature of a manifest, as a registry gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    /// What is signed.
    pub(super) payload: Vec<u8>,
    /// In ASN.1.
    pub(super) signature: Vec<u8>,
}

/// Reads the keys in these files. The error is a sentence for the operator.
pub(super) fn read_keys(files: &[PathBuf]) -> Result<Vec<PublicKey>, String> {
    files.iter().map(|file| PublicKey::read(file)).collect()
}

/// Whether one of the keys has signed the manifest of that digest.
pub(super) fn check_manifest(keys: &[PublicKey], signatures: &[Signature], manifest: Digest) -> Result<(), String> {
    if signatures.is_empty() {
        return Err("is not signed".into());
    }
    let signed =
        |signature: &&Signature| keys.iter().any(|key| key.has_signed(&signature.payload, &signature.signature));
    let ours: Vec<&Signature> = signatures.iter().filter(signed).collect();
    if ours.is_empty() {
        return Err("is not signed by any of the keys that are trusted".into());
    }
    // What a payload says counts only once it is known who says it.
    match ours.iter().any(|signature| names(&signature.payload, manifest)) {
        true => Ok(()),
        false => Err("has a signature of something else".into()),
    }
}

/// Whether one of the keys has signed these bytes. `signature` is what `cosign sign-blob` prints.
pub(super) fn check_bytes(keys: &[PublicKey], bytes: &[u8], signature: &str) -> Result<(), String> {
    let signature = BASE64.decode(signature.trim()).map_err(|_| "has a signature that is not base64")?;
    match keys.iter().any(|key| key.has_signed(bytes, &signature)) {
        true => Ok(()),
        false => Err("is not signed by any of the keys that are trusted".into()),
    }
}

/// The file that holds a component's signature.
pub fn signature_file(component: &Path) -> PathBuf {
    let mut name = component.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// Reads the signature beside a component.
pub(super) fn read_signature(component: &Path) -> Result<String, String> {
    let path = signature_file(component);
    let file = match fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(format!("is not signed: there is no {}", path.display()));
        }
        Err(error) => return Err(format!("has a signature in {} that cannot be read: {error}", path.display())),
    };
    let mut text = String::new();
    let read = file.take(SIGNATURE_FILE_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| format!("has a signature in {} that cannot be read: {error}", path.display()))?;
    Ok(text)
}

impl PublicKey {
    fn read(file: &Path) -> Result<Self, String> {
        let wrong = |reason: &dyn std::fmt::Display| format!("the public key {} {reason}", file.display());
        let text = fs::read(file).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        Self::parse(&text).map_err(|reason| wrong(&reason))
    }

    fn parse(pem: &[u8]) -> Result<Self, &'static str> {
        let info = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| "is not a public key in PEM")?;
        let point = info.as_ref().strip_prefix(&P256_PREFIX).filter(|point| point.len() == POINT_BYTES);
        let point = point.ok_or("is not a key for ECDSA on P-256, which is what cosign makes")?;
        Ok(Self { point: point.to_vec() })
    }

    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point).verify(message, signature).is_ok()
    }
}

/// Whether a payload is about the manifest of that digest.
fn names(payload: &[u8], manifest: Digest) -> bool {
    let Some(payload) = std::str::from_utf8(payload).ok().and_then(|text| json::strict(text).ok()) else {
        return false;
    };
    let critical = &payload["critical"];
    // The specification's example has a capital letter that the program does not write.
    let digest = critical["image"].get("docker-manifest-digest").or(critical["image"].get("Docker-manifest-digest"));
    critical["type"] == PAYLOAD_TYPE
        && digest.and_then(|digest| digest.as_str()).is_some_and(|digest| digest.parse() == Ok(manifest))
}

#[cfg(test)]
mod tests;
