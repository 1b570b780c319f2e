//! `wasi:filesystem`: folders that the operator allows.
//!
//! wasmtime's implementation does most of it: a path never leads out of the folder that it begins in. In front of it stands
//! what a host of strangers' code needs besides. What guests write is counted against the folder's size (`room.rs`), only
//! files and folders are opened, and only so many (`folder.rs`), a list of a folder is read in parts (`entries.rs`), nothing
//! is moved from one granted folder to another, and no link is made that could lead out.

mod entries;
mod folder;
mod room;
mod seen;
mod stream;

use std::{
    collections::HashMap,
    path::{Component, Path},
    sync::{Arc, atomic::AtomicUsize},
    time::{Duration, SystemTime},
};

use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::{
    OpenMode,
    filesystem::{Descriptor, Dir, File, WasiFilesystemView},
    p2::{
        DynInputStream, DynOutputStream, FsError, FsResult,
        bindings::filesystem::{
            preopens,
            types::{
                self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream,
                ErrorCode, HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags,
                PathFlags,
            },
        },
    },
    runtime::spawn_blocking,
};

use self::{
    entries::Entries,
    folder::{Opened, Slot, Wish},
    room::{ENTRY_BYTES, Reserved},
    stream::{Reading, Writing},
};
use crate::sandbox::call::CallState;

pub(crate) use folder::Folder;

/// What one call has open.
#[derive(Default)]
pub(crate) struct OpenFiles {
    /// By the number of the handle.
    open: HashMap<u32, Open>,
    /// How many files they are, those that only streams hold included. Made with the first: most calls have none.
    count: Option<Arc<AtomicUsize>>,
}

/// Where an open file or folder belongs.
#[derive(Clone)]
struct Open {
    folder: Arc<Folder>,
    /// What was granted is open all the time, and counts for nothing.
    slot: Option<Arc<Slot>>,
    /// Where a folder is, as the guest sees it; known only if somebody looks on.
    at: Option<Arc<str>>,
}

/// Links this in place of wasmtime's own.
pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    types::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    preopens::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    linker.allow_shadowing(false);
    Ok(())
}

impl CallState {
    /// Where a handle belongs. Each that a guest has was put there when it was made.
    fn place(&self, fd: &Resource<Descriptor>) -> FsResult<Open> {
        let open = self.files.open.get(&fd.rep()).cloned();
        open.ok_or_else(|| FsError::trap(wasmtime::Error::msg("a descriptor of no folder")))
    }

    /// The same, where something is to be changed.
    fn place_to_write(&mut self, fd: &Resource<Descriptor>) -> FsResult<Open> {
        let place = self.place(fd)?;
        if !place.folder.write {
            self.refuse(&place.folder, "writing to it");
            return Err(ErrorCode::NotPermitted.into());
        }
        Ok(place)
    }

    fn refuse(&mut self, folder: &Folder, what: &str) {
        let plugin = Arc::clone(self.granted.plugin());
        let what: String = what.chars().take(200).collect();
        self.refusals.add(&plugin, "folders", &format_args!("{}: {what}", folder.guest));
    }

    fn slot(&mut self, folder: &Folder) -> FsResult<Arc<Slot>> {
        Ok(folder.slot(self.files.count.get_or_insert_default()).ok_or(ErrorCode::Busy)?)
    }

    fn file(&self, fd: &Resource<Descriptor>) -> FsResult<File> {
        match self.table.get(fd)? {
            Descriptor::File(file) => Ok(file.clone()),
            Descriptor::Dir(_) => Err(ErrorCode::BadDescriptor.into()),
        }
    }

    fn dir(&self, fd: &Resource<Descriptor>) -> FsResult<Dir> {
        match self.table.get(fd)? {
            Descriptor::Dir(dir) => Ok(dir.clone()),
            Descriptor::File(_) => Err(ErrorCode::NotDirectory.into()),
        }
    }

    fn writing(&mut self, fd: &Resource<Descriptor>, at: Option<u64>) -> FsResult<Resource<DynOutputStream>> {
        let Open { folder, slot, .. } = self.place_to_write(fd)?;
        let stream = Writing::new(self.file(fd)?.file, folder, at, slot);
        Ok(self.table.push(Box::new(stream) as DynOutputStream)?)
    }

