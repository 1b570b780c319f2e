//! For how long a caller is who it was found to be. A request is over before that matters; a stream of news is not, and ends when a
//! request with the same credential would be refused.

use std::{future, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use tokio::{select, time};

use super::{Authenticator, By, Principal, clock, keys::Known, oauth::Validated};

/// By what a caller was let in.
#[derive(Clone, Default)]
pub struct Pass(pub(super) Held);

#[derive(Clone, Default)]
pub(super) enum Held {
    /// Nothing: nobody asked, or those without credentials are let in as well.
    #[default]
    Nothing,
    Key(Arc<Known>),
    /// A token, which was found good under these settings.
    Token(Arc<Validated>, u64),
}

/// Ends when the caller would not be let in again as who it is: its credential has expired or was revoked, or somebody else decides
/// now who is let in. `auth` has whoever decides.
pub fn ended(auth: Arc<ArcSwap<Authenticator>>, principal: Arc<Principal>, pass: Pass) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        // Before the first look, so that nothing is missed between that and the wait.
        let mut news = auth.load().changed.subscribe();
        loop {
            let left = auth.load().left(&principal, &pass, clock::now_ms());
            let Some(left) = left else { return };
            select! {
                () = time::sleep(left) => {}
                told = news.changed() => if told.is_err() { return future::pending().await },
            }
        }
    })
}

impl Authenticator {
    /// How long the caller may stay, as far as can be said now. `None`: not any longer.
    pub(super) fn left(&self, principal: &Principal, pass: &Pass, now_ms: u64) -> Option<Duration> {
        let until = |until_s: u64| {
            let left = until_s.saturating_mul(1000).saturating_sub(now_ms);
            (left > 0).then_some(Duration::from_millis(left))
        };
        match &pass.0 {
            Held::Nothing => {
                let may = !self.asks() || self.anonymous.as_deref() == Some(principal);
                may.then_some(Duration::MAX)
            }
            Held::Key(known) => {
                let By::Key(id) = &principal.by else { return None };
                self.keys.load().still(id, known).and_then(|expires_s| expires_s.map_or(Some(Duration::MAX), until))
            }
            Held::Token(validated, under) => {
                let By::Token { issuer } = &principal.by else { return None };
                let may = *under == self.settings_number
                    && self.issuers.iter().any(|trusted| trusted.stands_by(issuer, validated));
                if may { until(validated.ends_s) } else { None }
            }
        }
    }
}
