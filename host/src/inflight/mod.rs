//! Which calls are in flight, and how long calls take: for those who operate the host, told at the admin listener. How many there
//! were is counted in one place for that and for the metrics (`metrics::Counts`), which a tool has here.
//!
//! A call touches only what is its tool's own, without a lock: it takes a place in a slab, and adds one to a count and a bucket. A
//! tool that was never called has none of them.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, LazyLock, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{
    ids::{PluginId, TenantId},
    metrics::{self, Counts, OfTool, Outcome},
};

mod buckets;

pub use buckets::WINDOW;
use buckets::{Buckets, Lately};

/// Calls of one tool that are told of one by one; those beyond are only counted.
const PLACES: usize = 64;

/// What the operator sees calls under that are of a plugin's prompts and resources.
const OF_NO_TOOL: &str = "prompts and resources";

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
    /// `None`: of none, but of prompts and resources.
    tool: Option<String>,
}

/// The calls of one tool, of one prompt, or of a plugin's resources.
#[derive(Debug)]
pub struct Tally {
    name: Arc<Name>,
    /// Under which labels the metrics have it.
    labelled: Arc<OfTool>,
    used: OnceLock<Box<Used>>,
}

/// What a tool has that was called at least once.
#[derive(Debug)]
struct Used {
    counts: Counts,
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

/// A call that goes on until this is dropped: as one for which nobody waited any more, unless it is said how it ended.
#[derive(Debug)]
#[must_use]
pub struct Mark<'a> {
    tally: &'a Tally,
    since: u64,
    place: Option<usize>,
    outcome: Outcome,
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
    pub in_flight: u64,
    /// Those that the percentiles are of.
    pub recent: u64,
    pub recent_failed: u64,
    pub p50_us: Option<u64>,
    pub p99_us: Option<u64>,
}

impl Tally {
    /// That of this tool, by its public name, or of the plugin's prompts and resources: the same as before, where an earlier
    /// version of its plugin is still in use.
    pub fn of(tenant: &TenantId, plugin: &PluginId, tool: Option<&str>) -> Arc<Self> {
        let name = Name { tenant: tenant.clone(), plugin: plugin.clone(), tool: tool.map(str::to_owned) };
        let name = Arc::new(name);
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tally) = all.tallies.get(&name).and_then(Weak::upgrade) {
            return tally;
        }
        if all.tallies.len() >= all.full_at {
            all.tallies.retain(|_, tally| tally.strong_count() > 0);
            all.full_at = 2 * all.tallies.len() + PLACES;
        }
        let labelled = metrics::of_tool(tenant.as_str(), plugin.as_str(), tool);
        let tally = Arc::new(Self { name: Arc::clone(&name), labelled, used: OnceLock::new() });
        all.tallies.insert(name, Arc::downgrade(&tally));
        tally
    }

    /// One that nobody is told of: a plugin that has no prompts and no resources has no calls of them.
    pub fn of_nothing(tenant: &TenantId, plugin: &PluginId) -> Arc<Self> {
        let name = Arc::new(Name { tenant: tenant.clone(), plugin: plugin.clone(), tool: None });
        Arc::new(Self { name, labelled: Arc::default(), used: OnceLock::new() })
    }

    /// A call of `subject` begins.
    pub fn begin(&self, subject: &str) -> Mark<'_> {
        let (since, used) = (now(), self.used());
        used.counts.begun();
        let place = used.take(since, pseudonym_of(&self.name.tenant, subject));
        Mark { tally: self, since, place, outcome: Outcome::Dropped }
    }

    /// A run of the guest has used so much of a processor.
    pub fn spent(&self, cpu: Duration) {
        self.used().counts.used(cpu);
    }

    /// How its calls went.
    pub fn pace(&self) -> Pace {
        let used = self.used.get();
        let lately = used.map_or_else(Lately::default, |used| used.buckets.told(now()));
        let counts = used.map(|used| &used.counts);
        Pace {
            tenant: self.name.tenant.clone(),
            plugin: self.name.plugin.clone(),
            tool: self.name.tool().to_owned(),
            calls: counts.map_or(0, Counts::calls),
            failed: counts.map_or(0, Counts::failed),
            in_flight: self.in_flight(),
            recent: lately.calls,
            recent_failed: lately.failed,
            p50_us: lately.p50_us,
            p99_us: lately.p99_us,
        }
    }

    fn used(&self) -> &Used {
        self.used.get_or_init(|| {
            let places = std::array::from_fn(|_| Place::default());
            Box::new(Used { counts: self.labelled.count(), places, buckets: Buckets::default() })
        })
    }

    fn in_flight(&self) -> u64 {
        self.used.get().map_or(0, |used| used.counts.in_flight())
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
                tool: self.name.tool().to_owned(),
                subject: format!("{subject:016x}"),
                since_ms: at_ms.saturating_sub(elapsed_us / 1_000),
                for_us: elapsed_us,
            })
        })
    }
}

impl Name {
    fn tool(&self) -> &str {
        self.tool.as_deref().unwrap_or(OF_NO_TOOL)
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
    /// The call has ended, and so.
    pub fn ended(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        let (tally, at) = (self.tally, now());
        let used = tally.used();
        if let Some(place) = self.place {
            used.places[place].since.store(0, Ordering::Release);
        }
        let took = at.saturating_sub(self.since);
        used.counts.ended(self.outcome, Duration::from_nanos(took));
        used.buckets.add(at, took);
        if self.outcome.is_failure_of_tool() {
            used.buckets.fail(at);
        }
    }
}

/// The calls in flight, the longest running first: at most `max`, and how many there are beyond.
pub fn flights(max: usize) -> (Vec<Flight>, u64) {
    let tallies = all();
    let total: u64 = tallies.iter().map(|tally| tally.in_flight()).sum();
    let mut flights: Vec<Flight> = tallies.iter().flat_map(|tally| tally.flights()).collect();
    flights.sort_by_key(|flight| std::cmp::Reverse(flight.for_us));
    flights.truncate(max);
    let told = flights.len() as u64;
    (flights, total.saturating_sub(told))
}

/// How many calls are in flight.
pub fn count() -> u64 {
    all().iter().map(|tally| tally.in_flight()).sum()
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
