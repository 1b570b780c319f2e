//! `toolyard inspect`

use clap::Args;
use serde_json::{Value, json};

use super::{Outcome, Source, call::load, runtime, start_log};
use crate::{
    catalog::{Plugin, Schema, Tool},
    telemetry::LogFormat,
};

/// Loads a plugin as the host would, and says what it found.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// A component's file, or the name of one in the plugin folder
    #[arg(value_name = "PLUGIN.wasm|NAME")]
    plugin: String,
    #[command(flatten)]
    source: Source,
    /// As JSON, with the schemas
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        start_log(LogFormat::Text, "warn");
        let config = self.source.config()?;
        let plugin = runtime()?.block_on(load(&self.plugin, &config))?;
        if self.json {
            println!("{:#}", as_json(&plugin));
        } else {
            print!("{}", as_text(&plugin));
        }
        Ok(Outcome::Done)
    }
}

fn as_json(plugin: &Plugin) -> Value {
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
    json!({
        "name": plugin.id().as_str(),
        "digest": plugin.digest().to_string(),
        "size_bytes": plugin.component().size_bytes(),
        "imports": plugin.component().imports(),
        "tools": tools.collect::<Vec<_>>(),
    })
}

fn as_text(plugin: &Plugin) -> String {
    let component = plugin.component();
    let mut lines = vec![
        format!("{}  {} KB", plugin.id(), component.size_bytes().div_ceil(1000)),
        plugin.digest().to_string(),
        String::new(),
        "tools".into(),
    ];
    for tool in plugin.tools() {
        lines.push(format!("  {}({})", tool.name(), parameters(tool)));
        let first = tool.described().description.as_deref().and_then(|text| text.lines().next());
        lines.extend(first.map(|line| format!("      {line}")));
    }
    lines.extend([String::new(), "imports".into()]);
    lines.extend(component.imports().iter().map(|import| format!("  {import}")));
    if component.imports().is_empty() {
        lines.push("  nothing".into());
    }
    lines.join("\n") + "\n"
}

/// `from, to, time?`: the properties of the input schema, those not required with a question mark.
fn parameters(tool: &Tool) -> String {
    let schema: Value = serde_json::from_str(tool.input().raw().get()).unwrap_or_default();
    let required = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|other| other == name));
    let names = schema["properties"].as_object().into_iter().flat_map(|properties| properties.keys());
    let marked = names.map(|name| if required(name) { name.clone() } else { format!("{name}?") });
    marked.collect::<Vec<_>>().join(", ")
}
