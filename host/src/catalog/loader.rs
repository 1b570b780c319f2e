//! From a folder of files to a catalog.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, stream};

use super::{
    Catalog, Live, Owned, Plugin, Refused, Tenant, Yard,
    clash::no_clash,
    found::{Found, Stamp, list, read_wishes, said},
    seen::{Candidate, Loaded, Seen, Verdict, Why},
};
use crate::{
    audit::{Audit, record::PluginChange},
    config::{Config, Grants, PluginSettings, TenantSettings},
    ids::{Digest, PluginId},
    metrics,
    supply::{Intake, Locked, Origin, Sources},
};

/// A file that does not load and changed less than this ago may still be on its way: it is looked at again before it is
/// called broken.
pub(super) const SETTLE: Duration = Duration::from_millis(400);

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
    intake: Intake,
    /// Of the lock file by which files were looked at.
    edition: u64,
    /// What registries did not give.
    troubles: Vec<Refused>,
    scanned: bool,
}

/// What the host wants of all files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    component_bytes_max: u64,
    strict_grants: bool,
}

impl Rules {
    pub(super) fn of(config: &Config) -> Self {
        Self { component_bytes_max: config.host_limits.component_bytes_max, strict_grants: config.strict_grants }
    }
}

impl Loader {
    pub(super) fn new(
        tenant: &Tenant,
        settings: Arc<TenantSettings>,
        rules: Rules,
        yard: Arc<Yard>,
        intake: Intake,
        audit: Audit,
    ) -> Self {
        let owned = Owned::new(tenant.id.clone(), &settings, Arc::clone(&tenant.share));
        let (files, serving, troubles) = Default::default();
        let (live, edition) = (Arc::clone(&tenant.live), intake.edition());
        Self { settings, rules, owned, yard, live, audit, files, serving, intake, edition, troubles, scanned: false }
    }

    /// The same under other settings: plugins of which they say something else, and those that know secrets, are loaded again.
    pub(super) fn configured(mut self, settings: Arc<TenantSettings>, rules: Rules, intake: Intake) -> Self {
        if settings.plugins != self.settings.plugins {
            // What was served is looked for in the other folder.
            (self.files, self.serving) = Default::default();
        }
        if rules != self.rules {
            self.retry_refused();
        }
        for seen in self.files.values_mut() {
            let Ok(id) = &seen.id else { continue };
            let new = settings.for_plugin(id);
            if new != self.settings.for_plugin(id) || new.grants.secret_names().next().is_some() {
                seen.forget();
            }
        }
        self.owned.secrets = settings.secrets.clone();
        Self { settings, rules, intake, ..self }
    }

    /// What comes from registries.
    pub(super) fn sources(&self) -> &Arc<Sources> {
        self.intake.sources()
    }

    /// The folder it reads, if it reads one.
    pub(super) fn dir(&self) -> Option<&Path> {
        self.settings.plugins.as_deref()
    }

    /// Reads the folder once: loads what is new or changed, forgets what is gone, publishes if anything differs. Returns whether
    /// to look again after [`SETTLE`], because some file seemed to be half written.
    ///
    /// Fails only where the folder cannot be listed; all stays as it is then.
    pub(super) async fn scan(&mut self) -> io::Result<bool> {
        self.read_the_lock_file();
        let present = list(&self.settings, &self.intake)?;
        let mut changed = self.forget_missing(&present) | self.note_troubles();
        let stale = present
            .into_iter()
            .filter(|found| self.files.get(&found.key).is_none_or(|seen| seen.stamp != Some(found.stamp)));
        let stale: Vec<_> = stale.collect();
        let parallel = std::thread::available_parallelism().map_or(1, usize::from);
        let mut candidates: Vec<Candidate> =
            stream::iter(stale.into_iter().map(|found| self.load(found))).buffer_unordered(parallel).collect().await;
        // The order in which compiles happened to end must not decide who gets a contested name.
        candidates.sort_by(|a, b| a.found.key.cmp(&b.found.key));
        let mut again = false;
        for candidate in candidates {
            match self.admit(candidate) {
                Verdict::Unchanged => {}
                Verdict::Changed => changed = true,
                Verdict::Wait => again = true,
            }
        }
        if changed || !self.scanned {
            self.scanned = true;
            self.live.publish(Catalog::new(self.serving.clone(), self.refused()));
        }
        Ok(again)
    }

    /// Where that is another than before, all is looked at again by it.
    fn read_the_lock_file(&mut self) {
        let edition = self.intake.edition();
        if edition != std::mem::replace(&mut self.edition, edition) {
            self.files.values_mut().for_each(|seen| seen.stamp = None);
        }
    }

