//! Holds a call to its [`Limits`], and remembers which bound it ran into.

use wasmtime::ResourceLimiter;

use crate::config::Limits;

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
