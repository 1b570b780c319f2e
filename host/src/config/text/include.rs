//! A file with all the files that it includes, as one.

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    node::{Node, Place, Value},
    refs::{Environment, expand},
    seen::Seen,
};
use crate::config::ConfigError;

/// The key that names the files to include.
const INCLUDE: &str = "include";

/// Files that include files that include files: whoever needs more has lost their way, and so have those who read it.
const DEPTH_MAX: usize = 8;

/// Enough for a file for each of some thousand tenants.
const FILES_MAX: usize = 8192;

/// Of all files together.
const BYTES_MAX: u64 = 64 << 20;

/// What was read.
pub(super) struct Whole {
    pub(super) root: Node,
    pub(super) mistakes: Vec<ConfigError>,
}

/// Reads `path` and what it includes. The including file has the last word. What is read is noted in `seen`.
pub(super) fn read(path: &Path, environment: Environment<'_>, seen: &mut Seen) -> Whole {
    let mut reader = Reader { environment, seen, stack: Vec::new(), files: 0, bytes: 0, mistakes: Vec::new() };
    let root = reader.file(path).unwrap_or_else(|reason| {
        reader.mistakes.push(ConfigError::new(reason).in_file(path));
        Node::new(Value::Table([].into()), Place { file: path.into(), line: 1 })
    });
    Whole { root, mistakes: reader.mistakes }
}

struct Reader<'a> {
    environment: Environment<'a>,
    seen: &'a mut Seen,
    /// The files that are being read, each included by the one before it, by their real paths.
    stack: Vec<PathBuf>,
    files: usize,
    bytes: u64,
    mistakes: Vec<ConfigError>,
}

impl Reader<'_> {
    /// The error is about the file as a whole; the mistakes in it are collected.
    fn file(&mut self, path: &Path) -> Result<Node, String> {
        let text = self.text(path)?;
        // What is there has a real path.
        let real = path.canonicalize().map_err(|error| format!("cannot be read: {error}"))?;
        if let Some(at) = self.stack.iter().position(|other| *other == real) {
            let circle: Vec<String> = self.stack[at..].iter().map(|path| path.display().to_string()).collect();
            return Err(format!("includes itself, by way of {}", circle.join(", ")));
        }
        if self.stack.len() == DEPTH_MAX {
            return Err(format!(
                "is included by a file that is included, and so on, {DEPTH_MAX} times; at most that many"
            ));
        }
        let file: Arc<Path> = path.into();
        let mut root = match Node::parse(&text, &file) {
            Ok(root) => root,
            Err(mistakes) => {
                self.mistakes.extend(mistakes);
                return Ok(Node::new(Value::Table([].into()), Place { file, line: 1 }));
            }
        };
        let Value::Table(table) = &mut root.value else { return Ok(root) };
        let Some(include) = table.remove(INCLUDE) else { return Ok(root) };
        self.stack.push(real);
        let mut whole = Node::new(Value::Table([].into()), root.at.clone());
        for (path, named) in self.included(&include) {
            match self.file(&path) {
                Ok(node) => whole.merge(node),
                Err(reason) => self.mistakes.push(named.mistake(format!("`{INCLUDE}`: {}: {reason}", path.display()))),
            }
        }
        self.stack.pop();
        whole.merge(root);
        Ok(whole)
    }

    fn text(&mut self, path: &Path) -> Result<String, String> {
        if self.files == FILES_MAX {
            return Err(format!("is one file too many: at most {FILES_MAX} are read"));
        }
        self.files += 1;
        self.seen.note(path);
        let wrong = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        let mut text = String::new();
        let left = BYTES_MAX - self.bytes;
        let read = fs::File::open(path).map_err(wrong)?.take(left + 1).read_to_string(&mut text).map_err(wrong)?;
        if read as u64 > left {
            return Err(format!("is too much: at most {BYTES_MAX} bytes are read, of all files together"));
        }
        self.bytes += read as u64;
        Ok(text)
    }

    /// The files that `include` names, in its order, and where it names them.
    fn included(&mut self, include: &Node) -> Vec<(PathBuf, Place)> {
        let names: Vec<&Node> = match &include.value {
            Value::Array(items) => items.iter().collect(),
            _ => vec![include],
        };
        let mut files = Vec::new();
        for node in names {
            let found = match &node.value {
                Value::Text(name) => self.named(name, &node.at.folder()),
                _ => Err("must be a list of paths, such as [\"base.toml\", \"tenants/*.toml\"]".into()),
            };
            match found {
                Ok(found) => files.extend(found.into_iter().map(|path| (path, node.at.clone()))),
                Err(reason) => self.mistakes.push(node.at.mistake(format!("`{INCLUDE}`: {reason}"))),
            }
        }
        files
    }

    fn named(&mut self, name: &str, folder: &Path) -> Result<Vec<PathBuf>, String> {
        let name = expand(name, self.environment, folder, self.seen)?.text;
        let path = folder.join(name);
        let pattern = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().unwrap_or(Path::new(""));
        if folder.to_string_lossy().contains('*') {
            return Err(format!("{} has a `*` elsewhere than in a file's name", path.display()));
        }
        if !pattern.contains('*') {
            return Ok(vec![path]);
        }
        self.seen.note(folder);
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let wrong = |error: io::Error| format!("the folder {} cannot be read: {error}", folder.display());
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).map_err(wrong)? {
            let name = entry.map_err(wrong)?.file_name();
            // As in a shell: a pattern does not mean what is hidden, such as an editor's copy.
            let name = name.to_string_lossy();
            if !name.starts_with('.') && fits(&pattern, &name) {
                found.push(path.with_file_name(&*name));
            }
        }
        found.sort();
        Ok(found)
    }
}

/// Whether `name` is `pattern`, in which a `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("*.toml", "a.toml", true),
            ("*.toml", "a.tom", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "axxbyc", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("x", "x", true),
            ("x", "xy", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
