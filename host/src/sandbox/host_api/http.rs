//! `wasi:http/outgoing-handler`: requests to where the operator allows.

use crate::config::{Egress, HttpGrant, Secrets};

/// Where one plugin may send requests.
pub(crate) struct Outbound {}

impl Outbound {
    /// Nowhere.
    pub(crate) fn none() -> Self {
        Self {}
    }

    /// Where `grants` say. Reads the secrets that go into headers.
    pub(crate) fn new(_grants: &[HttpGrant], _secrets: &Secrets, _egress: &Egress) -> Result<Self, String> {
        Ok(Self {})
    }
}
