//! Waiting for a condition, and never just for time to pass.

use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for what should happen at once. Long, because a loaded machine is no defect of the host's.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How long a test waits for compilers.
pub const BUILD_PATIENCE: Duration = Duration::from_secs(600);

/// How often to look.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Looks until there is something to see, and gives it. Panics when [`PATIENCE`] ends, naming what was waited for.
pub fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, look)
}

/// The same with another patience.
pub(crate) fn eventually_within<T>(patience: Duration, what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(patience, look).unwrap_or_else(|| panic!("waited {patience:?} in vain: {what}"))
}

/// Looks until there is something to see, for so long.
pub(crate) fn within<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        let seen = look();
        if seen.is_some() || start.elapsed() >= patience {
            return seen;
        }
        thread::sleep(BETWEEN_LOOKS);
    }
}
