//! What was refused lately, for those who operate the host: told at the admin listener. How much is kept is bounded; the same
//! refusal again is counted.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use crate::{clock::now_ms, ids::TenantId, inflight::pseudonym};

/// Refusals that are kept.
const KEPT_MAX: usize = 200;

/// How far back the same refusal is looked for: whoever tries again does so soon.
const ALIKE_WITHIN: usize = 16;

/// Texts may be a stranger's, of any length.
const TEXT_CHARS_MAX: usize = 300;

static KEPT: Mutex<Kept> = Mutex::new(Kept::new());

/// Who or what refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The caller is not who they say, or says nothing.
    Auth,
    /// No rule allows it, or one forbids it.
    Policy,
    /// The operator did not grant it to the plugin.
    Grant,
    /// The tenant has used up its share.
    Limit,
}

/// Something that is refused.
#[derive(Debug, Clone, Copy)]
pub struct Denial<'a> {
    pub by: By,
    pub tenant: Option<&'a TenantId>,
    /// Who wanted it; kept under a pseudonym.
    pub subject: Option<&'a str>,
    /// The plugin or tool that it is about.
    pub on: Option<&'a str>,
    /// What was refused, as a clause.
    pub what: &'a str,
}

/// A refusal as it is told.
#[derive(Debug, Clone, Serialize)]
pub struct Told {
    pub id: u64,
    #[serde(rename = "kind")]
    pub by: By,
    pub tenant: Option<TenantId>,
    pub subject: Option<String>,
    pub on: Option<String>,
    pub what: String,
    pub times: u64,
    pub first_ms: u64,
    pub last_ms: u64,
}

#[derive(Debug)]
struct Kept {
    /// The oldest first.
    told: VecDeque<Told>,
    next: u64,
}

/// Keeps it in mind.
pub fn note(denial: &Denial<'_>) {
    let fresh = Told::of(denial);
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).note(fresh);
}

/// What is kept, the newest first.
pub fn told() -> Vec<Told> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).told.iter().rev().cloned().collect()
}

/// How many are kept.
pub fn count() -> usize {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).told.len()
}

impl Told {
    fn of(denial: &Denial<'_>) -> Self {
        let short = |text: &str| text.chars().take(TEXT_CHARS_MAX).collect::<String>();
        let nobody = TenantId::default();
        let now = now_ms();
        Self {
            id: 0,
            by: denial.by,
            tenant: denial.tenant.cloned(),
            subject: denial.subject.map(|subject| pseudonym(denial.tenant.unwrap_or(&nobody), subject)),
            on: denial.on.map(short),
            what: short(denial.what),
            times: 1,
            first_ms: now,
            last_ms: now,
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        let parts = |told: &Self| (told.by, told.tenant.clone(), told.subject.clone(), told.on.clone());
        self.what == other.what && parts(self) == parts(other)
    }
}

impl Kept {
    const fn new() -> Self {
        Self { told: VecDeque::new(), next: 1 }
    }

    fn note(&mut self, fresh: Told) {
        let place = self.told.iter().rev().take(ALIKE_WITHIN).position(|told| told.is_like(&fresh));
        let known = place.and_then(|place| self.told.remove(self.told.len() - 1 - place));
        let told = match known {
            Some(known) => Told { times: known.times + 1, last_ms: fresh.last_ms, ..known },
            None => Told { id: self.next, ..fresh },
        };
        self.next = self.next.max(told.id + 1);
        if self.told.len() >= KEPT_MAX {
            self.told.pop_front();
        }
        self.told.push_back(told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(what: &str) -> Told {
        let tenant = TenantId::default();
        Told::of(&Denial { by: By::Grant, tenant: Some(&tenant), subject: Some("alice"), on: Some("weather"), what })
    }

    #[test]
    fn the_same_again_is_counted_and_comes_to_the_front() {
        let mut kept = Kept::new();
        for what in ["one", "two", "one"] {
            kept.note(denial(what));
        }
        let told: Vec<_> = kept.told.iter().map(|told| (told.id, told.what.as_str(), told.times)).collect();
        assert_eq!(told, [(2, "two", 1), (1, "one", 2)]);
        assert_ne!(kept.told[0].subject.as_deref(), Some("alice"));
    }

    #[test]
    fn no_flood_makes_it_larger() {
        let mut kept = Kept::new();
        for number in 0..KEPT_MAX * 3 {
            kept.note(denial(&format!("{number} {}", "x".repeat(10_000))));
        }
        assert_eq!(kept.told.len(), KEPT_MAX);
        assert!(kept.told.iter().all(|told| told.what.chars().count() == TEXT_CHARS_MAX));
        assert_eq!(kept.told.back().map(|told| told.id), Some(3 * KEPT_MAX as u64));
    }
}
