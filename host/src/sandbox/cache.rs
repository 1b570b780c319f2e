//! Compiled code on disk, by digest.
//!
//! Machine code is run as it stands, so it must come from us: the folder and its files belong to the host's user and nobody
//! else can write them, or the cache is not used. A file is written beside its place and renamed into it, so that a reader
//! never sees half of one. The folder's name holds what the engine says its code depends on: version, settings, processor.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::Write,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process,
    time::SystemTime,
};

use wasmtime::{Engine, component::Component};

use crate::ids::Digest;

/// What the cache may hold; the files unused for longest go first.
const BYTES_MAX: u64 = 2 << 30;

/// A folder of compiled components.
#[derive(Debug)]
pub(super) struct CodeCache {
    dir: PathBuf,
}

impl CodeCache {
    /// Opens the cache below `dir`, making it if need be. `None`, with a line in the log, where it cannot be used safely.
    pub(super) fn open(dir: &Path, engine: &Engine) -> Option<Self> {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let dir = dir.join(format!("code-{:016x}", hasher.finish()));
        match prepare(&dir) {
            Ok(()) => {
                let cache = Self { dir };
                cache.prune();
                Some(cache)
            }
            Err(reason) => {
                tracing::warn!(dir = %dir.display(), %reason, "compiled code is not kept; components are compiled at each start");
                None
            }
        }
    }

    /// The compiled component, if it is here. A file that does not load is removed.
    pub(super) fn get(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let path = self.path(digest);
        let file = fs::File::open(&path).ok()?;
        if !is_ours(&file.metadata().ok()?) {
            tracing::warn!(path = %path.display(), "somebody else can write this compiled code; it is not used");
            return None;
        }
        // SAFETY: the file is one that `put` wrote: it is in a folder, and has an owner and a mode, that let nobody but this
        // user write it (checked above and in `open`), and it was renamed into place whole.
        #[expect(unsafe_code, reason = "loading compiled code")]
        let loaded = unsafe { Component::deserialize_file(engine, &path) };
        match loaded {
            Ok(component) => {
                // For `prune`. Failing to say so costs at most a compile later.
                let _ = file.set_modified(SystemTime::now());
                Some(component)
            }
            Err(reason) => {
                tracing::warn!(path = %path.display(), reason = %format!("{reason:#}"), "compiled code does not load; compiling again");
                let _ = fs::remove_file(&path);
                None
            }
        }
    }

    /// Keeps the compiled component for the next start. Failing costs only time, so it is logged and no more.
    pub(super) fn put(&self, component: &Component, digest: Digest) {
        let written = component.serialize().map_err(|error| format!("{error:#}")).and_then(|code| {
            let draft = self.dir.join(format!("{}.{}.draft", digest.hex(), process::id()));
            write_private(&draft, &code)
                .and_then(|()| fs::rename(&draft, self.path(digest)))
                .inspect_err(|_| drop(fs::remove_file(&draft)))
                .map_err(|error| error.to_string())
        });
        if let Err(reason) = written {
            tracing::warn!(dir = %self.dir.display(), reason, "compiled code could not be kept");
        }
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.dir.join(format!("{}.cwasm", digest.hex()))
    }

    fn prune(&self) {
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let meta = entry.metadata().ok()?;
                Some((meta.modified().ok()?, meta.len(), entry.path()))
            })
            .collect();
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

fn prepare(dir: &Path) -> Result<(), String> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| error.to_string())?;
    let meta = fs::metadata(dir).map_err(|error| error.to_string())?;
    if !is_ours(&meta) {
        return Err("others can write this folder".into());
    }
    // Tried rather than read off the mode: the file system may be read-only.
    let probe = dir.join(format!("{}.probe", process::id()));
    write_private(&probe, b"").and_then(|()| fs::remove_file(&probe)).map_err(|error| error.to_string())
}

fn is_ours(meta: &fs::Metadata) -> bool {
    // The owner of our own process, without a C library: whoever owns /proc/self.
    let us = fs::metadata("/proc/self").map(|meta| meta.uid()).ok();
    us == Some(meta.uid()) && meta.mode() & 0o022 == 0
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}
