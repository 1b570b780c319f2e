//! JSON Web Tokens (RFC 7519, RFC 7515) as they are read before anything in them is believed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use serde_json::{Map, Value};

use super::jwk::PublicKey;
use crate::{config::Algorithm, json};

/// A token. Issuers that put a user's groups in come to a few thousand; headers have 64 KiB altogether.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// Its header, encoded. A proof of possession has an RSA key in it, of up to 1400 characters.
const HEADER_CHARS_MAX: usize = 4 << 10;

/// A text in a claim that the host keeps.
pub(super) const CLAIM_CHARS_MAX: usize = 512;

/// A token that was read. Nothing in it is known to be true.
pub(super) struct Jwt<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    /// Lower case, without `application/` in front (RFC 7515, 4.1.9).
    pub(super) typ: Option<String>,
    /// The key that the token itself brings along; believed of proofs of possession alone.
    pub(super) jwk: Option<Map<String, Value>>,
    pub(super) claims: Map<String, Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

/// Why a token is not taken. The text is for whoever sent it, and says nothing that was in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Flaw {
    #[error("the token is longer than this host reads")]
    TooLong,
    #[error("the token is no signed JWT")]
    NoJwt,
    #[error("the token is signed with an algorithm that is not taken here")]
    Algorithm,
    #[error("the token wants something to be understood that is not understood here")]
    Critical,
    #[error("the token is of another kind than this takes")]
    Kind,
    #[error("the token's issuer is not one of those that are trusted here")]
    Issuer,
    #[error("the token is signed with a key that its issuer does not show")]
    UnknownKey,
    #[error("the token's signature is not its issuer's")]
    Signature,
    #[error("the token is for somebody else: its audience is not this server")]
    Audience,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYet,
    #[error("the token does not say until when it is valid, or says it as no number")]
    NoExpiry,
    #[error("the token does not say who its owner is, in a way that is of use here")]
    NoSubject,
    #[error("the token does not say of which tenant its owner is")]
    NoTenant,
    #[error("the token has a claim of another form than is expected of it")]
    Claim,
    #[error("the token is bound to a key in a way that is not known here")]
    Binding,
}

impl Flaw {
    /// The same in a word, for the trail.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::TooLong => "token_too_long",
            Self::NoJwt => "token_no_jwt",
            Self::Algorithm => "token_algorithm",
            Self::Critical => "token_critical",
            Self::Kind => "token_kind",
            Self::Issuer => "token_issuer",
            Self::UnknownKey => "token_unknown_key",
            Self::Signature => "token_signature",
            Self::Audience => "token_audience",
            Self::Expired => "token_expired",
            Self::NotYet => "token_not_yet",
            Self::NoExpiry => "token_no_expiry",
            Self::NoSubject => "token_no_subject",
            Self::NoTenant => "token_no_tenant",
            Self::Claim => "token_claim",
            Self::Binding => "token_binding",
        }
    }
}

impl<'a> Jwt<'a> {
    /// Reads a token in its compact form.
    pub(super) fn read(token: &'a str) -> Result<Self, Flaw> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Flaw::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Flaw::NoJwt)?;
        let (header, claims) = signed.split_once('.').ok_or(Flaw::NoJwt)?;
        if header.len() > HEADER_CHARS_MAX {
            return Err(Flaw::TooLong);
        }
        let header = object(header)?;
        // What the issuer says must be understood (RFC 7515, 4.1.11), such as an unencoded payload.
        if header.contains_key("crit") {
            return Err(Flaw::Critical);
        }
        let text = |name: &str| match header.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.len() <= CLAIM_CHARS_MAX => Ok(Some(text.as_str())),
            Some(_) => Err(Flaw::NoJwt),
        };
        let algorithm = text("alg")?.ok_or(Flaw::NoJwt)?.parse().map_err(|_| Flaw::Algorithm)?;
        let typ = text("typ")?.map(str::to_ascii_lowercase);
        let typ = typ.map(|typ| typ.strip_prefix("application/").map(str::to_owned).unwrap_or(typ));
        let jwk = match header.get("jwk") {
            None => None,
            Some(Value::Object(jwk)) => Some(jwk.clone()),
            Some(_) => return Err(Flaw::NoJwt),
        };
        let kid = text("kid")?.map(str::to_owned);
        let signature = BASE64URL.decode(signature).map_err(|_| Flaw::NoJwt)?;
        Ok(Self { algorithm, kid, typ, jwk, claims: object(claims)?, signed, signature })
    }

    /// Whether it is signed with this key.
    pub(super) fn is_signed_with(&self, key: &PublicKey) -> bool {
        key.verifies(self.algorithm, self.signed.as_bytes(), &self.signature)
    }

    /// A claim that is a text, if it is there. Names have no line breaks and the like in them; what shows them need not look.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Flaw> {
        match claim(&self.claims, name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if is_line(text) => Ok(Some(text)),
            Some(_) => Err(Flaw::Claim),
        }
    }

    /// A claim that is a time, in seconds since 1970; some write fractions (RFC 7519, 2, "NumericDate").
    pub(super) fn time(&self, name: &str) -> Result<Option<u64>, Flaw> {
        match self.claims.get(name) {
            None => Ok(None),
            Some(value) => match (value.as_u64(), value.as_f64()) {
                (Some(seconds), _) => Ok(Some(seconds)),
                // Beyond this a fraction cannot be told any more, and no date is meant.
                (None, Some(seconds)) if (0.0..1e15).contains(&seconds) => Ok(Some(seconds as u64)),
                _ => Err(Flaw::Claim),
            },
        }
    }

    /// A claim that is a list of words: an array, or a text with spaces between them. Bounded in number and length.
    pub(super) fn words(&self, name: &str) -> Result<Vec<String>, Flaw> {
        const WORDS_MAX: usize = 1000;
        let words: Vec<String> = match claim(&self.claims, name) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) => text.split_ascii_whitespace().map(str::to_owned).collect(),
            Some(Value::Array(items)) => {
                let words = items.iter().map(|item| item.as_str().map(str::to_owned));
                words.collect::<Option<_>>().ok_or(Flaw::Claim)?
            }
            Some(_) => return Err(Flaw::Claim),
        };
        let fit = words.len() <= WORDS_MAX && words.iter().all(|word| is_line(word));
        fit.then_some(words).ok_or(Flaw::Claim)
    }
}

fn is_line(text: &str) -> bool {
    text.len() <= CLAIM_CHARS_MAX && !text.contains(char::is_control)
}

/// A claim by its name, or by its path: some issuers put what they add into an object of their own (`realm_access.roles`).
fn claim<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        claim(claims.get(first)?.as_object()?, rest)
    })
}

fn object(part: &str) -> Result<Map<String, Value>, Flaw> {
    let bytes = BASE64URL.decode(part).map_err(|_| Flaw::NoJwt)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Flaw::NoJwt)?;
    // Strictly: of two claims of one name, the issuer may have meant the other one.
    match json::strict(text) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(Flaw::NoJwt),
    }
}
