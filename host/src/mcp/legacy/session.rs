//! Sessions that no host has to remember.
//!
//! A session's id holds all that `initialize` settled, sealed: any host with the key ring can serve any request. What a
//! client asks for later (a log level, subscriptions, an end) is noted in the store (`notes`): a session without notes, as most
//! are, has no entry anywhere. What one host has to do for a session because of what another heard is in `elsewhere`.

use std::{
    fmt, io,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use papaya::HashMap;
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::notes::{Notebook, Notes};
use crate::{
    auth::Principal,
    hosts::{Hosts, Word},
    mcp::{
        caller::{Caller, bits, flags},
        era::LegacyVersion,
        fault::Fault,
        level,
        message::Params,
    },
    sandbox::contract::{ClientCapabilities, Level},
    seal::{Binding, KeyRing, random},
    store::{Store, StoreError},
};

/// The header of a session's id.
pub(crate) const SESSION_HEADER: &str = "mcp-session-id";

/// A session's answers and cancellations wait in the store for the host that they are for, which looks when it is told.
const LEFT_TTL: Duration = Duration::from_secs(60);

/// The longest id of a request that another host is told of.
const REQUEST_CHARS_MAX: usize = 200;

/// A session's number: nothing but unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Uid([u8; 16]);

impl Uid {
    pub(super) fn new() -> io::Result<Self> {
        random().map(Self)
    }

    pub(super) fn parse(hex: &str) -> Option<Self> {
        let number = u128::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 32)?;
        Some(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// What `initialize` settled.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(super) uid: Uid,
    pub(super) version: LegacyVersion,
    pub(super) caller: Arc<Caller>,
}

/// What a session's id holds, sealed.
#[derive(Serialize, Deserialize)]
struct Sealed {
    u: String,
    v: String,
    c: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    w: Option<String>,
}

/// A question that is out. Answered once, and only by the session that was asked.
pub(super) struct Waiting {
    pub(super) asked: Uid,
    pub(super) answer: Mutex<Option<oneshot::Sender<Answer>>>,
}

/// What a client said to a question: the result as JSON, or why there is none.
pub(super) type Answer = Result<String, String>;

/// A stream of a call that still runs on this host.
pub(super) struct Growing {
    /// How far it is.
    pub(super) count: watch::Receiver<u64>,
    /// Whether somebody reads it on another host.
    pub(super) followed: AtomicBool,
}

/// What this host knows of sessions beyond their ids.
pub(crate) struct Sessions {
    pub(crate) hosts: Arc<Hosts>,
    store: Arc<dyn Store>,
    ring: KeyRing,
    ttl: Duration,
    pub(super) notebook: Notebook,
    /// Calls that can be cancelled, by session and the request's id.
    pub(super) running: HashMap<(Uid, String), CancellationToken>,
    /// Questions that are out, by their own id.
    pub(super) waiting: HashMap<String, Arc<Waiting>>,
    /// The open stream of each session that has one for news.
    pub(super) standing: HashMap<Uid, CancellationToken>,
    /// Streams of calls that run here, by their key in the store.
    pub(super) streams: HashMap<String, Arc<Growing>>,
    /// Streams of calls that run elsewhere and are read here, by their key in the store.
    pub(super) followed: HashMap<String, watch::Sender<()>>,
}

impl Session {
    /// A new session with a client that said `params` to `initialize`.
    pub(super) fn begin(version: LegacyVersion, params: &Params<'_>) -> Result<Self, Fault> {
        let capabilities =
            params.capabilities.as_ref().map_or(ClientCapabilities::empty(), |declared| declared.flags());
        let capabilities = capabilities & known(version);
        let caller = Caller::new(None, None, capabilities).named(params.client_info.as_deref()).legacy();
        let uid = Uid::new().map_err(|error| Fault::Internal(error.to_string()))?;
        Ok(Self { uid, version, caller: Arc::new(caller) })
    }
}

impl Sessions {
    pub(crate) fn new(hosts: Arc<Hosts>, store: Arc<dyn Store>, ring: KeyRing, ttl: Duration) -> Self {
        let notebook = Notebook::new(Arc::clone(&store), ttl);
        let (running, waiting, standing, streams, followed) = Default::default();
        Self { hosts, store, ring, ttl, notebook, running, waiting, standing, streams, followed }
    }

    /// Mirrors the notes that the store has, as a host does that starts.
    pub(crate) async fn recall(&self) -> Result<(), StoreError> {
        self.notebook.recall().await
    }

    /// The session's id: visible ASCII, good for anybody who is `principal`.
    pub(super) fn id(&self, session: &Session, principal: &Principal) -> Result<String, Fault> {
        let sealed = Sealed {
            u: session.uid.to_string(),
            v: session.version.as_str().into(),
            c: bits(session.caller.capabilities),
            n: session.caller.name.clone(),
            w: session.caller.version.clone(),
        };
        let id = self.ring.seal(&crate::mcp::to_json(&sealed), &binding(principal), self.ttl);
        id.map_err(|error| Fault::Internal(error.to_string()))
    }

    /// Opens a session's id.
    pub(super) fn open(&self, id: &str, principal: &Principal) -> Result<Session, Fault> {
        let open = || {
            let sealed: Sealed = serde_json::from_slice(&self.ring.open(id, &binding(principal)).ok()?).ok()?;
            let caller = Caller::new(sealed.n, sealed.w, flags(sealed.c)).legacy();
            Some(Session {
                uid: Uid::parse(&sealed.u)?,
                version: LegacyVersion::parse(&sealed.v)?,
                caller: Arc::new(caller),
            })
        };
        let session = open().ok_or(Fault::NoSession)?;
        if self.notebook.of(session.uid).is_some_and(|notes| notes.ended) { Err(Fault::NoSession) } else { Ok(session) }
    }

    /// Ends a session: its calls are cancelled, its stream closes, its id opens no more.
    pub(super) async fn end(&self, session: &Session, owner: &Principal) -> Result<(), Fault> {
        self.stop(session.uid);
        self.note(session, owner, |notes| {
            *notes = Notes { ended: true, ..Notes::default() };
            Ok(())
        })
        .await
    }

    /// Ends what an ended session still has on this host.
    pub(super) fn stop(&self, uid: Uid) {
        if let Some(standing) = self.standing.pin().get(&uid) {
            standing.cancel();
        }
        self.stop_calls_of(uid);
    }

    /// Cancels the session's calls, those included that go on without their connection.
    pub(crate) fn stop_calls(&self, session: &Session) {
        self.stop_calls_of(session.uid);
    }

    fn stop_calls_of(&self, session: Uid) {
        for ((uid, _), running) in &self.running.pin() {
            if *uid == session {
                running.cancel();
            }
        }
    }

    /// The least level of log messages that the session wants. Nothing, until it says so.
    pub(super) fn level(&self, session: &Session) -> Option<Level> {
        level::parse(self.notebook.of(session.uid)?.level.as_deref()?).ok().flatten()
    }

    /// `logging/setLevel`
    pub(super) async fn set_level(&self, session: &Session, owner: &Principal, name: &str) -> Result<(), Fault> {
        level::parse(name)?;
        self.note(session, owner, |notes| {
            notes.level = Some(name.to_owned());
            Ok(())
        })
        .await
    }

    /// `resources/subscribe` and `resources/unsubscribe`
    pub(super) async fn subscribe(
        &self,
        session: &Session,
        owner: &Principal,
        uri: &str,
        on: bool,
    ) -> Result<(), Fault> {
        self.note(session, owner, |notes| notes.follow(uri, on)).await
    }

    /// Changes a session's notes, and tells the other hosts before the client is answered: what it does next finds them told.
    async fn note(
        &self,
        session: &Session,
        owner: &Principal,
        change: impl Fn(&mut Notes) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.notebook.change(session.uid, owner, change).await?;
        self.hosts.tell(Word::Noted { session: session.uid.to_string() }).await;
        Ok(())
    }

    /// The id of a question to the session's client, which any host knows for one for as long as it may be answered.
    pub(super) fn question(&self, session: &Session, wait_max: Duration) -> Result<String, Fault> {
        let id = self.ring.seal(&[], &of_question(session), wait_max);
        id.map_err(|error| Fault::Internal(error.to_string()))
    }

    /// Takes a client's answer to a question, which this host has asked, or another.
    pub(super) async fn take_answer(&self, session: &Session, question: &str, answer: Answer) -> Result<(), Fault> {
        if self.waiting.pin().contains_key(question) {
            self.answer(session.uid, question, answer);
            return Ok(());
        }
        // Kept for another host only if one of ours has asked that: what clients make up would fill the store.
        if self.ring.open(question, &of_question(session)).is_err() {
            return Ok(());
        }
        let (session, question) = (session.uid.to_string(), question.to_owned());
        self.leave(&left_answer(&session, &question), &crate::mcp::to_json(&answer)).await?;
        self.hosts.tell(Word::Answered { session, question }).await;
        Ok(())
    }

    /// Cancels a request, which runs on this host, or on another.
    pub(super) async fn cancel(&self, session: &Session, request: &str) -> Result<(), Fault> {
        if let Some(running) = self.running.pin().get(&(session.uid, request.to_owned())) {
            running.cancel();
            return Ok(());
        }
        if request.len() > REQUEST_CHARS_MAX {
            return Ok(());
        }
        let (session, request) = (session.uid.to_string(), request.to_owned());
        self.leave(&left_cancellation(&session, &request), &[]).await?;
        self.hosts.tell(Word::Cancelled { session, request }).await;
        Ok(())
    }

    async fn leave(&self, key: &str, value: &[u8]) -> Result<(), Fault> {
        Ok(self.store.put(key, value, LEFT_TTL).await?)
    }

    /// Gives a question its answer, if it was this session's.
    pub(super) fn answer(&self, session: Uid, question: &str, answer: Answer) {
        let waiting = self.waiting.pin();
        let Some(open) = waiting.get(question).filter(|open| open.asked == session) else { return };
        let taken = open.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = taken {
            // The call may have ended meanwhile.
            let _ = sender.send(answer);
        }
        waiting.remove(question);
    }

    pub(super) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }
}

/// Where another host finds an answer.
pub(super) fn left_answer(session: &str, question: &str) -> String {
    format!("answer/{session}/{question}")
}

/// Where another host finds that a request is cancelled.
pub(super) fn left_cancellation(session: &str, request: &str) -> String {
    format!("cancelled/{session}/{request}")
}

/// What clients of a revision can be asked for at all, whatever they declare.
fn known(version: LegacyVersion) -> ClientCapabilities {
    type Flags = ClientCapabilities;
    match version {
        LegacyVersion::V2025_03_26 => Flags::SAMPLING | Flags::ROOTS,
        LegacyVersion::V2025_06_18 => Flags::SAMPLING | Flags::ROOTS | Flags::ELICITATION_FORM,
        LegacyVersion::V2025_11_25 => Flags::all(),
    }
}

fn of_question(session: &Session) -> Binding {
    Binding::new("question", &[&session.uid.0])
}

fn binding(principal: &Principal) -> Binding {
    Binding::new("session", &[principal.tenant.as_str().as_bytes(), principal.subject.as_bytes()])
}
