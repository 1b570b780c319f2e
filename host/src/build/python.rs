//! Plugins in Python: the SDK has a driver of its own for componentize-py.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{
    FOLDER, Language, Pace, layout,
    tools::{self, Missing},
};

pub(super) fn name(manifest: &str) -> Option<String> {
    super::toml_text(manifest, ["project", "name"])
}

pub(super) fn build(project: &Path, _: Pace) -> Result<Vec<u8>> {
    layout::lay_down(project, Language::Python)?;
    let mut missing = Missing::default();
    let python =
        missing.unless(candidates(project).next(), "Python 3.11 or newer", "see https://www.python.org/downloads/");
    missing.none("a plugin in Python")?;

    let out = layout::scratch(project, "raw.wasm")?;
    let mut driver = Command::new(python.unwrap_or_default());
    driver.current_dir(project).env("PYTHONPATH", project.join(FOLDER).join("sdk/python"));
    // The driver tells which version it needs, and of what.
    tools::run(driver.args(["-m", "toolyard.build"]).arg(project).arg("-o").arg(&out))?;
    fs::read(&out).with_context(|| format!("{} cannot be read", out.display()))
}

/// The project's own Python, then those that the shell has.
pub(super) fn candidates(project: &Path) -> impl Iterator<Item = PathBuf> {
    let active = env::var_os("VIRTUAL_ENV").map(PathBuf::from);
    let environments = [Some(project.join(".venv")), active].into_iter().flatten();
    let own = environments.map(|environment| environment.join("bin/python")).filter(|python| python.is_file());
    own.chain(["python3", "python"].into_iter().flat_map(tools::find_all))
}
