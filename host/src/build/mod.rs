//! Writing plugins: from a name to a project (`toolyard new`), from a project to a component (`toolyard build`).
//!
//! A project is a folder; its manifest says its language. What its language's own tools cannot do is done here: the SDK and the
//! contract are laid down beside the sources, core modules become components, wishes go in.

mod c;
mod carried;
mod component;
mod go;
mod js;
mod layout;
mod merge;
mod pages;
mod python;
mod rust;
mod template;
mod tools;
mod watch;

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, Result, bail};
use tracing::debug;

pub use layout::FOLDER;
pub use template::{Template, create};
pub use watch::{Changed, Watch};

use crate::ids::PluginId;

/// The languages that plugins are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Rust,
    Python,
    /// And TypeScript.
    JavaScript,
    Go,
    C,
}

/// A folder that becomes a component.
#[derive(Debug, Clone)]
pub struct Project {
    dir: PathBuf,
    language: Language,
    name: PluginId,
}

/// How much is looked at, and how much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The tools are looked for, and say what they do.
    First,
    /// The same project was built a moment ago: the tools say only what is wrong.
    Again,
}

/// Runs a component's tools, and gives the pages of its memory that each of them writes to, by their numbers.
pub type Rehearsal<'a> = dyn Fn(&[u8]) -> Result<Vec<BTreeSet<u32>>> + 'a;

/// The files that say which language a project is in, the first of them that is there.
const MANIFESTS: [(&str, Language); 4] = [
    ("Cargo.toml", Language::Rust),
    ("pyproject.toml", Language::Python),
    ("package.json", Language::JavaScript),
    ("go.mod", Language::Go),
];

impl Language {
    /// The language of the project in `dir`.
    fn of(dir: &Path) -> Option<Self> {
        let named = MANIFESTS.iter().find(|(manifest, _)| dir.join(manifest).is_file());
        let is_c = || !c::sources(dir).unwrap_or_default().is_empty();
        named.map(|(_, language)| *language).or_else(|| is_c().then_some(Self::C))
    }

    /// The folder of its SDK, in `sdk/`.
    fn sdk(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::JavaScript => "js",
            Self::Go => "go",
            Self::C => "c",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
            Self::JavaScript => "JavaScript or TypeScript",
            Self::Go => "Go",
            Self::C => "C",
        })
    }
}

