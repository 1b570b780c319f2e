//! Streams of calls that outlive their connection: every event is in the store before it goes out, so that any host can go on
//! where the connection broke.
//!
//! The first entry of a stream says who writes it, so that its readers on other hosts notice when nobody does any more. They
//! are told when it grows, and look by themselves now and then.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use futures_util::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::{
    select,
    sync::{mpsc, watch},
    time,
};
use tokio_util::sync::CancellationToken;

use super::session::{Growing, Session, Uid};
use crate::{
    hosts::Watched,
    mcp::{
        Core,
        era::Era,
        fault::Fault,
        message::Id,
        stream::{Event, Events},
    },
};

/// How long a stream can be taken up after its last event.
const REPLAY_TTL: Duration = Duration::from_secs(600);

/// How long a client waits before it may ask again for a stream of which nothing is known.
const SILENT_FOR: Duration = Duration::from_secs(60);

/// A reader looks into the store at least this often, whatever it is told.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a reader that does not move holds up a call; then the stream ends, and goes on without it.
const READER_WAIT_MAX: Duration = Duration::from_secs(5);

/// How often the end of a stream is tried again that the store did not take, and how soon: for half a minute.
const KEEP_TRIES_MAX: u32 = 60;
const KEEP_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What an entry is: its first byte. Then comes what it holds.
const MORE: u8 = 0;
const LAST: u8 = 1;
const WRITER: u8 = 2;
/// The client does not want to hear the end.
const UNSAID: u8 = 3;

/// Who writes a stream.
#[derive(Serialize, Deserialize)]
struct Writer {
    host: String,
    /// The request that it answers.
    request: Box<RawValue>,
}

/// Writes a stream's events to the store, so that any host can replay them, and to whoever reads now.
pub(super) struct Recorder {
    core: Arc<Core>,
    number: Uid,
    key: String,
    count: u64,
    /// Entries that the store has not taken yet, oldest first.
    unkept: VecDeque<(u64, Vec<u8>)>,
    progress: watch::Sender<u64>,
    growing: Arc<Growing>,
    reader: Option<mpsc::Sender<Event>>,
}

impl Recorder {
    pub(super) async fn begin(
        core: Arc<Core>,
        session: &Session,
        request: &Id,
        reader: mpsc::Sender<Event>,
    ) -> std::io::Result<Self> {
        let number = Uid::new()?;
        let key = key(session, &number.to_string());
        let (progress, count) = watch::channel(0);
        let growing = Arc::new(Growing { count, followed: AtomicBool::new(false) });
        core.sessions.streams.pin().insert(key.clone(), Arc::clone(&growing));
        let writer = Writer { host: core.sessions.hosts.id().to_string(), request: request.to_owned() };
        let mut stream =
            Self { core, number, key, count: 0, unkept: VecDeque::new(), progress, growing, reader: Some(reader) };
        stream.keep(WRITER, &crate::mcp::to_json(&writer)).await;
        Ok(stream)
    }

    /// An event that says nothing, but where to come back to.
    pub(super) async fn prime(&mut self, retry_ms: u32) {
        self.read_by(Event { id: self.event_id(), retry_ms: Some(retry_ms), data: Vec::new() }).await;
    }

    pub(super) async fn record(&mut self, data: Vec<u8>, last: bool) {
        self.keep(if last { LAST } else { MORE }, &data).await;
        self.read_by(Event { id: self.event_id(), retry_ms: None, data }).await;
        self.progress.send_replace(self.count);
        self.core.sessions.has_grown(&self.growing, &self.key).await;
    }

    /// Notes that there is nothing more to come, for those who read elsewhere.
    pub(super) async fn leave_unsaid(&mut self) {
        self.keep(UNSAID, &[]).await;
        self.core.sessions.has_grown(&self.growing, &self.key).await;
    }

