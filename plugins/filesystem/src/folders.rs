//! The folders that were granted, and where in them a path leads.

use std::path::PathBuf;

use toolyard_plugin::{Error, Result};

use crate::filesystem::Folder;

/// A folder that was granted.
#[derive(Debug, Clone)]
pub(crate) struct Granted {
    /// As it is shown.
    pub(crate) shown: Folder,
    /// Where it is to be found here: in a component, at the path that is shown.
    root: PathBuf,
}

/// A path within a granted folder, without `.` and `..`.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// As it is shown.
    pub(crate) path: String,
    /// As it is opened.
    pub(crate) real: PathBuf,
    pub(crate) writable: bool,
    /// Whether it is the folder that was granted, itself.
    pub(crate) is_root: bool,
}

/// Longer paths exist nowhere.
const PATH_BYTES_MAX: usize = 4096;

impl Place {
    /// What `path` means. With one folder, a path that does not begin with `/` is one in it.
    ///
    /// That nothing else can be reached does not depend on this: the host sees to it. This is for errors that help.
    pub(crate) fn find(path: &str) -> Result<Self> {
        let granted = granted();
        if granted.is_empty() {
            return Err(Error::denied("there is no folder to work in"));
        }
        if path.is_empty() || path.len() > PATH_BYTES_MAX || path.contains('\0') {
            return Err(Error::invalid_arguments("this is no path"));
        }
        let absolute = match (path.starts_with('/'), granted.as_slice()) {
            (true, _) => path.to_owned(),
            (false, [only]) => format!("{}/{path}", only.shown.path),
            (false, _) => return Err(elsewhere(path, &granted)),
        };
        let plain = plain(&absolute);
        // The deepest, since one may be within another.
        let mut within: Vec<(&Granted, &str)> =
            granted.iter().filter_map(|folder| Some((folder, below(&plain, &folder.shown.path)?))).collect();
        within.sort_by_key(|(folder, _)| folder.shown.path.len());
        let (folder, rest) = within.pop().ok_or_else(|| elsewhere(path, &granted))?;
        let real = if rest.is_empty() { folder.root.clone() } else { folder.root.join(rest) };
        Ok(Self { real, writable: folder.shown.writable, is_root: rest.is_empty(), path: plain })
    }

    /// Something in this folder.
    pub(crate) fn child(&self, name: &str) -> Self {
        let path =
            if self.path.ends_with('/') { format!("{}{name}", self.path) } else { format!("{}/{name}", self.path) };
        Self { path, real: self.real.join(name), writable: self.writable, is_root: false }
    }

    /// The folder that this is in.
    pub(crate) fn parent(&self) -> Option<Self> {
        let (parent, _) = self.path.rsplit_once('/').filter(|_| !self.is_root)?;
        Self::find(if parent.is_empty() { "/" } else { parent }).ok()
    }

    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Refuses what the host would refuse, in words that name the folder.
    pub(crate) fn check_writable(&self) -> Result<()> {
        match self.writable {
            true => Ok(()),
            false => Err(Error::denied(format_args!("`{}` is in a folder that can only be read", self.path))),
        }
    }
}

/// The path without empty parts, `.` and `..`. Above the top is the top.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(folder.trim_end_matches('/'))?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

fn elsewhere(path: &str, granted: &[Granted]) -> Error {
    let names: Vec<String> = granted.iter().map(|folder| format!("`{}`", folder.shown.path)).collect();
    let path: String = path.chars().take(200).collect();
    Error::denied(format_args!(
        "`{}` is not in {}: use a path that begins with that",
        path.escape_debug(),
        names.join(" or ")
    ))
}

/// The folders, in the order of their names.
#[cfg(target_family = "wasm")]
pub(crate) fn granted() -> Vec<Granted> {
    use wasip2::filesystem::types::DescriptorFlags;

    let open = wasip2::filesystem::preopens::get_directories();
    let mut granted: Vec<Granted> = open
        .into_iter()
        .map(|(folder, path)| {
            let writable = folder.get_flags().is_ok_and(|flags| flags.contains(DescriptorFlags::MUTATE_DIRECTORY));
            let path = plain(&path);
            Granted { root: PathBuf::from(&path), shown: Folder { path, writable } }
        })
        .collect();
    granted.sort_by(|one, other| one.shown.path.cmp(&other.shown.path));
    granted
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn granted() -> Vec<Granted> {
    pretended::GRANTED.with_borrow(Clone::clone)
}

/// Grants for native tests.
#[cfg(not(target_family = "wasm"))]
#[cfg_attr(not(test), expect(dead_code, reason = "only tests pretend"))]
pub(crate) mod pretended {
    use super::{Folder, Granted, PathBuf};
    use std::cell::RefCell;

    thread_local! {
        pub(super) static GRANTED: RefCell<Vec<Granted>> = RefCell::default();
    }

    /// Sees `root` as `path` from now on, on this thread.
    pub(crate) fn grant(path: &str, root: impl Into<PathBuf>, writable: bool) {
        let granted = Granted { shown: Folder { path: path.into(), writable }, root: root.into() };
        GRANTED.with_borrow_mut(|all| all.push(granted));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_into_what_was_granted_or_nowhere() {
        assert_eq!(Place::find("/a").unwrap_err(), Error::denied("there is no folder to work in"));
        pretended::grant("/data", "/real", true);
        for (path, expected) in [
            ("/data/a", "/data/a"),
            ("/data", "/data"),
            ("/data/", "/data"),
            ("a/b", "/data/a/b"),
            ("/data/x/../a//./b", "/data/a/b"),
            ("./a", "/data/a"),
            ("/../data/a", "/data/a"),
        ] {
            assert_eq!(Place::find(path).unwrap().path, expected, "{path}");
        }
        assert_eq!(Place::find("/data/a").unwrap().real, PathBuf::from("/real/a"));
        for path in ["/", "/datax", "/data/../etc", "../a", "/etc/passwd", "", "a\0b"] {
            assert!(Place::find(path).is_err(), "{path}");
        }
        pretended::grant("/data/inner", "/inner", false);
        let inner = Place::find("/data/inner/x").unwrap();
        assert_eq!((inner.real, inner.writable), (PathBuf::from("/inner/x"), false));
        let error = Place::find("a").unwrap_err();
        assert_eq!(error.message(), "`a` is not in `/data` or `/data/inner`: use a path that begins with that");
    }
}
