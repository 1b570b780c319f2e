//! What is said to a caller who is not let in, and how he may come in after all: `WWW-Authenticate` as RFC 6750 (3), RFC 9449
//! (7.1) and MCP (2026-07-28, authorization, "Error Handling") have it. Its status is made in `http/respond.rs`.

use http::{HeaderName, HeaderValue, header};

use super::{dpop::BadProof, jwt::Flaw, principal::Known};
use crate::config::{Algorithm, Auth, PublicUrl};

/// Why somebody is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    why: Why,
    /// For the trail: what is wrong, in a word.
    code: &'static str,
    reason: String,
    known: Option<Box<Known>>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Which kind of answer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Nobody said who is calling.
    Missing,
    /// What was said is no credential.
    Malformed,
    /// The credential does not hold.
    Invalid,
    /// The caller is known, and may not.
    Forbidden,
    /// Nobody can say now: the issuer does not answer, or the store.
    Away,
}

impl Challenge {
    pub fn why(&self) -> Why {
        self.why
    }

    /// One sentence for the caller. It repeats nothing that the caller sent.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What is wrong, in a word, and more exactly than the caller is told.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Whose the credential is that does not do, if the host found that to be true.
    pub fn known(&self) -> Option<&Known> {
        self.known.as_deref()
    }

    /// The headers that say how to go on.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    fn new(why: Why, code: &'static str, reason: impl Into<String>) -> Self {
        Self { why, code, reason: reason.into(), known: None, headers: Vec::new() }
    }

    /// The same, of a credential that is known to be theirs.
    pub(super) fn of(self, known: Option<Known>) -> Self {
        Self { known: known.map(Box::new), ..self }
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        // Scopes, URLs and our own sentences are visible ASCII, so this is always a header.
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }
}

/// Makes challenges: what is the same in all of them.
#[derive(Debug)]
pub(super) struct Challenger {
    public: PublicUrl,
    /// Whether there is an issuer to go to.
    issuers: bool,
    scopes: String,
    dpop_required: bool,
}

/// The name of the document, below `/.well-known/` (RFC 9728, 3).
pub(super) const METADATA: &str = "oauth-protected-resource";

/// Which scheme a challenge is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Bearer,
    Dpop,
}

impl Challenger {
    pub(super) fn new(auth: &Auth, public: PublicUrl) -> Self {
        let (issuers, scopes) = (!auth.issuers.is_empty(), auth.scopes.join(" "));
        Self { public, issuers, scopes, dpop_required: auth.dpop.required }
    }

    pub(super) fn missing(&self, path: &str) -> Challenge {
        let reason =
            "this server asks who is calling: send `Authorization: Bearer …` with an access token or an API key";
        let challenge = Challenge::new(Why::Missing, "no_credentials", reason);
        let challenge = challenge.with(header::WWW_AUTHENTICATE, &self.line(Scheme::Bearer, path, None, &self.scopes));
        if !self.dpop_required {
            return challenge;
        }
        challenge.with(header::WWW_AUTHENTICATE, &self.line(Scheme::Dpop, path, None, &self.scopes))
    }

    pub(super) fn malformed(&self, path: &str, reason: &'static str) -> Challenge {
        let line = self.line(Scheme::Bearer, path, Some(("invalid_request", reason)), "");
        Challenge::new(Why::Malformed, "malformed_credentials", reason).with(header::WWW_AUTHENTICATE, &line)
    }

    pub(super) fn invalid_token(&self, scheme: Scheme, path: &str, flaw: Flaw) -> Challenge {
        self.invalid(scheme, path, flaw.code(), &flaw.to_string())
    }

    pub(super) fn invalid(&self, scheme: Scheme, path: &str, code: &'static str, reason: &str) -> Challenge {
        let line = self.line(scheme, path, Some(("invalid_token", reason)), &self.scopes);
        Challenge::new(Why::Invalid, code, reason).with(header::WWW_AUTHENTICATE, &line)
    }

    /// `nonce` is the one that the next proof must hold, where proofs must hold any.
    pub(super) fn bad_proof(&self, path: &str, bad: BadProof, nonce: Option<&str>) -> Challenge {
        if bad == BadProof::Unsaid {
            return Challenge::new(Why::Away, bad.code(), bad.to_string()).with(header::RETRY_AFTER, "1");
        }
        let error = if bad == BadProof::Nonce { "use_dpop_nonce" } else { "invalid_dpop_proof" };
        let line = self.line(Scheme::Dpop, path, Some((error, &bad.to_string())), "");
        let challenge = Challenge::new(Why::Invalid, bad.code(), bad.to_string()).with(header::WWW_AUTHENTICATE, &line);
        match nonce {
            Some(nonce) => challenge.with(HeaderName::from_static("dpop-nonce"), nonce),
            None => challenge,
        }
    }

