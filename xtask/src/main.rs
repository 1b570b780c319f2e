//! `cargo xtask …`: what a developer of Toolyard runs. `cargo xtask --help` lists it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line, and talks to whoever runs it")]

mod browser;
mod clients;
mod components;
mod conformance;
mod deploy;
mod languages;
mod processes;
mod programs;
mod project;
mod servers;
mod step;
mod tally;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use project::Project;

/// Builds, serves, tests and measures Toolyard.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Builds the plugins and the host, and serves them on 127.0.0.1:8080.
    Serve {
        /// Passed on to `toolyard serve`, such as `--config FILE` or `--listen ADDRESS`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Runs every check and every test, and ends with how many passed.
    Test,
    /// Builds the plugins into `target/plugins`, those in other languages than Rust into `target/languages/plugins`, and the test
    /// guests into `target/guests`.
    Plugins,
    /// Runs the official conformance suite against the host, and ends with how many checks passed.
    Conformance,
    /// Installs the packages of the official clients that the tests drive, into `target/clients`.
    Clients {
        /// Writes `docs/clients.md` anew, from what the tests prove.
        #[arg(long)]
        update: bool,
    },
    /// Builds everything the benchmark compares, and runs it.
    Bench {
        /// Passed on to `toolyard-bench`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Kills hosts and restarts their store under many clients, and counts what came of it.
    Chaos {
        /// Passed on to `toolyard-chaos`: `--seconds N`, `--clients N`, `--store redis|sqlite`, `--seed N`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Kills hosts while they write their audit trail, looks for what is missing in it, and measures what it costs.
    Trail {
        /// Passed on to `toolyard-trail`: `--calls N`, `--clients N`, `--kills N`, `--seed N`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Checks what no compiler does: the direction of dependencies, lengths, and that nothing is left out.
    Tidy,
}

fn main() -> ExitCode {
    match run(Arguments::parse().verb) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<ExitCode> {
    let project = Project::find()?;
    match verb {
        Verb::Serve { arguments } => programs::serve(&project, &arguments),
        Verb::Test => Ok(test::run(&project)),
        Verb::Conformance => conformance::run(&project),
        Verb::Plugins => plugins(&project).map(|()| ExitCode::SUCCESS),
        Verb::Clients { update: false } => clients::provide(&project).map(|()| ExitCode::SUCCESS),
        Verb::Clients { update: true } => clients::update(&project).map(|()| ExitCode::SUCCESS),
        Verb::Bench { arguments } => programs::bench(&project, &arguments),
        Verb::Chaos { arguments } => programs::chaos(&project, &arguments),
        Verb::Trail { arguments } => programs::trail(&project, &arguments),
        Verb::Tidy => tidy::run(&project).map(|()| ExitCode::SUCCESS),
    }
}

fn plugins(project: &Project) -> Result<()> {
    components::build(project)?;
    programs::build_host(project)?;
    languages::provide(project)?;
    languages::build(project)
}
