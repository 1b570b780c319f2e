//! What running a guest takes of the host: a place among the calls that run, a lane, and the context that the guest is told.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures_util::future::BoxFuture;

use super::{caller::Caller, fault::Fault};
use crate::{
    audit::Audit,
    auth::Principal,
    catalog::{Full, Program, Slot, Slots},
    clock::millis,
    config::HostLimits,
    denials::{self, By, Denial},
    metrics::OfPlugin,
    observe::Observer,
    sandbox::{InLane, Lanes, Run, Score, Voice, contract::CallContext},
    signals::Signals,
    telemetry::{self, SpanKind, Tracer},
};

/// Runs guests. Cheap to clone.
#[derive(Clone)]
pub struct Runner {
    slots: Arc<Slots>,
    queue_wait_max: Duration,
    pub(super) signals: Signals,
    lanes: Arc<Lanes>,
    /// Who looks on at all calls, if anybody does.
    pub(super) observer: Option<Observer>,
    pub(super) audit: Audit,
    /// What traces calls that no request waits for, if anything is traced.
    pub(super) tracer: Option<Tracer>,
}

impl Runner {
    /// A runner of at most `calls_max` calls at once, in `lanes`, whose guests tell `signals` what they changed.
    pub fn new(limits: &HostLimits, signals: Signals, lanes: &Arc<Lanes>) -> Self {
        let slots = Arc::new(Slots::new(limits.calls_max, limits.queue_max));
        let (observer, tracer, audit) = (None, None, Audit::off());
        let lanes = Arc::clone(lanes);
        Self { slots, queue_wait_max: limits.queue_wait_max, signals, lanes, observer, audit, tracer }
    }

    /// The same, with somebody who looks on.
    pub fn observed(self, observer: Option<Observer>) -> Self {
        Self { observer, ..self }
    }

    /// The same, whose calls are written down.
    pub fn audited(self, audit: Audit) -> Self {
        Self { audit, ..self }
    }

    /// The same, traced.
    pub fn traced(self, tracer: Option<Tracer>) -> Self {
        Self { tracer, ..self }
    }

    /// Does `work`, whose calls have this score, in the lane where it belongs.
    pub(super) fn in_lane<T: Send + 'static>(&self, score: Arc<Score>, work: BoxFuture<'static, T>) -> InLane<T> {
        self.lanes.run(score, work)
    }

    /// A place among the calls of the tenant, of `program`, and then among all. The queues for them are bounded, so that a flood is refused
    /// and not hoarded.
    pub(super) async fn slot(&self, program: &Program) -> Result<(Option<Slot>, Slot, Slot), Fault> {
        let counts = &program.counts;
        let entry = program.share.enter(counts, self.queue_wait_max).await.map_err(|exceeded| {
            let what = format!("the tenant's share is used up: {}", exceeded.quota());
            let (tenant, on) = (Some(&program.tenant), Some(program.id.as_str()));
            denials::note(&Denial { by: By::Limit, tenant, subject: None, on, what: &what });
            Fault::Exceeded(exceeded)
        })?;
        let own = self.place(&program.slots, counts).await.map_err(|_| {
            counts.limit_reached("plugin_calls_max");
            Fault::PluginBusy
        })?;
        let hosts = self.place(&self.slots, counts).await.map_err(|_| {
            counts.limit_reached("calls_max");
            Fault::Busy
        })?;
        Ok((entry.begun(), own, hosts))
    }

    /// A place, and how long it had to be waited for, if at all.
    async fn place(&self, slots: &Slots, counts: &OfPlugin) -> Result<Slot, Full> {
        if let Some(slot) = slots.take_free() {
            return Ok(slot);
        }
        let (_span, start) = (telemetry::begin("queue", SpanKind::Internal), Instant::now());
        let slot = slots.take(self.queue_wait_max).await;
        counts.waited(start.elapsed());
        slot
    }
}

/// A run of `program` for what is no call of a tool: its own bounds, and nobody who hears it in the middle of it.
pub(super) fn plain_run(program: &Program) -> Run<'_> {
    Run {
        limits: &program.limits,
        score: &program.score,
        voice: None,
        signals: None,
        prefixes: &program.prefixes,
        longer: None,
    }
}

/// What a guest is told of the call it serves.
pub(super) fn context<'a>(
    caller: &'a Caller,
    principal: &'a Principal,
    scopes: &'a [&'a str],
    timeout: Duration,
    idempotency_key: &'a str,
    voice: Option<&Voice>,
) -> CallContext<'a> {
    let deadline = SystemTime::now() + timeout;
    CallContext {
        tenant: principal.tenant.as_str(),
        subject: &principal.subject,
        scopes,
        client: caller.client(),
        deadline_ms: deadline.duration_since(UNIX_EPOCH).map_or(0, millis),
        attempt: 1,
        idempotency_key,
        wants_progress: voice.is_some_and(|voice| voice.progress),
        trace: caller.trace(None),
        meta: caller.meta.as_ref(),
    }
}
