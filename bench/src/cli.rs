//! What was asked for on the command line, and the settings it comes to.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::load::rounds::Subject;

/// Measures the Toolyard host, in interleaved rounds, beside a bare axum server (the floor) and a native rmcp server with
/// the same tool.
///
/// Every server is a process of its own on one core; the load comes from another. Prints a table in Markdown and one line
/// for each aim. Exits with 0 when everything could be measured, whether or not the aims are met, and with 1 when
/// something could not: a server that does not start, or a wrong answer.
#[derive(Parser)]
#[command(name = "toolyard-bench", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// What the benchmark starts itself as.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve as the floor.
    #[command(hide = true)]
    ServeFloor,
    /// Serve as the native MCP server, written as its documentation shows.
    #[command(hide = true)]
    ServeRmcp,
    /// Serve as the native MCP server, written for speed.
    #[command(hide = true)]
    ServeRmcpLean,
    /// Become another program on the cores given.
    #[command(hide = true)]
    Pinned(Pinned),
}

#[derive(Args)]
pub(crate) struct Pinned {
    #[arg(long, value_delimiter = ',', required = true)]
    pub(crate) cores: Vec<usize>,
    #[arg(last = true, required = true)]
    pub(crate) program: Vec<OsString>,
}

#[derive(Args)]
pub(crate) struct RunArgs {
    /// The `toolyard` binary, as a release build. Default: the one beside this program.
    #[arg(long, value_name = "FILE")]
    host: Option<PathBuf>,
    /// Measure only what the host is compared with.
    #[arg(long, conflicts_with = "host")]
    peers_only: bool,
    /// Where `echo.wasm` is.
    #[arg(long, value_name = "DIR", default_value = "target/guests")]
    guests: PathBuf,
    /// Where the plugins are. The one nearest to 200 KB, or `echo.wasm` if that is nearer, is dropped into the folder.
    #[arg(long, value_name = "DIR", default_value = "target/plugins")]
    plugins: PathBuf,
    /// Numbers of keep-alive connections, each with one request under way.
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "1,16,64")]
    connections: Vec<usize>,
    /// Rounds; in each, every server is measured once at each number of connections.
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Seconds of each single measurement, after a warm-up of a sixth of it.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5)]
    seconds: f64,
    /// How often a component is dropped into the folder, for each way of doing it.
    #[arg(long, value_name = "N", default_value_t = 5)]
    drops: usize,
    /// Copies of one plugin to load, to tell what one of them takes.
    #[arg(long, value_name = "N", default_value_t = 100)]
    copies: usize,
    /// Calls of the soak.
    #[arg(long, value_name = "N", default_value_t = 500_000)]
    calls: u64,
    /// Measure only these parts.
    #[arg(long, value_name = "PART,...", value_delimiter = ',')]
    only: Vec<Part>,
    /// The same as `--only languages`.
    #[arg(long, conflicts_with = "only")]
    languages: bool,
    /// Of the languages, only those whose plugins are called so, without `weather-`.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    language: Vec<String>,
    /// The same as `--only hosts,tasks,many-tasks,many-plugins,many-sessions`: what more hosts give, and whether a call costs
    /// more where there is more of anything. Takes up to ten minutes.
    #[arg(long, conflicts_with_all = ["only", "languages"])]
    scale: bool,
    /// Put only these servers under load, for example to profile one of them.
    #[arg(long, value_name = "SERVER,...", value_delimiter = ',')]
    servers: Vec<Subject>,
    /// A run of seconds that shows that everything works, and no more than that.
    #[arg(long, conflicts_with_all = ["rounds", "seconds", "drops", "copies"])]
    quick: bool,
    /// Also write everything measured into this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// One part of the benchmark.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Requests per second, latency, CPU and memory under load.
    Load,
    /// From dropping a component to its first answer.
    Reload,
    /// Memory for each loaded plugin.
    Density,
    /// How long others wait beside a hostile plugin.
    Neighbours,
    /// The same tool in each language, with and without instances that were made ahead. Only if it is asked for.
    Languages,
    /// Many calls, with reloads and traps, and what the host holds at the end. Only if it is asked for.
    Soak,
    /// Plain calls with one, two and three hosts, behind nginx and without it. Part of `--scale`.
    Hosts,
    /// Tasks per second on each store. Part of `--scale`.
    Tasks,
    /// The cost of a call by the number of tasks in the store. Part of `--scale`.
    ManyTasks,
    /// The same by the number of plugins. Part of `--scale`.
    ManyPlugins,
    /// The same by the number of tenants with ten plugins each. Part of `--scale`.
    ManyTenants,
    /// The same by the number of open legacy sessions. Part of `--scale`.
    ManySessions,
}

impl Part {
    /// Those that are measured if nothing else is asked for.
    const USUAL: [Self; 4] = [Self::Load, Self::Reload, Self::Density, Self::Neighbours];
    const SCALE: [Self; 6] =
        [Self::Hosts, Self::Tasks, Self::ManyTasks, Self::ManyPlugins, Self::ManyTenants, Self::ManySessions];
}

