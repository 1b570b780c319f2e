//! What clients ask for after `initialize`: a log level, resources to follow, an end.
//!
//! A session's notes are one record in the store, changed only upon what was seen, so that no host undoes what another wrote.
//! All notes of all sessions are mirrored here, so that a call need not ask the store: what another host writes is read anew
//! when that host says so.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use papaya::HashMap;
use serde::{Deserialize, Serialize};

use super::session::Uid;
use crate::{
    auth::Principal,
    clock::{millis, now_ms},
    mcp::fault::Fault,
    store::{Due, Group, Record, Store, StoreError, WhenFull, Write, Wrote},
};

/// Resources that one session may follow.
const SUBSCRIPTIONS_MAX: usize = 1000;

/// Bytes of their URIs. Every host has them in memory for as long as the session lives.
const URI_BYTES_MAX: usize = 64 << 10;

/// Sessions of one caller with notes. Of those beyond it, the notes go that would end first: a caller that makes sessions without end
/// forgets its own, and fills nobody's memory.
const SESSIONS_MAX: u64 = 10_000;

/// Sessions that are mirrored before it is looked for the first time which of them are gone.
const MIRRORED_MIN: usize = 4096;

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
    /// With more than these, it is time to look which of them are gone.
    mirrored_max: AtomicUsize,
}

impl Notebook {
    pub(super) fn new(store: Arc<dyn Store>, ttl: Duration) -> Self {
        Self { store, ttl, mirror: HashMap::new(), mirrored_max: AtomicUsize::new(MIRRORED_MIN) }
    }

    /// The notes of a session, as far as this host knows.
    pub(super) fn of(&self, uid: Uid) -> Option<Arc<Notes>> {
        self.mirror.pin().get(&uid).map(|seen| Arc::clone(&seen.notes))
    }

    /// Reads all notes anew, as a host does that starts, or that may have missed something.
    pub(super) async fn recall(&self) -> Result<(), StoreError> {
        let uids = self.forget_gone().await?;
        let read = stream::iter(uids).map(|uid| self.read(uid)).buffer_unordered(READS_MAX);
        read.try_for_each(async |_| Ok(())).await
    }

    /// Forgets notes that are not in the store any more; gives those that are.
    async fn forget_gone(&self) -> Result<HashSet<Uid>, StoreError> {
        let known: Vec<Uid> = self.mirror.pin().keys().copied().collect();
        let keys = self.store.due(QUEUE, u64::MAX, usize::MAX).await?;
        let uids: HashSet<Uid> = keys.iter().filter_map(|key| Uid::parse(key.strip_prefix(PREFIX)?)).collect();
        // What was known before it was looked for, and is not there, has expired, or had to make room.
        for uid in known.iter().filter(|uid| !uids.contains(uid)) {
            self.mirror.pin().remove(uid);
        }
        Ok(uids)
    }

    /// Forgets what is gone now and then: more often than the mirror could double, and no more often than that.
    async fn tidy(&self) {
        let max = self.mirrored_max.load(Ordering::Relaxed);
        if self.mirror.len() <= max || self.mirrored_max.swap(usize::MAX, Ordering::Relaxed) == usize::MAX {
            return;
        }
        if let Err(error) = self.forget_gone().await {
            tracing::debug!(%error, "which sessions are gone is looked for later");
        }
        self.mirrored_max.store(MIRRORED_MIN.max(self.mirror.len() * 2), Ordering::Relaxed);
    }

    /// Reads a session's notes anew.
    pub(super) async fn reread(&self, uid: Uid) -> Result<(), StoreError> {
        self.read(uid).await?;
        self.tidy().await;
        Ok(())
    }

    async fn read(&self, uid: Uid) -> Result<(), StoreError> {
        let record = self.store.record(&key(uid)).await?;
        if let Some(record) = record {
            self.mirror(uid, record.version, read(&record));
        }
        Ok(())
    }

    /// Changes the notes of a session of `owner`'s: in the store first, then here.
    pub(super) async fn change(
        &self,
        uid: Uid,
        owner: &Principal,
        change: impl Fn(&mut Notes) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
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
                group: Some(group(owner)),
            };
            if let Wrote::Done = self.store.write(&key(uid), version, write).await? {
                self.mirror(uid, version + 1, notes);
                self.tidy().await;
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
        let bytes: usize = self.subscriptions.iter().map(String::len).sum();
        if on && bytes + uri.len() > URI_BYTES_MAX {
            let reason =
                format!("the URIs of all resources that a session follows have at most {URI_BYTES_MAX} bytes together");
            return Err(Fault::InvalidParams(reason));
        }
        self.subscriptions.extend(on.then(|| uri.to_owned()));
        Ok(())
    }
}

fn key(uid: Uid) -> String {
    format!("{PREFIX}{uid}")
}

/// Whose sessions are counted together. No tenant's name has a slash in it.
fn group(owner: &Principal) -> Group {
    let name = format!("{QUEUE}/{}/{}", owner.tenant, owner.subject);
    Group { name, max: SESSIONS_MAX, when_full: WhenFull::Replace }
}

/// Notes that cannot be read, as those of another version of the host may be, are as good as none.
fn read(record: &Record) -> Notes {
    serde_json::from_slice(&record.bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Sqlite;

    const HOUR: Duration = Duration::from_secs(3600);

    fn book(ttl: Duration) -> Notebook {
        Notebook::new(Arc::new(Sqlite::in_memory().unwrap()), ttl)
    }

    async fn end(book: &Notebook, owner: &Principal) -> Uid {
        let uid = Uid::new().unwrap();
        let ended = |notes: &mut Notes| {
            notes.ended = true;
            Ok(())
        };
        book.change(uid, owner, ended).await.unwrap();
        uid
    }

    #[test]
    fn what_a_session_follows_has_bounds() {
        let mut notes = Notes::default();
        let long = "x".repeat(URI_BYTES_MAX / 2);
        for number in 0..2 {
            let uri = format!("{number}{}", &long[1..]);
            notes.follow(&uri, true).unwrap();
            notes.follow(&uri, true).unwrap();
        }
        assert!(matches!(notes.follow("y", true), Err(Fault::InvalidParams(_))));
        notes.follow(&format!("0{}", &long[1..]), false).unwrap();
        notes.follow("y", true).unwrap();
        for number in notes.subscriptions.len()..SUBSCRIPTIONS_MAX {
            notes.follow(&number.to_string(), true).unwrap();
        }
        assert!(matches!(notes.follow("z", true), Err(Fault::InvalidParams(_))));
    }

    #[tokio::test]
    async fn the_mirror_forgets_what_has_expired() {
        let book = book(Duration::ZERO);
        for _ in 0..MIRRORED_MIN {
            end(&book, &Principal::anonymous()).await;
        }
        assert_eq!(book.mirror.len(), MIRRORED_MIN);
        end(&book, &Principal::anonymous()).await;
        assert_eq!(book.mirror.len(), 0, "they had expired when they were written");
    }

    #[tokio::test]
    async fn a_caller_that_ends_sessions_without_end_forgets_its_own() {
        let here = book(HOUR);
        let other = Principal { subject: "other".into(), ..Principal::anonymous() };
        let others = end(&here, &other).await;
        let first = end(&here, &Principal::anonymous()).await;
        for _ in 0..SESSIONS_MAX + MIRRORED_MIN as u64 {
            end(&here, &Principal::anonymous()).await;
        }
        here.recall().await.unwrap();
        assert_eq!(here.mirror.len() as u64, SESSIONS_MAX + 1);
        assert!(here.of(first).is_none() && here.of(others).is_some());
    }
}
