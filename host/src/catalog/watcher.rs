//! Hot reload: a tenant's folder is read again as soon as something in it changes, and all of them when somebody says so. A change of
//! one tenant's is no work for the others.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{self, Instant},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Loaders, Scanned, Whose};
use crate::{config::Config, ids::TenantId, supply::Sources};

/// A burst of events ends when nothing came for this long: the time between two writes of one `cp`, not a person's patience.
const QUIET: Duration = Duration::from_millis(5);

/// A burst that does not end is read anyway.
const BURST_MAX: Duration = Duration::from_millis(100);

/// Some file systems (network mounts, bind mounts of other machines) send no events: look now and then.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Paths of one burst that are remembered. Beyond, whoever has so many is not looked for one by one.
const PATHS_MAX: usize = 1024;

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
    let mut watching = Watching::new();
    watching.follow(loaders.dirs());
    let mut pulling = Pulling::default();
    pulling.follow(loaders.sources());
    let (arrivals, stirred) = (loaders.arrivals(), Arc::clone(&watching.stirred));
    // What changed between the first reading and the first watch sent no event: look once right away.
    let mut due = Due { all: Instant::now(), again: BTreeMap::new() };
    loop {
        let mut done = None;
        let whose = tokio::select! {
            () = stop.cancelled() => return pulling.end().await,
            Some(order) = orders.recv() => {
                match order {
                    Order::Look(told) => done = Some(told),
                    Order::Configure(config, told) => {
                        loaders.configure(config);
                        watching.follow(loaders.dirs());
                        pulling.follow(loaders.sources());
                        done = Some(told);
                    }
                }
                Whose::All
            },
            () = stirred.told.notified() => watching.whose(stirred.settled().await),
            whose = arrivals.next() => Whose::These(whose),
            whose = due.next() => whose,
        };
        let scanned = loaders.scan(&whose).await;
        if let Some((dir, reason)) = scanned.failed.first() {
            let more = scanned.failed.len() - 1;
            tracing::warn!(dir = %dir.display(), %reason, more, "a plugin folder cannot be read; what was in it stays as it is");
        }
        due.looked(Instant::now(), &whose, scanned.again);
        if let Some(done) = done {
            // Whoever gave the order may not wait for it.
            let _ = done.send(());
        }
    }
}

/// When to look without being told to.
struct Due {
    all: Instant,
    /// Where something may have been half written, and when it is looked at again.
    again: BTreeMap<TenantId, Instant>,
}

impl Due {
    async fn next(&self) -> Whose {
        let (when, whose) = self.upcoming();
        time::sleep_until(when).await;
        whose
    }

    fn upcoming(&self) -> (Instant, Whose) {
        match self.again.values().min() {
            Some(&first) if first < self.all => {
                let due = self.again.iter().filter(|(_, when)| **when == first);
                (first, Whose::These(due.map(|(id, _)| id.clone()).collect()))
            }
            _ => (self.all, Whose::All),
        }
    }

    /// There was a look at `whose`, after which those are to be looked at again. Others' turns stay when they are.
    fn looked(&mut self, now: Instant, whose: &Whose, again: BTreeSet<TenantId>) {
        match whose {
            Whose::All => {
                self.all = now + LOOK_EVERY;
                self.again.clear();
            }
            Whose::These(ids) => self.again.retain(|id, _| !ids.contains(id)),
        }
        self.again.extend(again.into_iter().map(|id| (id, now + Scanned::SETTLE)));
    }
}

/// What is pulled from registries, beside all else.
#[derive(Default)]
struct Pulling {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Pulling {
    /// Pulls these, and no others.
    fn follow(&mut self, sources: Vec<Arc<Sources>>) {
        std::mem::take(&mut self.stop).cancel();
        for sources in sources {
            let stop = self.stop.clone();
            self.tasks.spawn(async move { sources.run(stop).await });
        }
    }

