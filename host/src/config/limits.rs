//! What one call may use.

use std::time::Duration;

/// The bounds of one call. Each has a default that suits an ordinary tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a call may take by the clock on the wall, waiting included.
    pub timeout: Duration,
    /// Linear memory of all of the plugin's modules together.
    pub memory_bytes_max: usize,
    /// Elements in each table.
    pub table_elements_max: usize,
    /// What the plugin may hand to the host in one go: its whole result, or one log message.
    pub output_bytes_max: usize,
    /// What a call may write to the log, its standard output and error included; the rest is dropped.
    pub log_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Most clients give up on a plain call after 60 seconds; a tool that says so earlier is told apart from a dead host.
            timeout: Duration::from_secs(30),
            // Four times what a Python component needs to start.
            memory_bytes_max: 64 << 20,
            // Python's largest table has 5,672 elements.
            table_elements_max: 20_000,
            // More than any model reads, and room for a screenshot.
            output_bytes_max: 8 << 20,
            log_bytes_max: 64 << 10,
        }
    }
}
