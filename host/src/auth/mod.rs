//! Who is calling: API keys, access tokens, and proofs that a token is in the right hands.
//!
//! What calls share is read without locks: snapshots of keys, and a map of tokens that were found good a moment ago. Everything that
//! waits (an issuer's keys, changed files) is done beside requests, in [`Authenticator::tend`].

mod believed;
mod challenge;
mod discovery;
mod dpop;
mod fetch;
mod jwk;
mod jwks;
mod jwt;
pub mod keys;
mod metadata;
mod oauth;
mod principal;
mod stay;
#[cfg(test)]
mod testing;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use futures_util::future::join_all;
use http::{HeaderMap, Method, header};
use serde_json::Value;
use tokio::{select, sync::watch, task, time};
use tokio_util::sync::CancellationToken;

pub use challenge::{Challenge, Why};
pub use principal::{By, Known, Principal};
pub use stay::{Pass, ended};

use crate::{
    audit::{Audit, record::Change},
    clock,
    config::{Auth, Issuer, PublicUrl},
    ids::TenantId,
    seal::KeyRing,
    stamp::Stamp,
    store::Store,
};
use challenge::{Challenger, Scheme};
use dpop::{BadProof, Proofs, Shown, Used};
use fetch::Get;
use keys::{ApiKeys, NoKey};
use oauth::{Refused, Trusted, Validated};
use stay::Held;

/// How often the file of keys is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often what has ended is forgotten, in looks.
const TIDY_EVERY: u64 = 30;

const NO_SUCH_KEY: &str = "this API key is not known here, or has ended";

/// Decides who is calling.
pub struct Authenticator {
    settings: Auth,
    public: PublicUrl,
    /// What the server calls itself.
    name: String,
    /// Who callers without credentials are.
    anonymous: Option<Arc<Principal>>,
    keys: ArcSwap<ApiKeys>,
    /// What was there when `keys` were last read, if anything was.
    keys_stamp: Mutex<Option<Option<Stamp>>>,
    issuers: Vec<Arc<Trusted>>,
    /// What fetches each issuer's keys.
    gets: OnceLock<Vec<Get>>,
    believed: believed::Believed,
    proofs: Proofs,
    challenger: Challenger,
    /// Counts settings that differ from those before: what was found under others is to be found again.
    settings_number: u64,
    /// Told when callers may have to go who were let in: shared with those that take this one's place.
    changed: Arc<watch::Sender<()>>,
    /// Where it is written down that keys came or went.
    audit: Audit,
    /// Where the keys are kept as they were read last, so that a host knows what changed while none ran.
    remembered: Option<PathBuf>,
}

/// What was sent in `Authorization`.
struct Credential<'a> {
    scheme: Scheme,
    token: &'a str,
}

impl Authenticator {
    /// Knows no key yet: [`Authenticator::load`] reads them. `ring` seals nonces.
    pub fn new(settings: &Auth, public: PublicUrl, name: &str, ring: KeyRing) -> Self {
        let anonymous = match &settings.anonymous {
            Some(tenant) => Some(Principal::anonymous_of(tenant.clone())),
            None => (!settings.asks()).then(Principal::anonymous),
        };
        Self {
            anonymous: anonymous.map(Arc::new),
            name: name.to_owned(),
            keys: ArcSwap::default(),
            keys_stamp: Mutex::default(),
            issuers: settings.issuers.iter().map(|issuer| Arc::new(Trusted::new(issuer))).collect(),
            gets: OnceLock::new(),
            believed: believed::Believed::default(),
            proofs: Proofs::new(&settings.dpop, ring),
            challenger: Challenger::new(settings, public.clone()),
            settings: settings.clone(),
            settings_number: 0,
            changed: Arc::default(),
            public,
            audit: Audit::off(),
            remembered: None,
        }
    }

    /// The same, whose changes of keys are written down, also those that were made while no host ran: it keeps the keys as it
    /// read them last in `remembered`.
    pub fn audited(self, audit: Audit, remembered: Option<PathBuf>) -> Self {
        Self { audit, remembered, ..self }
    }

    /// The same, which remembers in `store` what must be used once only, on whatever host.
    pub fn remembering(self, store: Option<Arc<dyn Store>>) -> Self {
        Self { proofs: self.proofs.shared(store), ..self }
    }

