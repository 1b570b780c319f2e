//! Another configuration while the host runs: read when a file of it changes, on SIGHUP, or when somebody asks.
//!
//! What is read is checked whole. If anything is wrong with it, the configuration before it stays in force, and the log has
//! every mistake.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{
    sync::{mpsc, oneshot},
    task, time,
};

use super::{
    Changes, Config, ConfigError, Mistakes,
    text::{Document, Seen, Usable, of_process},
};
use crate::{
    audit::{Audit, record::Change},
    metrics,
    shutdown::Hangups,
};

/// A burst of events ends when nothing came for this long: editors write, rename and set times one after the other.
const QUIET: Duration = Duration::from_millis(50);

/// A burst that does not end is looked at anyway.
const BURST_MAX: Duration = Duration::from_millis(500);

/// Some file systems (network mounts, bind mounts of other machines) send no events: look now and then.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Those who ask at once; each is answered after at most one reading.
const ASKS_MAX: usize = 16;

/// Of what is wrong with a configuration, the trail has so much; the log has all of it.
const REASON_CHARS_MAX: usize = 1000;

/// What is said elsewhere, as on the command line, over what stands in the files.
pub type Adjust = Box<dyn Fn(&mut Config) + Send + Sync>;

/// A part of the host that can take up another configuration. It makes what it takes, or says why that cannot be made; what it
/// gives puts that in place, once all parts have what they need.
pub type Taker = Box<dyn Fn(&Config) -> anyhow::Result<Box<dyn FnOnce() + Send>> + Send + Sync>;

/// What came of a configuration that was asked for: what it changed, and all that holds from the next start on only.
pub type Answer = Result<Changes, Mistakes>;

/// Asks for the configuration to be read again.
#[derive(Clone)]
pub struct Ask(mpsc::Sender<oneshot::Sender<Answer>>);

impl Ask {
    /// Reads the configuration again, and says what has changed, or what is wrong with it. `None`: the host ends.
    pub async fn again(&self) -> Option<Answer> {
        let (answer, answered) = oneshot::channel();
        self.0.send(answer).await.ok()?;
        answered.await.ok()
    }
}

/// The files of the configuration in force.
pub struct Reload {
    path: PathBuf,
    adjust: Arc<Adjust>,
    /// What the host began with: of some of it, it cannot take up anything else.
    started: Document,
    document: Document,
    /// Files that the configuration in force names, such as keys and policies, whose contents are part of what it means.
    named: Seen,
    /// All that was looked at last.
    seen: Seen,
    watching: Watching,
    hangups: Hangups,
    asks: (mpsc::Sender<oneshot::Sender<Answer>>, mpsc::Receiver<oneshot::Sender<Answer>>),
    /// Where it is written down what came of each reading.
    audit: Audit,
}

/// A configuration that can come into force.
pub struct Proposal {
    pub config: Arc<Config>,
    pub changes: Changes,
    document: Document,
    named: Seen,
    seen: Seen,
    answer: Option<oneshot::Sender<Answer>>,
}

impl Reload {
    /// Reads `path`, and gives what to begin with. Must be called within a runtime; from then on SIGHUP does not end the
    /// process.
    pub fn open(path: &Path, adjust: Adjust) -> Result<(Config, Self), Mistakes> {
        let wrong = |error: io::Error| ConfigError::new(format!("cannot wait for SIGHUP: {error}")).in_file(path);
        let hangups = Hangups::new().map_err(wrong)?;
        let (mut seen, usable) = read(path);
        let mut usable = usable?;
        adjust(&mut usable.config);
        let mut reload = Self {
            path: path.to_owned(),
            adjust: Arc::new(adjust),
            named: usable.named(),
            started: usable.document.clone(),
            document: usable.document,
            seen: Seen::default(),
            watching: Watching::new(),
            hangups,
            asks: mpsc::channel(ASKS_MAX),
            audit: Audit::off(),
        };
        seen.take_all(&reload.named);
        reload.follow(seen);
        Ok((usable.config, reload))
    }

    /// The same, whose readings are written down.
    pub fn audited(self, audit: Audit) -> Self {
        Self { audit, ..self }
    }

    /// For those who want it read again.
    pub fn ask(&self) -> Ask {
        Ask(self.asks.0.clone())
    }

