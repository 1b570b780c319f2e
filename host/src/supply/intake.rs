//! What one tenant's loader asks before it serves a component.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    Arrivals, Changes, Fetched, Lock, Locked, Said, Sources, Supply, blocking, cosign, held, held::Remembered,
};
use crate::{
    config::{PluginSupply, Source, TenantSettings},
    ids::{Digest, PluginId, TenantId},
};

/// What may be served to one tenant.
pub struct Intake {
    supply: Arc<Supply>,
    tenant: TenantId,
    settings: Arc<TenantSettings>,
    sources: Arc<Sources>,
    /// Read when it is first asked for.
    remembered: Mutex<Option<Remembered>>,
}

/// Where a component came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    File(PathBuf),
    /// From a registry, into the cache.
    Pulled(Fetched),
}

impl Intake {
    /// For the plugins in `settings`, which are the tenant's. What was pulled for `former` goes on being served until there is
    /// something else. `arrivals` is told of what comes.
    pub fn new(
        supply: Arc<Supply>,
        tenant: TenantId,
        settings: Arc<TenantSettings>,
        former: Option<&Arc<Sources>>,
        arrivals: Arc<Arrivals>,
    ) -> Self {
        let wanted = settings.plugin.iter().filter_map(|(id, settings)| match &settings.supply.source {
            Some(Source::Oci(reference)) => Some((id.clone(), reference.clone(), settings.supply.clone())),
            Some(Source::File(_)) | None => None,
        });
        let wanted: Vec<_> = wanted.collect();
        let sources = Arc::new(Sources::new(Arc::clone(&supply), tenant.clone(), wanted, former, arrivals));
        Self { supply, tenant, settings, sources, remembered: Mutex::default() }
    }

    /// What comes from registries.
    pub fn sources(&self) -> &Arc<Sources> {
        &self.sources
    }

    /// What there is from registries now.
    pub fn fetched(&self) -> Vec<(PluginId, Fetched)> {
        self.sources.fetched()
    }

    /// What registries did not give, by the name of its source, and why.
    pub fn troubles(&self) -> Vec<(PathBuf, String)> {
        let named = |(id, reason): (PluginId, String)| (self.name_of(&id), reason);
        self.sources.troubles().into_iter().map(named).collect()
    }

    /// How the operator knows a plugin that comes from a registry.
    pub fn name_of(&self, id: &PluginId) -> PathBuf {
        let source = self.settings.plugin.get(id).and_then(|settings| settings.supply.source.as_ref());
        match source {
            Some(Source::Oci(reference)) => PathBuf::from(format!("oci://{reference} (plugin {id})")),
            Some(Source::File(path)) => path.clone(),
            None => PathBuf::from(id.as_str()),
        }
    }

    /// Counts how often the lock file was another: what was refused by it gets another look.
    pub fn edition(&self) -> u64 {
        self.supply.edition()
    }

    /// Whether a signature beside the component's file is looked for.
    pub fn wants_signature(&self, settings: Option<&PluginSupply>) -> bool {
        self.supply.settings.require_signatures || settings.is_some_and(|settings| !settings.signed_by.is_empty())
    }

    /// The bytes of what was pulled.
    pub async fn read(&self, fetched: Fetched) -> Result<Vec<u8>, String> {
        let cache = self.supply.cache().map_err(|error| error.to_string())?.clone();
        let bytes_max = self.supply.component_bytes_max;
        let bytes = blocking(move || cache.component(fetched.component, bytes_max)).await;
        bytes.ok_or_else(|| "is not in the cache any more; it is pulled again when the host starts".into())
    }

    /// Whether a component with these bytes may be served at all: whether it is locked, if that is wanted, and signed, if that is.
    /// The error is a clause for the operator.
    pub fn admits(
        &self,
        id: &PluginId,
        settings: &PluginSupply,
        origin: &Origin,
        bytes: &[u8],
        digest: Digest,
    ) -> Result<(), String> {
        if self.supply.settings.locked {
            let lock = self.supply.lock();
            let locked = lock.as_ref().and_then(|lock| lock.get(&self.tenant, id));
            let locked = locked.ok_or("is not in the lock file; write it with `toolyard lock`")?;
            if locked.component != digest {
                return Err(format!(
                    "is {digest}, and the lock file has {}; write it with `toolyard lock`",
                    locked.component
                ));
            }
        }
        // What came from a registry was checked before it came into the cache, by the signatures that the registry has.
        let Origin::File(path) = origin else { return Ok(()) };
        let Some(keys) = self.supply.keys(settings)? else { return Ok(()) };
        cosign::check_bytes(&keys, bytes, &cosign::read_signature(path)?)
    }

