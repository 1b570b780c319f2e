//! Where components come from and whether they may be served: registries, a cache, signatures, the lock file, and what the host
//! remembers of what it has served.

mod cache;
mod cosign;
mod held;
mod intake;
mod lock;
mod oci;
mod sources;
mod trust;

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

pub use cosign::signature_file;
pub use intake::{Intake, Origin, changed_under_the_same_version};
pub use lock::{Changes, Lock, Locked, Said, described};
pub use sources::{Arrivals, Fetched, Sources};

use self::{
    cache::ComponentCache,
    cosign::PublicKey,
    oci::{Link, Manifest, PullError},
};
use crate::{
    audit::{Audit, record::Change},
    config::{self, CacheDir, Config, PluginSupply, Reference, Secrets},
    ids::Digest,
};

/// What all tenants share: how registries are reached, the cache, the lock file.
pub struct Supply {
    settings: config::Supply,
    secrets: Secrets,
    /// `None`: nothing is kept, and nothing can be pulled.
    cache: Option<ComponentCache>,
    state_dir: Option<PathBuf>,
    component_bytes_max: u64,
    links: Mutex<HashMap<String, Arc<Link>>>,
    book: Mutex<Book>,
    /// Where it is written down that the lock file is another.
    audit: Audit,
}

/// The lock file as it was read last.
struct Book {
    lock: Option<Arc<Lock>>,
    stamp: Option<(u64, i64, i64, u64)>,
    /// Another number each time that it was read.
    edition: u64,
}

/// Something that was pulled, for who asked for it by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    pub fetched: Fetched,
    /// Where the component is.
    pub path: PathBuf,
}

impl Supply {
    /// Reads the lock file, if there is one. The error is a sentence for the operator.
    pub fn open(config: &Config) -> Result<Self, String> {
        let settings = config.supply.clone();
        let lock = Lock::read(&settings.lock_file)?;
        if settings.locked && lock.is_none() {
            let path = settings.lock_file.display();
            return Err(format!(
                "only what is locked is to be served, and there is no {path}: write it with `toolyard lock`"
            ));
        }
        let stamp = stamp(&settings.lock_file);
        Ok(Self {
            secrets: config.secrets.clone(),
            cache: match &config.cache_dir {
                CacheDir::At(dir) => Some(ComponentCache::new(dir)),
                CacheDir::Usual | CacheDir::Nowhere => None,
            },
            state_dir: config.state_dir.clone(),
            component_bytes_max: config.host_limits.component_bytes_max,
            links: Mutex::default(),
            book: Mutex::new(Book { lock: lock.map(Arc::new), stamp, edition: next_edition() }),
            audit: Audit::off(),
            settings,
        })
    }

    /// The same, whose lock file's changes are written down.
    pub fn audited(self, audit: Audit) -> Self {
        Self { audit, ..self }
    }

    /// Pulls one artifact into the cache, whatever is configured.
    pub async fn pull(&self, reference: &Reference, settings: &PluginSupply) -> Result<Pull, String> {
        let keys = self.keys(settings)?;
        let fetched =
            self.fetch(reference, reference.digest, keys.as_deref()).await.map_err(|error| error.to_string())?;
        let path = self.cache().map_err(|error| error.to_string())?.place(fetched.component);
        Ok(Pull { fetched, path })
    }

    /// The lock file as it is now, and how often it was another. One that does not read leaves the one before in force.
    fn book(&self) -> (Option<Arc<Lock>>, u64) {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamp(&self.settings.lock_file);
        if now != book.stamp {
            book.stamp = now;
            match Lock::read(&self.settings.lock_file) {
                Ok(lock) => {
                    tracing::info!(file = %self.settings.lock_file.display(), "the lock file was read again");
                    book.lock = lock.map(Arc::new);
                    book.edition = next_edition();
                    self.audit.note(&Change { what: "lock", change: "reloaded", ..Change::default() });
                }
                Err(reason) => {
                    tracing::error!(reason, "the lock file does not read; the one before holds");
                    let reason = Some(reason.as_str());
                    self.audit.note(&Change { what: "lock", change: "refused", reason, ..Change::default() });
                }
            }
        }
        (book.lock.clone(), book.edition)
    }

    /// Counts how often the lock file was another.
    pub fn edition(&self) -> u64 {
        self.book().1
    }

    fn lock(&self) -> Option<Arc<Lock>> {
        self.book().0
    }

    /// Whether changed descriptions are held back.
    fn holds(&self) -> bool {
        self.settings.hold_changes.unwrap_or_else(|| self.lock().is_some())
    }

