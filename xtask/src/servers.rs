//! Servers of other projects, which tests start: programs of the system's packages.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::project::Project;
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

/// The registry that plugins are pulled from, into `target/docker-registry` where it is missing.
pub(crate) fn provide_registry(project: &Project) -> Result<()> {
    step("a registry", || unpack(project, "docker-registry", "usr/bin/docker-registry", "--version"))
}

/// Debian's `package`, which need not be installed, in the folder of its name in `target/`. `asks` is what its program takes
/// without doing anything.
pub(crate) fn unpack(project: &Project, package: &str, program: &str, asks: &str) -> Result<()> {
    let folder = project.target.join(package);
    let (unpacked, installed) = (folder.join(program), Path::new("/").join(program));
    let works = |program: &Path| {
        let mut command = Command::new(program);
        command.arg(asks).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    // Not everybody's PATH has the second.
    if [package.as_ref(), installed.as_path(), unpacked.as_path()].into_iter().any(works) {
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    // The list of packages may be older than the packages are. Without it, what is known already may do.
    let _ = run(Command::new("apt-get").args(["update", "--quiet=2"]));
    let fetched = run(Command::new("apt-get").args(["download", "--quiet", package]).current_dir(&folder));
    let extract = format!("for package in {package}_*.deb; do dpkg-deb --extract \"$package\" .; done");
    let fetched = fetched.and_then(|()| run(Command::new("sh").args(["-c", &extract]).current_dir(&folder)));
    if fetched.is_err() || !works(&unpacked) {
        bail!("{package} is missing: install it (Debian: {package})");
    }
    Ok(())
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    // Tests start their own: the package's service is not to run (invoke-rc.d(8), "RUNLEVEL").
    apt.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    apt
}
