//! Plugins and SDKs in other languages than Rust: the tools they need, the components, and the tests of the SDKs.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::clients;
use crate::programs;
use crate::project::Project;
use crate::step::{exists, run, run_reading, step};
use crate::tally::Tally;

/// Oldest Node that JavaScript plugins are built with.
const NODE_MAJOR_MIN: u32 = 20;

/// What is no source of a plugin.
const MADE: [&str; 5] = [".toolyard", "build", "node_modules", "target", "__pycache__"];

/// The tests of a language: where they are, and how they are run. A name beginning with `@` stands for the program of that name
/// among the tools.
struct Suite {
    folder: &'static str,
    command: &'static [&'static str],
    /// Variables with paths in the checkout.
    variables: &'static [(&'static str, &'static str)],
}

const SUITES: [Suite; 0] = [];

/// Installs the tools that are missing, into `target/languages`.
pub(crate) fn provide(project: &Project) -> Result<()> {
    step("the tools of other languages", || {
        if clients::major(Path::new("node")).is_none_or(|major| major < NODE_MAJOR_MIN) || !exists("npm") {
            bail!("Node {NODE_MAJOR_MIN} or newer with npm is missing: install it (https://nodejs.org)");
        }
        clients::provide_environment(&project.root.join("tests/languages/requirements.txt"), &folder(project))
    })
}

/// Builds the plugins in `plugins/` that are not in Rust, with `toolyard build`, unless nothing of theirs has changed.
pub(crate) fn build(project: &Project) -> Result<()> {
    step("plugins in other languages", || {
        let mut outcome = Ok(());
        for folder in sources(project)? {
            // Each also where another fails: its tests can then run.
            outcome = outcome.and(build_one(project, &folder));
        }
        outcome
    })
}

/// Runs the tests of the SDKs and plugins in other languages, each with its language's own tools.
pub(crate) fn count(project: &Project) -> Tally {
    let mut all = Tally::default();
    for suite in &SUITES {
        let mut tally = Tally::default();
        let outcome = step(&format!("tests in {}", suite.folder), || {
            run_reading(&mut suite.command(project)?, |line| tally.read_any(line))?;
            if tally.failed > 0 || tally.passed == 0 {
                bail!("{} passed, {} failed", tally.passed, tally.failed);
            }
            Ok(())
        });
        if outcome.is_err() && tally.failed == 0 {
            tally.failed = 1;
        }
        all.add(tally);
    }
    all
}

impl Suite {
    fn command(&self, project: &Project) -> Result<Command> {
        // Some say on standard error how it went.
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$@\" 2>&1", "sh"]).args(self.command);
        command.current_dir(project.root.join(self.folder)).env("PATH", path(project)?);
        for (name, value) in self.variables {
            command.env(name, project.root.join(value));
        }
        Ok(command)
    }
}

/// The virtual environment with the tools.
fn folder(project: &Project) -> PathBuf {
    project.target.join("languages/python")
}

/// Where programs are looked for: the tools first.
fn path(project: &Project) -> Result<OsString> {
    let own = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder(project).join("bin")).chain(env::split_paths(&own));
    env::join_paths(folders).context("the checkout's path cannot stand in PATH")
}

/// The folders of plugins that are no cargo packages.
fn sources(project: &Project) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(project.root.join("plugins"))? {
        let path = entry?.path();
        if path.is_dir() && !path.join("Cargo.toml").exists() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

fn build_one(project: &Project, folder: &Path) -> Result<()> {
    let name = folder.file_name().context("a folder has a name")?;
    let component = project.target.join("plugins").join(name).with_extension("wasm");
    let inputs = [folder, &project.root.join("sdk"), &project.root.join("wit")].map(newest);
    if let Ok(made) = fs::metadata(&component).and_then(|data| data.modified())
        && inputs.iter().flatten().all(|input| *input < made)
    {
        return Ok(());
    }
    fs::create_dir_all(project.target.join("plugins"))?;
    let mut build = Command::new(programs::host(project));
    run(build.arg("build").arg(folder).arg("-o").arg(&component).env("PATH", path(project)?))
}

/// When the newest source in a folder was changed.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let sources = entries.filter(|entry| !MADE.iter().any(|made| entry.file_name() == *made));
    sources
        .filter_map(
            |entry| if entry.path().is_dir() { newest(&entry.path()) } else { entry.metadata().ok()?.modified().ok() },
        )
        .max()
}
