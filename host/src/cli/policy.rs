//! `toolyard policy`: what is wrong with policies, and what they decide.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use super::{Outcome, Source, runtime, shown, start_log};
use crate::{
    auth::{By, Principal},
    catalog::{Catalog, Loaders, Tenants},
    config::Config,
    host,
    ids::TenantId,
    mcp,
    policy::{Action, Explanation, Policy, What, explain, schema},
    signals::Signals,
    telemetry::LogFormat,
};

/// Names that an error lists at most.
const NAMED_MAX: usize = 20;

#[derive(Debug, Args)]
pub(super) struct Policies {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Hold all policies against the schema, and show every mistake with its file and line
    Check {
        /// A configuration file (TOML)
        #[arg(long, value_name = "FILE", default_value = "toolyard.toml")]
        config: PathBuf,
    },
    /// Say whether a caller may do something, and which policy decides; ends with 1 if they may not
    Explain(Box<Explain>),
    /// Print the schema that policies are held against, as editors want it
    Schema {
        /// A configuration file (TOML), whose tools may declare arguments
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
struct Explain {
    #[command(flatten)]
    caller: Caller,
    #[command(flatten)]
    thing: Thing,
    /// What they want to do with it [default: call a tool, get a prompt, read a resource]
    #[arg(long, value_enum)]
    action: Option<Wanted>,
    /// The arguments of the call, an object
    #[arg(long, value_name = "JSON", requires = "tool")]
    arguments: Option<String>,
    #[command(flatten)]
    source: Source,
}

/// Who asks.
#[derive(Debug, Args)]
struct Caller {
    /// Whose caller it is
    #[arg(long, default_value = "default")]
    tenant: TenantId,
    #[arg(long, default_value = "anonymous")]
    subject: String,
    /// What its token holds; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A group that it is in; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// The OAuth client that it uses
    #[arg(long)]
    client: Option<String>,
    /// The id of its API key
    #[arg(long, value_name = "ID")]
    key: Option<String>,
    /// Who issued its token
    #[arg(long, value_name = "URL", conflicts_with = "key")]
    issuer: Option<String>,
}

/// What it asks for: one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Thing {
    /// A tool, by its public name
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// A prompt, by its public name
    #[arg(long, value_name = "NAME")]
    prompt: Option<String>,
    /// A resource
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Wanted {
    List,
    Call,
    Get,
    Read,
}

impl Policies {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        start_log(LogFormat::Text, "error");
        match self.verb {
            Verb::Check { config } => check(&Config::read(&config)?),
            Verb::Explain(explain) => explain.run(),
            Verb::Schema { config } => {
                let config = config.map_or_else(|| Ok(Config::new()), |path| Config::read(&path))?;
                print!("{}", schema(&config.policy.arguments));
                Ok(Outcome::Done)
            }
        }
    }
}

fn check(config: &Config) -> anyhow::Result<Outcome> {
    if config.policy.files.is_empty() {
        println!("there are no policies: [policy] has no `files`");
        return Ok(Outcome::Done);
    }
    let policy = load(config)?;
    for odd in policy.warnings() {
        println!("{}", shown(&format!("{odd} (no mistake, but odd)")));
    }
    println!("{} policies, and no mistakes", policy.rules().len());
    Ok(Outcome::Done)
}

fn load(config: &Config) -> anyhow::Result<Policy> {
    Policy::load(&config.policy).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        anyhow!("{} in policies:\n{}", count(lines.len(), "mistake"), lines.join("\n"))
    })
}

fn count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

impl Explain {
    fn run(self) -> anyhow::Result<Outcome> {
        let mut config = self.source.config()?;
        let policy = load(&config)?;
        // What policies know of a tool is what its plugin says of it. No other tenant's plugins are loaded, and none takes
        // secrets, another machine or the state of a host that runs.
        config.tenants.retain(|id, _| *id == self.caller.tenant || *id == TenantId::default());
        config.store = None;
        config.state_dir = None;
        config.without_secrets();
        let principal = self.caller.principal();
        let arguments = self.arguments.as_deref().map(mcp::read_arguments).transpose();
        let arguments = arguments.map_err(|fault| anyhow!("{}", fault.message()))?.map(|(_, value)| value);
        let explanation = runtime()?.block_on(async {
            let tenants = catalogs(config).await?;
            let tenant = tenants.get(self.caller.tenant.as_str());
            let tenant = tenant.with_context(|| format!("there is no tenant `{}`", self.caller.tenant))?;
            self.explain(&policy, &principal, &tenant.live.now(), arguments.as_ref())
        })?;
        print!("{}", shown(&explanation.text));
        Ok(if explanation.allowed { Outcome::Done } else { Outcome::ToolFailed })
    }

