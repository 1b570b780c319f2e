//! Whether a trail is whole: every line that was taken out, changed, added or moved is named.
//!
//! What a chain cannot show by itself is that its end is missing, or that all of it was written anew by somebody who knows how.
//! Both show against an anchor: the hash of a record, as `NAME.head`, the host's log or a sink elsewhere has it.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead, BufReader},
    mem,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    chain::{Head, Link, hash},
    file::{anchor, full_files, name},
};

/// Something that is wrong: where, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub file: String,
    /// Counted from 1. `None`: the file as a whole.
    pub line: Option<usize>,
    pub what: String,
}

/// What there is to say of a trail.
#[derive(Debug, Default)]
pub struct Report {
    pub files: usize,
    pub records: u64,
    /// The numbers of the first and the last record.
    pub first: u64,
    pub last: u64,
    /// The hash of the last record.
    pub head: String,
    pub problems: Vec<Problem>,
    /// What is no sign of anything wrong, and worth knowing: hosts that died, records that the host itself says are missing.
    pub notes: Vec<Problem>,
}

/// What somebody knows of the trail who did not get it from there.
#[derive(Debug, Default)]
pub struct Known {
    /// The hash of the record before the first one, where older files were taken elsewhere.
    pub after: Option<String>,
    /// The hash of a record that must be there, and of the last one if nothing came since.
    pub head: Option<String>,
}

/// Checks the trail at `path`: the files that are full, then the one in use, and where `NAME.head` says that it ends.
pub fn verify(path: &Path, known: &Known) -> io::Result<Report> {
    let mut files: Vec<PathBuf> = full_files(path)?.into_iter().map(|(_, path)| path).collect();
    if path.exists() || files.is_empty() {
        files.push(path.to_owned());
    }
    let anchors = anchor(path).map(|anchor| Head { seq: anchor.seq, hash: anchor.hash });
    Walk::new(known, anchors).over(&files)
}

/// Checks these files, in this order.
pub fn verify_files(files: &[PathBuf], known: &Known) -> io::Result<Report> {
    Walk::new(known, None).over(files)
}

/// One line, as it is looked at.
struct Line {
    /// Counted from 1.
    number: usize,
    hash: String,
    /// `None`: it is no record.
    link: Option<Link>,
    bytes: Vec<u8>,
}

struct Walk<'a> {
    known: &'a Known,
    /// What `NAME.head` says.
    anchor: Option<Head>,
    /// Whether a record with the anchor's number had its hash.
    anchored: Option<bool>,
    head_found: bool,
    report: Report,
    /// Lines that are no records, since the last that was one.
    unread: u64,
    /// The last record so far that was in its place.
    end: Option<Head>,
    /// Where records say that files were removed: the number and hash of the last record in them.
    removed: HashMap<u64, String>,
    /// Where the trail begins, if not at its first record.
    begins: Option<Problem>,
    begins_after: Head,
}

#[derive(Deserialize)]
struct TornFacts {
    bytes: usize,
    sha256: String,
}

#[derive(Deserialize)]
struct RemovedFacts {
    last_seq: u64,
    last_hash: String,
}

#[derive(Deserialize)]
struct MissingFacts {
    records: u64,
}

#[derive(Deserialize)]
struct CutFacts {
    expected_seq: u64,
}

impl<'a> Walk<'a> {
    fn new(known: &'a Known, anchor: Option<Head>) -> Self {
        Self {
            known,
            anchor,
            anchored: None,
            head_found: false,
            report: Report::default(),
            unread: 0,
            end: None,
            removed: HashMap::new(),
            begins: None,
            begins_after: Head::of_nothing(),
        }
    }

    fn over(mut self, files: &[PathBuf]) -> io::Result<Report> {
        let mut last_file = String::new();
        for path in files {
            last_file = name(path);
            self.file(path)?;
            self.report.files += 1;
        }
        self.check_begin();
        self.check_end(&last_file);
        let end = self.end.unwrap_or_else(Head::of_nothing);
        (self.report.last, self.report.head) = (end.seq, end.hash);
        Ok(self.report)
    }

    fn file(&mut self, path: &Path) -> io::Result<()> {
        let file = name(path);
        let lines = read(path)?;
        // Where each number stands, so that what was moved is told from what is gone.
        let mut places: HashMap<u64, usize> = HashMap::new();
        for line in &lines {
            if let Some(link) = &line.link {
                places.entry(link.seq).or_insert(line.number);
            }
        }
        let mut unread: Vec<&Line> = Vec::new();
        let mut before: Option<&Line> = None;
        for (at, line) in lines.iter().enumerate() {
            let Some(link) = &line.link else {
                unread.push(line);
                continue;
            };
            self.explain_unread(&file, &mut unread, Some(line));
            self.facts(&file, line, link);
            let next = lines[at + 1..].iter().find_map(|line| line.link.as_ref());
            let sound = next.map(|next| next.prev == line.hash).or_else(|| self.is_known(line, link));
            self.step(&file, line, link, before, sound, &places);
            before = Some(line);
            self.report.records += 1;
        }
        self.explain_unread(&file, &mut unread, None);
        Ok(())
    }