    /// What would be known of a plugin that has this component and says this of itself. `None`: it is what another source had, which the
    /// configuration does not name any more, and is served only until the new one has come.
    pub fn entry(
        &self,
        id: &PluginId,
        settings: &PluginSupply,
        origin: &Origin,
        component: Digest,
        said: Said,
    ) -> Option<Locked> {
        let (source, manifest, version) = match (origin, &settings.source) {
            (Origin::Pulled(fetched), Some(source @ Source::Oci(reference))) if fetched.is_by(reference) => {
                let version = reference.tag.clone().unwrap_or_else(|| fetched.manifest.to_string());
                (Some(source.to_string()), Some(fetched.manifest), Some(version))
            }
            (Origin::Pulled(_), _) => return None,
            (Origin::File(_), _) => (None, None, None),
        };
        let (tenant, name, Said { prefixes, tools, prompts, templates }) = (self.tenant.clone(), id.clone(), said);
        Some(Locked { tenant, name, source, manifest, component, version, prefixes, tools, prompts, templates })
    }

    /// Whether a plugin says of itself what it said before, under the same version. If not, why it is held back.
    pub fn weigh(&self, settings: &PluginSupply, now: &Locked) -> Result<(), String> {
        if !self.supply.holds() || settings.allow_changes {
            return Ok(());
        }
        let lock = self.supply.lock();
        self.with_remembered(|remembered| {
            let before = held::before(lock.as_deref(), remembered, now);
            match before.and_then(|before| before.changes(now)) {
                Some(changes) => Err(held::reason(now, &changes)),
                None => Ok(()),
            }
        })?
    }

    /// Remembers what is served now, and keeps it for the case that what comes after it is held back.
    pub fn serves(&self, now: Locked) {
        if !self.supply.holds() {
            return;
        }
        let name = now.name.clone();
        let written = self.with_remembered(|remembered| remembered.insert(now));
        if let Err(reason) = written.and_then(|written| written.map_err(|error: io::Error| error.to_string())) {
            tracing::error!(tenant = %self.tenant, plugin = %name, reason, "what is served could not be remembered");
        }
    }

    /// Whether what is served is kept, so that it can be served again after a start at which its file is something else.
    pub fn keeps(&self) -> bool {
        self.supply.cache.is_some() && self.supply.holds()
    }

    /// Keeps a component that is served.
    pub async fn keep(&self, digest: Digest, bytes: Vec<u8>) {
        let Some(cache) = self.supply.cache.clone() else { return };
        let put = move || if cache.place(digest).exists() { Ok(()) } else { cache.put_component(digest, &bytes) };
        if let Err(error) = blocking(put).await {
            tracing::warn!(%error, "a component could not be kept");
        }
    }

    /// The component that was served before `now`, under its version.
    pub async fn former(&self, now: &Locked) -> Option<Vec<u8>> {
        let lock = self.supply.lock();
        let digest = self.with_remembered(|remembered| {
            held::before(lock.as_deref(), remembered, now).map(|before| before.component)
        });
        let (digest, bytes_max) = (digest.ok().flatten()?, self.supply.component_bytes_max);
        let cache = self.supply.cache.clone()?;
        blocking(move || cache.component(digest, bytes_max)).await
    }

    fn with_remembered<T>(&self, use_it: impl FnOnce(&mut Remembered) -> T) -> Result<T, String> {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.is_none() {
            *remembered = Some(Remembered::read(self.supply.state_dir.as_deref(), &self.tenant)?);
        }
        // It is there since the line before.
        remembered.as_mut().map(use_it).ok_or_else(|| "nothing is remembered".into())
    }
}

/// The plugins that describe themselves otherwise than in the lock file, under the same version.
pub fn changed_under_the_same_version(lock: &Lock, now: &[Locked]) -> Vec<(TenantId, PluginId, Changes)> {
    let changes = now.iter().filter_map(|now| {
        let before = lock.get(&now.tenant, &now.name).filter(|before| before.version == now.version)?;
        Some((now.tenant.clone(), now.name.clone(), before.changes(now)?))
    });
    changes.collect()
}