    /// Ends the stream. What the store did not take while it was away, it gets now, if it comes back soon.
    pub(super) async fn end(mut self) {
        if self.unkept.is_empty() {
            // Before its reader sees the end: who comes back finds in the store that it has ended.
            self.forget();
        }
        self.reader = None;
        for _ in 0..KEEP_TRIES_MAX {
            self.flush().await;
            if self.unkept.is_empty() {
                return;
            }
            time::sleep(KEEP_AGAIN_AFTER).await;
        }
        tracing::warn!("the end of a stream could not be kept; a client whose connection broke does not find it");
    }

    async fn keep(&mut self, kind: u8, data: &[u8]) {
        self.count += 1;
        let mut entry = Vec::with_capacity(data.len() + 1);
        entry.push(kind);
        entry.extend_from_slice(data);
        self.unkept.push_back((self.count, entry));
        self.flush().await;
    }

    /// Gives the store what it has not taken yet, in order.
    async fn flush(&mut self) {
        let kept_before = self.unkept.len() <= 1;
        while let Some((number, entry)) = self.unkept.front() {
            if let Err(error) = self.core.sessions.store().append(&self.key, *number, entry, REPLAY_TTL).await {
                tracing::debug!(%error, "an event of a stream is not kept yet");
                return;
            }
            self.unkept.pop_front();
        }
        if !kept_before {
            self.core.sessions.has_grown(&self.growing, &self.key).await;
        }
    }

    /// What a reader can come back behind: only what the store has.
    fn event_id(&self) -> Option<String> {
        self.unkept.is_empty().then(|| format!("{}-{}", self.number, self.count))
    }

    /// Gives an event to whoever reads. One that is gone, or does not move for long, finds it in the store.
    async fn read_by(&mut self, event: Event) {
        let Some(reader) = &self.reader else { return };
        if reader.send_timeout(event, READER_WAIT_MAX).await.is_err() {
            self.reader = None;
        }
    }

    /// It grows no more here.
    fn forget(&self) {
        self.core.sessions.streams.pin().remove(&self.key);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.forget();
    }
}

/// Where a stream is in the store. Only its own session can name it.
fn key(session: &Session, number: &str) -> String {
    format!("stream/{}/{number}", session.uid)
}

/// The events after `last`, an id that [`Recorder`] gave out, up to the response. `None` if it is no such id, or the client has
/// the response. A stream that is not this session's, or is too long ago, says nothing, and ends after a while. A client that
/// cancelled is told so if it comes back nevertheless: else many would come again and again. A stream whose call runs elsewhere
/// ends with `stopping`: it can be taken up once more.
pub(super) async fn resume(
    core: Arc<Core>,
    session: &Session,
    last: &str,
    stopping: CancellationToken,
) -> Result<Option<Events>, Fault> {
    let Some((number, after)) = split(last) else { return Ok(None) };
    let key = key(session, number);
    let running = core.sessions.streams.pin().get(&key).map(|growing| growing.count.clone());
    let (source, ready) = match running {
        Some(running) => (Source::Here(running), Vec::new()),
        None => {
            // On this host the call has ended, or it never ran here: what the store has says whether there is more to come.
            let entries = core.sessions.store().read(&key, 0).await?;
            let Some(writer) = writer(&entries) else { return Ok(Some(silent(stopping))) };
            match last_of(&entries, after) {
                Some(UNSAID) => {
                    let told = Fault::cancelled().render(Some(&writer.request), Some(Era::Legacy(session.version)));
                    return Ok(Some(stream::iter([Event::message(told)]).boxed()));
                }
                Some(_) => return Ok(None),
                None => {}
            }
            let grown = core.sessions.follow(&key).await;
            let watched = Watched::new(writer.host);
            let elsewhere = Elsewhere { grown, watched, request: writer.request, stopping };
            (Source::Elsewhere(elsewhere), entries.into_iter().filter(|(number, _)| *number > after).rev().collect())
        }
    };
    let era = Era::Legacy(session.version);
    let replay = Replay { core, key, number: number.to_owned(), era, after, source, ready, ended: false };
    Ok(Some(stream::unfold(replay, async |mut replay| Some((replay.next().await?, replay))).boxed()))
}

