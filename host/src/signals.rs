//! News for whoever listens: a list is not what it was, a resource has new contents, a task is further.

use tokio::sync::broadcast;

/// News that wait for a slow listener; one that falls further behind is told so and asks for everything anew.
const WAITING_MAX: usize = 1024;

/// One piece of news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    ToolsChanged,
    PromptsChanged,
    ResourcesChanged,
    ResourceUpdated {
        uri: String,
    },
    /// Its owner would see something new.
    TaskChanged {
        id: String,
    },
    /// Some task waits for a host.
    TasksDue,
}

/// Where news is given out and heard. Clones share it.
#[derive(Debug, Clone)]
pub struct Signals {
    sender: broadcast::Sender<Signal>,
}

impl Signals {
    pub fn new() -> Self {
        Self { sender: broadcast::Sender::new(WAITING_MAX) }
    }

    /// Tells everybody who listens now.
    pub fn send(&self, signal: Signal) {
        // Nobody listening is no failure.
        let _ = self.sender.send(signal);
    }

    /// Hears everything that is sent from now on.
    pub fn listen(&self) -> broadcast::Receiver<Signal> {
        self.sender.subscribe()
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self::new()
    }
}
