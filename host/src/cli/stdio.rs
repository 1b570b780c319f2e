//! `toolyard stdio`

use anyhow::Context;
use clap::Args;

use super::{Log, Outcome, Source, runtime};
use crate::{host::Host, shutdown, telemetry};

/// Speaks MCP on standard input and output, one message a line, as desktop clients start servers. Logs go to standard
/// error.
#[derive(Debug, Args)]
pub(super) struct Stdio {
    /// Serve only what is in the lock file
    #[arg(long)]
    locked: bool,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    log: Log,
}

impl Stdio {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        self.log.start();
        let mut config = self.source.config()?;
        self.log.adjust(&mut config.log);
        telemetry::set_log(&config.log);
        config.supply.locked |= self.locked;
        let runtime = runtime()?;
        let served = runtime.block_on(async {
            let stop = shutdown::on_signal().context("cannot wait for signals")?;
            Host::build(config).await?.run_stdio(stop).await
        });
        // A read of standard input cannot be taken back; waiting for it would keep the process after a signal.
        runtime.shutdown_background();
        served.map(|()| Outcome::Done)
    }
}
