//! One call: the store it runs in, what it says meanwhile, and why it ended.

use std::sync::Arc;

use tokio::sync::mpsc;
use wasmtime::{
    Engine, PoolConcurrencyLimitError, Store, Trap, UpdateDeadline,
    component::{ResourceTable, ResourceTableError},
};
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::{
    contract::Level,
    granted::{Granted, Refusals},
    host_api::{Dialer, Hooks, LogPipe, OpenFiles, Progress, Stream},
    lanes::{self, Score},
    limits::{Longer, Meter, Refused},
    network::Traffic,
};
use crate::{config::Limits, signals::TenantSignals};

/// Headers that a guest puts into one set, in bytes of the host's memory. Most servers take less.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// Random bytes that a guest may ask for at once: they are made in the host's memory, and in one go that nothing interrupts.
/// A megabyte takes a few milliseconds.
const RANDOM_BYTES_MAX: u64 = 1 << 20;

/// Something the guest said while it ran.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// How far it has come. `progress` only ever increases within a call; the numbers are finite.
    Progress { progress: f64, total: Option<f64>, message: Option<String> },
    /// A line of its log.
    Log { level: Level, logger: Option<String>, message: String },
}

/// Where the guest's words go, and which of them are wanted. Bounded: what does not fit is dropped.
#[derive(Debug, Clone)]
pub struct Voice {
    pub sender: mpsc::Sender<Said>,
    pub progress: bool,
    /// The least level of log lines; `None` for none.
    pub log: Option<Level>,
}

impl Voice {
    pub(super) fn say(&self, said: Said) {
        // A caller that reads too slowly misses some: the words are only ever about now.
        let _ = self.sender.try_send(said);
    }
}

/// What a run brings along besides the call itself.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    /// The bounds of this call.
    pub limits: &'a Limits,
    /// Where to note how heavy it was.
    pub score: &'a Arc<Score>,
    /// Who listens to it; `None` if nobody does.
    pub voice: Option<Voice>,
    /// Where it may say that something changed.
    pub signals: Option<TenantSignals>,
    /// The beginnings of the URIs that it may say have changed.
    pub prefixes: &'a Arc<[String]>,
    /// Whether it may go on as a task does; `None` if it never may.
    pub longer: Option<Longer>,
}

/// Why the sandbox ended a call. The text is for the caller; it names the limit and never the host's insides.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the tool ran longer than its limit of {timeout_ms_max} ms and was stopped")]
    TimedOut { timeout_ms_max: u64 },
    #[error("the tool used more than its limit of {cpu_ms_max} ms of processor time and was stopped")]
    OutOfCpu { cpu_ms_max: u64 },
    #[error("the tool wanted more memory than its limit of {memory_bytes_max} bytes and was stopped")]
    OutOfMemory { memory_bytes_max: usize },
    #[error("the tool wanted a larger table than its limit of {table_elements_max} elements and was stopped")]
    OutOfTable { table_elements_max: usize },
    #[error("the tool held more than its limit of {handles_max} handles at once and was stopped")]
    TooManyHandles { handles_max: usize },
    #[error("the tool is made of more than its limit of {instances_max} modules")]
    TooManyInstances { instances_max: usize },
    #[error("the tool gave back more than its limit of {output_bytes_max} bytes")]
    OutputTooLarge { output_bytes_max: usize },
    #[error("the tool called itself too deeply and was stopped")]
    StackOverflow,
    /// A trap or a panic; `detail` is for the log.
    #[error("the tool failed inside and was stopped; the host's log says where")]
    Trapped { detail: String },
    /// All slots are taken: it never began.
    #[error("the host runs as many calls as it can; try again shortly")]
    Busy,
}

impl CallError {
    /// The limit that was reached, as the configuration calls it.
    pub fn limit(&self) -> Option<&'static str> {
        match self {
            Self::TimedOut { .. } => Some("timeout_ms_max"),
            Self::OutOfCpu { .. } => Some("cpu_ms_max"),
            Self::OutOfMemory { .. } => Some("memory_bytes_max"),
            Self::OutOfTable { .. } => Some("table_elements_max"),
            Self::TooManyHandles { .. } => Some("handles_max"),
            Self::TooManyInstances { .. } => Some("instances_max"),
            Self::OutputTooLarge { .. } => Some("output_bytes_max"),
            Self::StackOverflow | Self::Trapped { .. } | Self::Busy => None,
        }
    }
}

