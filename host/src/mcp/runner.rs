//! What running a guest takes of the host: a place among the calls that run, a lane, and the context that the guest is told.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::future::BoxFuture;

use super::{caller::Caller, fault::Fault};
use crate::{
    auth::Principal,
    catalog::{Program, Slot, Slots},
    config::HostLimits,
    denials::{self, By, Denial},
    metrics,
    observe::Observer,
    sandbox::{InLane, Lanes, Run, Score, Voice, contract::CallContext},
    seal::millis,
    signals::Signals,
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
}

impl Runner {
    /// A runner of at most `calls_max` calls at once, in `lanes`, whose guests tell `signals` what they changed.
    pub fn new(limits: &HostLimits, signals: Signals, lanes: &Arc<Lanes>) -> Self {
        let slots = Arc::new(Slots::new(limits.calls_max, limits.queue_max));
        Self { slots, queue_wait_max: limits.queue_wait_max, signals, lanes: Arc::clone(lanes), observer: None }
    }

    /// The same, with somebody who looks on.
    pub fn observed(self, observer: Option<Observer>) -> Self {
        Self { observer, ..self }
    }

    /// Does `work`, whose calls have this score, in the lane where it belongs.
    pub(super) fn in_lane<T: Send + 'static>(&self, score: &Score, work: BoxFuture<'static, T>) -> InLane<T> {
        self.lanes.run(work, score.is_slow())
    }

    /// A place among the calls of the tenant, of `program`, and then among all. The queues for them are bounded, so that a flood is refused
    /// and not hoarded.
    pub(super) async fn slot(&self, program: &Program) -> Result<(Option<Slot>, Slot, Slot), Fault> {
        let share = program.share.enter(program.id.as_str(), self.queue_wait_max).await.map_err(|exceeded| {
            let what = format!("the tenant's share is used up: {}", exceeded.quota());
            let (tenant, on) = (Some(&program.tenant), Some(program.id.as_str()));
            denials::note(&Denial { by: By::Limit, tenant, subject: None, on, what: &what });
            Fault::Exceeded(exceeded)
        })?;
        let own = program.slots.take(self.queue_wait_max).await.map_err(|_| {
            metrics::limit_reached(program.id.as_str(), "plugin_calls_max");
            Fault::PluginBusy
        })?;
        let hosts = self.slots.take(self.queue_wait_max).await.map_err(|_| {
            metrics::limit_reached(program.id.as_str(), "calls_max");
            Fault::Busy
        })?;
        Ok((share, own, hosts))
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
        trace: caller.trace(),
        meta: caller.meta.as_ref(),
    }
}
