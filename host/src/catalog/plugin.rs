//! A plugin: a component and its checked description.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Display,
    hash::Hash,
    str::FromStr,
    sync::Arc,
};

use super::{
    HeaderParam, Schema, Share, Slots,
    offer::{Offer, OfferedTool, Offers},
};
use crate::{
    config::{
        Grants, Limits, PluginSettings, PolicyArguments, Secrets, TaskMode, TenantSettings, ToolSettings, Wishes,
    },
    ids::{Digest, IllegalName, PluginId, PromptName, TenantId, ToolName},
    inflight::Tally,
    metrics::{self, OfPlugin},
    observe,
    sandbox::{self, Component, Granted, Network, Outside, Sandbox, Score, Spent, contract},
};

/// What plugins are made with: one for all of them.
pub struct Yard {
    sandbox: Sandbox,
    outside: Outside,
    offers: Offers,
}

/// Whose a plugin is.
#[derive(Clone)]
pub struct Owned {
    pub tenant: TenantId,
    /// Those that its grants may name.
    pub secrets: Secrets,
    /// What its calls are counted in.
    pub share: Arc<Share>,
}

impl Owned {
    /// What is of `tenant`, which has this share.
    pub fn new(tenant: TenantId, settings: &TenantSettings, share: Arc<Share>) -> Self {
        Self { tenant, secrets: settings.secrets.clone(), share }
    }

    /// Where a plugin's key-value data is: below its tenant and its name, whatever its digest.
    fn space(&self, id: &PluginId) -> String {
        format!("{}/{id}", self.tenant)
    }
}

impl Yard {
    /// Makes plugins in `sandbox`, which may be granted what is `outside`.
    pub fn new(sandbox: Sandbox, outside: Outside) -> Self {
        Self { sandbox, outside, offers: Offers::default() }
    }

    /// How what plugins send leaves this machine.
    pub fn network(&self) -> &Arc<Network> {
        &self.outside.network
    }

    /// Where plugins run.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }
}

/// A component under the operator's settings: what a call runs.
pub struct Program {
    pub tenant: TenantId,
    pub id: PluginId,
    pub component: Component,
    pub limits: Limits,
    /// What the operator says of single tools, by the plugin's own name for them.
    tools: BTreeMap<String, ToolSettings>,
    /// Its tenant's share of the host.
    pub share: Arc<Share>,
    /// Places for its calls.
    pub slots: Slots,
    /// How heavy its calls are that are none of tools.
    pub score: Arc<Score>,
    /// Such calls, as they are counted.
    pub tally: Arc<Tally>,
    /// What is counted of it.
    pub counts: Arc<OfPlugin>,
    /// The beginnings of the URIs that it answers for.
    pub prefixes: Arc<[String]>,
    /// What a caller must have been granted for anything of it.
    pub scopes: Arc<[String]>,
}

/// A plugin that is ready to serve.
pub struct Plugin {
    program: Arc<Program>,
    tools: Vec<Arc<Tool>>,
    prompts: Vec<Arc<Prompt>>,
    offer: Arc<Offer>,
    wishes: Wishes,
    grants: Grants,
}

/// One tool, its schemas compiled.
pub struct Tool {
    name: ToolName,
    offered: Arc<OfferedTool>,
    limits: Limits,
    task_limits: Limits,
    task: TaskMode,
    score: Arc<Score>,
    tally: Arc<Tally>,
    scopes: Arc<[String]>,
    program: Arc<Program>,
}

/// One prompt.
pub struct Prompt {
    name: PromptName,
    described: Arc<contract::Prompt>,
    program: Arc<Program>,
}

