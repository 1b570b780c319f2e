//! Values that the client keeps for us, sealed: nobody can read or change them, and they fit only where they were made for.
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) under a ring of keys: the first seals, all open, so that keys can be
//! rotated while old values are still out. What a value is bound to (its purpose, the caller, the request) is authenticated
//! with it but not in it: opened anywhere else it is as broken as if it were tampered with. Hosts with the same ring open
//! each other's values.

use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};

use crate::clock::{millis, now_ms};

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

const NONCE_BYTES: usize = 24;

/// Bytes of the expiry, in front of what is sealed: milliseconds since 1970, big-endian.
const EXPIRY_BYTES: usize = 8;

/// Ids are short, so that they can stand in front of every value.
const KEY_ID_CHARS_MAX: usize = 16;

/// The keys, newest first. Never empty.
#[derive(Clone)]
pub struct KeyRing {
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    id: Box<str>,
    cipher: XChaCha20Poly1305,
}

/// Why a sealed value was not opened. What exactly was wrong with it is nobody's business but ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("it was not made here, for this, by you")]
    Broken,
    #[error("it has expired")]
    Expired,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

impl KeyRing {
    /// A ring of the given keys, the first of which seals. The error says what is wrong with them.
    pub fn new(keys: &[(String, [u8; KEY_BYTES])]) -> Result<Self, String> {
        let legal = |id: &str| {
            !id.is_empty() && id.len() <= KEY_ID_CHARS_MAX && id.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
        };
        if keys.is_empty() {
            return Err("a key ring needs at least one key".into());
        }
        for (place, (id, _)) in keys.iter().enumerate() {
            if !legal(id) {
                return Err(format!("key id `{id}`: use 1 to {KEY_ID_CHARS_MAX} letters, digits and `-`"));
            }
            if keys[..place].iter().any(|(other, _)| other == id) {
                return Err(format!("key id `{id}` is there twice"));
            }
        }
        let keys =
            keys.iter().map(|(id, key)| Key { id: id.as_str().into(), cipher: XChaCha20Poly1305::new(key.into()) });
        Ok(Self { keys: keys.collect() })
    }

    /// A ring of one key that ends with the process.
    pub fn ephemeral() -> io::Result<Self> {
        Ok(Self::new(&[("process".into(), random()?)]).expect("the id is legal"))
    }

    /// A ring of the one key in `path`, which is made if it is not there: hosts of one machine share it.
    pub fn in_file(path: &Path) -> io::Result<Self> {
        let fresh = random::<KEY_BYTES>()?;
        match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(mut file) => file.write_all(&fresh)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let key = fs::read(path)?;
        let key = key.try_into().map_err(|_| {
            let reason = format!("{} does not hold {KEY_BYTES} bytes; remove it to get a new key", path.display());
            io::Error::new(io::ErrorKind::InvalidData, reason)
        })?;
        Ok(Self::new(&[("machine".into(), key)]).expect("the id is legal"))
    }

    /// Seals `plain` for `ttl`, bound to `binding`: letters, digits, `-`, `_` and `.` only.
    pub fn seal(&self, plain: &[u8], binding: &Binding, ttl: Duration) -> io::Result<String> {
        let key = &self.keys[0];
        let nonce = random::<NONCE_BYTES>()?;
        let mut msg = Vec::with_capacity(EXPIRY_BYTES + plain.len());
        msg.extend_from_slice(&now_ms().saturating_add(millis(ttl)).to_be_bytes());
        msg.extend_from_slice(plain);
        let payload = Payload { msg: &msg, aad: &binding.bytes };
        let sealed =
            key.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| io::Error::other("too long to seal"))?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(format!("{}.{}", key.id, BASE64URL.encode(bytes)))
    }

    /// Opens what [`KeyRing::seal`] made with the same binding. One changed or added character is a [`SealError::Broken`].
    pub fn open(&self, sealed: &str, binding: &Binding) -> Result<Vec<u8>, SealError> {
        let (id, encoded) = sealed.split_once('.').ok_or(SealError::Broken)?;
        let key = self.keys.iter().find(|key| *key.id == *id).ok_or(SealError::Broken)?;
        // This engine refuses padding, other alphabets, and stray bits at the end.
        let bytes = BASE64URL.decode(encoded).map_err(|_| SealError::Broken)?;
        let (nonce, msg) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Broken)?;
        let payload = Payload { msg, aad: &binding.bytes };
        let mut plain = key.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::Broken)?;
        let expiry = *plain.first_chunk::<EXPIRY_BYTES>().ok_or(SealError::Broken)?;
        if u64::from_be_bytes(expiry) <= now_ms() {
            return Err(SealError::Expired);
        }
        plain.drain(..EXPIRY_BYTES);
        Ok(plain)
    }
}

