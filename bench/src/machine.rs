//! What the benchmark runs on, and which cores it gives to whom.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use rustix::system::uname;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::Serialize;

/// The machine, in words for the report.
#[derive(Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) kernel: String,
    /// How many other things want to run, as the kernel says it: figures taken on a busy machine are worth less.
    pub(crate) load_average: String,
    pub(crate) cores: Cores,
}

/// Who runs where, by the kernel's numbers of cores.
#[derive(Clone, Serialize)]
pub(crate) struct Cores {
    /// All that this process may use.
    pub(crate) all: Vec<usize>,
    /// The one on which each server runs.
    pub(crate) server: usize,
    /// The one from which the load comes.
    pub(crate) load: usize,
    /// The two on which a server runs when it is given two. With two cores in all, the load shares the second.
    pub(crate) pair: [usize; 2],
}

impl Machine {
    pub(crate) fn look() -> Result<Self> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").context("/proc/cpuinfo")?;
        let processor = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let name = uname();
        Ok(Self {
            processor: processor.map_or("unknown", |(_, name)| name).to_owned(),
            kernel: format!("{} {}", name.sysname().to_string_lossy(), name.release().to_string_lossy()),
            load_average: fs::read_to_string("/proc/loadavg").context("/proc/loadavg")?.trim().to_owned(),
            cores: Cores::choose()?,
        })
    }
}

impl Cores {
    fn choose() -> Result<Self> {
        let allowed = sched_getaffinity(None).context("cannot tell which cores may be used")?;
        let all: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
        ensure!(all.len() >= 2, "the server and the load need a core each: two are needed, {} is there", all.len());
        // A third core takes the load in all passes, so that the passes differ in nothing but the server's cores.
        let load = *all.get(2).unwrap_or(&all[1]);
        Ok(Self { server: all[0], load, pair: [all[0], all[1]], all })
    }
}

/// Keeps this thread, and what it starts from now on, on `cores`.
pub(crate) fn stay_on(cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    sched_setaffinity(None, &set).with_context(|| format!("cannot run on the cores {cores:?}"))
}
