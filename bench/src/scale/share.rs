//! A share of a core for each process, where the machine lets it be set: so several hosts can be measured on a machine that has
//! not a core for each.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};

/// Of each period, in µs. Short, so that a host that has used its part is not away for long.
const PERIOD_US: u32 = 10_000;

/// A group of processes (cgroups(7)) with a bound on their CPU time, which is removed with its value.
pub(super) struct Share {
    folder: PathBuf,
}

impl Share {
    /// `percent` of a core for the process `pid`. Fails where groups cannot be made, as without root.
    pub(super) fn of(pid: u32, percent: u32) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("toolyard-bench-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let quota = PERIOD_US / 100 * percent;
        let first = Path::new("/sys/fs/cgroup/cpu");
        let (parent, bounds) = if first.join("cpu.cfs_quota_us").exists() {
            let bounds = [("cpu.cfs_period_us", PERIOD_US.to_string()), ("cpu.cfs_quota_us", quota.to_string())];
            (first, bounds.to_vec())
        } else {
            (Path::new("/sys/fs/cgroup"), vec![("cpu.max", format!("{quota} {PERIOD_US}"))])
        };
        let share = Self { folder: parent.join(name) };
        fs::create_dir(&share.folder).context("a group cannot be made")?;
        for (file, value) in bounds.into_iter().chain([("cgroup.procs", pid.to_string())]) {
            let path = share.folder.join(file);
            // Not `write`: what is not there must not be made.
            let opened = fs::OpenOptions::new().write(true).open(&path);
            let written = opened.and_then(|mut file| std::io::Write::write_all(&mut file, value.as_bytes()));
            written.with_context(|| format!("{} cannot be written", path.display()))?;
        }
        Ok(share)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // Whoever is in it may end a little later; an empty group that stays does no harm.
        let _ = fs::remove_dir(&self.folder);
    }
}
