//! What was used between two midnights (UTC).

use std::sync::atomic::{AtomicU64, Ordering};

/// Bits of the number; the others are the day's. A trillion calls, or thirty years of milliseconds, and days until the year 47,000.
const NUMBER_BITS: u32 = 40;
const NUMBER_MAX: u64 = (1 << NUMBER_BITS) - 1;

/// A number that is of one day, and 0 on every other: both are one word, so that no call is counted on the wrong one.
#[derive(Debug, Default)]
pub(super) struct OfDay(AtomicU64);

/// How much of something was used, as one host knows it.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// On this host.
    pub(super) here: OfDay,
    /// On the others, as far as this one has heard.
    pub(super) elsewhere: OfDay,
    /// What the others have been told of what was used here.
    told: OfDay,
}

impl OfDay {
    pub(super) fn get(&self, today: u64) -> u64 {
        of(today, self.0.load(Ordering::Relaxed)).unwrap_or(0)
    }

    pub(super) fn set(&self, today: u64, number: u64) {
        self.0.store(word(today, number), Ordering::Relaxed);
    }

    /// Makes another number of today's, or does not, where `change` gives none.
    pub(super) fn change(&self, today: u64, change: impl Fn(u64) -> Option<u64>) -> bool {
        let changed = |now: u64| Some(word(today, change(of(today, now).unwrap_or(0))?));
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed).is_ok()
    }

    /// Takes one away of what is of `day`, if that is not over.
    pub(super) fn give_back(&self, day: u64) {
        let less = |now: u64| of(day, now).filter(|number| *number > 0).map(|number| word(day, number - 1));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Today's number, which is `first` if nobody asked for it before.
    pub(super) fn get_or_begin(&self, today: u64, first: u64) -> u64 {
        let begin = |now: u64| of(today, now).is_none().then(|| word(today, first));
        match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, begin) {
            Ok(_) => first,
            Err(now) => of(today, now).unwrap_or(first),
        }
    }
}

fn of(day: u64, word: u64) -> Option<u64> {
    (word >> NUMBER_BITS == day).then_some(word & NUMBER_MAX)
}

fn word(day: u64, number: u64) -> u64 {
    day << NUMBER_BITS | number.min(NUMBER_MAX)
}

impl Used {
    /// By how much what was used `here` differs from what the others know.
    pub(super) fn untold(&self, today: u64, here: u64) -> i64 {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        signed(here) - signed(self.told.get(today))
    }

    /// The others know of what was used `here`, and with that it is `sum` in all.
    pub(super) fn settled(&self, today: u64, here: u64, sum: u64) {
        self.told.set(today, here);
        self.elsewhere.set(today, sum.saturating_sub(here));
    }
}
