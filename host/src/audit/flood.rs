//! Refusals of strangers, bounded: whoever has no credentials can be refused as fast as the host refuses, and must not be able to
//! fill the disk with it.
//!
//! The first of a kind is written down at once. What is like it in every word is counted, and told when the minute is over.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::{Map, Value};

use super::record::{Event, Refused};

/// How long refusals are counted before their number is told.
const SPAN: Duration = Duration::from_secs(60);

/// Kinds that are told apart in one span. With two records for each of them, and one for each reason beside, that is less than
/// 40 MB a day, whoever knocks.
const KINDS_MAX: usize = 32;

/// What is counted at this moment.
#[derive(Default)]
pub(super) struct Flood(Mutex<Counting>);

#[derive(Default)]
struct Counting {
    /// When the first of what is counted came.
    since: Option<Instant>,
    /// How often what was written down came again.
    again: BTreeMap<String, u64>,
    /// How often all others came, of which nothing but the reason is kept.
    others: BTreeMap<String, u64>,
}

/// So many refusals that have no record of their own.
#[derive(Serialize)]
pub(super) struct Again {
    /// What they have in common.
    #[serde(flatten)]
    refused: Map<String, Value>,
    times: u64,
}

impl Event for Again {
    const KIND: &'static str = Refused::KIND;
}

impl Flood {
    /// Whether this refusal is to be written down now. If not, it is counted.
    pub(super) fn is_news(&self, refused: &Refused<'_>, now: Instant) -> bool {
        let mut counting = self.lock();
        counting.since.get_or_insert(now);
        let kind = text(refused);
        if let Some(times) = counting.again.get_mut(&kind) {
            *times += 1;
            return false;
        }
        if counting.again.len() < KINDS_MAX {
            counting.again.insert(kind, 0);
            return true;
        }
        let reason = Refused { reason: refused.reason, status: refused.status, ..Refused::default() };
        *counting.others.entry(text(&reason)).or_default() += 1;
        false
    }

    /// Whether nothing waits to be told.
    pub(super) fn is_over(&self) -> bool {
        self.lock().since.is_none()
    }

    /// What was counted, once its span is over.
    pub(super) fn due(&self, now: Instant) -> Vec<Again> {
        let mut counting = self.lock();
        match counting.since {
            Some(since) if now.saturating_duration_since(since) >= SPAN => counting.told(),
            _ => Vec::new(),
        }
    }

    /// What was counted, whether or not its span is over.
    pub(super) fn end(&self) -> Vec<Again> {
        self.lock().told()
    }

    fn lock(&self) -> MutexGuard<'_, Counting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counting {
    fn told(&mut self) -> Vec<Again> {
        let Self { again, others, .. } = mem::take(self);
        let counted = again.into_iter().chain(others).filter(|(_, times)| *times > 0);
        // What was written as an object reads as one.
        counted.filter_map(|(kind, times)| Some(Again { refused: serde_json::from_str(&kind).ok()?, times })).collect()
    }
}

fn text(refused: &Refused<'_>) -> String {
    // Writing our own types to memory cannot fail: they have string keys and no errors of their own.
    serde_json::to_string(refused).expect("our own records are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> Refused<'_> {
        Refused { reason: "no_credentials", status: Some(401), endpoint: Some(address), ..Refused::default() }
    }

    fn told(again: &[Again]) -> Vec<Value> {
        again.iter().map(|again| serde_json::to_value(again).unwrap()).collect()
    }

    #[test]
    fn the_same_again_is_counted_and_told_when_the_span_is_over() {
        let (flood, begin) = (Flood::default(), Instant::now());
        assert!(flood.is_over() && flood.is_news(&from("a"), begin) && !flood.is_over());
        assert!(!flood.is_news(&from("a"), begin) && !flood.is_news(&from("a"), begin + SPAN / 2));
        assert!(flood.is_news(&from("b"), begin), "another one is another kind");
        assert!(flood.due(begin + SPAN / 2).is_empty());
        let expected = serde_json::json!({ "reason": "no_credentials", "status": 401, "endpoint": "a", "times": 2 });
        assert_eq!(told(&flood.due(begin + SPAN)), [expected]);
        assert!(flood.is_over() && flood.is_news(&from("a"), begin + SPAN), "the next span begins anew");
        assert!(flood.end().is_empty() && flood.is_over());
    }

    #[test]
    fn whoever_comes_from_everywhere_makes_no_more_records() {
        let (flood, now) = (Flood::default(), Instant::now());
        let places: Vec<String> = (0..10_000).map(|place| place.to_string()).collect();
        let written = places.iter().filter(|place| flood.is_news(&from(place), now)).count();
        assert_eq!(written, KINDS_MAX);
        assert!(!flood.is_news(&from("3"), now), "one that is known is still counted by itself");
        let others = serde_json::json!({ "reason": "no_credentials", "status": 401, "times": 10_000 - KINDS_MAX });
        let told = told(&flood.end());
        assert!(told.len() == 2 && told[0]["endpoint"] == "3" && told[1] == others, "{told:?}");
    }
}
