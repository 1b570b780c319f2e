//! The caller, as far as the host knows it.

use serde::{Deserialize, Serialize};

use crate::{audit::record, ids::TenantId};

/// The caller, as far as the host knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Principal {
    pub tenant: TenantId,
    /// A name that is stable for the caller, and nobody else's in its tenant.
    pub subject: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The OAuth client that the caller uses, where its token names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    #[serde(default)]
    pub by: By,
}

/// By what a caller is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Nobody asked.
    #[default]
    Anonymous,
    /// An API key, by its id.
    Key(String),
    /// An access token.
    Token { issuer: String },
}

/// What is known of somebody who is not let in: what the host found to be true of a credential, though it is of no use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    pub tenant: Option<TenantId>,
    pub subject: Option<String>,
    pub client: Option<String>,
    pub by: By,
}

impl From<&Principal> for Known {
    fn from(principal: &Principal) -> Self {
        Self {
            tenant: Some(principal.tenant.clone()),
            subject: Some(principal.subject.clone()),
            client: principal.client.clone(),
            by: principal.by.clone(),
        }
    }
}

impl<'a> From<&'a By> for record::By<'a> {
    fn from(by: &'a By) -> Self {
        match by {
            By::Anonymous => Self::Anonymous,
            By::Key(id) => Self::Key(id),
            By::Token { issuer } => Self::Token(issuer),
        }
    }
}

impl By {
    /// As metrics and traces call it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Key(_) => "key",
            Self::Token { .. } => "token",
        }
    }
}

impl Principal {
    /// Whoever calls a host that asks for no credentials, for that tenant.
    pub fn anonymous_of(tenant: TenantId) -> Self {
        let (scopes, groups, client) = Default::default();
        Self { tenant, subject: ANONYMOUS.into(), scopes, groups, client, by: By::Anonymous }
    }

    /// The same, for the tenant `default`.
    pub fn anonymous() -> Self {
        Self::anonymous_of(TenantId::default())
    }

    /// Whether whoever made the caller's token granted it that.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|own| own == scope)
    }
}

/// The name of those who have none. Nobody who has one is called so.
pub(super) const ANONYMOUS: &str = "anonymous";