    fn note_troubles(&mut self) -> bool {
        let refused = |(file, reason)| Refused { file, digest: None, reason, held: false };
        let troubles: Vec<Refused> = self.intake.troubles().into_iter().map(refused).collect();
        let differs = troubles != self.troubles;
        self.troubles = troubles;
        differs
    }

    fn forget_missing(&mut self, present: &[Found]) -> bool {
        let gone: Vec<PathBuf> =
            self.files.keys().filter(|key| !present.iter().any(|other| other.key == **key)).cloned().collect();
        for key in &gone {
            // Which plugin that was, if another place has not become its own.
            let id = self.files.remove(key).and_then(|seen| seen.id.ok());
            let id = id.filter(|id| !present.iter().any(|other| other.id.as_ref() == Ok(id)));
            if let Some(id) = id
                && let Some(gone) = self.serving.remove(&id)
            {
                self.note("removed", id.as_str(), None, Some(gone.digest()), None);
                tracing::info!(tenant = %self.owned.tenant, plugin = %id, "removed");
                metrics::plugin_load("removed");
                self.retry_refused();
            }
        }
        !gone.is_empty()
    }

    /// A name may have become free: whoever was refused gets another look in this scan or the next.
    fn retry_refused(&mut self) {
        self.files.values_mut().filter(|seen| seen.refused.is_some()).for_each(Seen::forget);
    }

    async fn load(&self, found: Found) -> Candidate {
        let mut digest = None;
        let loaded = self.try_load(&found, &mut digest).await;
        Candidate { found, digest, loaded }
    }

    /// Loads what was found. `digest` becomes that of its bytes, whatever comes of them.
    async fn try_load(&self, found: &Found, digest: &mut Option<Digest>) -> Result<Loaded, Why> {
        let known = self.files.get(&found.key).and_then(|seen| seen.digest);
        let (id, origin) = (found.id.clone()?, found.origin.clone()?);
        let bytes = self.read(&origin, &found.stamp).await?;
        let now = Digest::of(&bytes);
        *digest = Some(now);
        let settings = self.settings.for_plugin(&id);
        self.intake.admits(&id, &settings.supply, &origin, &bytes, now)?;
        if let Some(serving) = self.serving.get(&id).filter(|_| known == Some(now)) {
            // The same component may have come under another version.
            let entry = self.intake.entry(&id, &settings.supply, &origin, now, said(serving));
            return Ok(Loaded { plugin: Arc::clone(serving), entry, instead: None });
        }
        let wishes = match &origin {
            Origin::File(path) => read_wishes(path)?,
            Origin::Pulled(_) => None,
        };
        let kept = (self.intake.keeps() && matches!(origin, Origin::File(_))).then(|| bytes.clone());
        let plugin = self.plugin(id.clone(), &settings, bytes, wishes.as_deref()).await?;
        let entry = self.intake.entry(&id, &settings.supply, &origin, now, said(&plugin));
        if let Some(now) = &entry
            && let Err(reason) = self.intake.weigh(&settings.supply, now)
        {
            return self.load_former(id, &settings, now, Why { reason, held: true }).await;
        }
        if let Some(bytes) = kept {
            self.intake.keep(now, bytes).await;
        }
        Ok(Loaded { plugin: Arc::new(plugin), entry, instead: None })
    }

    /// Where nothing serves yet, what was served before the change that `why` is about.
    async fn load_former(
        &self,
        id: PluginId,
        settings: &PluginSettings,
        now: &Locked,
        why: Why,
    ) -> Result<Loaded, Why> {
        if self.serving.contains_key(&id) {
            return Err(why);
        }
        let Some(bytes) = self.intake.former(now).await else { return Err(why) };
        match self.plugin(id, settings, bytes, None).await {
            Ok(plugin) => Ok(Loaded { plugin: Arc::new(plugin), entry: None, instead: Some(why) }),
            Err(_) => Err(why),
        }
    }

    async fn plugin(
        &self,
        id: PluginId,
        settings: &PluginSettings,
        bytes: Vec<u8>,
        wishes: Option<&str>,
    ) -> Result<Plugin, String> {
        let plugin = Plugin::load(&self.yard, &self.owned, id, settings.clone(), bytes, wishes).await?;
        self.hold_against(&plugin, &settings.grants)?;
        Ok(plugin)
    }

    async fn read(&self, origin: &Origin, stamp: &Stamp) -> Result<Vec<u8>, String> {
        let path = match origin {
            Origin::Pulled(fetched) => return self.intake.read(*fetched).await,
            Origin::File(path) => path,
        };
        let bytes_max = self.rules.component_bytes_max;
        if let Stamp::File(file, _) = stamp
            && file.len > bytes_max
        {
            return Err(format!("has {} bytes; at most {bytes_max} are taken (component_bytes_max)", file.len));
        }
        tokio::fs::read(path).await.map_err(|error| format!("cannot be read: {error}"))
    }

