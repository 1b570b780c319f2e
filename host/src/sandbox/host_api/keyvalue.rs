//! `wasi:keyvalue`: values that outlive a call, in the store.

use std::sync::Arc;

use crate::{config::KeyValueGrant, store::Store};

/// Where one plugin's values are.
pub(crate) struct Keyspace {}

impl Keyspace {
    /// The values under `space`, within `bounds`.
    pub(crate) fn new(_store: &Arc<dyn Store>, _space: &str, _bounds: KeyValueGrant) -> Self {
        Self {}
    }
}