    /// One that takes this one's place under other settings. A proof that was used with this one cannot be used with that one, and
    /// what is known of an issuer whose settings are the same is known to that one.
    pub fn succeeded(&self, settings: &Auth, public: PublicUrl, name: &str) -> Self {
        let same = self.settings == *settings && self.public == public;
        let issuer = |issuer: &Issuer| {
            let known = self.issuers.iter().find(|trusted| trusted.settings == *issuer);
            known.map_or_else(|| Arc::new(Trusted::new(issuer)), Arc::clone)
        };
        let next = Self::new(settings, public, name, self.proofs.ring().clone());
        if settings.keys_file.is_some() && settings.keys_file == self.settings.keys_file {
            // They are read again; what changes by that is still told.
            next.keys.store(self.keys.load_full());
        }
        Self {
            issuers: settings.issuers.iter().map(issuer).collect(),
            proofs: self.proofs.succeeded(&settings.dpop),
            settings_number: self.settings_number + u64::from(!same),
            changed: Arc::clone(&self.changed),
            audit: self.audit.clone(),
            remembered: self.remembered.clone(),
            ..next
        }
    }

    /// Tells all who were let in, and are still there, that this one decides from now on.
    pub fn takes_over(&self) {
        self.changed.send_replace(());
    }

    /// Reads what has to be there when the host begins: the file of keys, and the certificates that issuers are trusted by. The error is
    /// a sentence for the operator.
    pub fn load(&self) -> Result<(), String> {
        let gets = self.issuers.iter().map(|issuer| issuer.over_http()).collect::<Result<Vec<Get>, _>>()?;
        let _ = self.gets.set(gets);
        self.load_keys()
    }

    /// Reads the file of keys, if it is another one than before. If it cannot be read, what was known stays.
    fn load_keys(&self) -> Result<(), String> {
        let Some(path) = &self.settings.keys_file else { return Ok(()) };
        // Before it is read: what is written meanwhile is then read once more.
        let stamp = Stamp::of(path);
        let mut known = self.keys_stamp.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == Some(stamp) {
            return Ok(());
        }
        let first = known.replace(stamp).is_none();
        let entries = keys::read(path).map_err(|reason| format!("[auth] keys_file: {reason}"))?;
        let (keys, mut before) = (ApiKeys::new(&entries, &self.settings.scope_includes), self.keys.load_full());
        tracing::info!(keys = keys.len(), "the file of API keys was read");
        let mut is_compared = !first || before.len() > 0;
        if !is_compared && let Some(remembered) = self.remembered.as_deref().filter(|path| path.exists()) {
            match keys::read(remembered) {
                Ok(entries) => {
                    before = Arc::new(ApiKeys::new(&entries, &self.settings.scope_includes));
                    is_compared = true;
                }
                Err(reason) => tracing::warn!(reason, "which keys changed while no host ran is not known"),
            }
        }
        let keys = Arc::new(keys.after(&before));
        if is_compared {
            for (change, id) in keys.changes(&before) {
                self.audit.note(&Change { what: "key", change, name: Some(id), ..Change::default() });
            }
        }
        self.keys.store(keys);
        self.changed.send_replace(());
        if let Some(Err(error)) = self.remembered.as_deref().map(|path| keys::write(path, &entries)) {
            tracing::warn!(%error, "which keys there are could not be remembered");
        }
        Ok(())
    }

    /// Whether callers are asked who they are.
    pub fn asks(&self) -> bool {
        self.settings.asks()
    }

    /// Who sent a request to the endpoint of `tenant`, or to the common one. A caller of another tenant is turned away in the same
    /// way whether or not there is a tenant of that name.
    pub async fn authenticate(
        &self,
        method: &Method,
        tenant: Option<&TenantId>,
        headers: &HeaderMap,
    ) -> Result<(Arc<Principal>, Pass), Challenge> {
        let (principal, held) = self.caller(method, tenant, headers).await?;
        match tenant {
            Some(tenant) if *tenant != principal.tenant => Err(self.forbidden(&principal)),
            _ => Ok((principal, Pass(held))),
        }
    }

    /// What a caller is told who lacks these scopes for what it wants: all of them at once.
    pub fn insufficient_scope(&self, tenant: Option<&TenantId>, headers: &HeaderMap, scopes: &[String]) -> Challenge {
        let scheme = match Credential::of(headers) {
            Ok(Some(Credential { scheme, .. })) => scheme,
            _ => Scheme::Bearer,
        };
        self.challenger.insufficient_scope(scheme, &path(tenant), scopes)
    }

    /// The protected resource metadata at `path`, if there is any.
    pub fn metadata(&self, path: &str) -> Option<Value> {
        metadata::document(path, &self.settings, &self.public, &self.name)
    }

