//! A folder that was granted, and the way into it.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::{
    fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2},
    io::Errno,
    process::{Resource, getrlimit},
};
use wasmtime_wasi::{FsPerms, OpenMode, filesystem::Dir};

use super::room::{ENTRY_BYTES, Moving, Reserved, Room};
use crate::{config::FolderGrant, metrics::OfPlugin};

/// Files and folders that one call may have open.
const FILES_PER_CALL_MAX: usize = 64;

/// The kernel gives up on a path when something is renamed while it looks. It is asked again this often.
const ATTEMPTS_MAX: usize = 8;

/// How often the log says that a folder is full, however often a guest finds out.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// A folder that one plugin sees.
pub(crate) struct Folder {
    plugin: Arc<OfPlugin>,
    /// Where the guest sees it.
    pub(super) guest: String,
    pub(super) dir: Dir,
    pub(super) write: bool,
    bytes_max: u64,
    /// Counted only where guests can write.
    room: Option<Arc<Room>>,
    /// Files that the plugin has open in it.
    open: Arc<AtomicUsize>,
    /// When the log last said that it is full.
    told: Mutex<Option<Instant>>,
}

/// How a guest wants something opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) read: bool,
    pub(super) write: bool,
    pub(super) create: bool,
    pub(super) exclusive: bool,
    pub(super) truncate: bool,
    pub(super) directory: bool,
    pub(super) follow: bool,
}

/// What was opened, and nothing else ever is.
pub(super) enum Opened {
    File(File),
    Dir(File),
}

/// A file that a call has open, in the count of those. Whatever can keep the file open holds this too.
pub(super) struct Slot {
    counts: [Arc<AtomicUsize>; 2],
}

/// Files that guests have open in all calls together.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// How many those may be: half of what this process may have. The rest is for connections, whoever's files are open.
static OPEN_MAX: LazyLock<usize> = LazyLock::new(|| {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(1 << 20);
    usize::try_from(limit / 2).unwrap_or(usize::MAX)
});

impl Folder {
    /// Opens the folder, and measures it if guests may write to it. The error is a sentence for the operator.
    ///
    /// It stays open: wherever the path leads later, this folder is what was granted.
    pub(crate) fn open(plugin: &Arc<OfPlugin>, grant: &FolderGrant) -> Result<Arc<Self>, String> {
        let path = grant.path.display();
        let wrong = |error: &dyn std::fmt::Display| format!("the folder {path} cannot be opened: {error}");
        let flags = (OFlags::DIRECTORY | OFlags::NONBLOCK).bits().cast_signed();
        let dir = OpenOptions::new().read(true).custom_flags(flags).open(&grant.path).map_err(|error| wrong(&error))?;
        beneath(&dir, ".", OFlags::PATH, Mode::empty())
            .map_err(|error| format!("folders need Linux 5.6 or newer, with `openat2` allowed: {error}"))?;
        let room = if grant.write {
            let room = Room::of(&dir).map_err(|error| wrong(&error))?;
            if let Err(error) = room.measure(&dir) {
                // Reading still works, and so does removing what is in the way.
                tracing::warn!(tenant = plugin.tenant(), plugin = plugin.name(), folder = %path, %error, "the folder cannot be measured: nothing can be written to it");
            }
            Some(room)
        } else {
            None
        };
        let (perms, mode) = match grant.write {
            true => (FsPerms::ReadWrite, OpenMode::READ | OpenMode::WRITE),
            false => (FsPerms::ReadOnly, OpenMode::READ),
        };
        Ok(Arc::new(Self {
            plugin: Arc::clone(plugin),
            guest: grant.guest.clone(),
            dir: Dir::new(dir, perms, mode, false),
            write: grant.write,
            bytes_max: grant.bytes_max,
            room,
            open: Arc::default(),
            told: Mutex::default(),
        }))
    }

    /// Room for `bytes` more, if it is there at once.
    pub(super) fn try_reserve(&self, bytes: u64) -> Option<Reserved> {
        self.room.as_ref()?.try_reserve(bytes, self.bytes_max)
    }

    /// Room for `bytes` more. May block.
    pub(super) fn reserve(&self, bytes: u64) -> io::Result<Reserved> {
        let reserved = self.room.as_ref().and_then(|room| room.reserve(bytes, self.bytes_max, &self.dir.dir));
        reserved.ok_or_else(|| {
            self.plugin.limit_reached("folder_bytes_max");
            self.tell_full();
            Errno::NOSPC.into()
        })
    }

