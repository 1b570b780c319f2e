//! How long calls take, in buckets: each octave of nanoseconds is cut into eight, so that what is told is off by a sixteenth
//! at most. Two halves take turns, so that what is told is of the last minutes and not of last week.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// How long a half collects. What is told is of this time at least, and of twice this at most.
pub const WINDOW: Duration = Duration::from_secs(300);

/// Steps of an octave, as a power of two.
const STEPS_LOG: u32 = 3;
const STEPS: usize = 1 << STEPS_LOG;

/// Shorter than 2^10 ns is told as that, and longer than 2^42 ns (73 minutes) as that: no call is.
const OCTAVE_MIN: u32 = 10;
const OCTAVE_MAX: u32 = 42;
const BUCKETS: usize = (OCTAVE_MAX - OCTAVE_MIN) as usize * STEPS;

#[derive(Debug)]
pub(super) struct Buckets {
    halves: [Half; 2],
}

#[derive(Debug)]
struct Half {
    /// Which stretch of time it is of.
    turn: AtomicU64,
    counts: [AtomicU64; BUCKETS],
    failed: AtomicU64,
}

/// What the last minutes were like.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lately {
    pub(super) calls: u64,
    pub(super) failed: u64,
    pub(super) p50_us: Option<u64>,
    pub(super) p99_us: Option<u64>,
}

impl Default for Buckets {
    fn default() -> Self {
        let half = || Half {
            turn: AtomicU64::new(0),
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            failed: AtomicU64::new(0),
        };
        Self { halves: [half(), half()] }
    }
}

impl Buckets {
    /// At `at`, something ended that took `took`; both in nanoseconds.
    pub(super) fn add(&self, at: u64, took: u64) {
        self.half(at).counts[bucket(took)].fetch_add(1, Ordering::Relaxed);
    }

    /// What ends at `at` has failed.
    pub(super) fn fail(&self, at: u64) {
        self.half(at).failed.fetch_add(1, Ordering::Relaxed);
    }

    /// The half that `at` is of.
    fn half(&self, at: u64) -> &Half {
        let turn = turn(at);
        let half = &self.halves[(turn % 2) as usize];
        let was = half.turn.load(Ordering::Relaxed);
        // Whoever comes first in a new stretch empties the half. What others add meanwhile may be lost: it is one of many.
        if was < turn && half.turn.compare_exchange(was, turn, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            half.counts.iter().chain([&half.failed]).for_each(|count| count.store(0, Ordering::Relaxed));
        }
        half
    }

    /// How many there are of the last minutes, and the middle and the 99th percentile of them.
    pub(super) fn told(&self, at: u64) -> Lately {
        let turn = turn(at);
        let (mut counts, mut failed) = ([0; BUCKETS], 0);
        for half in &self.halves {
            if half.turn.load(Ordering::Relaxed) + 1 >= turn {
                counts.iter_mut().zip(&half.counts).for_each(|(sum, count)| *sum += count.load(Ordering::Relaxed));
                failed += half.failed.load(Ordering::Relaxed);
            }
        }
        let calls = counts.iter().sum();
        let percentile = |percent| percentile(&counts, calls, percent);
        Lately { calls, failed, p50_us: percentile(50), p99_us: percentile(99) }
    }
}

fn turn(at: u64) -> u64 {
    at / super::nanos(WINDOW)
}

fn bucket(took: u64) -> usize {
    let took = took.clamp(1 << OCTAVE_MIN, (1 << OCTAVE_MAX) - 1);
    let octave = took.ilog2();
    let step = (took >> (octave - STEPS_LOG)) as usize % STEPS;
    (octave - OCTAVE_MIN) as usize * STEPS + step
}

/// The middle of a bucket, in nanoseconds.
fn middle(bucket: usize) -> u64 {
    let octave = OCTAVE_MIN + (bucket / STEPS) as u32;
    let width = 1_u64 << (octave - STEPS_LOG);
    (1 << octave) + (bucket % STEPS) as u64 * width + width / 2
}

/// The smallest bucket that so many percent of all are in or below, in microseconds.
fn percentile(counts: &[u64], total: u64, percent: u64) -> Option<u64> {
    let wanted = (total * percent).div_ceil(100).max(1);
    let mut below = 0;
    let found = counts.iter().position(|count| {
        below += count;
        below >= wanted
    });
    found.map(|bucket| middle(bucket).div_ceil(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_off_by_a_sixteenth_at_most() {
        for took in [1_024_u64, 1_500, 99_999, 1 << 20, 123_456_789, 3_600_000_000_000] {
            let told = middle(bucket(took));
            assert!(told.abs_diff(took) * 16 <= took, "{took} ns are told as {told} ns");
        }
        assert_eq!(bucket(0), 0);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_of_the_last_minutes() {
        let buckets = Buckets::default();
        let window = super::super::nanos(WINDOW);
        assert_eq!(buckets.told(1), Lately::default());
        for _ in 0..98 {
            buckets.add(1, 1_000_000);
        }
        buckets.add(2, 500_000_000);
        buckets.add(3, 500_000_000);
        buckets.fail(3);
        let near = |told: Option<u64>, us: u64| told.is_some_and(|told| told.abs_diff(us) * 15 <= us);
        for at in [4, window + 1] {
            let told = buckets.told(at);
            assert_eq!((told.calls, told.failed), (100, 1));
            assert!(near(told.p50_us, 1_000) && near(told.p99_us, 500_000), "{told:?}");
        }
        assert_eq!(buckets.told(2 * window), Lately::default(), "what is older is not told");
        buckets.add(2 * window, 2_000_000);
        let told = buckets.told(2 * window + 1);
        assert!((told.calls, told.failed) == (1, 0) && near(told.p50_us, 2_000), "{told:?}");
    }
}
