//! `wasi:sockets`: TCP connections to where the operator allows.

use crate::config::{Egress, TcpGrant};

/// Where one plugin may connect to.
pub(crate) struct Sockets {}

impl Sockets {
    /// Nowhere.
    pub(crate) fn none() -> Self {
        Self {}
    }

    /// Where `grants` say.
    pub(crate) fn new(_grants: &[TcpGrant], _egress: &Egress) -> Result<Self, String> {
        Ok(Self {})
    }
}
