//! Plugins and SDKs in other languages than Rust: the tools they need, the components, and the tests of the SDKs.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::clients;
use crate::programs;
use crate::project::Project;
use crate::step::{exists, run, run_reading, step};
use crate::tally::Tally;

/// Oldest Node that JavaScript plugins are built with.
const NODE_MAJOR_MIN: u32 = 20;

/// What is no source of a plugin.
const MADE: [&str; 5] = [".toolyard", "build", "node_modules", "target", "__pycache__"];

/// A plugin that is built a second time, under another name: with StarlingMonkey, the engine that a package.json may ask for.
const SECOND: [&str; 2] = ["weather-js", "weather-starlingmonkey"];

/// What that takes, of the versions that `docs/plugins/javascript.md` names.
const STARLINGMONKEY: [[&str; 2]; 2] =
    [["@bytecodealliance/componentize-js", "0.23.0"], ["@bytecodealliance/preview2-shim", "0.17.9"]];

/// The tests of one folder, and how they are run.
struct Suite {
    folder: &'static str,
    /// Run by a shell, in the folder.
    command: &'static str,
}

/// The C compiler is the machine's own, which Rust links with: it knows the sanitizers.
const SUITES: [Suite; 9] = [
    Suite {
        folder: "sdk/python",
        command: "python -m unittest discover --start-directory tests --top-level-directory .",
    },
    Suite { folder: "plugins/weather-python", command: "PYTHONPATH=.toolyard/sdk/python exec python -m unittest" },
    Suite {
        folder: "sdk/js",
        // The types are read by the compiler that a plugin in TypeScript has installed.
        command: "test -d node_modules || npm install --no-audit --no-fund --no-package-lock --loglevel=error; \
                  ../../plugins/weather-ts/node_modules/.bin/tsc --project tests/types && npm test",
    },
    Suite { folder: "plugins/weather-js", command: "npm test" },
    Suite { folder: "plugins/weather-ts", command: "npm run check && npm test" },
    Suite { folder: "sdk/go", command: "GOWORK=off GOTOOLCHAIN=local go test -v ./..." },
    Suite { folder: "plugins/weather-go", command: "GOWORK=off GOTOOLCHAIN=local go test -v ./..." },
    Suite {
        folder: "sdk/c",
        command: "cc -std=gnu17 -g -Wall -Wextra -Werror -fsanitize=address,undefined -I. tests/*.c src/*.c testing/*.c -lm \
                  -o \"$MADE/sdk-c\" && \"$MADE/sdk-c\"",
    },
    Suite {
        folder: "plugins/weather-c",
        command: "S=.toolyard/sdk/c; cc -std=gnu17 -g -Wall -Wextra -fsanitize=address,undefined -I$S *.c tests/*.c $S/src/*.c \
                  $S/testing/*.c -lm -o \"$MADE/weather-c\" && \"$MADE/weather-c\"",
    },
];

/// Installs the tools that are missing, into `target/languages`.
pub(crate) fn provide(project: &Project) -> Result<()> {
    step("the tools of other languages", || {
        if clients::major(Path::new("node")).is_none_or(|major| major < NODE_MAJOR_MIN) || !exists("npm") {
            bail!("Node {NODE_MAJOR_MIN} or newer with npm is missing: install it (https://nodejs.org)");
        }
        clients::provide_environment(&project.root.join("tests/languages/requirements.txt"), &folder(project))
    })
}

/// Builds the plugins in `plugins/` that are not in Rust, with `toolyard build`, unless nothing of theirs has changed. They are not
/// where `cargo xtask serve` has its plugins: all of them answer for the same resources.
pub(crate) fn build(project: &Project) -> Result<()> {
    step("plugins in other languages", || {
        let mut outcome = Ok(());
        for folder in sources(project)? {
            // Each also where another fails: its tests can then run.
            outcome = outcome.and(build_one(project, &folder));
        }
        outcome.and_then(|()| build_one(project, &second(project)?))
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
        let made = project.target.join("languages/tests");
        fs::create_dir_all(&made)?;
        let mut command = Command::new("bash");
        // Some say on standard error how it went.
        command.arg("-c").arg(format!("exec 2>&1; {}", self.command)).env("MADE", made);
        command.current_dir(project.root.join(self.folder)).env("PATH", path(project)?);
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

/// The folder of the plugin that asks for the other engine, brought up to date.
fn second(project: &Project) -> Result<PathBuf> {
    let [original, name] = SECOND;
    let folder = project.target.join("languages").join(name);
    let original = project.root.join("plugins").join(original);
    copy_changed(&original, &folder)?;
    let mut manifest: Value = serde_json::from_slice(&fs::read(original.join("package.json"))?)?;
    manifest["name"] = name.into();
    manifest["toolyard"]["engine"] = "starlingmonkey".into();
    for [package, version] in STARLINGMONKEY {
        manifest["devDependencies"][package] = version.into();
    }
    write_changed(&folder.join("package.json"), &serde_json::to_vec_pretty(&manifest)?)?;
    Ok(folder)
}

/// Copies what is a source and differs: what did not change keeps its time. The manifest is another one.
fn copy_changed(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (name, path) = entry.map(|entry| (entry.file_name(), entry.path()))?;
        if MADE.iter().any(|made| name == *made) || name == "package.json" || name == "package-lock.json" {
            continue;
        }
        if path.is_dir() {
            copy_changed(&path, &to.join(&name))?;
        } else {
            write_changed(&to.join(&name), &fs::read(&path)?)?;
        }
    }
    Ok(())
}

fn write_changed(path: &Path, contents: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == contents) {
        return Ok(());
    }
    fs::write(path, contents).with_context(|| format!("{} cannot be written", path.display()))
}

fn build_one(project: &Project, folder: &Path) -> Result<()> {
    let name = folder.file_name().context("a folder has a name")?;
    let plugins = project.target.join("languages/plugins");
    let component = plugins.join(name).with_extension("wasm");
    let inputs = [folder, &project.root.join("sdk"), &project.root.join("wit")].map(newest);
    if let Ok(made) = fs::metadata(&component).and_then(|data| data.modified())
        && inputs.iter().flatten().all(|input| *input < made)
    {
        return Ok(());
    }
    fs::create_dir_all(plugins)?;
    // Where it was built before, and would be served.
    let _ = fs::remove_file(project.target.join("plugins").join(name).with_extension("wasm"));
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
