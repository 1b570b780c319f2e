//! Plugins and test guests: from folders of Rust to components.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::project::Project;
use crate::step::{exists, run, step};

const WASM_TARGET: &str = "wasm32-wasip2";

/// One folder that becomes one component.
struct Source {
    /// The folder's name, which becomes the plugin's.
    name: String,
    /// The cargo package in it.
    package: String,
    /// Where the component goes.
    into: PathBuf,
}

/// Builds `plugins/*` into `target/plugins` and `tests/guests/*` into `target/guests`.
pub(crate) fn build(project: &Project) -> Result<()> {
    step("the WebAssembly target", || ensure_target(project))?;
    step("plugins and guests", || build_all(project))
}

fn build_all(project: &Project) -> Result<()> {
    let mut sources = sources(&project.root.join("plugins"), &project.target.join("plugins"))?;
    sources.extend(sources_of_guests(project)?);

    // One invocation, so that cargo compiles what they share once and has all cores busy.
    let mut cargo = project.cargo(&["build", "--profile", "guest", "--target", WASM_TARGET]);
    cargo.args(sources.iter().flat_map(|source| ["--package", &source.package]));
    run(&mut cargo)?;

    let built = project.target.join(WASM_TARGET).join("guest");
    for source in &sources {
        let component = built.join(source.package.replace('-', "_")).with_extension("wasm");
        deliver(source, &component)?;
    }
    Ok(())
}

fn sources_of_guests(project: &Project) -> Result<Vec<Source>> {
    sources(&project.root.join("tests/guests"), &project.target.join("guests"))
}

/// The folders of `folder` that hold a cargo package, in the order of their names.
fn sources(folder: &Path, into: &Path) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        let Ok(manifest) = fs::read_to_string(path.join("Cargo.toml")) else { continue };
        let manifest: toml::Table =
            manifest.parse().with_context(|| format!("{}/Cargo.toml is not TOML", path.display()))?;
        let package = manifest["package"]["name"].as_str().context("a package's name is a text")?.to_owned();
        let name = path.file_name().context("a folder has a name")?.to_string_lossy().into_owned();
        sources.push(Source { into: into.join(&name).with_extension("wasm"), name, package });
    }
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sources)
}

/// Copies the component to its place, if it is not there already.
fn deliver(source: &Source, component: &Path) -> Result<()> {
    let bytes = fs::read(component).with_context(|| {
        format!("{} made no component: its Cargo.toml needs `[lib] crate-type = [\"cdylib\"]`", source.package)
    })?;
    if fs::read(&source.into).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    // By renaming, so that a host which watches the folder sees either the old component or the new one.
    fs::create_dir_all(source.into.parent().context("a file is in a folder")?)?;
    let fresh = source.into.with_extension("wasm.new");
    fs::write(&fresh, &bytes).with_context(|| format!("{} cannot be written", fresh.display()))?;
    fs::rename(&fresh, &source.into)?;
    println!("   {} ({} KB)", source.into.display(), bytes.len().div_ceil(1000));
    Ok(())
}

fn ensure_target(project: &Project) -> Result<()> {
    let mut rustc = Command::new("rustc");
    rustc.current_dir(&project.root).args(["--print", "target-libdir", "--target", WASM_TARGET]);
    let folder = rustc.output().context("`rustc` does not start")?.stdout;
    if Path::new(String::from_utf8_lossy(&folder).trim()).is_dir() {
        return Ok(());
    }
    if !exists("rustup") {
        bail!(
            "Rust's target {WASM_TARGET} is missing: install it, or rustup (https://rustup.rs), which this then uses"
        );
    }
    run(Command::new("rustup").current_dir(&project.root).args(["target", "add", WASM_TARGET]))
}
