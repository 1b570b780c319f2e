//! Which calls are in flight, and how long calls take: for those who operate the host, told at the admin listener.
//!
//! A call touches only what is its tool's own, without a lock: it takes a place in a slab, and adds one to a bucket. A tool
//! that was never called has neither.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, LazyLock, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::ids::{PluginId, TenantId};

mod buckets;

use buckets::Buckets;
pub use buckets::WINDOW;

/// Calls of one tool that are told of one by one; those beyond are only counted.
const PLACES: usize = 64;

/// What stands in a place that is being taken.
const TAKEN: u64 = u64::MAX;

/// Every tool's calls, for as long as somebody holds them. Locked when a plugin is loaded and when somebody looks, and never by
/// a call.
static ALL: LazyLock<Mutex<All>> = LazyLock::new(Mutex::default);

#[derive(Debug, Default)]
struct All {
    tallies: HashMap<Arc<Name>, Weak<Tally>>,
    /// With so many it is time to forget those that nobody holds any more.
    full_at: usize,
}

/// Whose calls they are.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Name {
    tenant: TenantId,
    plugin: PluginId,
    tool: String,
}

/// The calls of one tool, of one prompt, or of a plugin's resources.
#[derive(Debug)]
pub struct Tally {
    name: Arc<Name>,
    calls: AtomicU64,
    failed: AtomicU64,
    in_flight: AtomicU32,
    used: OnceLock<Box<Used>>,
}

/// What a tool has that was called at least once.
#[derive(Debug)]
struct Used {
    places: [Place; PLACES],
    buckets: Buckets,
}

/// A call in flight: when it began (0: no call is here) and who made it.
#[derive(Debug, Default)]
struct Place {
    /// In nanoseconds of this process, never 0 for a call.
    since: AtomicU64,
    subject: AtomicU64,
}

/// A call that goes on until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Mark<'a> {
    tally: &'a Tally,
    since: u64,
    place: Option<usize>,
}

/// A call in flight, as it is told.
#[derive(Debug, Clone, Serialize)]
pub struct Flight {
    /// Tells it from others of the same tool.
    pub id: u64,
    pub tenant: TenantId,
    pub plugin: PluginId,
    pub tool: String,
    /// A pseudonym that holds for the life of the process.
    pub subject: String,
    pub since_ms: u64,
    pub for_us: u64,
}

/// How the calls of one tool went.
#[derive(Debug, Clone, Serialize)]
pub struct Pace {
    pub tenant: TenantId,
    pub plugin: PluginId,
    pub tool: String,
    /// Since the host started, or the tool was loaded first.
    pub calls: u64,
    pub failed: u64,
    pub in_flight: u32,
    /// Those that the percentiles are of.
    pub recent: u64,
    pub p50_us: Option<u64>,
    pub p99_us: Option<u64>,
}

impl Tally {
    /// That of this tool: the same as before, where an earlier version of its plugin is still in use.
    pub fn of(tenant: &TenantId, plugin: &PluginId, tool: &str) -> Arc<Self> {
        let name = Arc::new(Name { tenant: tenant.clone(), plugin: plugin.clone(), tool: tool.to_owned() });
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tally) = all.tallies.get(&name).and_then(Weak::upgrade) {
            return tally;
        }
        if all.tallies.len() >= all.full_at {
            all.tallies.retain(|_, tally| tally.strong_count() > 0);
            all.full_at = 2 * all.tallies.len() + PLACES;
        }
        let tally = Arc::new(Self {
            name: Arc::clone(&name),
            calls: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            in_flight: AtomicU32::new(0),
            used: OnceLock::new(),
        });
        all.tallies.insert(name, Arc::downgrade(&tally));
        tally
    }

    /// A call of `subject` begins.
    pub fn begin(&self, subject: &str) -> Mark<'_> {
        let since = now();
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let place = self.used().take(since, pseudonym_of(&self.name.tenant, subject));
        Mark { tally: self, since, place }
    }

    /// How its calls went.
    pub fn pace(&self) -> Pace {
        let used = self.used.get();
        let (recent, p50_us, p99_us) = used.map_or((0, None, None), |used| used.buckets.told(now()));
        Pace {
            tenant: self.name.tenant.clone(),
            plugin: self.name.plugin.clone(),
            tool: self.name.tool.clone(),
            calls: self.calls.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            recent,
            p50_us,
            p99_us,
        }
    }

    fn used(&self) -> &Used {
        self.used.get_or_init(|| {
            Box::new(Used { places: std::array::from_fn(|_| Place::default()), buckets: Buckets::default() })
        })
    }

    fn flights(&self) -> impl Iterator<Item = Flight> {
        let (at, at_ms) = (now(), crate::clock::now_ms());
        let places = self.used.get().map_or(&[][..], |used| &used.places[..]);
        places.iter().filter_map(move |place| {
            let since = place.since.load(Ordering::Acquire);
            let subject = place.subject.load(Ordering::Acquire);
            // A place that changed hands between the two looks would tell of a call that never was.
            if since == 0 || since == TAKEN || place.since.load(Ordering::Acquire) != since {
                return None;
            }
            let elapsed_us = at.saturating_sub(since) / 1_000;
            Some(Flight {
                id: since,
                tenant: self.name.tenant.clone(),
                plugin: self.name.plugin.clone(),
                tool: self.name.tool.clone(),
                subject: format!("{subject:016x}"),
                since_ms: at_ms.saturating_sub(elapsed_us / 1_000),
                for_us: elapsed_us,
            })
        })
    }
}