    fn explain(
        &self,
        policy: &Policy,
        principal: &Principal,
        catalog: &Catalog,
        arguments: Option<&Value>,
    ) -> anyhow::Result<Explanation> {
        let Thing { tool, prompt, resource } = &self.thing;
        let what = match (tool, prompt, resource) {
            (Some(name), _, _) => catalog.tool(name).map(|tool| What::tool(tool)).ok_or_else(|| {
                let names = catalog.plugins().flat_map(|plugin| plugin.tools()).map(|tool| tool.name().as_str());
                no_such("tool", name, names, catalog)
            })?,
            (_, Some(name), _) => catalog.prompt(name).map(|prompt| What::prompt(prompt)).ok_or_else(|| {
                let names = catalog.plugins().flat_map(|plugin| plugin.prompts()).map(|prompt| prompt.name().as_str());
                no_such("prompt", name, names, catalog)
            })?,
            (_, _, Some(uri)) => {
                let plugin = catalog.answering_for(uri);
                What::resource(plugin.with_context(|| format!("no plugin answers for `{uri}`"))?.program(), uri)
            }
            (None, None, None) => bail!("give one of --tool, --prompt and --resource"),
        };
        let action = self.action.map_or(what.kind.action(), Action::from);
        if action != Action::List && action != what.kind.action() {
            bail!("what is done with it is to list it or to {} it", what.kind.action().name());
        }
        let mut explanation = explain(policy, principal, action, &what, arguments);
        let declared: Vec<&str> = what.arguments.iter().map(|(name, _)| name).collect();
        if action == Action::Call && arguments.is_none() && !declared.is_empty() {
            let line = format!("policies may see its arguments {}; give them with --arguments\n", declared.join(", "));
            explanation.text.push_str(&line);
        }
        Ok(explanation)
    }
}

/// What the tenants of a configuration have.
async fn catalogs(config: Config) -> anyhow::Result<Arc<Tenants>> {
    let yard = host::yard_alone(&config).await?;
    let tenants = Arc::new(Tenants::new(Signals::new()));
    let mut loaders = Loaders::new(Arc::new(config), yard, Arc::clone(&tenants));
    let scanned = loaders.scan().await;
    scanned.map_err(|(dir, error)| anyhow!("the plugin folder `{}` cannot be read: {error}", dir.display()))?;
    Ok(tenants)
}

fn no_such<'a>(what: &str, name: &str, names: impl Iterator<Item = &'a str>, catalog: &Catalog) -> anyhow::Error {
    let mut names: Vec<&str> = names.take(NAMED_MAX + 1).collect();
    let more = if names.len() > NAMED_MAX { ", …" } else { "" };
    names.truncate(NAMED_MAX);
    let mut text = format!("there is no {what} `{name}`; there are: {}{more}", names.join(", "));
    for refused in catalog.refused() {
        text.push_str(&format!("\n{} {}", refused.file.display(), refused.reason));
    }
    anyhow!(text)
}

impl Caller {
    fn principal(&self) -> Principal {
        let by = match (&self.key, &self.issuer) {
            (Some(key), _) => By::Key(key.clone()),
            (_, Some(issuer)) => By::Token { issuer: issuer.clone() },
            (None, None) => By::Anonymous,
        };
        Principal {
            tenant: self.tenant.clone(),
            subject: self.subject.clone(),
            scopes: self.scopes.clone(),
            groups: self.groups.clone(),
            client: self.client.clone(),
            by,
        }
    }
}

impl From<Wanted> for Action {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::List => Self::List,
            Wanted::Call => Self::Call,
            Wanted::Get => Self::Get,
            Wanted::Read => Self::Read,
        }
    }
}
