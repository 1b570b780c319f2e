//! From dropping a component into the watched folder to its first answer.
//!
//! The clock runs from just before the file appears, by rename or by copying, until a call of its tool is answered. The
//! host may use all cores, as it would. The caller asks again as soon as it has an answer, after a pause so short that it
//! adds nothing to speak of: without it the asking itself would take a core from the compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::Host;
use crate::http1::{ANSWER_TIMEOUT, Client};
use crate::server::Server;
use crate::stats::Spread;
use crate::wire::{Endpoint, Era, NUMBER_FIRST, Template};

/// The size of component that the aims speak of, in bytes.
const SIZE_WANTED: u64 = 200_000;
const PAUSE: Duration = Duration::from_micros(200);
/// Plugins that can be dropped, each with a call that a working one answers.
const CALLS: [(&str, &str, &str); 4] = [
    ("echo", "echo_echo", r#"{"message":"a"}"#),
    ("time", "time_now", "{}"),
    ("jq", "jq_run", r#"{"program":".a","input":{"a":1}}"#),
    ("text", "text_hash", r#"{"text":"a"}"#),
];

/// What was dropped, and how long each way of doing it took.
#[derive(Serialize)]
pub(crate) struct Reload {
    pub(crate) plugin: &'static str,
    pub(crate) bytes: u64,
    pub(crate) timings: Vec<Timing>,
}

#[derive(Serialize)]
pub(crate) struct Timing {
    pub(crate) write: Write,
    pub(crate) code: Code,
    /// Of each repetition, in their order.
    pub(crate) ms: Vec<f64>,
}

/// How the file gets into the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Write {
    Rename,
    Copy,
}

/// What the host has of it already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Code {
    /// Nothing: a new host with an empty cache.
    Cold,
    /// It served it a moment ago, until the file was removed.
    Again,
    /// A new host, with the compiled code in its cache folder.
    Cached,
}

impl Reload {
    pub(crate) fn measure(host: &Host, cores: &[usize], drops: usize, progress: &mut dyn FnMut(&str)) -> Result<Self> {
        let component = Component::nearest(&host.folders)?;
        let mut timings = Vec::new();
        for write in [Write::Rename, Write::Copy] {
            for code in [Code::Cold, Code::Again, Code::Cached] {
                timings.push(Timing { write, code, ms: Vec::new() });
            }
        }
        for drop in 0..drops {
            progress(&format!("reload: {} of {drops}", drop + 1));
            for write in [Write::Rename, Write::Copy] {
                for (code, took) in component.drop_in(host, cores, write)? {
                    let timing = timings.iter_mut().find(|timing| timing.write == write && timing.code == code);
                    timing.context("each way has its list")?.ms.push(took.as_secs_f64() * 1e3);
                }
            }
        }
        Ok(Self { plugin: component.name, bytes: component.bytes, timings })
    }

    /// The times of one way of doing it, or of both where `write` is `None`.
    pub(crate) fn spread(&self, code: Code) -> Option<Spread> {
        let of_code = self.timings.iter().filter(|timing| timing.code == code);
        Spread::of(of_code.flat_map(|timing| timing.ms.iter().copied()))
    }
}

struct Component {
    name: &'static str,
    tool: &'static str,
    arguments: Value,
    path: PathBuf,
    bytes: u64,
}

impl Component {
    /// The plugin whose size is nearest to the one that the aims speak of.
    fn nearest(folders: &[PathBuf]) -> Result<Self> {
        let mut found = Vec::new();
        for folder in folders {
            for (name, tool, arguments) in CALLS {
                let path = folder.join(format!("{name}.wasm"));
                if let Ok(metadata) = fs::metadata(&path) {
                    let (bytes, arguments) = (metadata.len(), serde_json::from_str(arguments)?);
                    found.push(Self { name, tool, arguments, path, bytes });
                }
            }
        }
        let nearest = found.into_iter().min_by_key(|component| component.bytes.abs_diff(SIZE_WANTED));
        nearest.with_context(|| format!("none of the components to drop is in {folders:?}"))
    }

    /// Drops it into a new host, again after removing it, and into another new host with the first one's cache.
    fn drop_in(&self, host: &Host, cores: &[usize], write: Write) -> Result<Vec<(Code, Duration)>> {
        let folders = tempfile::tempdir()?;
        let (plugins, cache) = (folders.path().join("plugins"), folders.path().join("cache"));
        fs::create_dir(&plugins)?;
        let target = plugins.join(format!("{}.wasm", self.name));
        let mut times = Vec::new();

        let server = Server::host(&host.program, &plugins, &cache, cores)?;
        let mut caller = Caller::of(self, &server.endpoint)?;
        times.push((Code::Cold, self.drop_once(&mut caller, write, folders.path(), &target)?));
        fs::remove_file(&target)?;
        caller.wait_until(false)?;
        times.push((Code::Again, self.drop_once(&mut caller, write, folders.path(), &target)?));
        server.stop()?;

        fs::remove_file(&target)?;
        let server = Server::host(&host.program, &plugins, &cache, cores)?;
        let mut caller = Caller::of(self, &server.endpoint)?;
        times.push((Code::Cached, self.drop_once(&mut caller, write, folders.path(), &target)?));
        server.stop()?;
        Ok(times)
    }

    fn drop_once(&self, caller: &mut Caller, write: Write, beside: &Path, target: &Path) -> Result<Duration> {
        ensure!(!caller.call()?, "{} answers before it is there", self.tool);
        let ready = beside.join("ready");
        if write == Write::Rename {
            fs::copy(&self.path, &ready)?;
        }
        let begin = Instant::now();
        match write {
            Write::Rename => fs::rename(&ready, target)?,
            Write::Copy => {
                fs::copy(&self.path, target)?;
            }
        }
        caller.wait_until(true)?;
        Ok(begin.elapsed())
    }
}

/// Calls one tool again and again.
pub(crate) struct Caller {
    client: Client,
    request: Vec<u8>,
    last: String,
}

impl Caller {
    fn of(component: &Component, endpoint: &Endpoint) -> Result<Self> {
        Self::new(endpoint, component.tool, &component.arguments)
    }

    pub(crate) fn new(endpoint: &Endpoint, tool: &str, arguments: &Value) -> Result<Self> {
        let mut template = Template::call(endpoint, Era::Modern, None, tool, arguments);
        let request = template.numbered(NUMBER_FIRST).to_vec();
        Ok(Self { client: Client::connect(endpoint.address)?, request, last: String::new() })
    }

    /// Whether the tool answered, and not with an error. The alternative is that the tool is not known: anything else is
    /// a mistake in the benchmark or in the host, and would be waited for in vain.
    pub(crate) fn call(&mut self) -> Result<bool> {
        let answer = self.client.send(&self.request)?;
        let value: Value = serde_json::from_slice(&answer.body).context("an answer that is not JSON")?;
        if value["error"]["code"] == json!(-32602) {
            self.last = value.to_string();
            return Ok(false);
        }
        ensure!(value["result"].is_object() && value["result"]["isError"] != true, "the call failed: {value}");
        Ok(true)
    }

    /// Calls until the tool is there, or is not.
    fn wait_until(&mut self, there: bool) -> Result<()> {
        let begin = Instant::now();
        while self.call()? != there {
            ensure!(begin.elapsed() < ANSWER_TIMEOUT, "no change in {ANSWER_TIMEOUT:?}; last answer: {}", self.last);
            thread::sleep(PAUSE);
        }
        Ok(())
    }
}
