//! Whether a call costs more where there is more of something: tasks in the store, plugins, tenants, sessions.
//!
//! For each size there is a host of its own, on the same core. They are called one after the other in each round, each round
//! beginning with another, and what is told is the host's CPU time for a call as a multiple of that at the smallest size.

pub(crate) mod plugins;
pub(crate) mod sessions;
pub(crate) mod tasks;
pub(crate) mod tenants;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::Hosted;
use crate::cli::Settings;
use crate::load::{self, Effort, Slice, Target};
use crate::machine::{Cores, stay_on};
use crate::procfs::Account;
use crate::stats::Spread;

/// Callers without pause.
const CALLERS: usize = 16;

/// What was found at one size.
#[derive(Serialize)]
pub(crate) struct Row {
    /// What was called.
    pub(crate) what: String,
    pub(crate) size: usize,
    /// The host's CPU time for each call, in µs, one for each round; and that of a store beside it.
    pub(crate) cpu_us: Vec<f64>,
    pub(crate) store_us: Vec<f64>,
    pub(crate) per_second: Vec<f64>,
    pub(crate) p99_us: Vec<f64>,
    /// What the host has in memory, in bytes.
    pub(crate) resident: u64,
}

/// One thing to find out.
#[derive(Serialize)]
pub(crate) struct Sizes {
    pub(crate) of: &'static str,
    pub(crate) rows: Vec<Row>,
    /// What else there is to say, as lines of text.
    pub(crate) notes: Vec<String>,
}

impl Row {
    fn new(what: impl Into<String>, size: usize) -> Self {
        let (cpu_us, store_us, per_second, p99_us) = Default::default();
        Self { what: what.into(), size, cpu_us, store_us, per_second, p99_us, resident: 0 }
    }
}

impl Sizes {
    /// What `row` costs as a multiple of the same at the smallest size, round by round.
    pub(crate) fn to_smallest(&self, row: &Row) -> Option<Spread> {
        let smallest = self.rows.iter().find(|other| other.what == row.what)?;
        Spread::of(row.cpu_us.iter().zip(&smallest.cpu_us).map(|(row, smallest)| row / smallest))
    }
}

/// What is called, of which host.
struct Case<'a> {
    row: Row,
    host: &'a Hosted,
    target: Target,
    store: Option<Account>,
}

/// Calls all cases in rounds.
fn rounds(
    of: &str,
    mut cases: Vec<Case<'_>>,
    settings: &Settings,
    cores: &Cores,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Row>> {
    let effort = Effort { connections: CALLERS, warm_up: settings.warm_up, measured: settings.measured };
    let count = cases.len();
    stay_on(&[cores.load])?;
    // What a host does once for each connection, plugin and page of memory is not what a call costs.
    for case in &cases {
        load::run(std::slice::from_ref(&case.target), &[case.host.server.account()], effort)?;
    }
    for round in 0..settings.rounds {
        progress(&format!("{of}: round {} of {}", round + 1, settings.rounds));
        for step in 0..count {
            let case = &mut cases[(step + round) % count];
            let accounts: Vec<Account> =
                std::iter::once(case.host.server.account()).chain(case.store.clone()).collect();
            let slice = load::run(std::slice::from_ref(&case.target), &accounts, effort);
            let slice = slice.with_context(|| format!("{}, {}", case.row.what, case.row.size))?;
            note(&mut case.row, &slice);
        }
    }
    stay_on(&cores.all)?;
    let rows = cases.into_iter().map(|case| Ok(Row { resident: case.host.server.memory()?.resident, ..case.row }));
    rows.collect()
}

fn note(row: &mut Row, slice: &Slice) {
    row.cpu_us.push(slice.cpu_us());
    row.per_second.push(slice.per_second());
    row.p99_us.push(load::us(&slice.latency, 0.99));
    if slice.cpu.len() > 1 {
        row.store_us.push(slice.cpu_us_of(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_held_against_the_smallest_of_the_same() {
        let row = |what: &str, size, cpu_us: [f64; 2]| Row { cpu_us: cpu_us.to_vec(), ..Row::new(what, size) };
        let rows = vec![row("a", 1, [10.0, 20.0]), row("b", 1, [1.0, 1.0]), row("a", 9, [11.0, 24.0])];
        let sizes = Sizes { of: "things", rows, notes: Vec::new() };
        let spread = sizes.to_smallest(&sizes.rows[2]).expect("two rounds");
        assert!((spread.min - 1.1).abs() < 1e-9 && (spread.max - 1.2).abs() < 1e-9, "{spread:?}");
    }
}
