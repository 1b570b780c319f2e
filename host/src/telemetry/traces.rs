//! Spans: what a request did, and when.
//!
//! Where nothing is traced, each place that would begin a span pays one relaxed load. Where a request is not sampled, it pays
//! for reading what its caller says of that, and nothing below knows of it. A request that is sampled is known to the code
//! that runs for it by a task-local, as observers are.

use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Instant, SystemTime},
};

use http::HeaderMap;
use opentelemetry::{
    InstrumentationScope, Value,
    trace::{Link, SpanContext, SpanId, Status, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SpanData, SpanLinks};
use tokio::{sync::mpsc, task_local};

use super::context;
use crate::{config::Taker, metrics};

pub use opentelemetry::{KeyValue, trace::SpanKind};

/// Whether anything is traced in this process.
static ON: AtomicBool = AtomicBool::new(false);

task_local! {
    /// The request that runs, where it is sampled.
    static CURRENT: Arc<Open>;
}

/// Decides which requests are traced, and where their spans go. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tracer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    sender: mpsc::Sender<SpanData>,
    /// A trace that nobody decided about is sampled if its id is below: of 2^63, the part that is to be.
    ids_below: AtomicU64,
    propagates: AtomicBool,
    scope: InstrumentationScope,
}

/// What is known of a request's trace.
#[derive(Debug, Clone, Default)]
pub enum Trace {
    /// There is none.
    #[default]
    Off,
    /// Its message is not read yet, which may name the trace it belongs to.
    Arrived(Box<Arrival>),
    /// It is sampled.
    Open(Arc<Open>),
}

/// What is known of a request before its message is read.
#[derive(Debug, Clone)]
pub struct Arrival {
    clock: Clock,
    /// What its headers say.
    remote: Option<SpanContext>,
    auth: Option<Auth>,
}

#[derive(Debug, Clone)]
struct Auth {
    ended: SystemTime,
    result: &'static str,
    is_refused: bool,
}

/// What a request turned out to be.
#[derive(Debug)]
pub struct Begun<'a> {
    /// Of a set that is known beforehand.
    pub name: &'static str,
    /// `traceparent` and `tracestate` of its message.
    pub context: Option<(&'a str, Option<&'a str>)>,
    pub attributes: Vec<KeyValue>,
}

/// A request that is sampled. Its span ends when it is told to, or with the last who holds it.
#[derive(Debug)]
pub struct Open {
    tracer: Tracer,
    trace: TraceId,
    id: SpanId,
    state: TraceState,
    clock: Clock,
    /// The span to which those belong that begin now.
    parent: AtomicU64,
    /// `None` once it has ended.
    span: Mutex<Option<SpanData>>,
}

/// A span of a request that is sampled, or nothing. Ends when it is dropped.
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct Span(Option<Box<Running>>);

#[derive(Debug)]
struct Running {
    open: Arc<Open>,
    clock: Clock,
    id: SpanId,
    parent: SpanId,
    name: Cow<'static, str>,
    kind: SpanKind,
    attributes: Vec<KeyValue>,
    status: Status,
    /// Whether spans that begin meanwhile are its children.
    has_children: bool,
}

/// When something began. Its end is measured by a clock that nobody sets.
#[derive(Debug, Clone, Copy)]
struct Clock {
    wall: SystemTime,
    steady: Instant,
}

impl Tracer {
    /// Sends spans to `sender`. From here on, places that would begin a span look whether they should.
    pub(super) fn new(sender: mpsc::Sender<SpanData>, sample_ratio: f64, propagates: bool) -> Self {
        let scope = InstrumentationScope::builder("toolyard").with_version(env!("CARGO_PKG_VERSION")).build();
        ON.store(true, Ordering::Relaxed);
        let (ids_below, propagates) = (AtomicU64::new(threshold(sample_ratio)), AtomicBool::new(propagates));
        Self(Arc::new(Shared { sender, ids_below, propagates, scope }))
    }

