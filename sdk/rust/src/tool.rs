//! A plugin as a table: what [`plugin`](crate::plugin) writes down, and how a call finds its way through it.

use schemars::{Schema, SchemaGenerator};

use crate::bindings::exports::toolyard::plugin::tools as wire;
use crate::bindings::toolyard::plugin::types::{CallContext, Error as WireError, Resumption};
use crate::schema::input_schema;
use crate::{Context, Error, Icon, ToolResult};

/// What [`plugin`](crate::plugin) makes of a module: its `PLUGIN`. Tests call the tools through it as the host would.
#[derive(Debug)]
pub struct Plugin {
    tools: &'static [Tool],
}

impl Plugin {
    #[doc(hidden)]
    pub const fn new(tools: &'static [Tool]) -> Self {
        Self { tools }
    }

    /// The tools as the host learns of them, in the order in which they stand in the source.
    pub fn describe(&self) -> Vec<wire::Tool> {
        self.tools.iter().map(Tool::describe).collect()
    }

    /// Runs the tool `name` with `arguments`, a JSON object.
    pub fn call(&self, name: &str, arguments: &str, context: &Context) -> Result<ToolResult, Error> {
        match self.tools.iter().find(|tool| tool.name == name) {
            Some(tool) => (tool.run)(arguments, context),
            None => Err(Error::internal(format_args!("the plugin has no tool `{name}`"))),
        }
    }
}

/// One tool. Everything that costs something to make is a function, called when it is asked for.
#[doc(hidden)]
#[derive(Debug)]
pub struct Tool {
    pub name: &'static str,
    pub title: Option<&'static str>,
    pub description: Option<&'static str>,
    pub hints: Hints,
    pub long_running: bool,
    pub icons: &'static [&'static str],
    pub input: Input,
    pub output_schema: fn() -> Option<String>,
    pub run: fn(&str, &Context) -> Result<ToolResult, Error>,
}

/// What is known of a tool's effects.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Hints {
    pub read_only: Option<bool>,
    pub destructive: Option<bool>,
    pub idempotent: Option<bool>,
    pub open_world: Option<bool>,
}

/// What a tool takes.
#[doc(hidden)]
#[derive(Debug)]
pub enum Input {
    /// One argument for each parameter.
    Parameters(&'static [Parameter]),
    /// One struct whose fields are the arguments.
    Type(fn(&mut SchemaGenerator) -> Schema),
}

/// One argument.
#[doc(hidden)]
#[derive(Debug)]
pub struct Parameter {
    pub name: &'static str,
    pub description: Option<&'static str>,
    pub required: bool,
    pub header: Option<&'static str>,
    pub default: Option<fn() -> String>,
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

impl Tool {
    fn describe(&self) -> wire::Tool {
        let Hints { read_only, destructive, idempotent, open_world } = self.hints;
        let said = [read_only, destructive, idempotent, open_world].iter().any(Option::is_some);
        wire::Tool {
            name: self.name.into(),
            title: self.title.map(Into::into),
            description: self.description.map(Into::into),
            input_schema: input_schema(&self.input),
            output_schema: (self.output_schema)(),
            annotations: said.then_some(wire::ToolAnnotations { read_only, destructive, idempotent, open_world }),
            icons: self.icons.iter().map(|src| icon(src)).collect(),
            long_running: self.long_running,
            meta: None,
        }
    }
}

/// A plugin that the macro exports from a component.
#[doc(hidden)]
pub trait Exported {
    const PLUGIN: &'static Plugin;
}

impl<T: Exported> wire::Guest for T {
    fn describe() -> Vec<wire::Tool> {
        T::PLUGIN.describe()
    }

    fn call(
        name: String,
        arguments: String,
        context: CallContext,
        _resume: Option<Resumption>,
    ) -> Result<wire::Outcome, WireError> {
        let result = T::PLUGIN.call(&name, &arguments, &Context::from(context));
        result.map(wire::Outcome::Complete).map_err(Into::into)
    }
}

fn icon(src: &str) -> Icon {
    Icon { src: src.into(), mime_type: None, sizes: Vec::new(), theme: None }
}
