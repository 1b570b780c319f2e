//! Places by tenant: one that has many tasks leaves some places to the others.
//!
//! What is due is looked at from the earliest on. What is passed over, since its tenant has its share, is remembered, so that the next
//! look goes beyond it and not to it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::ids::TenantId;

/// How long something is passed over without being looked at: its time may be over meanwhile.
const PASSED_FOR: Duration = Duration::from_secs(10);

/// Records that are remembered as passed over. A look reads past so many keys.
const PASSED_MAX: usize = 4096;

/// How many tasks of each tenant run here.
pub(super) struct Shares {
    /// Tasks of one tenant. `None`: as many as there are places.
    max: Option<usize>,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    running: HashMap<TenantId, usize>,
    /// By the record's key: whose it is, and until when it is not looked at.
    passed: HashMap<String, (TenantId, Duration)>,
}

impl Shares {
    /// Of `places`, one tenant has at most `max`.
    pub(super) fn new(max: usize, places: usize) -> Self {
        Self { max: (max < places).then_some(max.max(1)), counted: Mutex::default() }
    }

    /// Whether one more task of this tenant may run.
    pub(super) fn has_room(&self, tenant: &TenantId) -> bool {
        self.max.is_none_or(|max| self.counted().has_room(tenant, max))
    }

    /// Whether some tenant has all of its share.
    pub(super) fn is_any_used(&self) -> bool {
        self.max.is_some_and(|max| self.counted().running.values().any(|running| *running >= max))
    }

    pub(super) fn begin(&self, tenant: &TenantId) {
        *self.counted().running.entry(tenant.clone()).or_default() += 1;
    }

    pub(super) fn end(&self, tenant: &TenantId) {
        let mut counted = self.counted();
        if let Some(running) = counted.running.get_mut(tenant) {
            *running -= 1;
            if *running == 0 {
                counted.running.remove(tenant);
            }
        }
    }

    /// Remembers that a record is not to be looked at for a time, or until its tenant has room.
    pub(super) fn pass_over(&self, key: &str, tenant: &TenantId, now: Duration) {
        let mut counted = self.counted();
        if counted.passed.len() < PASSED_MAX {
            counted.passed.insert(key.to_owned(), (tenant.clone(), now + PASSED_FOR));
        }
    }

    /// How many are passed over.
    pub(super) fn passed(&self) -> usize {
        self.counted().passed.len()
    }

    /// Leaves out of `keys`, which are the first of all that are due, what is passed over.
    pub(super) fn leave_out(&self, keys: &mut Vec<String>, now: Duration) {
        let Some(max) = self.max else { return };
        let mut counted = self.counted();
        let due: HashSet<&String> = keys.iter().collect();
        counted.passed.retain(|key, (_, until)| now < *until && due.contains(key));
        keys.retain(|key| counted.passed.get(key).is_none_or(|(tenant, _)| counted.has_room(tenant, max)));
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn has_room(&self, tenant: &TenantId, max: usize) -> bool {
        self.running.get(tenant).is_none_or(|running| *running < max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        name.parse().unwrap()
    }

    #[test]
    fn a_tenant_has_room_up_to_its_share() {
        let shares = Shares::new(2, 3);
        let (acme, bolt) = (tenant("acme"), tenant("bolt"));
        shares.begin(&acme);
        assert!(shares.has_room(&acme) && !shares.is_any_used());
        shares.begin(&acme);
        assert!(!shares.has_room(&acme) && shares.has_room(&bolt) && shares.is_any_used());
        shares.end(&acme);
        assert!(shares.has_room(&acme) && !shares.is_any_used());
        let alone = Shares::new(3, 3);
        (0..3).for_each(|_| alone.begin(&acme));
        assert!(alone.has_room(&acme) && !alone.is_any_used(), "places are the only bound");
    }

    #[test]
    fn what_is_passed_over_is_left_out_until_there_is_room_or_time() {
        let shares = Shares::new(1, 2);
        let acme = tenant("acme");
        let left = |due: &[&str], now: Duration| {
            let mut keys: Vec<String> = due.iter().map(|key| (*key).to_owned()).collect();
            shares.leave_out(&mut keys, now);
            keys
        };
        shares.begin(&acme);
        shares.pass_over("a", &acme, Duration::ZERO);
        assert_eq!((left(&["a", "b"], Duration::ZERO), shares.passed()), (vec!["b".to_owned()], 1));
        assert_eq!(left(&["a", "b"], PASSED_FOR), ["a", "b"]);
        shares.pass_over("a", &acme, Duration::ZERO);
        shares.end(&acme);
        assert_eq!(left(&["a", "b"], Duration::ZERO), ["a", "b"]);
        assert!(left(&["b"], Duration::ZERO) == ["b"] && shares.passed() == 0, "what is not due any more is forgotten");
    }
}