    /// Holds a record against the one before it. `sound`: whether the next one has its hash.
    fn step(
        &mut self,
        file: &str,
        line: &Line,
        link: &Link,
        before: Option<&Line>,
        sound: Option<bool>,
        places: &HashMap<u64, usize>,
    ) {
        let number = line.number;
        let Some(end) = self.end.clone() else {
            self.report.first = link.seq;
            self.begins_after = Head { seq: link.seq - u64::from(link.seq > 0), hash: link.prev.clone() };
            self.begins = Some(Problem { file: file.into(), line: Some(number), what: String::new() });
            self.end = Some(Head { seq: link.seq, hash: line.hash.clone() });
            self.look_for_anchors(line, link);
            return;
        };
        self.look_for_anchors(line, link);
        let (follows, unread) = (link.seq == end.seq + 1, mem::take(&mut self.unread));
        if !follows && link.prev == end.hash {
            self.problem(file, number, format!("this line was changed: its number is not {}", end.seq + 1));
            self.end = Some(Head { seq: end.seq + 1, hash: line.hash.clone() });
            return;
        }
        if link.seq > end.seq + 1 {
            let (first, last) = (end.seq + 1, link.seq - 1);
            let elsewhere = (first..=last.min(first + 1_000_000)).filter(|seq| places.contains_key(seq)).count() as u64;
            if elsewhere + unread < last - first + 1 {
                let which =
                    if first == last { format!("record {first} is") } else { format!("records {first} to {last} are") };
                self.problem(file, number, format!("{which} missing before this line: taken out, or moved"));
            }
        } else if !follows {
            let first = places.get(&link.seq).copied().unwrap_or(number);
            let what = if first < number {
                format!("record {} is here a second time: line {first} has it, too", link.seq)
            } else {
                format!("record {} is out of its place: it stands after record {}", link.seq, end.seq)
            };
            self.problem(file, number, what);
            // What comes next is held against the highest record so far, so that one mistake is told once.
            return;
        } else if link.prev != end.hash {
            match (sound, before) {
                (Some(true), Some(before)) => {
                    self.problem(
                        file,
                        before.number,
                        "this line was changed: the next one has another hash for it".into(),
                    );
                }
                (Some(true), None) => {
                    self.problem(
                        file,
                        number,
                        "the last line of the file before was changed, or this is another trail".into(),
                    );
                }
                (Some(false), _) => {
                    self.problem(file, number, "this line was changed, and perhaps the one before it".into())
                }
                (None, _) => {
                    self.problem(
                        file,
                        number,
                        "this line or the one before it was changed: their hashes do not fit".into(),
                    );
                }
            }
        }
        self.end = Some(Head { seq: link.seq, hash: line.hash.clone() });
    }

    /// Whether the last line is as somebody else knows it; `None`: nobody knows.
    fn is_known(&self, line: &Line, link: &Link) -> Option<bool> {
        let by_anchor =
            self.anchor.as_ref().filter(|anchor| anchor.seq == link.seq).map(|anchor| anchor.hash == line.hash);
        by_anchor.or_else(|| (self.known.head.as_ref()? == &line.hash).then_some(true))
    }

    fn look_for_anchors(&mut self, line: &Line, link: &Link) {
        self.head_found |= self.known.head.as_deref() == Some(line.hash.as_str());
        if let Some(anchor) = self.anchor.as_ref().filter(|anchor| anchor.seq == link.seq) {
            self.anchored = Some(anchor.hash == line.hash || self.anchored == Some(true));
        }
    }

    /// What a record says of the trail itself.
    fn facts(&mut self, file: &str, line: &Line, link: &Link) {
        let note = |what: String| Problem { file: file.into(), line: Some(line.number), what };
        match link.kind.as_str() {
            "removed" => {
                if let Ok(facts) = serde_json::from_slice::<RemovedFacts>(&line.bytes) {
                    self.removed.insert(facts.last_seq, facts.last_hash);
                }
            }
            "missing" => {
                if let Ok(MissingFacts { records }) = serde_json::from_slice(&line.bytes) {
                    self.report.notes.push(note(format!("the host could not write {records} records before this one")));
                }
            }
            "cut" => {
                if let Ok(CutFacts { expected_seq }) = serde_json::from_slice(&line.bytes) {
                    let what =
                        format!("the host found its trail ending before record {expected_seq}, which had been written");
                    self.report.problems.push(note(what));
                }
            }
            _ => {}
        }
    }

