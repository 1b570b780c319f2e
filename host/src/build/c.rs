//! Plugins in C: any clang with a C library for WASI makes a core module, zig's for instance.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{
    FOLDER, Language, Pace, component, layout, python,
    tools::{self, Missing},
};

/// The SDK, as seen from the project.
const SDK: &str = "sdk/c";

/// What every plugin is compiled with. In WebAssembly, address 0 is memory like any other: only the sanitizer makes a trap of
/// null pointers and of indexes out of bounds. `-g1` is for the names of functions in the log; the rest of it is taken out. Zig's stack
/// is 16 MiB, which every instance would have.
const FLAGS: &[&str] = &[
    "--target=wasm32-wasi",
    "-mexec-model=reactor",
    "-std=gnu17",
    "-Os",
    "-g1",
    "-Wl,-z,stack-size=1048576",
    "-fsanitize=undefined",
    "-fsanitize-trap=undefined",
    "-Wall",
    "-Wextra",
    "-Werror=implicit-function-declaration",
    "-Werror=incompatible-pointer-types",
    "-Werror=int-conversion",
    "-Werror=return-type",
    "-Werror=format",
    "-Werror=unused-result",
];

const ZIG_LEAST: tools::Version = [0, 14, 0];

/// The project's sources: those of its folder and of `src`, in the order of their names.
pub(super) fn sources(project: &Path) -> io::Result<Vec<PathBuf>> {
    let mut sources = in_folder(project)?;
    if !sources.is_empty() && project.join("src").is_dir() {
        sources.extend(in_folder(&project.join("src"))?);
    }
    Ok(sources)
}

fn in_folder(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let is_source = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "c");
    let mut sources: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).filter(is_source).collect();
    sources.sort();
    Ok(sources)
}

pub(super) fn build(project: &Path, _: Pace) -> Result<Vec<u8>> {
    layout::lay_down(project, Language::C)?;
    let mut missing = Missing::default();
    let hint = "pip install ziglang==0.17.0, or put zig on PATH, or name the folder of wasi-sdk in WASI_SDK_PATH";
    let compiler = missing.unless(compiler(project), "a C compiler for WebAssembly", hint);
    missing.none("a plugin in C")?;
    let mut words = compiler.unwrap_or_default().into_iter();

    let out = layout::scratch(project, "core.wasm")?;
    let sdk = project.join(FOLDER).join(SDK);
    let mut compile = Command::new(words.next().unwrap_or_default());
    compile.current_dir(project).args(words).args(FLAGS).arg(format!("-I{FOLDER}/{SDK}"));
    // The SDK's come first: what they define of the C library, such as `rand`, wins.
    compile.args(from_project(project, in_folder(&sdk.join("src"))?)).args(from_project(project, sources(project)?));
    tools::run(compile.arg("-o").arg(&out))?;
    let module = fs::read(&out).with_context(|| format!("{} cannot be read", out.display()))?;
    let mut module = component::without_debug(&module)?;
    component::embed(&mut module, &project.join(FOLDER).join("wit"), "guest")?;
    component::encode(&module)
}

/// As the compiler's messages are to name them.
fn from_project(project: &Path, files: Vec<PathBuf>) -> impl Iterator<Item = PathBuf> {
    files.into_iter().map(move |file| file.strip_prefix(project).map(Path::to_owned).unwrap_or(file))
}

/// The words that the compiler's command begins with.
fn compiler(project: &Path) -> Option<Vec<String>> {
    let own = env::var("TOOLYARD_CC").ok().map(|words| words.split_whitespace().map(str::to_owned).collect());
    let own = own.filter(|words: &Vec<String>| !words.is_empty());
    let path = |file: PathBuf| file.to_string_lossy().into_owned();
    let zig = || tools::find("zig").filter(|zig| tools::is_recent(zig, &["version"], ZIG_LEAST));
    let module = || {
        let has_zig = |python: &PathBuf| tools::is_recent(python, &["-m", "ziglang", "version"], ZIG_LEAST);
        let python = python::candidates(project).find(has_zig)?;
        Some([path(python), "-m".into(), "ziglang".into(), "cc".into()].into())
    };
    let sdk = || {
        let clang = PathBuf::from(env::var_os("WASI_SDK_PATH")?).join("bin/clang");
        clang.is_file().then(|| vec![path(clang)])
    };
    own.or_else(|| zig().map(|zig| vec![path(zig), "cc".into()])).or_else(module).or_else(sdk)
}
