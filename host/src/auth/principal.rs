//! The caller, as far as the host knows it.

use crate::ids::TenantId;

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub tenant: TenantId,
    /// A name that is stable for the caller, and nobody else's in its tenant.
    pub subject: String,
    pub scopes: Vec<String>,
    pub groups: Vec<String>,
    /// The program that calls, as its issuer knows it.
    pub client: Option<String>,
    pub by: By,
}

/// By what a caller is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// By nothing.
    Anonymous,
    /// By the API key of this id.
    Key(String),
    /// By an access token.
    Token { issuer: String },
}

impl Principal {
    /// Whoever calls a host that asks for no credentials.
    pub fn anonymous() -> Self {
        Self::anonymous_of(TenantId::default())
    }

    /// The same, with what this tenant's callers without credentials may do.
    pub fn anonymous_of(tenant: TenantId) -> Self {
        Self {
            tenant,
            subject: ANONYMOUS.into(),
            scopes: Vec::new(),
            groups: Vec::new(),
            client: None,
            by: By::Anonymous,
        }
    }
}

/// The name of those who have none. Nobody who has one is called so.
pub(super) const ANONYMOUS: &str = "anonymous";
