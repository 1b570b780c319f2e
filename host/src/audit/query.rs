//! Records by what they are about.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::file::full_files;
use crate::clock;

/// Which records are wanted: those that are all of this.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    pub tenant: Option<String>,
    pub subject: Option<String>,
    /// A public name, or a plugin's.
    pub tool: Option<String>,
    /// Milliseconds since 1970.
    pub since_ms: Option<u64>,
    pub until_ms: Option<u64>,
    pub outcome: Option<String>,
    /// Only what was refused: requests, and what plugins tried that they were not granted.
    pub refused: bool,
}

impl Filter {
    /// Whether a record is wanted.
    pub fn takes(&self, record: &Value) -> bool {
        let is =
            |wanted: &Option<String>, key: &str| wanted.as_ref().is_none_or(|wanted| record[key] == wanted.as_str());
        let tool = self.tool.is_none() || is(&self.tool, "name") || is(&self.tool, "plugin");
        let time = || record["time"].as_str().and_then(|time| clock::parse(time, 0).ok());
        let since = self.since_ms.is_none_or(|since| time().is_some_and(|time| time >= since));
        let until = self.until_ms.is_none_or(|until| time().is_some_and(|time| time < until));
        let refused = || {
            let effects = record["effects"].as_array();
            record["kind"] == "refused"
                || record["change"] == "refused"
                || effects.is_some_and(|effects| effects.iter().any(|effect| effect["effect"] == "refused"))
        };
        is(&self.tenant, "tenant")
            && is(&self.subject, "subject")
            && is(&self.outcome, "outcome")
            && tool
            && since
            && until
            && (!self.refused || refused())
    }
}

/// Gives the lines of the trail at `path` that are wanted, the oldest first, with what is in them, for as long as `take` says so.
pub fn query(path: &Path, filter: &Filter, take: impl FnMut(&str, &Value) -> bool) -> io::Result<()> {
    let full = full_files(path)?.into_iter().map(|(_, path)| path);
    read(full.chain([path.to_owned()]), filter, take)
}

/// The end of a trail, for those who wait for what comes.
pub struct Follow {
    path: PathBuf,
    input: BufReader<File>,
    /// A line that may not be whole yet.
    line: Vec<u8>,
    /// The last record that is known.
    seq: u64,
}

impl Follow {
    /// What comes after the record of that number.
    pub fn after(path: &Path, seq: u64) -> io::Result<Self> {
        let input = BufReader::new(File::open(path)?);
        Ok(Self { path: path.to_owned(), input, line: Vec::new(), seq })
    }

    /// Gives what came since last time, for as long as `take` says so.
    pub fn look(&mut self, filter: &Filter, mut take: impl FnMut(&str, &Value) -> bool) -> io::Result<()> {
        loop {
            if self.input.read_until(b'\n', &mut self.line)? == 0 {
                let now = fs::metadata(&self.path)?;
                if now.ino() == self.input.get_ref().metadata()?.ino() {
                    return Ok(());
                }
                // The file that was read to its end is full, and a new one has its name.
                self.input = BufReader::new(File::open(&self.path)?);
                continue;
            }
            if !self.line.ends_with(b"\n") {
                continue;
            }
            let line = std::mem::take(&mut self.line);
            if let Some((text, record)) = wanted(&line, filter)
                && record["seq"].as_u64().is_none_or(|seq| seq > self.seq)
                && !take(text, &record)
            {
                return Ok(());
            }
        }
    }
}

fn read(
    paths: impl Iterator<Item = PathBuf>,
    filter: &Filter,
    mut take: impl FnMut(&str, &Value) -> bool,
) -> io::Result<()> {
    for path in paths {
        let mut input = BufReader::with_capacity(1 << 20, File::open(path)?);
        let mut line = Vec::new();
        while input.read_until(b'\n', &mut line)? > 0 {
            if let Some((text, record)) = wanted(&line, filter)
                && !take(text, &record)
            {
                return Ok(());
            }
            line.clear();
        }
    }
    Ok(())
}

/// A line's text and what is in it, if it is wanted. What is no record is for `verify` to tell of.
fn wanted<'a>(line: &'a [u8], filter: &Filter) -> Option<(&'a str, Value)> {
    let text = std::str::from_utf8(line.trim_ascii_end()).ok()?;
    let record = serde_json::from_str::<Value>(text).ok()?;
    filter.takes(&record).then_some((text, record))
}
