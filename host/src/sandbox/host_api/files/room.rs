//! How much there is in a folder, and how much more there may be.
//!
//! What guests add is counted before it is written; what they remove is not counted off, since neither the size of a removed
//! file nor whether somebody still holds it open is known for sure. When a folder seems full it is measured anew. Until then it
//! only ever seems fuller than it is.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io,
    os::fd::OwnedFd,
    os::unix::fs::MetadataExt,
    rc::Rc,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, openat2, statat},
    io::Errno,
};

/// What an entry of a folder counts, beside the bytes of the file: an empty one takes room too, as a block of most file
/// systems.
pub(super) const ENTRY_BYTES: u64 = 4096;

/// After a measurement, the next one waits for this many times what it took: at most a tenth of one processor measures.
const PAUSE: u32 = 10;

/// A pause that is no longer than this is waited for: room that was made just now is found. In a folder so large that the pause is
/// longer, it is found later.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// The room in one folder of this machine, shared by all who write to it through this host.
pub(super) struct Room {
    state: Mutex<State>,
    /// The last measurement. Held while there is one.
    measured: Mutex<Option<Measured>>,
}

#[derive(Clone, Copy)]
struct Measured {
    began: Instant,
    ended: Instant,
}

#[derive(Default)]
struct State {
    /// At least what is there; `None` if that is not known.
    used: Option<u64>,
    /// Bytes that are counted, and may not be there yet.
    in_flight: u64,
    /// All that was ever counted.
    added: u64,
    /// Renames and links that are under way, and that ever were.
    moving: u32,
    moves: u64,
    /// Files that guests have open. One that has no name any more still takes room.
    open: Vec<Weak<File>>,
}

/// Bytes that were counted and are being written.
pub(super) struct Reserved {
    room: Arc<Room>,
    bytes: u64,
}

/// A rename that is under way.
pub(super) struct Moving(Arc<Room>);

/// A folder is one, however many plugins see it under however many paths.
static ROOMS: LazyLock<Mutex<HashMap<(u64, u64), Weak<Room>>>> = LazyLock::new(Mutex::default);

impl Room {
    /// The room of the folder that `dir` is.
    pub(super) fn of(dir: &File) -> io::Result<Arc<Self>> {
        let metadata = dir.metadata()?;
        let mut rooms = ROOMS.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.retain(|_, room| room.strong_count() > 0);
        let room = rooms.entry((metadata.dev(), metadata.ino())).or_default();
        Ok(room.upgrade().unwrap_or_else(|| {
            let fresh = Arc::new(Self { state: Mutex::default(), measured: Mutex::default() });
            *room = Arc::downgrade(&fresh);
            fresh
        }))
    }

    /// Counts `bytes`, if that many fit below `bytes_max` as far as is known.
    pub(super) fn try_reserve(self: &Arc<Self>, bytes: u64, bytes_max: u64) -> Option<Reserved> {
        let mut state = self.state();
        // What adds nothing needs no room, and can be done in a folder that is too full.
        let used = if bytes == 0 { 0 } else { state.used?.saturating_add(bytes) };
        if used > bytes_max {
            return None;
        }
        state.used = state.used.map(|used| used.saturating_add(bytes));
        state.in_flight = state.in_flight.saturating_add(bytes);
        state.added = state.added.wrapping_add(bytes);
        Some(Reserved { room: Arc::clone(self), bytes })
    }

    /// The same; measures the folder `dir` if it seems full. May block.
    pub(super) fn reserve(self: &Arc<Self>, bytes: u64, bytes_max: u64, dir: &File) -> Option<Reserved> {
        if let Some(reserved) = self.try_reserve(bytes, bytes_max) {
            return Some(reserved);
        }
        if bytes > bytes_max {
            return None;
        }
        let asked = Instant::now();
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have measured it meanwhile.
        if let Some(reserved) = self.try_reserve(bytes, bytes_max) {
            return Some(reserved);
        }
        if let Some(last) = *measured {
            let pause = last.pause();
            if last.began > asked || pause > WAIT_MAX {
                return None;
            }
            thread::sleep(pause);
        }
        // If it fails, what is known stays as it is.
        let _ = self.measure_now(dir, &mut measured);
        self.try_reserve(bytes, bytes_max)
    }