    /// The next configuration to come into force. Waits for as long as there is none that is right.
    pub async fn next(&mut self) -> Proposal {
        // What changed between reading and watching sent no event: look once right away.
        let mut look_in = Duration::ZERO;
        loop {
            let mut answer = None;
            let told = tokio::select! {
                () = self.hangups.next() => true,
                Some(asked) = self.asks.1.recv() => {
                    answer = Some(asked);
                    true
                }
                () = self.watching.changed() => false,
                () = time::sleep(look_in) => false,
            };
            look_in = LOOK_EVERY;
            if !told {
                if !self.seen.has_changed() {
                    continue;
                }
                // Whoever asks, or sends SIGHUP, has written all of it. Here it may still be on its way, and what is read half, or empty,
                // would be in force.
                let _ = time::timeout(BURST_MAX, still(|| self.seen.anew())).await;
            }
            let path = self.path.clone();
            let (mut seen, usable) = match task::spawn_blocking(move || read(&path)).await {
                Ok(read) => read,
                Err(panic) => {
                    let reason = format!("cannot be read: {panic}");
                    (self.seen.clone(), Err(ConfigError::new(reason).in_file(&self.path).into()))
                }
            };
            match usable {
                Ok(usable) => {
                    if let Some(proposal) = self.propose(usable, seen, told, answer) {
                        return proposal;
                    }
                }
                Err(mistakes) => {
                    // What is in force goes on being looked at.
                    seen.note_all(&self.seen);
                    self.follow(seen);
                    self.refused(mistakes, answer);
                }
            }
        }
    }

    /// `None` if what was read means what is in force.
    fn propose(
        &mut self,
        mut usable: Usable,
        mut seen: Seen,
        told: bool,
        answer: Option<oneshot::Sender<Answer>>,
    ) -> Option<Proposal> {
        let changes = Changes::between(&self.started, &self.document, &usable.document);
        let named = usable.named();
        if !told && changes.is_empty() && named == self.named {
            // It may say in other words what it said, or what it said at the start.
            self.document = usable.document;
            seen.take_all(&named);
            self.follow(seen);
            return None;
        }
        (self.adjust)(&mut usable.config);
        Some(Proposal { config: Arc::new(usable.config), changes, document: usable.document, named, seen, answer })
    }

    /// The proposal is in force.
    pub fn accept(&mut self, proposal: Proposal) {
        let Proposal { changes, document, named, mut seen, answer, .. } = proposal;
        // As they looked before they were read: clients that heard of it may have changed them again by now.
        seen.take_all(&named);
        (self.document, self.named) = (document, named);
        self.follow(seen);
        metrics::reloaded("configuration", true);
        let Changes { applied, needs_restart } = &changes;
        let (what, change) = ("configuration", "reloaded");
        self.audit.note(&Change { what, change, applied, needs_restart, ..Change::default() });
        tracing::info!(applied = listed(&changes.applied), "the configuration was read again, and is in force");
        if !changes.needs_restart.is_empty() {
            tracing::warn!(
                keys = super::changes::named(&changes.needs_restart),
                "what was changed here holds from the next start on"
            );
        }
        if let Some(answer) = answer {
            // Also what was told before: whoever asks wants to know what does not hold. They may not have waited.
            let needs_restart = Changes::between(&self.started, &self.started, &self.document).needs_restart;
            let _ = answer.send(Ok(Changes { needs_restart, ..changes }));
        }
    }

    /// The proposal cannot come into force, for a reason that shows only when its parts are made.
    pub fn reject(&mut self, proposal: Proposal, reason: &str) {
        let Proposal { named, mut seen, answer, .. } = proposal;
        seen.take_all(&named);
        // What only the configuration in force names is no reason to read this one again.
        seen.note_all(&self.named);
        self.follow(seen);
        self.refused(ConfigError::new(reason).in_file(&self.path).into(), answer);
    }

    fn refused(&self, mistakes: Mistakes, answer: Option<oneshot::Sender<Answer>>) {
        metrics::reloaded("configuration", false);
        let reason: String = mistakes.to_string().chars().take(REASON_CHARS_MAX).collect();
        let (what, change, reason) = ("configuration", "refused", Some(reason.as_str()));
        self.audit.note(&Change { what, change, reason, ..Change::default() });
        for mistake in mistakes.iter() {
            tracing::error!(%mistake, "the configuration is wrong; the one before it stays in force");
        }
        if let Some(answer) = answer {
            let _ = answer.send(Err(mistakes));
        }
    }

