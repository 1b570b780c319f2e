//! The stream that a client opens by GET: news of what it subscribed to, until one of the two has enough.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{
    future::BoxFuture,
    stream::{self, StreamExt},
};
use serde_json::json;
use tokio::{select, sync::broadcast::error::RecvError};
use tokio_util::sync::CancellationToken;

use super::{
    notes::Notes,
    session::{Session, Uid},
    tasks::TaskJson,
};
use crate::{
    catalog::StreamPlace,
    mcp::{
        Core,
        era::LegacyVersion,
        followed::Followed,
        notification,
        sight::Sight,
        stream::{Event, Events},
        visitor::Visitor,
    },
    signals::{Listener, News, Signal},
};

/// How long news may turn out to be of something that the session follows: longer than hosts take to hear what a client said to
/// another of them.
const UNSAID_FOR: Duration = Duration::from_secs(5);

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
    /// When news of a resource was last left unsaid, since the session does not follow it, and what was known then of what it follows.
    unsaid: Option<(Instant, Option<Arc<Notes>>)>,
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
    let first = first(&session);
    let standing = Standing {
        core,
        visitor,
        sight,
        session,
        signals,
        stopping,
        replaced,
        leave,
        next,
        unsaid: None,
        followed,
        _place: place,
    };
    let news = stream::unfold(standing, async |mut standing| Some((Event::message(standing.next().await?), standing)));
    stream::iter(first).chain(news).boxed()
}

/// An event that says nothing, from 2025-11-25 on (SEP-1699). Nothing is replayed behind its id: clients that open a stream again only
/// if they saw one, or give up when it stays the same, do so with this.
fn first(session: &Session) -> Option<Event> {
    let id = (session.version >= LegacyVersion::V2025_11_25).then(Uid::new)?.ok()?;
    Some(Event { id: Some(format!("news-{id}")), ..Event::default() })
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
                () = &mut self.leave => return None,
                task = self.followed.next() => {
                    if task.is_ended() {
                        let (own, followed) = (self.session.uid.to_string(), &self.followed);
                        self.signals.want_only(|about| about == own || followed.has(about));
                    }
                    return Some(notification("notifications/tasks/status", &TaskJson::new(&task)));
                }
                signal = self.signals.recv() => signal,
                // Only once all is said that was heard before: the one that took over may have come too late for it.
                () = self.replaced.cancelled() => return None,
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
                    // Before it is looked at: what comes to be known meanwhile is new.
                    let known = self.notes();
                    let said = self.news(&news);
                    if said.is_none() {
                        self.unsaid = Some((Instant::now(), known));
                    }
                    self.next.extend(said);
                }
                Ok(Signal::SessionNotes { .. }) => self.next = self.late(),
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
                let notes = self.notes()?;
                (notes.subscriptions.contains(uri) && self.visitor.may_hear_of(uri)).then_some(())?;
                ("notifications/resources/updated", json!({ "uri": uri }))
            }
        };
        Some(notification(method, &params))
    }

    /// News of what the session has followed for longer than was known here. What comes up on this host is heard at once, and what
    /// a client asked of another host is not: it may have asked before.
    fn late(&mut self) -> VecDeque<Vec<u8>> {
        let unsaid = self.unsaid.take().filter(|(since, _)| since.elapsed() < UNSAID_FOR);
        let (Some((since, before)), Some(now)) = (unsaid, self.notes()) else { return VecDeque::new() };
        let known: HashSet<&String> = before.iter().flat_map(|notes| &notes.subscriptions).collect();
        let fresh = now.subscriptions.iter().filter(|uri| !known.contains(uri));
        let said = self.told(fresh.map(|uri| News::Resource { uri: uri.clone() }));
        self.unsaid = Some((since, Some(now)));
        said
    }

    /// What the session asked for, as far as this host knows.
    fn notes(&self) -> Option<Arc<Notes>> {
        self.core.sessions.notebook.of(self.session.uid)
    }

    /// All that may have changed, where nobody knows what did.
    fn everything(&self) -> VecDeque<Vec<u8>> {
        let lists = [News::Tools, News::Prompts, News::Resources];
        let followed = self.notes().map(|notes| notes.subscriptions.clone()).unwrap_or_default();
        let updated = followed.into_iter().map(|uri| News::Resource { uri });
        self.told(lists.into_iter().chain(updated))
    }

    fn told(&self, news: impl IntoIterator<Item = News>) -> VecDeque<Vec<u8>> {
        news.into_iter().filter_map(|news| self.news(&news)).collect()
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        // Its own entry, and not that of a stream that took its place.
        self.replaced.cancel();
        let _ = self.core.sessions.standing.pin().remove_if(&self.session.uid, |_, token| token.is_cancelled());
    }
}
