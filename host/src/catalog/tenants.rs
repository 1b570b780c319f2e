//! Tenants: who has which catalog, and which share of the host.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::time;

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
    signals: Signals,
}

impl Tenants {
    /// None yet. The news of those that will be goes to `signals`.
    pub fn new(signals: Signals) -> Self {
        Self { current: ArcSwap::default(), signals }
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
        let tenant = |(id, settings): (&TenantId, &Arc<TenantSettings>)| {
            let tenant = match before.get(id) {
                Some(tenant) => {
                    tenant.share.set(&settings.quotas);
                    tenant.public.store(settings.public, Ordering::Relaxed);
                    Arc::clone(tenant)
                }
                None => Arc::new(Tenant {
                    id: id.clone(),
                    live: Arc::new(Live::new(self.signals.of(id))),
                    share: Arc::new(Share::new(id.clone(), &settings.quotas)),
                    public: AtomicBool::new(settings.public),
                }),
            };
            (id.clone(), tenant)
        };
        self.current.store(Arc::new(settings.iter().map(tenant).collect()));
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

    /// Settles every few seconds. Goes on for ever.
    pub async fn keep_settling(self: Arc<Self>, store: Arc<dyn Store>) {
        let mut every = time::interval(SETTLE_EVERY);
        every.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if let Err(error) = self.settle(&*store).await {
                tracing::debug!(%error, "what tenants use is told to the store later");
            }
        }
    }

    /// Tells the store what each tenant has used of its day, and learns what it used on other hosts.
    pub async fn settle(&self, store: &dyn Store) -> Result<(), KeepError> {
        for tenant in self.all() {
            tenant.share.settle(store).await?;
        }
        Ok(())
    }
}
