//! The Model Context Protocol, both eras over one neutral core.
//!
//! `era` decides which era a request belongs to. `modern` and `legacy` are siblings that never look at each other: each
//! reads its own envelope, asks the core (`call`, `listing`, `completion`, `interact`) and says the outcome in its own words.

mod arguments;
mod body;
mod call;
mod caller;
mod completion;
mod content;
mod counted;
mod described;
mod era;
mod face;
mod fault;
mod followed;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod interact;
mod legacy;
mod level;
mod listing;
mod message;
mod modern;
mod observed;
mod recorded;
mod returned;
mod runner;
mod sight;
pub mod stdio;
mod stream;
mod tasking;
mod visitor;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::{select, time};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use arguments::read_arguments;
pub use call::{Call, Completed, Reply, Wanted, run};
pub use caller::Caller;
pub use era::{Era, versions};
pub use fault::{Fault, Rejection};
pub use interact::{Question, QuestionKind};
pub use runner::Runner;
pub use stream::{Event, Events};
pub use visitor::Visitor;

use crate::{
    audit::Audit,
    auth::{self, Authenticator, Pass, Principal},
    catalog::Tenants,
    config::{Config, Taker},
    hosts::{Hosts, Word},
    observe::Observer,
    policy::Policy,
    sandbox::Lanes,
    seal::KeyRing,
    signals::{Signal, Signals},
    store::{Store, StoreError},
    tasks::Tasks,
    telemetry::{Trace, Tracer},
};
use counted::Asked;
use face::Face;
use legacy::Sessions;
use message::Message;
use tasking::{Guests, Tasking};

/// How often this host looks for answers to its questions, whatever it is told.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What answering takes besides the request.
pub struct Server {
    tenants: Arc<Tenants>,
    policy: Policy,
    core: Arc<Core>,
    signals: Signals,
    /// Calls that outlive their connection.
    background: TaskTracker,
    /// Cancelled when the host ends: streams of news then end gracefully.
    stopping: CancellationToken,
    tracer: Option<Tracer>,
    /// Who decides who is let in, where anybody does.
    door: OnceLock<Arc<ArcSwap<Authenticator>>>,
}

/// What a call takes along that may go on without its connection.
struct Core {
    runner: Runner,
    ring: KeyRing,
    sessions: Sessions,
    /// How it introduces itself; replaced whole when the configuration changes.
    face: ArcSwap<Face>,
    /// How long a client has to answer what a plugin asked.
    input_wait_max: Duration,
    tasking: Tasking,
}

/// What a server is built from.
pub struct Parts {
    pub tenants: Arc<Tenants>,
    pub signals: Signals,
    pub hosts: Arc<Hosts>,
    pub ring: KeyRing,
    pub store: Arc<dyn Store>,
    pub lanes: Arc<Lanes>,
    pub background: TaskTracker,
    pub stopping: CancellationToken,
    pub audit: Audit,
    /// Who looks on at all calls, if anybody does.
    pub observer: Option<Observer>,
    /// What traces requests, if anything is traced.
    pub tracer: Option<Tracer>,
    pub policy: Policy,
}

/// A request: how it came, and who sent it.
pub struct Request<'a> {
    pub via: Via<'a>,
    pub visitor: Visitor,
    pub trace: Trace,
}

impl Request<'_> {
    fn principal(&self) -> &Arc<Principal> {
        &self.visitor.principal
    }
}

/// How a request came.
pub enum Via<'a> {
    Http {
        headers: &'a HeaderMap,
        /// Whether the client can read an event stream.
        takes_events: bool,
    },
    Stdio(&'a stdio::Connection),
}

impl<'a> Via<'a> {
    fn headers(&self) -> Option<&'a HeaderMap> {
        match self {
            Self::Http { headers, .. } => Some(headers),
            Self::Stdio(_) => None,
        }
    }

    fn takes_events(&self) -> bool {
        match self {
            Self::Http { takes_events, .. } => *takes_events,
            Self::Stdio(_) => true,
        }
    }
}

/// What goes back.
pub enum Answer {
    /// A notification or a response was taken; there is nothing to say.
    Accepted,
    /// One JSON-RPC message (or, to a batch, an array of them).
    Message(Vec<u8>),
    /// A JSON-RPC message, and the session that begins with it.
    Initialized { message: Vec<u8>, session: String },
    /// Several messages, the last of which is the response.
    Events(Events),
}

