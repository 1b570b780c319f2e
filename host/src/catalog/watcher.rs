//! Hot reload: the folders are read again as soon as something in one of them changes, or somebody says so.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use tokio::{
    sync::{mpsc, oneshot},
    time,
};
use tokio_util::sync::CancellationToken;

use super::Loaders;
use crate::{audit::record::Change, config::Config, metrics};

/// A burst of events ends when nothing came for this long: the time between two writes of one `cp`, not a person's patience.
const QUIET: Duration = Duration::from_millis(5);

/// A burst that does not end is read anyway.
const BURST_MAX: Duration = Duration::from_millis(100);

/// Some file systems (network mounts, bind mounts of other machines) send no events: look now and then.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What whoever reads the folders is told to do.
pub enum Order {
    /// Look now, whether or not something seems to have changed; then say that it is done.
    Look(oneshot::Sender<()>),
    /// Go on with another configuration; then say that it is in force.
    Configure(Arc<Config>, oneshot::Sender<()>),
}

/// Watches the folders of all tenants until `stop`, and does what it is ordered to. Where the system offers no events, looks
/// every few seconds, and says so.
pub async fn watch(mut loaders: Loaders, mut orders: mpsc::Receiver<Order>, stop: CancellationToken) {
    let (sender, mut events) = mpsc::channel(1);
    let mut watching = Watching::new(sender);
    watching.follow(loaders.dirs());
    // What changed between the first reading and the first watch sent no event: look once right away.
    let mut look_again = Duration::ZERO;
    loop {
        let mut done = None;
        tokio::select! {
            () = stop.cancelled() => return,
            Some(order) = orders.recv() => match order {
                Order::Look(told) => done = Some(told),
                Order::Configure(config, told) => {
                    loaders.configure(config);
                    metrics::reloaded("configuration", true);
                    let change = Change { what: "configuration", change: "reloaded", name: None, reason: None };
                    loaders.audit().note(&change);
                    watching.follow(loaders.dirs());
                    done = Some(told);
                }
            },
            Some(()) = events.recv() => settle(&mut events).await,
            () = time::sleep(look_again) => {}
        }
        look_again = match loaders.scan().await {
            Ok(again) => again.unwrap_or(LOOK_EVERY),
            Err((dir, reason)) => {
                tracing::warn!(dir = %dir.display(), %reason, "a plugin folder cannot be read; what was in it stays as it is");
                LOOK_EVERY
            }
        };
        if let Some(done) = done {
            // Whoever gave the order may not wait for it.
            let _ = done.send(());
        }
    }
}

/// The folders that are watched. One watcher for all: the system has few.
struct Watching {
    watcher: Option<RecommendedWatcher>,
    dirs: BTreeSet<PathBuf>,
}

impl Watching {
    fn new(events: mpsc::Sender<()>) -> Self {
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // A full channel already holds the news.
            if event.map_or(true, |event| matters(&event.kind)) {
                let _ = events.try_send(());
            }
        });
        let watcher = watcher.inspect_err(|reason| tracing::warn!(%reason, every = ?LOOK_EVERY, "there are no events of plugin folders; looking at them now and then"));
        Self { watcher: watcher.ok(), dirs: BTreeSet::new() }
    }

    /// Watches these folders, and no others.
    fn follow(&mut self, dirs: BTreeSet<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        for gone in self.dirs.difference(&dirs) {
            // It may be gone altogether.
            let _ = watcher.unwatch(gone);
        }
        for dir in dirs.difference(&self.dirs) {
            if let Err(reason) = watcher.watch(dir, RecursiveMode::NonRecursive) {
                tracing::warn!(dir = %dir.display(), %reason, every = ?LOOK_EVERY, "the plugin folder sends no events; looking at it now and then");
            }
        }
        self.dirs = dirs;
    }
}

async fn settle(events: &mut mpsc::Receiver<()>) {
    let quiet = async { while time::timeout(QUIET, events.recv()).await.is_ok_and(|event| event.is_some()) {} };
    let _ = time::timeout(BURST_MAX, quiet).await;
}

/// Reading a file is an event too, and reading is what a scan does.
fn matters(kind: &EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if *access != AccessKind::Close(AccessMode::Write))
}
