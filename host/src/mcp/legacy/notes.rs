//! What clients ask for after `initialize`: a log level, resources to follow, an end.
//!
//! A session's notes are one record in the store, changed only upon what was seen, so that no host undoes what another wrote.
//! All notes of all sessions are mirrored here, so that a call need not ask the store: what another host writes is read anew
//! when that host says so.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use papaya::HashMap;
use serde::{Deserialize, Serialize};

use super::session::Uid;
use crate::{
    clock::{millis, now_ms},
    mcp::fault::Fault,
    store::{Due, Record, Store, StoreError, Write, Wrote},
};

/// Resources that one session may follow.
const SUBSCRIPTIONS_MAX: usize = 1000;

/// Where notes are kept in the store, and then the session's number.
const PREFIX: &str = "session/";

/// Every record of notes is in this queue, at its expiry: so they can be found again.
const QUEUE: &str = "sessions";

/// How often a change is tried that others came before. Only one client changes a session, so they are few.
const TRIES_MAX: u32 = 20;

/// Records that are read at once.
const READS_MAX: usize = 64;

/// What is noted of one session.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Notes {
    #[serde(default)]
    pub(super) ended: bool,
    /// The log level, as the client said it.
    pub(super) level: Option<String>,
    #[serde(default)]
    pub(super) subscriptions: Vec<String>,
}

/// Notes as they stood at a version of their record.
struct Seen {
    version: u64,
    notes: Arc<Notes>,
}

/// The notes of all sessions that have some.
pub(super) struct Notebook {
    store: Arc<dyn Store>,
    /// At least as long as the id of any session is good.
    ttl: Duration,
    mirror: HashMap<Uid, Seen>,
}

impl Notebook {
    pub(super) fn new(store: Arc<dyn Store>, ttl: Duration) -> Self {
        Self { store, ttl, mirror: HashMap::new() }
    }

    /// The notes of a session, as far as this host knows.
    pub(super) fn of(&self, uid: Uid) -> Option<Arc<Notes>> {
        self.mirror.pin().get(&uid).map(|seen| Arc::clone(&seen.notes))
    }

    /// Reads all notes anew, as a host does that starts, or that may have missed something.
    pub(super) async fn recall(&self) -> Result<(), StoreError> {
        let known: Vec<Uid> = self.mirror.pin().keys().copied().collect();
        let keys = self.store.due(QUEUE, u64::MAX, usize::MAX).await?;
        let uids: HashSet<Uid> = keys.iter().filter_map(|key| Uid::parse(key.strip_prefix(PREFIX)?)).collect();
        // What was known before it was looked for, and is not there, has expired.
        for uid in known.iter().filter(|uid| !uids.contains(uid)) {
            self.mirror.pin().remove(uid);
        }
        let read = stream::iter(uids).map(|uid| self.reread(uid)).buffer_unordered(READS_MAX);
        read.try_for_each(async |_| Ok(())).await
    }

    /// Reads a session's notes anew.
    pub(super) async fn reread(&self, uid: Uid) -> Result<(), StoreError> {
        let record = self.store.record(&key(uid)).await?;
        if let Some(record) = record {
            self.mirror(uid, record.version, read(&record));
        }
        Ok(())
    }

    /// Changes a session's notes: in the store first, then here.
    pub(super) async fn change(&self, uid: Uid, change: impl Fn(&mut Notes) -> Result<(), Fault>) -> Result<(), Fault> {
        for _ in 0..TRIES_MAX {
            let record = self.store.record(&key(uid)).await?;
            let version = record.as_ref().map_or(0, |record| record.version);
            let mut notes = record.as_ref().map(read).unwrap_or_default();
            if notes.ended {
                return Err(Fault::NoSession);
            }
            change(&mut notes)?;
            let expires_ms = now_ms().saturating_add(millis(self.ttl));
            let write = Write {
                bytes: crate::mcp::to_json(&notes),
                expires_ms,
                due: Some(Due { queue: QUEUE.into(), at_ms: expires_ms }),
                group: None,
            };
            if let Wrote::Done = self.store.write(&key(uid), version, write).await? {
                self.mirror(uid, version + 1, notes);
                return Ok(());
            }
        }
        Err(Fault::Internal("this session is being changed by others at the same time; try again".into()))
    }

    /// Keeps what was read or written last, in whatever order that is learned.
    fn mirror(&self, uid: Uid, version: u64, notes: Notes) {
        let notes = Arc::new(notes);
        let fresh = || Seen { version, notes: Arc::clone(&notes) };
        let newer = |old: &Seen| {
            if old.version > version { Seen { version: old.version, notes: Arc::clone(&old.notes) } } else { fresh() }
        };
        self.mirror.pin().update_or_insert_with(uid, newer, fresh);
    }
}

impl Notes {
    /// Follows a resource, or does so no longer.
    pub(super) fn follow(&mut self, uri: &str, on: bool) -> Result<(), Fault> {
        self.subscriptions.retain(|other| other != uri);
        if on && self.subscriptions.len() == SUBSCRIPTIONS_MAX {
            return Err(Fault::InvalidParams(format!("a session may follow at most {SUBSCRIPTIONS_MAX} resources")));
        }
        self.subscriptions.extend(on.then(|| uri.to_owned()));
        Ok(())
    }
}

fn key(uid: Uid) -> String {
    format!("{PREFIX}{uid}")
}

/// Notes that cannot be read, as those of another version of the host may be, are as good as none.
fn read(record: &Record) -> Notes {
    serde_json::from_slice(&record.bytes).unwrap_or_default()
}
