//! A tenant's share of the host: how much it may use, and how much it has.
//!
//! A call looks at numbers in memory only. What holds for a day is counted for all hosts together: each host tells the store
//! every few seconds what was used on it, and learns what was used elsewhere. A tenant can so go beyond its day by what the
//! hosts let through in those seconds.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use arc_swap::ArcSwap;

use super::slots::{Full, Slot, Slots};
use crate::{
    config::Quotas,
    ids::TenantId,
    metrics::OfPlugin,
    sandbox::Spent,
    store::{Change, KeepError, Room, Store},
};

/// Calls of one tenant that wait for one of its places.
const QUEUE_MAX: u32 = 1024;

/// What is kept of a tenant's days: two numbers for each of a few days.
const ROOM: Room = Room { keys_max: 64, bytes_max: 4096 };

const SECONDS_PER_DAY: u64 = 24 * 3600;

/// One tenant's share. Lives as long as the tenant does, whatever its quotas become.
pub struct Share {
    tenant: TenantId,
    bounds: ArcSwap<Bounds>,
    pace: Pace,
    day: Day,
    /// Processor time of its calls on this host, since it started.
    spent: Arc<Spent>,
}

struct Bounds {
    slots: Option<Slots>,
    quotas: Quotas,
}

/// Why a call of a tenant may not begin. The names are those of the quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// For a moment.
    CallsMax,
    /// For less than a second.
    CallsPerSecondMax,
    /// Until midnight (UTC).
    CallsPerDayMax,
    /// Until midnight (UTC).
    CpuMsPerDayMax,
}

impl Exceeded {
    /// The quota's name in the configuration.
    pub fn quota(self) -> &'static str {
        match self {
            Self::CallsMax => "calls_max",
            Self::CallsPerSecondMax => "calls_per_second_max",
            Self::CallsPerDayMax => "calls_per_day_max",
            Self::CpuMsPerDayMax => "cpu_ms_per_day_max",
        }
    }

    /// How long it is no use to try again, in seconds.
    pub fn retry_after_s(self) -> u64 {
        match self {
            Self::CallsMax | Self::CallsPerSecondMax => 1,
            Self::CallsPerDayMax | Self::CpuMsPerDayMax => SECONDS_PER_DAY - now_s() % SECONDS_PER_DAY,
        }
    }
}

impl Share {
    /// A share of which nothing is used yet.
    pub fn new(tenant: TenantId, quotas: &Quotas) -> Self {
        let bounds = ArcSwap::from_pointee(Bounds::new(quotas));
        let share = Self { tenant, bounds, pace: Pace::new(), day: Day::default(), spent: Arc::default() };
        share.spent.count(quotas.cpu_ms_per_day_max.is_some());
        share
    }

    /// Holds calls to these quotas from now on. Those that run go on.
    pub fn set(&self, quotas: &Quotas) {
        if self.bounds.load().quotas != *quotas {
            self.bounds.store(Arc::new(Bounds::new(quotas)));
            self.spent.count(quotas.cpu_ms_per_day_max.is_some());
        }
    }

    /// Where the processor time of its calls is counted.
    pub fn spent(&self) -> &Arc<Spent> {
        &self.spent
    }

    /// Lets one call begin, or says why not. The slot is held until it ends.
    pub async fn enter(&self, plugin: &OfPlugin, wait_max: Duration) -> Result<Option<Slot>, Exceeded> {
        let bounds = self.bounds.load_full();
        self.admit(&bounds.quotas).inspect_err(|exceeded| plugin.limit_reached(exceeded.quota()))?;
        let Some(slots) = &bounds.slots else { return Ok(None) };
        slots.take(wait_max).await.map(Some).map_err(|Full| {
            plugin.limit_reached(Exceeded::CallsMax.quota());
            Exceeded::CallsMax
        })
    }

