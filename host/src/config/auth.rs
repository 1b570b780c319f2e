//! Who may call: `[auth]`, `[[auth.issuer]]` and `[tls]`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{
    ConfigError,
    place::{canonical, trusted_url},
    scopes::{self, ScopeTree},
};
use crate::ids::TenantId;

/// Issuers sign with few keys and for months; a key that was withdrawn is to be unknown here soon.
const KEYS_REFRESH: Duration = Duration::from_secs(600);

/// How often at most an issuer is asked because a token names a key that nobody knows. A rotated key has to wait no longer
/// than this, and a stranger who makes keys up cannot make the host ask more often.
const KEYS_REFETCH_MIN: Duration = Duration::from_secs(10);

/// For how long keys are used whose issuer does not answer: longer than an outage takes, shorter than it takes to forget
/// that a key was stolen.
const KEYS_STALE_MAX: Duration = Duration::from_secs(24 * 3600);

/// A proof may be as old, and as far ahead, as this (MCP's profile of DPoP, "iat").
const DPOP_WINDOW_MAX: Duration = Duration::from_secs(300);

/// Who may call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Auth {
    /// The file of API keys.
    pub keys_file: Option<PathBuf>,
    /// Whose tenant callers without credentials are of, where they are let in at all although others have some.
    pub anonymous: Option<TenantId>,
    /// What a client is told to ask its issuer for.
    pub scopes: Vec<String>,
    /// Which scopes have others in them.
    pub scope_includes: ScopeTree,
    pub issuers: Vec<Issuer>,
    pub dpop: Dpop,
}

/// Somebody whose access tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// Its `iss`, exactly as it writes it.
    pub url: String,
    /// Whom its tokens are for. Empty: the URLs of the host's endpoints.
    pub audiences: Vec<String>,
    pub tenant: TenantOf,
    /// Where in the token the name of the caller is.
    pub subject_claim: String,
    /// Put in front of that name, so that two issuers' users of one name stay two.
    pub subject_prefix: String,
    /// `None`: `scope`, or else `scp`.
    pub scopes_claim: Option<String>,
    pub groups_claim: String,
    /// Put in front of each group, so that two issuers' groups of one name stay two.
    pub groups_prefix: String,
    /// What its tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// Where its keys are. `None`: where its metadata says.
    pub jwks_uri: Option<Url>,
    /// Certificates to trust beside the system's, in PEM.
    pub ca_files: Vec<PathBuf>,
    pub keys_refresh: Duration,
    pub keys_refetch_min: Duration,
    pub keys_stale_max: Duration,
}

/// Whose tenant a token's caller is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantOf {
    /// This one, whatever the token says.
    Fixed(TenantId),
    /// The one that this claim names; if `only` names any, one of those.
    Claim { claim: String, only: BTreeSet<TenantId> },
}

/// How proofs of possession (RFC 9449) are handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dpop {
    /// Whether tokens are refused that are bound to no key.
    pub required: bool,
    /// Whether a proof must hold a nonce of the host's.
    pub nonce: bool,
    pub window: Duration,
}

/// A signature algorithm with a public key (RFC 7518, 3.1; RFC 8037). There is none here that both sides share a secret for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

/// Certificate and key of the host's own, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// `[auth]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenAuth {
    /// The file of API keys, which `toolyard keys` writes.
    pub keys_file: Option<PathBuf>,
    /// Whether callers without credentials are let in as well: `true`, or the name of the tenant that they are of.
    pub anonymous: Option<WrittenAnonymous>,
    /// What a client is told to ask its issuer for: the least that is of use.
    pub scopes: Vec<String>,
    /// Scopes that have others in them: whoever has the first has those as well.
    pub scope_includes: BTreeMap<String, Vec<String>>,
    /// Whose access tokens are taken.
    pub issuer: Vec<WrittenIssuer>,
    /// How proofs of possession (RFC 9449) are handled.
    pub dpop: WrittenDpop,
}

/// `true`, `false`, or a tenant's name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum WrittenAnonymous {
    Whether(bool),
    Of(TenantId),
}

