//! `subscriptions/listen`: news of what the client asked for, until one of the two has enough
//! (MCP 2026-07-28, "Subscriptions").

use std::collections::VecDeque;

use futures_util::{
    future::BoxFuture,
    stream::{self, StreamExt},
};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::{select, sync::broadcast::error::RecvError};
use tokio_util::sync::CancellationToken;

use super::tasks::{self, TaskJson};
use crate::{
    catalog::StreamPlace,
    mcp::{
        Answer, Server,
        fault::Fault,
        followed::{self, Followed},
        message::{Filter, Id, Params},
        notification, response,
        sight::Sight,
        stream::Event,
        visitor::Visitor,
    },
    signals::{Listener, News, Signal},
    tasks::Task,
};

/// URIs that one stream may follow.
const SUBSCRIPTIONS_MAX: usize = 1000;

/// `_meta` of everything on the stream.
#[derive(Serialize)]
struct Meta<'a> {
    #[serde(rename = "io.modelcontextprotocol/subscriptionId")]
    id: &'a RawValue,
}

struct Listening {
    id: Id,
    visitor: Visitor,
    sight: Sight,
    filter: Filter,
    signals: Listener,
    stopping: CancellationToken,
    /// Ends when its caller would not be let in again.
    leave: BoxFuture<'static, ()>,
    at: At,
    followed: Followed,
    /// What is to be said next.
    next: VecDeque<Vec<u8>>,
    _place: StreamPlace,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Beginning,
    Middle,
    End,
}

/// Opens a stream: acknowledged first, then news, and a result if it is the host that ends it.
pub(super) async fn listen(server: &Server, visitor: &Visitor, params: &Params<'_>, id: &Id) -> Result<Answer, Fault> {
    let place = visitor.tenant.share.open_stream().map_err(Fault::Exceeded)?;
    let mut filter = params
        .notifications
        .clone()
        .map(|filter| filter.0)
        .ok_or_else(|| Fault::InvalidParams("`notifications` is missing".into()))?;
    if filter.resource_subscriptions.len() > SUBSCRIPTIONS_MAX {
        return Err(Fault::InvalidParams(format!("`resourceSubscriptions` holds more than {SUBSCRIPTIONS_MAX} URIs")));
    }
    // Heard from here on, so that nothing is missed between the acknowledgment and the first wait.
    let mut signals = server.signals.listener();
    let sight = Sight::of(visitor);
    if filter.task_ids.is_some() && !params.meta.knows_tasks() {
        return Err(tasks::unknown_to_client());
    }
    let ids = filter.task_ids.as_deref().unwrap_or_default();
    followed::check(ids)?;
    ids.iter().for_each(|id| signals.want(id));
    let followed = Followed::new(&server.core, &visitor.principal, ids).await?;
    signals.want_only(|id| followed.has(id));
    filter.task_ids = filter.task_ids.map(|_| followed.ids());
    let (id, stopping, leave) = (id.clone(), server.stopping.clone(), server.leave_of(visitor));
    let (visitor, at, next) = (visitor.clone(), At::Beginning, VecDeque::new());
    let listening =
        Listening { id, visitor, sight, filter, signals, stopping, leave, at, followed, next, _place: place };
    let events = stream::unfold(listening, async |mut listening| {
        let message = listening.next().await?;
        Some((Event::message(message), listening))
    });
    Ok(Answer::Events(events.boxed()))
}

impl Listening {
    async fn next(&mut self) -> Option<Vec<u8>> {
        if self.at == At::Beginning {
            self.at = At::Middle;
            return Some(self.acknowledged());
        }
        while self.at == At::Middle {
            if let Some(message) = self.next.pop_front() {
                return Some(message);
            }
            let signal = select! {
                biased;
                () = self.stopping.cancelled() => {
                    self.at = At::End;
                    return Some(self.ended());
                }
                () = &mut self.leave => {
                    self.at = At::End;
                    return Some(self.ended());
                }
                task = self.followed.next() => {
                    if task.is_ended() {
                        let followed = &self.followed;
                        self.signals.want_only(|id| followed.has(id));
                    }
                    return Some(self.task(&task));
                }
                signal = self.signals.recv() => signal,
            };
            match signal {
                Ok(Signal::TaskChanged { id }) => self.followed.look_at(&id),
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
                // Too slow for all that happened: an ended stream tells the client to look at everything anew.
                Err(RecvError::Lagged(_) | RecvError::Closed) => self.at = At::End,
            }
        }
        None
    }

    fn acknowledged(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Acknowledged<'a> {
            #[serde(rename = "_meta")]
            meta: Meta<'a>,
            notifications: &'a Filter,
        }
        let params = Acknowledged { meta: Meta { id: &self.id }, notifications: &self.filter };
        notification("notifications/subscriptions/acknowledged", &params)
    }

    fn news(&self, news: &News) -> Option<Vec<u8>> {
        #[derive(Serialize)]
        struct Changed<'a> {
            #[serde(rename = "_meta")]
            meta: Meta<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            uri: Option<&'a str>,
        }
        let (method, uri) = match news {
            News::Tools if self.filter.tools_list_changed => ("notifications/tools/list_changed", None),
            News::Prompts if self.filter.prompts_list_changed => ("notifications/prompts/list_changed", None),
            News::Resources if self.filter.resources_list_changed => ("notifications/resources/list_changed", None),
            News::Resource { uri }
                if self.filter.resource_subscriptions.contains(uri) && self.visitor.may_hear_of(uri) =>
            {
                ("notifications/resources/updated", Some(uri.as_str()))
            }
            _ => return None,
        };
        Some(notification(method, &Changed { meta: Meta { id: &self.id }, uri }))
    }

    /// `notifications/tasks`
    fn task(&self, task: &Task) -> Vec<u8> {
        #[derive(Serialize)]
        struct Changed<'a> {
            #[serde(rename = "_meta")]
            meta: Meta<'a>,
            #[serde(flatten)]
            task: TaskJson<'a>,
        }
        let params = Changed { meta: Meta { id: &self.id }, task: TaskJson::detailed(task) };
        notification("notifications/tasks", &params)
    }

    /// All that may have changed, where nobody knows what did.
    fn everything(&self) -> VecDeque<Vec<u8>> {
        let lists = [News::Tools, News::Prompts, News::Resources];
        let followed = self.filter.resource_subscriptions.iter();
        let updated = followed.map(|uri| News::Resource { uri: uri.clone() });
        self.told(lists.into_iter().chain(updated))
    }

    fn told(&self, news: impl IntoIterator<Item = News>) -> VecDeque<Vec<u8>> {
        news.into_iter().filter_map(|news| self.news(&news)).collect()
    }

    fn ended(&self) -> Vec<u8> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Ended<'a> {
            result_type: &'static str,
            #[serde(rename = "_meta")]
            meta: Meta<'a>,
        }
        response(&self.id, &Ended { result_type: "complete", meta: Meta { id: &self.id } })
    }
}
