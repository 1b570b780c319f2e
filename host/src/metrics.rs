//! What is counted. Labels are names from the configuration and the code, never from a request, so that their number is bounded.

use metrics::counter;

/// A call, or something it wanted, ran into a limit.
pub fn limit_reached(plugin: &str, limit: &'static str) {
    counter!("toolyard_limit_reached_total", "plugin" => plugin.to_owned(), "limit" => limit).increment(1);
}

/// A plugin tried something that was not granted.
pub fn refused(plugin: &str, grant: &'static str) {
    counter!("toolyard_refused_total", "plugin" => plugin.to_owned(), "grant" => grant).increment(1);
}
