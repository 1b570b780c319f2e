#![doc = include_str!("../README.md")]

mod arguments;
#[doc(hidden)]
pub mod bindings;
mod content;
mod context;
mod error;
mod host;
pub mod log;
mod output;
mod schema;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod tool;

pub use bindings::exports::toolyard::plugin::tools::{Tool, ToolAnnotations, ToolResult};
pub use bindings::toolyard::plugin::types::{
    Annotations, CallContext, Client, ClientCapabilities, Content, EmbeddedResource, Icon, IconTheme, MediaContent,
    ResourceBody, ResourceContents, ResourceLink, Role, TextContent, TraceContext,
};
pub use context::{Amount, Context};
pub use error::{Error, Result, ToolError};
pub use output::IntoToolResult;
pub use tool::Plugin;
pub use toolyard_plugin_macros::plugin;

pub use schemars::{self, JsonSchema};
pub use serde::{self, Deserialize, Serialize};
pub use serde_json::{self, json, value::RawValue};

/// What the code that [`plugin`] writes refers to. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::arguments::decode;
    pub use crate::bindings::{self, export_component};
    pub use crate::output::{Returned, Structured, ViaContent, ViaStructured};
    pub use crate::schema::{inline_schema, json_text, shared_schema};
    pub use crate::tool::{Exported, Hints, Input, Parameter, Tool};
}
