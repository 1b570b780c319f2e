//! `toolyard new`: a project that builds, tests and runs at once.

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, Result, anyhow, bail};

use super::{Language, carried, layout};

/// What stands in a template where the project's name belongs.
const NAME: &str = "{{name}}";

/// A file that would already act within the template's own folder has this name there.
const GITIGNORE: &str = "gitignore";

/// The longest name: it stands in the public name of each tool, which has 64 characters.
const NAME_CHARS_MAX: usize = 40;

/// What a project can begin as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    Rust,
    Python,
    TypeScript,
    JavaScript,
    Go,
    C,
}

impl Template {
    /// All of them, by the names that they are asked for.
    pub const ALL: [(&str, Self); 6] = [
        ("rust", Self::Rust),
        ("python", Self::Python),
        ("ts", Self::TypeScript),
        ("js", Self::JavaScript),
        ("go", Self::Go),
        ("c", Self::C),
    ];

    fn language(self) -> Language {
        match self {
            Self::Rust => Language::Rust,
            Self::Python => Language::Python,
            Self::TypeScript | Self::JavaScript => Language::JavaScript,
            Self::Go => Language::Go,
            Self::C => Language::C,
        }
    }

    /// Its folder in the checkout.
    fn folder(self) -> String {
        let name = match self {
            Self::TypeScript => "template-ts",
            Self::JavaScript => "template-js",
            _ => "template",
        };
        format!("sdk/{}/{name}", self.language().sdk())
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, template)| *template);
        found.ok_or_else(|| {
            let names = Self::ALL.map(|(name, _)| name).join(", ");
            format!("there is no template for it; there are {names}")
        })
    }
}

/// Makes the project `dir`, whose last part is its name. A folder that is there must be empty.
pub fn create(dir: &Path, template: Template) -> Result<()> {
    let name = check_name(dir)?;
    let files: Vec<(PathBuf, Vec<u8>)> = carried::below(&template.folder())
        .map(|(path, contents)| (dir.join(place(path)), filled(contents, &name)))
        .collect();
    if files.is_empty() {
        bail!("this program was built without {}", template.folder());
    }
    let is_free = match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if !is_free {
        bail!("{} is there already, and not an empty folder; choose another name", dir.display());
    }
    for (file, contents) in files {
        layout::write_if_other(&file, &contents).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    layout::lay_down(dir, template.language())
}

/// The project's name: one that is fit for packages of all languages.
fn check_name(dir: &Path) -> Result<String> {
    let name = dir.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    let is_legal = name.len() <= NAME_CHARS_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.chars().all(is_inner);
    is_legal.then(|| name.to_owned()).ok_or_else(|| {
        anyhow!(
            "`{name}` is no name for a plugin: use 1 to {NAME_CHARS_MAX} lower-case letters, digits, `-` and `_`, \
             beginning with a letter and ending with a letter or digit"
        )
    })
}

/// Where a template's file goes.
fn place(path: &str) -> PathBuf {
    let path = Path::new(path);
    if path.file_name().is_some_and(|name| name == GITIGNORE) { path.with_file_name(".gitignore") } else { path.into() }
}

fn filled(contents: &[u8], name: &str) -> Vec<u8> {
    match std::str::from_utf8(contents) {
        Ok(text) => text.replace(NAME, name).into_bytes(),
        Err(_) => contents.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_made_where_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("greeter");
        create(&dir, Template::Rust).unwrap();
        assert!(fs::read_to_string(dir.join("Cargo.toml")).unwrap().contains("name = \"greeter\""));
        assert!(fs::read_to_string(dir.join(".gitignore")).unwrap().contains("target"));
        assert!(dir.join(".toolyard/sdk/rust/Cargo.toml").is_file());
        let said = create(&dir, Template::Rust).unwrap_err().to_string();
        assert!(said.contains("greeter is there already"), "{said}");

        let empty = folder.path().join("empty");
        fs::create_dir(&empty).unwrap();
        create(&empty, Template::Rust).unwrap();
    }

    #[test]
    fn names_follow_the_rule() {
        for good in ["a", "weather-2", "a_b", "plugins/inner"] {
            assert!(check_name(Path::new(good)).is_ok(), "{good}");
        }
        let long = "a".repeat(NAME_CHARS_MAX + 1);
        for bad in ["", "..", "2nd", "Greeter", "a b", "a-", "-a", "a.b", "ünser", &long] {
            let said = check_name(Path::new(bad)).unwrap_err().to_string();
            assert!(said.contains("lower-case letters"), "{bad}: {said}");
        }
    }

    #[test]
    fn every_template_that_is_carried_is_whole() {
        for (name, template) in Template::ALL {
            assert_eq!(name.parse::<Template>(), Ok(template));
            let paths: Vec<&str> = carried::below(&template.folder()).map(|(path, _)| path).collect();
            if !paths.is_empty() {
                assert!(paths.contains(&"README.md") && paths.contains(&GITIGNORE), "{name}: {paths:?}");
            }
        }
        assert!("cobol".parse::<Template>().unwrap_err().contains("rust, python, ts, js, go, c"));
    }
}
