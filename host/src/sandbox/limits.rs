//! Holds a call to its [`Limits`], and remembers which bound it ran into.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use wasmtime::ResourceLimiter;

use crate::config::Limits;

/// Whether a call that runs may take as long as a task, which it did not know when it began.
#[derive(Debug, Clone, Default)]
pub struct Longer(Arc<AtomicBool>);

impl Longer {
    /// From now on it may.
    pub fn grant(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it may.
    pub fn is_granted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long a call may keep a processor.
pub(super) struct CpuMax {
    own: Duration,
    longer: Option<(Longer, Duration)>,
}

impl CpuMax {
    pub(super) fn new(limits: &Limits, longer: Option<&Longer>) -> Self {
        let of_task = || Duration::from_millis(limits.task_cpu_ms_max);
        Self { own: limits.cpu(), longer: longer.map(|longer| (longer.clone(), of_task())) }
    }

    /// Of this moment.
    pub(super) fn now(&self) -> Duration {
        match &self.longer {
            Some((longer, of_task)) if longer.is_granted() => *of_task,
            _ => self.own,
        }
    }
}

/// Holds a store to its [`Limits`] and remembers what was refused, so that the trap that follows can be explained.
#[derive(Debug)]
pub(crate) struct Meter {
    memory_bytes: usize,
    memory_bytes_max: usize,
    table_elements_max: usize,
    instances_max: usize,
    refused: Option<Refused>,
}

/// What a guest was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Memory,
    Table,
}

impl Meter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes: 0,
            memory_bytes_max: limits.memory_bytes_max,
            table_elements_max: limits.table_elements_max,
            instances_max: limits.instances_max,
            refused: None,
        }
    }

    /// Sets other limits over what is in use.
    pub(crate) fn arm(&mut self, limits: &Limits) {
        self.memory_bytes_max = limits.memory_bytes_max;
        self.table_elements_max = limits.table_elements_max;
    }

    /// What the guest asked for beyond its limits, if it did.
    pub(crate) fn refused(&self) -> Option<Refused> {
        self.refused
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if wanted > self.memory_bytes_max {
            self.refused = Some(Refused::Memory);
            return Ok(false);
        }
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.memory_bytes = wanted;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= self.table_elements_max;
        if !fits {
            self.refused = Some(Refused::Table);
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        self.instances_max
    }
}
