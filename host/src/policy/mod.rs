//! Whether a caller may do something. The only maker of a [`Permit`].

use std::sync::Arc;

use crate::auth::Principal;

/// Proof that this principal may use this tool, this prompt, or this plugin's resources. Running one takes it, so that
/// leaving out the question does not compile.
pub struct Permit<T> {
    principal: Arc<Principal>,
    what: Arc<T>,
}

impl<T> Permit<T> {
    /// Who may.
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// What they may use.
    pub fn what(&self) -> &Arc<T> {
        &self.what
    }
}

/// Asks for leave to use `what`. A host without tenants has nothing to refuse: every caller may use everything.
pub fn permit<T>(principal: &Arc<Principal>, what: &Arc<T>) -> Permit<T> {
    Permit { principal: Arc::clone(principal), what: Arc::clone(what) }
}
