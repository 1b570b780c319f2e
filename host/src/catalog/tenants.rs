//! Tenants: who has which catalog, and which share of the host.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{sync::Notify, time};
use tokio_util::sync::CancellationToken;

use super::{Live, Share};
use crate::{
    config::TenantSettings,
    ids::TenantId,
    metrics,
    signals::Signals,
    store::{KeepError, Store},
};

/// How often hosts tell each other, through the store, what tenants have used of their day.
const SETTLE_EVERY: Duration = Duration::from_secs(5);

/// One tenant, for as long as the configuration has it.
pub struct Tenant {
    pub id: TenantId,
    /// What its callers see.
    pub live: Arc<Live>,
    pub share: Arc<Share>,
    /// Whether strangers may know that it is there.
    public: AtomicBool,
}

impl Tenant {
    /// Whether strangers may know that it is there.
    pub fn is_public(&self) -> bool {
        self.public.load(Ordering::Relaxed)
    }
}

/// All tenants: a snapshot, replaced whole when the configuration changes.
pub struct Tenants {
    current: ArcSwap<HashMap<TenantId, Arc<Tenant>>>,
    /// Of tenants that are there no more: until their last call has ended and is counted, and for the case that they come again.
    former: Mutex<BTreeMap<TenantId, Arc<Share>>>,
    /// Told when there are others: of a new one it is not known what it has used elsewhere.
    changed: Notify,
    signals: Signals,
}

impl Tenants {
    /// None yet. The news of those that will be goes to `signals`.
    pub fn new(signals: Signals) -> Self {
        Self { current: ArcSwap::default(), former: Mutex::default(), changed: Notify::new(), signals }
    }

