//! How long things took, in buckets whose number is fixed: to note a time is two additions.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Upper bounds, in microseconds, and as Prometheus wants them said. From what a call that only computes takes to what a limit
/// usually is.
pub(super) const BOUNDS: [(u64, &str); 12] = [
    (100, "0.0001"),
    (250, "0.00025"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (10_000_000, "10"),
    (60_000_000, "60"),
];

/// Times, counted.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_ns: AtomicU64,
}

impl Histogram {
    pub(super) fn note(&self, took: Duration) {
        let bucket = BOUNDS.iter().position(|(bound_us, _)| took <= Duration::from_micros(*bound_us));
        self.buckets[bucket.unwrap_or(BOUNDS.len())].fetch_add(1, Ordering::Relaxed);
        // 2^64 ns are five hundred years of calls.
        self.sum_ns.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Counts what another has counted.
    pub(super) fn add(&self, other: &Self) {
        for (sum, count) in self.buckets.iter().zip(&other.buckets) {
            sum.fetch_add(count.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.sum_ns.fetch_add(other.sum_ns.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// How many there were up to each bound, and in the end all.
    pub(super) fn up_to(&self) -> [u64; BOUNDS.len() + 1] {
        let mut sum = 0;
        std::array::from_fn(|at| {
            sum += self.buckets[at].load(Ordering::Relaxed);
            sum
        })
    }

    /// In seconds.
    pub(super) fn sum(&self) -> f64 {
        seconds(self.sum_ns.load(Ordering::Relaxed))
    }
}

pub(super) fn seconds(ns: u64) -> f64 {
    Duration::from_nanos(ns).as_secs_f64()
}
