//! Folders and what is in them.

use std::fs::{self, FileType, Metadata};
use std::time::UNIX_EPOCH;

use toolyard_plugin::{Error, Result};

use crate::filesystem::{Entry, Info, Kind, Listing};
use crate::folders::Place;
use crate::said::failed;

pub(crate) const LIMIT_MAX: usize = 1000;
/// Of one folder. They are sorted, and so held at once.
const ENTRIES_MAX: usize = 20_000;
const DEPTH_MAX: usize = 20;
const TREE_LINES_MAX: usize = 2000;

pub(crate) fn info(place: &Place) -> Result<Info> {
    let about = fs::symlink_metadata(&place.real).map_err(|error| failed(place, &error))?;
    let kind = kind(about.file_type());
    let bytes = if kind == Kind::File { about.len() } else { 0 };
    Ok(Info { path: place.path.clone(), kind, bytes, modified: modified(&about) })
}

pub(crate) fn list(place: &Place, after: Option<&str>, limit: usize) -> Result<Listing> {
    check_limit(limit)?;
    let mut names = entries(place)?;
    names.retain(|(name, _)| after.is_none_or(|after| name.as_str() > after));
    let more = names.len() > limit;
    names.truncate(limit);
    let entry = |(name, kind): (String, Kind)| {
        let bytes = (kind == Kind::File).then(|| fs::symlink_metadata(place.real.join(&name)).ok()).flatten();
        Entry { name, kind, bytes: bytes.map(|about| about.len()) }
    };
    Ok(Listing { entries: names.into_iter().map(entry).collect(), more })
}

pub(crate) fn tree(place: &Place, depth: usize) -> Result<String> {
    if !(1..=DEPTH_MAX).contains(&depth) {
        return Err(Error::invalid_arguments(format_args!("`depth` is from 1 to {DEPTH_MAX}")));
    }
    // The first is what was asked for, whose errors are the caller's; what is in it may go, or be closed, meanwhile.
    let mut lines = format!("{}\n", place.path);
    let mut count = 0;
    let mut open = vec![(place.clone(), entries(place)?.into_iter())];
    while let Some((folder, rest)) = open.last_mut() {
        let Some((name, kind)) = rest.next() else {
            open.pop();
            continue;
        };
        if count == TREE_LINES_MAX {
            lines.push_str("… and more: ask for a folder in it, or for less depth\n");
            break;
        }
        count += 1;
        let (sign, child) = (sign(kind), folder.child(&name));
        lines.push_str(&format!("{}{}{sign}\n", "  ".repeat(open.len()), name.escape_debug()));
        if kind == Kind::Folder && open.len() < depth {
            open.push((child.clone(), entries(&child).unwrap_or_default().into_iter()));
        }
    }
    Ok(lines)
}

/// What is in a folder, in the order of names.
pub(crate) fn entries(place: &Place) -> Result<Vec<(String, Kind)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(&place.real).map_err(|error| failed(place, &error))? {
        let entry = entry.map_err(|error| failed(place, &error))?;
        // A name that is not text could not be said, nor asked for.
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Ok(about) = entry.file_type() else { continue };
        entries.push((name, kind(about)));
        if entries.len() > ENTRIES_MAX {
            return Err(Error::failed(format_args!("`{}` has more than {ENTRIES_MAX} entries", place.path)));
        }
    }
    entries.sort();
    Ok(entries)
}

pub(crate) fn check_limit(limit: usize) -> Result<()> {
    match limit {
        1..=LIMIT_MAX => Ok(()),
        _ => Err(Error::invalid_arguments(format_args!("`limit` is from 1 to {LIMIT_MAX}"))),
    }
}

fn sign(kind: Kind) -> &'static str {
    match kind {
        Kind::Folder => "/",
        Kind::Link => "@",
        Kind::File | Kind::Other => "",
    }
}

fn kind(file_type: FileType) -> Kind {
    match () {
        () if file_type.is_symlink() => Kind::Link,
        () if file_type.is_dir() => Kind::Folder,
        () if file_type.is_file() => Kind::File,
        () => Kind::Other,
    }
}

fn modified(about: &Metadata) -> Option<u64> {
    let since = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}
