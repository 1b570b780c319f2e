//! What this host does for its sessions because of what their clients said to another.
//!
//! The balancer sends each request to any host. So an answer arrives at a host that did not ask, a cancellation where the
//! call does not run, a stream is taken up where it did not begin. What matters is in the store; the word of the other host
//! only says when to look.

use std::{sync::Arc, sync::atomic::Ordering};

use futures_util::stream::{self, StreamExt};
use tokio::sync::watch;

use super::session::{Growing, Sessions, Uid, left_answer, left_cancellation};
use crate::hosts::Word;

/// What is looked for at once.
const LOOKS_MAX: usize = 64;

impl Sessions {
    /// Acts on what another host said. What cannot be read from the store now is noticed at a later look.
    pub(crate) async fn hear(&self, word: Word) {
        match word {
            Word::Noted { session } => {
                let Some(uid) = Uid::parse(&session) else { return };
                if let Err(error) = self.notebook.reread(uid).await {
                    tracing::warn!(%error, "the notes of a session cannot be read");
                }
                self.stop_if_ended(uid);
            }
            Word::Answered { session, question } => {
                if let Some(uid) = Uid::parse(&session) {
                    self.look_for_answer(uid, &question).await;
                }
            }
            Word::Cancelled { session, request } => {
                if let Some(uid) = Uid::parse(&session)
                    && let Some(running) = self.running.pin().get(&(uid, request))
                {
                    running.cancel();
                }
            }
            Word::Opened { session } => {
                if let Some(uid) = Uid::parse(&session) {
                    self.yield_standing(uid).await;
                }
            }
            Word::Followed { stream } => {
                let growing = self.streams.pin().get(&stream).cloned();
                if let Some(growing) = growing {
                    growing.followed.store(true, Ordering::Relaxed);
                    // It may have grown between the reader's last look and its word.
                    self.hosts.tell(Word::Grown { stream }).await;
                }
            }
            Word::Grown { stream } => {
                if let Some(readers) = self.followed.pin().get(&stream) {
                    readers.send_replace(());
                }
            }
            Word::News(_) | Word::Missed => {}
        }
    }

    /// Looks at everything anew of which another host may have spoken.
    pub(crate) async fn look_anew(&self) {
        if let Err(error) = self.notebook.recall().await {
            tracing::warn!(%error, "the notes of the sessions cannot be read");
        }
        let running: Vec<(Uid, String)> = self.running.pin().keys().cloned().collect();
        let standing: Vec<Uid> = self.standing.pin().keys().copied().collect();
        for uid in running.iter().map(|(uid, _)| uid).chain(&standing) {
            self.stop_if_ended(*uid);
        }
        stream::iter(standing).for_each_concurrent(LOOKS_MAX, |uid| self.yield_standing(uid)).await;
        stream::iter(running).for_each_concurrent(LOOKS_MAX, |call| self.look_for_cancellation(call)).await;
        self.look_for_answers().await;
        let followed: Vec<String> = self.followed.pin().keys().cloned().collect();
        for stream in followed {
            if let Some(readers) = self.followed.pin().get(&stream) {
                readers.send_replace(());
            }
            self.hosts.tell(Word::Followed { stream }).await;
        }
    }

    /// Looks for the answers to all questions that are out: the host that took one may have ended before it could say so.
    pub(crate) async fn look_for_answers(&self) {
        let waiting: Vec<(Uid, String)> =
            self.waiting.pin().iter().map(|(question, waiting)| (waiting.asked, question.clone())).collect();
        let look = async |(uid, question): (Uid, String)| self.look_for_answer(uid, &question).await;
        stream::iter(waiting).for_each_concurrent(LOOKS_MAX, look).await;
    }

    async fn look_for_answer(&self, uid: Uid, question: &str) {
        if !self.waiting.pin().contains_key(question) {
            return;
        }
        let key = left_answer(&uid.to_string(), question);
        let Ok(Some(answer)) = self.store().get(&key).await else { return };
        if let Ok(answer) = serde_json::from_slice(&answer) {
            self.answer(uid, question, answer);
        }
        // It is gone soon in any case.
        let _ = self.store().delete(&key).await;
    }

    async fn look_for_cancellation(&self, (uid, request): (Uid, String)) {
        let key = left_cancellation(&uid.to_string(), &request);
        if let Ok(Some(_)) = self.store().get(&key).await
            && let Some(running) = self.running.pin().get(&(uid, request))
        {
            running.cancel();
        }
    }

    fn stop_if_ended(&self, uid: Uid) {
        if self.notebook.of(uid).is_some_and(|notes| notes.ended) {
            self.stop(uid);
        }
    }

    /// Ends the session's stream of news on this host, if another has it now.
    async fn yield_standing(&self, uid: Uid) {
        let Some(standing) = self.standing.pin().get(&uid).cloned() else { return };
        let own = self.hosts.id().as_str().as_bytes();
        if let Ok(Some(owner)) = self.store().get(&standing_key(uid)).await
            && owner != own
        {
            standing.cancel();
        }
    }

    /// Reads a stream here whose call runs elsewhere: changes when it has grown.
    pub(super) async fn follow(&self, stream: &str) -> watch::Receiver<()> {
        let grown = self.followed.pin().get_or_insert_with(stream.to_owned(), || watch::Sender::new(())).subscribe();
        self.hosts.tell(Word::Followed { stream: stream.to_owned() }).await;
        grown
    }

    /// Tells those who read a stream elsewhere that it has grown.
    pub(super) async fn has_grown(&self, growing: &Growing, stream: &str) {
        if growing.followed.load(Ordering::Relaxed) {
            self.hosts.tell(Word::Grown { stream: stream.to_owned() }).await;
        }
    }

    /// Forgets a stream that nobody reads here any more. A reader that comes at the same moment looks by itself.
    pub(super) fn unfollow(&self, stream: &str) {
        let unread = |_: &String, readers: &watch::Sender<()>| readers.receiver_count() == 0;
        let _ = self.followed.pin().remove_if(stream, unread);
    }

    /// Says that this host has the session's stream of news now. The last to say so has it.
    pub(super) async fn take_standing(&self, uid: Uid) {
        let own = Arc::clone(&self.hosts);
        let taken = self.store().put(&standing_key(uid), own.id().as_str().as_bytes(), STANDING_TTL).await;
        if let Err(error) = taken {
            tracing::warn!(%error, "a stream of news that is open on another host does not end");
        }
        // What came up here before it is not heard on the new stream: the old one says it before it hears that it ends.
        self.hosts.tell_behind(Word::Opened { session: uid.to_string() });
    }
}

/// Where it says which host has a session's stream of news.
fn standing_key(uid: Uid) -> String {
    format!("standing/{uid}")
}

/// How long that is known: long enough for those that it replaces to notice.
const STANDING_TTL: std::time::Duration = std::time::Duration::from_secs(600);
