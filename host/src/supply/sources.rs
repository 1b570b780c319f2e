//! A tenant's components that come from registries: pulled beside everything else, looked up again, and tried again when a
//! registry is away. What was pulled last goes on being what is served until there is something else.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use tokio::{
    sync::Notify,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;

use super::{Supply, held::Remembered, oci::PullError};
use crate::{
    config::{PluginSupply, Reference},
    ids::{Digest, PluginId, TenantId},
};

/// After the first failure; each further one waits twice as long, up to what is usual between two looks.
const RETRY: Duration = Duration::from_secs(1);

/// How often the lock file is looked at for what it pins.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Pulls at once.
const PARALLEL: usize = 4;

/// What was pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetched {
    pub manifest: Digest,
    pub component: Digest,
    /// Which reference it was pulled by: the configuration may name another since.
    by: Digest,
}

impl Fetched {
    pub(super) fn new(reference: &Reference, manifest: Digest, component: Digest) -> Self {
        Self { manifest, component, by: Digest::of(reference.to_string().as_bytes()) }
    }

    /// Whether that is what `reference` names.
    pub(super) fn is_by(&self, reference: &Reference) -> bool {
        self.by == Digest::of(reference.to_string().as_bytes())
    }
}

/// The sources of one tenant.
pub struct Sources {
    supply: Arc<Supply>,
    tenant: TenantId,
    wanted: Vec<Wanted>,
    states: Mutex<BTreeMap<PluginId, State>>,
    arrivals: Arc<Arrivals>,
}

/// For whom something from a registry is other than before.
#[derive(Debug, Default)]
pub struct Arrivals {
    whose: Mutex<BTreeSet<TenantId>>,
    told: Notify,
}

impl Arrivals {
    fn tell(&self, tenant: &TenantId) {
        self.whose.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant.clone());
        self.told.notify_one();
    }

    /// Waits until there is somebody, and forgets them.
    pub async fn next(&self) -> BTreeSet<TenantId> {
        loop {
            self.told.notified().await;
            let whose = std::mem::take(&mut *self.whose.lock().unwrap_or_else(PoisonError::into_inner));
            if !whose.is_empty() {
                return whose;
            }
        }
    }
}

/// What the configuration says.
struct Wanted {
    id: PluginId,
    reference: Reference,
    settings: PluginSupply,
}

/// How it stands with one of them.
#[derive(Debug, Clone, Default)]
struct State {
    current: Option<Fetched>,
    trouble: Option<String>,
    failures: u32,
    /// When to look again. `None`: there is nothing to look for.
    due: Option<Instant>,
    /// Of the lock file by which it was looked for. `None`: by another configuration.
    edition: Option<u64>,
}

/// How a look ended.
struct Look {
    found: Option<Fetched>,
    trouble: Option<String>,
    /// Whether what was found cannot become something else.
    pinned: bool,
}

impl Sources {
    pub(super) fn new(
        supply: Arc<Supply>,
        tenant: TenantId,
        wanted: Vec<(PluginId, Reference, PluginSupply)>,
        former: Option<&Arc<Self>>,
        arrivals: Arc<Arrivals>,
    ) -> Self {
        let wanted = wanted.into_iter().map(|(id, reference, settings)| Wanted { id, reference, settings });
        let wanted: Vec<Wanted> = wanted.collect();
        let fetched = former.map(|former| former.fetched()).unwrap_or_default().into_iter();
        let fetched = fetched.filter(|(id, _)| wanted.iter().any(|wanted| wanted.id == *id));
        let states = fetched.map(|(id, fetched)| (id, State { current: Some(fetched), ..State::default() })).collect();
        Self { supply, tenant, wanted, states: Mutex::new(states), arrivals }
    }