impl Project {
    /// Looks at what is in `dir`.
    pub fn find(dir: &Path) -> Result<Self> {
        let dir = fs::canonicalize(dir).with_context(|| format!("{} cannot be read", dir.display()))?;
        let Some(language) = Language::of(&dir) else {
            bail!(
                "{} is no plugin's project: it has no Cargo.toml, pyproject.toml, package.json, go.mod or *.c file; \
                 `toolyard new NAME` makes one",
                dir.display()
            );
        };
        let name = name(&dir, language)?;
        Ok(Self { dir, language, name })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn language(&self) -> Language {
        self.language
    }

    /// The plugin's name, by its manifest or its folder.
    pub fn name(&self) -> &PluginId {
        &self.name
    }

    /// Where its component goes if nobody says otherwise.
    pub fn component(&self) -> PathBuf {
        self.dir.join("build").join(format!("{}.wasm", self.name))
    }

    /// Builds the component, puts it at `to`, whole or not at all, and gives its bytes. What the language's tools say goes to
    /// standard error. Takes seconds or minutes. `rehearsal`, if there is one, is run with a component that is about to be the one.
    pub fn build(&self, pace: Pace, to: &Path, rehearsal: Option<&Rehearsal<'_>>) -> Result<Vec<u8>> {
        let made = match self.language {
            Language::Rust => rust::build(&self.dir, pace),
            Language::Python => python::build(&self.dir, pace),
            Language::JavaScript => js::build(&self.dir, pace),
            Language::Go => go::build(&self.dir, pace),
            Language::C => c::build(&self.dir, pace),
        }?;
        let made = match joined(&made, rehearsal) {
            Ok(joined) => joined.unwrap_or(made),
            Err(reason) => {
                debug!(reason = format!("{reason:#}"), "the core modules stay apart");
                made
            }
        };
        let component = component::with_wishes(&self.dir, made)?;
        component::deliver(&component, to)?;
        Ok(component)
    }
}

impl Project {
    /// A text of the plugin's with places in the sources, where it names places in what was made of them. `None` where it does
    /// not, or where the language's own tools see to it.
    pub fn in_sources(&self, text: &str) -> Option<String> {
        if self.language == Language::JavaScript { js::in_sources(&self.dir, text) } else { None }
    }
}

/// The component with one core module of many, and with those pages of its memory together that its calls write to.
fn joined(made: &[u8], rehearsal: Option<&Rehearsal<'_>>) -> Result<Option<Vec<u8>>> {
    let Some(joined) = merge::merged(made, &[])? else { return Ok(None) };
    let together = match rehearsal.map(|rehearsal| rehearsal(&joined)) {
        Some(Ok(written)) => pages::together(&written),
        Some(Err(reason)) => {
            debug!(reason = format!("{reason:#}"), "which pages are written to is not known");
            Vec::new()
        }
        None => Vec::new(),
    };
    if together.is_empty() { Ok(Some(joined)) } else { merge::merged(made, &together) }
}

/// What the manifest calls the project, or else its folder's name.
fn name(dir: &Path, language: Language) -> Result<PluginId> {
    let manifest = MANIFESTS.iter().find(|(_, of)| *of == language).map(|(manifest, _)| dir.join(manifest));
    let text = manifest.and_then(|manifest| fs::read_to_string(manifest).ok()).unwrap_or_default();
    let written = match language {
        Language::Rust => rust::name(&text),
        Language::Python => python::name(&text),
        Language::JavaScript => js::name(&text),
        Language::Go => go::name(&text),
        Language::C => None,
    };
    let folder = || dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = written.unwrap_or_else(folder);
    PluginId::from_str(&name).with_context(|| format!("the project in {} cannot be a plugin", dir.display()))
}

/// A string in a TOML document.
fn toml_text(document: &str, path: [&str; 2]) -> Option<String> {
    let table: toml::Table = document.parse().ok()?;
    table.get(path[0])?.get(path[1])?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &str)]) -> Result<Project> {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("in-folder");
        fs::create_dir(&dir).unwrap();
        for (name, text) in files {
            fs::write(dir.join(name), text).unwrap();
        }
        Project::find(&dir)
    }

    #[test]
    fn a_manifest_says_language_and_name() {
        let check = |files: &[(&str, &str)], language, name: &str| {
            let project = project(files).unwrap();
            assert_eq!((project.language(), project.name().as_str()), (language, name), "{files:?}");
        };
        check(&[("Cargo.toml", "[package]\nname = \"shop\"")], Language::Rust, "shop");
        check(&[("Cargo.toml", ""), ("a.c", "")], Language::Rust, "in-folder");
        check(&[("pyproject.toml", "[project]\nname = \"shop\"")], Language::Python, "shop");
        check(&[("package.json", r#"{"name": "shop"}"#)], Language::JavaScript, "shop");
        check(&[("package.json", r#"{"name": "@me/shop"}"#)], Language::JavaScript, "shop");
        check(&[("go.mod", "module example.com/me/shop\n\ngo 1.26\n")], Language::Go, "shop");
        check(&[("plugin.c", "")], Language::C, "in-folder");
    }

    #[test]
    fn what_is_no_project_is_told() {
        let said = project(&[("README.md", "")]).unwrap_err().to_string();
        assert!(said.contains("no Cargo.toml") && said.contains("toolyard new"), "{said}");
        let said = format!("{:#}", project(&[("package.json", r#"{"name": "a b"}"#)]).unwrap_err());
        assert!(said.contains("`a b` is not a legal name"), "{said}");
        assert!(Project::find(Path::new("/no/such/folder")).is_err());
    }
}
