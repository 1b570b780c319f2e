//! `toolyard policy`: what is wrong with policies, and what they decide.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use super::{Outcome, Source, USUAL_CONFIG, counted, runtime, shown, start_log};
use crate::{
    audit::Audit,
    auth::{By, Principal, keys},
    catalog::{Catalog, Loaders, Tenants, Whose},
    config::{Config, nearest},
    host,
    ids::TenantId,
    mcp,
    policy::{Action, Explanation, Policy, What, explain, schema},
    signals::Signals,
    supply::Supply,
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
        /// The configuration (TOML)
        #[arg(long, value_name = "FILE", default_value = USUAL_CONFIG)]
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
    /// Whose caller it is [default: default]
    #[arg(long)]
    tenant: Option<TenantId>,
    /// What it is called [default: anonymous]
    #[arg(long)]
    subject: Option<String>,
    /// What its token holds; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A group that it is in; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// The OAuth client that it uses
    #[arg(long)]
    client: Option<String>,
    /// The id of its API key: what is not said here is what the file of keys says of it
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
        start_log("error");
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
    let rules = policy.rules().len();
    println!("{rules} {}, and no mistakes", if rules == 1 { "policy" } else { "policies" });
    Ok(Outcome::Done)
}

fn load(config: &Config) -> anyhow::Result<Policy> {
    Policy::load(&config.policy).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        anyhow!("{} in policies:\n{}", counted(lines.len(), "mistake"), lines.join("\n"))
    })
}

