//! An issuer's keys: fetched beside the requests that need them, kept, and replaced when the issuer replaces them.
//!
//! Requests never fetch. They look at the snapshot; if it lacks a key, they wake the one keeper and wait for news. The keeper
//! asks the issuer once, for all that wait, and not again for a while: tokens that name keys nobody has cost the issuer
//! nothing, and a request that breaks off breaks no fetch off.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::{
    select,
    sync::{Notify, watch},
    time,
};
use tokio_util::sync::CancellationToken;

use super::{discovery, fetch::Get, jwk::PublicKey};
use crate::config::{Algorithm, Issuer};

/// More keys than an issuer has in use.
const KEYS_MAX: usize = 200;

/// Of keys that a token could be signed with, so many are tried: one, unless an issuer gives its keys no ids.
const TRIED_MAX: usize = 4;

/// How long a request waits for an issuer's keys: discovery has three places to look at.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// After an issuer did not answer, it is asked again after this, then after twice as long, and so on.
const RETRY_MIN: Duration = Duration::from_secs(1);

/// But after this at the latest.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// The keys of one issuer.
pub(super) struct Keys {
    issuer: String,
    jwks_uri: Option<url::Url>,
    refresh: Duration,
    refetch_min: Duration,
    stale_max: Duration,
    state: ArcSwap<State>,
    wanted: Notify,
    news: watch::Sender<()>,
}

/// What is known.
#[derive(Default)]
struct State {
    keys: Option<(Arc<KeySet>, Instant)>,
    /// When the issuer was last asked, whatever came of it.
    asked: Option<Instant>,
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoKey {
    /// The issuer has none like that.
    Unknown,
    /// It cannot be asked.
    Away,
}

impl Keys {
    pub(super) fn new(issuer: &Issuer) -> Self {
        Self {
            issuer: issuer.url.clone(),
            jwks_uri: issuer.jwks_uri.clone(),
            refresh: issuer.keys_refresh.max(RETRY_MIN),
            refetch_min: issuer.keys_refetch_min,
            stale_max: issuer.keys_stale_max,
            state: ArcSwap::default(),
            wanted: Notify::new(),
            news: watch::Sender::new(()),
        }
    }

    /// The keys that a token with this header may be signed with.
    pub(super) async fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Vec<PublicKey>, NoKey> {
        match self.look(kid, algorithm) {
            Ok(found) => return Ok(found),
            Err(no_key) if self.was_asked_lately() => return Err(no_key),
            Err(_) => {}
        }
        // Before the keeper is woken, so that what it says then is heard.
        let mut news = self.news.subscribe();
        self.wanted.notify_one();
        match time::timeout(WAIT_MAX, news.changed()).await {
            Ok(_) => self.look(kid, algorithm),
            Err(_) => Err(NoKey::Away),
        }
    }

    /// Whether the issuer is known not to show this key any more.
    pub(super) fn is_withdrawn(&self, key: &PublicKey) -> bool {
        self.state.load().keys.as_ref().is_some_and(|(keys, _)| !keys.0.iter().any(|named| named.key == *key))
    }

    /// Told whenever the issuer was asked for its keys.
    pub(super) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Keeps the keys fresh, until `stop`.
    pub(super) async fn keep(&self, get: &Get, stop: CancellationToken) {
        let (mut next, mut failures) = (time::Instant::now(), 0_u32);
        loop {
            let asked = select! {
                () = stop.cancelled() => return,
                () = self.wanted.notified() => true,
                () = time::sleep_until(next) => false,
            };
            if !(asked && self.was_asked_lately()) {
                let fetched = select! {
                    () = stop.cancelled() => return,
                    fetched = self.fetch(get) => fetched,
                };
                failures = if self.note(fetched) { 0 } else { failures.saturating_add(1) };
                next = time::Instant::now()
                    + match failures {
                        0 => self.refresh,
                        _ => RETRY_MAX.min(RETRY_MIN * 2_u32.saturating_pow(failures.min(10) - 1)),
                    };
            }
            self.news.send_replace(());
        }
    }

