//! Which names have series of their own. The first so many have; those that come later are counted together, first with the
//! others of their tenant, then with all others. Names are never forgotten: a counter that vanishes tells nobody anything.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Tools with series of their own. Each has about 20 lines of text, which are to be fetched every few seconds.
pub(super) const TOOLS_MAX: usize = 1000;

/// The same of plugins, which have about 40.
pub(super) const PLUGINS_MAX: usize = 500;

/// Tenants whose other tools, or plugins, are counted together rather than with everybody's.
pub(super) const TENANTS_MAX: usize = 1000;

/// In place of a name. No name of a tenant, plugin or tool looks so.
pub(super) const OTHER: &str = "(other)";

/// Series by their names, the tenant's first.
pub(super) struct Names<T, const N: usize> {
    known: Mutex<Known<T, N>>,
    own_max: usize,
}

struct Known<T, const N: usize> {
    series: BTreeMap<[String; N], Arc<T>>,
    own: usize,
    tenants: usize,
}

impl<T, const N: usize> Names<T, N> {
    pub(super) const fn new(own_max: usize) -> Self {
        Self { known: Mutex::new(Known { series: BTreeMap::new(), own: 0, tenants: 0 }), own_max }
    }

    /// The series of these names, or of those they are counted with.
    pub(super) fn get(&self, names: [&str; N], new: impl FnOnce(&[String; N]) -> T) -> Arc<T> {
        let mut known = self.known();
        let own = names.map(str::to_owned);
        if let Some(series) = known.series.get(&own) {
            return Arc::clone(series);
        }
        if known.own < self.own_max {
            known.own += 1;
            return known.insert(own, new);
        }
        let mut others = names.map(|_| OTHER.to_owned());
        names[0].clone_into(&mut others[0]);
        if let Some(series) = known.series.get(&others) {
            return Arc::clone(series);
        }
        if known.tenants < TENANTS_MAX {
            known.tenants += 1;
        } else {
            OTHER.clone_into(&mut others[0]);
        }
        known.insert(others, new)
    }

    /// All there are.
    pub(super) fn all(&self) -> Vec<([String; N], Arc<T>)> {
        self.known().series.iter().map(|(names, series)| (names.clone(), Arc::clone(series))).collect()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known<T, N>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, const N: usize> Known<T, N> {
    fn insert(&mut self, names: [String; N], new: impl FnOnce(&[String; N]) -> T) -> Arc<T> {
        let new = || Arc::new(new(&names));
        if let Some(series) = self.series.get(&names) {
            return Arc::clone(series);
        }
        let series = new();
        self.series.insert(names, Arc::clone(&series));
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_have_series_of_their_own() {
        let names: Names<[String; 3], 3> = Names::new(2);
        let get = |tenant: &str, tool: &str| names.get([tenant, "p", tool], Clone::clone).join("/");
        assert_eq!(get("a", "x"), "a/p/x");
        assert_eq!(get("a", "y"), "a/p/y");
        assert_eq!(get("a", "z"), "a/(other)/(other)");
        assert_eq!(get("a", "z2"), "a/(other)/(other)");
        assert_eq!(get("b", "x"), "b/(other)/(other)");
        // Who has them keeps them.
        assert_eq!(get("a", "x"), "a/p/x");
        assert_eq!(names.all().len(), 4);
    }

    #[test]
    fn and_so_many_tenants_have_others_of_their_own() {
        let names: Names<[String; 2], 2> = Names::new(1);
        let get = |tenant: &str| names.get([tenant, "p"], Clone::clone).join("/");
        assert_eq!(get("first"), "first/p");
        for number in 0..TENANTS_MAX {
            assert_eq!(get(&format!("t{number}")), format!("t{number}/(other)"));
        }
        assert_eq!(get("late"), "(other)/(other)");
        assert_eq!(get("later"), "(other)/(other)");
        assert_eq!(get("t1"), "t1/(other)");
        assert_eq!(names.all().len(), 1 + TENANTS_MAX + 1);
    }
}
