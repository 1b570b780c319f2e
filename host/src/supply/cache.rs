//! Components on disk, by what they are: `components/sha256-…` below the cache folder.
//!
//! Beside a component that came from a registry are its manifest, by that one's digest, and the signatures of it. All of them are
//! held against their digest or a key whenever they are read, so that nothing depends on who could write here; the folder is this
//! user's alone all the same, since a component may be nobody else's business.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};

use super::cosign::Signature;
use crate::ids::Digest;

/// What the cache may hold; the files unused for longest go first.
const BYTES_MAX: u64 = 4 << 30;

/// Manifests and signatures; what is longer is none of ours.
const NOTE_BYTES_MAX: u64 = 8 << 20;

/// A folder of components.
#[derive(Debug, Clone)]
pub(super) struct ComponentCache {
    dir: PathBuf,
}

/// A signature as it is written.
#[derive(Serialize, Deserialize)]
struct Note {
    payload: String,
    signature: String,
}

impl ComponentCache {
    /// The cache below `dir`. Nothing is read or made until it is used.
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.join("components") }
    }

    /// The component of that digest, if it is here and is that. One that is not is removed.
    pub(super) fn component(&self, digest: Digest, bytes_max: u64) -> Option<Vec<u8>> {
        self.read(&self.path(digest, ""), digest, bytes_max)
    }

    /// The manifest of that digest.
    pub(super) fn manifest(&self, digest: Digest) -> Option<Vec<u8>> {
        self.read(&self.path(digest, ".manifest"), digest, NOTE_BYTES_MAX)
    }

    /// The signatures of a manifest. Who made them is not known yet.
    pub(super) fn signatures(&self, manifest: Digest) -> Vec<Signature> {
        let Some(bytes) = read(&self.path(manifest, ".sig"), NOTE_BYTES_MAX) else { return Vec::new() };
        let notes: Vec<Note> = serde_json::from_slice(&bytes).unwrap_or_default();
        let decoded = notes.iter().filter_map(|note| {
            Some(Signature {
                payload: BASE64.decode(&note.payload).ok()?,
                signature: BASE64.decode(&note.signature).ok()?,
            })
        });
        decoded.collect()
    }

    /// Keeps a component.
    pub(super) fn put_component(&self, digest: Digest, bytes: &[u8]) -> io::Result<()> {
        self.put(&self.path(digest, ""), bytes)?;
        self.prune();
        Ok(())
    }

    /// Keeps a manifest and its signatures.
    pub(super) fn put_manifest(&self, digest: Digest, bytes: &[u8], signatures: &[Signature]) -> io::Result<()> {
        let notes = signatures.iter().map(|signature| Note {
            payload: BASE64.encode(&signature.payload),
            signature: BASE64.encode(&signature.signature),
        });
        let notes: Vec<Note> = notes.collect();
        if !notes.is_empty() {
            self.put(&self.path(digest, ".sig"), &serde_json::to_vec(&notes)?)?;
        }
        self.put(&self.path(digest, ".manifest"), bytes)
    }

    /// Where the component of that digest is, or would be.
    pub(super) fn place(&self, digest: Digest) -> PathBuf {
        self.path(digest, "")
    }

    fn path(&self, digest: Digest, ending: &str) -> PathBuf {
        self.dir.join(format!("sha256-{}{ending}", digest.hex()))
    }

    fn read(&self, path: &Path, digest: Digest, bytes_max: u64) -> Option<Vec<u8>> {
        let bytes = read(path, bytes_max)?;
        if Digest::of(&bytes) != digest {
            tracing::warn!(path = %path.display(), "a file in the cache is not what its name says; it is removed");
            let _ = fs::remove_file(path);
            return None;
        }
        Some(bytes)
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let draft = self.dir.join(format!("{}.{count}.draft", process::id()));
        let write = || {
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&draft, path)
        };
        write().inspect_err(|_| drop(fs::remove_file(&draft)))
    }

    /// Removes what was unused for longest, until the rest fits.
    fn prune(&self) {
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        let files = entries.filter_map(|entry| {
            let meta = entry.as_ref().ok()?.metadata().ok()?;
            Some((meta.modified().ok()?, meta.len(), entry.ok()?.path()))
        });
        let mut files: Vec<(SystemTime, u64, PathBuf)> = files.collect();
        files.sort();
        let mut bytes: u64 = files.iter().map(|(_, len, _)| len).sum();
        for (_, len, path) in files {
            if bytes <= BYTES_MAX {
                break;
            }
            if fs::remove_file(path).is_ok() {
                bytes -= len;
            }
        }
    }
}

/// A whole file, unless it is longer. Says that it was used, for `prune`.
fn read(path: &Path, bytes_max: u64) -> Option<Vec<u8>> {
    let file = fs::File::open(path).ok()?;
    let mut bytes = Vec::new();
    (&file).take(bytes_max + 1).read_to_end(&mut bytes).ok()?;
    // Failing to say so costs at most a download later.
    let _ = file.set_modified(SystemTime::now());
    (bytes.len() as u64 <= bytes_max).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn what_is_kept_is_there_again_and_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let cache = ComponentCache::new(dir.path());
        let digest = Digest::of(b"component");
        assert_eq!(cache.component(digest, 100), None);
        cache.put_component(digest, b"component").unwrap();
        assert_eq!(cache.component(digest, 100).as_deref(), Some(&b"component"[..]));
        assert_eq!(cache.component(digest, 8), None, "longer than is taken");
        let manifest = Digest::of(b"manifest");
        let signatures = [Signature { payload: b"p".to_vec(), signature: vec![0, 255] }];
        cache.put_manifest(manifest, b"manifest", &signatures).unwrap();
        assert_eq!(cache.manifest(manifest).as_deref(), Some(&b"manifest"[..]));
        assert_eq!(cache.signatures(manifest), signatures);
        assert_eq!(cache.signatures(digest), []);
        assert_eq!(fs::metadata(&cache.dir).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(cache.place(digest)).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_not_what_its_name_says_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let cache = ComponentCache::new(dir.path());
        let digest = Digest::of(b"component");
        cache.put_component(digest, b"component").unwrap();
        fs::write(cache.place(digest), b"componenT").unwrap();
        assert_eq!(cache.component(digest, 100), None);
        assert!(!cache.place(digest).exists());
    }
}
