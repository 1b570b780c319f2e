//! Lists what the program carries for `toolyard new` and `toolyard build`: the SDKs, their templates and the contract.
//!
//! The list is Rust: `&[("sdk/rust/README.md", include_bytes!("/…/sdk/rust/README.md")), …]`.

use std::{
    env,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

/// Folders of the checkout that are carried, as far as [`is_carried`] says so.
const FOLDERS: [&str; 2] = ["sdk", "wit"];

/// The workspace's manifest: packages of the Rust SDK inherit from it.
const MANIFEST: &str = "Cargo.toml";

/// Names of files and folders that are made, not written.
const MADE: [&str; 5] = ["node_modules", "target", "dist", "__pycache__", "package-lock.json"];

fn main() -> io::Result<()> {
    let host = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let root = host.parent().expect("the host is in a folder of the checkout");
    let mut files = vec![root.join(MANIFEST)];
    for folder in FOLDERS {
        collect(root, &root.join(folder), &mut files)?;
    }
    let mut list = "&[\n".to_owned();
    for file in &files {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.strip_prefix(root).expect("the file was found there");
        writeln!(list, "    ({name:?}, include_bytes!({file:?})),").expect("a string takes it");
    }
    list += "]\n";
    fs::write(PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("carried.rs"), list)
}

/// Adds the files of `folder`, in the order of their names. Says whether it holds nothing else: cargo then looks at the whole
/// folder for what is new in it.
fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<bool> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    let mut whole = true;
    for path in paths {
        if !is_carried(path.strip_prefix(root).expect("the path was found there")) {
            whole = false;
        } else if path.is_dir() {
            whole &= collect(root, &path, files)?;
        } else {
            files.push(path);
        }
    }
    if whole {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    Ok(whole)
}

fn is_carried(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // sdk/LANGUAGE/template, or template-…
    let part = path.iter().nth(2).unwrap_or_default().to_string_lossy();
    let in_template = part == "template" || part.starts_with("template-");
    // A template's tests are the new plugin's; an SDK's are not for its users.
    let is_for_us = !in_template && (name == "tests" || name == "testdata" || name.ends_with("_test.go"));
    !(is_for_us || name.starts_with('.') || name.ends_with(".egg-info") || MADE.contains(&&*name))
}