impl Explain {
    fn run(self) -> anyhow::Result<Outcome> {
        let mut config = self.source.usual_config()?;
        let policy = load(&config)?;
        let principal = self.caller.principal(&config)?;
        let tenants: Vec<TenantId> = config.tenants.keys().cloned().collect();
        // What policies know of a tool is what its plugin says of it. No other tenant's plugins are loaded, and none takes
        // secrets, another machine or the state of a host that runs.
        config.tenants.retain(|id, _| *id == principal.tenant || *id == TenantId::default());
        config.store = None;
        config.state_dir = None;
        config.without_secrets();
        let arguments = self.arguments.as_deref().map(mcp::read_arguments).transpose();
        let arguments = arguments.map_err(|fault| anyhow!("{}", fault.message()))?.map(|(_, value)| value);
        let explanation = runtime()?.block_on(async {
            let loaded = catalogs(config).await?;
            let tenant = loaded.get(principal.tenant.as_str()).with_context(|| {
                let (wanted, known) = (principal.tenant.as_str(), tenants.iter().map(TenantId::as_str));
                format!("there is no tenant `{wanted}`; {}", advice(wanted, known))
            })?;
            self.explain(&policy, &principal, &tenant.live.now(), arguments.as_ref()).map_err(|error| {
                let others = tenants.iter().filter(|id| **id != principal.tenant).map(TenantId::as_str);
                let others: Vec<&str> = others.collect();
                match self.caller.tenant {
                    None if !others.is_empty() => anyhow!(
                        "{error:#}\nthis is tenant `{}`; --tenant says another: {}",
                        principal.tenant,
                        others.join(", ")
                    ),
                    _ => error,
                }
            })
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
        let (what, scopes) = match (tool, prompt, resource) {
            (Some(name), _, _) => {
                let tool = catalog.tool(name).ok_or_else(|| {
                    let names = catalog.plugins().flat_map(|plugin| plugin.tools()).map(|tool| tool.name().as_str());
                    no_such("tool", name, names, catalog)
                })?;
                (What::tool(tool), tool.scopes())
            }
            (_, Some(name), _) => {
                let prompt = catalog.prompt(name).ok_or_else(|| {
                    let prompts = catalog.plugins().flat_map(|plugin| plugin.prompts());
                    no_such("prompt", name, prompts.map(|prompt| prompt.name().as_str()), catalog)
                })?;
                (What::prompt(prompt), &*prompt.program().scopes)
            }
            (_, _, Some(uri)) => {
                let plugin = catalog.answering_for(uri);
                let plugin = plugin.with_context(|| format!("no plugin answers for `{uri}`"))?;
                (What::resource(plugin.program(), uri), &*plugin.program().scopes)
            }
            (None, None, None) => bail!("give one of --tool, --prompt and --resource"),
        };
        let action = self.action.map_or(what.kind.action(), Action::from);
        if action != Action::List && action != what.kind.action() {
            bail!("what is done with it is to list it or to {} it", what.kind.action().name());
        }
        let mut explanation = explain(policy, principal, action, &what, arguments);
        let lacking = scopes.iter().any(|scope| !principal.has_scope(scope));
        if action != Action::List && explanation.allowed && lacking {
            // Policies are not all that is asked: a request would be refused, whatever they say.
            explanation.allowed = false;
            let line = format!(
                "but it is refused: its token lacks scopes, and the configuration asks for {}\n",
                scopes.join(" ")
            );
            explanation.text.push_str(&line);
        }
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
    let supply = Arc::new(Supply::open(&config).map_err(anyhow::Error::msg)?);
    let mut loaders = Loaders::new(Arc::new(config), yard, Arc::clone(&tenants), supply, Audit::off());
    loaders.first_look(host::REGISTRIES_WAIT_MAX).await;
    let scanned = loaders.scan(&Whose::All).await.whole();
    scanned.map_err(|(dir, error)| anyhow!("the plugin folder `{}` cannot be read: {error}", dir.display()))?;
    Ok(tenants)
}

fn no_such<'a>(what: &str, name: &str, names: impl Iterator<Item = &'a str>, catalog: &Catalog) -> anyhow::Error {
    let mut text = format!("there is no {what} `{name}`; {}", advice(name, names));
    for refused in catalog.refused() {
        text.push_str(&format!("\n{} {}", refused.file.display(), refused.reason));
    }
    anyhow!(text)
}

/// What may have been meant: the nearest of those that there are, or all of them.
fn advice<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    if known.is_empty() {
        return "there are none".into();
    }
    if let Some(near) = nearest(wrong, &known) {
        return format!("did you mean `{near}`?");
    }
    let more = known.len().saturating_sub(NAMED_MAX);
    let named = known[..known.len() - more].join(", ");
    if more == 0 { format!("there are: {named}") } else { format!("there are: {named} and {more} more") }
}

impl Caller {
    fn principal(&self, config: &Config) -> anyhow::Result<Principal> {
        let file = config.auth.keys_file.as_deref().filter(|_| self.key.is_some());
        let entries = file.map(keys::read).transpose().map_err(anyhow::Error::msg)?.unwrap_or_default();
        let known = entries.into_iter().find(|entry| self.key.as_ref() == Some(&entry.id));
        if let (Some(key), Some(file), None) = (&self.key, file, &known) {
            bail!("there is no key `{key}` in {}; `toolyard keys list` shows them", file.display());
        }
        let by = match (&self.key, &self.issuer) {
            (Some(key), _) => By::Key(key.clone()),
            (_, Some(issuer)) => By::Token { issuer: issuer.clone() },
            (None, None) => By::Anonymous,
        };
        let said = |said: &[String], known: Vec<String>| if said.is_empty() { known } else { said.to_vec() };
        let (tenant, subject, scopes, groups) =
            known.map(|entry| (entry.tenant, entry.subject, entry.scopes, entry.groups)).unwrap_or_else(|| {
                let anonymous = Principal::anonymous();
                (TenantId::default(), anonymous.subject, Vec::new(), Vec::new())
            });
        Ok(Principal {
            tenant: self.tenant.clone().unwrap_or(tenant),
            subject: self.subject.clone().unwrap_or(subject),
            scopes: said(&self.scopes, scopes),
            groups: said(&self.groups, groups),
            client: self.client.clone(),
            by,
        })
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