    /// Tells of wishes that are not met. Where the operator wants it strictly, a plugin that comes later is refused for them;
    /// with those that are there at the start, the host does not start.
    fn hold_against(&self, plugin: &Plugin, grants: &Grants) -> Result<(), String> {
        let (tenant, id) = (&self.owned.tenant, plugin.id());
        let mut first = None;
        for wish in plugin.wishes().unmet(grants) {
            tracing::warn!(%tenant, plugin = %id, wish = %wish, why = ?wish.why(), "wishes for something that is not granted");
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
        let Candidate { found, digest, loaded } = candidate;
        let admitted = loaded.and_then(|loaded| Ok(no_clash(&loaded.plugin, &self.serving).map(|()| loaded)?));
        match admitted {
            Ok(loaded) => self.serve(found, digest, loaded),
            Err(_) if self.scanned && found.stamp.is_younger(SETTLE) => Verdict::Wait,
            Err(why) => {
                let serves = found.id.as_ref().is_ok_and(|id| self.serving.contains_key(id));
                self.refuse(&found, digest, why, serves)
            }
        }
    }

    fn serve(&mut self, found: Found, digest: Option<Digest>, loaded: Loaded) -> Verdict {
        let Loaded { plugin, entry, instead } = loaded;
        let is_instead = instead.is_some();
        let same = self.serving.get(plugin.id()).is_some_and(|serving| Arc::ptr_eq(serving, &plugin));
        let before = self.files.get(&found.key).and_then(|seen| seen.refused.as_ref());
        let (mended, held) = (before.is_some(), before.filter(|before| before.held).and_then(|before| before.digest));
        if let Some(why) = instead {
            self.refuse(&found, digest, why, true);
        }
        let seen = self.files.entry(found.key).or_insert_with(|| Seen::new(found.id));
        seen.digest = Some(plugin.digest());
        if !is_instead {
            (seen.stamp, seen.refused) = (Some(found.stamp), None);
        }
        if let Some(entry) = entry {
            self.intake.serves(entry);
        }
        if same {
            return if mended { Verdict::Changed } else { Verdict::Unchanged };
        }
        let (id, digest, tools) = (plugin.id().clone(), plugin.digest(), plugin.tools().len());
        tracing::info!(tenant = %self.owned.tenant, plugin = %id, %digest, tools, "loaded");
        metrics::plugin_load("loaded");
        let before = self.serving.insert(id.clone(), plugin).map(|before| before.digest());
        let change = if before.is_some() { "replaced" } else { "loaded" };
        let accepted = (held == Some(digest)).then_some("it was held back, and is accepted now");
        self.note(change, id.as_str(), Some(digest), before, accepted);
        if before.is_some() {
            self.retry_refused();
        }
        Verdict::Changed
    }

    /// Notes why what was found is not served; `serves`: what was served before goes on.
    fn refuse(&mut self, found: &Found, digest: Option<Digest>, why: Why, serves: bool) -> Verdict {
        let tenant = &self.owned.tenant;
        let seen = self.files.entry(found.key.clone()).or_insert_with(|| Seen::new(found.id.clone()));
        // The digest of what serves is kept, so that putting the old file back costs nothing.
        let Some(refused) = seen.refuse(tenant, found, digest, why, serves) else {
            return Verdict::Unchanged;
        };
        let file = found.name.file_stem().unwrap_or_default().to_string_lossy();
        let id = found.id.as_ref().map_or(&*file, PluginId::as_str);
        self.note(if refused.held { "held" } else { "refused" }, id, digest, None, Some(&refused.reason));
        Verdict::Changed
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

    /// What is to be remembered of its plugins, where that is what was found.
    pub(super) fn entries(&self) -> Vec<Locked> {
        let entry = |seen: &Seen| {
            let id = seen.id.as_ref().ok().filter(|_| seen.refused.is_none())?;
            let origin = match seen.stamp? {
                Stamp::Pulled(fetched) => Origin::Pulled(fetched),
                Stamp::File(..) | Stamp::Nothing => Origin::File(PathBuf::new()),
            };
            let plugin = self.serving.get(id)?;
            let supply = self.settings.for_plugin(id).supply;
            self.intake.entry(id, &supply, &origin, plugin.digest(), said(plugin))
        };
        self.files.values().filter_map(entry).collect()
    }

    fn refused(&self) -> Vec<Refused> {
        let refused = self.files.values().filter_map(|seen| seen.refused.as_ref()).chain(&self.troubles);
        let mut refused: Vec<Refused> = refused.cloned().collect();
        refused.sort_by(|a, b| a.file.cmp(&b.file));
        refused
    }
}
