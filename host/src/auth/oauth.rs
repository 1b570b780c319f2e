//! Access tokens (RFC 9068, and what issuers made before it): who signed them, for whom, until when, and what they say.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    fetch::{self, Get},
    jwk::PublicKey,
    jwks::{Keys, NoKey},
    jwt::{Flaw, Jwt},
    principal::{ANONYMOUS, By, Known, Principal},
};
use crate::{
    config::{Issuer, PublicUrl, ScopeTree, TenantOf, canonical},
    ids::TenantId,
};

/// Clocks that are kept at all differ by less.
const LEEWAY_S: u64 = 30;

/// For how long a token is believed without looking at it again: keys that its issuer withdrew are soon of no use, and a
/// signature is still checked once for thousands of calls.
const BELIEVED_S_MAX: u64 = 60;

/// What issuers call their access tokens in a claim.
const ACCESS_TOKENS: [&str; 3] = ["Bearer", "DPoP", "access"];

/// What ID tokens (OpenID Connect Core, 2 and 3.3.2.11) and logout tokens (Back-Channel Logout, 2.4) say, and access tokens do not.
const NOT_OF_ACCESS_TOKENS: [&str; 5] = ["nonce", "at_hash", "c_hash", "s_hash", "events"];

/// An issuer, and its keys.
pub(super) struct Trusted {
    pub(super) settings: Issuer,
    keys: Keys,
}

/// A token that was found good.
pub(super) struct Validated {
    pub(super) principal: Arc<Principal>,
    /// Until when it is believed without a look at it, in seconds since 1970.
    pub(super) until_s: u64,
    /// Until when it is good.
    pub(super) ends_s: u64,
    /// What it is signed with.
    key: PublicKey,
    /// The thumbprint of the key that its owner must show to have.
    pub(super) bound_to: Option<String>,
}

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// What is wrong with it; and whose it is, if its issuer signed it.
    Flawed(Flaw, Option<Box<Known>>),
    /// Nobody can say: its issuer does not answer.
    Away,
}

impl From<Flaw> for Refused {
    fn from(flaw: Flaw) -> Self {
        Self::Flawed(flaw, None)
    }
}

impl Trusted {
    pub(super) fn new(settings: &Issuer) -> Self {
        Self { keys: Keys::new(settings), settings: settings.clone() }
    }

    /// What fetches its keys. Reads the certificates that are trusted for that.
    pub(super) fn over_http(&self) -> Result<Get, String> {
        fetch::over_http(&self.settings.ca_files)
            .map_err(|reason| format!("[[auth.issuer]] `{}`: {reason}", self.settings.url))
    }

    /// Whether it is that issuer, and has not withdrawn the key that the token is signed with.
    pub(super) fn stands_by(&self, issuer: &str, validated: &Validated) -> bool {
        self.settings.url == issuer && !self.keys.is_withdrawn(&validated.key)
    }

    /// Told whenever it was asked for its keys.
    pub(super) fn news(&self) -> watch::Receiver<()> {
        self.keys.news()
    }

    /// Keeps its keys fresh, until `stop`.
    pub(super) async fn keep(&self, get: &Get, stop: CancellationToken) {
        self.keys.keep(get, stop).await;
    }
}

/// Checks a token of one of these issuers. `now_s` is in seconds since 1970.
pub(super) async fn validate(
    issuers: &[Arc<Trusted>],
    (public, includes): (&PublicUrl, &ScopeTree),
    token: &str,
    now_s: u64,
) -> Result<Validated, Refused> {
    let jwt = Jwt::read(token)?;
    if !is_access_token(&jwt) {
        return Err(Flaw::Kind.into());
    }
    let iss = jwt.text("iss")?.ok_or(Flaw::Issuer)?;
    let issuer = issuers.iter().find(|issuer| issuer.settings.url == iss).ok_or(Flaw::Issuer)?;
    let settings = &issuer.settings;
    if !settings.algorithms.contains(&jwt.algorithm) {
        return Err(Flaw::Algorithm.into());
    }
    let keys = issuer.keys.find(jwt.kid.as_deref(), jwt.algorithm).await.map_err(|no_key| match no_key {
        NoKey::Unknown => Flaw::UnknownKey.into(),
        NoKey::Away => Refused::Away,
    })?;
    let key = keys.into_iter().find(|key| jwt.is_signed_with(key)).ok_or(Flaw::Signature)?;
    // From here on it is its issuer's word, of use or not.
    let known = |flaw| Refused::Flawed(flaw, Some(Box::new(known(&jwt, settings, includes))));
    signed(&jwt, settings, (public, includes), now_s, key).map_err(known)
}

/// Checks what a token says that its issuer signed.
fn signed(
    jwt: &Jwt<'_>,
    settings: &Issuer,
    (public, includes): (&PublicUrl, &ScopeTree),
    now_s: u64,
    key: PublicKey,
) -> Result<Validated, Flaw> {
    let ends_s = in_time(jwt, now_s)?;
    let principal = principal(jwt, settings, includes)?;
    for_us(jwt, settings, public, &principal.tenant)?;
    Ok(Validated {
        bound_to: bound_to(jwt)?,
        principal: Arc::new(principal),
        until_s: ends_s.min(now_s.saturating_add(BELIEVED_S_MAX)),
        ends_s,
        key,
    })
}

