//! Interleaved rounds: in each, every server is measured once at each number of connections, one after the other, each
//! round beginning with another server. So whatever else the machine does meets them all, and ratios are taken within a
//! round.

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Effort, Slice, Target, histogram, run};
use crate::cli::{Host, Settings};
use crate::machine::{Cores, stay_on};
use crate::peers::native;
use crate::procfs::Memory;
use crate::server::Server;
use crate::stats::Spread;
use crate::wire::{Era, Template, initialize};

/// The public name of the echo guest's tool.
const ECHO: &str = "echo_echo";

/// The servers, by the letters of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Subject {
    Floor,
    HostModern,
    HostLegacy,
    NativeModern,
    NativeLegacy,
    LeanModern,
    /// With two cores.
    FloorPair,
    /// With two cores.
    HostPair,
}

/// Everything that the rounds gave.
pub(crate) struct Load {
    pub(crate) rounds: usize,
    /// In the order of the table.
    pub(crate) rows: Vec<Row>,
    pub(crate) memory: Vec<(Subject, Memory)>,
}

/// One server at one number of connections, over all rounds.
pub(crate) struct Row {
    pub(crate) subject: Subject,
    pub(crate) connections: usize,
    /// One of each round, in their order.
    pub(crate) slices: Vec<Slice>,
    /// Of all rounds.
    pub(crate) latency: Histogram<u64>,
}

impl Subject {
    /// In the order of the table.
    pub(crate) const ALL: [Self; 8] = [
        Self::Floor,
        Self::HostModern,
        Self::HostLegacy,
        Self::NativeModern,
        Self::NativeLegacy,
        Self::LeanModern,
        Self::FloorPair,
        Self::HostPair,
    ];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Floor => "a  floor (bare axum)",
            Self::HostModern => "b1 host, modern",
            Self::HostLegacy => "b2 host, legacy",
            Self::NativeModern => "c1 rmcp as documented, modern",
            Self::NativeLegacy => "c2 rmcp as documented, legacy",
            Self::LeanModern => "d  rmcp by hand, modern",
            Self::FloorPair => "a' floor, two cores",
            Self::HostPair => "b' host, modern, two cores",
        }
    }

    fn needs_host(self) -> bool {
        matches!(self, Self::HostModern | Self::HostLegacy | Self::HostPair)
    }

    /// Whether it is given two cores, which is measured only where both have something to do.
    fn on_pair(self) -> bool {
        matches!(self, Self::FloorPair | Self::HostPair)
    }

    fn era(self) -> Era {
        if matches!(self, Self::HostLegacy | Self::NativeLegacy) { Era::Legacy } else { Era::Modern }
    }
}

impl Load {
    /// Starts all servers, measures them in rounds, and stops them.
    pub(crate) fn measure(settings: &Settings, cores: &Cores, progress: &mut dyn FnMut(&str)) -> Result<Self> {
        let mut running = Vec::new();
        for &subject in &settings.servers {
            if let Some(host) = &settings.host {
                running.push(Running::start(subject, Some(host), cores)?);
            } else if !subject.needs_host() {
                running.push(Running::start(subject, None, cores)?);
            }
        }
        let mut rows = rows(&running, &settings.connections)?;
        stay_on(&[cores.load])?;
        for round in 0..settings.rounds {
            progress(&format!("load: round {} of {}", round + 1, settings.rounds));
            for &connections in &settings.connections {
                let effort = Effort { connections, warm_up: settings.warm_up, measured: settings.measured };
                for step in 0..running.len() {
                    let it = &running[(step + round) % running.len()];
                    let Some(row) = rows.iter_mut().find(|row| row.is(it.subject, connections)) else { continue };
                    let targets = [Target::one(it.server.endpoint.address, &it.template)];
                    let accounts = [it.server.account()];
                    let slice = run(&targets, &accounts, effort).with_context(|| it.subject.label().to_owned())?;
                    row.latency.add(&slice.latency)?;
                    row.slices.push(slice);
                }
            }
        }
        stay_on(&cores.all)?;
        let mut memory = Vec::new();
        for it in running {
            memory.push((it.subject, it.server.memory()?));
            it.server.stop().with_context(|| it.subject.label().to_owned())?;
        }
        Ok(Self { rounds: settings.rounds, rows, memory })
    }

    pub(crate) fn row(&self, subject: Subject, connections: usize) -> Option<&Row> {
        self.rows.iter().find(|row| row.is(subject, connections))
    }

