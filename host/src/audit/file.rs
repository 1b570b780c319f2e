//! The trail's file: found as the last host left it, appended to, and replaced by a new one when it is full.
//!
//! The file in use has the configured name. Those that are full have the number of their first record behind it. `NAME.head`
//! says now and then where the trail ends, and `NAME.lock` keeps a second host away.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::{
    chain::{Head, Link, hash},
    record::{Cut, Removed, Torn},
};
use crate::clock;

/// The last record is looked for in so many bytes first: no line is longer.
const END_BYTES: u64 = 1 << 20;

/// Digits in the names of files that are full, so that they sort as their numbers do.
const SEQ_DIGITS: usize = 12;

/// The trail, as far as it is on disk. One process has it at a time.
pub(super) struct Trail {
    path: PathBuf,
    file: File,
    /// How much of the file is lines of the trail. What is behind it, after a failure, is to be cut off.
    len: u64,
    /// Whether something may be behind it.
    ragged: bool,
    head: Head,
    /// The number of the file's first record.
    first: u64,
    _lock: File,
}

/// What was wrong with the trail that the last host left.
#[derive(Default)]
pub(super) struct Found {
    pub(super) torn: Option<Torn>,
    pub(super) cut: Option<Cut>,
}

/// `NAME.head`
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Anchor {
    pub(super) seq: u64,
    pub(super) hash: String,
    time: String,
}

/// The end of a file.
struct End {
    /// `None`: it has no record.
    head: Option<Head>,
    /// What is behind it.
    rest: Vec<u8>,
    len: u64,
}

impl Trail {
    /// Opens the trail at `path`, or begins it. The error is a sentence for the operator.
    pub(super) fn open(path: &Path) -> Result<(Self, Found), String> {
        let wrong =
            |error: &dyn std::fmt::Display| format!("the audit trail `{}` cannot be used: {error}", path.display());
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| wrong(&error))?;
        }
        let lock = private()
            .create(true)
            .truncate(false)
            .write(true)
            .open(beside(path, "lock"))
            .map_err(|error| wrong(&error))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| wrong(&"another host writes to it; each host needs a file of its own"))?;
        Self::open_locked(path, lock).map_err(|error| wrong(&error))
    }

    fn open_locked(path: &Path, lock: File) -> io::Result<(Self, Found)> {
        let file = private().create(true).append(true).read(true).open(path)?;
        let mut end = End::of(&file)?;
        let (mut head, mut first) = (end.head.take(), first_of(path)?);
        if head.is_none() && end.len > END_BYTES {
            return Err(io::Error::other("it holds something else; name a file of its own"));
        }
        if head.is_none()
            && let Some((_, full)) = full_files(path)?.pop()
        {
            // A host died after it put the full file aside.
            head = End::of(&File::open(full)?)?.head;
        }
        let head = head.unwrap_or_else(Head::of_nothing);
        let mut trail = Self { path: path.to_owned(), file, len: end.len, ragged: false, head, first: 0, _lock: lock };
        let torn = trail.mend(&end.rest)?;
        trail.first = *first.get_or_insert(trail.head.seq + 1);
        let cut = anchor(path).filter(|anchor| anchor.seq > trail.head.seq);
        let cut = cut.map(|anchor| Cut { expected_seq: anchor.seq, expected_hash: anchor.hash });
        Ok((trail, Found { torn, cut }))
    }

    /// Makes what a host left when it died a line of its own, so that the next one can begin.
    fn mend(&mut self, rest: &[u8]) -> io::Result<Option<Torn>> {
        if rest.is_empty() {
            return Ok(None);
        }
        let whole = Link::of(rest).is_some_and(|link| link.seq == self.head.seq + 1 && link.prev == self.head.hash);
        if !rest.ends_with(b"\n") {
            self.file.write_all(b"\n")?;
            self.len += 1;
        }
        if whole {
            // Only its line break was missing.
            self.head = Head::at(self.head.seq + 1, rest.trim_ascii_end());
            return Ok(None);
        }
        Ok(Some(Torn { bytes: rest.len(), sha256: hash(rest) }))
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// Whether a new file is to be begun.
    pub(super) fn is_full(&self, bytes_max: u64) -> bool {
        self.len >= bytes_max
    }

    /// Appends lines, the last of which is `head`, and with `sync` waits until the disk has them. Where that fails, none of them
    /// is part of the trail.
    pub(super) fn append(&mut self, lines: &[u8], head: Head, sync: bool) -> io::Result<()> {
        if self.ragged {
            self.file.set_len(self.len)?;
            self.ragged = false;
        }
        self.ragged = true;
        self.file.write_all(lines)?;
        if sync {
            // After a failure here, nobody knows what the disk has. What is cut off and written again is written anew.
            self.file.sync_data()?;
        }
        self.ragged = false;
        self.len += lines.len() as u64;
        self.head = head;
        Ok(())
    }

    /// Writes to the disk what is not there yet, and then where the trail ends.
    pub(super) fn anchor(&self) -> io::Result<()> {
        self.file.sync_data()?;
        let anchor =
            Anchor { seq: self.head.seq, hash: self.head.hash.clone(), time: clock::timestamp(clock::now_ms()) };
        let fresh = beside(&self.path, "head.new");
        let mut file = private().create(true).truncate(true).write(true).open(&fresh)?;
        file.write_all(&serde_json::to_vec(&anchor)?)?;
        file.write_all(b"\n")?;
        fs::rename(fresh, beside(&self.path, "head"))
    }

    /// Puts the file aside and begins a new one. Gives the name of the old one. Where that fails, the old one goes on.
    pub(super) fn rotate(&mut self) -> io::Result<String> {
        self.file.sync_data()?;
        let aside = beside(&self.path, &format!("{:0SEQ_DIGITS$}", self.first));
        fs::rename(&self.path, &aside)?;
        let fresh = private().create_new(true).append(true).read(true).open(&self.path);
        let fresh = fresh.inspect_err(|_| {
            let _ = fs::rename(&aside, &self.path);
        })?;
        if let Some(dir) = self.path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            File::open(dir)?.sync_all()?;
        }
        (self.file, self.len, self.first) = (fresh, 0, self.head.seq + 1);
        Ok(name(&aside))
    }

    /// The files that are more than are to be kept, with what the trail is to say of each.
    pub(super) fn surplus(&self, keep_files_max: usize) -> io::Result<Vec<(PathBuf, Removed)>> {
        let full = full_files(&self.path)?;
        let surplus = full.len().saturating_sub(keep_files_max);
        let removed = full.into_iter().take(surplus).map(|(_, path)| {
            let last = End::of(&File::open(&path)?)?.head.unwrap_or_else(Head::of_nothing);
            let removed = Removed { file: name(&path), last_seq: last.seq, last_hash: last.hash };
            Ok((path, removed))
        });
        removed.collect()
    }
}

