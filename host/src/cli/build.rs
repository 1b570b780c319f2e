//! `toolyard build`

use std::{path::PathBuf, time::Instant};

use clap::Args;

use super::{Outcome, rehearsal, start_log};
use crate::build::{Pace, Project};

/// Finds the language, runs its tools, and writes the component. What those tools say goes to standard error. A plugin of an interpreter's is
/// called once for each of its first tools, with nothing granted: its memory is arranged by what that writes to.
#[derive(Debug, Args)]
pub(super) struct Build {
    /// The project's folder
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// The component's file [default: build/NAME.wasm in the project]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Build {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        // What a tool says while it is rehearsed is not about the build.
        start_log("error,plugin=off");
        let start = Instant::now();
        let project = Project::find(&self.dir)?;
        // From here, and not with the resolved path of the project: as the user would say it.
        let file = self.output.unwrap_or_else(|| match project.component().strip_prefix(project.dir()) {
            Ok(inside) if self.dir.as_os_str() == "." => inside.to_owned(),
            Ok(inside) => self.dir.join(inside),
            Err(_) => project.component(),
        });
        eprintln!("building {} ({}); the first time on a machine takes longer", project.name(), project.language());
        let component = project.build(Pace::First, &file, Some(&rehearsal::pages))?;
        let (kilobytes, seconds) = (component.len().div_ceil(1000), start.elapsed().as_secs_f64());
        println!("{} ({kilobytes} KB, {}, {seconds:.1} s)", file.display(), project.language());
        Ok(Outcome::Done)
    }
}
