//! What is known of what was found, from one look to the next.

use std::sync::Arc;

use super::{
    Plugin, Refused,
    found::{Found, Stamp},
};
use crate::{
    ids::{Digest, PluginId, TenantId},
    metrics,
    supply::Locked,
};

/// Whether a look came to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Unchanged,
    Changed,
    /// Perhaps half written: ask again later.
    Wait,
}

/// What is known of one file, or of what comes from elsewhere.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) id: Result<PluginId, String>,
    pub(super) stamp: Option<Stamp>,
    pub(super) digest: Option<Digest>,
    pub(super) refused: Option<Refused>,
}

/// Something that is new or has other contents than before.
pub(super) struct Candidate {
    pub(super) found: Found,
    pub(super) digest: Option<Digest>,
    pub(super) loaded: Result<Loaded, Why>,
}

/// What is to be served.
pub(super) struct Loaded {
    pub(super) plugin: Arc<Plugin>,
    /// What is to be remembered of it, if anything.
    pub(super) entry: Option<Locked>,
    /// Why this is not what the file holds now.
    pub(super) instead: Option<Why>,
}

/// Why something is not served, as a clause.
pub(super) struct Why {
    pub(super) reason: String,
    /// Whether it would be served if it described itself as before.
    pub(super) held: bool,
}

impl From<String> for Why {
    fn from(reason: String) -> Self {
        Self { reason, held: false }
    }
}

impl Seen {
    pub(super) fn new(id: Result<PluginId, String>) -> Self {
        Self { id, stamp: None, digest: None, refused: None }
    }

    /// It is loaded anew at the next look, whatever it holds.
    pub(super) fn forget(&mut self) {
        (self.stamp, self.digest) = (None, None);
    }

    /// Notes why what was found is not served, and says so if that is new. Gives what is new.
    pub(super) fn refuse(
        &mut self,
        tenant: &TenantId,
        found: &Found,
        digest: Option<Digest>,
        why: Why,
        serves: bool,
    ) -> Option<Refused> {
        let Why { reason, held } = why;
        let refused = Refused { file: found.name.clone(), digest, reason, held };
        self.stamp = Some(found.stamp);
        if self.refused.as_ref() == Some(&refused) {
            return None;
        }
        let serving = if serves { "the version before it goes on serving" } else { "not served" };
        // A file's name must not look like a line of the host's own.
        let file = found.name.display().to_string().replace(char::is_control, "\u{fffd}");
        tracing::error!(%tenant, %file, reason = refused.reason, serving, held, "refused");
        metrics::plugin_load(if held { "held" } else { "refused" });
        self.refused = Some(refused.clone());
        Some(refused)
    }
}
