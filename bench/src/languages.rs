//! The same tool in each language: what a call costs with an instance made for it, and with instances that were made ahead.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::{Host, Settings};
use crate::http1::Client;
use crate::in_process;
use crate::load::{callers, us};
use crate::procfs::Memory;
use crate::server::Server;
use crate::stats::Spread;
use crate::wire::{Era, NUMBER_FIRST, Template};

/// Calls at once.
const CONNECTIONS: u32 = 4;

/// What the plugins' files begin with.
const PREFIX: &str = "weather-";

/// What has to be in each answer.
const ANSWER: &[u8] = br#""structuredContent":{"value":68,"unit":"fahrenheit"}"#;

/// The same as the plugins give it.
const DATA: &str = r#"{"value":68,"unit":"fahrenheit"}"#;

/// What one language takes.
#[derive(Serialize)]
pub(crate) struct Language {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    /// From starting the host to its listening, in ms: with the component to be compiled, and with its code cached.
    pub(crate) start_cold_ms: f64,
    pub(crate) start_cached_ms: f64,
    /// What a call takes with no server around it: the median of each round, in µs.
    pub(crate) in_process_us: Vec<f64>,
    pub(crate) fresh: Way,
    pub(crate) warm: Way,
}

/// One way of getting instances.
#[derive(Serialize)]
pub(crate) struct Way {
    pub(crate) rounds: Vec<Round>,
    pub(crate) memory: Memory,
}

#[derive(Serialize)]
pub(crate) struct Round {
    pub(crate) per_second: f64,
    pub(crate) cpu_us: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

impl Language {
    pub(crate) fn in_process(&self) -> Option<Spread> {
        Spread::of(self.in_process_us.iter().copied())
    }
}

impl Way {
    pub(crate) fn spread(&self, what: impl Fn(&Round) -> f64) -> Option<Spread> {
        Spread::of(self.rounds.iter().map(what))
    }
}

/// Measures every plugin in `host`'s first folder whose name begins so, and goes on as the settings want.
pub(crate) fn measure(
    host: &Host,
    cores: &[usize],
    settings: &Settings,
    measured: Duration,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Language>> {
    let (wanted, rounds) = (&settings.language, settings.rounds);
    let mut languages = Vec::new();
    // That in Rust is among the plugins that are served; the others are where `cargo xtask` builds them.
    let plugins = &host.folders[0];
    let mut found = components(plugins)?;
    let others = plugins.with_file_name("languages").join("plugins");
    if others.is_dir() {
        found.extend(components(&others)?);
    }
    for component in found {
        let name = component.file_stem().and_then(|name| name.to_str()).context("a name in UTF-8")?.to_owned();
        if !wanted.is_empty() && !wanted.iter().any(|wanted| name.strip_prefix(PREFIX) == Some(wanted)) {
            continue;
        }
        progress(&format!("languages: {name}"));
        languages.push(language(host, cores, &component, name, (rounds, measured))?);
    }
    ensure!(!languages.is_empty(), "no {PREFIX}*.wasm is there: `cargo xtask bench` builds what is needed");
    Ok(languages)
}

fn components(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(".wasm") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn language(
    host: &Host,
    cores: &[usize],
    component: &Path,
    name: String,
    (rounds, measured): (usize, Duration),
) -> Result<Language> {
    let folders = tempfile::tempdir()?;
    let plugins = folders.path().join("plugins");
    fs::create_dir(&plugins)?;
    let bytes = fs::copy(component, plugins.join(component.file_name().context("a file's name")?))?;
    let cache = folders.path().join("cache");
    let start = |warm: &str| {
        let config = folders.path().join("toolyard.toml");
        fs::write(&config, format!("[plugin.{name}]\n{warm}"))?;
        Server::host_with(&host.program, &plugins, &cache, cores, Some(&config))
    };
    let cold = start("warm = 0\n")?;
    let start_cold_ms = cold.start.as_secs_f64() * 1e3;
    cold.stop()?;
    let server = start("warm = 0\n")?;
    let start_cached_ms = server.start.as_secs_f64() * 1e3;
    let fresh = way(server, &name, rounds, measured)?;
    let call = ("convert", &arguments(), DATA);
    let in_process_us = in_process::medians(&host.program, (component, &cache), call, rounds)?;
    let warm = way(start("warm = 8\n")?, &name, rounds, measured)?;
    Ok(Language { name, bytes, start_cold_ms, start_cached_ms, in_process_us, fresh, warm })
}

fn way(server: Server, plugin: &str, rounds: usize, measured: Duration) -> Result<Way> {
    load(&server, plugin, measured / 2)?;
    let rounds = (0..rounds).map(|_| round(&server, plugin, measured)).collect::<Result<_>>()?;
    let memory = server.memory()?;
    server.stop()?;
    Ok(Way { rounds, memory })
}

fn round(server: &Server, plugin: &str, measured: Duration) -> Result<Round> {
    let (begin, cpu) = (Instant::now(), server.cpu_time()?);
    let latency = load(server, plugin, measured)?;
    let (elapsed, cpu) = (begin.elapsed(), server.cpu_time()? - cpu);
    // A count is far below 2^52, where this would lose anything.
    let calls = latency.len() as f64;
    Ok(Round {
        per_second: calls / elapsed.as_secs_f64(),
        cpu_us: cpu.as_secs_f64() * 1e6 / calls,
        p50_us: us(&latency, 0.5),
        p99_us: us(&latency, 0.99),
    })
}

fn arguments() -> Value {
    json!({ "value": 20, "from": "celsius", "to": "fahrenheit" })
}

/// Calls the tool without pause.
fn load(server: &Server, plugin: &str, measured: Duration) -> Result<Histogram<u64>> {
    let tool = format!("{plugin}_convert");
    let arguments = arguments();
    let end = Instant::now() + measured;
    callers(CONNECTIONS, |_, latency| {
        let mut client = Client::connect(server.endpoint.address)?;
        let mut template = Template::call(&server.endpoint, Era::Modern, None, &tool, &arguments);
        while Instant::now() < end {
            let sent = Instant::now();
            let answer = client.send(template.numbered(NUMBER_FIRST))?;
            let right = answer.body.windows(ANSWER.len()).any(|part| part == ANSWER);
            ensure!(right, "{tool} answered {}", String::from_utf8_lossy(&answer.body));
            latency.record(u64::try_from(sent.elapsed().as_nanos())?)?;
        }
        Ok(())
    })
}
