//! A plugin: a component and its checked description.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Display,
    hash::Hash,
    str::FromStr,
    sync::Arc,
};

use super::{HeaderParam, Schema, Slots, headers};
use crate::{
    config::{Limits, PluginSettings, Secrets, TaskMode, ToolSettings, Wishes},
    ids::{Digest, IllegalName, PluginId, PromptName, TenantId, ToolName},
    sandbox::{self, Component, Granted, Outside, Sandbox, Score, contract},
};

/// Tools, prompts, templates or prefixes of one plugin.
const LISTED_MAX: usize = 1000;

/// What plugins are made with: one for all of them.
pub struct Yard {
    pub sandbox: Sandbox,
    pub outside: Outside,
    pub secrets: Secrets,
}

/// Where a plugin's key-value data is: below its tenant and its name, whatever its digest.
fn space(id: &PluginId) -> String {
    format!("{}/{id}", TenantId::default())
}

/// A component under the operator's settings: what a call runs.
pub struct Program {
    pub id: PluginId,
    pub component: Component,
    pub limits: Limits,
    /// What the operator says of single tools, by the plugin's own name for them.
    tools: BTreeMap<String, ToolSettings>,
    /// Places for its calls.
    pub slots: Slots,
    /// How heavy its calls are that are none of tools.
    pub score: Arc<Score>,
    /// The beginnings of the URIs that it answers for.
    pub prefixes: Arc<[String]>,
}

/// A plugin that is ready to serve.
pub struct Plugin {
    program: Arc<Program>,
    tools: Vec<Arc<Tool>>,
    prompts: Vec<Arc<Prompt>>,
    templates: Vec<contract::ResourceTemplate>,
    wishes: Wishes,
}

/// One tool, its schemas compiled.
pub struct Tool {
    name: ToolName,
    described: contract::Tool,
    input: Schema,
    output: Option<Schema>,
    limits: Limits,
    task_limits: Limits,
    task: TaskMode,
    score: Arc<Score>,
    headers: Vec<HeaderParam>,
    program: Arc<Program>,
}

/// One prompt.
pub struct Prompt {
    name: PromptName,
    described: contract::Prompt,
    program: Arc<Program>,
}

impl Plugin {
    /// Compiles `bytes` (or takes them from the code cache), asks the component what it offers, and checks all it says.
    /// The error is a sentence for whoever made the plugin.
    ///
    /// `wishes` is the text of the file beside the component, if there is one.
    pub async fn load(
        yard: &Arc<Yard>,
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
        let (shared, name, grants) = (Arc::clone(yard), id.clone(), settings.grants.clone());
        // Compiling takes seconds of both processor and memory, and a secret may come from a command: not on a thread that
        // serves requests.
        let load = move || {
            let granted = Granted::new(name.as_str(), &space(&name), &grants, &shared.secrets, &shared.outside)?;
            shared.sandbox.load(granted, &bytes).map_err(|error| error.to_string())
        };
        let component =
            tokio::task::spawn_blocking(load).await.map_err(|_| "the compiler failed on it".to_owned())??;
        let PluginSettings { prefix, limits, tools, warm, .. } = settings;
        // It runs there because it may take long, and nobody waits for it who should not.
        let (lanes, own_limits) = (Arc::clone(yard.sandbox.lanes()), limits.clone());
        let describe = async move {
            let description = component.describe(&own_limits).await;
            if description.is_ok() {
                component.keep_warm(warm, &own_limits).await;
            }
            (component, description)
        };
        let (component, description) = lanes.run(Box::pin(describe), true).await;
        let description = description.map_err(|error| format!("cannot be described: {error}"))?;
        if !component.left_out().is_empty() {
            let functions = component.left_out().join("; ");
            tracing::info!(plugin = %id, functions, "left out: functions that cannot be tools");
        }
        let prefix = prefix.unwrap_or_else(|| id.to_string());
        let (prefixes, templates) = match description.resources {
            Some(resources) => check_resources(resources)?,
            None => Default::default(),
        };
        let slots = Slots::new(limits.plugin_calls_max, limits.plugin_queue_max);
        let program =
            Arc::new(Program { id, component, limits, tools, slots, score: Arc::default(), prefixes: prefixes.into() });

        let tools =
            check_all("tool", description.tools, |tool| Tool::check(tool, &prefix, &program), |tool| &tool.name)?;
        let prompts = check_all(
            "prompt",
            description.prompts,
            |prompt| Prompt::check(prompt, &prefix, &program),
            |prompt| &prompt.name,
        )?;
        Ok(Self { program, tools, prompts, templates, wishes })
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
        &self.templates
    }

    /// What it would like to be granted.
    pub fn wishes(&self) -> &Wishes {
        &self.wishes
    }

    /// Whether it answers for any URI.
    pub fn has_resources(&self) -> bool {
        !self.program.prefixes.is_empty()
    }

    /// The tool that the plugin itself calls `name`.
    pub fn own_tool(&self, name: &str) -> Option<&Arc<Tool>> {
        self.tools.iter().find(|tool| tool.described.name == name)
    }
}

