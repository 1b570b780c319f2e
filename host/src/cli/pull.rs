//! `toolyard pull`

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, anyhow, bail};
use clap::Args;

use super::{Outcome, Source, runtime, start_log};
use crate::{
    config::{Config, PluginSupply, Reference},
    supply::{Intake, Supply},
};

/// As long as the largest component takes on a slow line; nobody is served meanwhile.
const WAIT_MAX: Duration = Duration::from_secs(600);

/// Pulls what the configuration names in registries into the cache, so that a host can start without them; or one artifact. All
/// is checked as the host would check it: digests, signatures, the lock file.
#[derive(Debug, Args)]
pub(super) struct Pull {
    /// An artifact to pull in place of those in the configuration
    #[arg(value_name = "oci://HOST/NAME:TAG")]
    reference: Option<String>,
    /// Write the artifact's component to this file, too
    #[arg(long, short, value_name = "FILE", requires = "reference")]
    output: Option<PathBuf>,
    /// The public keys of which one must have signed the artifact
    #[arg(long, value_name = "FILE", requires = "reference")]
    signed_by: Vec<PathBuf>,
    #[command(flatten)]
    source: Source,
}

impl Pull {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        start_log("warn,toolyard::supply=off");
        let config = self.source.usual_config()?;
        runtime()?.block_on(async {
            match &self.reference {
                Some(reference) => self.one(reference, &config).await,
                None => all(&config).await,
            }
        })
    }

    async fn one(&self, reference: &str, config: &Config) -> anyhow::Result<Outcome> {
        let text = reference.strip_prefix("oci://").unwrap_or(reference);
        let reference: Reference = text.parse().map_err(anyhow::Error::msg)?;
        let supply = Supply::open(config).map_err(anyhow::Error::msg)?;
        let settings = PluginSupply { signed_by: self.signed_by.clone(), ..PluginSupply::default() };
        let pulled = supply.pull(&reference, &settings).await;
        let pulled = pulled.map_err(|reason| anyhow!("oci://{reference}: {reason}"))?;
        if let Some(output) = &self.output {
            fs::copy(&pulled.path, output).with_context(|| format!("{} cannot be written", output.display()))?;
        }
        println!("manifest   {}", pulled.fetched.manifest);
        println!("component  {}", pulled.fetched.component);
        println!("file       {}", self.output.as_ref().unwrap_or(&pulled.path).display());
        Ok(Outcome::Done)
    }
}

async fn all(config: &Config) -> anyhow::Result<Outcome> {
    let supply = Arc::new(Supply::open(config).map_err(anyhow::Error::msg)?);
    let mut troubles = Vec::new();
    for (tenant, settings) in &config.tenants {
        let (supply, settings) = (Arc::clone(&supply), Arc::clone(settings));
        let intake = Intake::new(supply, tenant.clone(), settings, None, Arc::default());
        intake.sources().first_look(WAIT_MAX).await;
        for (id, fetched) in intake.fetched() {
            println!("{tenant}/{id}  {}  {}", fetched.manifest, fetched.component);
        }
        troubles.extend(intake.troubles().into_iter().map(|(name, reason)| format!("{} {reason}", name.display())));
    }
    if troubles.is_empty() { Ok(Outcome::Done) } else { bail!("{}", troubles.join("\n")) }
}
