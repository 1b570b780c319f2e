//! Sessions that no host has to remember.
//!
//! A session's id holds all that `initialize` settled, sealed: any host with the key ring can serve any request. What a
//! client asks for later (a log level, subscriptions, an end) is noted in the store, and mirrored here so that a call need
//! not ask the store: a session without notes, as most are, has no entry anywhere.

use std::{
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use papaya::HashMap;
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    auth::Principal,
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

/// Resources that one session may follow.
const SUBSCRIPTIONS_MAX: usize = 1000;

/// Where notes are kept in the store, and then the session's number.
const NOTES_PREFIX: &str = "session/";

/// A session's number: nothing but unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Uid([u8; 16]);

impl Uid {
    pub(super) fn new() -> io::Result<Self> {
        random().map(Self)
    }

    fn parse(hex: &str) -> Option<Self> {
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

/// What a client asked for after `initialize`.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Notes {
    #[serde(default)]
    ended: bool,
    /// The log level, as the client said it.
    level: Option<String>,
    #[serde(default)]
    pub(super) subscriptions: Vec<String>,
}

/// A question that is out. Answered once, and only by the session that was asked.
pub(super) struct Waiting {
    pub(super) asked: Uid,
    pub(super) answer: Mutex<Option<oneshot::Sender<Result<String, String>>>>,
}

/// What this host knows of sessions beyond their ids.
pub(crate) struct Sessions {
    store: Arc<dyn Store>,
    ring: KeyRing,
    ttl: Duration,
    notes: HashMap<Uid, Arc<Notes>>,
    /// Calls that can be cancelled, by session and the request's id.
    pub(super) running: HashMap<(Uid, String), CancellationToken>,
    /// Questions that are out, by their own id.
    pub(super) waiting: HashMap<String, Arc<Waiting>>,
    /// The open stream of each session that has one for news.
    pub(super) standing: HashMap<Uid, CancellationToken>,
    /// Streams of calls that still run, by their key in the store, and how far they are.
    pub(super) streams: HashMap<String, watch::Receiver<u64>>,
}

impl Session {
    /// A new session with a client that said `params` to `initialize`.
    pub(super) fn begin(version: LegacyVersion, params: &Params<'_>) -> Result<Self, Fault> {
        let capabilities =
            params.capabilities.as_ref().map_or(ClientCapabilities::empty(), |declared| declared.flags());
        let capabilities = capabilities & known(version);
        let caller = Caller::new(None, None, capabilities).named(params.client_info.as_deref());
        let uid = Uid::new().map_err(|error| Fault::Internal(error.to_string()))?;
        Ok(Self { uid, version, caller: Arc::new(caller) })
    }
}

impl Sessions {
    pub(crate) fn new(store: Arc<dyn Store>, ring: KeyRing, ttl: Duration) -> Self {
        let (notes, running, waiting, standing, streams) = Default::default();
        Self { store, ring, ttl, notes, running, waiting, standing, streams }
    }

    /// Mirrors the notes that the store has, as a host does that starts.
    pub(crate) async fn recall(&self) -> Result<(), StoreError> {
        for (key, json) in self.store.scan(NOTES_PREFIX).await? {
            let uid = key.strip_prefix(NOTES_PREFIX).and_then(Uid::parse);
            if let (Some(uid), Ok(notes)) = (uid, serde_json::from_slice(&json)) {
                self.notes.pin().insert(uid, Arc::new(notes));
            }
        }
        Ok(())
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
            let caller = Caller::new(sealed.n, sealed.w, flags(sealed.c));
            Some(Session {
                uid: Uid::parse(&sealed.u)?,
                version: LegacyVersion::parse(&sealed.v)?,
                caller: Arc::new(caller),
            })
        };
        let session = open().ok_or(Fault::NoSession)?;
        if self.notes(session.uid).is_some_and(|notes| notes.ended) { Err(Fault::NoSession) } else { Ok(session) }
    }

    /// Ends a session: its calls are cancelled, its stream closes, its id opens no more.
    pub(super) async fn end(&self, session: &Session) -> Result<(), Fault> {
        if let Some(standing) = self.standing.pin().get(&session.uid) {
            standing.cancel();
        }
        self.stop_calls(session);
        self.note(session.uid, |notes| {
            *notes = Notes { ended: true, ..Notes::default() };
            Ok(())
        })
        .await
    }

    /// Cancels the session's calls, those included that go on without their connection.
    pub(crate) fn stop_calls(&self, session: &Session) {
        for ((uid, _), running) in &self.running.pin() {
            if *uid == session.uid {
                running.cancel();
            }
        }
    }

    pub(super) fn notes(&self, uid: Uid) -> Option<Arc<Notes>> {
        self.notes.pin().get(&uid).cloned()
    }

    /// The least level of log messages that the session wants. Nothing, until it says so.
    pub(super) fn level(&self, session: &Session) -> Option<Level> {
        level::parse(self.notes(session.uid)?.level.as_deref()?).ok().flatten()
    }

    /// `logging/setLevel`
    pub(super) async fn set_level(&self, session: &Session, name: &str) -> Result<(), Fault> {
        level::parse(name)?;
        self.note(session.uid, |notes| {
            notes.level = Some(name.to_owned());
            Ok(())
        })
        .await
    }

    /// `resources/subscribe` and `resources/unsubscribe`
    pub(super) async fn subscribe(&self, session: &Session, uri: &str, on: bool) -> Result<(), Fault> {
        self.note(session.uid, |notes| {
            notes.subscriptions.retain(|other| other != uri);
            if on && notes.subscriptions.len() == SUBSCRIPTIONS_MAX {
                return Err(Fault::InvalidParams(format!(
                    "a session may follow at most {SUBSCRIPTIONS_MAX} resources"
                )));
            }
            notes.subscriptions.extend(on.then(|| uri.to_owned()));
            Ok(())
        })
        .await
    }

    /// Changes a session's notes: in the store first, then here.
    async fn note(&self, uid: Uid, change: impl FnOnce(&mut Notes) -> Result<(), Fault>) -> Result<(), Fault> {
        let mut notes = self.notes(uid).map(|notes| Notes::clone(&notes)).unwrap_or_default();
        change(&mut notes)?;
        let json = crate::mcp::to_json(&notes);
        let stored = self.store.put(&format!("{NOTES_PREFIX}{uid}"), &json, self.ttl).await;
        stored.map_err(|error| Fault::Internal(error.to_string()))?;
        self.notes.pin().insert(uid, Arc::new(notes));
        Ok(())
    }

    /// Gives a question its answer, if it was this session's.
    pub(super) fn answer(&self, session: &Session, question: &str, answer: Result<String, String>) {
        let waiting = self.waiting.pin();
        let Some(open) = waiting.get(question).filter(|open| open.asked == session.uid) else { return };
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

/// What clients of a revision can be asked for at all, whatever they declare.
fn known(version: LegacyVersion) -> ClientCapabilities {
    type Flags = ClientCapabilities;
    match version {
        LegacyVersion::V2025_03_26 => Flags::SAMPLING | Flags::ROOTS,
        LegacyVersion::V2025_06_18 => Flags::SAMPLING | Flags::ROOTS | Flags::ELICITATION_FORM,
        LegacyVersion::V2025_11_25 => Flags::all(),
    }
}

fn binding(principal: &Principal) -> Binding {
    Binding::new("session", &[principal.tenant.as_str().as_bytes(), principal.subject.as_bytes()])
}
