//! The engine: how components are compiled, where their memory comes from, and the clock that interrupts them.

use std::{
    collections::HashMap,
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::{Context, anyhow};
use wasmtime::{Config, Enabled, Engine, PoolingAllocationConfig, component::Linker};

use super::{
    Component, Granted, LoadError,
    cache::CodeCache,
    call::CallState,
    host_api,
    lanes::{Lanes, TICK},
    warm::Warmth,
};
use crate::{config::INSTANCES_MAX, ids::Digest, metrics};

/// Wasm frames of a trap that go to the log.
const TRAP_FRAMES_MAX: usize = 16;

/// Core modules in one component, as reserved for each call.
const CORE_INSTANCES_PER_CALL: u32 = INSTANCES_MAX as u32;

/// Linear memories in one component: QuickJS components have 3.
const MEMORIES_PER_CALL: u32 = 4;

/// Tables in one component, with room for adapters between its modules.
const TABLES_PER_CALL: u32 = 8;

/// Memory of a finished call that stays mapped for the next one on the same slot. More than any image measured so far; what
/// a guest never touched costs nothing.
const KEEP_RESIDENT_BYTES: usize = 16 << 20;

/// The same for tables.
const KEEP_RESIDENT_TABLE_BYTES: usize = 64 << 10;

/// Without `PAGEMAP_SCAN`, slots are given back to the kernel this many at a time.
const DECOMMIT_BATCH: usize = 32;

/// What the engine is built from.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many calls run at once, and so how many slots there are.
    pub calls_max: u32,
    /// Elements in each table of the pool: the largest `table_elements_max` of any plugin.
    pub table_elements_max: usize,
    /// How many fresh instances may be kept ready, of all plugins together.
    pub warm_instances_max: u32,
    /// Where compiled code is kept; `None` compiles anew after each start.
    pub cache_dir: Option<PathBuf>,
    /// Whether instances get their memory from slots that are there from the start, where the machine allows it.
    pub pooling: bool,
}

/// Which of the fast paths are in force on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Settings {
    /// Instances come from slots reserved at start, rather than from `mmap` at each call.
    pub pooling: bool,
    /// Used pages are found and reset in place (Linux 6.7 and later), rather than returned to the kernel.
    pub pagemap_scan: bool,
    /// Compiled code is kept on disk.
    pub code_cache: bool,
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = match (self.pooling, self.pagemap_scan) {
            (true, true) => "pooled memory, reset in place",
            (true, false) => "pooled memory, returned in batches (the kernel has no PAGEMAP_SCAN: calls cost more)",
            (false, _) => "memory on demand (no room for a pool of addresses: calls cost much more)",
        };
        let code = if self.code_cache { "compiled code kept on disk" } else { "compiled code not kept" };
        write!(f, "{memory}; {code}")
    }
}

/// Compiles components and holds what their calls share.
pub struct Sandbox {
    engine: Engine,
    linker: Linker<CallState>,
    cache: Option<CodeCache>,
    settings: Settings,
    /// The compiled code in use, by component. Tenants with the same plugin share it.
    shared: Mutex<HashMap<Digest, Weak<Code>>>,
    lanes: Arc<Lanes>,
    warmth: Warmth,
    _ticker: Ticker,
}

/// Compiled code, for as long as a component is made of it.
pub(super) struct Code {
    pub(super) compiled: wasmtime::component::Component,
}

impl Sandbox {
    /// Builds the engine with the fastest settings that this machine allows.
    pub fn new(options: &Options) -> anyhow::Result<Self> {
        let scan = PoolingAllocationConfig::is_pagemap_scan_available();
        let attempts = [(true, scan), (true, false), (false, false)];
        let (engine, pooling, pagemap_scan) = attempts
            .into_iter()
            .filter(|(pooling, _)| options.pooling || !pooling)
            .find_map(|(pooling, scan)| {
                let engine = Engine::new(&config(options, pooling, scan)).ok()?;
                Some((engine, pooling, scan))
            })
            .context("this machine cannot run the engine at all")?;

        let mut linker = Linker::new(&engine);
        host_api::link(&mut linker).map_err(|error| anyhow!("{error:#}"))?;
        let cache = options.cache_dir.as_deref().and_then(|dir| CodeCache::open(dir, &engine));
        let settings = Settings { pooling, pagemap_scan, code_cache: cache.is_some() };
        let (lanes, _ticker) = (Arc::new(Lanes::default()), Ticker::start(&engine)?);
        let warmth = Warmth::new(&lanes, options.warm_instances_max);
        Ok(Self { engine, linker, cache, settings, shared: Mutex::default(), lanes, warmth, _ticker })
    }

