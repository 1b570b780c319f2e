//! What was measured, as Markdown that lines up as plain text, and as JSON.

mod aims;
mod scale;
mod table;

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use self::table::Table;
use crate::density::{Density, Loaded};
use crate::languages::{Language, Round, Way};
use crate::load::Slice;
use crate::load::rounds::{Load, Subject};
use crate::machine::Machine;
use crate::neighbours::{Neighbours, Quantiles};
use crate::reload::Reload;
use crate::scale::hosts::Hosts;
use crate::scale::sizes::Sizes;
use crate::scale::tasks::Row as TasksRow;
use crate::soak::{STRETCHES, Soak};
use crate::stats::Spread;

/// Picks one figure of what a host takes.
type Measure = fn(&Loaded) -> u64;

/// Picks one latency of a neighbour.
type Pick = fn(&Quantiles) -> f64;

/// All that a run gave. A part that was not asked for is absent.
pub(crate) struct Report {
    pub(crate) machine: Machine,
    /// How long each single measurement under load took.
    pub(crate) measured: Duration,
    pub(crate) load: Option<Load>,
    pub(crate) reload: Option<Reload>,
    pub(crate) density: Option<Density>,
    pub(crate) neighbours: Option<Neighbours>,
    pub(crate) soak: Option<Soak>,
    pub(crate) languages: Option<Vec<Language>>,
    pub(crate) hosts: Option<Hosts>,
    pub(crate) tasks: Option<Vec<TasksRow>>,
    pub(crate) sizes: Vec<Sizes>,
}

impl Report {
    /// With what was measured so far.
    pub(crate) fn new(machine: Machine, measured: Duration, load: Option<Load>) -> Self {
        let (reload, density, neighbours, soak, languages, hosts, tasks, sizes) = Default::default();
        Self { machine, measured, load, reload, density, neighbours, soak, languages, hosts, tasks, sizes }
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = self.machine_text();
        if let Some(load) = &self.load {
            text.push_str(&self.load_text(load));
            text.push_str(&ratios_text(load));
            text.push_str(&sandbox_text(load));
        }
        if let Some(reload) = &self.reload {
            text.push_str(&reload_text(reload));
        }
        if let Some(density) = &self.density {
            text.push_str(&density_text(density));
        }
        if let Some(neighbours) = &self.neighbours {
            text.push_str(&neighbours_text(neighbours));
        }
        if let Some(soak) = &self.soak {
            text.push_str(&soak_text(soak));
        }
        if let Some(languages) = &self.languages {
            text.push_str(&languages_text(languages));
        }
        text.extend(self.hosts.as_ref().map(scale::hosts_text));
        text.extend(self.tasks.as_deref().map(scale::tasks_text));
        text.extend(self.sizes.iter().map(scale::sizes_text));
        let aims = aims::of(self);
        if !aims.is_empty() {
            text.push_str("\n## Aims\n\n");
            for aim in aims {
                let _ = writeln!(text, "- {aim}");
            }
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "machine": self.machine,
            "seconds": self.measured.as_secs_f64(),
            "load": self.load.as_ref().map(Load::json),
            "reload": self.reload,
            "density": self.density,
            "neighbours": self.neighbours,
            "soak": self.soak,
            "languages": self.languages,
            "hosts": self.hosts,
            "tasks": self.tasks,
            "sizes": self.sizes,
            "aims": aims::of(self),
        })
    }

    fn machine_text(&self) -> String {
        let machine = &self.machine;
        format!(
            "# Toolyard benchmark\n\n{} cores of {}, {}, load average at the start {}.\n",
            machine.cores.all.len(),
            machine.processor,
            machine.kernel,
            machine.load_average
        )
    }

    fn load_text(&self, load: &Load) -> String {
        let cores = &self.machine.cores;
        let mut table = Table::new([
            "server",
            "connections",
            "requests/s",
            "min-max",
            "p50 µs",
            "p99 µs",
            "CPU µs/request",
            "cores busy",
            "peak MiB",
        ]);
        for row in &load.rows {
            let rate = row.spread(Slice::per_second);
            table.row([
                row.subject.label().to_owned(),
                row.connections.to_string(),
                format!("{:.0}", rate.median),
                format!("{:.0}-{:.0}", rate.min, rate.max),
                format!("{:.0}", row.latency_us(0.5)),
                format!("{:.0}", row.latency_us(0.99)),
                format!("{:.1}", row.spread(Slice::cpu_us).median),
                format!("{:.2}", row.spread(Slice::busy).median),
                load.memory(row.subject).map_or_else(String::new, |memory| mib(memory.peak)),
            ]);
        }
        format!(
            "\n## `tools/call` of an echo tool\n\nMedians of {} interleaved rounds of {:.2} s each; latency over all rounds. \
             Each server alone on core {}, the load from core {}; with two cores, on cores {} and {}. Every answer was \
             checked.\n\n{table}",
            load.rounds,
            self.measured.as_secs_f64(),
            cores.server,
            cores.load,
            cores.pair[0],
            cores.pair[1]
        )
    }
}

