//! What one call may use, and the record of which bound it ran into.

use std::time::Duration;

use wasmtime::ResourceLimiter;

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

/// Holds a store to its [`Limits`] and remembers what was refused, so that the trap that follows can be explained.
#[derive(Debug)]
pub(crate) struct Meter {
    memory_bytes_left: usize,
    table_elements_max: usize,
    memory_refused: bool,
}

impl Meter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes_left: limits.memory_bytes_max,
            table_elements_max: limits.table_elements_max,
            memory_refused: false,
        }
    }

    /// Whether the guest asked for memory or table room beyond its limit.
    pub(crate) fn memory_refused(&self) -> bool {
        self.memory_refused
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        if more > self.memory_bytes_left {
            self.memory_refused = true;
            return Ok(false);
        }
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.memory_bytes_left -= more;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= self.table_elements_max;
        self.memory_refused |= !fits;
        Ok(fits)
    }
}
