//! The command line: one file per verb, one `match` to find it. The only module that writes to standard output.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is what a command line is for")]

mod ask;
mod audit;
mod build;
mod call;
mod config;
mod dev;
mod example;
mod files;
mod inspect;
mod keys;
mod lock;
mod new;
mod policy;
mod pull;
mod rehearsal;
mod serve;
mod stdio;

use std::{
    env,
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};

use crate::{
    config::{CacheDir, Config},
    ids::PluginId,
    telemetry::{self, LogFilter, LogFormat, LogSettings},
};

/// Runs MCP tools as sandboxed WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "toolyard", version, after_help = EXIT_CODES)]
struct Toolyard {
    #[command(subcommand)]
    verb: Verb,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  it worked
  1  the tool answered with an error; `policy explain`: it is denied; `audit verify`: the trail is not whole
  2  the command was not understood
  3  it could not be done: a file, the configuration, a plugin, the address, a build
RUST_LOG sets what is logged, such as RUST_LOG=debug.";

/// The configuration that the operator's commands look for where they are run, if none is named. Commands that run plugins do not: a
/// folder of somebody else's would say what these may touch.
const USUAL_CONFIG: &str = "toolyard.toml";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve a folder of plugins to MCP clients over HTTP
    Serve(serve::Serve),
    /// Serve a folder of plugins to one client over standard input and output
    Stdio(stdio::Stdio),
    /// Call one tool of a plugin, with no server
    Call(call::Call),
    /// Show what a plugin is: its tools, imports, size and digest
    Inspect(inspect::Inspect),
    /// Check a configuration, show what holds, print its schema
    Config(config::Config),
    /// Look at the audit trail: verify, tail, query
    Audit(audit::Audit),
    /// Begin a plugin: a project with one tool, a test and a README
    New(new::New),
    /// Make a plugin's component from its project
    Build(build::Build),
    /// Build and serve a project, and do so again whenever it is saved
    Dev(dev::Dev),
    /// Write down what all plugins are, so that nothing else is served
    Lock(lock::WriteLock),
    /// Pull plugins from registries into the cache
    Pull(pull::Pull),
    /// Add, list, revoke and rotate API keys
    Keys(keys::Keys),
    /// Check policies, and explain what they decide
    Policy(policy::Policies),
}

/// Where plugins and settings come from: the same for every verb.
#[derive(Debug, Args)]
struct Source {
    /// The folder whose *.wasm files are the plugins [default: plugins, or what the configuration says]
    #[arg(long, value_name = "DIR")]
    plugins: Option<PathBuf>,
    /// The configuration (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where compiled code is kept; empty for nowhere [default: toolyard in the user's cache folder]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<OsString>,
    /// Where sessions and the sealing key are kept; empty for in memory [default: toolyard in the user's state folder]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<OsString>,
}

/// How a verb ended that did not fail.
enum Outcome {
    Done,
    /// The tool said that it could not do it.
    ToolFailed,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let ran = match Toolyard::parse().verb {
        Verb::Serve(serve) => serve.run(),
        Verb::Stdio(stdio) => stdio.run(),
        Verb::Call(call) => call.run(),
        Verb::Inspect(inspect) => inspect.run(),
        Verb::Config(config) => config.run(),
        Verb::Audit(audit) => audit.run(),
        Verb::New(new) => new.run(),
        Verb::Build(build) => build.run(),
        Verb::Dev(dev) => dev.run(),
        Verb::Lock(lock) => lock.run(),
        Verb::Pull(pull) => pull.run(),
        Verb::Keys(keys) => keys.run(),
        Verb::Policy(policy) => policy.run(),
    };
    match ran {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::ToolFailed) => ExitCode::from(1),
        Err(error) => {
            eprintln!("toolyard: {}", shown(&format!("{error:#}")));
            ExitCode::from(3)
        }
    }
}

