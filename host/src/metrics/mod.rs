//! What is counted. Labels are names from the configuration, the catalog and the code, never from a request, and only so many
//! tools and tenants have series of their own ([`names`]), so that their number is bounded.
//!
//! What a call counts is looked up once, when its plugin is loaded: [`OfTool`] and [`OfPlugin`].

mod calls;
mod histogram;
mod names;
mod plugins;
mod requests;
mod text;

use std::sync::OnceLock;

use metrics::{counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

pub use calls::{Counts, OfTool, Outcome, of_tool};
pub use plugins::{OfPlugin, of_plugin};
pub use requests::{Answered, Era, Method, answered};

const LIMIT_REACHED: &str = "toolyard_limit_reached_total";
const REFUSED: &str = "toolyard_refused_total";
const DENIED: &str = "toolyard_policy_denied_total";
const HTTP_REQUESTS: &str = "toolyard_http_requests_total";
const AUTH: &str = "toolyard_auth_total";
const TASKS: &str = "toolyard_tasks_total";
const LOADS: &str = "toolyard_plugin_loads_total";
const RELOADS: &str = "toolyard_reloads_total";
const STORE_ERRORS: &str = "toolyard_store_errors_total";
const SPANS: &str = "toolyard_spans_total";
const AUDIT_LOST: &str = "toolyard_audit_lost_total";
const IN_USE: &str = "toolyard_in_use";
const CATALOG: &str = "toolyard_catalog";

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
            describe();
            begin_at_zero();
            handle
        };
        Self(HANDLE.get_or_init(start).clone())
    }

    /// In Prometheus' text format.
    pub fn render(&self) -> String {
        let mut text = text::Text::new(self.0.render());
        calls::render(&mut text);
        plugins::render(&mut text);
        requests::render(&mut text);
        text.finish()
    }
}

fn describe() {
    describe_counter!(LIMIT_REACHED, "Times that a call, or something it wanted, ran into a limit.");
    describe_counter!(REFUSED, "Times that a plugin tried something that was not granted.");
    describe_counter!(DENIED, "Times that the policy said no.");
    describe_counter!(HTTP_REQUESTS, "Requests of plugins to the outside, by what came of them.");
    describe_counter!(AUTH, "Requests, by what came of asking who sent them.");
    describe_counter!(TASKS, "Times that a task came to be in a state.");
    describe_counter!(LOADS, "Plugins that were loaded, held back, refused or removed.");
    describe_counter!(RELOADS, "Times that something was read anew, by what came of it.");
    describe_counter!(STORE_ERRORS, "Times that the store did not do what it was asked.");
    describe_counter!(SPANS, "Spans of traces, by what became of them.");
    describe_counter!(AUDIT_LOST, "Records of the audit trail that could not be written there.");
    describe_gauge!(IN_USE, "What calls and connections hold at this moment.");
    describe_gauge!(CATALOG, "What is loaded at this moment.");
}

/// What has not happened yet is 0: a rate needs to know what was before the first time.
fn begin_at_zero() {
    counter!(STORE_ERRORS).increment(0);
    for (name, label, values) in [
        (AUTH, "result", &["anonymous", "key", "token", "unauthorized", "forbidden", "away", "refused"][..]),
        (TASKS, "state", &["working", "input_required", "completed", "failed", "cancelled"]),
        (LOADS, "result", &["loaded", "held", "refused", "removed"]),
        (SPANS, "result", &["sent", "failed", "dropped"]),
        (AUDIT_LOST, "sink", &["file", "stdout", "otlp"]),
    ] {
        for value in values {
            counter!(name, label => *value).increment(0);
        }
    }
    for result in ["done", "refused"] {
        counter!(RELOADS, "what" => "configuration", "result" => result).increment(0);
    }
}

/// Who sent a request was asked; `result` is one of a few that `auth` knows.
pub fn authenticated(result: &'static str) {
    counter!(AUTH, "result" => result).increment(1);
}

/// A task came to be in `state`.
pub fn task(state: &'static str) {
    counter!(TASKS, "state" => state).increment(1);
}

/// A plugin's file was looked at because it had changed.
pub fn plugin_load(result: &'static str) {
    counter!(LOADS, "result" => result).increment(1);
}

/// `what` was read anew, such as the configuration.
pub fn reloaded(what: &'static str, is_done: bool) {
    counter!(RELOADS, "what" => what, "result" => if is_done { "done" } else { "refused" }).increment(1);
}

/// The store did not do what it was asked.
pub fn store_error() {
    counter!(STORE_ERRORS).increment(1);
}

/// So many spans were sent, or were not.
pub fn spans(result: &'static str, count: u64) {
    counter!(SPANS, "result" => result).increment(count);
}

/// Records of the audit trail did not get to `sink`.
pub fn audit_lost(sink: &'static str, records: u64) {
    counter!(AUDIT_LOST, "sink" => sink).increment(records);
}

/// So many of `what` are in use now.
pub fn in_use(what: &'static str, count: usize) {
    // Counts here are far below 2^52, where this would lose anything.
    gauge!(IN_USE, "what" => what).set(count as f64);
}

/// So many of `what` are loaded now.
pub fn in_catalog(what: &'static str, count: usize) {
    gauge!(CATALOG, "what" => what).set(count as f64);
}

#[cfg(test)]
mod tests;
