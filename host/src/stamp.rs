//! Whether a file is still the one that was read, without reading it.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

/// What differs when a file was changed or another took its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
}

impl Stamp {
    /// Looks at a file; links are followed. `None`: it is not there.
    pub fn of(path: &Path) -> Option<Self> {
        let file = fs::metadata(path).ok()?;
        let modified = (file.mtime(), file.mtime_nsec());
        Some(Self { device: file.dev(), inode: file.ino(), len: file.len(), modified })
    }
}
