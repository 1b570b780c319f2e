//! From a folder of files to a catalog.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::{FutureExt, StreamExt, stream};

use super::{Catalog, Live, Owned, Plugin, Refused, Tenant, Tenants, Yard};
use crate::{
    audit::{Audit, record::PluginChange},
    config::{Config, Grants, TenantSettings},
    ids::{Digest, PluginId, TenantId},
    metrics,
};

/// A file that does not load and changed less than this ago may still be on its way: it is looked at again before it is
/// called broken.
const SETTLE: Duration = Duration::from_millis(400);

/// A file of wishes; more is not read.
const WISHES_BYTES_MAX: u64 = 64 << 10;

/// Reads a tenant's plugin folder again and again, and publishes a catalog whenever something changed.
pub struct Loader {
    settings: Arc<TenantSettings>,
    rules: Rules,
    owned: Owned,
    yard: Arc<Yard>,
    live: Arc<Live>,
    audit: Audit,
    files: HashMap<PathBuf, Seen>,
    serving: BTreeMap<PluginId, Arc<Plugin>>,
    scanned: bool,
}

/// What the host wants of all files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rules {
    component_bytes_max: u64,
    strict_grants: bool,
}

/// The loaders of all tenants.
pub struct Loaders {
    config: Arc<Config>,
    yard: Arc<Yard>,
    tenants: Arc<Tenants>,
    audit: Audit,
    loaders: BTreeMap<TenantId, Loader>,
}

impl Loaders {
    /// Those of the tenants in `config`, who are in force from now on. Nothing is read until [`Loaders::scan`].
    pub fn new(config: Arc<Config>, yard: Arc<Yard>, tenants: Arc<Tenants>, audit: Audit) -> Self {
        let mut loaders = Self { config: Arc::clone(&config), yard, tenants, audit, loaders: BTreeMap::new() };
        loaders.configure(config);
        loaders
    }

    /// Takes another configuration. What it says of plugins holds for each from its next [`Loaders::scan`] on.
    pub fn configure(&mut self, config: Arc<Config>) {
        self.tenants.set(&config.tenants);
        let mut before = std::mem::take(&mut self.loaders);
        for (id, settings) in &config.tenants {
            let Some(tenant) = self.tenants.get(id.as_str()) else { continue };
            let loader = match before.remove(id) {
                Some(loader) => loader.configured(Arc::clone(settings), Rules::of(&config)),
                None => {
                    let (yard, audit) = (Arc::clone(&self.yard), self.audit.clone());
                    Loader::new(&tenant, Arc::clone(settings), Rules::of(&config), yard, audit)
                }
            };
            self.loaders.insert(id.clone(), loader);
        }
        self.config = config;
    }

    /// Where what becomes of plugins is written down.
    pub(super) fn audit(&self) -> &Audit {
        &self.audit
    }

    /// What is in force.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The folders that are read.
    pub fn dirs(&self) -> BTreeSet<PathBuf> {
        self.loaders.values().filter_map(|loader| loader.dir().map(Path::to_owned)).collect()
    }

    /// Reads all folders once. Returns when to look again, if some file seemed to be half written. Fails with the first folder
    /// that cannot be listed; the others are read.
    pub async fn scan(&mut self) -> Result<Option<Duration>, (PathBuf, io::Error)> {
        let parallel = std::thread::available_parallelism().map_or(1, usize::from);
        let scans: Vec<_> = self.loaders.values_mut().map(|loader| loader.scan_or_say_where().boxed()).collect();
        let mut scans = stream::iter(scans).buffer_unordered(parallel);
        let (mut again, mut failed) = (None, None);
        while let Some(scanned) = scans.next().await {
            match scanned {
                Ok(soon) => again = again.or(soon),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(again), Err)
    }
}

impl Rules {
    fn of(config: &Config) -> Self {
        Self { component_bytes_max: config.host_limits.component_bytes_max, strict_grants: config.strict_grants }
    }
}

/// What is known of one file.
#[derive(Debug, Default)]
struct Seen {
    stamp: Option<Stamp>,
    digest: Option<Digest>,
    refused: Option<Refused>,
}

/// Tells a changed file from an unchanged one without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    len: u64,
    inode: u64,
    modified: SystemTime,
    /// Seconds and nanoseconds of the last change of the file's status, which writers cannot set.
    changed: (i64, i64),
}