impl Used {
    /// A free place. Where one looks first is a matter of when, so that calls that begin together do not meet.
    fn take(&self, since: u64, subject: u64) -> Option<usize> {
        let start = (since >> 6) as usize % PLACES;
        (0..PLACES).map(|step| (start + step) % PLACES).find(|place| {
            let place = &self.places[*place];
            // It is looked at first: an exchange takes the line from other cores even where it fails.
            let free = place.since.load(Ordering::Relaxed) == 0
                && place.since.compare_exchange(0, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok();
            if free {
                place.subject.store(subject, Ordering::Relaxed);
                place.since.store(since, Ordering::Release);
            }
            free
        })
    }
}

impl Mark<'_> {
    /// The call came to nothing that its caller wanted.
    pub fn failed(&self) {
        self.tally.failed.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        let (tally, at) = (self.tally, now());
        let used = tally.used();
        if let Some(place) = self.place {
            used.places[place].since.store(0, Ordering::Release);
        }
        tally.in_flight.fetch_sub(1, Ordering::Relaxed);
        tally.calls.fetch_add(1, Ordering::Relaxed);
        used.buckets.add(at, at.saturating_sub(self.since));
    }
}

/// The calls in flight, the longest running first: at most `max`, and how many there are beyond.
pub fn flights(max: usize) -> (Vec<Flight>, u64) {
    let tallies = all();
    let total: u64 = tallies.iter().map(|tally| u64::from(tally.in_flight.load(Ordering::Relaxed))).sum();
    let mut flights: Vec<Flight> = tallies.iter().flat_map(|tally| tally.flights()).collect();
    flights.sort_by_key(|flight| std::cmp::Reverse(flight.for_us));
    flights.truncate(max);
    let told = flights.len() as u64;
    (flights, total.saturating_sub(told))
}

/// How many calls are in flight.
pub fn count() -> u64 {
    all().iter().map(|tally| u64::from(tally.in_flight.load(Ordering::Relaxed))).sum()
}

/// How the calls of all tools went that were called at least once.
pub fn paces() -> Vec<Pace> {
    all().iter().filter(|tally| tally.used.get().is_some()).map(|tally| tally.pace()).collect()
}

/// A name for somebody that says nothing of who it is, and stays the same until the host ends.
pub fn pseudonym(tenant: &TenantId, subject: &str) -> String {
    format!("{:016x}", pseudonym_of(tenant, subject))
}

fn pseudonym_of(tenant: &TenantId, subject: &str) -> u64 {
    // A keyed hash: without the key, which is never told, names cannot be tried one after the other.
    static KEY: OnceLock<RandomState> = OnceLock::new();
    KEY.get_or_init(RandomState::new).hash_one((tenant.as_str(), subject))
}

fn all() -> Vec<Arc<Tally>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner).tallies.values().filter_map(Weak::upgrade).collect()
}

/// Nanoseconds since the first call that anybody made; 1 at first, so that 0 can stand for nothing.
fn now() -> u64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let since = BEGAN.get_or_init(Instant::now).elapsed();
    nanos(since).max(1)
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
