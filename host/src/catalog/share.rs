//! A tenant's share of the host: how many of its calls run at once, how fast they may come, and how much of a day it may use.
//!
//! A call looks at numbers in memory only. What holds for a day is counted for all hosts together: each host tells the store
//! every few seconds what was used on it, and learns what was used elsewhere. A tenant can so go beyond its day by what the
//! hosts let through in those seconds.
//!
//! What does not begin, because there is no place for it or because nobody waits for it any more, is not counted.

mod day;
mod pace;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use arc_swap::ArcSwap;

use self::{
    day::{OfDay, Used},
    pace::Pace,
};
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
    calls: Used,
    /// Milliseconds.
    cpu: Used,
    /// What `spent` was when the day began.
    spent_before_ms: OfDay,
    /// The day of which the store was told last.
    settled_day: AtomicU64,
    /// Processor time of its calls on this host, since it started.
    spent: Arc<Spent>,
    /// Streams of news that its callers have open.
    streams: Arc<AtomicU32>,
}

/// A stream's place among those of its tenant, free again when it is dropped.
#[derive(Debug)]
pub struct StreamPlace(Arc<AtomicU32>);

impl Drop for StreamPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Bounds {
    /// The same whatever their number becomes, so that calls that run are counted.
    slots: Option<Arc<Slots>>,
    quotas: Quotas,
}

/// Why a call or a stream of a tenant may not begin. The names are those of the quotas.
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
    /// Until one of its streams ends.
    StreamsMax,
}

impl Exceeded {
    /// The quota's name in the configuration.
    pub fn quota(self) -> &'static str {
        match self {
            Self::CallsMax => "calls_max",
            Self::CallsPerSecondMax => "calls_per_second_max",
            Self::CallsPerDayMax => "calls_per_day_max",
            Self::CpuMsPerDayMax => "cpu_ms_per_day_max",
            Self::StreamsMax => "streams_max",
        }
    }

    /// How long it is no use to try again, in seconds.
    pub fn retry_after_s(self) -> u64 {
        match self {
            Self::CallsMax | Self::CallsPerSecondMax | Self::StreamsMax => 1,
            Self::CallsPerDayMax | Self::CpuMsPerDayMax => SECONDS_PER_DAY - now_s() % SECONDS_PER_DAY,
        }
    }
}

/// A call that may begin. If it does not, it was not there.
#[must_use]
pub struct Entry<'a> {
    share: &'a Share,
    /// What the pace is to have back.
    pace_ns: u64,
    /// On which day it is counted, if it is.
    day: Option<u64>,
    slot: Option<Slot>,
}

impl Entry<'_> {
    /// It begins, and holds its tenant's place until the slot is dropped.
    pub fn begun(mut self) -> Option<Slot> {
        (self.pace_ns, self.day) = (0, None);
        self.slot.take()
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if self.pace_ns > 0 {
            self.share.pace.give_back(self.pace_ns);
        }
        if let Some(day) = self.day {
            self.share.calls.here.give_back(day);
        }
    }
}

impl Share {
    /// A share of which nothing is used yet.
    pub fn new(tenant: TenantId, quotas: &Quotas) -> Self {
        let bounds = ArcSwap::from_pointee(Bounds::new(quotas, None));
        let share = Self {
            tenant,
            bounds,
            pace: Pace::new(),
            calls: Used::default(),
            cpu: Used::default(),
            spent_before_ms: OfDay::default(),
            settled_day: AtomicU64::new(0),
            spent: Arc::default(),
            streams: Arc::default(),
        };
        share.spent.count(quotas.cpu_ms_per_day_max.is_some());
        share
    }

    /// Holds calls to these quotas from now on. Those that run go on, and take places as before.
    pub fn set(&self, quotas: &Quotas) {
        let bounds = self.bounds.load();
        if bounds.quotas != *quotas {
            self.bounds.store(Arc::new(Bounds::new(quotas, bounds.slots.as_ref())));
            self.spent.count(quotas.cpu_ms_per_day_max.is_some());
        }
    }

    /// Where the processor time of its calls is counted.
    pub fn spent(&self) -> &Arc<Spent> {
        &self.spent
    }