/// `[[auth.issuer]]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenIssuer {
    /// The issuer's URL, exactly as it stands in its tokens' `iss`.
    pub url: String,
    /// Whom its tokens are for, if that is not the endpoint's URL.
    #[serde(default)]
    pub audience: WrittenAudience,
    /// The tenant that all its users are of.
    pub tenant: Option<TenantId>,
    /// The claim that names a user's tenant.
    pub tenant_claim: Option<String>,
    /// The tenants that it may name.
    #[serde(default)]
    pub tenants: BTreeSet<TenantId>,
    /// The claim that is a user's name. Default: `sub`.
    pub subject_claim: Option<String>,
    /// Put in front of a user's name, so that two issuers' users of one name stay two.
    pub subject_prefix: Option<String>,
    /// The claim that holds the scopes. Default: `scope`, or else `scp`.
    pub scopes_claim: Option<String>,
    /// The claim that holds a user's groups. Default: `groups`.
    pub groups_claim: Option<String>,
    /// Put in front of each group, so that two issuers' groups of one name stay two.
    pub groups_prefix: Option<String>,
    /// What its tokens may be signed with, such as `RS256`.
    pub algorithms: Option<Vec<String>>,
    /// Where its keys are, if its metadata is not to be asked.
    pub jwks_uri: Option<String>,
    /// Certificates to trust beside the system's, in PEM.
    #[serde(default)]
    pub ca_files: Vec<PathBuf>,
    /// How often its keys are fetched anew.
    pub keys_refresh_ms: Option<u64>,
    /// How long it is left in peace after that, whatever keys tokens name.
    pub keys_refetch_ms_min: Option<u64>,
    /// How long its keys are used while it does not answer.
    pub keys_stale_ms_max: Option<u64>,
}

/// One audience, or several.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum WrittenAudience {
    One(String),
    Several(Vec<String>),
}

/// `[auth.dpop]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenDpop {
    /// Whether tokens are refused that are bound to no key.
    pub required: bool,
    /// Whether a proof must hold a nonce of the host's.
    pub nonce: bool,
    /// How old a proof may be, and how far ahead of the host's clock.
    pub window_ms: Option<u64>,
}

/// `[tls]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenTls {
    /// The certificate and those that it hangs on, in PEM.
    pub cert: PathBuf,
    /// Its key, in PEM.
    pub key: PathBuf,
}

impl Auth {
    /// Whether callers are asked who they are.
    pub fn asks(&self) -> bool {
        self.keys_file.is_some() || !self.issuers.is_empty()
    }

    /// The tenants that are named here, with what names them.
    pub fn tenants(&self) -> impl Iterator<Item = (&TenantId, String)> {
        let of_issuer = |issuer: &'_ Issuer| format!("[[auth.issuer]] `{}`", issuer.url);
        let of_issuers = self.issuers.iter().flat_map(move |issuer| {
            let named: Vec<&TenantId> = match &issuer.tenant {
                TenantOf::Fixed(tenant) => vec![tenant],
                TenantOf::Claim { only, .. } => only.iter().collect(),
            };
            named.into_iter().map(move |tenant| (tenant, of_issuer(issuer)))
        });
        self.anonymous.iter().map(|tenant| (tenant, "[auth] anonymous".to_owned())).chain(of_issuers)
    }
}

impl WrittenAuth {
    /// Checks what was written. `base` is the folder that relative paths start from.
    pub(super) fn usable(self, base: &Path) -> Result<Auth, ConfigError> {
        let mut issuers = Vec::new();
        for written in self.issuer {
            let place = format!("[[auth.issuer]] `{}`:", written.url);
            issuers.push(written.usable(base).map_err(|error| error.within(&place))?);
        }
        distinct(&issuers)?;
        let anonymous = match self.anonymous {
            Some(WrittenAnonymous::Of(tenant)) => Some(tenant),
            Some(WrittenAnonymous::Whether(true)) => Some(TenantId::default()),
            Some(WrittenAnonymous::Whether(false)) | None => None,
        };
        scopes::asked_for(&self.scopes)?;
        let window = self.dpop.window_ms.map_or(DPOP_WINDOW_MAX, Duration::from_millis);
        if window > DPOP_WINDOW_MAX || window < Duration::from_secs(1) {
            let max = DPOP_WINDOW_MAX.as_millis();
            return Err(ConfigError::new(format!("[auth.dpop] window_ms: it must be from 1000 to {max}")));
        }
        let auth = Auth {
            keys_file: self.keys_file.map(|file| base.join(file)),
            anonymous,
            scopes: self.scopes,
            scope_includes: ScopeTree::new(&self.scope_includes)?,
            issuers,
            dpop: Dpop { required: self.dpop.required, nonce: self.dpop.nonce, window },
        };
        if !auth.asks() && auth.anonymous.is_some() {
            return Err(ConfigError::new(
                "[auth] anonymous says something only beside `keys_file` or [[auth.issuer]]: without those, everybody is let in",
            ));
        }
        Ok(auth)
    }
}

