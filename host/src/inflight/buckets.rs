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
}

impl Default for Buckets {
    fn default() -> Self {
        let half = || Half { turn: AtomicU64::new(0), counts: std::array::from_fn(|_| AtomicU64::new(0)) };
        Self { halves: [half(), half()] }
    }
}

impl Buckets {
    /// At `at`, something ended that took `took`; both in nanoseconds.
    pub(super) fn add(&self, at: u64, took: u64) {
        let turn = turn(at);
        let half = &self.halves[(turn % 2) as usize];
        let was = half.turn.load(Ordering::Relaxed);
        // Whoever comes first in a new stretch empties the half. What others add meanwhile may be lost: it is one of many.
        if was < turn && half.turn.compare_exchange(was, turn, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            half.counts.iter().for_each(|count| count.store(0, Ordering::Relaxed));
        }
        half.counts[bucket(took)].fetch_add(1, Ordering::Relaxed);
    }

    /// How many there are of the last minutes, and the middle and the 99th percentile of them in microseconds.
    pub(super) fn told(&self, at: u64) -> (u64, Option<u64>, Option<u64>) {
        let turn = turn(at);
        let mut counts = [0; BUCKETS];
        for half in &self.halves {
            if half.turn.load(Ordering::Relaxed) + 1 >= turn {
                counts.iter_mut().zip(&half.counts).for_each(|(sum, count)| *sum += count.load(Ordering::Relaxed));
            }
        }
        let total = counts.iter().sum();
        (total, percentile(&counts, total, 50), percentile(&counts, total, 99))
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
        assert_eq!(buckets.told(1), (0, None, None));
        for _ in 0..98 {
            buckets.add(1, 1_000_000);
        }
        buckets.add(2, 500_000_000);
        buckets.add(3, 500_000_000);
        let near = |told: Option<u64>, us: u64| told.is_some_and(|told| told.abs_diff(us) * 15 <= us);
        for at in [4, window + 1] {
            let (total, p50, p99) = buckets.told(at);
            assert!(total == 100 && near(p50, 1_000) && near(p99, 500_000), "{total} {p50:?} {p99:?}");
        }
        assert_eq!(buckets.told(2 * window).0, 0, "what is older is not told");
        buckets.add(2 * window, 2_000_000);
        let (total, p50, _) = buckets.told(2 * window + 1);
        assert!(total == 1 && near(p50, 2_000), "{total} {p50:?}");
    }
}