#[cfg(test)]
impl Trail {
    /// The trail with another file in place of its own.
    pub(super) fn break_disk(&mut self, file: File) {
        self.file = file;
    }
}

impl End {
    fn of(mut file: &File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        for bytes in [END_BYTES, len] {
            let from = len.saturating_sub(bytes);
            file.seek(SeekFrom::Start(from))?;
            let mut text = Vec::new();
            file.take(len - from).read_to_end(&mut text)?;
            // The first line may have begun before.
            let begin =
                if from == 0 { 0 } else { text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| at + 1) };
            if let Some((head, rest)) = last_record(&text[begin..]) {
                return Ok(Self { head: Some(head), rest, len });
            }
            if from == 0 {
                return Ok(Self { head: None, rest: text, len });
            }
        }
        Ok(Self { head: None, rest: Vec::new(), len })
    }
}

/// The last whole line that is a record, and what is behind it.
fn last_record(text: &[u8]) -> Option<(Head, Vec<u8>)> {
    let mut end = text.len();
    while let Some(line_end) = text[..end].iter().rposition(|byte| *byte == b'\n') {
        let begin = text[..line_end].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = &text[begin..line_end];
        if let Some(link) = Link::of(line) {
            return Some((Head::at(link.seq, line), text[line_end + 1..].to_vec()));
        }
        end = line_end;
    }
    None
}

/// The number of a file's first record.
fn first_of(path: &Path) -> io::Result<Option<u64>> {
    let mut text = Vec::new();
    File::open(path)?.take(END_BYTES).read_to_end(&mut text)?;
    Ok(text.split(|byte| *byte == b'\n').find_map(Link::of).map(|link| link.seq))
}

/// Files that are full, the oldest first, with the numbers in their names.
pub(super) fn full_files(path: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let prefix = format!("{}.", name(path));
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(seq) = name.strip_prefix(&prefix).filter(|digits| digits.len() >= SEQ_DIGITS) else { continue };
        if let (true, Ok(seq)) = (seq.bytes().all(|byte| byte.is_ascii_digit()), seq.parse()) {
            files.push((seq, entry.path()));
        }
    }
    files.sort();
    Ok(files)
}

/// What `NAME.head` says, if it is there and can be read.
pub(super) fn anchor(path: &Path) -> Option<Anchor> {
    serde_json::from_slice(&fs::read(beside(path, "head")).ok()?).ok()
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{ending}"));
    path.with_file_name(name)
}

/// Records are the operator's alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