impl WrittenIssuer {
    fn usable(self, base: &Path) -> Result<Issuer, ConfigError> {
        trusted_url(&self.url).map_err(|reason| ConfigError::new(format!("`url` {reason}")))?;
        let tenant = match (self.tenant, self.tenant_claim) {
            (Some(_), None) if !self.tenants.is_empty() => {
                return Err(ConfigError::new("`tenants` says something only beside `tenant_claim`"));
            }
            (Some(tenant), None) => TenantOf::Fixed(tenant),
            (None, Some(claim)) => TenantOf::Claim { claim, only: self.tenants },
            (None, None) => TenantOf::Fixed(TenantId::default()),
            (Some(_), Some(_)) => return Err(ConfigError::new("give either `tenant` or `tenant_claim`")),
        };
        let algorithms = match self.algorithms {
            Some(names) => names.iter().map(|name| name.parse()).collect::<Result<Vec<_>, _>>(),
            None => Ok(vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ps256]),
        };
        let algorithms = algorithms.map_err(|reason: String| ConfigError::new(format!("`algorithms`: {reason}")))?;
        if algorithms.is_empty() {
            return Err(ConfigError::new("`algorithms` is empty, so that no token could be taken"));
        }
        let jwks_uri = self.jwks_uri.as_deref().map(trusted_url).transpose();
        Ok(Issuer {
            jwks_uri: jwks_uri.map_err(|reason| ConfigError::new(format!("`jwks_uri` {reason}")))?,
            audiences: match self.audience {
                WrittenAudience::One(audience) => vec![canonical(&audience)],
                WrittenAudience::Several(audiences) => audiences.iter().map(|audience| canonical(audience)).collect(),
            },
            tenant,
            subject_claim: self.subject_claim.unwrap_or_else(|| "sub".into()),
            subject_prefix: self.subject_prefix.unwrap_or_default(),
            scopes_claim: self.scopes_claim,
            groups_claim: self.groups_claim.unwrap_or_else(|| "groups".into()),
            groups_prefix: self.groups_prefix.unwrap_or_default(),
            algorithms,
            ca_files: self.ca_files.iter().map(|file| base.join(file)).collect(),
            keys_refresh: self.keys_refresh_ms.map_or(KEYS_REFRESH, Duration::from_millis),
            keys_refetch_min: self.keys_refetch_ms_min.map_or(KEYS_REFETCH_MIN, Duration::from_millis),
            keys_stale_max: self.keys_stale_ms_max.map_or(KEYS_STALE_MAX, Duration::from_millis),
            url: self.url,
        })
    }
}

impl Default for WrittenAudience {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl WrittenTls {
    pub(super) fn usable(self, base: &Path) -> Tls {
        Tls { cert: base.join(self.cert), key: base.join(self.key) }
    }
}

impl Default for Dpop {
    fn default() -> Self {
        Self { required: false, nonce: false, window: DPOP_WINDOW_MAX }
    }
}

impl Algorithm {
    /// All of them, as they are told to clients.
    pub const ALL: [Self; 9] = [
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
    ];

    /// As it stands in `alg`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl FromStr for Algorithm {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        // RFC 9864 gave EdDSA with this curve, the only one here, a name of its own.
        let name = if name == "Ed25519" { "EdDSA" } else { name };
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("`{name}` is not a signature with a public key that this host knows; use some of {known}")
        })
    }
}

/// Two issuers are two, and nobody of the one can pass for somebody of the other.
fn distinct(issuers: &[Issuer]) -> Result<(), ConfigError> {
    for (place, one) in issuers.iter().enumerate() {
        for other in &issuers[..place] {
            let both = format!("[[auth.issuer]] `{}` and `{}`", other.url, one.url);
            if one.url == other.url {
                return Err(ConfigError::new(format!("{both} are the same; write it once")));
            }
            if one.subject_prefix == other.subject_prefix && share_a_tenant(&one.tenant, &other.tenant) {
                return Err(ConfigError::new(format!(
                    "{both} may both have a user of one name in one tenant: give each its own `subject_prefix`, or each its own \
                     `tenant`"
                )));
            }
        }
    }
    Ok(())
}

