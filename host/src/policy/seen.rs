//! Tools, prompts and resources as policies see them.

use super::asked::{Hints, Kind, What};
use crate::{
    catalog::{Program, Prompt, Tool},
    config::PolicyArguments,
};

impl<'a> What<'a> {
    /// A tool.
    pub fn tool(tool: &'a Tool) -> Self {
        let (program, described) = (tool.program(), tool.described());
        let said = described.annotations.as_ref();
        let hint = |of: fn(&crate::sandbox::contract::ToolAnnotations) -> Option<bool>| said.and_then(of);
        let hints = Hints::new(
            hint(|said| said.read_only),
            hint(|said| said.destructive),
            hint(|said| said.idempotent),
            hint(|said| said.open_world),
        );
        Self {
            tenant: &program.tenant,
            plugin: program.id.as_str(),
            name: tool.name().as_str(),
            own: &described.name,
            kind: Kind::Tool(hints),
            arguments: tool.policy_arguments(),
        }
    }

    /// A prompt.
    pub fn prompt(prompt: &'a Prompt) -> Self {
        let (name, own) = (prompt.name().as_str(), prompt.described().name.as_str());
        Self { name, own, ..Self::of(prompt.program(), Kind::Prompt) }
    }

    /// A resource that a plugin answers for.
    pub fn resource(program: &'a Program, uri: &'a str) -> Self {
        Self { name: uri, own: uri, ..Self::of(program, Kind::Resource) }
    }

    /// A template of resources, by its URI template.
    pub fn template(program: &'a Program, uri_template: &'a str) -> Self {
        Self { name: uri_template, own: uri_template, ..Self::of(program, Kind::Template) }
    }

    fn of(program: &'a Program, kind: Kind) -> Self {
        let plugin = program.id.as_str();
        Self { tenant: &program.tenant, plugin, name: "", own: "", kind, arguments: PolicyArguments::none() }
    }
}