/// A file that is new or has other contents than before.
struct Candidate {
    path: PathBuf,
    stamp: Stamp,
    digest: Option<Digest>,
    loaded: Result<Arc<Plugin>, String>,
}

impl Loader {
    fn new(tenant: &Tenant, settings: Arc<TenantSettings>, rules: Rules, yard: Arc<Yard>, audit: Audit) -> Self {
        let owned = Owned::new(tenant.id.clone(), &settings, Arc::clone(&tenant.share));
        let (files, serving) = Default::default();
        Self { settings, rules, owned, yard, live: Arc::clone(&tenant.live), audit, files, serving, scanned: false }
    }

    /// The same under other settings: plugins of which they say something else, and those that know secrets, are loaded again.
    fn configured(mut self, settings: Arc<TenantSettings>, rules: Rules) -> Self {
        if settings.plugins != self.settings.plugins {
            // What was served is looked for in the other folder.
            (self.files, self.serving) = Default::default();
        }
        if rules != self.rules {
            self.retry_refused();
        }
        for (path, seen) in &mut self.files {
            let Ok(id) = plugin_id(path) else { continue };
            let new = settings.for_plugin(&id);
            if new != self.settings.for_plugin(&id) || new.grants.secret_names().next().is_some() {
                *seen = Seen { refused: seen.refused.take(), ..Seen::default() };
            }
        }
        self.owned.secrets = settings.secrets.clone();
        Self { settings, rules, ..self }
    }

    async fn scan_or_say_where(&mut self) -> Result<Option<Duration>, (PathBuf, io::Error)> {
        let scanned = self.scan().await;
        scanned.map_err(|error| (self.dir().unwrap_or(Path::new("")).to_owned(), error))
    }

    /// The folder it reads, if it reads one.
    fn dir(&self) -> Option<&Path> {
        self.settings.plugins.as_deref()
    }

    /// Reads the folder once: loads what is new or changed, forgets what is gone, publishes if anything differs. Returns when
    /// to look again, if some file seemed to be half written.
    ///
    /// Fails only where the folder cannot be listed; all stays as it is then.
    async fn scan(&mut self) -> io::Result<Option<Duration>> {
        let present = self.dir().map_or(Ok(Vec::new()), list)?;
        let mut changed = self.forget_missing(&present);
        let stale = present
            .into_iter()
            .filter(|(path, stamp)| self.files.get(path).is_none_or(|seen| seen.stamp != Some(*stamp)));
        let stale: Vec<_> = stale.collect();
        let parallel = std::thread::available_parallelism().map_or(1, usize::from);
        let mut candidates: Vec<Candidate> =
            stream::iter(stale.into_iter().map(|(path, stamp)| self.load(path, stamp)))
                .buffer_unordered(parallel)
                .collect()
                .await;
        // The order in which compiles happened to end must not decide who gets a contested name.
        candidates.sort_by(|a, b| a.path.cmp(&b.path));
        let mut again = None;
        for candidate in candidates {
            match self.admit(candidate) {
                Verdict::Unchanged => {}
                Verdict::Changed => changed = true,
                Verdict::Wait => again = Some(SETTLE),
            }
        }
        if changed || !self.scanned {
            self.scanned = true;
            self.live.publish(Catalog::new(self.serving.clone(), self.refused()));
        }
        Ok(again)
    }

    fn forget_missing(&mut self, present: &[(PathBuf, Stamp)]) -> bool {
        let gone: Vec<PathBuf> =
            self.files.keys().filter(|path| !present.iter().any(|(other, _)| other == *path)).cloned().collect();
        for path in &gone {
            self.files.remove(path);
            if let Ok(id) = plugin_id(path)
                && let Some(gone) = self.serving.remove(&id)
            {
                self.note("removed", id.as_str(), None, Some(gone.digest()), None);
                tracing::info!(plugin = %id, "removed");
                metrics::plugin_load("removed");
                self.retry_refused();
            }
        }
        !gone.is_empty()
    }