/// What a sealed value is bound to: a purpose, and the parts that must be the same when it comes back.
#[derive(Debug, Clone)]
pub struct Binding {
    bytes: Vec<u8>,
}

impl Binding {
    /// A binding of `parts` for `purpose`. No two different lists of parts give the same binding.
    pub fn new(purpose: &str, parts: &[&[u8]]) -> Self {
        let mut bytes = Vec::with_capacity(64);
        for part in [purpose.as_bytes()].into_iter().chain(parts.iter().copied()) {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        Self { bytes }
    }
}

/// Bytes from the operating system.
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(format!("no random numbers: {error}")))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn ring(ids: &[&str]) -> KeyRing {
        let keys: Vec<_> =
            ids.iter().map(|id| ((*id).to_owned(), [id.len() as u8 ^ id.as_bytes()[0]; KEY_BYTES])).collect();
        KeyRing::new(&keys).unwrap()
    }

    #[test]
    fn a_value_comes_back_as_it_was() {
        let binding = Binding::new("test", &[b"a"]);
        let sealed = ring(&["k1"]).seal(b"hello", &binding, HOUR).unwrap();
        assert_eq!(ring(&["k1"]).open(&sealed, &binding).unwrap(), b"hello");
    }

    #[test]
    fn keys_rotate() {
        let binding = Binding::new("test", &[]);
        let old = ring(&["k1"]).seal(b"x", &binding, HOUR).unwrap();
        assert!(ring(&["k2", "k1"]).open(&old, &binding).is_ok());
        assert_eq!(ring(&["k2"]).open(&old, &binding), Err(SealError::Broken));
        assert!(ring(&["k2", "k1"]).seal(b"x", &binding, HOUR).unwrap().starts_with("k2."));
    }

    #[test]
    fn every_changed_character_breaks_it() {
        let (ring, binding) = (ring(&["k1"]), Binding::new("test", &[]));
        let sealed = ring.seal(b"hello", &binding, HOUR).unwrap();
        for place in 0..sealed.len() {
            for other in ['A', 'b', '-', '.', '=', '+', ' '] {
                let mut changed: Vec<char> = sealed.chars().collect();
                if changed[place] == other {
                    continue;
                }
                changed[place] = other;
                let changed: String = changed.into_iter().collect();
                assert_eq!(ring.open(&changed, &binding), Err(SealError::Broken), "{changed}");
            }
        }
        for added in ["=", "A", "-TAMPERED", "\n", "."] {
            assert_eq!(ring.open(&format!("{sealed}{added}"), &binding), Err(SealError::Broken), "{added:?}");
        }
        for short in 0..sealed.len() {
            assert_eq!(ring.open(&sealed[..short], &binding), Err(SealError::Broken));
        }
    }

    #[test]
    fn it_fits_only_where_it_was_made_for() {
        let ring = ring(&["k1"]);
        let sealed = ring.seal(b"x", &Binding::new("test", &[b"ab", b"c"]), HOUR).unwrap();
        for other in [
            Binding::new("test", &[b"a", b"bc"]),
            Binding::new("test", &[b"ab"]),
            Binding::new("other", &[b"ab", b"c"]),
            Binding::new("test", &[b"ab", b"c", b""]),
        ] {
            assert_eq!(ring.open(&sealed, &other), Err(SealError::Broken));
        }
    }

    #[test]
    fn it_ends() {
        let (ring, binding) = (ring(&["k1"]), Binding::new("test", &[]));
        let sealed = ring.seal(b"x", &binding, Duration::ZERO).unwrap();
        assert_eq!(ring.open(&sealed, &binding), Err(SealError::Expired));
    }

    #[test]
    fn the_machines_key_is_made_once_and_private() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("seal.key");
        let binding = Binding::new("test", &[]);
        let sealed = KeyRing::in_file(&path).unwrap().seal(b"x", &binding, HOUR).unwrap();
        assert!(KeyRing::in_file(&path).unwrap().open(&sealed, &binding).is_ok());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        fs::write(&path, b"short").unwrap();
        assert!(KeyRing::in_file(&path).unwrap_err().to_string().contains("remove it"));
    }
}
