//! Half a million calls, with reloads and traps meanwhile: what the host holds at the end is what it held early on.
//!
//! The calls come in stretches. Between two of them nothing is under way, and what the host then has is what stays: memory,
//! files, threads, tasks, and the slots of the engine.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::Host;
use crate::http1::Client;
use crate::procfs::Held;
use crate::script::scripted;
use crate::server::Server;
use crate::wire::{Endpoint, Era, NUMBER_FIRST, Template};

/// Stretches of calls; after the first of them begins what is compared.
pub(crate) const STRETCHES: u64 = 10;
const CONNECTIONS: u64 = 8;
/// How often a plugin is replaced meanwhile.
const RELOAD_EVERY: Duration = Duration::from_millis(250);
/// How long what ends by itself may take to do so.
const CALM_MAX: Duration = Duration::from_secs(20);
const CONFIG: &str = "admin_listen = '127.0.0.1:0'\n";

/// Tools, their arguments, and how many of a hundred calls are theirs.
const MIX: [(&str, &str, u64); 7] = [
    ("echo_echo", r#"{"message":"a"}"#, 60),
    ("time_now", "{}", 10),
    ("text_hash", r#"{"text":"a"}"#, 10),
    ("jq_run", r#"{"program":".a","input":{"a":1}}"#, 5),
    ("changing_say", "{}", 11),
    ("changing_trap", "{}", 2),
    ("changing_panic", "{}", 2),
];

#[derive(Serialize)]
pub(crate) struct Soak {
    pub(crate) calls: u64,
    pub(crate) reloads: u64,
    pub(crate) seconds: f64,
    /// After each stretch, when nothing was under way.
    pub(crate) held: Vec<Held>,
}

impl Soak {
    pub(crate) fn measure(host: &Host, cores: &[usize], calls: u64, progress: &mut dyn FnMut(&str)) -> Result<Self> {
        let folders = tempfile::tempdir()?;
        let plugins = folders.path().join("plugins");
        fs::create_dir(&plugins)?;
        for name in ["time", "text", "jq"] {
            let from = host.folders[0].join(format!("{name}.wasm"));
            fs::copy(&from, plugins.join(format!("{name}.wasm")))
                .with_context(|| format!("cannot copy {}", from.display()))?;
        }
        fs::copy(&host.echo, plugins.join("echo.wasm"))?;
        let versions = [version(host, "one")?, version(host, "two")?];
        put(&plugins, &versions[0])?;
        let config = folders.path().join("toolyard.toml");
        fs::write(&config, CONFIG)?;
        let server = Server::host_with(&host.program, &plugins, &folders.path().join("cache"), cores, Some(&config))?;
        let admin = Endpoint::of(&format!("{}/", server.ready["admin"].as_str().context("no admin listener")?))?;

        let (begin, mut held, mut reloads) = (Instant::now(), Vec::new(), 0);
        for stretch in 0..STRETCHES {
            progress(&format!("soak: {} of {calls} calls", stretch * (calls / STRETCHES)));
            reloads += run(&server, calls / STRETCHES, &plugins, &versions)?;
            held.push(calm(&server, &admin)?);
        }
        let seconds = begin.elapsed().as_secs_f64();
        server.stop()?;
        Ok(Self { calls, reloads, seconds, held })
    }

    /// Memory at the end, as a multiple of that after the first stretch.
    pub(crate) fn growth(&self) -> Option<f64> {
        let (first, last) = (self.held.first()?, self.held.last()?);
        // Bytes are far below 2^52, where this would lose anything.
        Some(last.memory.resident as f64 / first.memory.resident as f64)
    }

    /// What there is more of in all of the second half than after the first stretch, beside memory. (A connection that is
    /// just being closed is a file for a moment, and no leak.)
    pub(crate) fn leaked(&self) -> Vec<String> {
        let Some(first) = self.held.first() else { return Vec::new() };
        let later = &self.held[self.held.len() / 2..];
        let least = |at: usize| later.iter().filter_map(|held| held.counts().nth(at)).map(|(_, count)| count).min();
        let counts = first.counts().enumerate().filter_map(|(at, (what, before))| Some((what, before, least(at)?)));
        counts
            .filter(|(_, before, after)| after > before)
            .map(|(what, before, after)| format!("{what}: {before} -> {after}"))
            .collect()
    }
}

fn version(host: &Host, words: &str) -> Result<Vec<u8>> {
    let tools = json!([
        { "name": "say", "act": { "say": words } },
        { "name": "trap", "act": "trap" },
        { "name": "panic", "act": { "panic": "meant" } },
    ]);
    scripted(&host.scripted()?, &json!({ "tools": tools }))
}

fn put(plugins: &Path, component: &[u8]) -> Result<()> {
    let fresh = plugins.join("changing.fresh");
    fs::write(&fresh, component)?;
    fs::rename(fresh, plugins.join("changing.wasm")).context("cannot replace a plugin")
}

/// One stretch: the calls, over all connections, while a plugin is replaced again and again. Gives how often it was.
fn run(server: &Server, calls: u64, plugins: &Path, versions: &[Vec<u8>; 2]) -> Result<u64> {
    let (next, over) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(|| caller(server, &next, calls))).collect();
        let reloader = scope.spawn(|| -> Result<u64> {
            let mut reloads = 0;
            for version in [1, 0].into_iter().cycle() {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                put(plugins, &versions[version])?;
                reloads += 1;
                thread::sleep(RELOAD_EVERY);
            }
            Ok(reloads)
        });
        let mut outcome = Ok(());
        for caller in callers {
            outcome = outcome.and(caller.join().map_err(|_| anyhow::anyhow!("a caller panicked"))?);
        }
        over.store(true, Ordering::Relaxed);
        let reloads = reloader.join().map_err(|_| anyhow::anyhow!("the reloader panicked"))??;
        outcome.map(|()| reloads)
    })
}

fn caller(server: &Server, next: &AtomicU64, calls: u64) -> Result<()> {
    let mut client = Client::connect(server.endpoint.address)?;
    let mut templates = Vec::new();
    for (tool, arguments, share) in MIX {
        let arguments: Value = serde_json::from_str(arguments)?;
        templates.push((tool, share, Template::call(&server.endpoint, Era::Modern, None, tool, &arguments)));
    }
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= calls {
            return Ok(());
        }
        // Spread over the hundred, so that kinds alternate (37 and 100 have no common divisor).
        let mut place = number * 37 % 100;
        let chosen = templates.iter_mut().find(|(_, share, _)| {
            let mine = place < *share;
            place = place.saturating_sub(*share);
            mine
        });
        let (tool, _, template) = chosen.context("shares that are not a hundred")?;
        let answer = client.send(template.numbered(NUMBER_FIRST + number))?;
        let failed = answer.body.windows(14).any(|window| window == b"\"isError\":true");
        let meant = tool.ends_with("trap") || tool.ends_with("panic");
        ensure!(
            answer.status == 200 && failed == meant,
            "{tool}: {} {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
    }
}

/// Waits until nothing is under way any more, and tells what is left.
fn calm(server: &Server, admin: &Endpoint) -> Result<Held> {
    let begin = Instant::now();
    loop {
        let held = server.held(admin)?;
        if held.instances == held.warm_instances {
            return Ok(held);
        }
        if begin.elapsed() > CALM_MAX {
            bail!("{} instances are in use though nothing is under way", held.instances);
        }
        thread::sleep(Duration::from_millis(20));
    }
}