    /// Watches what was read.
    fn follow(&mut self, seen: Seen) {
        self.watching.follow(seen.paths());
        self.seen = seen;
    }
}

/// Waits until something looks as it did a moment before.
async fn still<T: PartialEq>(mut look: impl FnMut() -> T) {
    let mut before = look();
    loop {
        time::sleep(QUIET).await;
        let now = look();
        if now == before {
            return;
        }
        before = now;
    }
}

/// The keys in a line, for the log.
fn listed(keys: &[String]) -> String {
    // Without a change of its own it was told to, or files have changed that it names.
    if keys.is_empty() {
        "nothing new in it; files that it names were read too".into()
    } else {
        super::changes::named(keys)
    }
}

/// What is usable of the file now, and how all that is read for it looked before.
fn read(path: &Path) -> (Seen, Result<Usable, Mistakes>) {
    let mut seen = Seen::default();
    let usable = Document::read(path, &of_process, &mut seen).and_then(Document::usable);
    (seen, usable)
}

/// The folders of the files, watched: a file that is replaced is another one, but its folder stays.
struct Watching {
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    events: mpsc::Receiver<()>,
}

impl Watching {
    fn new() -> Self {
        let (sender, events) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // Reading is an event too. A full channel already holds the news.
            if event.map_or(true, |event| !matches!(event.kind, EventKind::Access(_))) {
                let _ = sender.try_send(());
            }
        });
        let watcher = watcher.inspect_err(|reason| tracing::warn!(%reason, every = ?LOOK_EVERY, "there are no events of the configuration's files; looking at them now and then"));
        Self { watcher: watcher.ok(), folders: BTreeSet::new(), events }
    }

    fn follow<'a>(&mut self, paths: impl Iterator<Item = &'a Path>) {
        let Some(watcher) = &mut self.watcher else { return };
        let folder = |path: &Path| match path.parent() {
            _ if path.is_dir() => path.to_owned(),
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let folders: BTreeSet<PathBuf> = paths.map(folder).collect();
        for gone in self.folders.difference(&folders) {
            // It may be gone altogether.
            let _ = watcher.unwatch(gone);
        }
        for folder in folders.difference(&self.folders) {
            if let Err(reason) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                tracing::debug!(folder = %folder.display(), %reason, every = ?LOOK_EVERY, "sends no events; looking at it now and then");
            }
        }
        self.folders = folders;
    }

    /// Waits for a burst of events, and for its end.
    async fn changed(&mut self) {
        if self.events.recv().await.is_none() {
            // Without a watcher nothing ever comes.
            return std::future::pending().await;
        }
        let quiet =
            async { while time::timeout(QUIET, self.events.recv()).await.is_ok_and(|event| event.is_some()) {} };
        let _ = time::timeout(BURST_MAX, quiet).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scene {
        dir: tempfile::TempDir,
        reload: Reload,
    }

    impl Scene {
        fn of(text: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("key"), "one").unwrap();
            std::fs::write(dir.path().join("main.toml"), text).unwrap();
            let adjust: Adjust = Box::new(|config| config.allow_anonymous = true);
            let (config, reload) = Reload::open(&dir.path().join("main.toml"), adjust).unwrap();
            assert!(config.allow_anonymous);
            Self { dir, reload }
        }

        fn write(&self, name: &str, text: &str) {
            replace(self.dir.path(), name, text);
        }

        async fn next(&mut self) -> (Vec<String>, Vec<String>) {
            let proposal = self.reload.next().await;
            assert!(proposal.config.allow_anonymous, "what is said elsewhere is said over this one too");
            let Changes { applied, needs_restart } = proposal.changes.clone();
            self.reload.accept(proposal);
            (applied, needs_restart)
        }
    }

    /// As an editor does.
    fn replace(dir: &Path, name: &str, text: &str) {
        std::fs::write(dir.join("beside"), text).unwrap();
        std::fs::rename(dir.join("beside"), dir.join(name)).unwrap();
    }

    const TEXT: &str = "listen = '127.0.0.1:1'\n[plugin.a]\nprefix = 'x'\n[secret.s]\nfile = 'key'\n";

    #[tokio::test]
    async fn a_file_that_changes_is_read_and_one_that_means_the_same_is_not_told() {
        let mut scene = Scene::of(TEXT);
        scene.write("main.toml", &TEXT.replace("'x'", "'y'"));
        assert_eq!(scene.next().await, (vec!["plugin.a.prefix".to_owned()], vec![]));
        // Other words for the same; then another meaning.
        scene.write("main.toml", &format!("# a comment\n{}", TEXT.replace("'x'", "\"y\"")));
        scene.write("main.toml", &TEXT.replace(":1'", ":2'").replace("'x'", "'y'"));
        assert_eq!(scene.next().await, (vec![], vec!["listen".to_owned()]));
    }

    #[tokio::test]
    async fn what_is_still_being_written_is_waited_for() {
        let mut lengths = [0, 7, 9, 9, 12].into_iter();
        still(|| lengths.next().unwrap()).await;
        assert_eq!(lengths.next(), Some(12));
    }

    #[tokio::test]
    async fn a_key_that_changes_is_news_though_the_configuration_says_the_same() {
        let mut scene = Scene::of(TEXT);
        scene.write("key", "two");
        assert_eq!(scene.next().await, (vec![], vec![]));
    }

    #[tokio::test]
    async fn a_hangup_has_all_of_it_read_again() {
        let mut scene = Scene::of(TEXT);
        // Whoever listens has made sure that it does not end the process.
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::HUP).unwrap();
        assert_eq!(scene.next().await, (vec![], vec![]));
    }

    #[tokio::test]
    async fn a_policy_that_comes_or_changes_is_news() {
        let mut scene = Scene::of(&format!("{TEXT}[policy]\nfiles = ['*.cedar']\n"));
        scene.write("one.cedar", "permit (principal, action, resource);");
        assert_eq!(scene.next().await, (vec![], vec![]));
        scene.write("one.cedar", "forbid (principal, action, resource);");
        assert_eq!(scene.next().await, (vec![], vec![]));
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_and_does_not_come_into_force() {
        let mut scene = Scene::of(TEXT);
        let ask = scene.reload.ask();
        scene.write("main.toml", "listen = 5\ninclude = ['more.toml']\n");
        let (wrong, right) = (ask.clone(), ask.clone());
        let dir = scene.dir.path().to_owned();
        let asked = tokio::spawn(async move {
            let Some(Err(missing)) = wrong.again().await else { panic!("there is no more.toml") };
            assert!(missing.to_string().contains("there is no such file"), "{missing}");
            replace(&dir, "more.toml", "calls = 1");
            let Some(Err(mistakes)) = wrong.again().await else { panic!("two keys are wrong") };
            let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            assert!(
                lines.len() == 2 && lines[0].contains("main.toml:1: ") && lines[1].contains("more.toml:1: "),
                "{lines:?}"
            );
            replace(&dir, "main.toml", &TEXT.replace("'x'", "'z'"));
            right.again().await.unwrap().unwrap()
        });
        // Whether the file or the question was noticed first.
        assert_eq!(scene.next().await, (vec!["plugin.a.prefix".to_owned()], vec![]));
        let answer = tokio::select! {
            answer = asked => answer.unwrap(),
            _ = async { loop { scene.next().await; } } => unreachable!("it goes on for ever"),
        };
        assert!(answer.needs_restart.is_empty(), "{answer}");
    }

    #[tokio::test]
    async fn a_part_that_cannot_be_made_leaves_all_as_it_was() {
        let mut scene = Scene::of(TEXT);
        let ask = scene.reload.ask();
        scene.write("main.toml", &TEXT.replace("'x'", "'y'"));
        let mut asked = tokio::spawn(async move { ask.again().await.unwrap() });
        // Whether the file or the question is noticed first.
        let answer = loop {
            tokio::select! {
                answer = &mut asked => break answer.unwrap(),
                proposal = scene.reload.next() => {
                    assert_eq!(proposal.changes.applied, ["plugin.a.prefix"]);
                    scene.reload.reject(proposal, "the policy does not parse");
                }
            }
        };
        let Err(mistakes) = answer else { panic!("it was rejected") };
        assert!(mistakes.to_string().ends_with("main.toml: the policy does not parse"), "{mistakes}");
    }
}
