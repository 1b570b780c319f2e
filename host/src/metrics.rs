//! What is counted. Labels are names from the configuration and the code, never from a request, so that their number is bounded.

use std::sync::OnceLock;

use metrics::{counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

const LIMIT_REACHED: &str = "toolyard_limit_reached_total";
const REFUSED: &str = "toolyard_refused_total";
const HELD: &str = "toolyard_held_total";
const IN_USE: &str = "toolyard_in_use";

/// All that was counted in this process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Begins to count, if that has not begun yet: one process has one set of counts.
    pub fn start() -> Self {
        static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
        let start = || {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            // Fails only where somebody else's recorder was first, who then gets the counts.
            let _ = metrics::set_global_recorder(recorder);
            describe_counter!(LIMIT_REACHED, "Times that a call, or something it wanted, ran into a limit.");
            describe_counter!(REFUSED, "Times that a plugin tried something that was not granted.");
            describe_counter!(
                HELD,
                "Times that a plugin was held back because it describes its tools otherwise than before."
            );
            describe_gauge!(IN_USE, "What calls and connections hold at this moment.");
            handle
        };
        Self(HANDLE.get_or_init(start).clone())
    }

    /// In Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.render()
    }
}

/// A call, or something it wanted, ran into a limit, which the configuration calls `limit`.
pub fn limit_reached(plugin: &str, limit: &'static str) {
    counter!(LIMIT_REACHED, "plugin" => plugin.to_owned(), "limit" => limit).increment(1);
}

/// A plugin tried something that was not granted; `grant` is the part of its grants that would have to say so.
pub fn refused(plugin: &str, grant: &'static str) {
    counter!(REFUSED, "plugin" => plugin.to_owned(), "grant" => grant).increment(1);
}

/// A plugin was held back: it describes its tools otherwise than before, under the same version.
pub fn held(plugin: &str) {
    counter!(HELD, "plugin" => plugin.to_owned()).increment(1);
}

/// So many of `what` are in use now.
pub fn in_use(what: &'static str, count: usize) {
    // Counts here are far below 2^52, where this would lose anything.
    gauge!(IN_USE, "what" => what).set(count as f64);
}