fn ratios_text(load: &Load) -> String {
    let mut table = Table::new(["ratio, of each round", "connections", "median", "min-max"]);
    let rate: fn(&Slice) -> f64 = Slice::per_second;
    let ratios = [
        ("b1/a  requests/s, host modern to floor", Subject::HostModern, Subject::Floor, rate),
        ("b2/a  requests/s, host legacy to floor", Subject::HostLegacy, Subject::Floor, rate),
        ("b1/c1 requests/s, host to rmcp as documented, modern", Subject::HostModern, Subject::NativeModern, rate),
        ("b2/c2 requests/s, host to rmcp as documented, legacy", Subject::HostLegacy, Subject::NativeLegacy, rate),
        ("b1/d  requests/s, host to rmcp by hand, modern", Subject::HostModern, Subject::LeanModern, rate),
        ("a/b1  CPU per request, floor to host modern", Subject::Floor, Subject::HostModern, Slice::cpu_us),
        (
            "c1/b1 CPU per request, rmcp as documented to host",
            Subject::NativeModern,
            Subject::HostModern,
            Slice::cpu_us,
        ),
        ("d/b1  CPU per request, rmcp by hand to host", Subject::LeanModern, Subject::HostModern, Slice::cpu_us),
        ("b'/b1 CPU per request, host, two cores to one", Subject::HostPair, Subject::HostModern, Slice::cpu_us),
        ("a'/a  CPU per request, floor, two cores to one", Subject::FloorPair, Subject::Floor, Slice::cpu_us),
    ];
    for (label, of, to, what) in ratios {
        for connections in connections_of(load) {
            if let Some(ratio) = load.ratio(of, to, connections, what) {
                let (median, between) = cells(ratio, 2);
                table.row([label.to_owned(), connections.to_string(), median, between]);
            }
        }
    }
    format!(
        "\n## Ratios\n\nRatios of requests/s hold while \"cores busy\" is near 1; ratios of CPU per request say the same, and \
         hold on a machine that does other things too.\n\n{table}"
    )
}

/// Instantiate-and-call is not measured inside the host: it is what the host's CPU time is above the floor's, which has
/// everything in it that the host does and the floor does not.
fn sandbox_text(load: &Load) -> String {
    let mut table = Table::new(["CPU µs/request above the floor", "connections", "median", "min-max"]);
    for (label, of) in [("host, modern", Subject::HostModern), ("host, legacy", Subject::HostLegacy)] {
        for connections in connections_of(load) {
            if let Some(above) = load.difference(of, Subject::Floor, connections, Slice::cpu_us) {
                let (median, between) = cells(above, 1);
                table.row([label.to_owned(), connections.to_string(), median, between]);
            }
        }
    }
    if table.is_empty() {
        return String::new();
    }
    format!(
        "\n## Instantiate and call\n\nDerived: CPU time of the host less that of the floor. It holds a fresh instance, the \
         call, and all that the protocol asks for besides.\n\n{table}"
    )
}

fn reload_text(reload: &Reload) -> String {
    let mut table = Table::new(["written by", "compiled code", "times", "median ms", "min-max"]);
    for timing in &reload.timings {
        if let Some(spread) = Spread::of(timing.ms.iter().copied()) {
            let (median, between) = cells(spread, 1);
            let (write, code) = (format!("{:?}", timing.write), format!("{:?}", timing.code));
            table.row([write.to_lowercase(), code.to_lowercase(), timing.ms.len().to_string(), median, between]);
        }
    }
    format!(
        "\n## From dropping a component to its first answer\n\nThe `{}` plugin, {} bytes, into the folder of a running host \
         on all cores. Cold: a new host with an empty cache. Again: the same host, after the file was removed. Cached: a \
         new host with the first one's cache.\n\n{table}",
        reload.plugin, reload.bytes
    )
}

fn density_text(density: &Density) -> String {
    let mut table = Table::new([
        "resident MiB".to_owned(),
        "1 plugin".to_owned(),
        format!("{} plugins", density.copies),
        "each more KiB".to_owned(),
    ]);
    let rows: [(&str, Measure); 4] = [
        ("loaded", |loaded| loaded.before_calls.resident),
        ("of that anonymous", |loaded| loaded.before_calls.anonymous),
        ("each called once", |loaded| loaded.after_calls.resident),
        ("of that anonymous", |loaded| loaded.after_calls.anonymous),
    ];
    for (label, what) in rows {
        let each = format!("{}", density.each(what) / 1024);
        table.row([label.to_owned(), mib(what(&density.one)), mib(what(&density.all)), each]);
    }
    format!(
        "\n## Memory for each loaded plugin\n\nDistinct copies of the echo guest ({} bytes), their code compiled before. From \
         start to listening with {} plugins: {:.0} ms cold, {:.0} ms with compiled code cached.\n\n{table}",
        density.bytes, density.copies, density.start_cold_ms, density.start_cached_ms
    )
}

