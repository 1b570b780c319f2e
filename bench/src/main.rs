//! `toolyard-bench`: measures Toolyard beside a bare HTTP server, which is the least that answering over HTTP can cost, and
//! beside a native MCP server, which is what a tool costs without a sandbox.
//!
//! ```text
//! cli        what was asked for, and the settings it comes to
//! run        composition: load, reload and density, in that order, into one report
//! machine    what it ran on
//! peers/     the servers compared with: floor (bare axum) and native (rmcp)
//! server     a server as a subprocess: start it on given cores, read what it used, stop it
//! procfs     the kernel's account of a process
//! wire       the requests of both protocol eras, and how to tell the right answer
//! http1      just enough HTTP/1.1 to read an answer
//! load/      the load generator, and the interleaved rounds made of it
//! reload     from dropping a component into the folder to its first answer
//! density    memory for each loaded plugin
//! neighbours how long others wait beside a hostile plugin
//! languages  the same tool in each language
//! scale/     several hosts; tasks on each store; the cost of a call by the number of tasks, plugins and sessions
//! soak       many calls, and what the host holds at the end
//! script     the guest that does what it is told
//! stats      medians and spreads
//! report/    the table, the aims, the JSON
//! ```

mod cli;
mod density;
mod http1;
mod in_process;
mod languages;
mod load;
mod machine;
mod neighbours;
mod peers;
mod procfs;
mod reload;
mod report;
mod run;
mod scale;
mod script;
mod server;
mod soak;
mod stats;
mod wire;

use std::io::{Write as _, stderr};
use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};

/// The host's allocator, so that the peers do not lose for having a slower one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::ServeFloor) => peers::floor::serve(),
        Some(Command::ServeRmcp) => peers::native::serve(),
        Some(Command::ServeRmcpLean) => peers::native::serve_lean(),
        Some(Command::Pinned(pinned)) => server::become_pinned(&pinned),
        None => cli.run.settings().and_then(|settings| run::run(&settings)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do when even stderr is gone.
            let _ = writeln!(stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