    /// Where calls run.
    pub fn lanes(&self) -> &Arc<Lanes> {
        &self.lanes
    }

    /// Tells the metrics what the guests hold at this moment, those that are kept ready included.
    pub fn report(&self) {
        if let Some(pool) = self.engine.pooling_allocator_metrics() {
            metrics::in_use("instances", usize::try_from(pool.component_instances()).unwrap_or(usize::MAX));
            metrics::in_use("memories", pool.memories());
            metrics::in_use("tables", pool.tables());
            metrics::in_use("stacks", pool.stacks());
        }
        metrics::in_use("warm instances", self.warmth.ready());
    }

    /// Which fast paths are in force.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Makes a component ready to be called: takes its compiled code from disk or compiles it, and checks that the host has
    /// all it imports. Takes seconds for large components; call it from a thread that may block.
    ///
    /// `granted` is what its calls may touch.
    pub fn load(&self, granted: Granted, bytes: &[u8]) -> Result<Component, LoadError> {
        let digest = Digest::of(bytes);
        let code = self.code(digest, bytes)?;
        Component::link(granted, digest, bytes, &code, &self.linker, &self.warmth)
    }

    fn code(&self, digest: Digest, bytes: &[u8]) -> Result<Arc<Code>, LoadError> {
        let shared = || self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(code) = shared().get(&digest).and_then(Weak::upgrade) {
            return Ok(code);
        }
        // Not under the lock: it takes long. Two who compile the same at once do it twice, and one of the two is kept.
        let code = Arc::new(Code { compiled: self.compiled(digest, bytes)? });
        let mut shared = shared();
        shared.retain(|_, code| code.strong_count() > 0);
        shared.insert(digest, Arc::downgrade(&code));
        Ok(code)
    }

    fn compiled(&self, digest: Digest, bytes: &[u8]) -> Result<wasmtime::component::Component, LoadError> {
        let Some(cache) = &self.cache else {
            return wasmtime::component::Component::from_binary(&self.engine, bytes)
                .map_err(|error| LoadError::not_compiled(&error));
        };
        if let Some(component) = cache.get(&self.engine, digest) {
            return Ok(component);
        }
        let component = wasmtime::component::Component::from_binary(&self.engine, bytes)
            .map_err(|error| LoadError::not_compiled(&error))?;
        cache.put(&component, digest);
        Ok(component)
    }
}

fn config(options: &Options, pooling: bool, pagemap_scan: bool) -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    // Components with the async ABI are refused; the others then cost half as much to start.
    config.concurrency_support(false);
    config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(TRAP_FRAMES_MAX));
    if pooling {
        config.allocation_strategy(pool(options, pagemap_scan));
    }
    config
}

fn pool(options: &Options, pagemap_scan: bool) -> PoolingAllocationConfig {
    // Loading describes a plugin beside the calls that run.
    let calls = options.calls_max.saturating_add(options.warm_instances_max).saturating_add(2);
    let memories = calls.saturating_mul(MEMORIES_PER_CALL);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(calls)
        .total_core_instances(calls.saturating_mul(CORE_INSTANCES_PER_CALL))
        .total_memories(memories)
        .total_tables(calls.saturating_mul(TABLES_PER_CALL))
        .total_stacks(calls)
        .max_core_instances_per_component(CORE_INSTANCES_PER_CALL)
        .max_memories_per_component(MEMORIES_PER_CALL)
        .max_tables_per_component(CORE_INSTANCES_PER_CALL)
        .table_elements(options.table_elements_max)
        // A slot that stays warm keeps its image; with fewer warm slots than slots, images are mapped again at each call.
        .max_unused_warm_slots(memories);
    if pagemap_scan {
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
            .table_keep_resident(KEEP_RESIDENT_TABLE_BYTES);
    } else {
        // Keeping pages without the scan means resetting all of them each time, which is slower than giving them back.
        pool.decommit_batch_size(DECOMMIT_BATCH);
    }
    pool
}

/// A thread that ends time slices. Stops with the sandbox.
struct Ticker {
    stop: Arc<AtomicBool>,
}

impl Ticker {
    fn start(engine: &Engine) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (engine, stopped) = (engine.weak(), Arc::clone(&stop));
        let tick = move || {
            while !stopped.load(Ordering::Relaxed) {
                thread::sleep(TICK);
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
            }
        };
        thread::Builder::new().name("time-slices".into()).spawn(tick).context("no thread for time slices")?;
        Ok(Self { stop })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