/// A stream of which nothing is known. It must not be the session's stream of news, which would then be opened anew in turn with the
/// one that the client has; and not end at once, since many clients come again and again.
fn silent(stopping: CancellationToken) -> Events {
    let end = async move { drop(time::timeout(SILENT_FOR, stopping.cancelled()).await) };
    stream::pending().take_until(end).boxed()
}

/// The stream and the entry of an event's id.
fn split(id: &str) -> Option<(&str, u64)> {
    let (number, count) = id.split_once('-')?;
    Uid::parse(number)?;
    Some((number, count.parse().ok()?))
}

/// Who writes the stream of these entries.
fn writer(entries: &[(u64, Vec<u8>)]) -> Option<Writer> {
    let (_, first) = entries.first()?;
    serde_json::from_slice(first.strip_prefix(&[WRITER])?).ok()
}

/// What a stream ended with, if nothing that is said comes after entry `after`.
fn last_of(entries: &[(u64, Vec<u8>)], after: u64) -> Option<u8> {
    let (number, entry) = entries.last()?;
    let kind = entry.first().copied().filter(|kind| is_last(*kind))?;
    let said = if kind == UNSAID { number - 1 } else { *number };
    (said <= after).then_some(kind)
}

fn is_last(kind: u8) -> bool {
    matches!(kind, LAST | UNSAID)
}

struct Replay {
    core: Arc<Core>,
    key: String,
    number: String,
    era: Era,
    after: u64,
    source: Source,
    /// Events that were read and not yet given out, last first.
    ready: Vec<(u64, Vec<u8>)>,
    ended: bool,
}

/// Where the call runs that a stream is of.
enum Source {
    Here(watch::Receiver<u64>),
    Elsewhere(Elsewhere),
    /// It has ended, and what it left is in the store.
    Over,
}

struct Elsewhere {
    grown: watch::Receiver<()>,
    watched: Watched,
    request: Box<RawValue>,
    stopping: CancellationToken,
}

impl Replay {
    async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((count, mut entry)) = self.ready.pop() {
                self.after = count;
                let kind = entry.first().copied();
                self.ended = kind.is_some_and(is_last);
                if !matches!(kind, Some(WRITER | UNSAID)) {
                    let id = Some(format!("{}-{count}", self.number));
                    return Some(Event { id, retry_ms: None, data: entry.split_off(1.min(entry.len())) });
                }
            }
            if self.ended {
                return None;
            }
            let gone = self.is_gone().await;
            self.ready = self.core.sessions.store().read(&self.key, self.after).await.ok()?;
            self.ready.reverse();
            if !self.ready.is_empty() {
                continue;
            }
            if let Some(lost) = gone {
                self.ended = true;
                return Some(lost);
            }
            self.wait().await;
        }
    }

    /// If the host that writes the stream is gone: what the client reads then, once all that is there was read.
    async fn is_gone(&mut self) -> Option<Event> {
        let Source::Elsewhere(elsewhere) = &mut self.source else { return None };
        let gone = elsewhere.watched.is_gone(self.core.sessions.store().as_ref()).await;
        let lost = || Fault::Internal("the host that ran this call was lost; call again".into());
        gone.then(|| Event::message(lost().render(Some(&elsewhere.request), Some(self.era))))
    }

    /// Waits until there may be more. Ends the stream where there will be none.
    async fn wait(&mut self) {
        match &mut self.source {
            Source::Here(running) => {
                if let Ok(Err(_)) = time::timeout(LOOK_EVERY, running.changed()).await {
                    self.source = Source::Over;
                }
            }
            Source::Elsewhere(elsewhere) => {
                select! {
                    () = elsewhere.stopping.cancelled() => self.ended = true,
                    _ = time::timeout(LOOK_EVERY, elsewhere.grown.changed()) => {}
                }
            }
            // One more look has found nothing.
            Source::Over => self.ended = true,
        }
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        if let Source::Elsewhere(elsewhere) = &mut self.source {
            // Let go first, so that it does not count as a reader any more.
            elsewhere.grown = watch::channel(()).1;
            self.core.sessions.unfollow(&self.key);
        }
    }
}
