//! Configuration as text: files that include files, strings that stand for something else, and where each value was written.

mod check;
mod include;
mod locate;
mod node;
mod read;
mod refs;
mod seen;

use std::path::{Path, PathBuf};

use super::{Config, ConfigError, Mistakes, Written};

pub(crate) use node::{Node, Step, Value};
pub(crate) use read::Named;
pub(crate) use refs::{Environment, of_process};
pub(crate) use seen::Seen;

/// A configuration as it was written, all its files together, with what its references stand for.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) root: Node,
    /// The folder that relative paths of the first file start from.
    base: PathBuf,
    /// What was wrong before anybody asked what the values mean.
    mistakes: Vec<ConfigError>,
}

/// What a text says, before anybody asks whether it can be used.
pub(super) fn written(text: &str) -> Result<Written, Mistakes> {
    Document::parse(text, &of_process)?.written()
}

/// A configuration that can be used.
#[derive(Debug)]
pub(crate) struct Usable {
    pub(crate) config: Config,
    pub(crate) document: Document,
    /// The files and folders that it names.
    pub(crate) paths: Vec<Named>,
}

impl Usable {
    /// The files whose contents are part of what the configuration means, such as keys and certificates.
    pub(crate) fn named(&self) -> Seen {
        let mut seen = Seen::default();
        for named in self.paths.iter().filter(|named| named.is_read()) {
            seen.note(&self.document.beside(&named.path));
        }
        self.config.policy.sources().iter().for_each(|path| seen.note(path));
        seen
    }
}

impl Document {
    /// Reads `path` and all that it includes, and puts in what stands in the environment and in other files.
    ///
    /// Fails only if a file is not there or is no TOML; everything else is said by [`Document::usable`], with the rest. In
    /// any case `seen` has what was looked at.
    pub(crate) fn read(path: &Path, environment: Environment<'_>, seen: &mut Seen) -> Result<Self, Mistakes> {
        let include::Whole { root, mistakes } = include::read(path, environment, seen);
        if !mistakes.is_empty() {
            return Err(Mistakes::new(mistakes, &[]));
        }
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut document = Self { root, base, mistakes };
        document.expand(environment, seen);
        Ok(document)
    }

    /// The same of a text, in which nothing is included.
    pub(crate) fn parse(text: &str, environment: Environment<'_>) -> Result<Self, Mistakes> {
        let file = Path::new("").into();
        let root = Node::parse(text, &file).map_err(|mistakes| Mistakes::new(mistakes, &[]))?;
        let mut document = Self { root, base: PathBuf::new(), mistakes: Vec::new() };
        document.expand(environment, &mut Seen::default());
        Ok(document)
    }

    /// A path that a value says, for this process.
    pub(crate) fn beside(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// What it says, before anybody asks whether it can be used.
    pub(crate) fn written(&self) -> Result<Written, Mistakes> {
        check::written(self)
    }

    /// Checks everything.
    pub(crate) fn usable(self) -> Result<Usable, Mistakes> {
        let (config, paths) = check::usable(&self).map_err(|wanting| wanting.mistakes)?;
        Ok(Usable { config, document: self, paths })
    }

    /// Checks everything; also what `look` finds wrong with a path that is named.
    pub(crate) fn checked(self, look: impl Fn(&Self, &Named) -> Option<ConfigError>) -> Result<Usable, Mistakes> {
        let (usable, paths) = match check::usable(&self) {
            Ok((config, paths)) => (Ok(config), paths),
            Err(wanting) => (Err(wanting.mistakes), wanting.paths),
        };
        let missing: Vec<ConfigError> = paths.iter().filter_map(|named| look(&self, named)).collect();
        match usable {
            Ok(config) if missing.is_empty() => Ok(Usable { config, document: self, paths }),
            Ok(_) => Err(Mistakes::new(missing, &[])),
            Err(mistakes) => Err(mistakes.and(missing)),
        }
    }

    /// Puts in what strings stand for. Those that stand for nothing are taken out, and said later.
    fn expand(&mut self, environment: Environment<'_>, seen: &mut Seen) {
        let mut broken = Vec::new();
        let Self { root, mistakes, .. } = self;
        root.visit_mut(&mut Vec::new(), &mut |path, node| {
            let Value::Text(text) = &node.value else { return };
            // Most strings stand for themselves.
            if !text.contains("${") && !text.starts_with("file:") && !text.starts_with("$file:") {
                return;
            }
            match refs::expand(text, environment, &node.at.folder(), seen) {
                Ok(expanded) => {
                    node.value = Value::Text(expanded.text);
                    node.given = expanded.given.map(Into::into);
                }
                Err(reason) => {
                    mistakes.push(node.at.mistake(reason));
                    broken.push(path.to_vec());
                }
            }
        });
        // From the end, so that what is left of a list stays where it was.
        for path in broken.iter().rev() {
            root.remove(path);
        }
    }
}

#[cfg(test)]
mod tests;