    /// Many guests cannot tell a full disk from a broken one when they write to a stream: the log can.
    fn tell_full(&self) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() > TELL_EVERY) {
            *told = Some(Instant::now());
            let (tenant, plugin) = (self.plugin.tenant(), self.plugin.name());
            let (folder, bytes_max) = (&self.guest, self.bytes_max);
            tracing::warn!(tenant, plugin, folder, bytes_max, "the folder is full");
        }
    }

    /// To be held while something is moved in it.
    pub(super) fn moving(&self) -> Option<Moving> {
        self.room.as_ref().map(Room::moving)
    }

    /// Makes `file` `size` bytes long. May block.
    pub(super) fn set_size(&self, file: &File, size: u64) -> io::Result<()> {
        let reserved = self.reserve(size.saturating_sub(file.metadata()?.len()))?;
        let done = file.set_len(size);
        if done.is_err() {
            reserved.give_back();
        }
        done
    }

    /// Writes some of `bytes`, and says how many. May block.
    pub(super) fn write_at(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<usize> {
        let end = at.checked_add(bytes.len() as u64).ok_or(Errno::FBIG)?;
        let reserved = self.reserve(end.saturating_sub(file.metadata()?.len()))?;
        let written = file.write_at(bytes, at);
        if written.is_err() {
            reserved.give_back();
        }
        written
    }

    /// A place in the count of open files; `None` if there are too many. `of_call` counts those of the call.
    pub(super) fn slot(&self, of_call: &Arc<AtomicUsize>) -> Option<Arc<Slot>> {
        let slot = Slot { counts: [Arc::clone(of_call), Arc::clone(&self.open)] };
        let before = |count: &AtomicUsize| count.fetch_add(1, Ordering::Relaxed);
        let (call, plugin, all) = (before(&slot.counts[0]), before(&slot.counts[1]), before(&OPEN));
        // A quarter for each, so that one plugin leaves some for the others.
        let fits = call < FILES_PER_CALL_MAX && plugin < *OPEN_MAX / 4 && all < *OPEN_MAX;
        if !fits {
            self.plugin.limit_reached("open_files");
        }
        fits.then(|| Arc::new(slot))
    }

    /// Opens what `path` leads to from `dir`, which is this folder or one in it. May block, but not for long: what makes
    /// others wait, a pipe for one, is not opened.
    pub(super) fn open_at(&self, dir: &File, path: &str, wish: Wish) -> io::Result<Opened> {
        for _ in 0..ATTEMPTS_MAX {
            if !(wish.create && wish.exclusive) {
                match existing(dir, path, wish) {
                    Err(error) if wish.create && error.kind() == io::ErrorKind::NotFound => {}
                    done => return done,
                }
            }
            let reserved = self.reserve(ENTRY_BYTES)?;
            match beneath(dir, path, wish.flags() | OFlags::CREATE | OFlags::EXCL, Mode::from_raw_mode(0o666)) {
                Ok(file) => return Ok(Opened::File(file)),
                Err(error) => reserved.give_back_for(error, wish)?,
            }
        }
        // A link that leads nowhere: nothing is made through it.
        Err(Errno::NOENT.into())
    }

    /// Remembers an open file, if it can be written to or removed.
    pub(super) fn opened(&self, file: &Arc<File>) {
        if let Some(room) = &self.room {
            room.opened(file);
        }
    }
}

impl Reserved {
    /// Gives the room back. If somebody else made the file first, that is no error: it can be opened then.
    fn give_back_for(self, error: Errno, wish: Wish) -> io::Result<()> {
        self.give_back();
        if error == Errno::EXIST && !wish.exclusive { Ok(()) } else { Err(error.into()) }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        for count in self.counts.iter().map(Arc::as_ref).chain([&OPEN]) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Wish {
    /// To look at what is there, and no more.
    pub(super) const READ: Self = Self {
        read: true,
        write: false,
        create: false,
        exclusive: false,
        truncate: false,
        directory: false,
        follow: true,
    };

    fn flags(self) -> OFlags {
        let access = match (self.read, self.write) {
            (true, true) => OFlags::RDWR,
            (false, true) => OFlags::WRONLY,
            (_, false) => OFlags::RDONLY,
        };
        let mut flags = access | OFlags::NONBLOCK | OFlags::NOCTTY;
        flags.set(OFlags::NOFOLLOW, !self.follow);
        flags.set(OFlags::DIRECTORY, self.directory);
        flags
    }
}

/// Opens what is there.
///
/// It is looked at twice, since it may be another thing by the time it is opened. The first look keeps devices from being opened
/// at all; opening without waiting keeps a pipe that slipped in from holding the thread.
fn existing(dir: &File, path: &str, wish: Wish) -> io::Result<Opened> {
    let nofollow = if wish.follow { OFlags::empty() } else { OFlags::NOFOLLOW };
    let seen = beneath(dir, path, OFlags::PATH | nofollow, Mode::empty())?;
    match FileType::from_raw_mode(fstat(&seen)?.st_mode) {
        // A link is refused by the kernel, in its own words.
        FileType::RegularFile | FileType::Directory | FileType::Symlink => {}
        _ => return Err(Errno::PERM.into()),
    }
    let file = beneath(dir, path, wish.flags(), Mode::empty())?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Ok(Opened::Dir(file));
    }
    if !metadata.is_file() {
        return Err(Errno::PERM.into());
    }
    if wish.truncate && metadata.len() > 0 {
        file.set_len(0)?;
    }
    Ok(Opened::File(file))
}

/// Opens a path that leads out of `dir` by no `..`, no link and no other trick: the kernel sees to it at each step.
fn beneath(dir: &File, path: &str, flags: OFlags, mode: Mode) -> Result<File, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    for _ in 0..ATTEMPTS_MAX {
        match openat2(dir, path, flags | OFlags::CLOEXEC, mode, resolve) {
            Ok(file) => return Ok(file.into()),
            Err(Errno::AGAIN) => {}
            // It leads out. Other calls of WASI say the same of it.
            Err(Errno::XDEV) => return Err(Errno::PERM),
            Err(error) => return Err(error),
        }
    }
    Err(Errno::BUSY)
}

#[cfg(test)]
mod tests;