fn neighbours_text(neighbours: &Neighbours) -> String {
    let mut table = Table::new(["latency of the neighbour, µs", "alone", "min-max", "beside", "min-max"]);
    let quantiles: [(&str, Pick); 3] = [("p50", |all| all.p50), ("p99", |all| all.p99), ("longest", |all| all.max)];
    for (label, what) in quantiles {
        let alone = neighbours.spread(|round| what(&round.alone)).map(|spread| cells(spread, 0));
        let beside = neighbours.spread(|round| what(&round.beside)).map(|spread| cells(spread, 0));
        if let (Some((alone, alone_between)), Some((beside, beside_between))) = (alone, beside) {
            table.row([label.to_owned(), alone, alone_between, beside, beside_between]);
        }
    }
    let hostile: u64 = neighbours.rounds.iter().map(|round| round.hostile_calls).sum();
    format!(
        "\n## Beside a hostile plugin\n\nAn echo tool called {} times a second, alone and beside eight callers, without pause, of a plugin that \
         loops, allocates, recurses, traps and floods: {} rounds, {hostile} hostile calls. Each call is timed from the moment when it was due. The \
         host and all callers share all cores.\n\n{table}",
        neighbours.rate,
        neighbours.rounds.len()
    )
}

fn soak_text(soak: &Soak) -> String {
    let mut table = Table::new([
        "after calls",
        "resident MiB",
        "files",
        "threads",
        "tasks",
        "instances",
        "memories",
        "tables",
        "stacks",
    ]);
    for (at, held) in soak.held.iter().enumerate() {
        let calls = soak.calls / STRETCHES * (at as u64 + 1);
        let mut cells = [calls.to_string(), mib(held.memory.resident)]
            .into_iter()
            .chain(held.counts().map(|(_, count)| count.to_string()));
        table.row(std::array::from_fn(|_| cells.next().unwrap_or_default()));
    }
    let leaked = soak.leaked();
    let leaked = if leaked.is_empty() { "nothing else grew".to_owned() } else { leaked.join(", ") };
    format!(
        "\n## Soak\n\n{} calls of mixed tools over {:.0} s, one in 25 of them a trap or a panic, with {} reloads meanwhile. What the host held when nothing \
         was under way; {leaked}.\n\n{table}",
        soak.calls, soak.seconds, soak.reloads
    )
}

fn languages_text(languages: &[Language]) -> String {
    let mut sizes =
        Table::new(["plugin", "KB", "start, compiling, ms", "start, cached, ms", "in process, µs", "min-max"]);
    let mut calls =
        Table::new(["plugin", "instances", "calls/s", "min-max", "CPU µs/call", "p50 µs", "p99 µs", "resident MiB"]);
    for language in languages {
        let (in_process, between) = language.in_process().map(|spread| cells(spread, 0)).unwrap_or_default();
        sizes.row([
            language.name.clone(),
            language.bytes.div_ceil(1000).to_string(),
            format!("{:.0}", language.start_cold_ms),
            format!("{:.0}", language.start_cached_ms),
            in_process,
            between,
        ]);
        for (label, way) in [("fresh", &language.fresh), ("made ahead", &language.warm)] {
            calls.row(way_cells(&language.name, label, way));
        }
    }
    format!(
        "\n## The same tool in each language\n\nThe plugin `weather`, its tool `convert`, called over 4 connections without pause; host and callers share all \
         cores. A fresh instance for each call, made when it comes or ahead of it (8 kept ready). In process: a store, an instance, the call, and both gone again, with no server around it.\n\n{calls}\n{sizes}"
    )
}

fn way_cells(name: &str, label: &str, way: &Way) -> [String; 8] {
    let rate = way.spread(|round| round.per_second).map(|spread| cells(spread, 0)).unwrap_or_default();
    let median =
        |what: fn(&Round) -> f64| way.spread(what).map_or_else(String::new, |spread| format!("{:.0}", spread.median));
    [
        name.to_owned(),
        label.to_owned(),
        rate.0,
        rate.1,
        median(|round| round.cpu_us),
        median(|round| round.p50_us),
        median(|round| round.p99_us),
        mib(way.memory.resident),
    ]
}

fn connections_of(load: &Load) -> Vec<usize> {
    let mut all: Vec<usize> = load.rows.iter().map(|row| row.connections).collect();
    all.dedup();
    all
}

fn cells(spread: Spread, digits: usize) -> (String, String) {
    (format!("{:.digits$}", spread.median), format!("{:.digits$}-{:.digits$}", spread.min, spread.max))
}

fn mib(bytes: u64) -> String {
    let tenths = bytes * 10 / (1 << 20);
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests;
