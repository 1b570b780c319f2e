//! Hot reload: the folder is read again as soon as something in it changes.

use std::time::Duration;

use notify::{
    Event, EventKind, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use tokio::{sync::mpsc, time};
use tokio_util::sync::CancellationToken;

use super::Loader;

/// A burst of events ends when nothing came for this long: the time between two writes of one `cp`, not a person's patience.
const QUIET: Duration = Duration::from_millis(5);

/// A burst that does not end is read anyway.
const BURST_MAX: Duration = Duration::from_millis(100);

/// Some file systems (network mounts, bind mounts of other machines) send no events: look now and then.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Watches the loader's folder until `stop`. Where the system offers no events, looks every few seconds, and says so.
pub async fn watch(mut loader: Loader, stop: CancellationToken) {
    let (sender, mut events) = mpsc::channel(1);
    let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // A full channel already holds the news.
        if event.map_or(true, |event| matters(&event.kind)) {
            let _ = sender.try_send(());
        }
    });
    let watching = watcher.and_then(|mut watcher| {
        watcher.watch(loader.dir(), RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    if let Err(reason) = &watching {
        tracing::warn!(%reason, every = ?LOOK_EVERY, "the plugin folder sends no events; looking at it now and then");
    }
    // What changed between the first reading and the first watch sent no event: look once right away.
    let mut look_again = Duration::ZERO;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(()) = events.recv() => settle(&mut events).await,
            () = time::sleep(look_again) => {}
        }
        look_again = match loader.scan().await {
            Ok(again) => again.unwrap_or(LOOK_EVERY),
            Err(reason) => {
                tracing::warn!(dir = %loader.dir().display(), %reason, "the plugin folder cannot be read; all stays as it is");
                LOOK_EVERY
            }
        };
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
