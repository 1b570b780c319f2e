//! What the host is to reach, and whether it does.

use std::fmt::{Display, Formatter};

use serde::Serialize;

use super::Report;
use crate::languages::Language;
use crate::load::Slice;
use crate::load::rounds::{Load, Subject};
use crate::neighbours::Neighbours;
use crate::reload::{Code, Reload};
use crate::stats::Spread;

/// The numbers of connections that the aims speak of.
const CONNECTIONS: [usize; 2] = [16, 64];
/// From how busy on a server's core is full.
const BUSY: f64 = 0.9;

/// What a call with a fresh instance may take with no server around it, in µs.
const IN_PROCESS: [(&str, f64); 3] =
    [("weather-js", 150.0), ("weather-starlingmonkey", 400.0), ("weather-python", 900.0)];

/// One thing to reach, judged by its median.
#[derive(Serialize)]
pub(crate) struct Aim {
    what: String,
    bound: Bound,
    measured: Spread,
    met: bool,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
    Under(f64),
}

impl Bound {
    fn met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
            Self::Under(bound) => value < bound,
        }
    }
}

impl Display for Aim {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let Spread { median, min, max } = self.measured;
        let met = if self.met { "met" } else { "NOT MET" };
        let bound = match self.bound {
            Bound::AtLeast(bound) => format!("at least {bound}"),
            Bound::AtMost(bound) => format!("at most {bound}"),
            Bound::Under(bound) => format!("under {bound}"),
        };
        write!(out, "{met}: {} {bound}: {median:.2} ({min:.2}-{max:.2})", self.what)
    }
}

/// The aims that what was measured can be held against.
pub(super) fn of(report: &Report) -> Vec<Aim> {
    let mut aims = Vec::new();
    if let Some(load) = &report.load {
        of_load(load, &mut aims);
    }
    if let Some(reload) = &report.reload {
        of_reload(reload, &mut aims);
    }
    let ratio = report.neighbours.as_ref().and_then(Neighbours::ratio);
    aims.extend(ratio.map(|ratio| {
        aim("p99 of a neighbour beside eight hostile calls, to its p99 alone,".to_owned(), Bound::AtMost(3.0), ratio)
    }));
    for (plugin, bound) in IN_PROCESS {
        let language = report.languages.iter().flatten().find(|language| language.name == plugin);
        let took = language.and_then(Language::in_process);
        aims.extend(took.map(|took| aim(format!("µs of a call of {plugin} in process,"), Bound::AtMost(bound), took)));
    }
    if let Some(soak) = &report.soak {
        let growth = soak.growth().and_then(|growth| Spread::of([growth]));
        let what = format!("memory after {} calls, to that after a tenth of them,", soak.calls);
        aims.extend(growth.map(|growth| aim(what, Bound::AtMost(1.05), growth)));
        let leaked = Spread::of([soak.leaked().len() as f64]);
        aims.extend(leaked.map(|leaked| aim("kinds of things that leaked".to_owned(), Bound::AtMost(0.0), leaked)));
    }
    aims
}

fn of_load(load: &Load, aims: &mut Vec<Aim>) {
    let rates = [
        ("b1/a, host modern to floor", Subject::HostModern, Subject::Floor, 0.35),
        ("b2/a, host legacy to floor", Subject::HostLegacy, Subject::Floor, 0.35),
        ("b1/c1, host to rmcp as documented, modern", Subject::HostModern, Subject::NativeModern, 1.5),
    ];
    for (what, of, to, bound) in rates {
        for connections in CONNECTIONS {
            if let Some((measured, by)) = rate(load, of, to, connections) {
                aims.push(aim(format!("{what}, {by}, {connections} connections,"), Bound::AtLeast(bound), measured));
            }
        }
    }
    for connections in CONNECTIONS {
        if let Some(measured) = load.ratio(Subject::HostPair, Subject::HostModern, connections, Slice::cpu_us) {
            let what = format!("b'/b1, CPU per request, two cores to one, {connections} connections,");
            aims.push(aim(what, Bound::AtMost(1.2), measured));
        }
    }
}

/// How much more `of` answers on a core than `to`, and by what that is judged. Requests per second tell only while both
/// had their core full of work; else something besides took the load's core, and the CPU time of a request tells.
fn rate(load: &Load, of: Subject, to: Subject, connections: usize) -> Option<(Spread, &'static str)> {
    let full = |subject| load.row(subject, connections).is_some_and(|row| row.spread(Slice::busy).median >= BUSY);
    if full(of) && full(to) {
        Some((load.ratio(of, to, connections, Slice::per_second)?, "requests/s"))
    } else {
        Some((load.ratio(to, of, connections, Slice::cpu_us)?, "by CPU per request, as the cores were not full"))
    }
}

fn of_reload(reload: &Reload, aims: &mut Vec<Aim>) {
    let size = reload.bytes / 1000;
    for (code, words, bound) in [(Code::Cold, "cold", 300.0), (Code::Cached, "compiled code cached", 30.0)] {
        let what = format!("drop of {size} KB to first answer, {words}, ms");
        aims.extend(reload.spread(code).map(|measured| aim(what, Bound::Under(bound), measured)));
    }
}

fn aim(what: String, bound: Bound, measured: Spread) -> Aim {
    Aim { met: bound.met(measured.median), what, bound, measured }
}