    /// All scopes that the operation takes, so that one more way to the issuer is enough.
    pub(super) fn insufficient_scope(&self, scheme: Scheme, path: &str, scopes: &[String]) -> Challenge {
        let reason = "this needs a scope that was not granted";
        // In the order in which the specification's example has them.
        let metadata = self.metadata(path);
        let line = format!(
            "{} error=\"insufficient_scope\", scope=\"{}\"{}, error_description=\"{reason}\"",
            scheme.name(),
            scopes.join(" "),
            metadata.map(|url| format!(", resource_metadata=\"{url}\"")).unwrap_or_default(),
        );
        Challenge::new(Why::Forbidden, "scopes", reason).with(header::WWW_AUTHENTICATE, &line)
    }

    pub(super) fn forbidden(&self) -> Challenge {
        Challenge::new(Why::Forbidden, "other_tenant", "this endpoint is not for this caller")
    }

    pub(super) fn away(&self) -> Challenge {
        let reason = "this server cannot reach the token's issuer at the moment; try again shortly";
        Challenge::new(Why::Away, "issuer_away", reason).with(header::RETRY_AFTER, "2")
    }

    fn metadata(&self, path: &str) -> Option<String> {
        self.issuers.then(|| self.public.well_known(METADATA, path))
    }

    fn line(&self, scheme: Scheme, path: &str, error: Option<(&str, &str)>, scopes: &str) -> String {
        let mut parts = Vec::new();
        if let Some(url) = self.metadata(path) {
            parts.push(format!("resource_metadata=\"{url}\""));
        }
        if !scopes.is_empty() && self.issuers {
            parts.push(format!("scope=\"{scopes}\""));
        }
        if let Some((error, description)) = error {
            parts.push(format!("error=\"{error}\", error_description=\"{}\"", quotable(description)));
        }
        if scheme == Scheme::Dpop {
            parts.push(format!("algs=\"{}\"", Algorithm::ALL.map(Algorithm::name).join(" ")));
        }
        if parts.is_empty() {
            // A scheme must not stand alone (RFC 6750, 3).
            parts.push("realm=\"toolyard\"".into());
        }
        format!("{} {}", scheme.name(), parts.join(", "))
    }
}

impl Scheme {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// What may stand in `error_description` (RFC 6750, 3): neither quotes nor anything beyond ASCII.
fn quotable(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') && c != '"' && c != '\\' { c } else { '\'' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenger(text: &str) -> Challenger {
        let auth = Auth {
            scopes: text.split_whitespace().map(str::to_owned).collect(),
            issuers: super::super::testing::auth().issuers,
            ..Auth::default()
        };
        Challenger::new(&auth, "https://h".parse().unwrap())
    }

    fn line(challenge: &Challenge) -> &str {
        challenge.headers[0].1.to_str().unwrap()
    }

    #[test]
    fn the_specifications_forms() {
        let challenger = challenger("files:read");
        let expected =
            "Bearer resource_metadata=\"https://h/.well-known/oauth-protected-resource/mcp\", scope=\"files:read\"";
        assert_eq!(line(&challenger.missing("/mcp")), expected);
        let invalid = challenger.invalid_token(Scheme::Bearer, "/mcp", Flaw::Expired);
        let error = ", error=\"invalid_token\", error_description=\"the token has expired\"";
        assert_eq!(line(&invalid), format!("{expected}{error}"));
        let scopes = ["a".to_owned(), "b".to_owned()];
        assert_eq!(
            line(&challenger.insufficient_scope(Scheme::Bearer, "/t/x/mcp", &scopes)),
            "Bearer error=\"insufficient_scope\", scope=\"a b\", \
             resource_metadata=\"https://h/.well-known/oauth-protected-resource/t/x/mcp\", \
             error_description=\"this needs a scope that was not granted\""
        );
        let malformed = challenger.malformed("/mcp", "no");
        assert!(line(&malformed).contains("error=\"invalid_request\"") && malformed.why() == Why::Malformed);
    }

    #[test]
    fn proofs_have_a_scheme_of_their_own() {
        let challenger = challenger("");
        let bad = challenger.bad_proof("/mcp", BadProof::Replayed, None);
        assert!(
            line(&bad).starts_with("DPoP resource_metadata=") && line(&bad).contains("error=\"invalid_dpop_proof\"")
        );
        assert!(line(&bad).contains("algs=\"ES256 "));
        let nonce = challenger.bad_proof("/mcp", BadProof::Nonce, Some("n1"));
        assert!(line(&nonce).contains("error=\"use_dpop_nonce\""));
        assert_eq!(nonce.headers[1].1, "n1");
    }

    #[test]
    fn without_an_issuer_there_is_nowhere_to_go() {
        let challenger = Challenger::new(&Auth::default(), "https://h".parse().unwrap());
        assert_eq!(line(&challenger.missing("/mcp")), "Bearer realm=\"toolyard\"");
    }
}
