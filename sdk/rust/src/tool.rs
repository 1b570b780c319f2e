//! Tools: what [`plugin`](crate::plugin) writes down of them, and how a call finds its way.

use schemars::{Schema, SchemaGenerator};

use crate::about::About;
use crate::bindings::tools::wire;
use crate::bindings::toolyard::plugin::types::{CallContext, Error as WireError, Resumption};
use crate::plugin::{Exported, leaked};
use crate::schema::input_schema;
use crate::{Context, Error, Plugin, ToolResult};

/// One tool.
#[derive(Debug)]
pub struct Tool {
    pub about: About,
    pub hints: Hints,
    pub long_running: bool,
    pub input: Input,
    pub output_schema: fn() -> Option<String>,
    pub run: fn(&str, &Context) -> Result<ToolResult, Error>,
}

/// What is known of a tool's effects.
#[derive(Debug, Clone, Copy)]
pub struct Hints {
    pub read_only: Option<bool>,
    pub destructive: Option<bool>,
    pub idempotent: Option<bool>,
    pub open_world: Option<bool>,
}

/// What a tool takes.
#[derive(Debug)]
pub enum Input {
    /// One argument for each parameter.
    Parameters(&'static [Parameter]),
    /// One struct whose fields are the arguments.
    Type(fn(&mut SchemaGenerator) -> Schema),
    /// What this schema says.
    Text(fn() -> String),
}

/// One argument.
#[derive(Debug)]
pub struct Parameter {
    pub name: &'static str,
    pub title: Option<&'static str>,
    pub description: Option<&'static str>,
    pub required: bool,
    pub header: Option<&'static str>,
    pub default: Option<fn() -> String>,
    /// Keywords of JSON Schema, and their values as JSON text.
    pub bounds: &'static [(&'static str, &'static str)],
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

impl Plugin {
    /// The tools as the host learns of them, in the order in which they stand in the source.
    pub fn tools(&self) -> Vec<wire::Tool> {
        self.parts.tools.iter().map(Tool::describe).collect()
    }

    /// Runs the tool `name` with `arguments`, a JSON object.
    ///
    /// # Errors
    /// Those of the tool, and [`Error::NeedInput`] where it asks for something.
    pub fn call(&self, name: &str, arguments: &str, context: &Context) -> Result<ToolResult, Error> {
        match self.parts.tools.iter().find(|tool| tool.about.name == name) {
            Some(tool) => (tool.run)(arguments, context),
            None => Err(Error::internal(format_args!("the plugin has no tool `{name}`"))),
        }
    }
}

impl Tool {
    fn describe(&self) -> wire::Tool {
        let Hints { read_only, destructive, idempotent, open_world } = self.hints;
        let said = [read_only, destructive, idempotent, open_world].iter().any(Option::is_some);
        wire::Tool {
            name: self.about.name.into(),
            title: self.about.title(),
            description: self.about.description(),
            input_schema: input_schema(&self.input),
            output_schema: (self.output_schema)(),
            annotations: said.then_some(wire::ToolAnnotations { read_only, destructive, idempotent, open_world }),
            icons: self.about.icons(),
            long_running: self.long_running,
            meta: self.about.meta(),
        }
    }
}

impl<T: Exported> wire::Guest for T {
    fn describe() -> Vec<wire::Tool> {
        T::PLUGIN.tools()
    }

    fn call(
        name: String,
        arguments: String,
        context: CallContext,
        resume: Option<Resumption>,
    ) -> Result<wire::Outcome, WireError> {
        let (name, arguments) = (leaked(name), leaked(arguments));
        match T::PLUGIN.call(&name, &arguments, &leaked(Context::resumed(context, resume))) {
            Ok(result) => Ok(wire::Outcome::Complete(result)),
            Err(Error::NeedInput(need)) => Ok(wire::Outcome::NeedInput(*need)),
            Err(error) => Err(error.into()),
        }
    }
}
