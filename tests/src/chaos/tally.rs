//! What came of it all.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Mistakes that are shown; there may be as many as there are clients.
const SHOWN_MAX: usize = 20;

#[derive(Default)]
pub struct Tally {
    counts: Mutex<BTreeMap<(String, String), u64>>,
    wrong: Mutex<Vec<String>>,
    /// Requests that were answered, by the key that each counts its runs under.
    answered: Mutex<HashSet<String>>,
    /// Those of which nobody knows.
    unknown: Mutex<HashSet<String>>,
}

impl Tally {
    /// Counts something that somebody did.
    pub(super) fn count(&self, who: &str, what: &str) {
        *lock(&self.counts).entry((who.to_owned(), what.to_owned())).or_default() += 1;
    }

    /// Notes what must not be.
    pub(super) fn wrong(&self, what: impl Into<String>) {
        lock(&self.wrong).push(what.into());
    }

    /// Notes a request that counts its runs, and whether it was answered.
    pub(super) fn counted(&self, key: String, answered: bool) {
        lock(if answered { &self.answered } else { &self.unknown }).insert(key);
    }

    /// The keys of such requests, and whether they were answered.
    pub(super) fn keys(&self) -> Vec<(String, bool)> {
        let answered = lock(&self.answered).clone().into_iter().map(|key| (key, true));
        answered.chain(lock(&self.unknown).clone().into_iter().map(|key| (key, false))).collect()
    }

    /// How often somebody did something.
    pub fn of(&self, who: &str, what: &str) -> u64 {
        lock(&self.counts).get(&(who.to_owned(), what.to_owned())).copied().unwrap_or_default()
    }

    /// What must not be and was.
    pub fn violations(&self) -> Vec<String> {
        lock(&self.wrong).clone()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((who, what), count) in lock(&self.counts).iter() {
            writeln!(f, "{count:>8}  {who}: {what}")?;
        }
        let wrong = lock(&self.wrong);
        for what in wrong.iter().take(SHOWN_MAX) {
            writeln!(f, "   WRONG  {what}")?;
        }
        write!(f, "{:>8}  violations", wrong.len())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
