//! `toolyard serve`

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Context;
use clap::Args;
use serde_json::json;

use super::{Log, Outcome, Source, files, runtime};
use crate::{
    catalog::Catalog,
    config::{Config, Reload},
    host::{Bound, Host},
    ids::TenantId,
    shutdown, telemetry,
};

/// Serves until SIGTERM or Ctrl-C, then lets calls in flight end.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Address and port; port 0 picks a free one [default: 127.0.0.1:8080, or what the configuration says]
    #[arg(long, value_name = "ADDRESS", value_parser = super::address)]
    listen: Option<SocketAddr>,
    /// Serve callers from other machines too, though the host asks nobody who they are
    #[arg(long)]
    allow_anonymous: bool,
    /// Do not start if a plugin was not granted what it cannot do without
    #[arg(long)]
    strict_grants: bool,
    /// Serve only what is in the lock file
    #[arg(long)]
    locked: bool,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    log: Log,
    /// Say where it listens and what it loaded as one line of JSON
    #[arg(long)]
    json: bool,
}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        self.log.start();
        let serve = Arc::new(self);
        runtime()?.block_on(async {
            let stop = shutdown::on_signal().context("cannot wait for signals")?;
            let (config, reload) = serve.open()?;
            telemetry::set_log(&config.log);
            files::raise(config.host_limits.connections_max);
            let host = Host::build(config).await?.reloading(reload).bind().await?;
            if serve.json {
                println!("{}", as_json(&host));
            } else {
                print!("{}", as_text(&host));
            }
            host.run(stop).await;
            Ok(Outcome::Done)
        })
    }

    /// The configuration, and how it is read again, if it is one that is read.
    fn open(self: &Arc<Self>) -> anyhow::Result<(Config, Option<Reload>)> {
        let Some(path) = &self.source.config else {
            let mut config = Config::new();
            self.adjust(&mut config);
            return Ok((config, None));
        };
        let serve = Arc::clone(self);
        let (config, reload) = Reload::open(path, Box::new(move |config| serve.adjust(config)))?;
        Ok((config, Some(reload)))
    }

    /// What is said on the command line, over what the configuration says.
    fn adjust(&self, config: &mut Config) {
        self.source.adjust(config);
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        config.allow_anonymous |= self.allow_anonymous;
        config.strict_grants |= self.strict_grants;
        config.supply.locked |= self.locked;
        self.log.adjust(&mut config.log);
    }
}

fn as_json(host: &Bound) -> serde_json::Value {
    let plugins = |catalog: &Catalog| {
        let plugins = catalog.plugins().map(|plugin| {
            let tools: Vec<&str> = plugin.tools().iter().map(|tool| tool.name().as_str()).collect();
            json!({ "name": plugin.id().as_str(), "digest": plugin.digest().to_string(), "tools": tools })
        });
        plugins.collect::<Vec<_>>()
    };
    let others = host.host().tenants().all().into_iter().filter(|tenant| tenant.id != TenantId::default());
    let others = others.map(|tenant| {
        let catalog = tenant.live.now();
        json!({ "name": tenant.id, "plugins": plugins(&catalog), "refused": catalog.refused() })
    });
    let live = host.host().live();
    let catalog = live.now();
    json!({
        "url": host.url(),
        "version": env!("CARGO_PKG_VERSION"),
        "plugins": plugins(&catalog),
        "refused": catalog.refused(),
        "tenants": others.collect::<Vec<_>>(),
        "engine": host.host().settings(),
        "admin": host.admin_addr().map(|address| format!("http://{address}")),
        "admin_key_file": host.admin_key_file(),
    })
}

fn as_text(host: &Bound) -> String {
    use std::fmt::Write;
    let mut text = format!("toolyard {} serves MCP on {}\n", env!("CARGO_PKG_VERSION"), host.url());
    // Writing to a string cannot fail.
    let _ = writeln!(text, "engine: {}", host.host().settings());
    let _ = writeln!(text, "callers: {}", callers(host.host().config()));
    if !host.host().config().policy.files.is_empty() {
        let _ = writeln!(text, "policies: {}", paths(&host.host().config().policy.files));
    }
    if let Some(file) = host.host().config().audit.as_ref().and_then(|audit| audit.file.as_ref()) {
        let _ = writeln!(text, "audit trail: {}", file.display());
    }
    if let Some(address) = host.admin_addr() {
        let _ = writeln!(text, "health and metrics: http://{address}/healthz, /readyz, /metrics");
        if let Some(file) = host.admin_key_file() {
            let _ = writeln!(text, "admin page: http://{address}/ (its key is in {})", file.display());
        }
    }
    for tenant in host.host().tenants().all() {
        let (settings, catalog) = (host.host().config().tenants.get(&tenant.id), tenant.live.now());
        let whose = if tenant.id == TenantId::default() { String::new() } else { format!(" of {}", tenant.id) };
        match settings.and_then(|settings| settings.plugins.as_deref()) {
            Some(dir) => {
                let _ = writeln!(text, "plugins{whose} in {}, watched for changes:", dir.display());
            }
            // One without a folder and without plugins is one that nobody made.
            None if catalog.plugins().next().is_none() && catalog.refused().is_empty() => continue,
            None => {
                let _ = writeln!(text, "plugins{whose}:");
            }
        }
        text.push_str(&of_tenant(&catalog));
    }
    text
}

/// Who may call.
fn callers(config: &Config) -> String {
    let auth = &config.auth;
    if !auth.asks() {
        return "whoever reaches the address; nobody is asked who they are".into();
    }
    let keys = auth.keys_file.iter().map(|file| format!("API keys of {}", file.display()));
    let issuers = auth.issuers.iter().map(|issuer| format!("tokens of {}", issuer.url));
    let anonymous = auth.anonymous.iter().map(|tenant| format!("and others, as tenant {tenant}"));
    keys.chain(issuers).chain(anonymous).collect::<Vec<_>>().join(", ")
}

fn paths(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Tools of a plugin that are named.
const NAMED_MAX: usize = 12;

fn of_tenant(catalog: &Catalog) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for plugin in catalog.plugins() {
        let tools: Vec<&str> = plugin.tools().iter().take(NAMED_MAX).map(|tool| tool.name().as_str()).collect();
        let more = plugin.tools().len() - tools.len();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {}: {}{more}", plugin.id(), tools.join(", "));
    }
    for refused in catalog.refused() {
        // Who may put files there may not thereby write lines here.
        let file = refused.file.display().to_string();
        let _ = writeln!(text, "  not served: {} {}", file.escape_debug(), refused.reason);
    }
    if catalog.plugins().next().is_none() {
        text.push_str("  none yet; drop a component in and it is served at once\n");
    }
    text
}