    /// Measures the folder `dir`. May block.
    pub(super) fn measure(&self, dir: &File) -> io::Result<()> {
        self.measure_now(dir, &mut self.measured.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn measure_now(&self, dir: &File, measured: &mut Option<Measured>) -> io::Result<()> {
        let began = Instant::now();
        let done = self.count(dir);
        *measured = Some(Measured { began, ended: Instant::now() });
        done
    }

    fn count(&self, dir: &File) -> io::Result<()> {
        let (added, in_flight, moves) = {
            let state = self.state();
            (state.added, state.in_flight, (state.moving == 0).then_some(state.moves))
        };
        let there = walk(dir)?;
        // After the walk: what lost its name meanwhile is seen here.
        let unnamed = unnamed(&self.open_files());
        let mut state = self.state();
        // What was moved meanwhile may have been in no place when that was looked at: a guest could hide all it has.
        if moves != Some(state.moves) && state.used.is_some() {
            return Ok(());
        }
        let since = state.added.wrapping_sub(added);
        state.used = Some(there.saturating_add(unnamed).saturating_add(in_flight).saturating_add(since));
        Ok(())
    }

    /// Remembers that a guest has `file` open.
    pub(super) fn opened(&self, file: &Arc<File>) {
        let mut state = self.state();
        // Forgets those that were closed, now and then, so that each costs little.
        if state.open.len() == state.open.capacity() {
            state.open.retain(|file| file.strong_count() > 0);
        }
        state.open.push(Arc::downgrade(file));
    }

    /// To be held while something is moved within the folder.
    pub(super) fn moving(self: &Arc<Self>) -> Moving {
        let mut state = self.state();
        state.moving += 1;
        state.moves += 1;
        Moving(Arc::clone(self))
    }

    fn open_files(&self) -> Vec<Arc<File>> {
        self.state().open.iter().filter_map(Weak::upgrade).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Measured {
    /// How long it is until the next measurement may begin.
    fn pause(self) -> Duration {
        let took = self.ended - self.began;
        (took * PAUSE).saturating_sub(self.ended.elapsed())
    }
}

impl Reserved {
    /// It was not written after all.
    pub(super) fn give_back(self) {
        let mut state = self.room.state();
        state.used = state.used.map(|used| used.saturating_sub(self.bytes));
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut state = self.room.state();
        state.in_flight = state.in_flight.saturating_sub(self.bytes);
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        self.0.state().moving -= 1;
    }
}

/// The bytes of open files that have no name.
fn unnamed(files: &[Arc<File>]) -> u64 {
    let mut seen = HashSet::new();
    let metadata = files.iter().filter_map(|file| file.metadata().ok());
    let unnamed = metadata.filter(|metadata| metadata.is_file() && metadata.nlink() == 0);
    unnamed.filter(|metadata| seen.insert((metadata.dev(), metadata.ino()))).map(|metadata| metadata.len()).sum()
}

/// A folder below the one that is walked. Many share a parent: the path is put together when it is needed.
struct Below {
    parent: Option<Rc<Below>>,
    name: Vec<u8>,
}

impl Below {
    fn path(&self) -> Vec<u8> {
        let mut names = vec![self.name.as_slice()];
        let mut above = &self.parent;
        while let Some(parent) = above {
            names.push(&parent.name);
            above = &parent.parent;
        }
        names.reverse();
        names.join(&b'/')
    }
}

/// What is in a folder and all below it. Fails if that is too deep to be looked at.
///
/// The names lead on from `dir` itself, through no link; one folder is open at a time, however deep they are.
fn walk(dir: &File) -> io::Result<u64> {
    let mut bytes = 0;
    let mut linked = HashSet::new();
    let mut pending = vec![Rc::new(Below { parent: None, name: b".".to_vec() })];
    while let Some(below) = pending.pop() {
        let Some(folder) = open_folder(dir, &below.path())? else { continue };
        let mut entries = Dir::new(folder)?;
        while let Some(entry) = entries.read() {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            bytes += ENTRY_BYTES;
            // Gone since it was listed, perhaps.
            let Ok(stat) = statat(entries.fd()?, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => {
                    pending.push(Rc::new(Below { parent: Some(Rc::clone(&below)), name: name.to_bytes().to_vec() }));
                }
                // A file with two names is one file.
                FileType::RegularFile if stat.st_nlink == 1 || linked.insert((stat.st_dev, stat.st_ino)) => {
                    bytes += u64::try_from(stat.st_size).unwrap_or(0);
                }
                _ => {}
            }
        }
    }
    Ok(bytes)
}

/// `None` if it is not there any more, or not for us.
fn open_folder(dir: &File, path: &[u8]) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    match openat2(dir, path, flags, Mode::empty(), resolve) {
        Ok(folder) => Ok(Some(folder)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn room(dir: &File) -> Arc<Room> {
        let room = Room::of(dir).unwrap();
        room.measure(dir).unwrap();
        room
    }

    fn used(room: &Room) -> u64 {
        room.state().used.unwrap()
    }

    #[test]
    fn a_folder_is_measured_without_following_links() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("large"), [0; 100_000]).unwrap();
        let temp = tempfile::tempdir().unwrap();
        let inside = |name: &str| temp.path().join(name);
        fs::create_dir_all(inside("a/b")).unwrap();
        fs::write(inside("a/b/file"), [0; 1000]).unwrap();
        fs::hard_link(inside("a/b/file"), inside("again")).unwrap();
        std::os::unix::fs::symlink(outside.path(), inside("out")).unwrap();
        std::os::unix::fs::symlink(".", inside("a/round")).unwrap();
        File::create(inside("sparse")).unwrap().set_len(1 << 20).unwrap();
        let dir = File::open(temp.path()).unwrap();
        // a, b, file, again, out, round, sparse
        assert_eq!(used(&room(&dir)), 7 * ENTRY_BYTES + 1000 + (1 << 20));
    }

    #[test]
    fn what_is_too_deep_to_be_measured_leaves_no_room() {
        let temp = tempfile::tempdir().unwrap();
        let mut dir = rustix::fs::open(temp.path(), OFlags::RDONLY, Mode::empty()).unwrap();
        let name = "d".repeat(250);
        for _ in 0..20 {
            rustix::fs::mkdirat(&dir, &name, Mode::RWXU).unwrap();
            dir = rustix::fs::openat(&dir, &name, OFlags::RDONLY, Mode::empty()).unwrap();
        }
        let root = File::open(temp.path()).unwrap();
        let room = Room::of(&root).unwrap();
        room.measure(&root).unwrap_err();
        assert!(room.reserve(1, u64::MAX, &root).is_none());
        assert!(room.reserve(0, 0, &root).is_some());
    }

    #[test]
    fn a_folder_that_seems_full_is_measured_again() {
        let temp = tempfile::tempdir().unwrap();
        let dir = File::open(temp.path()).unwrap();
        let room = room(&dir);
        let reserved = room.try_reserve(60, 100).unwrap();
        // What is being written counts, although it is not to be seen yet.
        room.measure(&dir).unwrap();
        assert_eq!(used(&room), 60);
        assert!(room.try_reserve(41, 100).is_none());
        drop(reserved);
        assert!(room.try_reserve(41, 100).is_none());
        // Nothing was written, as is found out now.
        drop(room.reserve(41, 100, &dir).unwrap());
        assert_eq!(used(&room), 41);
        room.try_reserve(9, 100).unwrap().give_back();
        assert_eq!(used(&room), 41);
    }

    #[test]
    fn what_was_measured_while_something_moved_is_not_believed() {
        let temp = tempfile::tempdir().unwrap();
        let dir = File::open(temp.path()).unwrap();
        let room = room(&dir);
        drop(room.try_reserve(60, 100).unwrap());
        let moving = room.moving();
        room.measure(&dir).unwrap();
        assert_eq!(used(&room), 60);
        drop(moving);
        room.measure(&dir).unwrap();
        assert_eq!(used(&room), 0);
    }

    #[test]
    fn a_file_without_a_name_counts_while_it_is_open() {
        let temp = tempfile::tempdir().unwrap();
        let dir = File::open(temp.path()).unwrap();
        let path = temp.path().join("file");
        fs::write(&path, [0; 500]).unwrap();
        let room = room(&dir);
        let file = Arc::new(File::open(&path).unwrap());
        room.opened(&file);
        fs::remove_file(&path).unwrap();
        room.measure(&dir).unwrap();
        assert_eq!(used(&room), 500);
        drop(file);
        room.measure(&dir).unwrap();
        assert_eq!(used(&room), 0);
    }

    #[test]
    fn a_folder_has_one_room_whoever_opens_it() {
        let temp = tempfile::tempdir().unwrap();
        let room = room(&File::open(temp.path()).unwrap());
        drop(room.try_reserve(60, 100).unwrap());
        let again = Room::of(&File::open(temp.path().join(".")).unwrap()).unwrap();
        assert!(again.try_reserve(60, 100).is_none());
    }
}