/// Checks a list of things with names, of which each stands once.
fn check_all<D, T, N: Clone + Eq + Hash + Display>(
    what: &str,
    described: Vec<D>,
    check: impl Fn(D) -> Result<T, String>,
    name: impl Fn(&T) -> &N,
) -> Result<Vec<Arc<T>>, String> {
    if described.len() > LISTED_MAX {
        return Err(format!("describes {} {what}s; at most {LISTED_MAX} are taken", described.len()));
    }
    let mut names = HashSet::new();
    let mut checked = Vec::with_capacity(described.len());
    for item in described {
        let item = check(item)?;
        if !names.insert(name(&item).clone()) {
            return Err(format!("describes two {what}s that would be called `{}`", name(&item)));
        }
        checked.push(Arc::new(item));
    }
    Ok(checked)
}

fn check_resources(
    described: contract::ResourceDescription,
) -> Result<(Vec<String>, Vec<contract::ResourceTemplate>), String> {
    let contract::ResourceDescription { prefixes, templates } = described;
    if prefixes.len() > LISTED_MAX || templates.len() > LISTED_MAX {
        return Err(format!("describes more than {LISTED_MAX} URI prefixes or resource templates"));
    }
    for prefix in &prefixes {
        if !has_scheme(prefix) {
            return Err(format!(
                "answers for `{prefix}`, which is not the beginning of an absolute URI such as `orders://`"
            ));
        }
    }
    for template in &templates {
        let literal = template.uri_template.split('{').next().unwrap_or_default();
        if !prefixes.iter().any(|prefix| literal.starts_with(prefix)) {
            return Err(format!("resource template `{}` begins with none of its prefixes", template.uri_template));
        }
        check_icons("resource template", &template.name, &template.icons)?;
        check_meta("resource template", &template.name, template.meta.as_deref())?;
    }
    Ok((prefixes, templates))
}

/// Whether a text begins with a scheme and a colon (RFC 3986, 3.1).
fn has_scheme(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

fn check_icons(what: &str, name: &str, icons: &[contract::Icon]) -> Result<(), String> {
    let fits = |icon: &contract::Icon| icon.src.starts_with("https:") || icon.src.starts_with("data:");
    if icons.iter().all(fits) {
        Ok(())
    } else {
        Err(format!("{what} `{name}`: an icon's `src` must be an https: or data: URI"))
    }
}

fn check_meta(what: &str, name: &str, meta: Option<&str>) -> Result<(), String> {
    let fits = meta.is_none_or(|meta| crate::json::strict(meta).is_ok_and(|meta| meta.is_object()));
    if fits { Ok(()) } else { Err(format!("{what} `{name}`: its meta is not a JSON object")) }
}

/// `prefix_own`, or `own` where the operator set no prefix.
fn public_name<N: FromStr<Err = IllegalName>>(what: &str, own: &str, prefix: &str) -> Result<N, String> {
    own.parse::<ToolName>().map_err(|error| format!("describes a {what} whose name {error}"))?;
    let name = if prefix.is_empty() { own.to_owned() } else { format!("{prefix}_{own}") };
    name.parse().map_err(|error| format!("{what} `{own}`: its public name {error}; set a shorter prefix"))
}

impl Tool {
    fn check(described: contract::Tool, prefix: &str, program: &Arc<Program>) -> Result<Self, String> {
        let own = &described.name;
        let name = public_name("tool", own, prefix)?;
        let input = Schema::compile(&described.input_schema)
            .and_then(Schema::must_take_objects)
            .map_err(|reason| format!("tool `{own}`: its input schema {reason}"))?;
        let output = described.output_schema.as_deref().map(Schema::compile).transpose();
        let output = output.map_err(|reason| format!("tool `{own}`: its output schema {reason}"))?;
        let headers = headers::read(input.value()).map_err(|reason| format!("tool `{own}`: {reason}"))?;
        check_icons("tool", own, &described.icons)?;
        check_meta("tool", own, described.meta.as_deref())?;
        let settings = program.tools.get(own);
        let limits = settings.map_or(&program.limits, |settings| &settings.limits).clone();
        let usual = if described.long_running { TaskMode::AtOnce } else { TaskMode::WhenSlow };
        let task = settings.and_then(|settings| settings.task).unwrap_or(usual);
        Ok(Self {
            name,
            described,
            input,
            output,
            task_limits: limits.of_tasks(),
            limits,
            task,
            score: Arc::default(),
            headers,
            program: Arc::clone(program),
        })
    }

    /// As clients call it.
    pub fn name(&self) -> &ToolName {
        &self.name
    }

    /// As the plugin described it. `described().name` is the plugin's own name for it.
    pub fn described(&self) -> &contract::Tool {
        &self.described
    }

    pub fn input(&self) -> &Schema {
        &self.input
    }

    pub fn output(&self) -> Option<&Schema> {
        self.output.as_ref()
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
        self.described.annotations.as_ref().is_some_and(|hints| hints.idempotent == Some(true))
    }

    /// How heavy its calls have been.
    pub fn score(&self) -> &Arc<Score> {
        &self.score
    }

    /// The arguments that clients repeat as HTTP headers.
    pub fn headers(&self) -> &[HeaderParam] {
        &self.headers
    }

    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }
}

impl Prompt {
    fn check(described: contract::Prompt, prefix: &str, program: &Arc<Program>) -> Result<Self, String> {
        let own = &described.name;
        let name = public_name("prompt", own, prefix)?;
        let mut arguments = HashSet::new();
        if let Some(twice) = described.arguments.iter().find(|argument| !arguments.insert(&argument.name)) {
            return Err(format!("prompt `{own}`: has two arguments `{}`", twice.name));
        }
        check_icons("prompt", own, &described.icons)?;
        check_meta("prompt", own, described.meta.as_deref())?;
        Ok(Self { name, described, program: Arc::clone(program) })
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
