//! Building the programs, and becoming one.

use std::env;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::project::Project;
use crate::step::{run, step};
use crate::{components, deploy, languages, servers};

const HOST: &str = "toolyard";

/// Names a program to test instead of the one that is built here.
const GIVEN: &str = "TOOLYARD_BIN";

const BENCH: &str = "toolyard-bench";

const CHAOS: &str = "toolyard-chaos";

const TRAIL: &str = "toolyard-trail";

/// Builds everything and becomes `toolyard serve`.
pub(crate) fn serve(project: &Project, arguments: &[String]) -> Result<ExitCode> {
    components::build(project)?;
    build_host(project)?;
    let mut host = Command::new(host(project));
    host.arg("serve");
    // What is said twice is an error there, so these are said only where they are wanted.
    let given = |flag: &str| arguments.iter().any(|a| a == flag || a.starts_with(&format!("{flag}=")));
    if !given("--listen") && !given("--config") {
        host.args(["--listen", "127.0.0.1:8080"]);
    }
    if !given("--plugins") && !given("--config") {
        host.arg("--plugins").arg(project.target.join("plugins"));
    }
    become_program(host.args(arguments))
}

/// Builds everything and becomes `toolyard-bench`.
pub(crate) fn bench(project: &Project, arguments: &[String]) -> Result<ExitCode> {
    components::build(project)?;
    build_host(project)?;
    if arguments.iter().any(|argument| argument.contains("languages")) {
        languages::provide(project)?;
        languages::build(project)?;
    }
    if needs_servers(arguments) {
        servers::provide()?;
        deploy::provide_nginx(project)?;
    }
    build_package(project, BENCH)?;
    become_program(Command::new(project.program(BENCH)).args(arguments))
}

/// Whether what is to be measured takes Redis or nginx.
fn needs_servers(arguments: &[String]) -> bool {
    arguments.iter().any(|argument| ["scale", "hosts", "tasks"].into_iter().any(|part| argument.contains(part)))
}

/// Builds everything and becomes `toolyard-chaos`.
pub(crate) fn chaos(project: &Project, arguments: &[String]) -> Result<ExitCode> {
    components::build(project)?;
    build_host(project)?;
    servers::provide()?;
    deploy::provide(project)?;
    build_package(project, "toolyard-tests")?;
    become_program(Command::new(project.program(CHAOS)).args(arguments))
}

/// Builds everything and becomes `toolyard-trail`.
pub(crate) fn trail(project: &Project, arguments: &[String]) -> Result<ExitCode> {
    components::build(project)?;
    build_host(project)?;
    build_package(project, "toolyard-tests")?;
    become_program(Command::new(project.program(TRAIL)).args(arguments))
}

/// Builds the host, unless `TOOLYARD_BIN` names one that is there already.
pub(crate) fn build_host(project: &Project) -> Result<()> {
    if env::var_os(GIVEN).is_some() { Ok(()) } else { build_package(project, HOST) }
}

/// The host's program.
pub(crate) fn host(project: &Project) -> PathBuf {
    env::var_os(GIVEN).map_or_else(|| project.program(HOST), PathBuf::from)
}

/// One package at a time: cargo unites the features of what is built together, and would otherwise compile wasmtime again
/// for each set of packages.
fn build_package(project: &Project, package: &str) -> Result<()> {
    step(&format!("release build of {package}"), || {
        run(&mut project.cargo(&["build", "--release", "--package", package]))
    })
}

/// Replaces this process, so that signals reach the program and its exit code is ours.
fn become_program(command: &mut Command) -> Result<ExitCode> {
    let error = command.exec();
    Err(error).with_context(|| format!("{} does not start", command.get_program().to_string_lossy()))
}
