//! `.toolyard/`: the SDK and the contract within a project, at the same places as in the checkout.
//!
//! Manifests of projects refer to what is there, so it comes before their tools. It is written anew only where it differs,
//! so that those tools see no change where there is none.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::{Language, carried};

/// The folder, as seen from the project.
pub const FOLDER: &str = ".toolyard";

/// The list of what was laid down, so that what a later version no longer has is taken away.
const LIST: &str = "files";

/// Lays the language's SDK and the contract down in `project`.
pub(super) fn lay_down(project: &Path, language: Language) -> Result<()> {
    let folder = project.join(FOLDER);
    write_all(&folder, language).with_context(|| format!("{} cannot be written", folder.display()))
}

fn write_all(folder: &Path, language: Language) -> io::Result<()> {
    let mut laid = BTreeSet::new();
    let mut lay = |path: String, contents: &[u8]| {
        write_if_other(&folder.join(&path), contents)?;
        laid.insert(path);
        io::Result::Ok(())
    };
    // Nothing of it belongs into the project's history, whatever the project itself ignores.
    lay(".gitignore".to_owned(), b"*\n")?;
    for (path, contents) in carried::below("wit") {
        lay(format!("wit/{path}"), contents)?;
    }
    let sdk = format!("sdk/{}", language.sdk());
    for (path, contents) in carried::below(&sdk).filter(|(path, _)| !is_of_template(path)) {
        lay(format!("{sdk}/{path}"), contents)?;
    }
    if language == Language::Rust {
        lay("Cargo.toml".to_owned(), workspace(&sdk).as_bytes())?;
    }
    forget(folder, &laid)
}

/// Whether an SDK's file is in a template: in a folder `template` or `template-…`.
fn is_of_template(path: &str) -> bool {
    path.split_once('/').is_some_and(|(folder, _)| folder == "template" || folder.starts_with("template-"))
}

/// Removes what was laid down before and is no longer. What tools have put there is left alone.
fn forget(folder: &Path, laid: &BTreeSet<String>) -> io::Result<()> {
    let list = folder.join(LIST);
    for gone in fs::read_to_string(&list).unwrap_or_default().lines().filter(|path| !laid.contains(*path)) {
        match fs::remove_file(folder.join(gone)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let paths: Vec<&str> = laid.iter().map(String::as_str).collect();
    write_if_other(&list, (paths.join("\n") + "\n").as_bytes())
}

/// Writes a file, unless it is that already. The folder is made where there is none.
pub(super) fn write_if_other(path: &Path, contents: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|there| there == contents) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, contents)
}

/// The root of a cargo workspace that holds the Rust SDK alone, with what its packages inherit from the checkout's.
fn workspace(sdk: &str) -> String {
    let read = |path: &str| carried::text(path).and_then(|text| text.parse::<Table>().ok()).unwrap_or_default();
    let members = [sdk.to_owned(), format!("{sdk}/macros")];
    let wanted: BTreeSet<String> =
        members.iter().flat_map(|member| inherited(&read(&format!("{member}/Cargo.toml")))).collect();
    let mut workspace = match read("Cargo.toml").remove("workspace") {
        Some(Value::Table(workspace)) => workspace,
        _ => Table::new(),
    };
    workspace.insert("members".into(), members.to_vec().into());
    workspace.remove("default-members");
    if let Some(Value::Table(dependencies)) = workspace.get_mut("dependencies") {
        dependencies.retain(|name, _| wanted.contains(name));
    }
    Table::from_iter([("workspace".to_owned(), workspace.into())]).to_string()
}

/// The dependencies that a manifest takes from its workspace.
fn inherited(manifest: &Table) -> BTreeSet<String> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let of_targets = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    let tables = of_targets.chain([manifest]).filter_map(|table| table.get("dependencies")?.as_table());
    let inherits = |value: &Value| value.get("workspace").and_then(Value::as_bool) == Some(true);
    tables.flatten().filter(|(_, value)| inherits(value)).map(|(name, _)| name.clone()).collect()
}

/// A file of that name in the project, where builds leave what only `toolyard` needs.
pub(super) fn scratch(project: &Path, name: &str) -> Result<PathBuf> {
    let folder = project.join(FOLDER).join("tmp");
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    Ok(folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_laid_down_is_whole_and_stays_as_it_is() {
        let project = tempfile::tempdir().unwrap();
        lay_down(project.path(), Language::Rust).unwrap();
        let folder = project.path().join(FOLDER);
        for path in ["sdk/rust/src/lib.rs", "sdk/rust/macros/Cargo.toml", "wit/tools.wit", "wit/deps/wasi-io/io.wit"] {
            assert!(folder.join(path).is_file(), "{path}");
        }
        assert!(!folder.join("sdk/rust/template").exists() && !folder.join("sdk/rust/tests").exists());

        let modified = |path: &str| fs::metadata(folder.join(path)).unwrap().modified().unwrap();
        let before = modified("sdk/rust/src/lib.rs");
        fs::write(folder.join("wit/tools.wit"), "changed").unwrap();
        fs::write(folder.join("wit/stale.wit"), "gone").unwrap();
        fs::write(folder.join("wit/others"), "kept").unwrap();
        let list = fs::read_to_string(folder.join(LIST)).unwrap();
        fs::write(folder.join(LIST), list + "wit/stale.wit\n").unwrap();
        lay_down(project.path(), Language::Rust).unwrap();
        assert_eq!(modified("sdk/rust/src/lib.rs"), before);
        assert_ne!(fs::read_to_string(folder.join("wit/tools.wit")).unwrap(), "changed");
        assert!(!folder.join("wit/stale.wit").exists() && folder.join("wit/others").exists());
    }

    #[test]
    fn the_workspace_has_what_the_sdk_inherits() {
        let manifest: Table = workspace("sdk/rust").parse().unwrap();
        let workspace = &manifest["workspace"];
        assert_eq!(workspace["members"], Value::from(vec!["sdk/rust", "sdk/rust/macros"]));
        let dependencies = workspace["dependencies"].as_table().unwrap();
        for name in ["serde", "schemars", "wit-bindgen", "wasip2", "syn", "toolyard-plugin-macros"] {
            assert!(dependencies.contains_key(name), "{name}");
        }
        assert!(!dependencies.contains_key("wasmtime"));
        assert!(workspace["lints"].get("rust").is_some() && workspace["package"].get("edition").is_some());
    }
}
