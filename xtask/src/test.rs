//! `cargo xtask test`: every check and every test, counted.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::project::Project;
use crate::step::{self, step};
use crate::{clients, components, programs, tidy};

/// How it went.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Tally {
    passed: u64,
    failed: u64,
}

/// Runs everything, also after something failed, and prints `N passed, N failed` as the last line. A step that is not made
/// of tests, such as a build, counts only when it fails.
pub(crate) fn run(project: &Project) -> Result<ExitCode> {
    let mut tally = Tally::default();
    tally.note(&step("format", || step::run(&mut project.cargo(&["fmt", "--all", "--check"]))));
    tally.note(&step("tidy", || tidy::run(project)));
    tally.note(&step("clippy", || {
        let arguments = ["clippy", "--release", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"];
        step::run(&mut project.cargo(&arguments))
    }));
    tally.note(&components::build(project));
    tally.note(&programs::build_host(project));
    tally.note(&clients::provide(project));
    tally.add(count("tests of the host", project, &["--package", "toolyard"]));
    // By itself, so that what the others need of a shared library does not compile the host's again.
    tally.add(count("tests of everything else", project, &["--workspace", "--exclude", "toolyard"]));

    println!("\n{} passed, {} failed", tally.passed, tally.failed);
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Tally {
    fn note(&mut self, outcome: &Result<()>) {
        self.failed += u64::from(outcome.is_err());
    }

    fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Reads what libtest prints after each test binary. A test that was ignored is a test that did not pass.
    fn read(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else { return };
        for count in counts.1.split("; ") {
            match count.split_once(' ').map(|(number, what)| (number.parse::<u64>(), what)) {
                Some((Ok(number), "passed")) => self.passed += number,
                Some((Ok(number), "failed" | "ignored")) => self.failed += number,
                _ => {}
            }
        }
    }
}

/// Runs the tests of the packages that `selection` names. Not compiling counts as one failure.
fn count(heading: &str, project: &Project, selection: &[&str]) -> Tally {
    let mut tally = Tally::default();
    let outcome = step(heading, || {
        let mut cargo = project.cargo(&["test", "--release", "--no-fail-fast"]);
        step::run_reading(cargo.args(selection), |line| tally.read(line))?;
        if tally.failed > 0 {
            bail!("{} tests failed or were ignored", tally.failed);
        }
        Ok(())
    });
    if outcome.is_err() && tally.failed == 0 {
        tally.failed = 1;
    }
    tally
}

#[cfg(test)]
mod tests;
