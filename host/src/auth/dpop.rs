//! Proofs of possession (RFC 9449): whoever sends a token that is bound to a key shows with each request that he has the key.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use sha2::{Digest as _, Sha256};
use url::{Position, Url};

use super::{
    jwk::PublicKey,
    jwt::{Flaw, Jwt},
};
use crate::{
    config::Dpop,
    seal::{Binding, KeyRing},
    store::{Store, Write, Wrote},
};

/// Proofs of one key that are remembered: more than 300 in each second of the longest window.
const PROOFS_MAX: usize = 100_000;

/// Keys whose proofs are remembered.
const KEYS_MAX: usize = 50_000;

/// By how much the store's clock may be ahead of this host's, so that it forgets no proof too soon.
const CLOCKS_S: u64 = 60;

/// What a nonce is sealed for.
const NONCE: &str = "dpop-nonce";

/// Checks proofs, and remembers them for as long as they could be used again.
pub(super) struct Proofs {
    settings: Dpop,
    /// Makes and reads nonces, which are the same on all hosts that share it.
    ring: KeyRing,
    /// By the key's thumbprint: calls with different keys share no lock.
    seen: Arc<papaya::HashMap<String, Arc<Mutex<Seen>>>>,
    /// What remembers for all hosts that share it, and beyond this process. `None`: nothing does.
    store: Option<Arc<dyn Store>>,
}

/// The proofs of one key.
#[derive(Default)]
struct Seen {
    /// The hash of each one's `jti`, and until when it could be used.
    ids: HashMap<[u8; 16], u64>,
    /// Whether the map has let go of it, so that what were noted here would be forgotten.
    gone: bool,
}

/// A proof that was good, and not used before on this host.
pub(super) struct Used {
    /// Where the store has it.
    key: String,
    until_s: u64,
}

/// A proof, and what it is to prove.
pub(super) struct Shown<'a> {
    pub(super) proof: &'a str,
    pub(super) method: &'a str,
    /// Where the request went, as clients know it.
    pub(super) url: &'a str,
    pub(super) token: &'a str,
    /// The key that the token is bound to.
    pub(super) jkt: &'a str,
}

/// Why a proof proves nothing. The text is for whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadProof {
    #[error("a token that is bound to a key takes exactly one `DPoP` header")]
    Count,
    #[error("the proof is no JWT that this server reads")]
    NoJwt,
    #[error("the proof must be of type dpop+jwt")]
    Kind,
    #[error("the proof must hold the public key that it is signed with, and no private one")]
    Key,
    #[error("the proof's signature is not of its key")]
    Signature,
    #[error("the proof is for another method")]
    Method,
    #[error("the proof is for another URL")]
    Url,
    #[error("the proof is too old, or made in the future")]
    Time,
    #[error("the proof is for another access token")]
    Token,
    #[error("the access token is bound to another key")]
    OtherKey,
    #[error("the proof has no jti, or none of a sensible length")]
    NoId,
    #[error("the proof was used before")]
    Replayed,
    #[error("more proofs were used than this server remembers; use fewer for a while")]
    TooMany,
    #[error("the proof must hold the nonce that this server gives")]
    Nonce,
    #[error(
        "this server cannot tell at the moment whether the proof was used before; make another and try again shortly"
    )]
    Unsaid,
}

impl BadProof {
    /// The same in a word, for the trail.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Count => "proof_count",
            Self::NoJwt => "proof_no_jwt",
            Self::Kind => "proof_kind",
            Self::Key => "proof_key",
            Self::Signature => "proof_signature",
            Self::Method => "proof_method",
            Self::Url => "proof_url",
            Self::Time => "proof_time",
            Self::Token => "proof_token",
            Self::OtherKey => "proof_other_key",
            Self::NoId => "proof_no_id",
            Self::Replayed => "proof_replayed",
            Self::TooMany => "proof_too_many",
            Self::Nonce => "proof_nonce",
            Self::Unsaid => "proof_unsaid",
        }
    }
}

impl Proofs {
    pub(super) fn new(settings: &Dpop, ring: KeyRing) -> Self {
        Self { settings: settings.clone(), ring, seen: Arc::default(), store: None }
    }

    /// The same, which remembers in `store` as well.
    pub(super) fn shared(self, store: Option<Arc<dyn Store>>) -> Self {
        Self { store, ..self }
    }

    /// The same under other settings: what was used once stays used.
    pub(super) fn succeeded(&self, settings: &Dpop) -> Self {
        let (ring, seen, store) = (self.ring.clone(), Arc::clone(&self.seen), self.store.clone());
        Self { settings: settings.clone(), ring, seen, store }
    }

