//! One call: the store it runs in, what it says meanwhile, and why it ended.

use std::time::Duration;

use tokio::sync::mpsc;
use wasmtime::{Engine, PoolConcurrencyLimitError, Store, Trap, component::ResourceTable};
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::{
    host_api::{LogPipe, Stream},
    limits::{Limits, Meter},
};

/// Something the guest said while it ran.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// How far it has come. `progress` only ever increases within a call; the numbers are finite.
    Progress { progress: f64, total: Option<f64>, message: Option<String> },
}

/// Where the guest's words go. Bounded; what does not fit is dropped.
pub type Voice = mpsc::Sender<Said>;

/// What a run brings along besides the call itself.
#[derive(Debug)]
pub struct Run<'a> {
    /// The bounds of this call.
    pub limits: &'a Limits,
    /// Who listens to progress; `None` if nobody does.
    pub voice: Option<Voice>,
}

/// Why the sandbox ended a call. The text is for the caller; it names the limit and never the host's insides.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the tool ran longer than its limit of {} ms and was stopped", timeout.as_millis())]
    TimedOut { timeout: Duration },
    #[error("the tool wanted more memory than its limit of {memory_bytes_max} bytes and was stopped")]
    OutOfMemory { memory_bytes_max: usize },
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

/// What a store carries for the host's side of one call.
pub(super) struct CallState {
    wasi: WasiCtx,
    table: ResourceTable,
    meter: Meter,
    pub(super) voice: Option<Voice>,
    /// The last progress reported.
    pub(super) progress: Option<f64>,
    pub(super) log: LogPipe,
}

impl CallState {
    /// A store with all limits armed and nothing granted.
    pub(super) fn store(engine: &Engine, plugin: &std::sync::Arc<str>, limits: &Limits, voice: Option<Voice>) -> Store<Self> {
        let log = LogPipe::new(plugin.clone(), limits.log_bytes_max);
        let wasi = WasiCtxBuilder::new()
            .stdout(Stream { name: "stdout", log: log.clone() })
            .stderr(Stream { name: "stderr", log: log.clone() })
            .build();
        let state =
            Self { wasi, table: ResourceTable::new(), meter: Meter::new(limits), voice, progress: None, log };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.meter);
        store.set_hostcall_fuel(limits.output_bytes_max);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        store
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Says why a guest ended without an answer.
pub(super) fn explain(error: &wasmtime::Error, state: &CallState, limits: &Limits) -> CallError {
    if error.is::<PoolConcurrencyLimitError>() {
        return CallError::Busy;
    }
    // A guest whose memory may not grow usually aborts: the refusal explains the trap.
    if state.meter.memory_refused() {
        return CallError::OutOfMemory { memory_bytes_max: limits.memory_bytes_max };
    }
    if error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow) {
        return CallError::StackOverflow;
    }
    let detail = format!("{error:#}").replace('\n', " ");
    // wasmtime keeps the type of this error to itself, so it is known by its words; a test with a flood of output holds
    // them in place.
    if detail.contains("fuel allocated for hostcalls") {
        return CallError::OutputTooLarge { output_bytes_max: limits.output_bytes_max };
    }
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        return CallError::Trapped { detail: format!("the guest called exit({code})") };
    }
    CallError::Trapped { detail }
}
