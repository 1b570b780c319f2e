//! The languages' own tools: looked for, asked for their version, run.

use std::{
    env,
    ffi::OsStr,
    fmt::Write,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// What a build needs and does not find: collected, so that all of it is said at once.
#[derive(Debug, Default)]
pub(super) struct Missing(Vec<String>);

/// A version as far as it is compared: `1.95`, `0.25.1`.
pub(super) type Version = [u32; 3];

impl Missing {
    /// Notes that `what` is needed, and how to get it.
    pub(super) fn add(&mut self, what: &str, hint: &str) {
        self.0.push(format!("{what}: {hint}"));
    }

    /// Gives `found`, or notes what is missing instead.
    pub(super) fn unless<T>(&mut self, found: Option<T>, what: &str, hint: &str) -> Option<T> {
        if found.is_none() {
            self.add(what, hint);
        }
        found
    }

    /// An error with a line for each thing that was missing.
    pub(super) fn none(self, language: &str) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut text = format!("building {language} takes what is not here:");
        for line in self.0 {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n  {line}");
        }
        bail!(text)
    }
}

/// The file of a program that is found on `PATH`.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    find_all(program).next()
}

/// The same, with those that it hides.
pub(super) fn find_all(program: &str) -> impl Iterator<Item = PathBuf> + use<'_> {
    let paths = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&paths).collect();
    folders.into_iter().map(move |folder| folder.join(program)).filter(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok() && file.is_file()
}

/// What a command says, if it runs and ends well: standard output, or standard error where that is empty.
pub(super) fn says<S: AsRef<OsStr>>(program: &Path, arguments: &[S]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    let said = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    output.status.success().then(|| String::from_utf8_lossy(&said).into_owned())
}

/// The first version that stands in `text`.
pub(super) fn version(text: &str) -> Option<Version> {
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let word = text.split(|c| !is_part(c)).find(|word| word.contains('.') && word.starts_with(|c: char| c != '.'))?;
    let mut parts = word.split('.').map_while(|part| part.parse().ok());
    Some([parts.next()?, parts.next().unwrap_or(0), parts.next().unwrap_or(0)])
}

/// Whether a program is there and says of itself that it is at least `least`.
pub(super) fn is_recent(program: &Path, arguments: &[&str], least: Version) -> bool {
    says(program, arguments).and_then(|text| version(&text)).is_some_and(|version| version >= least)
}

/// Runs a command. What it says goes to standard error as it is; an exit code other than 0 is an error.
pub(super) fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::from(io::stderr())).status();
    let status = status.with_context(|| format!("`{}` does not start", words(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}; what it said stands above", words(command));
    }
    Ok(())
}

/// Runs a command whose words are of interest only if it fails.
pub(super) fn run_quietly(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("`{}` does not start", words(command)))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{}\n`{}` ended with {}", String::from_utf8_lossy(&said).trim_end(), words(command), output.status);
    }
    Ok(())
}

/// Runs a command and gives its standard output; the rest is as in [`run`].
pub(super) fn run_reading(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("`{}` does not start", words(command)))?;
    if !output.status.success() {
        bail!("`{}` ended with {}; what it said stands above", words(command), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` printed what is no text", words(command)))
}

/// The command as one would recognize it: the program's name and its first words.
fn words(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(program)
        .chain(arguments.take_while(|word| !word.starts_with('-')).take(1))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        for (text, expected) in [
            ("cargo 1.95.0 (f2d3ce0bd 2026-03-21)", Some([1, 95, 0])),
            ("go version go1.27.3 linux/amd64", Some([1, 27, 3])),
            ("v20.11.1", Some([20, 11, 1])),
            ("0.17", Some([0, 17, 0])),
            ("Debian clang version 14.0.6\nTarget: x86_64", Some([14, 0, 6])),
            ("none", None),
        ] {
            assert_eq!(version(text), expected, "{text}");
        }
        assert!(version("1.100.0") > version("1.95.9"));
    }

    #[test]
    fn all_that_is_missing_is_said_at_once() {
        let mut missing = Missing::default();
        missing.add("cargo", "install Rust");
        assert_eq!(missing.unless(find("sh").map(|_| ()), "sh", "-"), Some(()));
        missing.unless(find("no-such-program"), "zig", "pip install ziglang");
        let said = missing.none("a plugin in C").unwrap_err().to_string();
        assert_eq!(
            said,
            "building a plugin in C takes what is not here:\n  cargo: install Rust\n  zig: pip install ziglang"
        );
    }

    #[test]
    fn a_failure_names_the_command() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 3"]);
        assert!(run(&mut command).unwrap_err().to_string().starts_with("`sh` ended with exit status: 3"));
    }
}
