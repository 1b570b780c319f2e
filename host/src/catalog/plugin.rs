//! A plugin: a component and its checked description.

use std::{collections::HashSet, sync::Arc};

use super::{HeaderParam, Schema, headers};
use crate::{
    config::PluginSettings,
    ids::{Digest, PluginId, ToolName},
    sandbox::{Component, Limits, Sandbox, contract},
};

/// Tools in one plugin.
const TOOLS_MAX: usize = 1000;

/// A component under the operator's settings: what a call runs.
pub struct Program {
    pub id: PluginId,
    pub component: Component,
    pub limits: Limits,
}

/// A plugin that is ready to serve.
pub struct Plugin {
    program: Arc<Program>,
    tools: Vec<Arc<Tool>>,
}

/// One tool, its schemas compiled.
pub struct Tool {
    name: ToolName,
    described: contract::Tool,
    input: Schema,
    output: Option<Schema>,
    headers: Vec<HeaderParam>,
    program: Arc<Program>,
}

impl Plugin {
    /// Compiles `bytes` (or takes them from the code cache), asks the component for its tools, and checks all it says.
    /// The error is a sentence for whoever made the plugin.
    pub async fn load(
        sandbox: Arc<Sandbox>,
        id: PluginId,
        settings: PluginSettings,
        bytes: Vec<u8>,
    ) -> Result<Self, String> {
        let name = id.to_string();
        // Compiling takes seconds of both processor and memory: not on a thread that serves requests.
        let component = tokio::task::spawn_blocking(move || sandbox.load(&name, &bytes))
            .await
            .map_err(|_| "the compiler failed on it".to_owned())?
            .map_err(|error| error.to_string())?;
        let described =
            component.describe(&settings.limits).await.map_err(|error| format!("cannot be described: {error}"))?;
        if described.len() > TOOLS_MAX {
            return Err(format!("describes {} tools; at most {TOOLS_MAX} are taken", described.len()));
        }
        let prefix = settings.prefix.unwrap_or_else(|| id.to_string());
        let program = Arc::new(Program { id, component, limits: settings.limits });
        let mut names = HashSet::new();
        let mut tools = Vec::with_capacity(described.len());
        for tool in described {
            let tool = Tool::check(tool, &prefix, &program)?;
            if !names.insert(tool.name.clone()) {
                return Err(format!("describes two tools `{}`", tool.described.name));
            }
            tools.push(Arc::new(tool));
        }
        Ok(Self { program, tools })
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

    /// In the order in which the plugin describes them.
    pub fn tools(&self) -> &[Arc<Tool>] {
        &self.tools
    }

    /// The tool that the plugin itself calls `name`.
    pub fn own_tool(&self, name: &str) -> Option<&Arc<Tool>> {
        self.tools.iter().find(|tool| tool.described.name == name)
    }
}

impl Tool {
    fn check(described: contract::Tool, prefix: &str, program: &Arc<Program>) -> Result<Self, String> {
        let own: ToolName = described.name.parse().map_err(|error| format!("describes a tool whose name {error}"))?;
        let name = if prefix.is_empty() { own.to_string() } else { format!("{prefix}_{own}") };
        let name = name.parse().map_err(|error| format!("tool `{own}`: its public name {error}; set a shorter prefix"))?;
        let input = Schema::compile(&described.input_schema)
            .and_then(Schema::must_take_objects)
            .map_err(|reason| format!("tool `{own}`: its input schema {reason}"))?;
        let output = described.output_schema.as_deref().map(Schema::compile).transpose();
        let output = output.map_err(|reason| format!("tool `{own}`: its output schema {reason}"))?;
        let headers = headers::read(input.value()).map_err(|reason| format!("tool `{own}`: {reason}"))?;
        for icon in &described.icons {
            if !(icon.src.starts_with("https:") || icon.src.starts_with("data:")) {
                return Err(format!("tool `{own}`: an icon's `src` must be an https: or data: URI"));
            }
        }
        if let Some(meta) = &described.meta {
            let object = crate::json::strict(meta).is_ok_and(|meta| meta.is_object());
            if !object {
                return Err(format!("tool `{own}`: its meta is not a JSON object"));
            }
        }
        Ok(Self { name, described, input, output, headers, program: Arc::clone(program) })
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

    /// The arguments that clients repeat as HTTP headers.
    pub fn headers(&self) -> &[HeaderParam] {
        &self.headers
    }

    pub fn program(&self) -> &Program {
        &self.program
    }
}
