use std::{fs, os::unix::fs::symlink, path::PathBuf};

use rustix::fs::{CWD, mkfifoat};
use tempfile::TempDir;

use super::*;
use crate::metrics::of_plugin;

/// What a guest may ask for: to read, to write, to make.
const READ: Wish = Wish::READ;
const WRITE: Wish = Wish { write: true, ..READ };
const MAKE: Wish = Wish { create: true, ..WRITE };
const FRESH: Wish = Wish { exclusive: true, ..MAKE };
const EMPTY: Wish = Wish { truncate: true, ..WRITE };

struct Case {
    temp: TempDir,
    folder: Arc<Folder>,
}

impl Case {
    fn new(bytes_max: u64) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let grant = FolderGrant { path: temp.path().join("in"), guest: "/data".into(), write: true, bytes_max };
        fs::create_dir(&grant.path).unwrap();
        fs::write(temp.path().join("secret"), "secret").unwrap();
        let folder = Folder::open(&of_plugin("default", "test"), &grant).unwrap();
        Self { temp, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join("in").join(name)
    }

    fn open(&self, path: &str, wish: Wish) -> Result<Opened, Errno> {
        let opened = self.folder.open_at(&self.folder.dir.dir, path, wish);
        opened.map_err(|error| Errno::from_io_error(&error).unwrap())
    }

    fn file(&self, path: &str, wish: Wish) -> File {
        let Ok(Opened::File(file)) = self.open(path, wish) else { panic!("{path} is no file") };
        file
    }

    fn refused(&self, path: &str, wish: Wish) -> Errno {
        let Err(error) = self.open(path, wish) else { panic!("{path} was opened") };
        error
    }
}

#[test]
fn what_leads_out_is_not_opened() {
    let case = Case::new(1 << 20);
    fs::create_dir(case.path("sub")).unwrap();
    symlink("../secret", case.path("up")).unwrap();
    symlink(case.temp.path().join("secret"), case.path("absolute")).unwrap();
    symlink("..", case.path("parent")).unwrap();
    symlink("/proc/self/root", case.path("magic")).unwrap();
    symlink("/proc/self/fd/0", case.path("stdin")).unwrap();
    let paths = [
        "../secret",
        "sub/../../secret",
        "/etc/passwd",
        "//etc/passwd",
        "up",
        "absolute",
        "parent/secret",
        "..",
        "./..",
        "/",
        "magic/etc/passwd",
        "stdin",
        "../in/sub",
        "../new",
    ];
    for wish in [READ, WRITE, MAKE, EMPTY] {
        for path in paths {
            assert_eq!(case.refused(path, wish), Errno::PERM, "{path} {wish:?}");
        }
    }
    let nofollow = Wish { follow: false, ..READ };
    assert_eq!(case.refused("up", nofollow), Errno::LOOP);
    assert_eq!(case.refused("parent/secret", nofollow), Errno::PERM);
    assert_eq!(fs::read_to_string(case.temp.path().join("secret")).unwrap(), "secret");
    assert!(!case.temp.path().join("new").exists());
    // A folder below is as closed as the one that was granted.
    let Ok(Opened::Dir(sub)) = case.open("sub", READ) else { panic!("a folder can be opened") };
    assert!(case.folder.open_at(&sub, "../up", READ).is_err());
    assert!(matches!(case.open("sub/../sub", READ), Ok(Opened::Dir(_))), "what stays within is not refused");
}

