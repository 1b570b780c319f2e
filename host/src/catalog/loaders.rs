//! The loaders of all tenants, and which of them look at what.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future, stream};

use super::{
    Loader, Tenants, Yard,
    loader::{Rules, SETTLE},
};
use crate::{
    audit::Audit,
    config::Config,
    ids::TenantId,
    supply::{Arrivals, Intake, Locked, Sources, Supply},
};

/// The loaders of all tenants.
pub struct Loaders {
    config: Arc<Config>,
    yard: Arc<Yard>,
    tenants: Arc<Tenants>,
    supply: Arc<Supply>,
    /// Told when something came from a registry.
    arrivals: Arc<Arrivals>,
    audit: Audit,
    loaders: BTreeMap<TenantId, Loader>,
    /// Of the lock file when folders were looked at last.
    edition: u64,
}

/// Whose folders are to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    All,
    These(BTreeSet<TenantId>),
}

/// What came of a look.
#[derive(Debug, Default)]
pub struct Scanned {
    /// Those who had files that seemed to be half written.
    pub again: BTreeSet<TenantId>,
    /// Folders that could not be listed. What was in them stays as it is.
    pub failed: Vec<(PathBuf, io::Error)>,
}

impl Scanned {
    /// How long to wait before [`Scanned::again`].
    pub const SETTLE: Duration = SETTLE;

    /// The first folder that could not be listed is an error.
    pub fn whole(self) -> Result<(), (PathBuf, io::Error)> {
        self.failed.into_iter().next().map_or(Ok(()), Err)
    }
}

impl Loaders {
    /// Those of the tenants in `config`, who are in force from now on. Nothing is read until [`Loaders::scan`].
    pub fn new(config: Arc<Config>, yard: Arc<Yard>, tenants: Arc<Tenants>, supply: Arc<Supply>, audit: Audit) -> Self {
        let (arrivals, loaders, edition) = (Arc::default(), BTreeMap::new(), supply.edition());
        let mut loaders =
            Self { config: Arc::clone(&config), yard, tenants, supply, arrivals, audit, loaders, edition };
        loaders.set(config);
        loaders
    }

    /// Takes another configuration. What it says of plugins holds for each from its next [`Loaders::scan`] on.
    pub fn configure(&mut self, config: Arc<Config>) {
        match Supply::open(&config) {
            Ok(supply) => self.supply = Arc::new(supply.audited(self.audit.clone())),
            Err(reason) => tracing::error!(reason, "what is said of where plugins come from stays as it was"),
        }
        self.set(config);
    }

    fn set(&mut self, config: Arc<Config>) {
        self.tenants.set(&config.tenants);
        let mut before = std::mem::take(&mut self.loaders);
        for (id, settings) in &config.tenants {
            let Some(tenant) = self.tenants.get(id.as_str()) else { continue };
            let former = before.get(id).map(|loader| Arc::clone(loader.sources()));
            let (supply, arrivals) = (Arc::clone(&self.supply), Arc::clone(&self.arrivals));
            let intake = Intake::new(supply, id.clone(), Arc::clone(settings), former.as_ref(), arrivals);
            let loader = match before.remove(id) {
                Some(loader) => loader.configured(Arc::clone(settings), Rules::of(&config), intake),
                None => {
                    let (yard, audit) = (Arc::clone(&self.yard), self.audit.clone());
                    Loader::new(&tenant, Arc::clone(settings), Rules::of(&config), yard, intake, audit)
                }
            };
            self.loaders.insert(id.clone(), loader);
        }
        self.config = config;
    }

    /// What is in force.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// What comes from registries, by tenant; those that have nothing from there are left out.
    pub fn sources(&self) -> Vec<Arc<Sources>> {
        let sources = self.loaders.values().map(Loader::sources);
        sources.filter(|sources| !sources.is_empty()).cloned().collect()
    }

    /// Waits for what comes from registries, at most so long.
    pub async fn first_look(&self, wait: Duration) {
        let sources = self.sources();
        future::join_all(sources.iter().map(|sources| sources.first_look(wait))).await;
    }

    /// Where it is told when something came from a registry.
    pub fn arrivals(&self) -> Arc<Arrivals> {
        Arc::clone(&self.arrivals)
    }

    /// What is to be remembered of all plugins that serve, where that is what was found.
    pub fn entries(&self) -> Vec<Locked> {
        self.loaders.values().flat_map(Loader::entries).collect()
    }