/// What a store carries for the host's side of one call.
pub(super) struct CallState {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    pub(super) table: ResourceTable,
    pub(super) files: OpenFiles,
    /// What its `cas` handles hold.
    pub(super) cas_bytes: usize,
    meter: Meter,
    pub(super) granted: Arc<Granted>,
    pub(super) refusals: Refusals,
    /// What it sends and receives.
    pub(super) traffic: Traffic,
    /// Where it may connect to.
    pub(super) dialer: Arc<Dialer>,
    pub(super) voice: Option<Voice>,
    pub(super) progress: Progress,
    pub(super) log: LogPipe,
    pub(super) signals: Option<TenantSignals>,
    pub(super) prefixes: Arc<[String]>,
    /// Signals sent so far.
    pub(super) changes: u32,
}

impl CallState {
    /// A store under `limits` with what was granted within reach, of which no call is known yet.
    pub(super) fn store(engine: &Engine, granted: &Arc<Granted>, limits: &Limits) -> Store<Self> {
        let log = LogPipe::new(Arc::clone(granted.plugin()), limits);
        let refusals = Refusals::new(granted);
        let traffic = Traffic::new(granted.plugin(), limits);
        let dialer = Arc::new(Dialer::new(granted, &refusals));
        let asked = Arc::clone(&dialer);
        let wasi = WasiCtxBuilder::new()
            .allow_tcp(true)
            .socket_addr_check(move |address, usage| Box::pin(std::future::ready(asked.allows(address, usage))))
            .stdout(Stream::new("stdout", log.clone()))
            .stderr(Stream::new("stderr", log.clone()))
            .envs(&granted.environment)
            .max_random_size(RANDOM_BYTES_MAX)
            .build();
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(HEADER_BYTES_MAX);
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles_max);
        let state = Self {
            wasi,
            http,
            hooks: Hooks::new(granted, &refusals, &traffic),
            table,
            files: OpenFiles::default(),
            cas_bytes: 0,
            meter: Meter::new(limits),
            granted: Arc::clone(granted),
            refusals,
            traffic,
            dialer,
            voice: None,
            progress: Progress::new(limits.progress_per_second_max),
            log,
            signals: None,
            prefixes: Arc::default(),
            changes: 0,
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.meter);
        store.set_hostcall_fuel(limits.output_bytes_max);
        store.set_epoch_deadline(lanes::QUICK_TICKS);
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(lanes::slice_ended())));
        store
    }

    /// Makes the store that of one call.
    pub(super) fn arm(store: &mut Store<Self>, run: Run<'_>) {
        let Run { voice, signals, prefixes, .. } = run;
        let state = store.data_mut();
        state.voice = voice;
        state.signals = signals;
        state.prefixes = Arc::clone(prefixes);
    }

    /// Sets the limits anew of a store that was made ahead: those of the call may be the tool's own.
    pub(super) fn limit(store: &mut Store<Self>, limits: &Limits) {
        store.set_hostcall_fuel(limits.output_bytes_max);
        store.set_epoch_deadline(lanes::QUICK_TICKS);
        let state = store.data_mut();
        state.meter.arm(limits);
        state.table.set_max_capacity(limits.handles_max);
        state.log.arm(limits);
        state.progress = Progress::new(limits.progress_per_second_max);
        state.traffic = Traffic::new(state.granted.plugin(), limits);
        state.hooks = Hooks::new(&state.granted, &state.refusals, &state.traffic);
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for CallState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}

/// Says why a guest ended without an answer.
pub(super) fn explain(error: &wasmtime::Error, state: &CallState, limits: &Limits) -> CallError {
    if error.is::<PoolConcurrencyLimitError>() {
        return CallError::Busy;
    }
    // A guest whose memory may not grow usually aborts: the refusal explains the trap.
    match state.meter.refused() {
        Some(Refused::Memory) => return CallError::OutOfMemory { memory_bytes_max: limits.memory_bytes_max },
        Some(Refused::Table) => return CallError::OutOfTable { table_elements_max: limits.table_elements_max },
        None => {}
    }
    if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
        return CallError::TooManyHandles { handles_max: limits.handles_max };
    }
    if error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow) {
        return CallError::StackOverflow;
    }
    let detail = format!("{error:#}").replace('\n', " ");
    // wasmtime keeps the types of these errors to itself, so they are known by their words; tests hold them in place.
    if detail.contains("fuel allocated for hostcalls") {
        return CallError::OutputTooLarge { output_bytes_max: limits.output_bytes_max };
    }
    if detail.contains("instance count too high") {
        return CallError::TooManyInstances { instances_max: limits.instances_max };
    }
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        return CallError::Trapped { detail: format!("the guest called exit({code})") };
    }
    CallError::Trapped { detail }
}