    /// Lines that are no records are half a line that a host left when it died, if the next record says so.
    fn explain_unread(&mut self, file: &str, unread: &mut Vec<&Line>, next: Option<&Line>) {
        let (Some(first), Some(last)) = (unread.first(), unread.last()) else { return };
        let (first, last) = (first.number, last.number);
        let torn = next.filter(|next| next.link.as_ref().is_some_and(|link| link.kind == "torn"));
        let torn = torn.and_then(|next| serde_json::from_slice::<TornFacts>(&next.bytes).ok());
        let mut text = Vec::new();
        for line in unread.drain(..) {
            text.extend_from_slice(&line.bytes);
            text.push(b'\n');
        }
        let fits = |torn: &TornFacts| text.get(..torn.bytes).is_some_and(|left| hash(left) == torn.sha256);
        let what = match torn {
            Some(torn) if fits(&torn) && text.len() <= torn.bytes + 1 => {
                self.report.notes.push(Problem {
                    file: file.into(),
                    line: Some(first),
                    what: "half a line, left when the host died; the next one says so".into(),
                });
                return;
            }
            Some(_) => "half a line that was changed since the host found it",
            None if next.is_none() => {
                "no record: half a line, if the host died just now and has not been started again; or changed"
            }
            None => "no record: this line was changed or added",
        };
        self.unread = (last - first + 1) as u64;
        for number in first..=last {
            self.problem(file, number, what.into());
        }
    }

    /// A trail begins with record 1, or behind files that it says were removed, or behind a record that somebody knows.
    fn check_begin(&mut self) {
        let Some(mut begins) = self.begins.take() else { return };
        let Head { seq, hash } = &self.begins_after;
        let vouched = match &self.known.after {
            Some(after) => after == hash,
            None => *self.begins_after.hash == Head::of_nothing().hash && *seq == 0,
        };
        if vouched {
            return;
        }
        if self.removed.get(seq) == Some(hash) && self.known.after.is_none() {
            begins.what =
                format!("records 1 to {seq} were in files that the host removed, since no more were to be kept");
            self.report.notes.push(begins);
            return;
        }
        begins.what = match &self.known.after {
            Some(after) => format!("this record does not follow the one with hash {after}"),
            None if *seq == 0 => "the first record names one before it: this line was changed".into(),
            None => format!("records 1 to {seq} are missing; if they were taken elsewhere, say --after {hash}"),
        };
        self.report.problems.push(begins);
    }

    fn check_end(&mut self, last_file: &str) {
        let end = self.end.clone().unwrap_or_else(Head::of_nothing);
        let problem = |what| Problem { file: last_file.to_owned(), line: None, what };
        if let Some(anchor) = &self.anchor {
            if end.seq < anchor.seq {
                let (first, last) = (end.seq + 1, anchor.seq);
                let what =
                    format!("the end was cut off: records {first} to {last} are missing, as the file beside it says");
                self.report.problems.push(problem(what));
            } else if self.anchored == Some(false) {
                let what =
                    format!("record {} is not the one that the file beside it says: the trail was changed", anchor.seq);
                self.report.problems.push(problem(what));
            }
        }
        if let Some(head) = self.known.head.as_ref().filter(|_| !self.head_found) {
            let what = format!("no record has the hash {head}: the end was cut off, or the trail was written anew");
            self.report.problems.push(problem(what));
        }
    }

    fn problem(&mut self, file: &str, line: usize, what: String) {
        // Two neighbours may both tell of one line.
        if self.report.problems.last().is_some_and(|last| last.file == file && last.line == Some(line)) {
            return;
        }
        self.report.problems.push(Problem { file: file.to_owned(), line: Some(line), what });
    }
}

fn read(path: &Path) -> io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    let mut input = BufReader::with_capacity(1 << 20, File::open(path)?);
    loop {
        let mut bytes = Vec::new();
        if input.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(lines);
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        let link = Link::of(&bytes);
        let kept =
            link.as_ref().is_none_or(|link| matches!(link.kind.as_str(), "torn" | "removed" | "missing" | "cut"));
        let hash = hash(&bytes);
        // Most lines are of use only for their hash.
        lines.push(Line { number: lines.len() + 1, hash, link, bytes: if kept { bytes } else { Vec::new() } });
    }
}