    fn look(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Vec<PublicKey>, NoKey> {
        let state = self.state.load();
        let Some((keys, fetched)) = &state.keys else { return Err(NoKey::Away) };
        if fetched.elapsed() > self.stale_max {
            return Err(NoKey::Away);
        }
        let found = keys.find(kid, algorithm);
        if found.is_empty() { Err(NoKey::Unknown) } else { Ok(found) }
    }

    fn was_asked_lately(&self) -> bool {
        self.state.load().asked.is_some_and(|asked| asked.elapsed() < self.refetch_min)
    }

    async fn fetch(&self, get: &Get) -> Result<KeySet, String> {
        let uri = match &self.jwks_uri {
            Some(uri) => uri.clone(),
            None => discovery::jwks_uri(&self.issuer, get).await?,
        };
        KeySet::read(&get(uri).await?)
    }

    /// Publishes what came of asking the issuer; gives whether it was keys.
    fn note(&self, fetched: Result<KeySet, String>) -> bool {
        let now = Instant::now();
        let (keys, came) = match fetched {
            Ok(keys) => {
                tracing::debug!(issuer = self.issuer, keys = keys.0.len(), "the issuer's keys were fetched");
                (Some((Arc::new(keys), now)), true)
            }
            Err(reason) => {
                tracing::warn!(
                    issuer = self.issuer,
                    reason,
                    "the issuer's keys cannot be fetched; those known stay in use"
                );
                (self.state.load().keys.clone(), false)
            }
        };
        self.state.store(Arc::new(State { keys, asked: Some(now) }));
        came
    }
}

/// Keys that were published together (RFC 7517, 5).
struct KeySet(Vec<Named>);

struct Named {
    kid: Option<String>,
    /// The one algorithm that it is for, if it says so.
    algorithm: Option<Algorithm>,
    key: PublicKey,
}

impl KeySet {
    /// Reads the keys that sign and whose kind is known; the others are somebody else's affair.
    fn read(document: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Map<String, Value>>,
        }
        let document: Document =
            serde_json::from_slice(document).map_err(|error| format!("its keys cannot be read: {error}"))?;
        if document.keys.len() > KEYS_MAX {
            return Err(format!("it has more than {KEYS_MAX} keys"));
        }
        Ok(Self(document.keys.iter().filter_map(named).collect()))
    }

    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Vec<PublicKey> {
        let fits = |named: &&Named| {
            named.key.fits(algorithm)
                && named.algorithm.is_none_or(|only| only == algorithm)
                && kid.is_none_or(|kid| named.kid.as_deref() == Some(kid))
        };
        self.0.iter().filter(fits).take(TRIED_MAX).map(|named| named.key.clone()).collect()
    }
}

fn named(jwk: &Map<String, Value>) -> Option<Named> {
    let text = |member: &str| jwk.get(member).and_then(Value::as_str);
    if text("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let operations = jwk.get("key_ops").and_then(Value::as_array);
    if operations.is_some_and(|operations| !operations.iter().any(|operation| operation == "verify")) {
        return None;
    }
    let algorithm = match text("alg") {
        Some(name) => Some(name.parse().ok()?),
        None => None,
    };
    Some(Named { kid: text("kid").map(str::to_owned), algorithm, key: PublicKey::read(jwk)? })
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;
    use crate::auth::testing::{Signer, issuer};

    /// An issuer that shows these keys, or is away, and counts how often it is asked.
    struct Shown {
        keys: Arc<Mutex<Option<Vec<Value>>>>,
        asked: Arc<AtomicUsize>,
        get: Get,
    }

    fn shown(keys: Option<Vec<Value>>) -> Shown {
        let (keys, asked) = (Arc::new(Mutex::new(keys)), Arc::new(AtomicUsize::new(0)));
        let (shown, count) = (Arc::clone(&keys), Arc::clone(&asked));
        let get: Get = Arc::new(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            let keys = shown.lock().unwrap().clone();
            Box::pin(async move {
                // So that others come while it is being asked.
                tokio::task::yield_now().await;
                keys.map(|keys| serde_json::json!({ "keys": keys }).to_string().into_bytes()).ok_or("away".into())
            })
        });
        Shown { keys, asked, get }
    }

    fn kept(settings: &Issuer, get: &Get) -> (Arc<Keys>, CancellationToken) {
        let (keys, stop) = (Arc::new(Keys::new(settings)), CancellationToken::new());
        let (kept, get, stopped) = (Arc::clone(&keys), Arc::clone(get), stop.clone());
        tokio::spawn(async move { kept.keep(&get, stopped).await });
        (keys, stop)
    }

    fn settings(refetch_min: Duration) -> Issuer {
        Issuer { jwks_uri: "https://id.example/keys".parse().ok(), keys_refetch_min: refetch_min, ..issuer() }
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_flood_of_unknown_keys_asks_the_issuer_once() {
        let signer = Signer::es256("a");
        let shown = shown(Some(vec![signer.jwk()]));
        let (keys, _stop) = kept(&settings(HOUR), &shown.get);
        let forged: Vec<String> = (0..1000).map(|number| format!("forged-{number}")).collect();
        let asking = forged.iter().map(|kid| keys.find(Some(kid), Algorithm::Es256));
        for found in futures_util::future::join_all(asking).await {
            assert_eq!(found, Err(NoKey::Unknown));
        }
        assert!(keys.find(Some("a"), Algorithm::Es256).await.is_ok());
        assert_eq!(shown.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_new_key_is_found_when_a_token_names_it() {
        let (old, new) = (Signer::es256("old"), Signer::es256("new"));
        let shown = shown(Some(vec![old.jwk()]));
        let (keys, _stop) = kept(&settings(Duration::ZERO), &shown.get);
        assert!(keys.find(Some("old"), Algorithm::Es256).await.is_ok());
        *shown.keys.lock().unwrap() = Some(vec![new.jwk()]);
        assert!(keys.find(Some("new"), Algorithm::Es256).await.is_ok());
        assert_eq!(keys.find(Some("old"), Algorithm::Es256).await, Err(NoKey::Unknown), "it was withdrawn");
    }

    #[tokio::test]
    async fn keys_outlast_their_issuer_for_a_while() {
        let signer = Signer::es256("a");
        for (stale_max, expected) in [(HOUR, None), (Duration::ZERO, Some(NoKey::Away))] {
            let shown = shown(Some(vec![signer.jwk()]));
            let settings = Issuer { keys_stale_max: stale_max, ..settings(Duration::ZERO) };
            let (keys, _stop) = kept(&settings, &shown.get);
            let _ = keys.find(Some("a"), Algorithm::Es256).await;
            *shown.keys.lock().unwrap() = None;
            let _ = keys.find(Some("b"), Algorithm::Es256).await;
            assert_eq!(keys.find(Some("a"), Algorithm::Es256).await.err(), expected, "{stale_max:?}");
        }
    }

    #[tokio::test]
    async fn an_issuer_that_was_never_there_is_away() {
        let shown = shown(None);
        let (keys, _stop) = kept(&settings(HOUR), &shown.get);
        assert_eq!(keys.find(Some("a"), Algorithm::Es256).await, Err(NoKey::Away));
        assert_eq!(keys.find(Some("a"), Algorithm::Es256).await, Err(NoKey::Away), "and is not asked again");
        assert_eq!(shown.asked.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_key_is_used_for_what_it_is_for() {
        let signer = Signer::es256("a");
        let find = |change: &[(&str, Value)], kid: Option<&str>, algorithm| {
            let mut jwk = signer.jwk();
            change.iter().for_each(|(member, value)| jwk[*member] = value.clone());
            let document = serde_json::json!({ "keys": [jwk] }).to_string();
            !KeySet::read(document.as_bytes()).unwrap().find(kid, algorithm).is_empty()
        };
        use Algorithm::{Es256, Rs256};
        assert!(find(&[], Some("a"), Es256) && find(&[], None, Es256));
        assert!(!find(&[], Some("b"), Es256) && !find(&[], Some("a"), Rs256));
        assert!(!find(&[("use", "enc".into())], Some("a"), Es256));
        assert!(!find(&[("key_ops", serde_json::json!(["encrypt"]))], Some("a"), Es256));
        assert!(find(&[("key_ops", serde_json::json!(["verify"]))], Some("a"), Es256));
        assert!(!find(&[("alg", "ES384".into())], Some("a"), Es256));
        assert!(!find(&[("d", "AQAB".into())], Some("a"), Es256), "a private key was published");
        assert!(KeySet::read(b"{\"keys\": {}}").is_err());
    }
}
