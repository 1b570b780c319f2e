//! The command line: one file per verb, one `match` to find it. The only module that writes to standard output.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is what a command line is for")]

mod ask;
mod audit;
mod build;
mod call;
mod dev;
mod files;
mod inspect;
mod keys;
mod new;
mod policy;
mod serve;
mod stdio;

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};

use crate::{
    config::{CacheDir, Config},
    ids::PluginId,
    telemetry::{self, LogFormat},
};

/// Runs MCP tools as sandboxed WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "toolyard", version, after_help = EXIT_CODES)]
struct Toolyard {
    #[command(subcommand)]
    verb: Verb,
}

const EXIT_CODES: &str = "\
Exit codes: 0 it worked; 1 the tool answered with an error, or the audit trail is not whole; 2 the command was not understood;
3 it could not be done (a file, the configuration, a plugin, the address, a build).
RUST_LOG sets what is logged, such as RUST_LOG=debug.";

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
    /// Look at the audit trail: verify, tail, query
    Audit(audit::Audit),
    /// Begin a plugin: a project with one tool, a test and a README
    New(new::New),
    /// Make a plugin's component from its project
    Build(build::Build),
    /// Build and serve a project, and do so again whenever it is saved
    Dev(dev::Dev),
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
    /// A configuration file (TOML)
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
        Verb::Audit(audit) => audit.run(),
        Verb::New(new) => new.run(),
        Verb::Build(build) => build.run(),
        Verb::Dev(dev) => dev.run(),
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
        c.is_control() && c != '\n'
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    text.chars().map(|c| if misleads(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

impl Source {
    fn config(&self) -> anyhow::Result<Config> {
        let mut config = match &self.config {
            Some(path) => Config::read(path)?,
            None => Config::new(),
        };
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
            None => config.state_dir.or_else(|| usual_dir("XDG_STATE_HOME", ".local/state")),
        };
        Ok(config)
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

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

fn start_log(format: LogFormat, default: &str) {
    let filter = env::var("RUST_LOG").ok();
    telemetry::start(format, Some(filter.as_deref().unwrap_or(default)));
}
