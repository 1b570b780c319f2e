//! Changing files. A file is written beside its place and then put there, so that nobody ever sees half of it.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};

use imara_diff::{Algorithm, BasicLineDiffPrinter, Diff, InternedInput, UnifiedDiffConfig};
use toolyard_plugin::{Error, Result};

use crate::filesystem::{Edit, Edited, Written};
use crate::folders::Place;
use crate::read;
use crate::said::failed;

/// What is written at once.
const WRITE_BYTES_MAX: usize = 4 << 20;
const EDITS_MAX: usize = 100;
/// A diff that is longer is not read.
const DIFF_BYTES_MAX: usize = 128 << 10;

pub(crate) fn write(place: &Place, content: &str, create_only: bool) -> Result<Written> {
    place.check_writable()?;
    let there = fs::symlink_metadata(&place.real);
    match &there {
        Ok(about) if about.is_dir() => return Err(Error::failed(format_args!("`{}` is a folder", place.path))),
        Ok(_) if create_only => return Err(Error::failed(format_args!("`{}` exists already", place.path))),
        _ => {}
    }
    put(place, content)?;
    Ok(Written { path: place.path.clone(), bytes: content.len(), created: there.is_err() })
}

pub(crate) fn edit(place: &Place, edits: &[Edit], dry_run: bool) -> Result<Edited> {
    if edits.is_empty() || edits.len() > EDITS_MAX {
        return Err(Error::invalid_arguments(format_args!("`edits` has 1 to {EDITS_MAX} edits")));
    }
    if !dry_run {
        place.check_writable()?;
    }
    let old = read::whole_text(place)?;
    let (new, replacements) = edited(&old, edits)?;
    let changed = new != old;
    if changed && !dry_run {
        put(place, &new)?;
    }
    Ok(Edited { diff: diff(&old, &new, &place.path), replacements, written: changed && !dry_run })
}

pub(crate) fn make_directory(place: &Place) -> Result<String> {
    place.check_writable()?;
    fs::create_dir_all(&place.real).map_err(|error| failed(place, &error))?;
    Ok(format!("`{}` is there.", place.path))
}

pub(crate) fn rename(from: &Place, to: &Place) -> Result<String> {
    from.check_writable()?;
    to.check_writable()?;
    if from.is_root || to.is_root {
        return Err(Error::denied("a folder that was granted stays where it is"));
    }
    fs::symlink_metadata(&from.real).map_err(|error| failed(from, &error))?;
    if fs::symlink_metadata(&to.real).is_ok() {
        return Err(failed(to, &io::ErrorKind::AlreadyExists.into()));
    }
    if to.path.strip_prefix(&from.path).is_some_and(|rest| rest.starts_with('/')) {
        return Err(Error::invalid_arguments("a folder cannot be moved into itself"));
    }
    // What it was called existed a moment ago, so what does not exist is the folder it is to go to.
    fs::rename(&from.real, &to.real).map_err(|error| failed(to, &error))?;
    Ok(format!("`{}` is now `{}`.", from.path, to.path))
}

pub(crate) fn delete(place: &Place, recursive: bool) -> Result<String> {
    place.check_writable()?;
    if place.is_root {
        return Err(Error::denied("a folder that was granted cannot be deleted"));
    }
    // A link is deleted itself, not what it leads to.
    let about = fs::symlink_metadata(&place.real).map_err(|error| failed(place, &error))?;
    let deleted = match about.is_dir() {
        false => fs::remove_file(&place.real),
        true if recursive => fs::remove_dir_all(&place.real),
        true => fs::remove_dir(&place.real),
    };
    deleted.map_err(|error| failed(place, &error))?;
    Ok(format!("`{}` is deleted.", place.path))
}