    async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// The folders that are watched. One watcher for all: the system has few.
struct Watching {
    watcher: Option<RecommendedWatcher>,
    dirs: BTreeMap<PathBuf, BTreeSet<TenantId>>,
    stirred: Arc<Stirred>,
}

impl Watching {
    fn new() -> Self {
        let stirred = Arc::<Stirred>::default();
        let ear = Arc::clone(&stirred);
        let watcher = notify::recommended_watcher(move |event| ear.hear(event));
        let watcher = watcher.inspect_err(|reason| tracing::warn!(%reason, every = ?LOOK_EVERY, "there are no events of plugin folders; looking at them now and then"));
        Self { watcher: watcher.ok(), dirs: BTreeMap::new(), stirred }
    }

    /// Watches these folders, and no others.
    fn follow(&mut self, dirs: BTreeMap<PathBuf, BTreeSet<TenantId>>) {
        let before = std::mem::replace(&mut self.dirs, dirs);
        let Some(watcher) = &mut self.watcher else { return };
        for gone in before.keys().filter(|dir| !self.dirs.contains_key(*dir)) {
            // It may be gone altogether.
            let _ = watcher.unwatch(gone);
        }
        for dir in self.dirs.keys().filter(|dir| !before.contains_key(*dir)) {
            if let Err(reason) = watcher.watch(dir, RecursiveMode::NonRecursive) {
                tracing::warn!(dir = %dir.display(), %reason, every = ?LOOK_EVERY, "the plugin folder sends no events; looking at it now and then");
            }
        }
    }

    /// Whose folders those are in which something changed.
    fn whose(&self, changed: Changed) -> Whose {
        let Changed::There(paths) = changed else { return Whose::All };
        let mut whose = BTreeSet::new();
        for path in &paths {
            // A file in a folder; or the folder itself, which may be in another one's.
            let dirs = [Some(path.as_path()), path.parent()].into_iter().flatten();
            let known: Vec<_> = dirs.filter_map(|dir: &Path| self.dirs.get(dir)).collect();
            if known.is_empty() {
                // Systems may call a folder otherwise than whoever watches it.
                return Whose::All;
            }
            whose.extend(known.into_iter().flatten().cloned());
        }
        Whose::These(whose)
    }
}

/// Where something changed.
#[derive(Debug, PartialEq, Eq)]
enum Changed {
    There(BTreeSet<PathBuf>),
    /// Anywhere.
    Somewhere,
}

/// What changed that nobody has looked at yet.
#[derive(Debug)]
struct Stirred {
    changed: Mutex<Changed>,
    told: Notify,
}

impl Default for Stirred {
    fn default() -> Self {
        Self { changed: Mutex::new(Changed::nothing()), told: Notify::new() }
    }
}

impl Changed {
    fn nothing() -> Self {
        Self::There(BTreeSet::new())
    }

    fn there(&mut self, paths: Vec<PathBuf>) {
        let Self::There(all) = self else { return };
        all.extend(paths);
        if all.len() > PATHS_MAX {
            *self = Self::Somewhere;
        }
    }
}

impl Stirred {
    /// Takes an event of the system's.
    fn hear(&self, event: notify::Result<Event>) {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Ok(event) if !matters(&event.kind) => return,
            Ok(event) if !event.need_rescan() && !event.paths.is_empty() => changed.there(event.paths),
            // Something was lost.
            Ok(_) | Err(_) => *changed = Changed::Somewhere,
        }
        drop(changed);
        self.told.notify_one();
    }

    /// Waits until a burst of events ends, and gives all that changed in it.
    async fn settled(&self) -> Changed {
        let quiet = async { while time::timeout(QUIET, self.told.notified()).await.is_ok() {} };
        let _ = time::timeout(BURST_MAX, quiet).await;
        self.take()
    }

    fn take(&self) -> Changed {
        std::mem::replace(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner), Changed::nothing())
    }
}

