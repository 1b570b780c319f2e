//! `toolyard keys`.

use std::path::Path;
use std::process::Command;

use crate::paths::host_program;
use crate::run::output;

/// `toolyard keys …` with the keys in this file, which must go well. Gives what it printed.
pub fn keys(file: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(host_program());
    command.arg("keys").arg("--file").arg(file).args(arguments);
    let output = output(&mut command);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("the host prints text").trim().to_owned()
}