fn share_a_tenant(one: &TenantOf, other: &TenantOf) -> bool {
    let named = |tenants: &BTreeSet<TenantId>, tenant: &TenantId| tenants.is_empty() || tenants.contains(tenant);
    match (one, other) {
        (TenantOf::Fixed(one), TenantOf::Fixed(other)) => one == other,
        (TenantOf::Fixed(tenant), TenantOf::Claim { only, .. })
        | (TenantOf::Claim { only, .. }, TenantOf::Fixed(tenant)) => named(only, tenant),
        (TenantOf::Claim { only: one, .. }, TenantOf::Claim { only: other, .. }) => {
            one.is_empty() || other.is_empty() || !one.is_disjoint(other)
        }
    }
}

/// `[auth]`, for tests elsewhere.
#[cfg(test)]
pub(crate) fn auth_for_tests(text: &str) -> Auth {
    toml::from_str::<WrittenAuth>(text).unwrap().usable(Path::new("/")).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(text: &str) -> Result<Auth, String> {
        let written: WrittenAuth = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        written.usable(Path::new("/etc/toolyard")).map_err(|error| error.to_string())
    }

    fn wrong(text: &str, expected: &str) {
        let error = auth(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }

    #[test]
    fn what_is_not_said_is_safe() {
        let auth = auth("[[issuer]]\nurl = 'https://id.example/'").unwrap();
        let issuer = &auth.issuers[0];
        assert_eq!(issuer.url, "https://id.example/", "`iss` is compared as it is written");
        assert_eq!(issuer.tenant, TenantOf::Fixed(TenantId::default()));
        assert_eq!(
            issuer.algorithms.iter().map(|a| a.name()).collect::<Vec<_>>(),
            ["RS256", "ES256", "EdDSA", "PS256"]
        );
        assert_eq!((issuer.subject_claim.as_str(), issuer.groups_claim.as_str()), ("sub", "groups"));
        assert!(auth.asks() && auth.anonymous.is_none() && !auth.dpop.required);
        assert!(!Auth::default().asks());
    }

    #[test]
    fn mistakes_say_what_to_do() {
        let issuer = |more: &str| format!("[[issuer]]\nurl = 'https://id.example'\n{more}");
        wrong(&issuer("algorithms = ['HS256']"), "`algorithms`: `HS256` is not a signature with a public key");
        wrong(&issuer("algorithms = ['none']"), "`none` is not a signature");
        wrong(&issuer("algorithms = []"), "is empty");
        wrong(&issuer("tenant = 'a'\ntenant_claim = 'org'"), "either `tenant` or `tenant_claim`");
        wrong(&issuer("tenant = 'a'\ntenants = ['a']"), "only beside `tenant_claim`");
        wrong(
            &issuer("jwks_uri = 'http://id.example/keys'"),
            "`jwks_uri` `http://id.example/keys` must begin with https://",
        );
        wrong("[[issuer]]\nurl = 'http://id.example'", "[[auth.issuer]] `http://id.example`: `url`");
        wrong("anonymous = true", "only beside `keys_file`");
        wrong("keys_file = 'k'\nscopes = ['a b']", "`a b` is no scope");
        wrong("[dpop]\nwindow_ms = 300001", "from 1000 to 300000");
        wrong(&issuer("[[issuer]]\nurl = 'https://id.example'"), "are the same");
    }

    #[test]
    fn users_of_two_issuers_stay_two() {
        let two = |one: &str, other: &str| {
            auth(&format!(
                "[[issuer]]\nurl = 'https://a.example'\n{one}\n[[issuer]]\nurl = 'https://b.example'\n{other}"
            ))
        };
        assert!(two("", "").unwrap_err().contains("subject_prefix"));
        assert!(two("tenant = 'x'", "tenant_claim = 'org'").unwrap_err().contains("subject_prefix"));
        assert!(two("tenant_claim = 'org'", "tenant_claim = 'org'\ntenants = ['x']").is_err());
        assert!(two("tenant = 'x'", "tenant = 'y'").is_ok());
        assert!(two("tenant = 'x'", "tenant_claim = 'org'\ntenants = ['y', 'z']").is_ok());
        assert!(two("subject_prefix = 'a:'", "subject_prefix = 'b:'").is_ok());
    }

    #[test]
    fn anonymous_callers_have_a_tenant() {
        assert_eq!(auth("keys_file = 'k'\nanonymous = true").unwrap().anonymous, Some(TenantId::default()));
        assert_eq!(auth("keys_file = 'k'\nanonymous = 'guests'").unwrap().anonymous, "guests".parse().ok());
        assert_eq!(auth("keys_file = 'k'\nanonymous = false").unwrap().anonymous, None);
        assert_eq!(auth("keys_file = 'k'").unwrap().keys_file, Some(PathBuf::from("/etc/toolyard/k")));
    }
}
