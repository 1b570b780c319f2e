//! What `deploy/` is checked with.

use anyhow::Result;

use crate::clients;
use crate::project::Project;
use crate::servers;
use crate::step::step;

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
    step("nginx", || servers::unpack(project, "nginx", "usr/sbin/nginx", "-v"))
}
