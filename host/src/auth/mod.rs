//! Who is calling.

use crate::ids::TenantId;

/// The caller, as far as the host knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub tenant: TenantId,
    /// A name that is stable for the caller.
    pub subject: String,
    pub scopes: Vec<String>,
}

impl Principal {
    /// Whoever calls a host that asks for no credentials.
    pub fn anonymous() -> Self {
        Self { tenant: TenantId::default(), subject: "anonymous".into(), scopes: Vec::new() }
    }
}
