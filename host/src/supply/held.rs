//! What a tenant's plugins have said of themselves, remembered: what is described otherwise under the same version is held back,
//! whether it is a tool, a prompt or a template of resources.
//!
//! What is in the lock file was looked at by somebody and counts first. What is not in it counts as it was when it was served for
//! the first time, which is written to the state folder.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use super::lock::{Changes, Lock, Locked};
use crate::ids::{PluginId, TenantId};

/// Versions of one plugin that are remembered; beyond, the ones that come first by name are forgotten.
const VERSIONS_MAX: usize = 32;

/// What was served, by plugin and version.
#[derive(Debug)]
pub(super) struct Remembered {
    /// `None`: in memory, gone with the process.
    path: Option<PathBuf>,
    known: BTreeMap<(PluginId, Option<String>), Locked>,
}

impl Remembered {
    /// What the state folder has of this tenant. The error is a sentence for the operator.
    pub(super) fn read(state_dir: Option<&Path>, tenant: &TenantId) -> Result<Self, String> {
        let path = state_dir.map(|dir| dir.join("served").join(format!("{tenant}.lock")));
        let lock = path.as_deref().map(Lock::read).transpose()?.flatten().unwrap_or_default();
        let known = lock.plugins().iter().map(|known| ((known.name.clone(), known.version.clone()), known.clone()));
        Ok(Self { known: known.collect(), path })
    }

    /// What is known of that plugin under that version.
    pub(super) fn get(&self, name: &PluginId, version: Option<&str>) -> Option<&Locked> {
        self.known.get(&(name.clone(), version.map(str::to_owned)))
    }

    /// What was served last that came from `source`.
    pub(super) fn of_source(&self, name: &PluginId, source: &str) -> Option<&Locked> {
        self.known.values().find(|known| known.name == *name && known.source.as_deref() == Some(source))
    }

    /// Remembers a plugin as it is now. Writes only where that is news.
    pub(super) fn insert(&mut self, now: Locked) -> io::Result<()> {
        let key = (now.name.clone(), now.version.clone());
        if self.known.get(&key) == Some(&now) {
            return Ok(());
        }
        let name = now.name.clone();
        self.known.insert(key.clone(), now);
        let others: Vec<_> = self.known.keys().filter(|other| other.0 == name && **other != key).cloned().collect();
        for oldest in others.iter().take((others.len() + 1).saturating_sub(VERSIONS_MAX)) {
            self.known.remove(oldest);
        }
        let Some(path) = &self.path else { return Ok(()) };
        if let Some(dir) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        Lock::new(self.known.values().cloned().collect()).write(path, 0o600)
    }
}

/// What of a plugin was known before, as it was then, under the version that it has now.
pub(super) fn before<'a>(lock: Option<&'a Lock>, remembered: &'a Remembered, now: &Locked) -> Option<&'a Locked> {
    let locked = lock.and_then(|lock| lock.get(&now.tenant, &now.name));
    locked.filter(|locked| locked.version == now.version).or_else(|| remembered.get(&now.name, now.version.as_deref()))
}

/// Why a plugin is held back, as a clause.
pub(super) fn reason(now: &Locked, changes: &Changes) -> String {
    let version = match &now.version {
        Some(version) => format!("under the same version `{version}`"),
        None => "without another version".into(),
    };
    let (tenant, name) = (&now.tenant, &now.name);
    let (plugin, table) = if *tenant == TenantId::default() {
        (name.to_string(), format!("plugin.{name}"))
    } else {
        (format!("{tenant}/{name}"), format!("tenant.{tenant}.plugin.{name}"))
    };
    format!(
        "is held back: it describes itself otherwise than before {version} ({changes}); look at it, then say \
         `toolyard lock --accept {plugin}`, or set allow_changes = true in [{table}]"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Digest;

    fn plugin(version: Option<&str>, tool: &str) -> Locked {
        Locked {
            tenant: TenantId::default(),
            name: "p".parse().unwrap(),
            source: None,
            manifest: None,
            component: Digest::of(tool.as_bytes()),
            version: version.map(str::to_owned),
            prefixes: Default::default(),
            tools: [("say".to_owned(), Digest::of(tool.as_bytes()))].into(),
            prompts: BTreeMap::new(),
            templates: BTreeMap::new(),
        }
    }

    fn is_held(lock: Option<&Lock>, remembered: &Remembered, now: &Locked) -> bool {
        before(lock, remembered, now).is_some_and(|before| before.changes(now).is_some())
    }

    #[test]
    fn the_first_is_trusted_and_each_version_by_itself() {
        let mut remembered = Remembered::read(None, &TenantId::default()).unwrap();
        let first = plugin(Some("1"), "a");
        assert!(!is_held(None, &remembered, &first));
        remembered.insert(first.clone()).unwrap();
        assert!(!is_held(None, &remembered, &first));
        assert!(is_held(None, &remembered, &plugin(Some("1"), "b")));
        let second = plugin(Some("2"), "b");
        assert!(!is_held(None, &remembered, &second));
        remembered.insert(second).unwrap();
        assert!(is_held(None, &remembered, &plugin(Some("1"), "b")), "the first version is still known");
        assert!(!is_held(None, &remembered, &plugin(None, "c")));
    }

    #[test]
    fn the_lock_file_counts_first_where_it_is_about_that_version() {
        let mut remembered = Remembered::read(None, &TenantId::default()).unwrap();
        remembered.insert(plugin(Some("1"), "a")).unwrap();
        let lock = Lock::new(vec![plugin(Some("1"), "b")]);
        assert!(!is_held(Some(&lock), &remembered, &plugin(Some("1"), "b")));
        assert!(is_held(Some(&lock), &remembered, &plugin(Some("1"), "a")));
        let other = Lock::new(vec![plugin(Some("9"), "b")]);
        assert!(is_held(Some(&other), &remembered, &plugin(Some("1"), "b")));
    }

    #[test]
    fn what_is_remembered_outlives_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let read = || Remembered::read(Some(dir.path()), &TenantId::default()).unwrap();
        read().insert(plugin(Some("1"), "a")).unwrap();
        assert!(is_held(None, &read(), &plugin(Some("1"), "b")));
        let other = Remembered::read(Some(dir.path()), &"other".parse().unwrap()).unwrap();
        assert!(!is_held(None, &other, &plugin(Some("1"), "b")), "tenants know nothing of each other");
        fs::write(dir.path().join("served/default.lock"), "nonsense").unwrap();
        assert!(Remembered::read(Some(dir.path()), &TenantId::default()).unwrap_err().contains("default.lock"));
    }

    #[test]
    fn versions_that_are_remembered_are_bounded() {
        let mut remembered = Remembered::read(None, &TenantId::default()).unwrap();
        for version in 0..100 {
            remembered.insert(plugin(Some(&version.to_string()), "a")).unwrap();
        }
        assert_eq!(remembered.known.len(), VERSIONS_MAX);
        assert!(remembered.get(&"p".parse().unwrap(), Some("99")).is_some());
    }
}
