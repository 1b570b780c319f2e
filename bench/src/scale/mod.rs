//! Scale: what more hosts give, what tasks cost on each store, and whether a call costs more where there is more of anything.

pub(crate) mod hosts;
mod programs;
mod share;
pub(crate) mod sizes;
pub(crate) mod tasks;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::Host;
use crate::script::scripted;
use crate::server::Server;

/// The public name of the tool under load: that of the echo guest.
const ECHO: &str = "echo_echo";
/// The same guest once more, all of whose calls are tasks.
const TASK: &str = "task_echo";
/// A tool that asks its caller, and is a task until it is answered.
const ASK: &str = "ask_ask";

/// Tasks that many do not fit into the defaults, and are not meant to end before they are measured.
const CONFIG: &str = "
[limits]
tasks_max = 1_000_000
tasks_ended_max = 1_000_000
connections_max = 15_000

[plugin.task.tool]
echo.task = 'required'

[plugin.ask.tool]
ask.task = 'required'
";

/// A host with its folders, which last as long.
struct Hosted {
    server: Server,
    _folders: TempDir,
}

/// What several hosts have in common.
struct Yard<'a> {
    host: &'a Host,
    cores: &'a [usize],
    /// Compiled code, so that it is compiled once.
    cache: TempDir,
}

impl<'a> Yard<'a> {
    fn new(host: &'a Host, cores: &'a [usize]) -> Result<Self> {
        Ok(Self { host, cores, cache: tempfile::tempdir()? })
    }

    /// Starts a host with the three plugins. `top` is what stands at the top of its configuration.
    fn start(&self, top: &str) -> Result<Hosted> {
        self.start_with(top, |plugins| {
            for name in ["echo.wasm", "task.wasm"] {
                fs::copy(&self.host.echo, plugins.join(name)).context("cannot copy the echo guest")?;
            }
            Ok(fs::write(plugins.join("ask.wasm"), scripted(&self.host.scripted()?, &asking())?)?)
        })
    }

    /// Starts a host with what `fill` puts into its folder.
    fn start_with(&self, top: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<Hosted> {
        let folders = tempfile::tempdir()?;
        let path = |name: &str| folders.path().join(name);
        fs::create_dir(path("plugins"))?;
        fill(&path("plugins"))?;
        let state = format!("state_dir = {:?}\n", path("state"));
        fs::write(path("toolyard.toml"), format!("{state}{top}\n{CONFIG}"))?;
        let config = path("toolyard.toml");
        let server =
            Server::host_with(&self.host.program, &path("plugins"), self.cache.path(), self.cores, Some(&config))?;
        Ok(Hosted { server, _folders: folders })
    }
}

/// The top of a configuration of a host with this store, and keys that others have too.
fn shared(store: &str) -> String {
    // 32 bytes of nothing: nobody else comes here.
    let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    format!("store = {store:?}\n[[seal.keys]]\nid = \"1\"\nsecret = {key:?}\n")
}

fn asking() -> Value {
    let schema = json!({ "type": "object", "properties": { "x": { "type": "string" } } }).to_string();
    let question = json!({ "form": { "message": "What?", "schema": schema } });
    json!({ "tools": [{ "name": "ask", "act": { "ask": { "rounds": [{ "q": question }] } } }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_store_stands_before_the_tables() {
        let top = shared("redis://127.0.0.1:1");
        assert!(top.starts_with("store = \"redis://127.0.0.1:1\"\n[[seal.keys]]\n"), "{top}");
    }
}
