//! Whether a caller may do something. The only maker of a [`Permit`].

use std::sync::Arc;

use crate::{
    auth::Principal,
    catalog::{Program, Prompt, Tool},
};

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

/// Why there is no permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// A token with all of these scopes would do (RFC 6750, 3.1).
    Scopes(Vec<String>),
}

/// What a permit is for.
pub trait Governed {
    /// What a caller must have been granted by whoever made its token.
    fn scopes(&self) -> &[String];
}

impl Governed for Tool {
    fn scopes(&self) -> &[String] {
        Self::scopes(self)
    }
}

impl Governed for Prompt {
    fn scopes(&self) -> &[String] {
        &self.program().scopes
    }
}

/// A plugin, for its resources.
impl Governed for Program {
    fn scopes(&self) -> &[String] {
        &self.scopes
    }
}

/// Leave for the operator, who uses `what` on the machine where it is.
pub fn operators_own<T>(what: &Arc<T>) -> Permit<T> {
    Permit { principal: Arc::new(Principal::anonymous()), what: Arc::clone(what) }
}

/// Asks for leave to use `what`.
pub fn permit<T: Governed>(principal: &Arc<Principal>, what: &Arc<T>) -> Result<Permit<T>, Denied> {
    if !what.scopes().iter().all(|scope| principal.has_scope(scope)) {
        // All that the operation takes, so that one new token is enough.
        return Err(Denied::Scopes(what.scopes().to_vec()));
    }
    Ok(Permit { principal: Arc::clone(principal), what: Arc::clone(what) })
}
