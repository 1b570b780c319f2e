//! Where things are.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The checkout, and where its builds go.
pub(crate) struct Project {
    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds: `target`, unless `CARGO_TARGET_DIR` says otherwise.
    pub(crate) target: PathBuf,
}

/// Variables that cargo sets for the program it runs begin so.
const OF_THIS: [&str; 2] = ["CARGO_PKG_", "CARGO_MANIFEST_"];

impl Project {
    /// Finds the checkout that this program was started from.
    pub(crate) fn find() -> Result<Project> {
        // Cargo sets it when it runs a program, so that a checkout may move after it was compiled.
        let package = env::var_os("CARGO_MANIFEST_DIR").context("this is to be run as `cargo xtask`")?;
        let root = Path::new(&package).parent().context("the folder of xtask has no parent")?.to_owned();
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => root.join(folder),
            None => root.join("target"),
        };
        Ok(Project { root, target })
    }

    /// A program built in the release profile.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    /// A cargo command, the same cargo that runs this. What it told this program of itself is not passed on: some build scripts run
    /// again when it changes, and with them half the dependencies, whenever this and a plain `cargo build` take turns.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root).args(arguments);
        let of_this = |name: &String| OF_THIS.iter().any(|start| name.starts_with(start));
        for (name, _) in env::vars().filter(|(name, _)| of_this(name)) {
            command.env_remove(name);
        }
        command
    }
}
