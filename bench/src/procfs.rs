//! The kernel's account of a process, from `/proc` (proc_pid_status(5), proc_pid_schedstat(5)).

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    /// The most it ever had resident.
    pub(crate) peak: u64,
    /// What it has resident now.
    pub(crate) resident: u64,
    /// The part of that which belongs to it alone and is not backed by a file.
    pub(crate) anonymous: u64,
}

/// Processes whose CPU time is counted together, or one thread of theirs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    pids: Vec<u32>,
    /// Only threads of this name.
    thread: Option<&'static str>,
}

impl Account {
    pub(crate) fn of(pids: impl IntoIterator<Item = u32>) -> Self {
        Self { pids: pids.into_iter().collect(), thread: None }
    }

    /// The same of their threads that are called so.
    pub(crate) fn thread(self, name: &'static str) -> Self {
        Self { thread: Some(name), ..self }
    }

    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        self.pids.iter().map(|pid| cpu_time_of(*pid, self.thread)).sum()
    }
}

/// What a host holds on to.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Held {
    pub(crate) memory: Memory,
    pub(crate) files: usize,
    pub(crate) threads: usize,
    /// Of the runtime that serves.
    pub(crate) tasks: usize,
    /// Of the engine: instances, memories, tables, and stacks, which are those of fibers.
    pub(crate) instances: usize,
    pub(crate) memories: usize,
    pub(crate) tables: usize,
    pub(crate) stacks: usize,
    /// Instances that are kept ready, which are among the above.
    pub(crate) warm_instances: usize,
}

impl Held {
    /// All but memory.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, usize)> {
        [
            ("files", self.files),
            ("threads", self.threads),
            ("tasks", self.tasks),
            ("instances", self.instances),
            ("memories", self.memories),
            ("tables", self.tables),
            ("stacks", self.stacks),
        ]
        .into_iter()
    }
}

/// How many entries a folder of `/proc` has: `fd` for open files, `task` for threads.
pub(crate) fn entries(pid: u32, folder: &str) -> Result<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/{folder}")).context("the server is gone")?.count())
}

/// The CPU time of all threads that a process has now, user and system.
///
/// Summed over the threads' `schedstat`, which counts nanoseconds: `stat` counts 10 ms, too coarse for short measurements.
/// Threads that have ended are not in it; servers keep theirs.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    cpu_time_of(pid, None)
}

fn cpu_time_of(pid: u32, thread: Option<&str>) -> Result<Duration> {
    let mut total = Duration::ZERO;
    for task in fs::read_dir(format!("/proc/{pid}/task")).context("the server is gone")? {
        let folder = task?.path();
        let path = folder.join("schedstat");
        // A thread may end between the listing and the reading.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let is_wanted = |name: &str| fs::read_to_string(folder.join("comm")).is_ok_and(|comm| comm.trim() == name);
        if thread.is_none_or(is_wanted) {
            total += on_cpu(&text).with_context(|| format!("{}: {text:?}", path.display()))?;
        }
    }
    Ok(total)
}

/// The processes that `pid` has started, and that are there still.
pub(crate) fn children(pid: u32) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").context("/proc")? {
        let name = entry?.file_name();
        let Some(child) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let parent = fs::read_to_string(format!("/proc/{child}/stat")).ok().and_then(|stat| parent_of(&stat));
        found.extend((parent == Some(pid)).then_some(child));
    }
    Ok(found)
}

/// The name stands in brackets, and may hold anything (proc_pid_stat(5)).
fn parent_of(stat: &str) -> Option<u32> {
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// The memory of a process.
pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).context("the server is gone")?;
    memory_of(&text).with_context(|| format!("/proc/{pid}/status without its memory"))
}

fn on_cpu(schedstat: &str) -> Option<Duration> {
    Some(Duration::from_nanos(schedstat.split(' ').next()?.parse().ok()?))
}

fn memory_of(status: &str) -> Option<Memory> {
    let bytes = |key: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    };
    Some(Memory { peak: bytes("VmHWM")?, resident: bytes("VmRSS")?, anonymous: bytes("RssAnon")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        assert_eq!(on_cpu("1500 20 3\n"), Some(Duration::from_nanos(1500)));
        assert_eq!(parent_of("17 (a) S 9 (b) S 42 17 0"), Some(42));
        let status = "Name:\tx\nVmHWM:\t    5228 kB\nVmRSS:\t    4000 kB\nRssAnon:\t     100 kB\n";
        let expected = Memory { peak: 5228 * 1024, resident: 4000 * 1024, anonymous: 100 * 1024 };
        assert_eq!(memory_of(status), Some(expected));
    }

    #[test]
    fn a_child_is_found_and_counted() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("`sleep` can be run");
        let found = children(std::process::id()).expect("readable");
        assert!(found.contains(&child.id()), "{found:?}");
        let account = Account::of([child.id()]);
        // The thread has its name once it has become the program.
        while account.clone().thread("sleep").cpu_time().expect("readable").is_zero() {}
        assert!(account.clone().thread("another").cpu_time().expect("readable").is_zero());
        assert!(account.cpu_time().expect("readable") > Duration::ZERO);
        child.kill().and_then(|()| child.wait()).expect("it ends");
    }

    #[test]
    fn this_process_has_used_something() {
        let memory = memory(std::process::id()).expect("readable");
        assert!(memory.peak >= memory.resident && memory.resident > memory.anonymous);
        let before = cpu_time(std::process::id()).expect("readable");
        // The kernel brings the account up to date at each tick, so some of them have to pass.
        while cpu_time(std::process::id()).expect("readable") <= before {}
    }
}
