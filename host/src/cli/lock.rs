//! `toolyard lock`

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{anyhow, bail};
use clap::Args;

use super::{Outcome, Source, counted, runtime, shown, start_log};
use crate::{
    audit::Audit,
    catalog::{Loaders, Tenants, Whose},
    config::Config,
    host,
    ids::{PluginId, TenantId},
    signals::Signals,
    supply::{Lock, Locked, Supply, changed_under_the_same_version},
};

/// As long as the largest component takes on a slow line; nobody is served meanwhile.
const WAIT_MAX: Duration = Duration::from_secs(600);

/// Others who work on the configuration read it.
const MODE: u32 = 0o644;

/// Loads all plugins of the configuration, and writes down what they are: where each came from, its digest, its version, and a
/// digest of what each of its tools, prompts and templates says of itself.
///
/// A plugin that describes itself otherwise than in the lock file, under the same version, is only written with --accept.
#[derive(Debug, Args)]
pub(super) struct WriteLock {
    /// Take this plugin as it describes itself now; TENANT/NAME for another tenant's
    #[arg(long, value_name = "NAME")]
    accept: Vec<String>,
    /// Write nothing; fail if the lock file is not what it would be
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    source: Source,
}

impl WriteLock {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        start_log("warn,toolyard::catalog=off,toolyard::supply=off");
        let config = self.source.usual_config()?;
        let path = config.supply.lock_file.clone();
        let before = Lock::read(&path).map_err(anyhow::Error::msg)?;
        let plugins = runtime()?.block_on(load(config.clone()))?;
        self.refuse_what_nobody_looked_at(before.as_ref(), &plugins, &config)?;
        let now = Lock::new(plugins);
        let news = news(before.as_ref(), &now);
        if self.check {
            let changed = before.as_ref() != Some(&now);
            print!("{}", shown(&news));
            return match changed {
                true => Err(anyhow!("{} is not up to date: `toolyard lock` writes it", path.display())),
                false => {
                    println!("{}: up to date", path.display());
                    Ok(Outcome::Done)
                }
            };
        }
        now.write(&path, MODE).map_err(|error| anyhow!("{} cannot be written: {error}", path.display()))?;
        print!("{}", shown(&news));
        println!("{}: {}", path.display(), counted(now.plugins().len(), "plugin"));
        Ok(Outcome::Done)
    }

    fn refuse_what_nobody_looked_at(
        &self,
        before: Option<&Lock>,
        now: &[Locked],
        config: &Config,
    ) -> anyhow::Result<()> {
        let Some(before) = before else { return Ok(()) };
        let changes = changed_under_the_same_version(before, now);
        let changes = changes.into_iter().filter(|(tenant, name, _)| {
            let settings = config.tenants.get(tenant).map(|settings| settings.for_plugin(name));
            !self.accepts(tenant, name) && !settings.is_some_and(|settings| settings.supply.allow_changes)
        });
        let sentences = changes.map(|(tenant, name, changes)| {
            let name = if tenant == TenantId::default() { name.to_string() } else { format!("{tenant}/{name}") };
            format!("`{name}` describes itself otherwise than in the lock file, under the same version ({changes}): look at it, then say --accept {name}")
        });
        let sentences: Vec<String> = sentences.collect();
        if sentences.is_empty() { Ok(()) } else { bail!("{}", sentences.join("\n")) }
    }

    fn accepts(&self, tenant: &TenantId, name: &PluginId) -> bool {
        self.accept.iter().any(|accepted| match accepted.split_once('/') {
            Some((of, accepted)) => of == tenant.as_str() && accepted == name.as_str(),
            None => *tenant == TenantId::default() && accepted == name.as_str(),
        })
    }
}

/// Loads everything as a host would, whatever was locked or held back before.
async fn load(mut config: Config) -> anyhow::Result<Vec<Locked>> {
    config.supply = config.supply.for_development();
    config.strict_grants = false;
    // Looking takes no secrets of plugins, no state and no other machine than the registries.
    (config.store, config.state_dir) = (None, None);
    config.without_secrets();
    let yard = host::yard_alone(&config).await?;
    let supply = Supply::open(&config).map_err(anyhow::Error::msg)?;
    let tenants = Arc::new(Tenants::new(Signals::new()));
    let mut loaders = Loaders::new(Arc::new(config), yard, Arc::clone(&tenants), Arc::new(supply), Audit::off());
    loaders.first_look(WAIT_MAX).await;
    if let Err((dir, error)) = loaders.scan(&Whose::All).await.whole() {
        bail!("cannot read the plugin folder `{}`: {error}", dir.display());
    }
    let refused = tenants.all().into_iter().flat_map(|tenant| tenant.live.now().refused().to_vec());
    let refused: Vec<String> =
        refused.map(|refused| format!("{} {}", display(&refused.file), refused.reason)).collect();
    if !refused.is_empty() {
        bail!("not everything loads, so that nothing is locked: {}", refused.join("\n"));
    }
    Ok(loaders.entries())
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

/// What is other than before, a line each.
fn news(before: Option<&Lock>, now: &Lock) -> String {
    let mut lines = Vec::new();
    let name = |locked: &Locked| format!("{}/{}", locked.tenant, locked.name);
    for plugin in now.plugins() {
        match before.and_then(|before| before.get(&plugin.tenant, &plugin.name)) {
            None => lines.push(format!("new      {} {}", name(plugin), plugin.component)),
            Some(before) if before != plugin => {
                let changes = before.changes(plugin).map(|changes| format!(" ({changes})")).unwrap_or_default();
                lines.push(format!("changed  {} {}{changes}", name(plugin), plugin.component));
            }
            Some(_) => {}
        }
    }
    let gone = before.into_iter().flat_map(Lock::plugins).filter(|old| now.get(&old.tenant, &old.name).is_none());
    lines.extend(gone.map(|gone| format!("gone     {}", name(gone))));
    lines.into_iter().map(|line| line + "\n").collect()
}