    /// The keys of which one must have signed. `None`: no signature is wanted.
    fn keys(&self, settings: &PluginSupply) -> Result<Option<Vec<PublicKey>>, String> {
        match (settings.signed_by.as_slice(), self.settings.require_signatures) {
            ([], false) => Ok(None),
            ([], true) => cosign::read_keys(&self.settings.keys).map(Some),
            (own, _) => cosign::read_keys(own).map(Some),
        }
    }

    fn cache(&self) -> Result<&ComponentCache, PullError> {
        let missing =
            || PullError::Wrong("comes from a registry, which takes a folder to keep it in: set cache_dir".into());
        self.cache.as_ref().ok_or_else(missing)
    }

    /// What `reference` names, or `pinned` if that is given: from the cache where it is known by its digest, from the registry
    /// otherwise.
    async fn fetch(
        &self,
        reference: &Reference,
        pinned: Option<Digest>,
        keys: Option<&[PublicKey]>,
    ) -> Result<Fetched, PullError> {
        if let Some(manifest) = pinned
            && let Some(kept) = self.kept(reference, manifest, keys).await?
        {
            return Ok(kept);
        }
        let cache = self.cache()?.clone();
        let link = self.link(&reference.registry).await.map_err(PullError::Wrong)?;
        let mut pulling = link.repository(reference);
        let manifest = pulling.manifest(reference.tag.as_deref(), pinned).await?;
        // First who made it, then what it is.
        let mut signatures = Vec::new();
        if let Some(keys) = keys {
            signatures = pulling.signatures(manifest.digest).await?;
            cosign::check_manifest(keys, &signatures, manifest.digest).map_err(PullError::Wrong)?;
        }
        let (component, _) = manifest.component().map_err(PullError::Wrong)?;
        let bytes_max = self.component_bytes_max;
        let known = blocking({
            let cache = cache.clone();
            move || cache.component(component, bytes_max).is_some()
        });
        let pulled = if known.await { None } else { Some(pulling.component(&manifest, bytes_max).await?) };
        let fetched = Fetched::new(reference, manifest.digest, component);
        let kept = blocking(move || {
            if let Some(pulled) = pulled {
                cache.put_component(pulled.component, &pulled.bytes)?;
            }
            cache.put_manifest(manifest.digest, &manifest.bytes, &signatures)
        });
        kept.await.map_err(|error| PullError::Wrong(format!("cannot be kept in the cache: {error}")))?;
        Ok(fetched)
    }

    /// What the cache has by the digest of its manifest, with the signatures that are wanted.
    async fn kept(
        &self,
        reference: &Reference,
        manifest: Digest,
        keys: Option<&[PublicKey]>,
    ) -> Result<Option<Fetched>, PullError> {
        let (cache, bytes_max) = (self.cache()?.clone(), self.component_bytes_max);
        let keys = keys.map(<[PublicKey]>::to_vec);
        let look = move || {
            let read = Manifest::read(cache.manifest(manifest)?).ok()?;
            if let Some(keys) = keys {
                cosign::check_manifest(&keys, &cache.signatures(manifest), manifest).ok()?;
            }
            let (component, _) = read.component().ok()?;
            cache.component(component, bytes_max).map(|_| component)
        };
        Ok(blocking(look).await.map(|component| Fetched::new(reference, manifest, component)))
    }

    async fn link(&self, registry: &str) -> Result<Arc<Link>, String> {
        let known = self.links.lock().unwrap_or_else(PoisonError::into_inner).get(registry).cloned();
        if let Some(link) = known {
            return Ok(link);
        }
        let settings = self.settings.registries.get(registry).cloned().unwrap_or_default();
        let (secrets, name) = (self.secrets.clone(), registry.to_owned());
        // A secret may come from a command, and certificates from files.
        let link = blocking(move || {
            let password = settings.login.as_ref().map(|(_, secret)| secrets.read(secret)).transpose()?;
            Link::new(&name, &settings, password)
        });
        let link = Arc::new(link.await?);
        self.links.lock().unwrap_or_else(PoisonError::into_inner).insert(registry.to_owned(), Arc::clone(&link));
        Ok(link)
    }
}

/// A number that no other reading of a lock file has.
fn next_edition() -> u64 {
    static EDITION: AtomicU64 = AtomicU64::new(0);
    EDITION.fetch_add(1, Ordering::Relaxed)
}

/// Does what takes files, or the processor for long, on a thread that serves nobody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Tells a changed file from an unchanged one. `None`: it is not there.
fn stamp(path: &Path) -> Option<(u64, i64, i64, u64)> {
    fs::metadata(path).ok().map(|meta| (meta.ino(), meta.ctime(), meta.ctime_nsec(), meta.len()))
}