    /// Lets one call begin, or says why not.
    pub async fn enter(&self, plugin: &OfPlugin, wait_max: Duration) -> Result<Entry<'_>, Exceeded> {
        let bounds = self.bounds.load_full();
        let refused = |exceeded: Exceeded| plugin.limit_reached(exceeded.quota());
        let mut entry = self.admit(&bounds.quotas, today()).inspect_err(|exceeded| refused(*exceeded))?;
        if let Some(slots) = &bounds.slots {
            let slot = slots.take(wait_max).await.map_err(|Full| Exceeded::CallsMax);
            entry.slot = Some(slot.inspect_err(|exceeded| refused(*exceeded))?);
        }
        Ok(entry)
    }

    /// Lets one stream of news begin, or says why not.
    pub fn open_stream(&self) -> Result<StreamPlace, Exceeded> {
        let max = self.bounds.load().quotas.streams_max.unwrap_or(u32::MAX);
        let more = |open: u32| (open < max).then_some(open + 1);
        let opened = self.streams.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        opened.map(|_| StreamPlace(Arc::clone(&self.streams))).map_err(|_| Exceeded::StreamsMax)
    }

    fn admit(&self, quotas: &Quotas, today: u64) -> Result<Entry<'_>, Exceeded> {
        if let Some(max) = quotas.cpu_ms_per_day_max
            && self.cpu_ms(today) >= max
        {
            return Err(Exceeded::CpuMsPerDayMax);
        }
        let mut entry = Entry { share: self, pace_ns: 0, day: None, slot: None };
        if let Some(per_second) = quotas.calls_per_second_max {
            entry.pace_ns = self.pace.admits(per_second).ok_or(Exceeded::CallsPerSecondMax)?;
        }
        if let Some(max) = quotas.calls_per_day_max {
            let elsewhere = self.calls.elsewhere.get(today);
            let more = |here: u64| (here.saturating_add(elsewhere) < max).then_some(here + 1);
            if !self.calls.here.change(today, more) {
                return Err(Exceeded::CallsPerDayMax);
            }
            entry.day = Some(today);
        }
        Ok(entry)
    }

    /// Processor time that was used today, on all hosts, as far as this one has heard.
    fn cpu_ms(&self, today: u64) -> u64 {
        self.cpu_ms_here(today).saturating_add(self.cpu.elsewhere.get(today))
    }

    fn cpu_ms_here(&self, today: u64) -> u64 {
        let spent = self.spent.millis();
        spent.saturating_sub(self.spent_before_ms.get_or_begin(today, spent))
    }

    /// Tells the store what was used here since it was told last, and learns what was used elsewhere. Not to be asked for twice at
    /// the same time, nor to be dropped in the middle of it: then something could be told twice.
    pub async fn settle(&self, store: &dyn Store) -> Result<(), KeepError> {
        self.settle_on(today(), store).await
    }

    async fn settle_on(&self, today: u64, store: &dyn Store) -> Result<(), KeepError> {
        let quotas = self.bounds.load().quotas.clone();
        let space = format!("quota:{}", self.tenant);
        let calls = quotas.calls_per_day_max.map(|_| ("calls", &self.calls, self.calls.here.get(today)));
        let cpu = quotas.cpu_ms_per_day_max.map(|_| ("cpu", &self.cpu, self.cpu_ms_here(today)));
        for (what, used, here) in calls.into_iter().chain(cpu) {
            if self.settled_day.load(Ordering::Relaxed) != today {
                forget_before(store, &space, today).await?;
                self.settled_day.store(today, Ordering::Relaxed);
            }
            let sum = store.keep_sum(&space, &format!("{what}/{today}"), used.untold(today, here), ROOM).await?;
            used.settled(today, here, u64::try_from(sum).unwrap_or(0));
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
    fn new(quotas: &Quotas, before: Option<&Arc<Slots>>) -> Self {
        let slots = quotas.calls_max.map(|calls_max| match before {
            Some(slots) => {
                slots.resize(calls_max);
                Arc::clone(slots)
            }
            None => Arc::new(Slots::new(calls_max, QUEUE_MAX)),
        });
        Self { slots, quotas: quotas.clone() }
    }
}

/// Days since 1970.
fn today() -> u64 {
    now_s() / SECONDS_PER_DAY
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