    fn admit(&self, quotas: &Quotas) -> Result<(), Exceeded> {
        if let Some(per_second) = quotas.calls_per_second_max
            && !self.pace.admits(per_second)
        {
            return Err(Exceeded::CallsPerSecondMax);
        }
        if let Some(max) = quotas.cpu_ms_per_day_max
            && self.day.cpu_ms(self.spent.millis()) >= max
        {
            return Err(Exceeded::CpuMsPerDayMax);
        }
        if let Some(max) = quotas.calls_per_day_max
            && !self.day.begin_call(max)
        {
            return Err(Exceeded::CallsPerDayMax);
        }
        Ok(())
    }

    /// Tells the store what was used here since it was told last, and learns what was used elsewhere.
    pub async fn settle(&self, store: &dyn Store) -> Result<(), KeepError> {
        let quotas = self.bounds.load().quotas.clone();
        if quotas.calls_per_day_max.is_none() && quotas.cpu_ms_per_day_max.is_none() {
            return Ok(());
        }
        let (space, today) = (format!("quota:{}", self.tenant), now_s() / SECONDS_PER_DAY);
        let before = self.day.number.swap(today, Ordering::Relaxed);
        if before != today {
            self.day.begin(self.spent.millis());
            forget_before(store, &space, today).await?;
        }
        let spent_ms = self.spent.millis();
        for (what, untold, total) in [
            ("calls", self.day.calls_untold.swap(0, Ordering::Relaxed), &self.day.calls),
            ("cpu", spent_ms.saturating_sub(self.day.cpu_told_ms.swap(spent_ms, Ordering::Relaxed)), &self.day.cpu_ms),
        ] {
            let delta = i64::try_from(untold).unwrap_or(i64::MAX);
            match store.keep_sum(&space, &format!("{what}/{today}"), delta, ROOM).await {
                Ok(sum) => total.store(sum.unsigned_abs(), Ordering::Relaxed),
                Err(error) => {
                    self.day.untold(what, untold);
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// Takes away what is kept of days before yesterday.
async fn forget_before(store: &dyn Store, space: &str, today: u64) -> Result<(), KeepError> {
    let keys = store.kept_keys(space, None, usize::try_from(ROOM.keys_max).unwrap_or(usize::MAX)).await?;
    let day = |key: &str| key.rsplit('/').next().and_then(|day| day.parse::<u64>().ok());
    let old = keys.into_iter().filter(|key| day(key).is_none_or(|day| day + 1 < today));
    let old: Vec<Change> = old.map(|key| Change { key, value: None }).collect();
    if old.is_empty() { Ok(()) } else { store.keep(space, old, ROOM).await }
}

impl Bounds {
    fn new(quotas: &Quotas) -> Self {
        let slots = quotas.calls_max.map(|calls_max| Slots::new(calls_max, QUEUE_MAX));
        Self { slots, quotas: quotas.clone() }
    }
}

/// Calls at an even pace, with as many at once as one second allows: the generic cell rate algorithm, whose whole state is
/// when the next call would be due.
struct Pace {
    start: Instant,
    /// Nanoseconds after `start`.
    due_ns: AtomicU64,
}

impl Pace {
    fn new() -> Self {
        Self { start: Instant::now(), due_ns: AtomicU64::new(0) }
    }

    fn admits(&self, per_second: u32) -> bool {
        self.admits_at(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX), per_second)
    }

    fn admits_at(&self, now_ns: u64, per_second: u32) -> bool {
        const SECOND_NS: u64 = 1_000_000_000;
        let Some(each_ns) = SECOND_NS.checked_div(u64::from(per_second)) else { return false };
        let next = |due: u64| {
            let due = due.max(now_ns) + each_ns;
            (due <= now_ns + SECOND_NS).then_some(due)
        };
        self.due_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

/// What was used between two midnights.
#[derive(Default)]
struct Day {
    /// Days since 1970.
    number: AtomicU64,
    /// Calls on all hosts, as far as this one has heard, its own included.
    calls: AtomicU64,
    /// Those of them that the store was not told of.
    calls_untold: AtomicU64,
    cpu_ms: AtomicU64,
    /// What this host had spent in all when the store was told last.
    cpu_told_ms: AtomicU64,
}

impl Day {
    fn begin(&self, spent_ms: u64) {
        self.calls.store(0, Ordering::Relaxed);
        self.calls_untold.store(0, Ordering::Relaxed);
        self.cpu_ms.store(0, Ordering::Relaxed);
        self.cpu_told_ms.store(spent_ms, Ordering::Relaxed);
    }

    fn begin_call(&self, max: u64) -> bool {
        let more = |calls: u64| (calls < max).then_some(calls + 1);
        let begun = self.calls.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if begun {
            self.calls_untold.fetch_add(1, Ordering::Relaxed);
        }
        begun
    }

    fn cpu_ms(&self, spent_ms: u64) -> u64 {
        self.cpu_ms.load(Ordering::Relaxed) + spent_ms.saturating_sub(self.cpu_told_ms.load(Ordering::Relaxed))
    }

    /// Takes back that the store was told.
    fn untold(&self, what: &str, amount: u64) {
        if what == "calls" {
            self.calls_untold.fetch_add(amount, Ordering::Relaxed);
        } else {
            self.cpu_told_ms.fetch_sub(amount, Ordering::Relaxed);
        }
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Sqlite;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_pace_lets_a_second_through_at_once_and_then_evenly() {
        let pace = Pace::new();
        let let_in = |now_ns: u64| (0..100).filter(|_| pace.admits_at(now_ns, 10)).count();
        assert_eq!(let_in(0), 10);
        assert_eq!(let_in(99 * MS), 0);
        assert_eq!(let_in(100 * MS), 1);
        assert_eq!(let_in(350 * MS), 2);
        assert_eq!(let_in(10_000 * MS), 10);
        assert!(!pace.admits_at(20_000 * MS, 0));
    }

    #[tokio::test]
    async fn a_day_is_counted_on_all_hosts_together() {
        let quotas = Quotas { calls_per_day_max: Some(3), ..Quotas::default() };
        let store = Sqlite::in_memory().unwrap();
        let [here, there] = [(); 2].map(|()| Share::new("acme".parse().unwrap(), &quotas));
        for share in [&here, &there] {
            share.settle(&store).await.unwrap();
        }
        assert_eq!(here.enter("p", Duration::ZERO).await.map(|_| ()), Ok(()));
        assert_eq!(there.enter("p", Duration::ZERO).await.map(|_| ()), Ok(()));
        here.settle(&store).await.unwrap();
        there.settle(&store).await.unwrap();
        assert_eq!(there.enter("p", Duration::ZERO).await.map(|_| ()), Ok(()));
        assert_eq!(there.enter("p", Duration::ZERO).await.map(|_| ()), Err(Exceeded::CallsPerDayMax));
        there.settle(&store).await.unwrap();
        here.settle(&store).await.unwrap();
        assert_eq!(here.enter("p", Duration::ZERO).await.map(|_| ()), Err(Exceeded::CallsPerDayMax));
        // The operator gives it more.
        here.set(&Quotas { calls_per_day_max: Some(4), ..Quotas::default() });
        assert_eq!(here.enter("p", Duration::ZERO).await.map(|_| ()), Ok(()));
    }

    #[tokio::test]
    async fn processor_time_of_a_day_comes_to_an_end() {
        let share = Share::new("acme".parse().unwrap(), &Quotas { cpu_ms_per_day_max: Some(5), ..Quotas::default() });
        let store = Sqlite::in_memory().unwrap();
        share.settle(&store).await.unwrap();
        share.spent().add(Duration::from_millis(4));
        assert_eq!(share.enter("p", Duration::ZERO).await.map(|_| ()), Ok(()));
        share.spent().add(Duration::from_millis(1));
        assert_eq!(share.enter("p", Duration::ZERO).await.map(|_| ()), Err(Exceeded::CpuMsPerDayMax));
        share.settle(&store).await.unwrap();
        assert_eq!(share.enter("p", Duration::ZERO).await.map(|_| ()), Err(Exceeded::CpuMsPerDayMax));
    }
}
