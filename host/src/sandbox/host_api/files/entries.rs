//! What is in a folder, a part at a time: a guest may have a million files, and ask for their names a thousand times at once.

use std::{collections::VecDeque, fs::File, io, sync::Arc};

use rustix::fs::{AtFlags, Dir, DirEntry, FileType, Mode, OFlags, openat, statat};
use wasmtime_wasi::{
    p2::{
        FsResult,
        bindings::filesystem::types::{DescriptorType, DirectoryEntry, ErrorCode},
    },
    runtime::spawn_blocking,
};

use super::folder::Slot;

/// Entries that are read ahead.
const PART: usize = 128;

/// A list that is being read.
pub(super) struct Entries {
    /// `None` when all was read.
    dir: Option<Dir>,
    ahead: VecDeque<Result<DirectoryEntry, ErrorCode>>,
    _slot: Arc<Slot>,
}

impl Entries {
    /// Begins to read `dir`. May block.
    pub(super) fn open(dir: &File, slot: Arc<Slot>) -> io::Result<Self> {
        // Opened anew, since where the list is read is one place for all who share a file.
        let again = openat(dir, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { dir: Some(Dir::new(again)?), ahead: VecDeque::new(), _slot: slot })
    }

    pub(super) async fn next(&mut self) -> FsResult<Option<DirectoryEntry>> {
        if self.ahead.is_empty()
            && let Some(dir) = self.dir.take()
        {
            (self.dir, self.ahead) = spawn_blocking(move || read_part(dir)).await;
        }
        Ok(self.ahead.pop_front().transpose()?)
    }
}

fn read_part(mut dir: Dir) -> (Option<Dir>, VecDeque<Result<DirectoryEntry, ErrorCode>>) {
    let mut part = VecDeque::with_capacity(PART);
    while part.len() < PART {
        match dir.read() {
            None => return (None, part),
            Some(Err(error)) => {
                part.push_back(Err(io::Error::from(error).into()));
                return (None, part);
            }
            Some(Ok(entry)) if matches!(entry.file_name().to_bytes(), b"." | b"..") => {}
            Some(Ok(entry)) => part.push_back(described(&dir, &entry)),
        }
    }
    (Some(dir), part)
}

fn described(dir: &Dir, entry: &DirEntry) -> Result<DirectoryEntry, ErrorCode> {
    let name = entry.file_name().to_str().map_err(|_| ErrorCode::IllegalByteSequence)?.to_owned();
    let kind = match entry.file_type() {
        // Some file systems do not say it here.
        FileType::Unknown => dir
            .fd()
            .and_then(|dir| statat(dir, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW))
            .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
        kind => kind,
    };
    let type_ = match kind {
        FileType::RegularFile => DescriptorType::RegularFile,
        FileType::Directory => DescriptorType::Directory,
        FileType::Symlink => DescriptorType::SymbolicLink,
        FileType::Fifo => DescriptorType::Fifo,
        FileType::Socket => DescriptorType::Socket,
        FileType::CharacterDevice => DescriptorType::CharacterDevice,
        FileType::BlockDevice => DescriptorType::BlockDevice,
        FileType::Unknown => DescriptorType::Unknown,
    };
    Ok(DirectoryEntry { type_, name })
}
