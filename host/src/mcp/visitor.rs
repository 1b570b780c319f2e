//! Whoever asks: as whom, and in whose yard.

use std::sync::Arc;

use super::fault::Fault;
use crate::{
    auth::Principal,
    catalog::{Catalog, Tenant},
    denials::{self, By, Denial},
    policy::{self, Denied, Governed, Permit},
};

/// A caller at its tenant's.
#[derive(Clone)]
pub struct Visitor {
    pub principal: Arc<Principal>,
    pub tenant: Arc<Tenant>,
}

impl Visitor {
    /// What there is at this moment.
    pub(super) fn catalog(&self) -> arc_swap::Guard<Arc<Catalog>> {
        self.tenant.live.now()
    }

    /// Asks for leave to use `what`.
    pub(super) fn permit<T: Governed>(&self, what: &Arc<T>) -> Result<Permit<T>, Fault> {
        policy::permit(&self.principal, what).map_err(|denied| {
            let fault = Fault::from(denied);
            denials::note(&Denial {
                by: By::Policy,
                tenant: Some(&self.principal.tenant),
                subject: Some(&self.principal.subject),
                on: None,
                what: &fault.message(),
            });
            fault
        })
    }
}

impl From<Denied> for Fault {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Scopes(scopes) => Self::Denied { scopes },
        }
    }
}