#[test]
fn only_files_and_folders_are_opened_and_nobody_waits() {
    let case = Case::new(1 << 20);
    mkfifoat(CWD, case.path("pipe"), Mode::RWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(case.path("socket")).unwrap();
    symlink("pipe", case.path("to-pipe")).unwrap();
    for path in ["pipe", "socket", "to-pipe", "./pipe"] {
        for wish in [READ, WRITE, Wish { read: false, ..WRITE }, MAKE, EMPTY] {
            assert_eq!(case.refused(path, wish), Errno::PERM, "{path} {wish:?}");
        }
    }
    assert_eq!(case.refused("pipe", FRESH), Errno::EXIST);
}

#[test]
fn files_are_made_and_opened_as_wished() {
    let case = Case::new(3 * ENTRY_BYTES);
    assert_eq!(case.refused("a", READ), Errno::NOENT);
    assert_eq!(case.refused("a", WRITE), Errno::NOENT);
    case.folder.write_at(&case.file("a", MAKE), b"text", 0).unwrap();
    assert_eq!(case.refused("a", FRESH), Errno::EXIST);
    assert_eq!(case.file("a", MAKE).metadata().unwrap().len(), 4);
    assert_eq!(case.file("a", EMPTY).metadata().unwrap().len(), 0);
    assert!(case.folder.write_at(&case.file("a", READ), b"x", 0).is_err());
    assert_eq!(case.refused(".", WRITE), Errno::ISDIR);
    assert_eq!(case.refused("a", Wish { directory: true, ..READ }), Errno::NOTDIR);
    assert_eq!(case.refused("a/b", MAKE), Errno::NOTDIR);
    for path in ["", "a\0b", &"n".repeat(256), &"a/".repeat(3000)] {
        assert!(case.open(path, MAKE).is_err(), "{path:?}");
    }
    symlink("nothing", case.path("dangling")).unwrap();
    assert_eq!(case.refused("dangling", MAKE), Errno::NOENT);
    assert!(!case.path("nothing").exists());
    // Two entries are there; there is room for one more, and what exists needs none.
    case.file("b", FRESH);
    assert_eq!(case.refused("c", MAKE), Errno::NOSPC);
    case.file("b", MAKE);
}

#[test]
fn what_is_written_is_counted() {
    let case = Case::new(ENTRY_BYTES + 100);
    let file = case.file("a", MAKE);
    let nospace = |done: io::Result<()>| Errno::from_io_error(&done.unwrap_err()) == Some(Errno::NOSPC);
    case.folder.write_at(&file, &[1; 60], 0).unwrap();
    case.folder.write_at(&file, &[2; 60], 0).unwrap();
    case.folder.write_at(&file, &[3; 60], 40).unwrap();
    assert!(nospace(case.folder.write_at(&file, &[4; 60], 41).map(drop)));
    assert!(nospace(case.folder.write_at(&file, &[4], 1 << 62).map(drop)));
    assert!(nospace(case.folder.set_size(&file, 101)));
    assert!(nospace(case.folder.set_size(&file, u64::MAX)));
    assert!(case.folder.write_at(&file, &[4; 2], u64::MAX - 1).is_err());
    case.folder.write_at(&file, &[], u64::MAX).unwrap_err();
    assert_eq!(file.metadata().unwrap().len(), 100);
    case.folder.set_size(&file, 0).unwrap();
    case.folder.set_size(&file, 100).unwrap();
}

#[test]
fn open_files_are_counted_while_anything_holds_them() {
    let case = Case::new(1 << 20);
    let call = Arc::new(AtomicUsize::new(0));
    let slots: Vec<_> = (0..FILES_PER_CALL_MAX).map(|_| case.folder.slot(&call).unwrap()).collect();
    assert!(case.folder.slot(&call).is_none());
    assert!(case.folder.slot(&Arc::default()).is_some(), "another call has files of its own");
    let held = Arc::clone(&slots[0]);
    drop(slots);
    assert_eq!(call.load(Ordering::Relaxed), 1);
    drop(held);
    assert_eq!(call.load(Ordering::Relaxed), 0);
}

#[test]
fn what_cannot_be_granted_is_said_to_the_operator() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("file"), "").unwrap();
    for name in ["file", "missing"] {
        let grant = FolderGrant { path: temp.path().join(name), guest: "/data".into(), write: false, bytes_max: 1 };
        let error = Folder::open(&of_plugin("default", "test"), &grant).err().unwrap();
        assert!(error.contains(name) && error.contains("cannot be opened"), "{error}");
    }
}