    pub(crate) fn memory(&self, subject: Subject) -> Option<Memory> {
        self.memory.iter().find(|(of, _)| *of == subject).map(|(_, memory)| *memory)
    }

    /// What `of` comes to in relation to `to`, round by round.
    pub(crate) fn ratio(
        &self,
        of: Subject,
        to: Subject,
        connections: usize,
        what: fn(&Slice) -> f64,
    ) -> Option<Spread> {
        let (of, to) = (self.row(of, connections)?, self.row(to, connections)?);
        Spread::of(of.slices.iter().zip(&to.slices).map(|(of, to)| what(of) / what(to)))
    }

    /// What `of` has more than `to`, round by round.
    pub(crate) fn difference(
        &self,
        of: Subject,
        to: Subject,
        connections: usize,
        what: fn(&Slice) -> f64,
    ) -> Option<Spread> {
        let (of, to) = (self.row(of, connections)?, self.row(to, connections)?);
        Spread::of(of.slices.iter().zip(&to.slices).map(|(of, to)| what(of) - what(to)))
    }

    pub(crate) fn json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        let memory: Vec<Value> =
            self.memory.iter().map(|(subject, memory)| json!({ "server": subject, "memory": memory })).collect();
        json!({ "rounds": self.rounds, "rows": rows, "memory": memory })
    }
}

impl Row {
    fn is(&self, subject: Subject, connections: usize) -> bool {
        self.subject == subject && self.connections == connections
    }

    /// Something measured in each round. There is at least one.
    pub(crate) fn spread(&self, what: fn(&Slice) -> f64) -> Spread {
        Spread::of(self.slices.iter().map(what)).unwrap_or(Spread { median: f64::NAN, min: f64::NAN, max: f64::NAN })
    }

    /// A quantile of the latency, in µs.
    pub(crate) fn latency_us(&self, quantile: f64) -> f64 {
        super::us(&self.latency, quantile)
    }

    fn json(&self) -> Value {
        let each = |what: fn(&Slice) -> f64| self.slices.iter().map(what).collect::<Vec<f64>>();
        json!({
            "server": self.subject,
            "connections": self.connections,
            "requests_per_second": each(Slice::per_second),
            "server_cpu_us_per_request": each(Slice::cpu_us),
            "server_cores_busy": each(Slice::busy),
            "answers": self.slices.iter().map(|slice| slice.answers).sum::<u64>(),
            "latency_us": { "p50": self.latency_us(0.5), "p99": self.latency_us(0.99), "p999": self.latency_us(0.999) },
        })
    }
}

/// A server under measurement and how to call it.
struct Running {
    subject: Subject,
    server: Server,
    template: Template,
    /// The folders of a host, kept as long as it runs.
    _folders: Option<TempDir>,
}

impl Running {
    fn start(subject: Subject, host: Option<&Host>, cores: &Cores) -> Result<Self> {
        let on: &[usize] = if subject.on_pair() { &cores.pair } else { &[cores.server] };
        let (server, folders, tool) = match (subject, host) {
            (Subject::HostModern | Subject::HostLegacy | Subject::HostPair, Some(host)) => {
                let folders = tempfile::tempdir()?;
                let (plugins, cache) = (folders.path().join("plugins"), folders.path().join("cache"));
                std::fs::create_dir(&plugins)?;
                std::fs::copy(&host.echo, plugins.join("echo.wasm"))
                    .with_context(|| format!("cannot copy {}", host.echo.display()))?;
                (Server::host(&host.program, &plugins, &cache, on)?, Some(folders), ECHO)
            }
            (Subject::NativeModern | Subject::NativeLegacy, _) => (Server::peer("serve-rmcp", on)?, None, native::TOOL),
            (Subject::LeanModern, _) => (Server::peer("serve-rmcp-lean", on)?, None, native::TOOL),
            _ => (Server::peer("serve-floor", on)?, None, ECHO),
        };
        let era = subject.era();
        let session = if era == Era::Legacy { initialize(&server.endpoint)? } else { None };
        let template = Template::echo(&server.endpoint, era, session.as_deref(), tool);
        Ok(Self { subject, server, template, _folders: folders })
    }
}

fn rows(running: &[Running], connections: &[usize]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for &connections in connections {
        for it in running {
            if !it.subject.on_pair() || connections > 1 {
                rows.push(Row { subject: it.subject, connections, slices: Vec::new(), latency: histogram()? });
            }
        }
    }
    Ok(rows)
}
