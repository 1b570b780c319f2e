//! `cargo xtask test`: every check and every test, counted.

use std::process::ExitCode;

use anyhow::bail;

use crate::project::Project;
use crate::step::{self, step};
use crate::tally::Tally;
use crate::{browser, clients, components, conformance, deploy, languages, programs, servers, tidy};

/// Names the folder of the official schemas, against which the tests hold every message.
const SCHEMAS: &str = "TOOLYARD_MCP_SCHEMAS";

/// Runs everything, also after something failed, and prints `N passed, N failed` as the last line. A step that is not made
/// of tests, such as a build, counts only when it fails.
pub(crate) fn run(project: &Project) -> ExitCode {
    let mut tally = Tally::default();
    tally.note(&step("format", || step::run(&mut project.cargo(&["fmt", "--all", "--check"]))));
    tally.note(&step("tidy", || tidy::run(project)));
    tally.note(&step("clippy", || {
        let arguments = ["clippy", "--release", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"];
        step::run(&mut project.cargo(&arguments))
    }));
    tally.note(&components::build(project));
    tally.note(&programs::build_host(project));
    tally.note(&servers::provide());
    tally.note(&servers::provide_registry(project));
    tally.note(&clients::provide(project));
    tally.note(&browser::provide(project));
    tally.note(&languages::provide(project));
    tally.note(&deploy::provide(project));
    tally.note(&languages::build(project));
    tally.add(languages::count(project));
    tally.add(conformance::count(project));
    tally.add(count("tests of the host", project, &["--package", "toolyard"]));
    // By itself, so that what the others need of a shared library does not compile the host's again.
    tally.add(count("tests of everything else", project, &["--workspace", "--exclude", "toolyard"]));

    println!();
    if std::env::var_os(SCHEMAS).is_none() {
        println!("No message was held against the official schemas: set {SCHEMAS} to the folder that has them.");
    }
    println!("{tally}");
    if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the tests of the packages that `selection` names. Not compiling counts as one failure.
fn count(heading: &str, project: &Project, selection: &[&str]) -> Tally {
    let mut tally = Tally::default();
    let outcome = step(heading, || {
        // Compilers may be silent for long.
        step::run(project.cargo(&["test", "--release", "--no-run"]).args(selection))?;
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