/// A rejection with the era it happened in, on which its status depends.
pub struct Refusal {
    pub era: Option<Era>,
    pub rejection: Rejection,
}

impl Server {
    /// A server over a catalog.
    pub fn new(config: &Config, parts: Parts) -> Self {
        let Parts { tenants, signals, hosts, ring, store, lanes, background, stopping, .. } = parts;
        let Parts { audit, observer, tracer, policy, .. } = parts;
        let name = hosts.id().to_string();
        let tasking = Tasking::new(config, name, Arc::clone(&store), signals.clone(), &background, audit.clone());
        let core = Core {
            runner: Runner::new(&config.host_limits, signals.clone(), &lanes)
                .observed(observer)
                .traced(tracer.clone())
                .audited(audit),
            sessions: Sessions::new(hosts, store, ring.clone(), config.host_limits.session_ttl),
            ring,
            face: ArcSwap::from_pointee(Face::new(&config.identity)),
            input_wait_max: config.host_limits.input_wait_max,
            tasking,
        };
        let door = OnceLock::new();
        Self { tenants, policy, core: Arc::new(core), signals, background, stopping, tracer, door }
    }

    /// Takes up how it introduces itself.
    pub fn taker(&self) -> Taker {
        let core = self.core();
        Box::new(move |config| {
            let (core, face) = (Arc::clone(&core), Face::new(&config.identity));
            Ok(Box::new(move || core.face.store(Arc::new(face))))
        })
    }

    /// Fetches from the store what calls must not wait for.
    pub async fn recall(&self) -> Result<(), StoreError> {
        self.core.sessions.recall().await
    }

    /// Runs tasks until the host stops, and those that it runs then to their end, or to where another host goes on.
    pub fn run_tasks(&self) -> impl Future<Output = ()> + use<> {
        let guests = Guests::new(Arc::clone(&self.tenants), self.policy.clone(), self.core.runner.clone());
        Arc::clone(&self.core.tasking.tasks).work(Arc::new(guests), self.stopping.clone())
    }