    /// Whether nothing comes from registries.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// What there is, by plugin.
    pub(super) fn fetched(&self) -> Vec<(PluginId, Fetched)> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.iter().filter_map(|(id, state)| Some((id.clone(), state.current?))).collect()
    }

    /// What could not be had, by plugin, and why.
    pub(super) fn troubles(&self) -> Vec<(PluginId, String)> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.iter().filter_map(|(id, state)| Some((id.clone(), state.trouble.clone()?))).collect()
    }

    /// Looks for all of them, and waits for that at most `wait`.
    pub async fn first_look(&self, wait: Duration) {
        if time::timeout(wait, self.look(&self.wanted.iter().collect::<Vec<_>>())).await.is_err() {
            tracing::warn!(tenant = %self.tenant, "registries are slow; the host starts with what came by now");
        }
    }

    /// Looks again and again until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        loop {
            let (due, next) = self.due();
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.look(&due), if !due.is_empty() => {}
                () = time::sleep_until(next), if due.is_empty() => {}
            }
        }
    }

    /// What is to be looked for now, and when to ask again if that is nothing.
    fn due(&self) -> (Vec<&Wanted>, Instant) {
        let (_, edition) = self.supply.book();
        let now = Instant::now();
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut due, mut next) = (Vec::new(), now + LOOK_EVERY);
        for wanted in &self.wanted {
            match states.get(&wanted.id) {
                Some(state) if state.edition == Some(edition) => match state.due {
                    Some(when) if when <= now => due.push(wanted),
                    Some(when) => next = next.min(when),
                    None => {}
                },
                _ => due.push(wanted),
            }
        }
        (due, next)
    }

    async fn look(&self, wanted: &[&Wanted]) {
        // Each is known as soon as it is there: the others may take long.
        let looks = stream::iter(wanted.iter().copied()).for_each_concurrent(PARALLEL, async |wanted| {
            let (_, edition) = self.supply.book();
            let look = self.look_for(wanted, edition).await;
            self.note(wanted, look, edition);
        });
        looks.await;
    }

    async fn look_for(&self, wanted: &Wanted, edition: u64) -> Look {
        let state = self.states.lock().unwrap_or_else(PoisonError::into_inner).get(&wanted.id).cloned();
        let (serving, looked_by) = state.map_or((None, None), |state| (state.current, state.edition));
        // What was checked by other words is checked again.
        let current = serving.filter(|_| looked_by == Some(edition));
        let pin = match self.pin(wanted) {
            Ok(pin) => pin,
            Err(reason) => return Look { found: None, trouble: Some(reason), pinned: true },
        };
        if let Some(known) = current.filter(|current| pin == Some(current.manifest)) {
            return Look { found: Some(known), trouble: None, pinned: true };
        }
        let keys = match self.supply.keys(&wanted.settings) {
            Ok(keys) => keys,
            Err(reason) => return Look { found: None, trouble: Some(reason), pinned: false },
        };
        if pin.is_none() && self.is_still(wanted, current).await {
            return Look { found: current, trouble: None, pinned: false };
        }
        match self.supply.fetch(&wanted.reference, pin, keys.as_deref()).await {
            Ok(found) => Look { found: Some(found), trouble: None, pinned: pin.is_some() },
            Err(error) => {
                let away = matches!(error, PullError::Away(_)) && serving.is_none();
                let known = if away { self.known(wanted) } else { None };
                let found = match known {
                    Some(manifest) => {
                        self.supply.kept(&wanted.reference, manifest, keys.as_deref()).await.ok().flatten()
                    }
                    None => None,
                };
                Look { found, trouble: Some(format!("cannot be pulled: {error}")), pinned: false }
            }
        }
    }

    /// Whether the registry says that a tag is what it was. Whether that is true makes no difference: what is here was checked.
    async fn is_still(&self, wanted: &Wanted, current: Option<Fetched>) -> bool {
        let (Some(current), Some(tag)) = (current, &wanted.reference.tag) else { return false };
        let Ok(link) = self.supply.link(&wanted.reference.registry).await else { return false };
        let mut pulling = link.repository(&wanted.reference);
        matches!(pulling.hint(tag).await, Ok(Some(digest)) if digest == current.manifest)
    }

    /// The manifest that it must be: the configuration's, or the lock file's where only that counts.
    fn pin(&self, wanted: &Wanted) -> Result<Option<Digest>, String> {
        if !self.supply.settings.locked {
            return Ok(wanted.reference.digest);
        }
        let (lock, source) = (self.supply.lock(), format!("oci://{}", wanted.reference));
        let locked = lock.as_ref().and_then(|lock| lock.get(&self.tenant, &wanted.id));
        let locked = locked.filter(|locked| locked.source.as_deref() == Some(source.as_str()));
        let manifest = locked.and_then(|locked| locked.manifest);
        manifest.map(Some).ok_or_else(|| "is not in the lock file; write it with `toolyard lock`".into())
    }

    /// The manifest that it was when it was last known: by the lock file, or by what was served.
    fn known(&self, wanted: &Wanted) -> Option<Digest> {
        let source = format!("oci://{}", wanted.reference);
        let lock = self.supply.lock();
        let locked = lock.as_ref().and_then(|lock| lock.get(&self.tenant, &wanted.id));
        let locked = locked.filter(|locked| locked.source.as_deref() == Some(source.as_str()));
        if let Some(manifest) = locked.and_then(|locked| locked.manifest) {
            return Some(manifest);
        }
        let served = Remembered::read(self.supply.state_dir.as_deref(), &self.tenant).ok()?;
        served.of_source(&wanted.id, &source).and_then(|served| served.manifest)
    }

    fn note(&self, wanted: &Wanted, look: Look, edition: u64) {
        let poll = self.supply.settings.poll;
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let state = states.entry(wanted.id.clone()).or_default();
        let before = (state.current, state.trouble.clone());
        state.edition = Some(edition);
        state.current = look.found.or(state.current);
        state.failures = if look.trouble.is_some() { state.failures.saturating_add(1) } else { 0 };
        let wait = match state.failures {
            0 => poll,
            failures => poll.min(RETRY.saturating_mul(1 << failures.min(16).saturating_sub(1))),
        };
        state.due = (!look.pinned).then(|| Instant::now() + wait);
        if let Some(reason) = look.trouble.as_ref().filter(|_| look.trouble != state.trouble) {
            let serving = if state.current.is_some() { "what there was goes on" } else { "not served" };
            tracing::warn!(tenant = %self.tenant, plugin = %wanted.id, source = %wanted.reference, reason, serving, "not pulled");
        }
        state.trouble = look.trouble;
        if let Some(now) = state.current.filter(|_| state.current != before.0) {
            tracing::info!(tenant = %self.tenant, plugin = %wanted.id, source = %wanted.reference, manifest = %now.manifest,
                component = %now.component, "pulled");
        }
        let differs = before != (state.current, state.trouble.clone());
        drop(states);
        if differs {
            self.arrivals.tell(&self.tenant);
        }
    }
}