    /// A name may have become free: whoever was refused gets another look in this scan or the next.
    fn retry_refused(&mut self) {
        for seen in self.files.values_mut().filter(|seen| seen.refused.is_some()) {
            *seen = Seen { refused: seen.refused.take(), ..Seen::default() };
        }
    }

    async fn load(&self, path: PathBuf, stamp: Stamp) -> Candidate {
        let known = self.files.get(&path).and_then(|seen| seen.digest);
        let mut digest = None;
        let loaded = async {
            let id = plugin_id(&path)?;
            let bytes_max = self.rules.component_bytes_max;
            if stamp.len > bytes_max {
                return Err(format!("has {} bytes; at most {bytes_max} are taken (component_bytes_max)", stamp.len));
            }
            let bytes = tokio::fs::read(&path).await.map_err(|error| format!("cannot be read: {error}"))?;
            let now = Digest::of(&bytes);
            digest = Some(now);
            if let Some(serving) = self.serving.get(&id).filter(|_| known == Some(now)) {
                return Ok(Arc::clone(serving));
            }
            let settings = self.settings.for_plugin(&id);
            let (grants, wishes) = (settings.grants.clone(), read_wishes(&path)?);
            let plugin = Plugin::load(&self.yard, &self.owned, id, settings, bytes, wishes.as_deref()).await?;
            self.hold_against(&plugin, &grants)?;
            Ok(Arc::new(plugin))
        }
        .await;
        Candidate { path, stamp, digest, loaded }
    }

    /// Tells of wishes that are not met. Where the operator wants it strictly, a plugin that comes later is refused for them;
    /// with those that are there at the start, the host does not start.
    fn hold_against(&self, plugin: &Plugin, grants: &Grants) -> Result<(), String> {
        let id = plugin.id();
        let mut first = None;
        for wish in plugin.wishes().unmet(grants) {
            tracing::warn!(plugin = %id, wish = %wish, why = ?wish.why(), "wishes for something that is not granted");
            first.get_or_insert_with(|| wish.to_string());
        }
        match first.filter(|_| self.rules.strict_grants && self.scanned) {
            Some(wish) => {
                Err(format!("wishes for `{wish}`, which [plugin.{id}.grants] does not grant (strict_grants)"))
            }
            None => Ok(()),
        }
    }

    fn admit(&mut self, candidate: Candidate) -> Verdict {
        let Candidate { path, stamp, digest, loaded } = candidate;
        let admitted = loaded.and_then(|plugin| self.no_clash(&plugin).map(|()| plugin));
        let seen = self.files.entry(path.clone()).or_default();
        match admitted {
            Ok(plugin) => {
                let same = self.serving.get(plugin.id()).is_some_and(|serving| Arc::ptr_eq(serving, &plugin));
                let mended = seen.refused.is_some();
                *seen = Seen { stamp: Some(stamp), digest, refused: None };
                if same {
                    return if mended { Verdict::Changed } else { Verdict::Unchanged };
                }
                let (id, digest, tools) = (plugin.id().clone(), plugin.digest(), plugin.tools().len());
                tracing::info!(tenant = %self.owned.tenant, plugin = %id, %digest, tools, "loaded");
                metrics::plugin_load("loaded");
                let before = self.serving.insert(id.clone(), plugin).map(|before| before.digest());
                let change = if before.is_some() { "replaced" } else { "loaded" };
                self.note(change, id.as_str(), Some(digest), before, None);
                if before.is_some() {
                    self.retry_refused();
                }
                Verdict::Changed
            }
            Err(_) if self.scanned && is_fresh(&stamp) => Verdict::Wait,
            Err(reason) => {
                let refused = Refused { file: path.clone(), digest, reason };
                let known = seen.refused.as_ref() == Some(&refused);
                if !known {
                    let keeps = plugin_id(&path).is_ok_and(|id| self.serving.contains_key(&id));
                    let serving = if keeps { "the version before it goes on serving" } else { "not served" };
                    tracing::error!(file = %path.display(), reason = refused.reason, serving, "refused");
                    metrics::plugin_load("refused");
                }
                // The digest of what serves is kept, so that putting the old file back costs nothing.
                *seen = Seen { stamp: Some(stamp), digest: seen.digest, refused: Some(refused.clone()) };
                if !known {
                    let id = path.file_stem().unwrap_or_default().to_string_lossy();
                    self.note("refused", &id, digest, None, Some(&refused.reason));
                }
                if known { Verdict::Unchanged } else { Verdict::Changed }
            }
        }
    }

