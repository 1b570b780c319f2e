//! A call as the audit trail has it.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use super::{
    call::{Call, Reply, Span, Wanted},
    caller::Caller,
    fault::Fault,
    message::Message,
    observed,
    runner::Runner,
    visitor::Visitor,
};
use crate::{
    audit::{
        Audit,
        record::{self, Outcome, Refused},
    },
    auth::Principal,
    catalog::Program,
    observe::{Collector, Effects},
};

/// What the trail keeps of a name or URI that a caller chose.
pub(super) const NAME_CHARS_MAX: usize = 200;

/// A `traceparent` is as long as this (W3C Trace Context, 3.2.2).
const TRACEPARENT_CHARS: usize = 55;

/// What is known of a call before it runs.
pub(super) struct About<'a> {
    pub(super) principal: &'a Principal,
    pub(super) program: &'a Program,
    pub(super) caller: &'a Caller,
    pub(super) method: &'static str,
    pub(super) name: &'a str,
    /// The call itself, where there is one: what it is called with, and how often it was tried.
    pub(super) call: Option<&'a Call>,
}

/// Runs a call and writes it down. What cannot be written down is not answered.
pub(super) async fn run(runner: &Runner, call: &Call) -> Result<Reply, Fault> {
    let seen = Box::pin(observed::run(runner, call));
    recorded(&runner.audit, About::call(call), seen, outcome).await
}

/// Does `work`, which runs a guest, and writes it down.
pub(super) async fn recorded<T>(
    audit: &Audit,
    about: About<'_>,
    work: impl Future<Output = Result<T, Fault>>,
    outcome: impl FnOnce(&T) -> Outcome,
) -> Result<T, Fault> {
    if !audit.is_on() {
        return work.await;
    }
    audit.ready().map_err(|_| Fault::NotRecorded)?;
    let mut running = Running { audit, about, collector: Collector::default(), start: Instant::now(), ended: false };
    let done = running.collector.during(work).await;
    running.ended = true;
    let (outcome, fault) = match &done {
        Ok(done) => (outcome(done), None),
        Err(fault) => (Outcome::Fault, Some(fault)),
    };
    let effects = running.collector.effects();
    let written = running.about.write(audit, outcome, fault, running.start.elapsed(), &effects).await;
    if written { done } else { Err(Fault::NotRecorded) }
}

/// Writes down that a call is a task from now on, whose runs have records of their own.
pub(super) async fn begun_as_task(audit: &Audit, call: &Call) -> Result<(), Fault> {
    if !audit.is_on() {
        return Ok(());
    }
    let written = About::call(call).write(audit, Outcome::Task, None, Duration::ZERO, &Effects::default()).await;
    if written { Ok(()) } else { Err(Fault::NotRecorded) }
}

/// Writes down that a request was refused before anything ran. What is refused while it runs is in its own record, and what
/// policies deny is written down where they are asked.
pub(super) fn refused(visitor: &Visitor, body: &[u8], fault: &Fault) {
    let Fault::TooManyTasks(_) = fault else { return };
    // It was read before; what it said is gone.
    let message = std::str::from_utf8(body).ok().and_then(|text| Message::parse(text).ok());
    let method = message.as_ref().and_then(Message::method).map(cut);
    let params = message.as_ref().map(|message| &message.params);
    let name = params.and_then(|params| params.name.as_deref().or(params.uri.as_deref())).map(cut);
    visitor.refuse(&Refused {
        reason: word(fault),
        status: Some(429),
        method: method.as_deref(),
        name: name.as_deref(),
        ..visitor.introduced()
    });
}

/// A call that runs. One that is dropped is written down, too; nobody waits for that.
struct Running<'a> {
    audit: &'a Audit,
    about: About<'a>,
    collector: Collector,
    start: Instant,
    ended: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let effects = self.collector.effects();
            let (arguments, name) = self.about.shown(self.audit);
            let took = self.start.elapsed();
            let shown = (arguments.as_ref(), name.as_str());
            self.audit.note(&self.about.record(shown, Outcome::Dropped, None, took, &effects));
        }
    }
}