    /// Under which URL clients know the host.
    pub fn public(&self) -> &PublicUrl {
        &self.public
    }

    /// What a caller is told who is known, and has nothing here: the same whether or not there is what it asked for.
    pub fn forbidden(&self, principal: &Principal) -> Challenge {
        self.challenger.forbidden().of(Some(principal.into()))
    }

    /// Keeps the issuers' keys fresh, reads the file of API keys when it changes, and forgets what has ended, until `stop`.
    pub async fn tend(self: Arc<Self>, stop: CancellationToken) {
        if !self.asks() {
            return;
        }
        let gets = self.gets.get().map_or(&[][..], Vec::as_slice);
        let keepers = self.issuers.iter().zip(gets).map(|(issuer, get)| issuer.keep(get, stop.clone()));
        let told = self.issuers.iter().map(|issuer| self.tell_of(issuer, &stop));
        tokio::join!(join_all(keepers), join_all(told), self.look_after(stop.clone()));
    }

    /// Tells those who are there when an issuer may have withdrawn a key.
    async fn tell_of(&self, issuer: &Trusted, stop: &CancellationToken) {
        let mut news = issuer.news();
        while let Some(Ok(())) = stop.run_until_cancelled(news.changed()).await {
            self.changed.send_replace(());
        }
    }

    async fn look_after(self: &Arc<Self>, stop: CancellationToken) {
        let mut look = time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        for turn in 1_u64.. {
            select! {
                () = stop.cancelled() => return,
                _ = look.tick() => {}
            }
            let this = Arc::clone(self);
            // A file may be on a disk that is far away.
            let _ = task::spawn_blocking(move || {
                if let Err(reason) = this.load_keys() {
                    let reason = Some(reason.as_str());
                    this.audit.note(&Change { what: "keys", change: "refused", reason, ..Change::default() });
                    tracing::warn!(reason, "the API keys that were known stay in use");
                }
                if turn.is_multiple_of(TIDY_EVERY) {
                    this.believed.tidy(now_s());
                    this.proofs.tidy(now_s());
                }
            })
            .await;
        }
    }

    async fn caller(
        &self,
        method: &Method,
        tenant: Option<&TenantId>,
        headers: &HeaderMap,
    ) -> Result<(Arc<Principal>, Held), Challenge> {
        let with_nothing = |principal| (principal, Held::Nothing);
        if !self.asks() {
            // Nobody asks them who they are, so they may say it.
            return Ok(with_nothing(match (tenant, &self.anonymous) {
                (None, Some(anonymous)) => Arc::clone(anonymous),
                _ => Arc::new(Principal::anonymous_of(tenant.cloned().unwrap_or_default())),
            }));
        }
        let credential = match Credential::of(headers) {
            Ok(Some(credential)) => credential,
            Ok(None) => {
                let anonymous = self.anonymous.clone().map(with_nothing);
                return anonymous.ok_or_else(|| self.challenger.missing(&path(tenant)));
            }
            Err(reason) => return Err(self.challenger.malformed(&path(tenant), reason)),
        };
        let now_s = now_s();
        if credential.token.starts_with(keys::PREFIX) && credential.scheme == Scheme::Bearer {
            let found = self.keys.load().find(credential.token, now_s);
            let known = found.map_err(|no_key| self.no_such_key(Scheme::Bearer, tenant, &no_key))?;
            return Ok((Arc::clone(&known.principal), Held::Key(known)));
        }
        let validated = match self.believed.get(credential.token, now_s) {
            Some(validated) => validated,
            // Boxed, so that the future of every other request is not as large.
            None => Box::pin(self.validated(&credential, tenant, now_s)).await?,
        };
        if let Some(used) = self.in_right_hands(&validated, &credential, method, tenant, headers, now_s)? {
            let first = Box::pin(self.proofs.first_anywhere(&used)).await;
            first.map_err(|bad| self.bad_proof(tenant, bad).of(Some(Known::from(&*validated.principal))))?;
        }
        Ok((Arc::clone(&validated.principal), Held::Token(validated, self.settings_number)))
    }

