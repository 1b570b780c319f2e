//! Tokens that were found good a moment ago, so that the next call with one costs no signature.
//!
//! They are known by their SHA-256, not as they are: whoever reads this memory finds no token in it.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::oauth::Validated;

/// Tokens that are believed at once. Each is a few hundred bytes.
const TOKENS_MAX: usize = 50_000;

/// The tokens. Reading takes no lock.
#[derive(Default)]
pub(super) struct Believed {
    tokens: papaya::HashMap<[u8; 32], Arc<Validated>>,
}

impl Believed {
    /// What is known of `token`, if that is still good.
    pub(super) fn get(&self, token: &str, now_s: u64) -> Option<Arc<Validated>> {
        let tokens = self.tokens.pin();
        tokens.get(&name(token)).filter(|known| now_s < known.until_s).map(Arc::clone)
    }

    /// Notes that `token` is good.
    pub(super) fn note(&self, token: &str, validated: &Arc<Validated>, now_s: u64) {
        let tokens = self.tokens.pin();
        if tokens.len() >= TOKENS_MAX {
            tokens.retain(|_, known| now_s < known.until_s);
        }
        // Whoever finds it full is checked again each time, which is slow and right.
        if tokens.len() < TOKENS_MAX {
            tokens.insert(name(token), Arc::clone(validated));
        }
    }

    /// Forgets those that are good no longer.
    pub(super) fn tidy(&self, now_s: u64) {
        self.tokens.pin().retain(|_, known| now_s < known.until_s);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }
}

fn name(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
