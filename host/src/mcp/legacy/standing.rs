//! The stream that a client opens by GET: news of what it subscribed to, until one of the two has enough.

use std::{collections::VecDeque, sync::Arc};

use futures_util::{
    future::BoxFuture,
    stream::{self, StreamExt},
};
use serde_json::json;
use tokio::{select, sync::broadcast::error::RecvError};
use tokio_util::sync::CancellationToken;

use super::{session::Session, tasks::TaskJson};
use crate::{
    catalog::StreamPlace,
    mcp::{
        Core,
        followed::Followed,
        notification,
        sight::Sight,
        stream::{Event, Events},
        visitor::Visitor,
    },
    signals::{Listener, News, Signal},
};

struct Standing {
    core: Arc<Core>,
    visitor: Visitor,
    sight: Sight,
    session: Session,
    signals: Listener,
    stopping: CancellationToken,
    /// Another stream of the same session has taken over, or the session has ended.
    replaced: CancellationToken,
    /// Ends when its caller would not be let in again.
    leave: BoxFuture<'static, ()>,
    /// What is to be said next.
    next: VecDeque<Vec<u8>>,
    /// The session's tasks.
    followed: Followed,
    _place: StreamPlace,
}

/// Opens the session's stream. A message goes to one stream only, so an older one ends.
pub(super) fn open(
    core: Arc<Core>,
    visitor: Visitor,
    session: Session,
    mut signals: Listener,
    (stopping, leave): (CancellationToken, BoxFuture<'static, ()>),
    (followed, place): (Followed, StreamPlace),
) -> Events {
    signals.want(&session.uid.to_string());
    let replaced = CancellationToken::new();
    let before = core.sessions.standing.pin().insert(session.uid, replaced.clone()).cloned();
    if let Some(before) = before {
        before.cancel();
    }
    let (sight, next) = (Sight::of(&visitor), VecDeque::new());
    let standing =
        Standing { core, visitor, sight, session, signals, stopping, replaced, leave, next, followed, _place: place };
    stream::unfold(standing, async |mut standing| Some((Event::message(standing.next().await?), standing))).boxed()
}

impl Standing {
    async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(message) = self.next.pop_front() {
                return Some(message);
            }
            let signal = select! {
                biased;
                () = self.stopping.cancelled() => return None,
                () = self.replaced.cancelled() => return None,
                () = &mut self.leave => return None,
                task = self.followed.next() => {
                    if task.is_ended() {
                        let (own, followed) = (self.session.uid.to_string(), &self.followed);
                        self.signals.want_only(|about| about == own || followed.has(about));
                    }
                    return Some(notification("notifications/tasks/status", &TaskJson::new(&task)));
                }
                signal = self.signals.recv() => signal,
            };
            match signal {
                Ok(Signal::TaskChanged { id }) => self.followed.look_at(&id),
                Ok(Signal::SessionTask { id, .. }) => {
                    // Heard of from before it is looked at, so that nothing is missed in between.
                    self.signals.want(&id);
                    self.followed.add(&id);
                }
                Ok(Signal::Missed) => {
                    self.followed.look_at_all();
                    self.next = self.everything();
                }
                Ok(Signal::Changed { tenant, news }) if tenant == self.visitor.principal.tenant => {
                    self.next.extend(self.news(&news));
                }
                Ok(Signal::Policies) => {
                    let changed = self.sight.look(&self.visitor);
                    self.next = self.told(changed);
                }
                Ok(Signal::PoliciesElsewhere) => self.next = self.told(self.sight.elsewhere()),
                Ok(_) => {}
                // Too slow for all that happened: the client comes back and asks anew.
                Err(RecvError::Lagged(_) | RecvError::Closed) => return None,
            }
        }
    }

    fn news(&self, news: &News) -> Option<Vec<u8>> {
        let nothing = || json!({});
        let (method, params) = match news {
            News::Tools => ("notifications/tools/list_changed", nothing()),
            News::Prompts => ("notifications/prompts/list_changed", nothing()),
            News::Resources => ("notifications/resources/list_changed", nothing()),
            News::Resource { uri } => {
                let notes = self.core.sessions.notebook.of(self.session.uid)?;
                (notes.subscriptions.contains(uri) && self.visitor.may_hear_of(uri)).then_some(())?;
                ("notifications/resources/updated", json!({ "uri": uri }))
            }
        };
        Some(notification(method, &params))
    }

    /// All that may have changed, where nobody knows what did.
    fn everything(&self) -> VecDeque<Vec<u8>> {
        let lists = [News::Tools, News::Prompts, News::Resources];
        let notes = self.core.sessions.notebook.of(self.session.uid);
        let followed = notes.map(|notes| notes.subscriptions.clone()).unwrap_or_default();
        let updated = followed.into_iter().map(|uri| News::Resource { uri });
        self.told(lists.into_iter().chain(updated))
    }

    fn told(&self, news: impl IntoIterator<Item = News>) -> VecDeque<Vec<u8>> {
        news.into_iter().filter_map(|news| self.news(&news)).collect()
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        // Only if no other stream took its place.
        if !self.replaced.is_cancelled() {
            self.core.sessions.standing.pin().remove(&self.session.uid);
        }
    }
}
