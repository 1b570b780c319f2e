//! The official clients, which the tests drive: their packages, at the versions that `tests/clients` pins.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::project::Project;
use crate::step::{exists, run, step};

/// The file that says what a folder was provided from. It is written last, so that a half-provided folder has none.
const STAMP: &str = "provided-from.txt";

/// Oldest Node that the TypeScript clients run on.
const NODE_MAJOR_MIN: u32 = 20;

/// Pythons to try, the machine's own first. The client needs 3.10.
const PYTHONS: [&str; 6] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];

/// Installs what is missing.
pub(crate) fn provide(project: &Project) -> Result<()> {
    // The second also where the first fails: its tests can then run.
    let node = step("the TypeScript clients", || provide_node(project));
    let python = step("the Python client", || provide_python(project));
    node.and(python)
}

/// Installs the npm packages into `target/clients/node`, unless they are there.
fn provide_node(project: &Project) -> Result<()> {
    let from = project.root.join("tests/clients");
    let into = project.target.join("clients/node");
    let lock = fs::read_to_string(from.join("package-lock.json"))?;
    if is_provided(&into, &lock) {
        return Ok(());
    }
    if node_major().is_none_or(|major| major < NODE_MAJOR_MIN) || !exists("npm") {
        bail!("the TypeScript clients need Node {NODE_MAJOR_MIN} or newer with npm: install it (https://nodejs.org)");
    }
    fs::create_dir_all(&into)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(from.join(file), into.join(file))?;
    }
    run(Command::new("npm").current_dir(&into).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]))?;
    set_provided(&into, &lock)
}

/// Installs the Python packages into the virtual environment `target/clients/py2`, unless they are there.
fn provide_python(project: &Project) -> Result<()> {
    let requirements = project.root.join("tests/clients/requirements.txt");
    let into = project.target.join("clients/py2");
    let pinned = fs::read_to_string(&requirements)?;
    if is_provided(&into, &pinned) {
        return Ok(());
    }
    let Some(python) = PYTHONS.into_iter().find(|python| is_new_enough(python)) else {
        bail!("the Python client needs Python 3.10 or newer with venv: install it (Debian: python3 and python3-venv)");
    };
    run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&into))
        .context("Python's venv module is missing: install it (Debian: python3-venv)")?;
    run(Command::new(into.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(&requirements))?;
    set_provided(&into, &pinned)
}

fn is_provided(folder: &Path, from: &str) -> bool {
    fs::read_to_string(folder.join(STAMP)).is_ok_and(|stamp| stamp == from)
}

fn set_provided(folder: &Path, from: &str) -> Result<()> {
    Ok(fs::write(folder.join(STAMP), from)?)
}

fn node_major() -> Option<u32> {
    let output = Command::new("node").arg("--version").output().ok()?.stdout;
    String::from_utf8(output).ok()?.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn is_new_enough(python: &str) -> bool {
    let ask = "import sys; sys.exit(sys.version_info < (3, 10))";
    Command::new(python).args(["-c", ask]).output().is_ok_and(|output| output.status.success())
}
