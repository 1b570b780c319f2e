//! How files looked before they were read, to tell whether they are to be read again.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::stamp::Stamp;

/// Files and folders, and how each looked when it was first looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen(BTreeMap<PathBuf, Option<Stamp>>);

impl Seen {
    /// Looks at `path`, if nobody has yet. To be done before it is read: what changes meanwhile is then seen as a change.
    pub(crate) fn note(&mut self, path: &Path) {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        if !self.0.contains_key(path) {
            self.0.insert(path.to_owned(), Stamp::of(path));
        }
    }

    /// What was looked at.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    /// Whether anything looks different now.
    pub(crate) fn has_changed(&self) -> bool {
        self.0.iter().any(|(path, stamp)| Stamp::of(path) != *stamp)
    }

    /// The same files and folders, as they look now.
    pub(crate) fn anew(&self) -> Self {
        let mut now = Self::default();
        now.note_all(self);
        now
    }

    /// How many files there were.
    pub(crate) fn files(&self) -> usize {
        self.paths().filter(|path| path.is_file()).count()
    }

    /// Takes over what `other` has seen, but for what was looked at here: what has changed since is still seen as a change.
    pub(crate) fn take_all(&mut self, other: &Self) {
        for (path, stamp) in &other.0 {
            self.0.entry(path.clone()).or_insert(*stamp);
        }
    }

    /// Looks now at all that `other` has looked at, but for what was looked at here.
    pub(crate) fn note_all(&mut self, other: &Self) {
        other.paths().for_each(|path| self.note(path));
    }
}