    /// Takes up how many requests are traced, and whether plugins' requests say so. Where spans go holds from the next start on.
    pub fn taker(&self) -> Taker {
        let tracer = self.clone();
        Box::new(move |config| {
            let (tracer, settings) = (tracer.clone(), config.telemetry.clone());
            Ok(Box::new(move || {
                if let Some(settings) = settings {
                    tracer.0.ids_below.store(threshold(settings.sample_ratio), Ordering::Relaxed);
                    tracer.0.propagates.store(settings.propagates, Ordering::Relaxed);
                }
            }))
        })
    }

    /// A span of its own that belongs to what `context` says, for what no request waits for.
    pub fn open(&self, name: &'static str, context: Option<(&str, Option<&str>)>) -> Trace {
        let mut trace = Trace::Arrived(Box::new(Arrival { clock: Clock::now(), remote: None, auth: None }));
        trace.open_as(Some(self), SpanKind::Consumer, || Begun { name, context, attributes: Vec::new() });
        trace
    }

    /// Which trace a request belongs to: what its message says, then what its headers say, which a proxy may have set.
    fn sampled(&self, message: Option<SpanContext>, headers: Option<SpanContext>) -> Option<Belongs> {
        let (parent, link) = match (message, headers) {
            (Some(message), Some(headers)) if message.span_id() != headers.span_id() => (Some(message), Some(headers)),
            (message, headers) => (message.or(headers), None),
        };
        match parent {
            Some(parent) if !parent.is_sampled() => None,
            Some(parent) => Some(Belongs {
                trace: parent.trace_id(),
                parent: parent.span_id(),
                state: parent.trace_state().clone(),
                link,
            }),
            None => {
                let trace = RandomIdGenerator::default().new_trace_id();
                let is_sampled = low_half(trace) >> 1 < self.0.ids_below.load(Ordering::Relaxed);
                is_sampled.then_some(Belongs { trace, parent: SpanId::INVALID, state: TraceState::NONE, link: None })
            }
        }
    }

    fn send(&self, span: SpanData) {
        if self.0.sender.try_send(span).is_err() {
            metrics::spans("dropped", 1);
        }
    }
}

/// Where in which trace a request belongs.
struct Belongs {
    trace: TraceId,
    parent: SpanId,
    state: TraceState,
    link: Option<SpanContext>,
}

impl Trace {
    /// Of a request whose headers have arrived.
    pub fn arrived(headers: Option<&HeaderMap>) -> Self {
        if !ON.load(Ordering::Relaxed) {
            return Self::Off;
        }
        let text = |name: &str| headers.and_then(|headers| headers.get(name)?.to_str().ok());
        let remote = text("traceparent").and_then(|parent| context::parse(parent, text("tracestate")));
        Self::Arrived(Box::new(Arrival { clock: Clock::now(), remote, auth: None }))
    }

    /// Who sent the request was asked from its arrival until now: `result` is of a set that is known beforehand.
    pub fn authenticated(&mut self, result: &'static str, is_refused: bool) {
        if let Self::Arrived(arrival) = self {
            arrival.auth = Some(Auth { ended: arrival.clock.now_then(), result, is_refused });
        }
    }

    /// Nobody will read its message, since who sent it was refused.
    pub fn refused(&mut self, tracer: Option<&Tracer>) {
        self.open(tracer, || Begun { name: "refused", context: None, attributes: Vec::new() });
        if let Self::Open(open) = self {
            open.failed("unauthorized", None);
        }
    }

    /// The message is read: from here on the request is sampled, or there is nothing to trace.
    pub fn open<'a>(&mut self, tracer: Option<&Tracer>, begun: impl FnOnce() -> Begun<'a>) {
        self.open_as(tracer, SpanKind::Server, begun);
    }

    fn open_as<'a>(&mut self, tracer: Option<&Tracer>, kind: SpanKind, begun: impl FnOnce() -> Begun<'a>) {
        let Self::Arrived(arrival) = self else { return };
        let Some(tracer) = tracer else {
            *self = Self::Off;
            return;
        };
        let begun = begun();
        let message = begun.context.and_then(|(parent, state)| context::parse(parent, state));
        *self = match tracer.sampled(message, arrival.remote.take()) {
            Some(belongs) => Self::Open(Open::new(tracer, arrival, belongs, kind, begun)),
            None => Self::Off,
        };
    }

    /// The request, if it is sampled.
    pub fn sampled(&self) -> Option<&Arc<Open>> {
        if let Self::Open(open) = self { Some(open) } else { None }
    }
}