    fn note(
        &self,
        change: &'static str,
        plugin: &str,
        digest: Option<Digest>,
        before: Option<Digest>,
        reason: Option<&str>,
    ) {
        let (digest, before) = (digest.map(|digest| digest.to_string()), before.map(|digest| digest.to_string()));
        let tenant = self.owned.tenant.as_str();
        self.audit.note(&PluginChange { change, tenant, plugin, digest, before, reason });
    }

    /// Whoever serves a name keeps it.
    fn no_clash(&self, plugin: &Plugin) -> Result<(), String> {
        let id = plugin.id();
        for other in self.serving.values().filter(|other| other.id() != id) {
            if let Some((ours, theirs)) = pairs(plugin.tools(), other.tools(), |tool| tool.name().as_str()) {
                let (own, name, their) = (&ours.described().name, ours.name(), &theirs.described().name);
                let other = other.id();
                return Err(format!(
                    "its tool `{own}` would be called `{name}`, as tool `{their}` of plugin `{other}` already is; \
                     set another prefix in [plugin.{id}]"
                ));
            }
            if let Some((ours, theirs)) = pairs(plugin.prompts(), other.prompts(), |prompt| prompt.name().as_str()) {
                let (own, name, their) = (&ours.described().name, ours.name(), &theirs.described().name);
                let other = other.id();
                return Err(format!(
                    "its prompt `{own}` would be called `{name}`, as prompt `{their}` of plugin `{other}` already is; \
                     set another prefix in [plugin.{id}]"
                ));
            }
            let taken = plugin.program().prefixes.iter().find(|prefix| other.program().prefixes.contains(prefix));
            if let Some(prefix) = taken {
                let other = other.id();
                return Err(format!(
                    "it answers for `{prefix}`, as plugin `{other}` already does; one of the two must go"
                ));
            }
        }
        Ok(())
    }

    fn refused(&self) -> Vec<Refused> {
        let mut refused: Vec<Refused> = self.files.values().filter_map(|seen| seen.refused.clone()).collect();
        refused.sort_by(|a, b| a.file.cmp(&b.file));
        refused
    }
}

/// The wishes in the file beside a component, if there is one.
pub fn read_wishes(component: &Path) -> Result<Option<String>, String> {
    let path = component.with_extension("toml");
    let file = match fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("has wishes in {} that cannot be read: {error}", path.display())),
    };
    let mut text = String::new();
    let read = file.take(WISHES_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| format!("has wishes in {} that cannot be read: {error}", path.display()))?;
    Ok(Some(text))
}

/// The first two things of the same name.
fn pairs<'a, T>(ours: &'a [T], theirs: &'a [T], name: impl Fn(&T) -> &str) -> Option<(&'a T, &'a T)> {
    ours.iter().find_map(|our| Some((our, theirs.iter().find(|their| name(our) == name(their))?)))
}

enum Verdict {
    Unchanged,
    Changed,
    /// Perhaps half written: ask again later.
    Wait,
}

/// The plugin that a file is: its name without `.wasm`.
pub(super) fn plugin_id(path: &Path) -> Result<PluginId, String> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.parse().map_err(|error| format!("is no plugin's file name: {error}"))
}

fn list(dir: &Path) -> io::Result<Vec<(PathBuf, Stamp)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        // A file that vanishes between the listing and the look was not there.
        if let Ok(meta) = fs::metadata(&path)
            && meta.is_file()
        {
            let modified = meta.modified()?;
            files.push((
                path,
                Stamp { len: meta.len(), inode: meta.ino(), modified, changed: (meta.ctime(), meta.ctime_nsec()) },
            ));
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(files)
}

fn is_fresh(stamp: &Stamp) -> bool {
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(stamp.changed.0.max(0).unsigned_abs());
    let changed = changed + Duration::from_nanos(stamp.changed.1.max(0).unsigned_abs());
    changed.elapsed().is_ok_and(|age| age < SETTLE)
}