    fn push(&mut self, descriptor: Descriptor, open: Open) -> FsResult<Resource<Descriptor>> {
        let fd = self.table.push(descriptor)?;
        self.files.open.insert(fd.rep(), open);
        Ok(fd)
    }
}

/// Room for another entry of a folder.
async fn entry(folder: &Arc<Folder>) -> FsResult<Reserved> {
    if let Some(reserved) = folder.try_reserve(ENTRY_BYTES) {
        return Ok(reserved);
    }
    let folder = Arc::clone(folder);
    Ok(spawn_blocking(move || folder.reserve(ENTRY_BYTES)).await?)
}

/// What became of it: an entry that was not made takes no room.
fn made(reserved: Reserved, done: FsResult<()>) -> FsResult<()> {
    if done.is_err() {
        reserved.give_back();
    }
    done
}

/// Within one folder only: bytes that move to another would be counted where they were.
fn same(from: &Open, to: &Open) -> FsResult<()> {
    if Arc::ptr_eq(&from.folder, &to.folder) { Ok(()) } else { Err(ErrorCode::CrossDevice.into()) }
}

/// Whether a link to `target` may lead out of the folder: where it stands, or where it may be moved to.
fn may_lead_out(target: &str) -> bool {
    !Path::new(target).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// What a guest wants, or why that cannot be wanted.
fn wish(path: PathFlags, open: OpenFlags, flags: DescriptorFlags) -> Result<Wish, ErrorCode> {
    let sync = DescriptorFlags::FILE_INTEGRITY_SYNC
        | DescriptorFlags::DATA_INTEGRITY_SYNC
        | DescriptorFlags::REQUESTED_WRITE_SYNC;
    if flags.intersects(sync) {
        return Err(ErrorCode::Unsupported);
    }
    let making = OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::TRUNCATE;
    if open.contains(OpenFlags::DIRECTORY) && open.intersects(making) {
        return Err(ErrorCode::Invalid);
    }
    let write = flags.contains(DescriptorFlags::WRITE);
    Ok(Wish {
        // What is opened for nothing is opened to be looked at.
        read: flags.contains(DescriptorFlags::READ) || !write,
        write: write || open.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE),
        create: open.contains(OpenFlags::CREATE),
        exclusive: open.contains(OpenFlags::EXCLUSIVE),
        truncate: open.contains(OpenFlags::TRUNCATE),
        directory: open.contains(OpenFlags::DIRECTORY),
        follow: path.contains(PathFlags::SYMLINK_FOLLOW),
    })
}

fn time(timestamp: NewTimestamp) -> Result<Option<SystemTime>, ErrorCode> {
    match timestamp {
        NewTimestamp::NoChange => Ok(None),
        NewTimestamp::Now => Ok(Some(SystemTime::now())),
        NewTimestamp::Timestamp(at) if at.nanoseconds < 1_000_000_000 => {
            let since = Duration::new(at.seconds, at.nanoseconds);
            SystemTime::UNIX_EPOCH.checked_add(since).map(Some).ok_or(ErrorCode::Overflow)
        }
        NewTimestamp::Timestamp(_) => Err(ErrorCode::Invalid),
    }
}

impl preopens::Host for CallState {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let granted = Arc::clone(&self.granted);
        let mut folders = Vec::with_capacity(granted.folders.len());
        for folder in &granted.folders {
            let fd = self.table.push(Descriptor::Dir(folder.dir.clone()))?;
            self.files.open.insert(fd.rep(), Open { folder: Arc::clone(folder), slot: None, at: None });
            folders.push((fd, folder.guest.clone()));
        }
        Ok(folders)
    }
}

impl types::Host for CallState {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn filesystem_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        self.filesystem().filesystem_error_code(error)
    }
}

impl HostDescriptor for CallState {
    async fn open_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let dir = self.dir(&fd)?;
        let wish = wish(path_flags, open_flags, flags)?;
        let folder = if wish.write { self.place_to_write(&fd)?.folder } else { self.place(&fd)?.folder };
        let slot = self.slot(&folder)?;

