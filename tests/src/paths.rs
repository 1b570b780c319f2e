//! Where `cargo xtask test` puts what the tests need.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// What to say when something is not there.
const PROVIDER: &str = "run `cargo xtask test`, which provides it";

/// The host's program: `TOOLYARD_BIN`, or the release build.
pub fn host_program() -> PathBuf {
    let program = env::var_os("TOOLYARD_BIN").map_or_else(|| target().join("release/toolyard"), PathBuf::from);
    assert!(program.is_file(), "{} is missing: {PROVIDER}", program.display());
    program
}

/// The component of one of the plugins in `plugins/`, in whatever language.
pub fn plugin(name: &str) -> Vec<u8> {
    let [rust, other] =
        ["plugins", "languages/plugins"].map(|folder| target().join(folder).join(name).with_extension("wasm"));
    read(if other.is_file() { &other } else { &rust })
}

/// The component of one of the guests in `tests/guests/`.
pub fn guest(name: &str) -> Vec<u8> {
    read(&target().join("guests").join(name).with_extension("wasm"))
}

/// Where the packages of a foreign client are installed.
pub fn client_folder(name: &str) -> PathBuf {
    let folder = target().join("clients").join(name);
    assert!(folder.is_dir(), "{} is missing: {PROVIDER}", folder.display());
    folder
}

/// The folder that this program was built into, which everything else is built into too.
pub fn target() -> PathBuf {
    let program = env::current_exe().expect("a running program has a path");
    // target/release/deps/it-0123, or target/release/toolyard-chaos
    let folder = program.parent().expect("a program is in a folder");
    let release = if folder.ends_with("deps") { folder.parent() } else { Some(folder) };
    release.and_then(Path::parent).expect("cargo puts programs two or three folders down").to_owned()
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{} cannot be read ({error}): {PROVIDER}", path.display()))
}