/// How many there are of what calls are measured beside, the fewest first.
pub(crate) struct Counts {
    pub(crate) tasks: [usize; 3],
    pub(crate) plugins: [usize; 3],
    pub(crate) tenants: [usize; 2],
    pub(crate) sessions: [usize; 2],
}

impl Counts {
    const FULL: Self =
        Self { tasks: [10, 1_000, 100_000], plugins: [1, 100, 1_000], tenants: [1, 1_000], sessions: [1, 10_000] };
    const QUICK: Self = Self { tasks: [2, 10, 100], plugins: [1, 4, 8], tenants: [1, 10], sessions: [1, 50] };
}

/// What a run does.
pub(crate) struct Settings {
    pub(crate) host: Option<Host>,
    /// Those to put under load.
    pub(crate) servers: Vec<Subject>,
    pub(crate) connections: Vec<usize>,
    pub(crate) rounds: usize,
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
    pub(crate) drops: usize,
    pub(crate) copies: usize,
    pub(crate) calls: u64,
    pub(crate) sizes: Counts,
    /// Of the languages, only these; all if it is empty.
    pub(crate) language: Vec<String>,
    pub(crate) parts: Vec<Part>,
    pub(crate) json: Option<PathBuf>,
}

/// The host under test.
pub(crate) struct Host {
    pub(crate) program: PathBuf,
    /// The component under load.
    pub(crate) echo: PathBuf,
    /// Where to look for a component to drop.
    pub(crate) folders: [PathBuf; 2],
}

impl RunArgs {
    /// Checks what was asked for and fills in what was not.
    pub(crate) fn settings(self) -> Result<Settings> {
        let (rounds, seconds, drops, copies) =
            if self.quick { (2, 0.1, 1, 8) } else { (self.rounds, self.seconds, self.drops, self.copies) };
        ensure!((1..=1000).contains(&rounds), "--rounds must be from 1 to 1000");
        ensure!((0.01..=600.0).contains(&seconds), "--seconds must be from 0.01 to 600");
        ensure!((1..=1000).contains(&drops), "--drops must be from 1 to 1000");
        ensure!((2..=1000).contains(&copies), "--copies must be from 2 to 1000");
        ensure!(
            !self.connections.is_empty() && self.connections.iter().all(|count| (1..=1024).contains(count)),
            "--connections must each be from 1 to 1024"
        );
        let host = if self.peers_only { None } else { Some(Host::find(self.host, self.guests, self.plugins)?) };
        let servers = if self.servers.is_empty() { Subject::ALL.to_vec() } else { self.servers };
        Ok(Settings {
            host,
            servers,
            connections: self.connections,
            rounds,
            warm_up: Duration::from_secs_f64(seconds / 6.0),
            measured: Duration::from_secs_f64(seconds),
            drops,
            copies,
            calls: if self.quick { 1000 } else { self.calls },
            sizes: if self.quick { Counts::QUICK } else { Counts::FULL },
            language: self.language,
            parts: match () {
                () if self.languages => vec![Part::Languages],
                () if self.scale => Part::SCALE.to_vec(),
                () if self.only.is_empty() => Part::USUAL.to_vec(),
                () => self.only,
            },
            json: self.json,
        })
    }
}

impl Host {
    /// The guest that does what a script says.
    pub(crate) fn scripted(&self) -> Result<PathBuf> {
        let path = self.echo.with_file_name("scripted.wasm");
        ensure!(path.is_file(), "{} is not there: `cargo xtask bench` builds what is needed", path.display());
        Ok(path)
    }

    fn find(program: Option<PathBuf>, guests: PathBuf, plugins: PathBuf) -> Result<Self> {
        let beside = || Ok::<_, std::io::Error>(std::env::current_exe()?.with_file_name("toolyard"));
        let program = program.map_or_else(beside, Ok).context("cannot find this program")?;
        let echo = guests.join("echo.wasm");
        for file in [&program, &echo] {
            ensure!(file.is_file(), "{} is not there: `cargo xtask bench` builds what is needed", file.display());
        }
        Ok(Self { program, echo, folders: [plugins, guests] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(arguments: &[&str]) -> Result<Settings> {
        let arguments = std::iter::once("toolyard-bench").chain(arguments.iter().copied());
        Cli::try_parse_from(arguments)?.run.settings()
    }

    #[test]
    fn a_host_is_needed_unless_only_the_peers_are_asked_for() {
        assert!(settings(&["--peers-only"]).expect("legal").host.is_none());
        assert!(settings(&["--peers-only", "--host", "x"]).is_err());
        let error = settings(&["--host", "/no/such/host"]).err().expect("refused");
        assert!(error.to_string().starts_with("/no/such/host is not there"), "{error}");
    }

    #[test]
    fn scale_is_six_parts_and_nothing_else() {
        assert_eq!(settings(&["--peers-only", "--scale"]).expect("legal").parts.len(), 6);
        assert!(settings(&["--peers-only", "--scale", "--only", "load"]).is_err());
        assert!(settings(&["--peers-only", "--only", "hosts,many-sessions"]).is_ok());
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for wrong in [["--rounds", "0"], ["--seconds", "0"], ["--connections", "1,0"], ["--copies", "1"]] {
            assert!(settings(&["--peers-only", wrong[0], wrong[1]]).is_err(), "{wrong:?}");
        }
    }
}