/// Reading a file is an event too, and reading is what a scan does.
fn matters(kind: &EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if *access != AccessKind::Close(AccessMode::Write))
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, Flag};

    use super::*;

    fn these(ids: &[&str]) -> BTreeSet<TenantId> {
        ids.iter().map(|id| id.parse().unwrap()).collect()
    }

    /// A thousand tenants, the folder of one of which is in another's, and two that share one.
    fn watching() -> Watching {
        let mut dirs = BTreeMap::<PathBuf, BTreeSet<TenantId>>::new();
        let mut add = |dir: &str, id: &str| dirs.entry(dir.into()).or_default().insert(id.parse().unwrap());
        for number in 0..1000 {
            add(&format!("/srv/t{number}"), &format!("t{number}"));
        }
        add("/srv/t7/inner", "inner");
        add("/srv/shared", "acme");
        add("/srv/shared", "bolt");
        Watching { watcher: None, dirs, stirred: Arc::default() }
    }

    /// Whose folders are looked at after these events.
    fn after(events: impl IntoIterator<Item = notify::Result<Event>>) -> Whose {
        let watching = watching();
        events.into_iter().for_each(|event| watching.stirred.hear(event));
        watching.whose(watching.stirred.take())
    }

    fn created(path: &str) -> notify::Result<Event> {
        Ok(Event::new(EventKind::Create(CreateKind::File)).add_path(path.into()))
    }

    #[test]
    fn a_save_costs_a_look_at_one_folder_of_a_thousand() {
        for (paths, expected) in [
            (&["/srv/t5/a.wasm", "/srv/t5/b.wasm"][..], &["t5"][..]),
            (&["/srv/t5/a.wasm", "/srv/t6/a.wasm"], &["t5", "t6"]),
            (&["/srv/shared/a.wasm"], &["acme", "bolt"]),
            // The folder itself is in another's, who may have a plugin of that name.
            (&["/srv/t7/inner"], &["t7", "inner"]),
        ] {
            let whose = after(paths.iter().map(|path| created(path)));
            assert_eq!(whose, Whose::These(these(expected)), "{paths:?}");
        }
        let read = Event::new(EventKind::Access(AccessKind::Read)).add_path("/srv/t8/a.wasm".into());
        assert_eq!(after([Ok(read)]), Whose::These(these(&[])));
    }

    #[test]
    fn what_is_not_known_is_looked_for_everywhere() {
        assert_eq!(after([created("/elsewhere/a.wasm")]), Whose::All);
        let lost = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert_eq!(after([created("/srv/t5/a.wasm"), Ok(lost)]), Whose::All);
        assert_eq!(after([Err(notify::Error::generic("away"))]), Whose::All);
        let many = (0..=PATHS_MAX).map(|number| created(&format!("/srv/t5/{number}.wasm")));
        assert_eq!(after(many), Whose::All);
    }

    #[test]
    fn those_who_wait_for_another_look_wait_for_it() {
        let looked_at = |ids: &[&str]| Whose::These(these(ids));
        let (now, later) = (Instant::now(), Instant::now() + QUIET);
        let mut due = Due { all: now + LOOK_EVERY, again: BTreeMap::new() };
        due.looked(now, &looked_at(&["acme"]), these(&["acme"]));
        let (when, _) = due.upcoming();
        // Others that are looked at in between neither take its turn nor put it off.
        due.looked(now, &looked_at(&["bolt"]), these(&[]));
        due.looked(later, &looked_at(&["core"]), these(&["core"]));
        assert_eq!(due.upcoming(), (when, looked_at(&["acme"])));
        due.looked(now, &looked_at(&["acme"]), these(&[]));
        assert_eq!(due.upcoming().1, looked_at(&["core"]));
        due.looked(now, &looked_at(&["core"]), these(&[]));
        assert_eq!(due.upcoming().1, Whose::All);
        due.looked(now, &Whose::All, these(&["bolt"]));
        assert_eq!(due.upcoming().1, looked_at(&["bolt"]));
    }
}