    /// The folders that are read, and whose they are: several tenants may have one.
    pub fn dirs(&self) -> BTreeMap<PathBuf, BTreeSet<TenantId>> {
        let mut dirs = BTreeMap::<PathBuf, BTreeSet<TenantId>>::new();
        for (id, loader) in &self.loaders {
            if let Some(dir) = loader.dir() {
                dirs.entry(dir.to_owned()).or_default().insert(id.clone());
            }
        }
        dirs
    }

    /// Reads these folders once, or all of them, where the lock file is another than before. One that cannot be listed keeps
    /// nobody else from being read.
    pub async fn scan(&mut self, whose: &Whose) -> Scanned {
        let parallel = std::thread::available_parallelism().map_or(1, usize::from);
        let edition = self.supply.edition();
        let is_new = std::mem::replace(&mut self.edition, edition) != edition;
        let wanted = |id: &TenantId| match whose {
            Whose::These(ids) => is_new || ids.contains(id),
            Whose::All => true,
        };
        let loaders = self.loaders.iter_mut().filter(|(id, _)| wanted(id));
        let scans = loaders.map(|(id, loader)| async move { (id.clone(), scan_or_say_where(loader).await) }.boxed());
        let scans: Vec<_> = scans.collect();
        let mut scans = stream::iter(scans).buffer_unordered(parallel);
        let mut all = Scanned::default();
        while let Some((id, scanned)) = scans.next().await {
            match scanned {
                Ok(true) => drop(all.again.insert(id)),
                Ok(false) => {}
                Err(failed) => all.failed.push(failed),
            }
        }
        all
    }
}

async fn scan_or_say_where(loader: &mut Loader) -> Result<bool, (PathBuf, io::Error)> {
    let scanned = loader.scan().await;
    scanned.map_err(|error| (loader.dir().unwrap_or(Path::new("")).to_owned(), error))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        config::{CacheDir, Written},
        host,
        signals::Signals,
    };

    fn these(ids: &[&str]) -> BTreeSet<TenantId> {
        ids.iter().map(|id| id.parse().unwrap()).collect()
    }

    /// What is not looked at is not known, whatever is there.
    #[tokio::test]
    async fn only_the_folders_that_are_wanted_are_looked_at() {
        let temp = tempfile::tempdir().unwrap();
        let put = |name: &str| {
            for tenant in ["acme", "bolt"] {
                fs::create_dir_all(temp.path().join(tenant)).unwrap();
                fs::write(temp.path().join(tenant).join(name), "this is no component").unwrap();
            }
        };
        put("one.wasm");
        let written = Written::parse("plugins = '.'\n[tenant.acme]\n[tenant.bolt]\n[tenant.gone]\n").unwrap();
        let mut config = written.usable(temp.path()).unwrap();
        (config.store, config.state_dir, config.cache_dir) = (None, None, CacheDir::Nowhere);
        let config = Arc::new(config);
        let (yard, tenants) = (host::yard_alone(&config).await.unwrap(), Arc::new(Tenants::new(Signals::new())));
        let supply = Arc::new(Supply::open(&config).unwrap());
        let mut loaders = Loaders::new(Arc::clone(&config), yard, Arc::clone(&tenants), supply, Audit::off());
        let refused = |tenant: &str| tenants.get(tenant).unwrap().live.now().refused().len();

        let scanned = loaders.scan(&Whose::These(these(&["acme"]))).await;
        assert_eq!((refused("acme"), refused("bolt")), (1, 0));
        assert!(scanned.again.is_empty() && scanned.failed.is_empty(), "{scanned:?}");
        // One has no folder: that is said, and the others are read.
        let scanned = loaders.scan(&Whose::All).await;
        assert_eq!((refused("acme"), refused("bolt")), (1, 1));
        assert_eq!(scanned.failed.len(), 1, "{scanned:?}");
        // What may be half written is looked at again, and nobody else is for that.
        put("two.wasm");
        let scanned = loaders.scan(&Whose::These(these(&["bolt"]))).await;
        assert_eq!(scanned.again, these(&["bolt"]));
        let mut whose: Vec<_> = loaders.dirs().into_values().collect();
        whose.sort();
        assert_eq!(whose, ["acme", "bolt", "default", "gone"].map(|id| these(&[id])));
    }
}