impl Open {
    fn new(tracer: &Tracer, arrival: &Arrival, belongs: Belongs, kind: SpanKind, begun: Begun<'_>) -> Arc<Self> {
        let Belongs { trace, parent, state, link } = belongs;
        let id = RandomIdGenerator::default().new_span_id();
        let mut links = SpanLinks::default();
        links.links.extend(link.map(|link| Link::new(link, Vec::new(), 0)));
        let clock = arrival.clock;
        let span = SpanData {
            span_context: SpanContext::new(trace, id, TraceFlags::SAMPLED, false, state.clone()),
            parent_span_id: parent,
            parent_span_is_remote: parent != SpanId::INVALID,
            span_kind: kind,
            name: begun.name.into(),
            start_time: clock.wall,
            end_time: clock.wall,
            attributes: begun.attributes,
            dropped_attributes_count: 0,
            events: Default::default(),
            links,
            status: Status::Unset,
            instrumentation_scope: tracer.0.scope.clone(),
        };
        let (parent, span) = (AtomicU64::new(number(id)), Mutex::new(Some(span)));
        let open = Arc::new(Self { tracer: tracer.clone(), trace, id, state, clock, parent, span });
        if let Some(auth) = &arrival.auth {
            open.authenticated(clock, auth);
        }
        open
    }

    fn authenticated(&self, clock: Clock, auth: &Auth) {
        let id = RandomIdGenerator::default().new_span_id();
        let status = if auth.is_refused { Status::error(auth.result) } else { Status::Unset };
        let attributes = vec![KeyValue::new("toolyard.auth.result", auth.result)];
        let name = Cow::Borrowed("auth");
        self.send(id, self.id, name, SpanKind::Internal, (clock.wall, auth.ended), attributes, status);
    }

    /// What is known of it only now: its name's second word, and more attributes.
    pub fn is_about(&self, target: &str, attributes: impl IntoIterator<Item = KeyValue>) {
        if let Some(span) = &mut *self.span() {
            if !span.name.contains(' ') {
                span.name = format!("{} {target}", span.name).into();
            }
            span.attributes.extend(attributes);
        }
    }

    /// It did not come to a good end. `error` is of a set that is known beforehand; the first one said holds.
    pub fn failed(&self, error: &'static str, code: Option<i64>) {
        if let Some(span) = &mut *self.span()
            && span.status == Status::Unset
        {
            span.status = Status::error(error);
            span.attributes.push(KeyValue::new("error.type", error));
            // As text: the conventions of RPC have codes of all protocols in one attribute.
            span.attributes.extend(code.map(|code| KeyValue::new("rpc.response.status_code", code.to_string())));
        }
    }

    /// It has been answered.
    pub fn ended(&self) {
        let span = self.span().take();
        if let Some(mut span) = span {
            span.end_time = self.clock.now_then();
            self.tracer.send(span);
        }
    }

    /// As a guest, or whoever goes on with it later, is told: `traceparent` and `tracestate`.
    pub fn context(&self) -> (String, Option<String>) {
        let span = SpanId::from(self.parent.load(Ordering::Relaxed));
        let state = self.state.header();
        (context::to_header(self.trace, span, true), (!state.is_empty()).then_some(state))
    }

    /// Begins a span in it.
    pub fn begin(self: &Arc<Self>, name: impl Into<Cow<'static, str>>, kind: SpanKind) -> Span {
        Span(Some(Box::new(Running {
            open: Arc::clone(self),
            clock: Clock::now(),
            id: RandomIdGenerator::default().new_span_id(),
            parent: SpanId::from(self.parent.load(Ordering::Relaxed)),
            name: name.into(),
            kind,
            attributes: Vec::new(),
            status: Status::Unset,
            has_children: false,
        })))
    }