impl Plugin {
    /// Compiles `bytes` (or takes them from the code cache), asks the component what it offers, and checks all it says.
    /// The error is a sentence for whoever made the plugin.
    ///
    /// `wishes` is the text of the file beside the component, if there is one.
    pub async fn load(
        yard: &Arc<Yard>,
        owned: &Owned,
        id: PluginId,
        settings: PluginSettings,
        bytes: Vec<u8>,
        wishes: Option<&str>,
    ) -> Result<Self, String> {
        let wishes = wishes.map_or_else(|| sandbox::wishes(&bytes), |text| Ok(Some(text)));
        let wishes = wishes.and_then(|text| text.map(Wishes::parse).transpose());
        let wishes = wishes.map_err(|reason| format!("has wishes that do not read: {reason}"))?.unwrap_or_default();
        if !settings.own_resources && sandbox::defines_resources(&bytes) {
            return Err(format!(
                "defines resources of its own, whose number cannot be bounded; if you trust it with the host's memory, set \
                 own_resources = true in [plugin.{id}]"
            ));
        }
        let (shared, owned, name, grants) = (Arc::clone(yard), owned.clone(), id.clone(), settings.grants.clone());
        let (tenant, share) = (owned.tenant.clone(), Arc::clone(&owned.share));
        let counts = metrics::of_plugin(tenant.as_str(), id.as_str());
        let named = Arc::clone(&counts);
        // Compiling takes seconds of both processor and memory, and a secret may come from a command: not on a thread that
        // serves requests.
        let load = move || {
            let granted = Granted::new(&named, &owned.space(&name), &grants, &owned.secrets, &shared.outside)?;
            let granted = granted.of(&owned.tenant, owned.share.spent());
            shared.sandbox.load(granted, &bytes).map_err(|error| error.to_string())
        };
        let component =
            tokio::task::spawn_blocking(load).await.map_err(|_| "the compiler failed on it".to_owned())??;
        let PluginSettings { prefix, limits, tools, warm, scopes, grants, .. } = settings;
        let (component, offer) = described(yard, share.spent(), component, warm, &limits).await?;
        if !component.left_out().is_empty() {
            let functions = component.left_out().join("; ");
            tracing::info!(%tenant, plugin = %id, functions, "left out: functions that cannot be tools");
        }
        let prefix = prefix.unwrap_or_else(|| id.to_string());
        let slots = Slots::new(limits.plugin_calls_max, limits.plugin_queue_max);
        let (scopes, tally) = (scopes.into(), other_calls(&offer, &tenant, &id));
        let (prefixes, score) = (Arc::clone(&offer.prefixes), Arc::new(Score::of(share.spent(), &tally)));
        let program =
            Program { tenant, id, component, limits, tools, share, slots, score, tally, counts, prefixes, scopes };
        let program = Arc::new(program);

        let tools = named_once("tool", &offer.tools, |tool| Tool::new(tool, &prefix, &program), |tool| &tool.name)?;
        let prompts = named_once(
            "prompt",
            &offer.prompts,
            |prompt| Prompt::new(prompt, &prefix, &program),
            |prompt| &prompt.name,
        )?;
        Ok(Self { program, tools, prompts, offer, wishes, grants })
    }

    pub fn id(&self) -> &PluginId {
        &self.program.id
    }

    pub fn digest(&self) -> Digest {
        self.program.component.digest()
    }

    pub fn component(&self) -> &Component {
        &self.program.component
    }

    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// In the order in which the plugin describes them.
    pub fn tools(&self) -> &[Arc<Tool>] {
        &self.tools
    }

    /// In the order in which the plugin describes them.
    pub fn prompts(&self) -> &[Arc<Prompt>] {
        &self.prompts
    }

    /// In the order in which the plugin describes them.
    pub fn templates(&self) -> &[contract::ResourceTemplate] {
        &self.offer.templates
    }

    /// What it would like to be granted.
    pub fn wishes(&self) -> &Wishes {
        &self.wishes
    }

    /// What it was granted.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// Whether it answers for any URI.
    pub fn has_resources(&self) -> bool {
        !self.program.prefixes.is_empty()
    }

    /// The tool that the plugin itself calls `name`.
    pub fn own_tool(&self, name: &str) -> Option<&Arc<Tool>> {
        self.tools.iter().find(|tool| tool.offered.described.name == name)
    }
}

/// What the component offers, asked of it unless somebody has the same one; and instances kept ready, if that is worth it.
///
/// It runs where it may take long, and where nobody waits for it who should not.
async fn described(
    yard: &Arc<Yard>,
    whose: &Arc<Spent>,
    component: Component,
    warm: Option<u32>,
    limits: &Limits,
) -> Result<(Component, Arc<Offer>), String> {
    let (known, limits) = (yard.offers.get(component.digest()), limits.clone());
    let describe = async move {
        let description = match known {
            Some(offer) => Ok(Err(offer)),
            None => match observe::hearing(component.describe(&limits)).await {
                (Err(error), said) if !said.is_empty() => Err(format!("cannot be described: {error}. It said: {said}")),
                (description, _) => description.map(Ok).map_err(|error| format!("cannot be described: {error}")),
            },
        };
        if description.is_ok() {
            component.keep_warm(warm, &limits).await;
        }
        (component, description)
    };
    let (component, description) = yard.sandbox.lanes().run_slow(whose, Box::pin(describe)).await;
    let offer = match description? {
        Ok(description) => {
            let offer = Arc::new(Offer::check(description)?);
            yard.offers.put(component.digest(), &offer);
            offer
        }
        Err(known) => known,
    };
    Ok((component, offer))
}

