//! Finding files by their names, and lines by what is in them.

use globset::{GlobBuilder, GlobMatcher};
use regex::RegexBuilder;
use toolyard_plugin::{Error, Result};

use crate::filesystem::{Kind, Line, Lines, Paths};
use crate::folders::Place;
use crate::{read, walk};

/// Files and folders that are looked at in one call.
const VISITED_MAX: usize = 50_000;
/// What is read in one call.
const SEARCHED_BYTES_MAX: usize = 64 << 20;
/// What is shown of a line.
const LINE_BYTES_MAX: usize = 500;
/// What a pattern may become in memory.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// How deep folders are gone into.
const DEPTH_MAX: usize = 64;

pub(crate) fn names(place: &Place, pattern: &str, limit: usize) -> Result<Paths> {
    walk::check_limit(limit)?;
    let glob = Glob::new("pattern", pattern)?;
    let mut paths = Vec::new();
    let more = visit(place, |found, below, _| {
        if glob.takes(below) {
            paths.push(found.path.clone());
        }
        Ok(paths.len() <= limit)
    })?;
    let more = more || paths.len() > limit;
    paths.truncate(limit);
    Ok(Paths { paths, more })
}

pub(crate) fn lines(
    place: &Place,
    pattern: &str,
    files: Option<&str>,
    ignore_case: bool,
    limit: usize,
) -> Result<Lines> {
    walk::check_limit(limit)?;
    let pattern = RegexBuilder::new(pattern)
        .case_insensitive(ignore_case)
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_BYTES_MAX)
        .build()
        .map_err(|error| Error::invalid_arguments(format_args!("`pattern`: {error}")))?;
    let glob = files.map(|files| Glob::new("files", files)).transpose()?;
    let mut found = Lines { matches: Vec::new(), files: 0, more: false };
    let mut bytes = 0;
    let mut search = |file: &Place, text: &str| {
        found.files += 1;
        for (index, line) in text.lines().enumerate().filter(|(_, line)| pattern.is_match(line)) {
            if found.matches.len() == limit {
                found.more = true;
                return;
            }
            let shown = line[..line.floor_char_boundary(LINE_BYTES_MAX)].to_owned();
            found.matches.push(Line { path: file.path.clone(), line: index + 1, text: shown });
        }
    };
    if walk::info(place)?.kind == Kind::File {
        search(place, &read::whole_text(place)?);
        return Ok(found);
    }
    let more = visit(place, |file, below, kind| {
        if kind != Kind::File || glob.as_ref().is_some_and(|glob| !glob.takes(below)) {
            return Ok(true);
        }
        // What is no text, or too large, or gone, has no lines.
        let Ok(text) = read::whole_text(file) else { return Ok(true) };
        bytes += text.len();
        search(file, &text);
        Ok(bytes <= SEARCHED_BYTES_MAX)
    })?;
    found.more |= more;
    Ok(found)
}

/// A pattern for names, or for paths if there is a slash in it.
struct Glob {
    matcher: GlobMatcher,
    paths: bool,
}

impl Glob {
    fn new(argument: &str, pattern: &str) -> Result<Self> {
        if pattern.is_empty() || pattern.len() > 1000 {
            return Err(Error::invalid_arguments(format_args!("`{argument}` is a pattern such as `*.rs`")));
        }
        let glob = GlobBuilder::new(pattern.trim_start_matches("./"))
            .literal_separator(true)
            .build()
            .map_err(|error| Error::invalid_arguments(format_args!("`{argument}`: {error}")))?;
        Ok(Self { matcher: glob.compile_matcher(), paths: pattern.contains('/') })
    }

    fn takes(&self, below: &str) -> bool {
        let name = below.rsplit('/').next().unwrap_or_default();
        self.matcher.is_match(if self.paths { below } else { name })
    }
}

/// Shows `look` everything below a folder: the place, its path from there, and what it is. Ends where that says `false`, and
/// says whether something was left out. Links are not followed.
fn visit(place: &Place, mut look: impl FnMut(&Place, &str, Kind) -> Result<bool>) -> Result<bool> {
    let mut open = vec![(place.clone(), String::new(), walk::entries(place)?.into_iter())];
    let (mut visited, mut left_out) = (0, false);
    while let Some((folder, below, rest)) = open.last_mut() {
        let Some((name, kind)) = rest.next() else {
            open.pop();
            continue;
        };
        visited += 1;
        let child = folder.child(&name);
        let below = if below.is_empty() { name } else { format!("{below}/{name}") };
        if visited > VISITED_MAX || !look(&child, &below, kind)? {
            return Ok(true);
        }
        if kind == Kind::Folder {
            // What cannot be looked into is left out, and said to be.
            match walk::entries(&child) {
                Ok(entries) if open.len() < DEPTH_MAX => open.push((child, below, entries.into_iter())),
                _ => left_out = true,
            }
        }
    }
    Ok(left_out)
}
