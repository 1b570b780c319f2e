//! Hosts that share a store: which of them are there, and what they tell each other.
//!
//! What is told may be lost: by whoever does not listen at that moment, and whenever the store is away. Nothing depends on it
//! but how soon something is noticed. Whoever may have missed something hears [`Word::Missed`], and looks at everything anew.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    select,
    sync::broadcast::{Receiver, error::RecvError},
    time::{self, Instant},
};

use crate::{
    ids::HostId,
    signals::{Signal, Signals},
    store::{Heard, Store, StoreError},
};

/// How often a host says in the store that it is there.
const BEAT_EVERY: Duration = Duration::from_secs(3);

/// How long that holds: a host may be late twice.
const BEAT_TTL: Duration = Duration::from_secs(10);

/// How long a host must have been missing until it is taken for gone. After the store was away, all are missing until their
/// next beat.
const GONE_AFTER: Duration = Duration::from_secs(4);

/// How often one host looks for another.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How soon what could not be told is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What one host tells the others. Ids are as they stand in the store, or on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// What listeners want to know.
    News(Signal),
    /// The notes of a session are others now.
    Noted { session: String },
    /// The answer to a question is in the store.
    Answered { session: String, question: String },
    /// A client cancels a request; that it did is in the store.
    Cancelled { session: String, request: String },
    /// A session has opened its stream of news, and who has it is in the store.
    Opened { session: String },
    /// Somebody reads a stream elsewhere, and wants to know when it grows.
    Followed { stream: String },
    /// A stream that is followed has grown.
    Grown { stream: String },
    /// Something may have been missed.
    Missed,
}

/// A word on its way.
#[derive(Serialize, Deserialize)]
struct Said {
    by: HostId,
    word: Word,
}

/// This host among those that share its store.
pub struct Hosts {
    id: HostId,
    store: Arc<dyn Store>,
    signals: Signals,
    /// Whether something could not be told that others wait for.
    untold: AtomicBool,
}

impl Hosts {
    /// A host of a new id.
    pub fn new(store: Arc<dyn Store>, signals: Signals) -> io::Result<Self> {
        Ok(Self { id: HostId::random()?, store, signals, untold: AtomicBool::new(false) })
    }

    /// This host.
    pub fn id(&self) -> &HostId {
        &self.id
    }

    /// Says that this host is there.
    pub async fn beat(&self) -> Result<(), StoreError> {
        self.store.put(&key(self.id.as_str()), &[], BEAT_TTL).await
    }

    /// Says that this host is not there any more.
    pub async fn leave(&self) {
        if let Err(error) = self.store.delete(&key(self.id.as_str())).await {
            tracing::debug!(%error, "the other hosts will notice later that this one has ended");
        }
    }

    /// Tells the other hosts. If the store is away, they are told later that they missed something.
    pub async fn tell(&self, word: Word) {
        let said = Said { by: self.id.clone(), word };
        let note = serde_json::to_vec(&said).expect("our own words are JSON");
        if let Err(error) = self.store.publish(&note).await {
            tracing::debug!(%error, "the other hosts could not be told");
            self.untold.store(true, Ordering::Relaxed);
        }
    }

    /// Passes on what is said on this host, and that it is there. Goes on for ever.
    pub async fn speak(&self) {
        let mut said = self.signals.listen_outward();
        let (mut beat, mut again) = (time::interval(BEAT_EVERY), time::interval(AGAIN_AFTER));
        loop {
            select! {
                signal = said.recv() => match signal {
                    Ok(signal) => self.tell(Word::News(signal)).await,
                    Err(RecvError::Lagged(_)) => self.tell(Word::Missed).await,
                    Err(RecvError::Closed) => return,
                },
                _ = beat.tick() => {
                    if let Err(error) = self.beat().await {
                        tracing::warn!(%error, "the other hosts cannot see that this one is there");
                    }
                }
                _ = again.tick() => {
                    if self.untold.swap(false, Ordering::Relaxed) {
                        self.tell(Word::Missed).await;
                    }
                }
            }
        }
    }

    /// Hears what other hosts say from now on.
    pub fn listen(&self) -> Ear {
        Ear { heard: self.store.listen(), own: self.id.clone() }
    }
}

/// What hears other hosts.
pub struct Ear {
    heard: Receiver<Heard>,
    own: HostId,
}

impl Ear {
    /// The next word. `None` when there will be no more.
    pub async fn next(&mut self) -> Option<Word> {
        loop {
            let note = match self.heard.recv().await {
                Ok(Heard::Note(note)) => note,
                Ok(Heard::Gap) | Err(RecvError::Lagged(_)) => return Some(Word::Missed),
                Err(RecvError::Closed) => return None,
            };
            match serde_json::from_slice::<Said>(&note) {
                Ok(said) if said.by == self.own => {}
                Ok(said) => return Some(said.word),
                // A newer version may know more words.
                Err(error) => tracing::debug!(%error, "another host said something unknown"),
            }
        }
    }
}

/// An eye on one other host.
pub struct Watched {
    host: String,
    looked: Instant,
    missing: Option<Instant>,
}

impl Watched {
    pub fn new(host: String) -> Self {
        Self { host, looked: Instant::now(), missing: None }
    }

    /// Whether that host is gone. Looks now and then only, however often it is asked.
    pub async fn is_gone(&mut self, store: &dyn Store) -> bool {
        self.was_gone(Instant::now(), store).await
    }

    async fn was_gone(&mut self, now: Instant, store: &dyn Store) -> bool {
        if now.duration_since(self.looked) >= LOOK_EVERY {
            self.looked = now;
            match store.get(&key(&self.host)).await {
                Ok(None) => drop(self.missing.get_or_insert(now)),
                // A store that does not answer says nothing about hosts.
                Ok(Some(_)) | Err(_) => self.missing = None,
            }
        }
        self.missing.is_some_and(|since| now.duration_since(since) >= GONE_AFTER)
    }
}

/// Where a host says that it is there.
fn key(host: &str) -> String {
    format!("host/{host}")
}

#[cfg(test)]
mod tests;