/// The calls of a plugin that are none of tools, if it can have some.
fn other_calls(offer: &Offer, tenant: &TenantId, id: &PluginId) -> Arc<Tally> {
    let has_none = offer.prompts.is_empty() && offer.prefixes.is_empty();
    if has_none { Tally::of_nothing(tenant, id) } else { Tally::of(tenant, id, None) }
}

/// Gives public names to a list of things, of which each stands once.
fn named_once<O, T, N: Clone + Eq + Hash + Display>(
    what: &str,
    offered: &[Arc<O>],
    named: impl Fn(&Arc<O>) -> Result<T, String>,
    name: impl Fn(&T) -> &N,
) -> Result<Vec<Arc<T>>, String> {
    let mut names = HashSet::new();
    let mut all = Vec::with_capacity(offered.len());
    for item in offered {
        let item = named(item)?;
        if !names.insert(name(&item).clone()) {
            return Err(format!("describes two {what}s that would be called `{}`", name(&item)));
        }
        all.push(Arc::new(item));
    }
    Ok(all)
}

/// `prefix_own`, or `own` where the operator set no prefix.
fn public_name<N: FromStr<Err = IllegalName>>(what: &str, own: &str, prefix: &str) -> Result<N, String> {
    own.parse::<ToolName>().map_err(|error| format!("describes a {what} whose name {error}"))?;
    let name = if prefix.is_empty() { own.to_owned() } else { format!("{prefix}_{own}") };
    name.parse().map_err(|error| format!("{what} `{own}`: its public name {error}; set a shorter prefix"))
}

impl Tool {
    fn new(offered: &Arc<OfferedTool>, prefix: &str, program: &Arc<Program>) -> Result<Self, String> {
        let described = &offered.described;
        let name: ToolName = public_name("tool", &described.name, prefix)?;
        let settings = program.tools.get(&described.name);
        let limits = settings.map_or(&program.limits, |settings| &settings.limits).clone();
        let usual = if described.long_running { TaskMode::AtOnce } else { TaskMode::WhenSlow };
        let task = settings.and_then(|settings| settings.task).unwrap_or(usual);
        let own_scopes = settings.map_or(&[][..], |settings| &settings.scopes);
        let scopes = if own_scopes.is_empty() {
            Arc::clone(&program.scopes)
        } else {
            program.scopes.iter().chain(own_scopes).cloned().collect()
        };
        let tally = Tally::of(&program.tenant, &program.id, Some(name.as_str()));
        Ok(Self {
            name,
            offered: Arc::clone(offered),
            task_limits: limits.of_tasks(),
            limits,
            task,
            score: Arc::new(Score::of(program.share.spent(), &tally)),
            tally,
            scopes,
            program: Arc::clone(program),
        })
    }

    /// As clients call it.
    pub fn name(&self) -> &ToolName {
        &self.name
    }

    /// As the plugin described it. `described().name` is the plugin's own name for it.
    pub fn described(&self) -> &contract::Tool {
        &self.offered.described
    }

    pub fn input(&self) -> &Schema {
        &self.offered.input
    }

    pub fn output(&self) -> Option<&Schema> {
        self.offered.output.as_ref()
    }

    /// What one call of it may use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What one run of a task of it may use.
    pub fn task_limits(&self) -> &Limits {
        &self.task_limits
    }

    /// When its calls become tasks.
    pub fn task(&self) -> TaskMode {
        self.task
    }

    /// Whether it may be run twice for one call.
    pub fn is_idempotent(&self) -> bool {
        self.offered.described.annotations.as_ref().is_some_and(|hints| hints.idempotent == Some(true))
    }

    /// Its calls, as they are counted and as the operator sees them.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// The arguments that policies may see.
    pub fn policy_arguments(&self) -> &PolicyArguments {
        let settings = self.program.tools.get(&self.offered.described.name);
        settings.map_or(PolicyArguments::none(), |settings| &settings.policy_arguments)
    }

    /// How heavy its calls have been.
    pub fn score(&self) -> &Arc<Score> {
        &self.score
    }

    /// The arguments that clients repeat as HTTP headers.
    pub fn headers(&self) -> &[HeaderParam] {
        &self.offered.headers
    }

    /// What a caller must have been granted by whoever made its token.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }
}

impl Prompt {
    fn new(described: &Arc<contract::Prompt>, prefix: &str, program: &Arc<Program>) -> Result<Self, String> {
        let name = public_name("prompt", &described.name, prefix)?;
        Ok(Self { name, described: Arc::clone(described), program: Arc::clone(program) })
    }

    /// As clients ask for it.
    pub fn name(&self) -> &PromptName {
        &self.name
    }

    /// As the plugin described it.
    pub fn described(&self) -> &contract::Prompt {
        &self.described
    }

    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }
}
