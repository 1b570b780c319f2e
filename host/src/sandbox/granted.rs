//! What one plugin may touch, made ready for its calls.
//!
//! A capability's life: linked once for all (`host_api::link`), made ready for a plugin here, when it is loaded, and brought
//! into each call by `CallState`.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use super::{
    Spent,
    host_api::{Folder, Keyspace, Outbound, Sockets},
    network::Network,
};
use crate::{
    config::{Grants, Secrets},
    denials::{self, By, Denial},
    ids::TenantId,
    metrics::OfPlugin,
    observe::{self, Effect, Seen},
    store::Store,
};

/// What grants are made of: the parts of the world that the host reaches for its guests. One for all plugins.
#[derive(Clone)]
pub struct Outside {
    pub store: Arc<dyn Store>,
    pub network: Arc<Network>,
}

/// All that one plugin may touch.
pub struct Granted {
    /// Which one, as the log and the metrics know it.
    plugin: Arc<OfPlugin>,
    /// Whose it is, as those are told who see what it was refused.
    tenant: Option<TenantId>,
    /// In whose turns instances are made ahead for it.
    pub(super) spent: Arc<Spent>,
    /// What `wasi:config` tells it, secrets included.
    pub(super) config: Vec<(String, String)>,
    /// Which of that are secrets: the key, and the secret's name.
    pub(super) secrets: Vec<(String, String)>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) folders: Vec<Arc<Folder>>,
    pub(super) keyspace: Option<Keyspace>,
    pub(super) outbound: Outbound,
    pub(super) sockets: Sockets,
}

impl Granted {
    /// Nothing: what a plugin has while it is described, or if nobody granted it anything.
    pub fn nothing(plugin: &Arc<OfPlugin>) -> Self {
        Self {
            plugin: Arc::clone(plugin),
            tenant: None,
            spent: Arc::default(),
            config: Vec::new(),
            secrets: Vec::new(),
            environment: Vec::new(),
            folders: Vec::new(),
            keyspace: None,
            outbound: Outbound::none(),
            sockets: Sockets::none(),
        }
    }

    /// What `grants` say. Reads secrets and looks at folders, so it may block. `space` is where the plugin's key-value data
    /// is; it is unlike any other plugin's and tenant's.
    pub fn new(
        plugin: &Arc<OfPlugin>,
        space: &str,
        grants: &Grants,
        secrets: &Secrets,
        outside: &Outside,
    ) -> Result<Self, String> {
        let mut config: Vec<(String, String)> = pairs(&grants.config);
        let mut known = Vec::new();
        for (key, name) in &grants.secrets {
            known.push((key.clone(), name.to_string()));
            config.push((key.clone(), secrets.read(name)?.reveal().to_owned()));
        }
        let keyspace = grants.keyvalue.clone().map(|bounds| Keyspace::new(plugin, &outside.store, space, bounds));
        Ok(Self {
            plugin: Arc::clone(plugin),
            tenant: None,
            spent: Arc::default(),
            config,
            secrets: known,
            environment: pairs(&grants.environment),
            folders: grants.folders.iter().map(|folder| Folder::open(plugin, folder)).collect::<Result<_, _>>()?,
            keyspace,
            outbound: Outbound::new(&grants.http, secrets, &outside.network)?,
            sockets: Sockets::new(&grants.tcp, &outside.network)?,
        })
    }

    /// The same, of a plugin that is this tenant's.
    pub fn of(self, tenant: &TenantId, spent: &Arc<Spent>) -> Self {
        Self { tenant: Some(tenant.clone()), spent: Arc::clone(spent), ..self }
    }

    /// Which one, as the log and the metrics know it.
    pub(super) fn plugin(&self) -> &Arc<OfPlugin> {
        &self.plugin
    }
}

fn pairs(map: &std::collections::BTreeMap<String, String>) -> Vec<(String, String)> {
    map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Lines that one call may put into the log about what it was refused: a guest that tries again and again says nothing new.
const LINES_PER_CALL: u32 = 8;

/// What the log shows of what is missing: a guest may ask for something very long.
const MISSING_CHARS_MAX: usize = 256;

/// Tells of what a call tried and may not: the log names the grant that is missing, the guest gets a plain error, and the
/// caller learns nothing of how to get it.
/// Clones share the lines.
#[derive(Debug, Clone)]
pub(super) struct Refusals {
    tenant: Option<TenantId>,
    lines_left: Arc<AtomicU32>,
}

impl Refusals {
    pub(super) fn new(granted: &Granted) -> Self {
        Self { tenant: granted.tenant.clone(), lines_left: Arc::new(AtomicU32::new(LINES_PER_CALL)) }
    }

    /// `grant` is the part of `[plugin.NAME.grants]` that would have to say `missing`.
    pub(super) fn add(&self, plugin: &OfPlugin, grant: &'static str, missing: &dyn std::fmt::Display) {
        plugin.refused(grant);
        observe::touched(|| Effect::Refused { grant, missing: told(grant, &missing.to_string()) });
        let take = |left: u32| left.checked_sub(1);
        if self.lines_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            // Debug form: what is missing is in the guest's words.
            let missing: String = missing.to_string().chars().take(MISSING_CHARS_MAX).collect();
            tracing::warn!(
                tenant = plugin.tenant(),
                plugin = plugin.name(),
                grant,
                ?missing,
                "refused: it is not granted"
            );
            let (tenant, what) = (self.tenant.as_ref(), format!("{grant} {missing}"));
            denials::note(&Denial { by: By::Grant, tenant, subject: None, on: Some(plugin.name()), what: &what });
            observe::say(|| Seen::Refused { grant, missing });
        }
    }
}

/// What is remembered of something missing: of a URL, only up to its path, which may be private.
fn told(grant: &str, missing: &str) -> String {
    let authority = missing.find("://").map(|at| at + 3).filter(|_| grant == "http");
    let end = authority.and_then(|begin| missing[begin..].find('/').map(|at| begin + at));
    missing[..end.unwrap_or(missing.len())].chars().take(MISSING_CHARS_MAX).collect()
}