impl<'a> About<'a> {
    fn call(call: &'a Call) -> Self {
        let (method, name, program): (_, _, &Program) = match &call.wanted {
            Wanted::Tool { permit, .. } => ("tools/call", permit.what().name().as_str(), permit.what().program()),
            Wanted::Prompt { permit, .. } => ("prompts/get", permit.what().name().as_str(), permit.what().program()),
            Wanted::Resource { permit, uri } => ("resources/read", uri, permit.what()),
        };
        Self { principal: call.wanted.principal(), program, caller: &call.caller, method, name, call: Some(call) }
    }

    /// Whether it could be written down, if it had to be.
    async fn write(
        &self,
        audit: &Audit,
        outcome: Outcome,
        fault: Option<&Fault>,
        took: Duration,
        effects: &Effects,
    ) -> bool {
        let (arguments, name) = self.shown(audit);
        let record = self.record((arguments.as_ref(), &name), outcome, fault, took, effects);
        audit.write(&record).await.is_ok()
    }

    /// Its arguments and name, as the trail may have them.
    fn shown(&self, audit: &Audit) -> (Option<record::Arguments>, String) {
        let arguments = match self.call.map(|call| &call.wanted) {
            Some(Wanted::Tool { value, .. }) => audit.arguments(value),
            Some(wanted @ Wanted::Prompt { .. }) => audit.arguments(&wanted.identity().1),
            Some(Wanted::Resource { .. }) | None => None,
        };
        (arguments, cut(self.name))
    }

    fn record<'b>(
        &'b self,
        (arguments, name): (Option<&'b record::Arguments>, &'b str),
        outcome: Outcome,
        fault: Option<&Fault>,
        took: Duration,
        effects: &'b Effects,
    ) -> record::Call<'b> {
        let (principal, program) = (self.principal, self.program);
        let trace =
            self.caller.trace(None).map(|trace| trace.traceparent.to_owned()).filter(|trace| is_traceparent(trace));
        let own = || self.call.and_then(|call| call.trace.as_ref()).map(|open| open.context().0);
        record::Call {
            tenant: principal.tenant.as_str(),
            subject: &principal.subject,
            client: principal.client.as_deref(),
            by: (&principal.by).into(),
            program: self.caller.name.as_deref(),
            method: self.method,
            name,
            plugin: program.id.as_str(),
            digest: program.component.digest().to_string(),
            decision: "allowed",
            rule: self.call.and_then(|call| call.wanted.rule()),
            arguments,
            outcome,
            fault: fault.map(|fault| fault.code(None)),
            reason: fault.map(word),
            duration_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            trace: trace.or_else(own),
            era: self.caller.era,
            task: self.call.is_some_and(is_task),
            attempt: self.call.map_or(1, |call| call.attempt),
            effects,
        }
    }
}

fn is_task(call: &Call) -> bool {
    match &call.span {
        Span::Call => false,
        Span::Task => true,
        Span::Becoming(longer) => longer.is_granted(),
    }
}

fn outcome(reply: &Reply) -> Outcome {
    match reply {
        Reply::NeedInput(_) => Outcome::Asked,
        Reply::Tool(completed) if completed.result.is_error => Outcome::ToolError,
        Reply::Tool(_) | Reply::Prompt(_) | Reply::Resource(_) => Outcome::Answered,
    }
}

/// A fault in a word. Its sentence may repeat what the caller or the guest said.
fn word(fault: &Fault) -> &'static str {
    match fault {
        Fault::Parse(_) | Fault::InvalidRequest(_) | Fault::WrongWay(_) | Fault::HeaderMismatch(_) => "bad_request",
        Fault::MethodNotFound(_) => "no_such_method",
        Fault::InvalidParams(_) => "bad_params",
        Fault::UnsupportedVersion { .. } => "unsupported_version",
        Fault::MissingCapability { .. } => "missing_capability",
        Fault::NotFound { .. } => "not_found",
        Fault::NoSession => "no_session",
        Fault::Busy => "calls_max",
        Fault::PluginBusy => "plugin_calls_max",
        Fault::Denied { .. } => "denied",
        Fault::Exceeded(_) => "quota",
        Fault::TooManyTasks(_) => "tasks_max",
        Fault::StoreAway => "store_away",
        Fault::NotRecorded => "not_recorded",
        Fault::Internal(_) => "internal",
    }
}

fn is_traceparent(text: &str) -> bool {
    text.len() == TRACEPARENT_CHARS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

fn cut(text: impl AsRef<str>) -> String {
    text.as_ref().chars().take(NAME_CHARS_MAX).collect()
}
