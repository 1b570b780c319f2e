//! The browser that the tests lead through the admin page, and what drives it: the packages that `tests/browser` pins.

use anyhow::Result;

use crate::clients;
use crate::project::Project;
use crate::servers;
use crate::step::step;

/// The program, and the package of Debian that has it.
const CHROMIUM: (&str, &str) = ("chromium", "chromium");

/// Installs what is missing. The packages go into `target/browser`; the Node that runs them is the one of the clients.
pub(crate) fn provide(project: &Project) -> Result<()> {
    let chromium = servers::install("the browser that the tests drive", &[CHROMIUM]);
    chromium.and(step("what drives the browser", || {
        clients::install_packages(&project.root.join("tests/browser"), &project.target.join("browser"))
    }))
}
