//! Whether a caller may do something. The only maker of a [`Permit`].

use std::sync::Arc;

use crate::{auth::Principal, catalog::Tool};

/// Proof that this principal may call this tool. Running a tool takes one, so that leaving out the question does not
/// compile.
pub struct Permit {
    principal: Arc<Principal>,
    tool: Arc<Tool>,
}

impl Permit {
    /// Who may.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What they may call.
    pub fn tool(&self) -> &Tool {
        &self.tool
    }
}

/// Asks for leave to call `tool`. A host without tenants has nothing to refuse: every caller may call every tool.
pub fn permit(principal: &Arc<Principal>, tool: &Arc<Tool>) -> Permit {
    Permit { principal: Arc::clone(principal), tool: Arc::clone(tool) }
}
