//! `toolyard call`

use std::{
    fs,
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde_json::Value;
use tokio::sync::mpsc;

use super::{Outcome, Source, ask, plugin_file, runtime, shown, start_log};
use crate::{
    catalog::{Owned, Plugin, Share, Tool, Yard, read_wishes},
    config::{self, Config},
    host,
    ids::TenantId,
    mcp, policy,
    sandbox::{Said, Voice, contract::Content},
    signals::Signals,
    supply::Supply,
};

/// So that what the calls took fits into memory.
const REPEAT_MAX: i64 = 1_000_000;

/// Runs the tool as a client's call would run, under the same limits, and prints what it gives back.
#[derive(Debug, Args)]
pub(super) struct Call {
    /// A component's file, or the name of one in the plugin folder
    #[arg(value_name = "PLUGIN.wasm|NAME")]
    plugin: String,
    /// The tool, by the plugin's own name for it or by its public one
    tool: String,
    /// The arguments, as a JSON object; `-` reads them from standard input
    #[arg(value_name = "JSON", default_value = "{}")]
    arguments: String,
    /// Whose plugin NAME is
    #[arg(long, value_name = "TENANT", default_value = "default")]
    tenant: TenantId,
    #[command(flatten)]
    source: Source,
    /// Print the whole result as JSON (a `CallToolResult`)
    #[arg(long)]
    json: bool,
    /// Call it so many times more, each in an instance made for it, and say on standard error how long that took
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=REPEAT_MAX))]
    repeat: u32,
}

impl Call {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        start_log("warn,plugin=info");
        let mut config = self.source.config()?;
        if self.repeat > 0 {
            config.host_limits.warm_instances_max = 0;
        }
        let text = match self.arguments.as_str() {
            "-" => {
                let mut text = String::new();
                io::stdin().read_to_string(&mut text).context("the arguments on standard input do not read")?;
                text
            }
            text => text.to_owned(),
        };
        let (arguments, value) = mcp::read_arguments(&text).map_err(|fault| anyhow!("{}", fault.message()))?;
        runtime()?.block_on(self.complete(&config, &arguments, &value))
    }

    async fn complete(&self, config: &Config, arguments: &str, value: &Value) -> anyhow::Result<Outcome> {
        let yard = host::yard_alone(config).await?;
        let plugin = load(&yard, (&self.tenant, &self.plugin), config).await?;
        let tool = find(&plugin, &self.tool)?;
        let (sender, said) = mpsc::channel(64);
        let printer = tokio::spawn(print_progress(said));
        let name = Some("toolyard call".into());
        let caller = Arc::new(mcp::Caller::new(name, None, ask::capabilities()));
        let new_call = |voice| {
            let permit = policy::operators_own(tool);
            let wanted = mcp::Wanted::Tool { permit, arguments: arguments.to_owned(), value: value.clone() };
            mcp::Call::new(wanted, Arc::clone(&caller), voice)
        };
        let mut call = new_call(Some(Voice { sender, progress: true, log: None }));
        let runner = mcp::Runner::new(&config.host_limits, Signals::new(), yard.sandbox().lanes());
        let fault = |fault: mcp::Fault| anyhow!("{}", fault.message());
        let completed = loop {
            match mcp::run(&runner, &call).await.map_err(fault)? {
                mcp::Reply::Tool(completed) => break completed,
                mcp::Reply::NeedInput(need) => {
                    let questions = call.questions(need).map_err(fault)?;
                    call.answered(ask::ask(&questions)?);
                }
                _ => bail!("the host took the tool for something else"),
            }
        };
        // The guest's voice is gone with the call, so the printer ends.
        drop(call);
        let _ = printer.await;
        let outcome = self.print(&completed);
        if self.repeat > 0 {
            eprintln!("{}", self.repeated(&runner, || new_call(None)).await?);
        }
        Ok(outcome)
    }

    /// Calls the tool again and again, and says what a call took, from the arguments to the whole result.
    async fn repeated(&self, runner: &mcp::Runner, call: impl Fn() -> mcp::Call) -> anyhow::Result<String> {
        let (mut took, mut failed) = (Vec::new(), 0);
        for _ in 0..self.repeat {
            let (call, start) = (call(), Instant::now());
            let reply = mcp::run(runner, &call).await.map_err(|fault| anyhow!("{}", fault.message()))?;
            took.push(start.elapsed());
            let mcp::Reply::Tool(completed) = reply else { bail!("a tool that asks something cannot be repeated") };
            failed += usize::from(completed.result.is_error);
        }
        took.sort_unstable();
        // The least time that so many tenths of the calls took at most.
        let of_ten = |tenths: usize| took[(took.len() * tenths).div_ceil(10).max(1) - 1].as_secs_f64() * 1e6;
        let (least, median, most) = (of_ten(0), of_ten(5), of_ten(9));
        let failed = if failed == 0 { String::new() } else { format!("; {failed} of them failed") };
        Ok(format!(
            "{} calls, each in an instance of its own: median {median:.1} µs, least {least:.1} µs, nine of ten at most {most:.1} µs{failed}",
            took.len()
        ))
    }

    fn print(&self, completed: &mcp::Completed) -> Outcome {
        if self.json {
            println!("{}", String::from_utf8_lossy(&mcp::to_tool_result(completed)));
        } else {
            for content in &completed.result.content {
                let text = as_text(content);
                // A program gets what the tool said; a terminal would obey it.
                println!("{}", if io::stdout().is_terminal() { shown(&text) } else { text });
            }
        }
        if completed.result.is_error { Outcome::ToolFailed } else { Outcome::Done }
    }
}

