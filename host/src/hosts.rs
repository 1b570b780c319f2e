//! Hosts that share a store: which of them are there, and what they tell each other.
//!
//! What is told may be lost: by whoever does not listen at that moment, and whenever the store is away. Nothing depends on it
//! but how soon something is noticed. Whoever may have missed something hears [`Word::Missed`], and looks at everything anew.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};
use tokio::{
    select,
    sync::broadcast::{
        self, Receiver,
        error::{RecvError, TryRecvError},
    },
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

/// Words that are told in one note, where so many wait: one note costs the store as much as one word does.
const WORDS_MAX: usize = 128;

/// Words that wait to be told behind others.
const BEHIND_MAX: usize = 1024;

/// A word on its way, or several: `word` is then [`Word::Missed`], so that a host which does not know `words` looks at everything
/// anew.
#[derive(Serialize, Deserialize)]
struct Said {
    by: HostId,
    word: Word,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    words: Vec<Box<RawValue>>,
}

impl Said {
    /// `words` in one note.
    fn all(by: HostId, words: Vec<Word>) -> serde_json::Result<Self> {
        match <[Word; 1]>::try_from(words) {
            Ok([word]) => Ok(Self { by, word, words: Vec::new() }),
            Err(words) => {
                let words = words.iter().map(to_raw_value).collect::<Result<_, _>>()?;
                Ok(Self { by, word: Word::Missed, words })
            }
        }
    }

    /// One after the other. What is not known of several does not take the others with it.
    fn words(self) -> VecDeque<Word> {
        if self.words.is_empty() {
            return VecDeque::from([self.word]);
        }
        self.words.iter().filter_map(|word| known(word.get().as_bytes())).collect()
    }
}

/// This host among those that share its store.
pub struct Hosts {
    id: HostId,
    store: Arc<dyn Store>,
    signals: Signals,
    /// Words that are told behind what was said here before them.
    behind: broadcast::Sender<Word>,
    /// Whether something could not be told that others wait for.
    untold: AtomicBool,
}

impl Hosts {
    /// A host of a new id.
    pub fn new(store: Arc<dyn Store>, signals: Signals) -> io::Result<Self> {
        let behind = broadcast::Sender::new(BEHIND_MAX);
        Ok(Self { id: HostId::random()?, store, signals, behind, untold: AtomicBool::new(false) })
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
        self.tell_all(vec![word]).await;
    }

    /// Tells the other hosts soon, and only once they were told what was said on this host before.
    pub fn tell_behind(&self, word: Word) {
        // Where nobody passes anything on, there is nobody to tell.
        let _ = self.behind.send(word);
    }

    async fn tell_all(&self, words: Vec<Word>) {
        let said = Said::all(self.id.clone(), words);
        let note = said.and_then(|said| serde_json::to_vec(&said)).expect("our own words are JSON");
        if let Err(error) = self.store.publish(&note).await {
            tracing::debug!(%error, "the other hosts could not be told");
            self.untold.store(true, Ordering::Relaxed);
        }
    }

    /// Passes on what is said on this host, and that it is there. Goes on for ever.
    pub async fn speak(&self) {
        let (mut said, mut behind) = (self.signals.listen_outward(), self.behind.subscribe());
        let (mut beat, mut again) = (time::interval(BEAT_EVERY), time::interval(AGAIN_AFTER));
        loop {
            select! {
                signal = said.recv() => {
                    let Some(first) = word_of(signal) else { return };
                    self.tell_all(with_those_that_wait(first, &mut said)).await;
                }
                word = behind.recv() => {
                    let words = with_those_behind(word.unwrap_or(Word::Missed), &mut behind);
                    // All that was said before these, and no more than that: there may always be more.
                    let count = said.len();
                    let before = waiting(&mut said, count);
                    for some in before.chunks(WORDS_MAX) {
                        self.tell_all(some.to_vec()).await;
                    }
                    self.tell_all(words).await;
                }
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
        Ear { heard: self.store.listen(), own: self.id.clone(), waiting: VecDeque::new() }
    }
}

/// What hears other hosts.
pub struct Ear {
    heard: Receiver<Heard>,
    own: HostId,
    /// The rest of a note.
    waiting: VecDeque<Word>,
}

impl Ear {
    /// The next word. `None` when there will be no more.
    pub async fn next(&mut self) -> Option<Word> {
        loop {
            if let Some(word) = self.waiting.pop_front() {
                return Some(word);
            }
            let note = match self.heard.recv().await {
                Ok(Heard::Note(note)) => note,
                Ok(Heard::Gap) | Err(RecvError::Lagged(_)) => return Some(Word::Missed),
                Err(RecvError::Closed) => return None,
            };
            if let Some(said) = known::<Said>(&note).filter(|said| said.by != self.own) {
                self.waiting = said.words();
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

/// What to tell of what was said here. Nothing once nobody can say anything any more.
fn word_of(said: Result<Signal, RecvError>) -> Option<Word> {
    match said {
        Ok(signal) => Some(Word::News(signal)),
        Err(RecvError::Lagged(_)) => Some(Word::Missed),
        Err(RecvError::Closed) => None,
    }
}

/// What was said while the last note was on its way goes along.
fn with_those_that_wait(first: Word, said: &mut Receiver<Signal>) -> Vec<Word> {
    let mut words = vec![first];
    words.extend(waiting(said, WORDS_MAX - 1));
    words
}

/// What waits of what was said here, up to `max` words.
fn waiting(said: &mut Receiver<Signal>, max: usize) -> Vec<Word> {
    let mut words = Vec::new();
    while words.len() < max {
        match said.try_recv() {
            Ok(signal) => words.push(Word::News(signal)),
            Err(TryRecvError::Lagged(_)) => words.push(Word::Missed),
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    words
}

fn with_those_behind(first: Word, behind: &mut Receiver<Word>) -> Vec<Word> {
    let mut words = vec![first];
    while words.len() < WORDS_MAX
        && let Ok(word) = behind.try_recv()
    {
        words.push(word);
    }
    words
}

/// What another host said, unless its version knows more words than this one.
fn known<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    let known = serde_json::from_slice(json);
    known.inspect_err(|error| tracing::debug!(%error, "another host said something unknown")).ok()
}

/// Where a host says that it is there.
fn key(host: &str) -> String {
    format!("host/{host}")
}

#[cfg(test)]
mod tests;
