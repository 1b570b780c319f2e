//! Calls at an even pace.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

const SECOND_NS: u64 = 1_000_000_000;

/// With as many at once as one second allows: the generic cell rate algorithm, whose whole state is when the next call would be
/// due.
#[derive(Debug)]
pub(super) struct Pace {
    start: Instant,
    /// Nanoseconds after `start`.
    due_ns: AtomicU64,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), due_ns: AtomicU64::new(0) }
    }

    /// Lets a call through, which takes so much of the pace in nanoseconds; or does not.
    pub(super) fn admits(&self, per_second: u32) -> Option<u64> {
        self.admits_at(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX), per_second)
    }

    fn admits_at(&self, now_ns: u64, per_second: u32) -> Option<u64> {
        let each_ns = SECOND_NS.checked_div(u64::from(per_second))?;
        let next = |due: u64| {
            let due = due.max(now_ns) + each_ns;
            (due <= now_ns + SECOND_NS).then_some(due)
        };
        self.due_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok().map(|_| each_ns)
    }

    /// The call did not begin after all.
    pub(super) fn give_back(&self, each_ns: u64) {
        let _ = self.due_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| Some(due.saturating_sub(each_ns)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_pace_lets_a_second_through_at_once_and_then_evenly() {
        let pace = Pace::new();
        let let_in = |now_ns: u64| (0..100).filter(|_| pace.admits_at(now_ns, 10).is_some()).count();
        assert_eq!(let_in(0), 10);
        assert_eq!(let_in(99 * MS), 0);
        assert_eq!(let_in(100 * MS), 1);
        assert_eq!(let_in(350 * MS), 2);
        assert_eq!(let_in(10_000 * MS), 10);
        assert!(pace.admits_at(20_000 * MS, 0).is_none());
    }

    #[test]
    fn what_did_not_begin_can_be_had_again() {
        let pace = Pace::new();
        let all: Vec<u64> = std::iter::from_fn(|| pace.admits_at(0, 10)).collect();
        assert_eq!(all.len(), 10);
        all[..3].iter().for_each(|each| pace.give_back(*each));
        assert_eq!(std::iter::from_fn(|| pace.admits_at(0, 10)).count(), 3);
        // What was given back late is no more than what a pause would have given.
        all.iter().for_each(|each| pace.give_back(*each));
        assert_eq!(std::iter::from_fn(|| pace.admits_at(5_000 * MS, 10)).count(), 10);
    }
}
