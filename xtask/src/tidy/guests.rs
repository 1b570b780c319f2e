//! Every test guest is used by a test, and every plugin is tested.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Violation;
use super::source::Source;

pub(crate) fn check(root: &Path, sources: &[Source]) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    for guest in folders(&root.join("tests/guests"))? {
        if !is_named(&guest, sources) {
            let why = "a guest that no test loads is dead code; name it in a test, or remove it";
            violations.push(violation("tests/guests", &guest, why));
        }
    }
    for plugin in folders(&root.join("plugins"))? {
        if !is_named(&plugin, sources) && !has_tests(&Path::new("plugins").join(&plugin), sources) {
            let why = "what users are given is tested; call it from tests/, or give it tests of its own";
            violations.push(violation("plugins", &plugin, why));
        }
    }
    Ok(violations)
}

fn violation(parent: &str, name: &str, why: &'static str) -> Violation {
    let file = PathBuf::from(parent).join(name).join("Cargo.toml");
    Violation { file, line: 1, what: format!("no test names `{name}`"), why }
}

/// The names of the folders in `parent` that are packages.
fn folders(parent: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(parent).with_context(|| format!("{} cannot be read", parent.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// Whether the integration tests have the name as a text of its own.
fn is_named(name: &str, sources: &[Source]) -> bool {
    let quoted = format!("\"{name}\"");
    sources
        .iter()
        .filter(|source| source.path.starts_with("tests/src") || source.path.starts_with("tests/tests"))
        .any(|source| source.text.contains(&quoted))
}

fn has_tests(folder: &Path, sources: &[Source]) -> bool {
    sources.iter().any(|source| source.path.starts_with(folder) && source.text.contains("#[test]"))
}
