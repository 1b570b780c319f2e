//! What is counted of requests, by era and method: a table whose size is known when the host is built.

use std::sync::atomic::{AtomicU64, Ordering};

use super::text::Text;

/// Methods that are counted by name, in order; what is none of them is counted as the first.
const METHODS: [&str; 25] = [
    "(other)",
    "completion/complete",
    "initialize",
    "logging/setLevel",
    "notifications/cancelled",
    "notifications/initialized",
    "notifications/progress",
    "notifications/roots/list_changed",
    "ping",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "resources/templates/list",
    "resources/unsubscribe",
    "server/discover",
    "subscriptions/listen",
    "tasks/cancel",
    "tasks/get",
    "tasks/list",
    "tasks/result",
    "tasks/update",
    "tools/call",
    "tools/list",
];

const ERAS: [&str; 3] = ["modern", "legacy", "none"];

const OUTCOMES: [&str; 3] = ["ok", "stream", "fault"];

static REQUESTS: [[[AtomicU64; OUTCOMES.len()]; METHODS.len()]; ERAS.len()] =
    [const { [const { [const { AtomicU64::new(0) }; OUTCOMES.len()] }; METHODS.len()] }; ERAS.len()];

/// A method that may be a label, or the name of a span: one of a few, whatever a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method(usize);

/// Which revisions of the protocol a message is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    Modern,
    Legacy,
    /// It does not say, or does not read.
    Unknown,
}

/// What a message was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// With its result, or with nothing if it wants nothing.
    Ok,
    /// With a stream, whose end is not known yet.
    Stream,
    /// With an error of the protocol's.
    Fault,
}

impl Method {
    /// What is none of the methods there are.
    pub const OTHER: Self = Self(0);

    pub fn of(method: &str) -> Self {
        METHODS.binary_search(&method).map_or(Self::OTHER, Self)
    }

    pub fn name(self) -> &'static str {
        METHODS[self.0]
    }
}

impl Era {
    /// As labels and traces have it.
    pub fn name(self) -> &'static str {
        ERAS[self as usize]
    }
}

/// A message was answered.
pub fn answered(era: Era, method: Method, answered: Answered) {
    REQUESTS[era as usize][method.0][answered as usize].fetch_add(1, Ordering::Relaxed);
}

pub(super) fn render(text: &mut Text) {
    text.metric("toolyard_requests_total", "counter", "Messages of clients, by what they were answered with.");
    for (era, methods) in ERAS.iter().zip(&REQUESTS) {
        for (method, outcomes) in METHODS.iter().zip(methods) {
            for (outcome, count) in OUTCOMES.iter().zip(outcomes) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    let labels = [("era", *era), ("method", *method), ("outcome", *outcome)];
                    text.sample("toolyard_requests_total", &labels, count);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_found_by_name() {
        assert!(METHODS.is_sorted());
        for method in METHODS {
            assert_eq!(Method::of(method).name(), method);
        }
        for other in ["", "tools/calls", "../../etc/passwd", "zzz"] {
            assert_eq!(Method::of(other), Method::OTHER, "{other}");
        }
    }
}
