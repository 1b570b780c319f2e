//! `toolyard inspect`

use clap::Args;
use serde_json::{Value, json};

use super::{Outcome, Source, call::load, runtime, shown, start_log};
use crate::{
    catalog::{Plugin, Schema},
    config::Grants,
    host,
    ids::TenantId,
};

/// Loads a plugin as the host would, and says what it found.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// A component's file, or the name of one in the plugin folder
    #[arg(value_name = "PLUGIN.wasm|NAME")]
    plugin: String,
    /// Whose plugin NAME is
    #[arg(long, value_name = "TENANT", default_value = "default")]
    tenant: TenantId,
    #[command(flatten)]
    source: Source,
    /// As JSON, with the schemas
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        start_log("warn");
        let config = self.source.config()?;
        // Looking takes no secrets and no other machine, and so works where they are not.
        let mut bare = config.clone();
        bare.store = None;
        bare.without_secrets();
        let plugin = runtime()?.block_on(async {
            let yard = host::yard_alone(&bare).await?;
            load(&yard, (&self.tenant, &self.plugin), &bare).await
        })?;
        // It was loaded, so its tenant is there.
        let grants =
            config.tenants.get(&self.tenant).map(|tenant| tenant.for_plugin(plugin.id()).grants).unwrap_or_default();
        if self.json {
            println!("{:#}", as_json(&plugin, &grants));
        } else {
            print!("{}", shown(&as_text(&plugin, &grants)));
        }
        Ok(Outcome::Done)
    }
}

fn as_json(plugin: &Plugin, grants: &Grants) -> Value {
    let tools = plugin.tools().iter().map(|tool| {
        let described = tool.described();
        json!({
            "name": tool.name().as_str(),
            "own_name": described.name,
            "title": described.title,
            "description": described.description,
            "input_schema": tool.input().raw(),
            "output_schema": tool.output().map(Schema::raw),
        })
    });
    let wishes = plugin.wishes().iter().map(|wish| {
        json!({
            "wish": wish.to_string(),
            "why": wish.why(),
            "optional": wish.is_optional(),
            "granted": wish.is_met(grants),
        })
    });
    json!({
        "name": plugin.id().as_str(),
        "digest": plugin.digest().to_string(),
        "size_bytes": plugin.component().size_bytes(),
        "imports": plugin.component().imports(),
        "plain": plugin.component().is_plain(),
        "left_out": plugin.component().left_out(),
        "tools": tools.collect::<Vec<_>>(),
        "prompts": plugin.prompts().iter().map(|prompt| prompt.name().as_str()).collect::<Vec<_>>(),
        "uri_prefixes": *plugin.program().prefixes,
        "wishes": wishes.collect::<Vec<_>>(),
    })
}

fn as_text(plugin: &Plugin, grants: &Grants) -> String {
    let component = plugin.component();
    let mut lines = vec![
        format!("{}  {} KB", plugin.id(), component.size_bytes().div_ceil(1000)),
        plugin.digest().to_string(),
        String::new(),
        if component.is_plain() {
            "offers its plain functions (level 0: it knows nothing of Toolyard)"
        } else {
            "offers"
        }
        .into(),
    ];
    for tool in plugin.tools() {
        lines.push(format!("  {}", tool.name()));
        lines.extend(
            tool.described().description.iter().flat_map(|text| text.lines()).map(|line| format!("      {line}")),
        );
        lines.push(format!("      takes {}", tool.input().raw()));
        lines.extend(tool.output().map(|schema| format!("      gives {}", schema.raw())));
    }
    for prompt in plugin.prompts() {
        lines.push(format!("  {} (a prompt)", prompt.name()));
    }
    for prefix in plugin.program().prefixes.iter() {
        lines.push(format!("  {prefix}… (resources)"));
    }
    if !component.left_out().is_empty() {
        lines.extend([String::new(), "left out".into()]);
        lines.extend(component.left_out().iter().map(|function| format!("  {function}")));
    }
    if plugin.wishes().iter().next().is_some() {
        lines.extend([String::new(), "wishes for".into()]);
    }
    for wish in plugin.wishes().iter() {
        let state = match (wish.is_met(grants), wish.is_optional()) {
            (true, _) => "granted",
            (false, true) => "not granted, and not needed",
            (false, false) => "NOT GRANTED",
        };
        lines.push(format!("  {wish}: {state}"));
        lines.push(format!("      {}", wish.why()));
    }
    lines.extend([String::new(), "imports".into()]);
    lines.extend(component.imports().iter().map(|import| format!("  {import}")));
    if component.imports().is_empty() {
        lines.push("  nothing".into());
    }
    lines.join("\n") + "\n"
}
