//! `deploy/container`

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use toolyard_tests::{host_program, output};

use super::files::{checker, good, path, root, text};

/// The libraries that the last image's base carries, by the beginning of their names.
const CARRIED: [&str; 6] = ["linux-vdso.so", "libc.so", "libm.so", "libgcc_s.so", "libpthread.so", "/lib64/ld-linux"];

const CONTAINERFILES: [&str; 2] = ["container/Containerfile", "container/plugins.Containerfile"];

/// The instructions, lines that go on put together, in upper case their first words as they stand.
fn instructions(file: &str) -> Vec<(String, String)> {
    let text = text(file).lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    let joined = text.replace("\\\n", " ");
    let split = |line: &str| line.split_once(' ').map(|(name, rest)| (name.to_owned(), rest.trim().to_owned()));
    joined.lines().filter_map(split).collect()
}

fn all(file: &str, name: &str) -> Vec<String> {
    instructions(file).into_iter().filter(|(other, _)| other == name).map(|(_, rest)| rest).collect()
}

#[test]
fn the_container_files_are_well_formed() {
    for file in CONTAINERFILES {
        good(checker("hadolint").args(["--no-color", "--failure-threshold", "style"]).arg(path(file)));
    }
    // The linter would have something to say.
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let bad = folder.path().join("Containerfile");
    fs::write(&bad, "FROM debian\nRUN cd / && sudo true\nENTRYPOINT toolyard\n").expect("a file can be written");
    assert!(!output(checker("hadolint").arg(bad)).status.success());
}

#[test]
fn the_image_is_built_with_the_compiler_that_the_workspace_asks_for() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest is there");
    let asked = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("it says so");
    let asked = asked.trim_matches('"');
    let image = all("container/Containerfile", "ARG").into_iter().find(|arg| arg.starts_with("RUST_IMAGE="));
    let image = image.expect("the compiler's image is an argument");
    assert!(image.contains(&format!("rust:{asked}.")), "{image}: Cargo.toml asks for {asked}");
    // What is linked in one Debian runs in the same.
    let base = all("container/Containerfile", "ARG").into_iter().find(|arg| arg.starts_with("BASE_IMAGE="));
    assert!(image.ends_with("-trixie") && base.expect("so is the base").contains("debian13"));
}

#[test]
fn the_image_runs_as_nobody_and_without_a_shell() {
    let file = "container/Containerfile";
    assert_eq!(all(file, "USER"), ["65532:65532"]);
    assert_eq!(all(file, "FROM").last().map(String::as_str), Some("${BASE_IMAGE}"));
    for name in ["ENTRYPOINT", "HEALTHCHECK"] {
        let said = all(file, name);
        let list = &said[0][said[0].find('[').expect("a list of words, so that no shell is needed")..];
        let words: Vec<String> = serde_json::from_str(list).expect("the list is JSON");
        assert!(words[0].starts_with("/usr/bin/"), "{words:?}");
    }
    // The health check asks where the image's own configuration listens.
    assert!(text("container/toolyard.toml").contains("admin_listen = \"0.0.0.0:9090\""));
    assert!(all(file, "HEALTHCHECK")[0].contains("http://127.0.0.1:9090/readyz"));
    assert!(all(file, "ENV").is_empty(), "an image's environment is seen by everybody");
}

#[test]
fn the_base_has_every_library_that_the_host_needs() {
    let said = good(Command::new("ldd").arg(host_program()));
    for line in said.lines().map(str::trim) {
        assert!(CARRIED.iter().any(|name| line.starts_with(name)), "the image's base does not have {line}");
    }
}

/// The lines of `.dockerignore`: whether they let in what they name, and the parts of the path.
fn rules() -> Vec<(bool, Vec<String>)> {
    let text = fs::read_to_string(root().join(".dockerignore")).expect("it is there");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parts = |line: &str| line.split('/').map(str::to_owned).collect();
    lines.map(|line| (line.starts_with('!'), parts(line.trim_start_matches('!')))).collect()
}

/// Whether a rule names this path or a folder above it: `**` is any folders, `*` anything in one name.
fn names(rule: &[String], path: &[&str]) -> bool {
    match (rule, path) {
        ([], _) => true,
        ([first, rest @ ..], path) if first == "**" => (0..=path.len()).any(|skip| names(rest, &path[skip..])),
        ([first, rest @ ..], [name, below @ ..]) => is_like(first, name) && names(rest, below),
        (_, []) => false,
    }
}

fn is_like(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
    }
}

/// Whether the builder gets to see this file. The last rule that names it counts.
fn is_sent(rules: &[(bool, Vec<String>)], file: &str) -> bool {
    let parts: Vec<&str> = file.split('/').collect();
    rules.iter().rev().find(|(_, rule)| names(rule, &parts)).is_none_or(|(lets_in, _)| *lets_in)
}

#[test]
fn the_builder_sees_what_it_needs_and_nothing_secret() {
    let rules = rules();
    for file in ["host/src/build/mod.rs", "Cargo.lock", "sdk/js/package.json", "deploy/container/toolyard.toml"] {
        assert!(is_sent(&rules, file), "{file} is not sent");
    }
    for file in [
        ".git/config",
        "target/release/toolyard",
        "deploy/compose/secrets/seal.key",
        "a/b/.env",
        "deploy/x",
        "tls/ca.pem",
    ] {
        assert!(!is_sent(&rules, file), "{file} is sent");
    }

    // A checkout of just what is sent, in which cargo finds every package and no version left open.
    let listed = good(
        Command::new("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root()),
    );
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let files = listed.split('\0').filter(|file| !file.is_empty() && root().join(file).is_file());
    let sent: Vec<&str> = files.filter(|file| is_sent(&rules, file)).collect();
    for file in &sent {
        let to = folder.path().join(file);
        fs::create_dir_all(to.parent().expect("it is in the folder")).expect("a folder can be made");
        fs::copy(root().join(file), to).expect("a file can be copied");
    }
    // Not `cargo metadata`, which wants the packages of all other systems too.
    good(Command::new("cargo").args(["tree", "--workspace", "--locked", "--offline"]).current_dir(folder.path()));
    for from in all("container/Containerfile", "COPY").iter().filter(|copy| !copy.starts_with("--from")) {
        let from = from.split(' ').next().expect("it copies something");
        assert!(folder.path().join(from).exists(), "COPY {from}: it is not sent");
    }
    for carried in ["sdk", "wit"] {
        assert_eq!(count(&folder.path().join(carried)), sent_below(&listed, carried), "{carried}/ is not sent whole");
    }
}

fn count(folder: &Path) -> usize {
    let entries =
        fs::read_dir(folder).expect("the folder was copied").map(|entry| entry.expect("it can be read").path());
    entries.map(|path: PathBuf| if path.is_dir() { count(&path) } else { 1 }).sum()
}

/// How many files of the checkout are in this folder.
fn sent_below(listed: &str, folder: &str) -> usize {
    listed.split('\0').filter(|file| file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))).count()
}