fn put(place: &Place, content: &str) -> Result<()> {
    if content.len() > WRITE_BYTES_MAX {
        return Err(Error::failed(format_args!(
            "`{}` would have {} bytes, and at most {WRITE_BYTES_MAX} can be written",
            place.path,
            content.len()
        )));
    }
    // A link is written through, as an editor would: it is not to become a file.
    let target = match fs::symlink_metadata(&place.real) {
        Ok(about) if about.is_symlink() => return in_place(place, content),
        _ => &place.real,
    };
    // Another name each time, and different for each call.
    let number = RandomState::new().hash_one(&place.path);
    let fresh = target.with_file_name(format!(".{number:016x}.new"));
    let made = File::create_new(&fresh).and_then(|mut file| {
        file.write_all(content.as_bytes())?;
        file.sync_all()
    });
    made.and_then(|()| fs::rename(&fresh, target)).map_err(|error| {
        let _ = fs::remove_file(&fresh);
        match error.kind() {
            io::ErrorKind::NotFound => place.parent().map_or_else(
                || failed(place, &error),
                |parent| {
                    Error::failed(format_args!(
                        "the folder `{}` does not exist: make it with `make_directory`",
                        parent.path
                    ))
                },
            ),
            _ => failed(place, &error),
        }
    })
}

fn in_place(place: &Place, content: &str) -> Result<()> {
    fs::write(&place.real, content).map_err(|error| failed(place, &error))
}

/// `text` after all edits, and how many places that were.
fn edited(text: &str, edits: &[Edit]) -> Result<(String, usize)> {
    let mut text = text.to_owned();
    let mut replacements = 0;
    for (index, Edit { old, new, all }) in edits.iter().enumerate() {
        let number = index + 1;
        if old.is_empty() {
            return Err(Error::invalid_arguments(format_args!(
                "edit {number}: `old` is empty; say what stands there now"
            )));
        }
        // Files with Windows' line ends are edited in what models write.
        let (old, new) = match text.contains("\r\n") && !old.contains('\r') {
            true => (old.replace('\n', "\r\n"), new.replace("\r\n", "\n").replace('\n', "\r\n")),
            false => (old.clone(), new.clone()),
        };
        let count = text.matches(&old).count();
        match count {
            0 => return Err(Error::failed(format_args!("edit {number}: {}", missing(&text, &old)))),
            1 => text = text.replacen(&old, &new, 1),
            _ if *all => text = text.replace(&old, &new),
            _ => {
                return Err(Error::failed(format_args!(
                    "edit {number}: `old` occurs {count} times; add lines around it until it is the only one, or set `all`"
                )));
            }
        }
        replacements += count;
        if text.len() > WRITE_BYTES_MAX {
            return Err(Error::failed(format_args!(
                "edit {number}: the file would have more than {WRITE_BYTES_MAX} bytes"
            )));
        }
    }
    Ok((text, replacements))
}

/// Where the text is that differs only in blanks, if there is one.
fn missing(text: &str, old: &str) -> String {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let first = old.lines().find(|line| !line.trim().is_empty()).map(words).unwrap_or_default();
    let near = text.lines().position(|line| words(line) == first);
    match near.filter(|_| !first.is_empty()) {
        Some(line) => {
            format!("`old` does not occur exactly; line {} begins the same but for blanks: read it again", line + 1)
        }
        None => "`old` does not occur; read the file again".to_owned(),
    }
}

fn diff(old: &str, new: &str, path: &str) -> String {
    let input = InternedInput::new(old, new);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let printer = BasicLineDiffPrinter(&input.interner);
    let hunks = diff.unified_diff(&printer, UnifiedDiffConfig::default(), &input).to_string();
    if hunks.is_empty() {
        return hunks;
    }
    let mut text = format!("--- {path}\n+++ {path}\n{hunks}");
    if text.len() > DIFF_BYTES_MAX {
        text.truncate(text.floor_char_boundary(DIFF_BYTES_MAX));
        text.push_str("\n(the rest of the diff is left out)\n");
    }
    text
}