    pub(super) fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// Checks a proof as RFC 9449, 4.3, says. One that was good is good no more on this host; whether it was used on another is for
    /// [`Proofs::first_anywhere`] to say.
    pub(super) fn check(&self, shown: &Shown<'_>, now_s: u64) -> Result<Used, BadProof> {
        let jwt = Jwt::read(shown.proof).map_err(|_| BadProof::NoJwt)?;
        if jwt.typ.as_deref() != Some("dpop+jwt") {
            return Err(BadProof::Kind);
        }
        let key = jwt.jwk.as_ref().and_then(PublicKey::read).ok_or(BadProof::Key)?;
        if key.thumbprint() != shown.jkt {
            return Err(BadProof::OtherKey);
        }
        if !jwt.is_signed_with(&key) {
            return Err(BadProof::Signature);
        }
        let text = |name: &str| jwt.text(name).ok().flatten();
        if text("htm") != Some(shown.method) {
            return Err(BadProof::Method);
        }
        if !text("htu").is_some_and(|htu| is_same_place(htu, shown.url)) {
            return Err(BadProof::Url);
        }
        if text("ath") != Some(&*BASE64URL.encode(Sha256::digest(shown.token))) {
            return Err(BadProof::Token);
        }
        let until_s = self.in_time(&jwt, now_s)?;
        if self.settings.nonce && !text("nonce").is_some_and(|nonce| self.is_our_nonce(nonce)) {
            return Err(BadProof::Nonce);
        }
        self.first_use(&jwt, shown.jkt, until_s, now_s)
    }

    /// Whether no host that shares the store has seen the proof, this one before it was started included. Fails with
    /// [`BadProof::Unsaid`] where the store cannot say: who takes down the store is not to get more than before.
    pub(super) async fn first_anywhere(&self, used: &Used) -> Result<(), BadProof> {
        let Some(store) = &self.store else { return Ok(()) };
        let expires_ms = used.until_s.saturating_add(CLOCKS_S).saturating_mul(1000);
        let write = Write { bytes: Vec::new(), expires_ms, due: None, group: None };
        match store.write(&used.key, 0, write).await {
            Ok(Wrote::Done) => Ok(()),
            Ok(Wrote::Stale | Wrote::Full) => Err(BadProof::Replayed),
            Err(error) => {
                tracing::debug!(%error, "nobody can say whether a proof of possession was used before");
                Err(BadProof::Unsaid)
            }
        }
    }

    /// A nonce for the next proofs, where they must hold one.
    pub(super) fn nonce(&self) -> Option<String> {
        if !self.settings.nonce {
            return None;
        }
        self.ring.seal(&[], &Binding::new(NONCE, &[]), self.settings.window).ok()
    }

    /// Forgets what could not be used again anyway.
    pub(super) fn tidy(&self, now_s: u64) {
        self.seen.pin().retain(|_, seen| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.ids.retain(|_, until_s| now_s < *until_s);
            seen.gone = seen.ids.is_empty();
            !seen.gone
        });
    }

    /// Until when the proof could be used.
    fn in_time(&self, jwt: &Jwt<'_>, now_s: u64) -> Result<u64, BadProof> {
        let window_s = seconds(self.settings.window);
        let made = jwt.time("iat").ok().flatten().ok_or(BadProof::Time)?;
        let (from, until) = (made.saturating_sub(window_s), made.saturating_add(window_s));
        (from <= now_s && now_s <= until).then_some(until + 1).ok_or(BadProof::Time)
    }

    fn is_our_nonce(&self, nonce: &str) -> bool {
        self.ring.open(nonce, &Binding::new(NONCE, &[])).is_ok()
    }

    fn first_use(&self, jwt: &Jwt<'_>, jkt: &str, until_s: u64, now_s: u64) -> Result<Used, BadProof> {
        let jti =
            jwt.text("jti").map_err(|_: Flaw| BadProof::NoId)?.filter(|jti| !jti.is_empty()).ok_or(BadProof::NoId)?;
        let hash: [u8; 32] = Sha256::digest(jti).into();
        let (id, _) = hash.split_first_chunk::<16>().ok_or(BadProof::NoId)?;
        loop {
            let seen = self.of_key(jkt, now_s).ok_or(BadProof::TooMany)?;
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if !seen.gone {
                seen.note(*id, until_s, now_s)?;
                // Neither part of it has a slash.
                return Ok(Used { key: format!("dpop/{jkt}/{}", BASE64URL.encode(id)), until_s });
            }
        }
    }

    fn of_key(&self, jkt: &str, now_s: u64) -> Option<Arc<Mutex<Seen>>> {
        if let Some(seen) = self.seen.pin().get(jkt) {
            return Some(Arc::clone(seen));
        }
        if self.seen.len() >= KEYS_MAX {
            self.tidy(now_s);
        }
        (self.seen.len() < KEYS_MAX)
            .then(|| Arc::clone(self.seen.pin().get_or_insert_with(jkt.to_owned(), Arc::default)))
    }
}

impl Seen {
    fn note(&mut self, id: [u8; 16], until_s: u64, now_s: u64) -> Result<(), BadProof> {
        if self.ids.len() >= PROOFS_MAX {
            self.ids.retain(|_, until_s| now_s < *until_s);
        }
        if self.ids.contains_key(&id) {
            return Err(BadProof::Replayed);
        }
        // To forget one that could come again would be to let it.
        if self.ids.len() >= PROOFS_MAX {
            return Err(BadProof::TooMany);
        }
        self.ids.insert(id, until_s);
        Ok(())
    }
}

fn seconds(duration: Duration) -> u64 {
    duration.as_secs().max(1)
}

/// Whether two URLs are the same but for what stands behind `?` and `#`, and for spellings (RFC 9449, 4.3, 9).
fn is_same_place(one: &str, other: &str) -> bool {
    let place = |text: &str| Url::parse(text).ok().map(|url| url[..Position::AfterPath].to_owned());
    match (place(one), place(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
