//! `toolyard new`

use std::path::PathBuf;

use clap::Args;

use super::Outcome;
use crate::build::{self, Template};

/// Writes a project with one tool, a test and a README, which builds, tests and runs as it is.
#[derive(Debug, Args)]
pub(super) struct New {
    /// The plugin's name, which becomes the folder's; a path makes it elsewhere
    #[arg(value_name = "NAME")]
    dir: PathBuf,
    /// The language: rust, python, ts, js, go or c
    #[arg(long, value_name = "LANGUAGE")]
    lang: Template,
}

impl New {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        build::create(&self.dir, self.lang)?;
        let (dir, name) = (self.dir.display(), self.dir.file_name().unwrap_or_default().display());
        println!("{dir} is there. Next:");
        println!("  cd {dir}");
        println!("  toolyard dev      builds and serves it, and does so again whenever you save");
        println!("  toolyard build    makes build/{name}.wasm, to be put into a host's folder of plugins");
        println!("README.md says how to call and test it.");
        Ok(Outcome::Done)
    }
}
