//! What `deploy/` is checked with.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::clients;
use crate::project::Project;
use crate::step::{run, step};

/// Installs the checkers and nginx where they are missing, into `target/deploy` and `target/nginx`.
pub(crate) fn provide(project: &Project) -> Result<()> {
    let checkers = step("the checkers of deploy/", || {
        let requirements = project.root.join("tests/deploy/requirements.txt");
        clients::provide_environment(&requirements, &project.target.join("deploy"))
    });
    checkers.and(provide_nginx(project))
}

/// nginx from Debian's package, which need not be installed.
pub(crate) fn provide_nginx(project: &Project) -> Result<()> {
    step("nginx", || find_nginx(project))
}

fn find_nginx(project: &Project) -> Result<()> {
    let folder = project.target.join("nginx");
    let unpacked = folder.join("usr/sbin/nginx");
    // Not everybody's PATH has the second.
    if ["nginx".as_ref(), "/usr/sbin/nginx".as_ref(), unpacked.as_path()].into_iter().any(is_nginx) {
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    // The list of packages may be older than the packages are. Without it, what is known already may do.
    let _ = run(Command::new("apt-get").args(["update", "--quiet=2"]));
    let fetched = run(Command::new("apt-get").args(["download", "--quiet", "nginx"]).current_dir(&folder));
    let unpack = "for package in nginx_*.deb; do dpkg-deb --extract \"$package\" .; done";
    let fetched = fetched.and_then(|()| run(Command::new("sh").args(["-c", unpack]).current_dir(&folder)));
    if fetched.is_err() || !is_nginx(&unpacked) {
        bail!("nginx is missing: install it (Debian: nginx)");
    }
    Ok(())
}

fn is_nginx(program: &Path) -> bool {
    let mut command = Command::new(program);
    command.arg("-v").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
