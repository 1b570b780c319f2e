//! Fairness: how long a plugin's callers wait while others do their worst.
//!
//! One plugin is called at a fixed rate, first alone, then beside eight callers of a hostile one who never pause. Each call
//! is timed from the moment when it was due: a server that falls behind cannot hide that by being asked later.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::Host;
use crate::http1::Client;
use crate::load::{callers, us};
use crate::script::scripted;
use crate::server::Server;
use crate::stats::Spread;
use crate::wire::{Era, NUMBER_FIRST, Template};

/// Calls of the neighbour in a second, over all its connections.
const RATE: u32 = 500;
const CONNECTIONS: u32 = 4;
/// What the hostile plugin does, each by a caller of its own.
const HOSTILE: [&str; 8] = ["spin", "allocate", "recurse", "trap", "flood", "flood_stdout", "flood_log", "spin"];
/// Endless calls end after this, and the next begins.
const CONFIG: &str = "[plugin.hostile.limits]\ntimeout_ms_max = 2000\n";

/// One round: the neighbour alone and beside the hostile calls.
#[derive(Serialize)]
pub(crate) struct Round {
    pub(crate) alone: Quantiles,
    pub(crate) beside: Quantiles,
    /// Hostile calls that ended meanwhile.
    pub(crate) hostile_calls: u64,
}

/// Latencies in µs.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

#[derive(Serialize)]
pub(crate) struct Neighbours {
    pub(crate) rate: u32,
    pub(crate) rounds: Vec<Round>,
}

impl Neighbours {
    pub(crate) fn measure(
        host: &Host,
        cores: &[usize],
        rounds: usize,
        measured: Duration,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Self> {
        let folders = tempfile::tempdir()?;
        let plugins = folders.path().join("plugins");
        fs::create_dir(&plugins)?;
        fs::copy(&host.echo, plugins.join("echo.wasm"))?;
        fs::write(plugins.join("hostile.wasm"), hostile(&host.scripted()?)?)?;
        let config = folders.path().join("toolyard.toml");
        fs::write(&config, CONFIG)?;
        let server = Server::host_with(&host.program, &plugins, &folders.path().join("cache"), cores, Some(&config))?;
        let mut all = Vec::new();
        for round in 0..rounds {
            progress(&format!("neighbours: {} of {rounds}", round + 1));
            let alone = quantiles(&paced(&server, measured)?);
            let (beside, hostile_calls) = beside(&server, measured)?;
            all.push(Round { alone, beside: quantiles(&beside), hostile_calls });
        }
        server.stop()?;
        Ok(Self { rate: RATE, rounds: all })
    }

    /// The neighbour's p99 beside the hostile calls, as a multiple of its p99 alone.
    pub(crate) fn ratio(&self) -> Option<Spread> {
        Spread::of(self.rounds.iter().map(|round| round.beside.p99 / round.alone.p99))
    }

    pub(crate) fn spread(&self, what: impl Fn(&Round) -> f64) -> Option<Spread> {
        Spread::of(self.rounds.iter().map(what))
    }
}

fn hostile(component: &Path) -> Result<Vec<u8>> {
    let act = |what: &str| match what {
        "flood" | "flood_stdout" | "flood_log" => json!({ what: 100 << 20 }),
        _ => json!(what),
    };
    let tools: Vec<Value> =
        HOSTILE.iter().enumerate().map(|(at, what)| json!({ "name": format!("t{at}"), "act": act(what) })).collect();
    scripted(component, &json!({ "tools": tools }))
}

/// The neighbour while the hostile calls go on, and how many of those there were.
fn beside(server: &Server, measured: Duration) -> Result<(Histogram<u64>, u64)> {
    let (over, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let attackers: Vec<_> = (0..HOSTILE.len())
            .map(|at| {
                let (over, calls) = (&over, &calls);
                scope.spawn(move || -> Result<()> {
                    let mut client = Client::connect(server.endpoint.address)?;
                    let tool = format!("hostile_t{at}");
                    let mut template = Template::call(&server.endpoint, Era::Modern, None, &tool, &json!({}));
                    while !over.load(Ordering::Relaxed) {
                        let answer = client.send(template.numbered(NUMBER_FIRST))?;
                        ensure!(answer.status == 200, "{tool} got status {}", answer.status);
                        calls.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        let neighbour = paced(server, measured);
        over.store(true, Ordering::Relaxed);
        for attacker in attackers {
            attacker.join().map_err(|_| anyhow::anyhow!("an attacker panicked"))??;
        }
        Ok((neighbour?, calls.load(Ordering::Relaxed)))
    })
}

/// Calls the neighbour at its rate.
fn paced(server: &Server, measured: Duration) -> Result<Histogram<u64>> {
    let begin = Instant::now() + Duration::from_millis(50);
    let each = Duration::from_secs(1) / RATE;
    let count = u32::try_from(measured.as_nanos() / each.as_nanos()).context("a long measurement")?;
    callers(CONNECTIONS, |first, latency| {
        let mut client = Client::connect(server.endpoint.address)?;
        let mut template = Template::echo(&server.endpoint, Era::Modern, None, "echo_echo");
        for number in (first..count).step_by(CONNECTIONS as usize) {
            let due = begin + each * number;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let answer = client.send(template.numbered(NUMBER_FIRST + u64::from(number)))?;
            ensure!(answer.status == 200, "the neighbour got status {}", answer.status);
            latency.record(u64::try_from(due.elapsed().as_nanos())?)?;
        }
        Ok(())
    })
}

fn quantiles(latency: &Histogram<u64>) -> Quantiles {
    Quantiles { p50: us(latency, 0.5), p99: us(latency, 0.99), max: us(latency, 1.0) }
}