        let (within, below, at) = (Arc::clone(&folder), Arc::clone(&dir.dir), path.clone());
        let opened = spawn_blocking(move || within.open_at(&below, &at, wish)).await.map_err(FsError::from);
        let opened = opened.inspect_err(|error| {
            if matches!(error.downcast_ref(), Some(ErrorCode::NotPermitted)) {
                self.refuse(&folder, &format!("`{path}`, which leads out of it, or is no file and no folder"));
            }
        })?;
        let at = self.saw_opening(&fd, &path, wish, &opened);
        let mut mode = OpenMode::empty();
        mode.set(OpenMode::READ, wish.read);
        mode.set(OpenMode::WRITE, wish.write);
        let descriptor = match opened {
            Opened::Dir(opened) => Descriptor::Dir(Dir::new(opened, dir.perms, mode, false)),
            Opened::File(opened) => {
                let file = File::new(opened, dir.perms, mode, false);
                folder.opened(&file.file);
                Descriptor::File(file)
            }
        };
        self.push(descriptor, Open { folder, slot: Some(slot), at })
    }

    fn drop(&mut self, fd: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.files.open.remove(&fd.rep());
        self.table.delete(fd)?;
        Ok(())
    }

    async fn write(&mut self, fd: Resource<Descriptor>, bytes: Vec<u8>, offset: u64) -> FsResult<u64> {
        let (folder, file) = (self.place_to_write(&fd)?.folder, self.file(&fd)?.file);
        let written = spawn_blocking(move || folder.write_at(&file, &bytes, offset)).await?;
        Ok(written as u64)
    }

    async fn set_size(&mut self, fd: Resource<Descriptor>, size: u64) -> FsResult<()> {
        let (folder, file) = (self.place_to_write(&fd)?.folder, self.file(&fd)?.file);
        Ok(spawn_blocking(move || folder.set_size(&file, size)).await?)
    }

    fn write_via_stream(&mut self, fd: Resource<Descriptor>, offset: u64) -> FsResult<Resource<DynOutputStream>> {
        self.writing(&fd, Some(offset))
    }

    fn append_via_stream(&mut self, fd: Resource<Descriptor>) -> FsResult<Resource<DynOutputStream>> {
        self.writing(&fd, None)
    }

    fn read_via_stream(&mut self, fd: Resource<Descriptor>, offset: u64) -> FsResult<Resource<DynInputStream>> {
        let slot = self.place(&fd)?.slot;
        let stream = self.filesystem().read_via_stream(fd, offset)?;
        let stream = self.table.delete(stream)?;
        Ok(self.table.push(Box::new(Reading { stream, _slot: slot }) as DynInputStream)?)
    }

    async fn read_directory(&mut self, fd: Resource<Descriptor>) -> FsResult<Resource<DirectoryEntryStream>> {
        let (dir, folder) = (self.dir(&fd)?.dir, self.place(&fd)?.folder);
        let slot = self.slot(&folder)?;
        self.saw("list", &fd, "");
        let entries = spawn_blocking(move || Entries::open(&dir, slot)).await?;
        // To the guest it is what the interface says it is; nobody but the functions below takes it.
        Ok(Resource::new_own(self.table.push(entries)?.rep()))
    }

    async fn create_directory_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        let reserved = entry(&self.place_to_write(&fd)?.folder).await?;
        self.saw("make", &fd, &path);
        made(reserved, self.filesystem().create_directory_at(fd, path).await)
    }

    async fn symlink_at(&mut self, fd: Resource<Descriptor>, target: String, path: String) -> FsResult<()> {
        let folder = self.place_to_write(&fd)?.folder;
        if may_lead_out(&target) {
            self.refuse(&folder, &format!("a link to `{target}`, which may lead out of it"));
            return Err(ErrorCode::NotPermitted.into());
        }
        let reserved = entry(&folder).await?;
        self.saw("link", &fd, &path);
        made(reserved, self.filesystem().symlink_at(fd, target, path).await)
    }

    async fn link_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        old: String,
        to: Resource<Descriptor>,
        new: String,
    ) -> FsResult<()> {
        let (from, into) = (self.place_to_write(&fd)?, self.place_to_write(&to)?);
        same(&from, &into)?;
        let reserved = entry(&into.folder).await?;
        let _moving = into.folder.moving();
        self.saw("link", &to, &new);
        made(reserved, self.filesystem().link_at(fd, path_flags, old, to, new).await)
    }

    async fn rename_at(
        &mut self,
        fd: Resource<Descriptor>,
        old: String,
        to: Resource<Descriptor>,
        new: String,
    ) -> FsResult<()> {
        let (from, into) = (self.place_to_write(&fd)?, self.place_to_write(&to)?);
        same(&from, &into)?;
        let _moving = into.folder.moving();
        self.saw("move", &fd, &old);
        self.saw("move", &to, &new);
        self.filesystem().rename_at(fd, old, to, new).await
    }

    async fn remove_directory_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.place_to_write(&fd)?;
        self.saw("remove", &fd, &path);
        self.filesystem().remove_directory_at(fd, path).await
    }

    async fn unlink_file_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.place_to_write(&fd)?;
        self.saw("remove", &fd, &path);
        self.filesystem().unlink_file_at(fd, path).await
    }

    async fn set_times(&mut self, fd: Resource<Descriptor>, read: NewTimestamp, written: NewTimestamp) -> FsResult<()> {
        self.place_to_write(&fd)?;
        // Checked here first: wasmtime's own conversion is not made for every number.
        time(read)?;
        time(written)?;
        self.filesystem().set_times(fd, read, written).await
    }

    async fn set_times_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        read: NewTimestamp,
        written: NewTimestamp,
    ) -> FsResult<()> {
        let folder = self.place_to_write(&fd)?.folder;
        let (to_read, to_written) = (time(read)?, time(written)?);
        if !path_flags.contains(PathFlags::SYMLINK_FOLLOW) {
            return self.filesystem().set_times_at(fd, path_flags, path, read, written).await;
        }
        // wasmtime would open whatever is there, and wait for it if it is a pipe.
        let dir = self.dir(&fd)?.dir;
        let set = move || {
            let (Opened::File(file) | Opened::Dir(file)) = folder.open_at(&dir, &path, Wish::READ)?;
            let mut times = std::fs::FileTimes::new();
            times = to_read.map_or(times, |time| times.set_accessed(time));
            times = to_written.map_or(times, |time| times.set_modified(time));
            file.set_times(times)
        };
        Ok(spawn_blocking(set).await?)
    }

    async fn advise(&mut self, fd: Resource<Descriptor>, offset: u64, bytes: u64, advice: Advice) -> FsResult<()> {
        self.filesystem().advise(fd, offset, bytes, advice).await
    }

    async fn sync_data(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.filesystem().sync_data(fd).await
    }

    async fn sync(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.filesystem().sync(fd).await
    }

    async fn get_flags(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        self.filesystem().get_flags(fd).await
    }

    async fn get_type(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorType> {
        self.filesystem().get_type(fd).await
    }

    async fn read(&mut self, fd: Resource<Descriptor>, bytes: u64, offset: u64) -> FsResult<(Vec<u8>, bool)> {
        self.filesystem().read(fd, bytes, offset).await
    }

    async fn stat(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        self.filesystem().stat(fd).await
    }

    async fn stat_at(&mut self, fd: Resource<Descriptor>, flags: PathFlags, path: String) -> FsResult<DescriptorStat> {
        self.filesystem().stat_at(fd, flags, path).await
    }

    async fn readlink_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<String> {
        self.filesystem().readlink_at(fd, path).await
    }

    async fn is_same_object(&mut self, a: Resource<Descriptor>, b: Resource<Descriptor>) -> wasmtime::Result<bool> {
        self.filesystem().is_same_object(a, b).await
    }

    async fn metadata_hash(&mut self, fd: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        self.filesystem().metadata_hash(fd).await
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        self.filesystem().metadata_hash_at(fd, flags, path).await
    }
}

impl HostDirectoryEntryStream for CallState {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        self.table.get_mut(&Resource::<Entries>::new_borrow(stream.rep()))?.next().await
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Entries>::new_own(stream.rep()))?;
        Ok(())
    }
}
