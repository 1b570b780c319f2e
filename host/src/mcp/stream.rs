//! An answer that may become a stream: JSON if nothing is said before the result, events from the first word on.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::{Stream, future::BoxFuture};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::{select, sync::mpsc};

use super::{Answer, Fault, Rejection, message::Id, notification};
use crate::sandbox::{Said, Voice};

/// Words that may wait for a slow reader before further ones are dropped.
const WAITING_MAX: usize = 64;

/// What the client is told of a call while it runs: its progress under the client's token.
pub(super) struct Listener {
    token: Box<RawValue>,
    said: mpsc::Receiver<Said>,
}

impl Listener {
    /// A voice for the guest, and the ear at its other end, if the client asked for progress and can read a stream.
    pub(super) fn new(token: Option<&RawValue>, takes_events: bool) -> (Option<Voice>, Option<Self>) {
        let Some(token) = token.filter(|_| takes_events) else { return (None, None) };
        let (voice, said) = mpsc::channel(WAITING_MAX);
        (Some(voice), Some(Self { token: token.to_owned(), said }))
    }

    fn render(&self, said: &Said) -> Vec<u8> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Progress<'a> {
            progress_token: &'a RawValue,
            progress: f64,
            #[serde(skip_serializing_if = "Option::is_none")]
            total: Option<f64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            message: Option<&'a str>,
        }
        let Said::Progress { progress, total, message } = said;
        let params =
            Progress { progress_token: &self.token, progress: *progress, total: *total, message: message.as_deref() };
        notification("notifications/progress", &params)
    }
}

/// The JSON-RPC messages of an answer, the response last. Dropping it ends the call that it waits for.
pub struct Events {
    first: Option<Vec<u8>>,
    listener: Listener,
    id: Id,
    last: Option<BoxFuture<'static, Result<Vec<u8>, Fault>>>,
}

/// Waits for the first word: the response if the guest says nothing before it, else the beginning of a stream.
pub(super) async fn first_word(
    id: Id,
    listener: Option<Listener>,
    response: impl Future<Output = Result<Vec<u8>, Fault>> + Send + 'static,
) -> Result<Answer, Rejection> {
    let Some(mut listener) = listener else {
        return response.await.map(Answer::Message).map_err(|fault| Rejection { id: Some(id), fault });
    };
    let mut response: BoxFuture<'static, _> = Box::pin(response);
    select! {
        biased;
        // What was said is said first, even where the result is there too.
        Some(said) = listener.said.recv() => {
            let first = Some(listener.render(&said));
            Ok(Answer::Events(Events { first, listener, id, last: Some(response) }))
        }
        message = &mut response => match (message, listener.said.try_recv()) {
            (Ok(message), Err(_)) => Ok(Answer::Message(message)),
            (Err(fault), Err(_)) => Err(Rejection { id: Some(id), fault }),
            (message, Ok(said)) => {
                let first = Some(listener.render(&said));
                Ok(Answer::Events(Events { first, listener, id, last: Some(Box::pin(std::future::ready(message))) }))
            }
        },
    }
}

impl Stream for Events {
    type Item = Vec<u8>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        let Some(response) = &mut self.last else { return Poll::Ready(None) };
        let ended = match response.as_mut().poll(context) {
            Poll::Ready(message) => Some(message),
            Poll::Pending => None,
        };
        if let Some(message) = ended {
            // Words that came before the end go out before it.
            if let Ok(said) = self.listener.said.try_recv() {
                self.last = Some(Box::pin(std::future::ready(message)));
                return Poll::Ready(Some(self.listener.render(&said)));
            }
            self.last = None;
            let id = &self.id;
            return Poll::Ready(Some(message.unwrap_or_else(|fault| fault.render(Some(id)))));
        }
        match ready!(self.listener.said.poll_recv(context)) {
            Some(said) => Poll::Ready(Some(self.listener.render(&said))),
            // The guest's voice is gone and the response is about to come: its waker is already set.
            None => Poll::Pending,
        }
    }
}
