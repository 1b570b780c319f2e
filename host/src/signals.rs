//! News for whoever listens: a list is not what it was, a resource has new contents, a task is further.

mod listener;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

pub use self::listener::Listener;
use self::listener::Wants;

use crate::ids::TenantId;

/// News that wait for a slow listener; one that falls further behind is told so and asks for everything anew.
const WAITING_MAX: usize = 1024;

/// One piece of news.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// Something is different of what a tenant's callers see.
    Changed { tenant: TenantId, news: News },
    /// Its owner would see something new.
    TaskChanged { id: String },
    /// Some task waits for a host.
    TasksDue,
    /// A session has begun this task, and hears of it.
    SessionTask { session: String, id: String },
    /// What a session asked for on another host is known here now.
    SessionNotes { session: String },
    /// Policies are others here: what callers see may be, too. Each can tell for itself.
    Policies,
    /// The same on another host, from which this one cannot tell what its callers see there.
    PoliciesElsewhere,
    /// Something may have happened that was not heard here: whoever waits for it looks anew.
    Missed,
}

/// What is different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum News {
    Tools,
    Prompts,
    Resources,
    /// The contents of one resource.
    Resource {
        uri: String,
    },
}

/// Where news is given out and heard. Clones share it.
#[derive(Debug, Clone)]
pub struct Signals {
    sender: broadcast::Sender<Signal>,
    /// What is of no single task or session.
    common: broadcast::Sender<Signal>,
    /// Who wants to hear of which.
    wants: Arc<Wants>,
    /// What is said on this host, for those who pass it on to others.
    outward: broadcast::Sender<Signal>,
}

impl Signals {
    pub fn new() -> Self {
        let channel = || broadcast::Sender::new(WAITING_MAX);
        Self { sender: channel(), common: channel(), wants: Arc::default(), outward: channel() }
    }

    /// Tells everybody who listens now, on this host and on others.
    pub fn send(&self, signal: Signal) {
        // Nobody listening is no failure.
        let _ = self.outward.send(signal.clone());
        self.repeat(signal);
    }

    /// Tells everybody who listens here what another host has said.
    pub fn repeat(&self, signal: Signal) {
        match &signal {
            Signal::TaskChanged { id: about }
            | Signal::SessionTask { session: about, .. }
            | Signal::SessionNotes { session: about } => {
                self.wants.tell(about, &signal);
            }
            Signal::Changed { .. } | Signal::Policies | Signal::PoliciesElsewhere | Signal::Missed => {
                drop(self.common.send(signal.clone()));
            }
            Signal::TasksDue => {}
        }
        let _ = self.sender.send(signal);
    }

    /// Tells everybody that policies are others on this host.
    pub fn say_policies_changed(&self) {
        let _ = self.outward.send(Signal::PoliciesElsewhere);
        self.repeat(Signal::Policies);
    }

    /// Hears what concerns everybody, and of those tasks and sessions that it wants: what a task costs must not depend on how
    /// many listen.
    pub fn listener(&self) -> Listener {
        Listener::new(self.common.subscribe(), Arc::clone(&self.wants))
    }

    /// Hears everything that is said from now on, here or elsewhere.
    pub fn listen(&self) -> broadcast::Receiver<Signal> {
        self.sender.subscribe()
    }

    /// Where news of `tenant` is given out.
    pub fn of(&self, tenant: &TenantId) -> TenantSignals {
        TenantSignals { tenant: tenant.clone(), signals: self.clone() }
    }

    /// Hears only what this host says.
    pub fn listen_outward(&self) -> broadcast::Receiver<Signal> {
        self.outward.subscribe()
    }
}

/// Where news of one tenant is given out.
#[derive(Debug, Clone)]
pub struct TenantSignals {
    tenant: TenantId,
    signals: Signals,
}

impl TenantSignals {
    /// Tells those who listen as this tenant's.
    pub fn send(&self, news: News) {
        self.signals.send(Signal::Changed { tenant: self.tenant.clone(), news });
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self::new()
    }
}