    fn span(&self) -> std::sync::MutexGuard<'_, Option<SpanData>> {
        self.span.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::too_many_arguments, reason = "they are the span's, and none can be left out")]
    fn send(
        &self,
        id: SpanId,
        parent: SpanId,
        name: Cow<'static, str>,
        kind: SpanKind,
        (start_time, end_time): (SystemTime, SystemTime),
        attributes: Vec<KeyValue>,
        status: Status,
    ) {
        self.tracer.send(SpanData {
            span_context: SpanContext::new(self.trace, id, TraceFlags::SAMPLED, false, self.state.clone()),
            parent_span_id: parent,
            parent_span_is_remote: false,
            span_kind: kind,
            name,
            start_time,
            end_time,
            attributes,
            dropped_attributes_count: 0,
            events: Default::default(),
            links: Default::default(),
            status,
            instrumentation_scope: self.tracer.0.scope.clone(),
        });
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.ended();
    }
}

/// Begins a span in the request that runs here, if it is sampled.
pub fn begin(name: &'static str, kind: SpanKind) -> Span {
    if !ON.load(Ordering::Relaxed) {
        return Span(None);
    }
    CURRENT.try_with(|open| open.begin(name, kind)).unwrap_or(Span(None))
}

/// Runs `work`, in which [`begin`] begins spans of `open`.
pub async fn within<T>(open: Arc<Open>, work: impl Future<Output = T>) -> T {
    CURRENT.scope(open, work).await
}

/// The same for work that does not wait.
pub fn here<T>(trace: &Trace, work: impl FnOnce() -> T) -> T {
    match trace {
        Trace::Open(open) => CURRENT.sync_scope(Arc::clone(open), work),
        Trace::Off | Trace::Arrived(_) => work(),
    }
}

impl Span {
    /// None.
    pub fn none() -> Self {
        Self(None)
    }

    /// The same, and spans that begin meanwhile are its children. For spans that do not overlap.
    pub fn with_children(mut self) -> Self {
        if let Some(running) = &mut self.0 {
            running.open.parent.store(number(running.id), Ordering::Relaxed);
            running.has_children = true;
        }
        self
    }

    /// Says something of it: never the caller's or the guest's own words.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(running) = &mut self.0 {
            running.attributes.push(KeyValue::new(key, value));
        }
    }

    /// Whether somebody will see it: what is said of it is else better not made.
    pub fn is_seen(&self) -> bool {
        self.0.is_some()
    }

    /// It did not come to a good end. `error` is of a set that is known beforehand.
    pub fn failed(&mut self, error: impl Into<Cow<'static, str>>) {
        if let Some(running) = &mut self.0 {
            let error = error.into();
            running.attributes.push(KeyValue::new("error.type", error.clone()));
            running.status = Status::error(error);
        }
    }

    /// What a server is told that is asked within it, if it is to be told: `traceparent` and `tracestate`.
    pub fn to_propagate(&self) -> Option<(String, Option<String>)> {
        let Running { open, id, .. } = &**self.0.as_ref()?;
        if !open.tracer.0.propagates.load(Ordering::Relaxed) {
            return None;
        }
        let state = open.state.header();
        Some((context::to_header(open.trace, *id, true), (!state.is_empty()).then_some(state)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.has_children {
            self.open.parent.store(number(self.parent), Ordering::Relaxed);
        }
        let (name, attributes) = (std::mem::take(&mut self.name), std::mem::take(&mut self.attributes));
        let (times, status) = ((self.clock.wall, self.clock.now_then()), self.status.clone());
        self.open.send(self.id, self.parent, name, self.kind.clone(), times, attributes, status);
    }
}

impl Clock {
    fn now() -> Self {
        Self { wall: SystemTime::now(), steady: Instant::now() }
    }

    /// The time that it is now, by the clock that was looked at in the beginning.
    fn now_then(&self) -> SystemTime {
        self.wall + self.steady.elapsed()
    }
}

/// The part of 2^63 ids that `ratio` is.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 2^63, and saturates")]
fn threshold(ratio: f64) -> u64 {
    (ratio * (1_u64 << 63) as f64) as u64
}

fn low_half(trace: TraceId) -> u64 {
    let bytes = trace.to_bytes();
    bytes[8..].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn number(span: SpanId) -> u64 {
    u64::from_be_bytes(span.to_bytes())
}

#[cfg(test)]
mod tests;
