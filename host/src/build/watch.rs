//! Watching a project's sources, so that a save is seen at once.
//!
//! Events only say when to look: what counts is whether a file's size or times are other than they were.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{sync::mpsc, time};

/// A save ends when nothing came for this long: editors write, rename and format in several steps.
const QUIET: Duration = Duration::from_millis(20);

/// A burst that does not end is looked at anyway.
const BURST_MAX: Duration = Duration::from_millis(300);

/// How often to look where the system sends no events.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Names of folders in which nothing is written by hand.
const MADE: [&str; 6] = ["build", "dist", "node_modules", "target", "__pycache__", "venv"];

/// Files that tools write while they build. Whoever changes them by hand changes a manifest, too.
const LOCKS: [&str; 5] = ["Cargo.lock", "go.sum", "package-lock.json", "poetry.lock", "uv.lock"];

/// Watches one project.
pub struct Watch {
    dir: PathBuf,
    seen: BTreeMap<PathBuf, Stamp>,
    /// The folders that send events.
    folders: BTreeSet<PathBuf>,
    /// `None` where the system offers no events.
    watcher: Option<RecommendedWatcher>,
    events: mpsc::Receiver<Instant>,
}

/// Tells a changed file from an unchanged one.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
}

/// A save.
#[derive(Debug)]
pub struct Changed {
    /// When its first event came.
    pub since: Instant,
    /// What was written, added or removed, as seen from the project.
    pub files: Vec<PathBuf>,
}

impl Watch {
    /// Watches from now on.
    pub fn new(dir: &Path) -> io::Result<Self> {
        let (sender, events) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // Looking at files is an event, too. A full channel already holds the news.
            if event.map_or(true, |event| !matches!(event.kind, EventKind::Access(_))) {
                let _ = sender.try_send(Instant::now());
            }
        });
        let (seen, folders) = (BTreeMap::new(), BTreeSet::new());
        let mut watch = Self { dir: dir.to_owned(), seen, folders, watcher: watcher.ok(), events };
        watch.look()?;
        Ok(watch)
    }

    /// Waits for the next save. May be dropped and called again.
    pub async fn next(&mut self) -> Changed {
        loop {
            let since = match &self.watcher {
                Some(_) => match self.events.recv().await {
                    Some(since) => since,
                    None => std::future::pending().await,
                },
                None => {
                    time::sleep(LOOK_EVERY).await;
                    Instant::now()
                }
            };
            self.settle().await;
            // A folder that vanished while it was looked at is looked at again.
            if let Ok(files) = self.look()
                && !files.is_empty()
            {
                return Changed { since: self.saved(&files).map_or(since, |saved| since.max(saved)), files };
            }
        }
    }

    /// When the first of these files was written, as the file system has it: an event may have waited since before, for a file
    /// that does not count.
    fn saved(&self, files: &[PathBuf]) -> Option<Instant> {
        let written = files.iter().filter_map(|file| self.seen.get(&self.dir.join(file))?.modified).min()?;
        Instant::now().checked_sub(written.elapsed().ok()?)
    }

    async fn settle(&mut self) {
        let events = &mut self.events;
        let quiet = async { while time::timeout(QUIET, events.recv()).await.is_ok_and(|event| event.is_some()) {} };
        let _ = time::timeout(BURST_MAX, quiet).await;
    }

    /// Looks at all files, and gives those that changed since the last look.
    fn look(&mut self) -> io::Result<Vec<PathBuf>> {
        let files = loop {
            let (mut files, mut folders) = (BTreeMap::new(), BTreeSet::new());
            walk(&self.dir, &mut files, &mut folders)?;
            // A folder that was made again under its name is another one: it is watched anew.
            self.folders.retain(|folder| folders.contains(folder));
            let news: Vec<PathBuf> = folders.difference(&self.folders).cloned().collect();
            if news.is_empty() {
                break files;
            }
            // What was written there before it was watched sent no event, so all is looked at once more.
            self.watch(&news);
            self.folders = folders;
        };
        let fresh = files.iter().filter(|(path, stamp)| self.seen.get(*path) != Some(stamp)).map(|(path, _)| path);
        let gone = self.seen.keys().filter(|path| !files.contains_key(*path));
        let from_here = |path: &PathBuf| path.strip_prefix(&self.dir).unwrap_or(path).to_owned();
        let changed = fresh.chain(gone).map(from_here).collect();
        self.seen = files;
        Ok(changed)
    }

    fn watch(&mut self, folders: &[PathBuf]) {
        let Some(watcher) = &mut self.watcher else { return };
        let mut watched = folders.iter().map(|folder| watcher.watch(folder, RecursiveMode::NonRecursive));
        if let Some(Err(reason)) = watched.find(Result::is_err) {
            tracing::warn!(%reason, every = ?LOOK_EVERY, "the sources send no events; looking at them now and then");
            self.watcher = None;
        }
    }
}

fn walk(dir: &Path, files: &mut BTreeMap<PathBuf, Stamp>, folders: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    folders.insert(dir.to_owned());
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // What vanishes between the listing and the look was not there. Links to folders may lead in circles.
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        if name.starts_with('.') {
            continue;
        }
        if meta.is_dir() {
            if !MADE.contains(&&*name) && !name.ends_with(".egg-info") {
                walk(&path, files, folders)?;
            }
        } else if !LOCKS.contains(&&*name) && !name.ends_with('~') {
            let meta = fs::metadata(&path).unwrap_or(meta);
            let stamp = Stamp { len: meta.len(), modified: meta.modified().ok() };
            files.insert(path, stamp);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is seen to change, when `change` is done and the file `after` written then.
    async fn seen(watch: &mut Watch, dir: &Path, change: impl FnOnce(&Path)) -> Vec<String> {
        change(dir);
        let changed = time::timeout(Duration::from_secs(30), watch.next()).await.unwrap();
        changed.files.iter().map(|path| path.display().to_string()).collect()
    }

    #[tokio::test]
    async fn a_save_is_seen_and_what_builds_write_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        for made in ["src", "target", "node_modules"] {
            fs::create_dir(dir.join(made)).unwrap();
        }
        fs::write(dir.join("src/lib.rs"), "one").unwrap();
        let mut watch = Watch::new(dir).unwrap();

        let saved = seen(&mut watch, dir, |dir| fs::write(dir.join("src/lib.rs"), "other").unwrap()).await;
        assert_eq!(saved, ["src/lib.rs"]);
        // Of all these only the last counts.
        let saved = seen(&mut watch, dir, |dir| {
            for made in ["target/x.rs", "node_modules/y.js", "Cargo.lock", ".hidden", "src/lib.rs~"] {
                fs::write(dir.join(made), "made").unwrap();
            }
            fs::write(dir.join("wishes.toml"), "").unwrap();
        });
        assert_eq!(saved.await, ["wishes.toml"]);
        // Files in folders that are new.
        seen(&mut watch, dir, |dir| {
            fs::create_dir(dir.join("src/more")).unwrap();
            fs::write(dir.join("src/more/first.rs"), "").unwrap();
        })
        .await;
        let saved = seen(&mut watch, dir, |dir| fs::write(dir.join("src/more/second.rs"), "").unwrap()).await;
        assert_eq!(saved, ["src/more/second.rs"]);
        let saved = seen(&mut watch, dir, |dir| fs::remove_file(dir.join("src/lib.rs")).unwrap()).await;
        assert_eq!(saved, ["src/lib.rs"]);
    }
}