/// Loads the plugin that a user means.
pub(super) async fn load(
    yard: &Arc<Yard>,
    (id_of_tenant, plugin): (&TenantId, &str),
    config: &Config,
) -> anyhow::Result<Plugin> {
    let tenant = config.tenants.get(id_of_tenant).with_context(|| format!("there is no tenant `{id_of_tenant}`"))?;
    let (mut path, id) = plugin_file(plugin, tenant.plugins.as_deref().unwrap_or(Path::new("")))?;
    let settings = tenant.for_plugin(&id);
    // A name means what the configuration says; a path means that file.
    match settings.supply.source.as_ref().filter(|_| id.as_str() == plugin) {
        Some(config::Source::File(file)) => path.clone_from(file),
        Some(config::Source::Oci(reference)) => path = pull(reference, &settings.supply, config).await?,
        None => {}
    }
    let bytes = fs::read(&path).with_context(|| {
        let others = config.tenants.len() > 1 && *id_of_tenant == TenantId::default();
        let hint = if others { "; --tenant says whose plugin it is" } else { "" };
        format!("{} cannot be read{hint}", path.display())
    })?;
    let refused = |reason: String| anyhow!("{} {reason}", path.display());
    let wishes = read_wishes(&path).map_err(refused)?;
    let share = Arc::new(Share::new(id_of_tenant.clone(), &tenant.quotas));
    let owned = Owned::new(id_of_tenant.clone(), tenant, share);
    Plugin::load(yard, &owned, id, settings, bytes, wishes.as_deref()).await.map_err(refused)
}

async fn pull(
    reference: &config::Reference,
    settings: &config::PluginSupply,
    config: &Config,
) -> anyhow::Result<PathBuf> {
    let supply = Supply::open(config).map_err(anyhow::Error::msg)?;
    let pulled = supply.pull(reference, settings).await;
    Ok(pulled.map_err(|reason| anyhow!("oci://{reference} {reason}"))?.path)
}

fn find<'a>(plugin: &'a Plugin, name: &str) -> anyhow::Result<&'a Arc<Tool>> {
    let public = || plugin.tools().iter().find(|tool| tool.name().as_str() == name);
    plugin.own_tool(name).or_else(public).ok_or_else(|| {
        let names: Vec<&str> = plugin.tools().iter().map(|tool| tool.described().name.as_str()).collect();
        anyhow!("plugin `{}` has no tool `{name}`; it has {}", plugin.id(), names.join(", "))
    })
}

async fn print_progress(mut said: mpsc::Receiver<Said>) {
    while let Some(said) = said.recv().await {
        let Said::Progress { progress, total, message } = said else { continue };
        let total = total.map(|total| format!("/{total}")).unwrap_or_default();
        let message = shown(&message.unwrap_or_default()).replace('\n', " ");
        eprintln!("progress {progress}{total} {message}");
    }
}

fn as_text(content: &Content) -> String {
    match content {
        Content::Text(text) => text.text.clone(),
        Content::Image(media) => {
            format!("[an image: {}, {} bytes; --json shows it]", media.mime_type, media.data.len())
        }
        Content::Audio(media) => format!("[a sound: {}, {} bytes; --json shows it]", media.mime_type, media.data.len()),
        Content::ResourceLink(link) => format!("[{}]({})", link.name, link.uri),
        Content::Resource(resource) => format!("[a resource: {}; --json shows it]", resource.contents.uri),
    }
}