/// A text that may be a plugin's, without what a terminal would obey or show in another order than it stands.
fn shown(text: &str) -> String {
    let misleads = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    text.chars().map(|c| if misleads(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

impl Source {
    fn config(&self) -> anyhow::Result<Config> {
        self.read(self.config.as_deref())
    }

    /// The same for commands that are about the configuration itself, which is then the usual one if none is named.
    fn usual_config(&self) -> anyhow::Result<Config> {
        self.read(configuration(self.config.as_deref()).as_deref())
    }

    fn read(&self, path: Option<&Path>) -> anyhow::Result<Config> {
        let mut config = path.map_or_else(|| Ok(Config::new()), Config::read)?;
        self.adjust(&mut config);
        Ok(config)
    }

    /// What is said here, over what the configuration says.
    fn adjust(&self, config: &mut Config) {
        if let Some(plugins) = &self.plugins {
            config.set_plugins(plugins.clone());
        }
        match &self.cache_dir {
            Some(dir) if dir.is_empty() => config.cache_dir = CacheDir::Nowhere,
            Some(dir) => config.cache_dir = CacheDir::At(dir.into()),
            None => {}
        }
        if config.cache_dir == CacheDir::Usual {
            config.cache_dir = usual_dir("XDG_CACHE_HOME", ".cache").map_or(CacheDir::Nowhere, CacheDir::At);
        }
        config.state_dir = match &self.state_dir {
            Some(dir) if dir.is_empty() => None,
            Some(dir) => Some(dir.into()),
            None => config.state_dir.take().or_else(|| usual_dir("XDG_STATE_HOME", ".local/state")),
        };
    }
}

/// The user's folder of that kind (XDG Base Directory Specification).
fn usual_dir(variable: &str, in_home: &str) -> Option<PathBuf> {
    let base = match env::var_os(variable).map(PathBuf::from).filter(|dir| dir.is_absolute()) {
        Some(dir) => dir,
        None => PathBuf::from(env::var_os("HOME")?).join(in_home),
    };
    Some(base.join("toolyard"))
}

/// The file that a user means by `plugin`, and the name it goes by: a path, or the name of one in the plugin folder.
fn plugin_file(plugin: &str, plugins: &Path) -> anyhow::Result<(PathBuf, PluginId)> {
    let is_path = plugin.contains(std::path::MAIN_SEPARATOR) || plugin.ends_with(".wasm");
    let path = if is_path { PathBuf::from(plugin) } else { plugins.join(format!("{plugin}.wasm")) };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    Ok((path.clone(), stem.parse()?))
}

/// The configuration that a command of the operator's is about: what is named, or else the usual one, if it is here.
fn configuration(named: Option<&Path>) -> Option<PathBuf> {
    let usual = || Some(PathBuf::from(USUAL_CONFIG)).filter(|path| path.exists());
    named.map(Path::to_owned).or_else(usual)
}

/// An address to listen on. The standard library's words for what is none do not say what would be one.
fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an address and a port, such as 127.0.0.1:8080; port 0 picks a free one".into())
}

/// So many of something.
fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Starts the log of a verb, with what it is to have unless the environment says otherwise.
fn start_log(default: &str) {
    let filter = filter_of_environment().unwrap_or_else(|| LogFilter::lenient(default));
    telemetry::start_log(&LogSettings { filter, format: LogFormat::Text });
}

/// What `RUST_LOG` says, if it says anything.
fn filter_of_environment() -> Option<LogFilter> {
    env::var("RUST_LOG").ok().filter(|text| !text.is_empty()).map(|text| LogFilter::lenient(&text))
}

/// How a host logs that reads a configuration: what is said here goes over what stands there.
#[derive(Debug, Args)]
struct Log {
    /// How log lines look, on standard error: text or json [default: text, or what the configuration says]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

impl Log {
    /// Starts it, until the configuration is read.
    fn start(&self) {
        let mut settings = LogSettings::default();
        self.adjust(&mut settings);
        telemetry::start_log(&settings);
    }

    fn adjust(&self, settings: &mut LogSettings) {
        settings.format = self.log_format.unwrap_or(settings.format);
        if let Some(filter) = filter_of_environment() {
            settings.filter = filter;
        }
    }
}