    async fn validated(
        &self,
        credential: &Credential<'_>,
        tenant: Option<&TenantId>,
        now_s: u64,
    ) -> Result<Arc<Validated>, Challenge> {
        if self.issuers.is_empty() {
            return Err(self.no_such_key(credential.scheme, tenant, &NoKey::Unknown));
        }
        let ours = (&self.public, &self.settings.scope_includes);
        match oauth::validate(&self.issuers, ours, credential.token, now_s).await {
            Ok(validated) => {
                let validated = Arc::new(validated);
                self.believed.note(credential.token, &validated, now_s);
                Ok(validated)
            }
            Err(Refused::Flawed(flaw, known)) => {
                tracing::debug!(reason = %flaw, "an access token was refused");
                let challenge = self.challenger.invalid_token(credential.scheme, &path(tenant), flaw);
                Err(challenge.of(known.map(|known| *known)))
            }
            Err(Refused::Away) => Err(self.challenger.away()),
        }
    }

    /// What is said of a key that is none: the same whether it ever was one. The trail is told more.
    fn no_such_key(&self, scheme: Scheme, tenant: Option<&TenantId>, no_key: &NoKey) -> Challenge {
        let (code, known) = match no_key {
            NoKey::Unknown => ("unknown_key", None),
            NoKey::Expired(principal) => ("expired_key", Some(Known::from(&**principal))),
            NoKey::Revoked(principal) => ("revoked_key", Some(Known::from(&**principal))),
        };
        self.challenger.invalid(scheme, &path(tenant), code, NO_SUCH_KEY).of(known)
    }

    /// Whether the token was sent by whom it is bound to (RFC 9449, 7.1), and the proof of that, if it takes one.
    fn in_right_hands(
        &self,
        validated: &Validated,
        credential: &Credential<'_>,
        method: &Method,
        tenant: Option<&TenantId>,
        headers: &HeaderMap,
        now_s: u64,
    ) -> Result<Option<Used>, Challenge> {
        let whose = || Some(Known::from(&*validated.principal));
        let wrong = |reason| self.challenger.invalid(Scheme::Dpop, &path(tenant), "token_binding", reason).of(whose());
        let jkt = match (&validated.bound_to, credential.scheme) {
            (Some(jkt), Scheme::Dpop) => jkt,
            (Some(_), Scheme::Bearer) => {
                return Err(wrong("the token is bound to a key: send it as `Authorization: DPoP …`, with a proof"));
            }
            (None, Scheme::Dpop) => {
                return Err(wrong("the token is bound to no key, and cannot be sent as one that is"));
            }
            (None, Scheme::Bearer) if self.settings.dpop.required => {
                return Err(wrong("this server takes only tokens that are bound to a key"));
            }
            (None, Scheme::Bearer) => return Ok(None),
        };
        let bad = |bad| self.bad_proof(tenant, bad).of(whose());
        let mut proofs = headers.get_all("dpop").iter();
        let (Some(proof), None) = (proofs.next(), proofs.next()) else { return Err(bad(BadProof::Count)) };
        let shown = Shown {
            proof: proof.to_str().unwrap_or_default(),
            method: method.as_str(),
            url: &self.public.endpoint(tenant),
            token: credential.token,
            jkt,
        };
        self.proofs.check(&shown, now_s).map(Some).map_err(bad)
    }

    fn bad_proof(&self, tenant: Option<&TenantId>, bad: BadProof) -> Challenge {
        tracing::debug!(reason = %bad, "a proof of possession was refused");
        self.challenger.bad_proof(&path(tenant), bad, self.proofs.nonce().as_deref())
    }
}

impl<'a> Credential<'a> {
    /// Reads `Authorization` (RFC 9110, 11.6.2). The error is a sentence for the caller.
    fn of(headers: &'a HeaderMap) -> Result<Option<Self>, &'static str> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err("there is more than one `Authorization` header");
        }
        let malformed = "`Authorization` must be `Bearer` or `DPoP`, a space, and a token";
        let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(malformed)?;
        let scheme = match scheme {
            _ if scheme.eq_ignore_ascii_case("bearer") => Scheme::Bearer,
            _ if scheme.eq_ignore_ascii_case("dpop") => Scheme::Dpop,
            _ => return Err(malformed),
        };
        let token = token.trim_start_matches(' ');
        // RFC 6750, 2.1: `b64token`.
        let is_token = |c: u8| c.is_ascii_alphanumeric() || b"-._~+/=".contains(&c);
        if token.is_empty() || !token.bytes().all(is_token) {
            return Err(malformed);
        }
        Ok(Some(Self { scheme, token }))
    }
}

/// The endpoint's path, for what is told to clients.
fn path(tenant: Option<&TenantId>) -> String {
    match tenant {
        None => "/mcp".into(),
        Some(tenant) => format!("/t/{tenant}/mcp"),
    }
}

fn now_s() -> u64 {
    clock::now_ms() / 1000
}

#[cfg(test)]
mod tests;
