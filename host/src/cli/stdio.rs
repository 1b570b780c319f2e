//! `toolyard stdio`

use anyhow::Context;
use clap::Args;

use super::{Outcome, Source, runtime, start_log};
use crate::{host::Host, shutdown, telemetry::LogFormat};

/// Speaks MCP on standard input and output, one message a line, as desktop clients start servers. Logs go to standard
/// error.
#[derive(Debug, Args)]
pub(super) struct Stdio {
    /// Serve only what is in the lock file
    #[arg(long)]
    locked: bool,
    #[command(flatten)]
    source: Source,
    /// How log lines look, on standard error: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

impl Stdio {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        start_log(self.log_format, "info");
        let mut config = self.source.config()?;
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