    /// Does what other hosts' words ask for, in the order in which they come. Goes on for as long as the store does.
    pub async fn attend(&self) {
        let mut ear = self.core.sessions.hosts.listen();
        // What was said since this host was built.
        self.core.sessions.look_anew().await;
        let mut look = time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            select! {
                word = ear.next() => match word {
                    Some(Word::News(signal)) => self.signals.repeat(signal),
                    Some(Word::Missed) => {
                        self.core.sessions.look_anew().await;
                        self.signals.repeat(Signal::Missed);
                    }
                    Some(Word::Noted { session }) => {
                        self.core.sessions.hear(Word::Noted { session: session.clone() }).await;
                        self.signals.repeat(Signal::SessionNotes { session });
                    }
                    Some(word) => self.core.sessions.hear(word).await,
                    None => return,
                },
                _ = look.tick() => self.core.sessions.look_for_answers().await,
            }
        }
    }

    /// That caller at its tenant's, if there is such a tenant.
    pub fn visitor(&self, principal: Arc<Principal>) -> Option<Visitor> {
        let tenant = self.tenants.get(principal.tenant.as_str())?;
        let (policy, audit, pass) = (self.policy.clone(), self.audit().clone(), Pass::default());
        Some(Visitor { principal, tenant, policy, audit, address: None, pass })
    }

    /// Has streams of news end when `door` would not let their callers in again.
    pub fn guarded_by(&self, door: Arc<ArcSwap<Authenticator>>) {
        let _ = self.door.set(door);
    }

    /// Ends when the visitor would not be let in again. Where nobody is let in by anybody, as behind a pipe, that is never.
    fn leave_of(&self, visitor: &Visitor) -> BoxFuture<'static, ()> {
        match self.door.get() {
            Some(door) => auth::ended(Arc::clone(door), Arc::clone(&visitor.principal), visitor.pass.clone()),
            None => Box::pin(std::future::pending()),
        }
    }

    /// The tenants there are.
    pub fn tenants(&self) -> &Arc<Tenants> {
        &self.tenants
    }

    /// The tasks of all hosts that share the store.
    pub fn tasks(&self) -> &Arc<Tasks> {
        &self.core.tasking.tasks
    }

    /// Where calls are written down.
    pub fn audit(&self) -> &Audit {
        &self.core.runner.audit
    }

    /// What runs its calls, for those that come another way.
    pub fn runner(&self) -> &Runner {
        &self.core.runner
    }

    /// Answers one message, or a batch of them where the client's revision has batches.
    pub async fn answer(&self, request: Request<'_>, body: &[u8]) -> Result<Answer, Refusal> {
        if !self.audit().is_on() {
            return self.answer_unseen(request, body).await;
        }
        let visitor = request.visitor.clone();
        let answer = Box::pin(self.answer_unseen(request, body)).await;
        if let Err(refusal) = &answer {
            recorded::refused(&visitor, body, &refusal.rejection.fault);
        }
        answer
    }

    async fn answer_unseen(&self, mut request: Request<'_>, body: &[u8]) -> Result<Answer, Refusal> {
        let unread = |rejection| {
            counted::unread();
            Refusal { era: None, rejection }
        };
        let text = message::utf8(body).map_err(|fault| unread(fault.into()))?;
        if message::is_batch(text) && era::takes_batches(request.via.headers()) {
            return legacy::answer_batch(self, request, text).await;
        }
        let message = Message::parse(text).map_err(unread)?;
        let era = match &request.via {
            Via::Http { headers, .. } => Era::of(headers, &message),
            Via::Stdio(connection) => Era::of_pipe(&message, connection.session().is_some()),
        };
        let era = match era {
            Ok(era) => era,
            Err(fault) => return Err(unread(Rejection { id: message.into_id(), fault })),
        };
        let asked = Asked::new(self.tracer.as_ref(), &mut request, era, &message);
        let answer = match era {
            Era::Modern => modern::answer(self, request, message).await,
            Era::Legacy(version) => legacy::answer(self, version, request, message).await,
        };
        asked.answered(answer.as_ref());
        answer.map_err(|rejection| Refusal { era: Some(era), rejection })
    }

    /// What traces requests, if anything does.
    pub fn tracer(&self) -> Option<&Tracer> {
        self.tracer.as_ref()
    }

    /// Opens the stream that a legacy client asks for by GET: news, or what it missed after `last_event_id`.
    pub async fn open_stream(&self, request: Request<'_>, last_event_id: Option<&str>) -> Result<Events, Refusal> {
        legacy::open_stream(self, &request, last_event_id).await.map_err(outside)
    }

    /// Ends the session of a legacy client.
    pub async fn end_session(&self, request: Request<'_>) -> Result<(), Refusal> {
        legacy::end(self, &request).await.map_err(outside)
    }

    /// The news of a session, if its tenant may have one more stream of them.
    fn news(&self, visitor: Visitor, session: legacy::Session) -> Option<Events> {
        legacy::standing_stream(self, visitor, session).ok()
    }

    fn core(&self) -> Arc<Core> {
        Arc::clone(&self.core)
    }
}

/// The header of a legacy session's id.
pub const SESSION_HEADER: &str = legacy::SESSION_HEADER;

fn outside(fault: Fault) -> Refusal {
    Refusal { era: Some(Era::Legacy(era::LegacyVersion::LATEST)), rejection: fault.into() }
}

impl Message<'_> {
    fn into_id(self) -> Option<message::Id> {
        match self.kind {
            message::Kind::Request { id, .. } => Some(id),
            message::Kind::Notification { .. } | message::Kind::Response { .. } => None,
        }
    }
}

/// A result as JSON, for those who show it without a protocol around it: a `CallToolResult` of 2026-07-28.
pub fn to_tool_result(completed: &Completed) -> Vec<u8> {
    modern::plain_tool_result(completed)
}

/// A JSON-RPC response.
fn response(id: &RawValue, result: &impl Serialize) -> Vec<u8> {
    #[derive(Serialize)]
    struct Response<'a, T> {
        jsonrpc: &'static str,
        id: &'a RawValue,
        result: &'a T,
    }
    to_json(&Response { jsonrpc: "2.0", id, result })
}

/// A JSON-RPC notification.
fn notification(method: &str, params: &impl Serialize) -> Vec<u8> {
    #[derive(Serialize)]
    struct Notification<'a, T> {
        jsonrpc: &'static str,
        method: &'a str,
        params: &'a T,
    }
    to_json(&Notification { jsonrpc: "2.0", method, params })
}

/// Writing our own types to memory cannot fail: they have string keys and no errors of their own.
fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("our own messages are JSON")
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("our own messages are JSON")
}
