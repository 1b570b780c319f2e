//! Every mistake at once: what is wrong is taken out, and the rest is looked at again.

use std::collections::BTreeSet;

use super::{
    Document,
    locate::locate,
    node::{Node, Step, Value},
    read::{self, Named},
};
use crate::config::{Config, ConfigError, Mistakes, Written, mistakes::concealed};

/// Whoever made more mistakes than this mends some of them first.
const MISTAKES_MAX: usize = 100;

/// What is usable of `document`, and the paths that it names; or all that is wrong with it.
pub(super) fn usable(document: &Document) -> Result<(Config, Vec<Named>), Wanting> {
    all(document, |root| {
        let (written, paths) = parse(root, document)?;
        let config = written.usable(&document.base).map_err(|error| {
            let reason = error.reason().to_owned();
            let found = locate(&reason, root);
            Wrong { path: found.path, reason, may_follow: !found.is_exact }
        })?;
        Ok((config, paths))
    })
}

/// What `document` says, with every value of the type that its place wants.
pub(super) fn written(document: &Document) -> Result<Written, Mistakes> {
    all(document, |root| Ok(parse(root, document)?.0)).map_err(|wanting| wanting.mistakes)
}

/// A configuration that something is wrong with.
pub(super) struct Wanting {
    pub(super) mistakes: Mistakes,
    /// What is named by the rest of it.
    pub(super) paths: Vec<Named>,
}

fn parse(root: &Node, document: &Document) -> Result<(Written, Vec<Named>), Wrong> {
    read::read(root, &document.base).map_err(|error| {
        let may_follow = error.is_absence();
        let (path, reason) = error.into_parts();
        Wrong { path, reason, may_follow }
    })
}

/// What `attempt` makes of the document, or all mistakes that it finds in one after the other.
fn all<T>(document: &Document, attempt: impl Fn(&Node) -> Result<T, Wrong>) -> Result<T, Wanting> {
    let mut found = attempt(&document.root);
    if document.mistakes.is_empty()
        && let Ok(good) = found
    {
        return Ok(good);
    }
    let mut search =
        Search { root: document.root.clone(), mistakes: document.mistakes.clone(), taken: BTreeSet::new() };
    while let Err(wrong) = found {
        if !search.take(wrong) || search.mistakes.len() >= MISTAKES_MAX {
            break;
        }
        found = attempt(&search.root);
    }
    let mistakes = Mistakes::new(search.mistakes, &document.root.given_parts());
    let paths = parse(&search.root, document).map(|(_, paths)| paths).unwrap_or_default();
    Err(Wanting { mistakes, paths })
}

/// A mistake that was found, and the value that it is in.
struct Wrong {
    path: Vec<Step>,
    reason: String,
    /// Whether it may be there only because something else was taken out.
    may_follow: bool,
}

struct Search {
    /// What is left.
    root: Node,
    mistakes: Vec<ConfigError>,
    /// The tables that were taken out, as the file calls them.
    taken: BTreeSet<String>,
}

impl Search {
    /// Notes a mistake and takes out what is wrong. Says whether there is anything left to look at.
    fn take(&mut self, wrong: Wrong) -> bool {
        let Wrong { path, reason, may_follow } = wrong;
        let node = self.root.descend(&path);
        let follows = may_follow && node.is_maimed() || self.taken.iter().any(|taken| reason.contains(taken));
        if !follows {
            // Of two references with the same value, it is the one here that is meant.
            let given = node.given.as_ref().map_or(&[][..], |given| &given.parts);
            self.mistakes.push(node.at.mistake(concealed(&reason, given)));
        }
        if matches!(node.value, Value::Table(_)) {
            let keys: Vec<&str> = path.iter().filter_map(Step::key).collect();
            self.taken.insert(format!("[{}]", keys.join(".")));
        }
        self.root.remove(&path)
    }
}
