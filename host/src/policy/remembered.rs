//! Decisions that were made, for as long as the same policies are in force. Looking one up takes no lock.
//!
//! What decides is part of the key: everything that policies may know of the caller and of the thing. So nothing that is
//! remembered can be out of date, and two callers share a decision only if no policy could tell them apart.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use papaya::{Equivalent, HashMap};

use super::{
    asked::{Decision, Kind, What},
    scene::Scene,
};
use crate::{auth::Principal, ids::TenantId};

/// Decisions of one tenant's callers. A tenant that has more forgets its own, and nobody else's.
const DECISIONS_MAX: usize = 8192;

/// What a caller may do with a thing.
pub(super) struct Verdict {
    pub(super) list: Decision,
    pub(super) used: Used,
}

/// Whether it may be used.
pub(super) enum Used {
    Decided(Decision),
    /// That depends on the arguments.
    ByArguments(Box<Scene>),
}

/// What was decided, by tenant.
#[derive(Default)]
pub(super) struct Remembered {
    shelves: HashMap<TenantId, Arc<Shelf>>,
}

#[derive(Default)]
struct Shelf {
    /// Each caller once, however many requests it came with.
    callers: HashMap<Arc<Principal>, ()>,
    verdicts: HashMap<Key, Verdict>,
}

/// Who and what.
struct Key {
    principal: Arc<Principal>,
    plugin: Box<str>,
    name: Box<str>,
    own: Box<str>,
    kind: Kind,
    by_arguments: bool,
}

/// The same, borrowed.
struct Asked<'a> {
    principal: &'a Principal,
    what: &'a What<'a>,
}

impl Remembered {
    /// Reads from what is remembered, or from what `decide` says, which is then remembered.
    pub(super) fn of<T>(
        &self,
        principal: &Principal,
        what: &What<'_>,
        decide: impl FnOnce() -> Verdict,
        read: impl FnOnce(&Verdict) -> T,
    ) -> T {
        let shelves = self.shelves.pin();
        let shelf = match shelves.get(&principal.tenant) {
            Some(shelf) => shelf,
            None => shelves.get_or_insert_with(principal.tenant.clone(), Arc::default),
        };
        let verdicts = shelf.verdicts.pin();
        if let Some(verdict) = verdicts.get(&Asked { principal, what }) {
            return read(verdict);
        }
        let verdict = decide();
        if verdicts.len() >= DECISIONS_MAX {
            verdicts.clear();
            shelf.callers.pin().clear();
        }
        let callers = shelf.callers.pin();
        let known = callers.get_key_value(principal).map(|(known, ())| Arc::clone(known));
        let principal = known.unwrap_or_else(|| {
            let principal = Arc::new(principal.clone());
            callers.insert(Arc::clone(&principal), ());
            principal
        });
        read(verdicts.get_or_insert(Key::new(principal, what), verdict))
    }

    #[cfg(test)]
    pub(super) fn count(&self, tenant: &TenantId) -> usize {
        self.shelves.pin().get(tenant).map_or(0, |shelf| shelf.verdicts.pin().len())
    }
}

impl Key {
    fn new(principal: Arc<Principal>, what: &What<'_>) -> Self {
        Self {
            principal,
            plugin: what.plugin.into(),
            name: what.name.into(),
            own: what.own.into(),
            kind: what.kind,
            by_arguments: !what.arguments.is_empty(),
        }
    }

    fn parts(&self) -> (&Principal, &str, &str, &str, Kind, bool) {
        (&self.principal, &self.plugin, &self.name, &self.own, self.kind, self.by_arguments)
    }
}

impl<'a> Asked<'a> {
    fn parts(&self) -> (&'a Principal, &'a str, &'a str, &'a str, Kind, bool) {
        let What { plugin, name, own, kind, arguments, .. } = *self.what;
        (self.principal, plugin, name, own, kind, !arguments.is_empty())
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl Hash for Asked<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl Equivalent<Key> for Asked<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.parts() == key.parts()
    }
}
