//! Servers of other projects, which tests start: programs of the system's packages.

use std::process::Command;

use anyhow::{Result, bail};

use crate::step::{exists, run, step};

/// The programs, and the packages of Debian that have them.
const SERVERS: [(&str, &str); 1] = [("redis-server", "redis-server")];

/// Installs those that are missing.
pub(crate) fn provide() -> Result<()> {
    install("servers that the tests start", &SERVERS)
}

/// Installs the packages of those programs that are missing, where that can be done without asking anybody.
pub(crate) fn install(heading: &str, programs: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<_> = programs.iter().filter(|(program, _)| !exists(program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    step(heading, || {
        let packages = missing.iter().map(|(_, package)| *package);
        // The list of packages may be older than the packages are. Without it, what is known already may do.
        let _ = run(apt().args(["update", "--quiet=2"]));
        let installed =
            run(apt().args(["install", "--yes", "--quiet=2", "--no-install-recommends"]).args(packages.clone()));
        if let Err(error) = installed {
            let packages: Vec<_> = packages.collect();
            bail!("missing: install {} ({error:#})", packages.join(" and "));
        }
        Ok(())
    })
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    // Tests start their own: the package's service is not to run (invoke-rc.d(8), "RUNLEVEL").
    apt.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    apt
}
