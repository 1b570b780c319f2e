//! An answer that may become a stream: JSON if nothing is said before the result, events from the first word on.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::{
    Stream,
    future::BoxFuture,
    stream::{BoxStream, StreamExt},
};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::{select, sync::mpsc};

use super::{Answer, Rejection, era::Era, fault::Fault, level, message::Id, notification};
use crate::sandbox::{Said, Voice, contract::Level};

/// Words that may wait for a slow reader before further ones are dropped.
const WAITING_MAX: usize = 256;

/// One event of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// What `Last-Event-ID` repeats; `None` where the stream cannot be taken up again.
    pub id: Option<String>,
    /// How long a client waits before it comes back, in milliseconds.
    pub retry_ms: Option<u32>,
    /// A JSON-RPC message, or nothing.
    pub data: Vec<u8>,
}

impl Event {
    /// An event that is only a message.
    pub(super) fn message(data: Vec<u8>) -> Self {
        Self { data, ..Self::default() }
    }
}

/// The events of an answer. Dropping them means that nobody reads any more.
pub type Events = BoxStream<'static, Event>;

/// What the client is told of a call while it runs.
pub(super) struct Listener {
    token: Option<Box<RawValue>>,
    said: mpsc::Receiver<Said>,
}

impl Listener {
    /// A voice for the guest, and the ear at its other end, if the client wants to hear anything and can.
    pub(super) fn new(
        token: Option<&RawValue>,
        log: Option<Level>,
        takes_events: bool,
    ) -> (Option<Voice>, Option<Self>) {
        if !takes_events || (token.is_none() && log.is_none()) {
            return (None, None);
        }
        let (sender, said) = mpsc::channel(WAITING_MAX);
        let voice = Voice { sender, progress: token.is_some(), log };
        (Some(voice), Some(Self { token: token.map(RawValue::to_owned), said }))
    }

    /// The next notification; `None` when the guest will say no more.
    pub(super) async fn next(&mut self) -> Option<Vec<u8>> {
        self.said.recv().await.map(|said| self.render(&said))
    }

    /// The next notification if there is one now.
    pub(super) fn ready(&mut self) -> Option<Vec<u8>> {
        self.said.try_recv().ok().map(|said| self.render(&said))
    }

    fn render(&self, said: &Said) -> Vec<u8> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Progress<'a> {
            progress_token: Option<&'a RawValue>,
            progress: f64,
            #[serde(skip_serializing_if = "Option::is_none")]
            total: Option<f64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            message: Option<&'a str>,
        }
        #[derive(Serialize)]
        struct Log<'a> {
            level: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            logger: Option<&'a str>,
            data: &'a str,
        }
        match said {
            Said::Progress { progress, total, message } => {
                let progress_token = self.token.as_deref();
                let params =
                    Progress { progress_token, progress: *progress, total: *total, message: message.as_deref() };
                notification("notifications/progress", &params)
            }
            Said::Log { level, logger, message } => {
                let params = Log { level: level::name(*level), logger: logger.as_deref(), data: message };
                notification("notifications/message", &params)
            }
        }
    }
}

/// Waits for the first word: the response if the guest says nothing before it, else the beginning of a stream. Dropping
/// either ends the call.
pub(super) async fn first_word(
    era: Era,
    id: Id,
    listener: Option<Listener>,
    response: impl Future<Output = Result<Vec<u8>, Fault>> + Send + 'static,
) -> Result<Answer, Rejection> {
    let Some(mut listener) = listener else {
        return response.await.map(Answer::Message).map_err(|fault| Rejection { id: Some(id), fault });
    };
    let mut response: BoxFuture<'static, _> = Box::pin(response);
    let (first, response) = select! {
        biased;
        Some(first) = listener.next() => (first, response),
        message = &mut response => match (listener.ready(), message) {
            (None, Ok(message)) => return Ok(Answer::Message(message)),
            (None, Err(fault)) => return Err(Rejection { id: Some(id), fault }),
            // What was said is said first, even where the result is there too.
            (Some(said), message) => (said, Box::pin(std::future::ready(message)) as BoxFuture<'static, _>),
        },
    };
    Ok(Answer::Events(Progressing { first: Some(first), listener, era, id, response: Some(response) }.boxed()))
}

/// The messages of a call that spoke before it ended, the response last.
struct Progressing {
    first: Option<Vec<u8>>,
    listener: Listener,
    era: Era,
    id: Id,
    response: Option<BoxFuture<'static, Result<Vec<u8>, Fault>>>,
}

impl Stream for Progressing {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Event::message(first)));
        }
        let Some(response) = &mut self.response else { return Poll::Ready(None) };
        if let Poll::Ready(message) = response.as_mut().poll(context) {
            // Words that came before the end go out before it.
            if let Some(said) = self.listener.ready() {
                self.response = Some(Box::pin(std::future::ready(message)));
                return Poll::Ready(Some(Event::message(said)));
            }
            self.response = None;
            let (id, era) = (&self.id, self.era);
            return Poll::Ready(Some(Event::message(
                message.unwrap_or_else(|fault| fault.render(Some(id), Some(era))),
            )));
        }
        match self.listener.said.poll_recv(context) {
            Poll::Ready(Some(said)) => Poll::Ready(Some(Event::message(self.listener.render(&said)))),
            // The guest will say no more: the response is what is left to wait for, and its waker is set.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}