    /// The tenant of that name.
    pub fn get(&self, id: &str) -> Option<Arc<Tenant>> {
        self.current.load().get(id).cloned()
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<Arc<Tenant>> {
        let mut all: Vec<_> = self.current.load().values().cloned().collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// Has these tenants from now on. One that was there keeps its catalog and what it has used; one that is not there any more
    /// has no new calls.
    pub fn set(&self, settings: &BTreeMap<TenantId, Arc<TenantSettings>>) {
        let before = self.current.load();
        let mut former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        let mut share = |id: &TenantId, settings: &TenantSettings| match former.remove(id) {
            Some(share) => {
                share.set(&settings.quotas);
                share
            }
            None => Arc::new(Share::new(id.clone(), &settings.quotas)),
        };
        let mut tenant = |(id, settings): (&TenantId, &Arc<TenantSettings>)| {
            let tenant = match before.get(id) {
                Some(tenant) => {
                    tenant.share.set(&settings.quotas);
                    tenant.public.store(settings.public, Ordering::Relaxed);
                    Arc::clone(tenant)
                }
                None => Arc::new(Tenant {
                    id: id.clone(),
                    live: Arc::new(Live::new(self.signals.of(id))),
                    share: share(id, settings),
                    public: AtomicBool::new(settings.public),
                }),
            };
            (id.clone(), tenant)
        };
        let current = settings.iter().map(&mut tenant).collect();
        let gone = before.values().filter(|tenant| !settings.contains_key(&tenant.id));
        former.extend(gone.map(|tenant| (tenant.id.clone(), Arc::clone(&tenant.share))));
        drop(former);
        self.current.store(Arc::new(current));
        self.changed.notify_one();
    }

    /// Tells the metrics how much is loaded at this moment.
    pub fn report(&self) {
        let (all, mut sizes) = (self.all(), [0; 4]);
        for tenant in &all {
            let catalog = tenant.live.now();
            sizes[3] += catalog.refused().len();
            for plugin in catalog.plugins() {
                sizes[0] += 1;
                sizes[1] += plugin.tools().len();
                sizes[2] += plugin.prompts().len();
            }
        }
        metrics::in_catalog("tenants", all.len());
        for (what, size) in ["plugins", "tools", "prompts", "refused"].into_iter().zip(sizes) {
            metrics::in_catalog(what, size);
        }
    }

    /// Settles every few seconds, and once more when it is to `stop`.
    pub async fn keep_settling(self: Arc<Self>, store: Arc<dyn Store>, stop: CancellationToken) {
        let mut every = time::interval(SETTLE_EVERY);
        every.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            // Settling itself is not interrupted: what is told and not known to be would be told twice.
            let is_last = tokio::select! {
                () = stop.cancelled() => true,
                () = self.changed.notified() => false,
                _ = every.tick() => false,
            };
            match self.settle(&*store).await {
                Ok(()) => {}
                Err(error) if is_last => tracing::warn!("what tenants used last is not counted: {error}"),
                Err(error) => tracing::debug!(%error, "what tenants use is told to the store later"),
            }
            if is_last {
                return;
            }
        }
    }

    /// Tells the store what each tenant has used of its day, and learns what it used on other hosts. What fails for one is done
    /// for the others, where the store itself is there.
    pub async fn settle(&self, store: &dyn Store) -> Result<(), KeepError> {
        let mut failed = Ok(());
        for (share, is_former) in self.shares() {
            match share.settle(store).await {
                Ok(()) if is_former => self.forget(&share),
                Ok(()) => {}
                Err(error @ KeepError::Store(_)) => return Err(error),
                Err(error) => failed = Err(error),
            }
        }
        failed
    }

    /// All there are, and whether their tenants are gone.
    fn shares(&self) -> Vec<(Arc<Share>, bool)> {
        let former = self.former.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect::<Vec<_>>();
        let current = self.all().into_iter().map(|tenant| (Arc::clone(&tenant.share), false));
        current.chain(former.into_iter().map(|share| (share, true))).collect()
    }

    /// The share of a tenant that is gone was settled: that was the last time, if nobody can use anything of it any more.
    fn forget(&self, share: &Arc<Share>) {
        let mut former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        // One is whoever asks, and one is there.
        former.retain(|_, other| !Arc::ptr_eq(share, other) || Arc::strong_count(other) > 2);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{config::Written, store::Sqlite};

    fn settings(toml: &str) -> BTreeMap<TenantId, Arc<TenantSettings>> {
        Written::parse(toml).unwrap().usable(std::path::Path::new("/nowhere")).unwrap().tenants
    }

    /// Taking a tenant out of the configuration and putting it back is no way to a fresh share.
    #[tokio::test]
    async fn a_tenant_that_comes_again_has_used_what_it_used() {
        let acme = settings("[tenant.acme.quotas]\ncalls_max = 1\ncalls_per_day_max = 2\n");
        let (tenants, store) = (Tenants::new(Signals::new()), Sqlite::in_memory().unwrap());
        let plugin = metrics::of_plugin("acme", "p");
        tenants.set(&acme);
        let share = || Arc::clone(&tenants.get("acme").unwrap().share);
        let before = share();
        let running = before.enter(&plugin, Duration::ZERO).await.unwrap().begun();
        tenants.set(&settings("[tenant.bolt]\n"));
        assert!(tenants.get("acme").is_none());
        tenants.settle(&store).await.unwrap();
        tenants.set(&acme);
        assert!(share().enter(&plugin, Duration::ZERO).await.is_err(), "its call runs still");
        drop(running);
        drop(share().enter(&plugin, Duration::ZERO).await.unwrap().begun());
        assert!(share().enter(&plugin, Duration::ZERO).await.is_err(), "it had two");
        // When nothing of it is left it is forgotten, and the store knows.
        tenants.set(&settings("[tenant.bolt]\n"));
        drop(before);
        tenants.settle(&store).await.unwrap();
        assert!(tenants.former.lock().unwrap().is_empty());
        tenants.set(&acme);
        tenants.settle(&store).await.unwrap();
        assert!(share().enter(&plugin, Duration::ZERO).await.is_err());
    }
}
