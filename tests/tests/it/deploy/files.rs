//! The files of `deploy/`, and the programs that know what they mean.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use toolyard_tests::{output, target};

/// The checkout.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the checkout").to_owned()
}

/// A file below `deploy/`.
pub(super) fn path(file: &str) -> PathBuf {
    root().join("deploy").join(file)
}

pub(super) fn text(file: &str) -> String {
    fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("deploy/{file} cannot be read: {error}"))
}

/// A program that `cargo xtask test` has installed to check these files with.
pub(super) fn checker(name: &str) -> Command {
    let program = target().join("deploy/bin").join(name);
    assert!(program.is_file(), "{} is missing: run `cargo xtask test`, which provides it", program.display());
    Command::new(program)
}

/// Runs it, which must go well, and gives what it printed.
pub(super) fn good(command: &mut Command) -> String {
    let output = output(command);
    let said = [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy).concat();
    assert!(output.status.success(), "{command:?} ended with {}: {said}", output.status);
    said
}

/// The table of a TOML file, or the documents of a YAML file.
pub(super) fn read(file: &str) -> Value {
    let output = output(checker("python").arg(root().join("tests/deploy/as_json.py")).arg(path(file)));
    assert!(output.status.success(), "deploy/{file}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

/// The one document of a YAML file.
pub(super) fn document(file: &str) -> Value {
    let mut documents = documents(file);
    assert_eq!(documents.len(), 1, "deploy/{file}");
    documents.remove(0)
}

pub(super) fn documents(file: &str) -> Vec<Value> {
    match read(file) {
        Value::Array(documents) => documents,
        other => panic!("deploy/{file}: {other}"),
    }
}

/// The entries of an array, which it must be.
pub(super) fn entries(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

/// The text that this must be.
pub(super) fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