/// Whether it may be an access token. An ID token, a logout token or a grant is signed with the same keys, and may be for an audience
/// of the same name (RFC 9068, 4; RFC 8725, 3.11 and 3.12).
fn is_access_token(jwt: &Jwt<'_>) -> bool {
    match jwt.typ.as_deref() {
        Some("at+jwt") => return true,
        None | Some("jwt") => {}
        Some(_) => return false,
    }
    // Where the header does not say, some issuers do in a claim: Keycloak, and Amazon Cognito.
    let said = ["typ", "token_use"].map(|claim| jwt.claims.get(claim));
    match said {
        [None, None] => !NOT_OF_ACCESS_TOKENS.iter().any(|claim| jwt.claims.contains_key(*claim)),
        said => said.into_iter().flatten().all(|word| {
            word.as_str().is_some_and(|word| ACCESS_TOKENS.iter().any(|kind| word.eq_ignore_ascii_case(kind)))
        }),
    }
}

/// Whose a token is that its issuer signed, as far as it says so.
fn known(jwt: &Jwt<'_>, settings: &Issuer, includes: &ScopeTree) -> Known {
    if let Ok(principal) = principal(jwt, settings, includes) {
        return Known::from(&principal);
    }
    let named = jwt.text(&settings.subject_claim).ok().flatten();
    let subject = named.map(|name| format!("{}{name}", settings.subject_prefix));
    Known { subject, by: By::Token { issuer: settings.url.clone() }, ..Known::default() }
}

/// Until when the token is good, if it is good now.
fn in_time(jwt: &Jwt<'_>, now_s: u64) -> Result<u64, Flaw> {
    let expiry = jwt.time("exp").map_err(|_| Flaw::NoExpiry)?.ok_or(Flaw::NoExpiry)?;
    let until = expiry.saturating_add(LEEWAY_S);
    if until <= now_s {
        return Err(Flaw::Expired);
    }
    for begin in ["nbf", "iat"] {
        if jwt.time(begin)?.is_some_and(|begin| begin > now_s.saturating_add(LEEWAY_S)) {
            return Err(Flaw::NotYet);
        }
    }
    Ok(until)
}

/// Whether the token is for this server (RFC 8707, 2; MCP, "Token Audience Binding and Validation"). One for the common endpoint and
/// one for the endpoint of its owner's tenant give the same right.
fn for_us(jwt: &Jwt<'_>, settings: &Issuer, public: &PublicUrl, tenant: &TenantId) -> Result<(), Flaw> {
    let is_ours = |audience: &str| {
        let audience = canonical(audience);
        match settings.audiences.as_slice() {
            [] => audience == public.endpoint(None) || audience == public.endpoint(Some(tenant)),
            audiences => audiences.contains(&audience),
        }
    };
    let ours = match jwt.claims.get("aud") {
        Some(Value::String(audience)) => is_ours(audience),
        Some(Value::Array(audiences)) => audiences.iter().filter_map(Value::as_str).any(is_ours),
        _ => false,
    };
    ours.then_some(()).ok_or(Flaw::Audience)
}

fn principal(jwt: &Jwt<'_>, settings: &Issuer, includes: &ScopeTree) -> Result<Principal, Flaw> {
    let mut client = None;
    // As RFC 9068 calls it, OpenID Connect, and one large issuer.
    for name in ["client_id", "azp", "cid"] {
        client = client.or(jwt.text(name)?);
    }
    // A program that calls on its own behalf is its own subject.
    let name = jwt.text(&settings.subject_claim)?.or(client).filter(|name| !name.is_empty()).ok_or(Flaw::NoSubject)?;
    let subject = format!("{}{name}", settings.subject_prefix);
    if subject == ANONYMOUS {
        return Err(Flaw::NoSubject);
    }
    let tenant = match &settings.tenant {
        TenantOf::Fixed(tenant) => tenant.clone(),
        TenantOf::Claim { claim, only } => {
            let named = jwt.text(claim)?.and_then(|name| name.parse().ok());
            named.filter(|tenant| only.is_empty() || only.contains(tenant)).ok_or(Flaw::NoTenant)?
        }
    };
    let scopes = match &settings.scopes_claim {
        Some(claim) => jwt.words(claim)?,
        None if jwt.claims.contains_key("scope") => jwt.words("scope")?,
        None => jwt.words("scp")?,
    };
    let mut groups = jwt.words(&settings.groups_claim)?;
    groups.iter_mut().for_each(|group| group.insert_str(0, &settings.groups_prefix));
    Ok(Principal {
        tenant,
        subject,
        scopes: includes.widen(scopes),
        groups,
        client: client.map(str::to_owned),
        by: By::Token { issuer: settings.url.clone() },
    })
}

/// The key that the token is bound to (RFC 9449, 6.1). One that is bound in another way, such as to a certificate, would be taken from
/// whoever has it if that were overlooked.
fn bound_to(jwt: &Jwt<'_>) -> Result<Option<String>, Flaw> {
    match jwt.claims.get("cnf") {
        None => Ok(None),
        Some(Value::Object(cnf)) if cnf.len() == 1 => {
            cnf.get("jkt").and_then(Value::as_str).map(|jkt| Some(jkt.to_owned())).ok_or(Flaw::Binding)
        }
        Some(_) => Err(Flaw::Binding),
    }
}

#[cfg(test)]
mod tests;
