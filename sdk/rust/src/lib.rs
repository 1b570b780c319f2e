#![doc = include_str!("../README.md")]

mod about;
mod arguments;
mod ask;
#[doc(hidden)]
pub mod bindings;
mod completion;
pub mod config;
mod content;
mod content_json;
mod context;
mod error;
mod host;
pub mod http;
pub mod keyvalue;
pub mod log;
mod output;
mod plugin;
mod prompt;
mod resource;
mod schema;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod text;
mod tool;
mod uri;

pub use ask::{
    Answer, Confirm, Form, ModelPreferences, Question, Questions, Root, Roots, Sampled, Sampling, SamplingContent,
    SamplingTool, ToolChoice, ToolUse, Url,
};
pub use bindings::completions::wire::{Completion, Reference};
pub use bindings::prompts::wire::{Prompt, PromptArgument, PromptMessage, PromptResult};
pub use bindings::resources::wire::{Resource, ResourceDescription, ResourcePage, ResourceTemplate};
pub use bindings::tools::wire::{Tool, ToolAnnotations, ToolResult};
pub use bindings::toolyard::plugin::types::{
    Annotations, CallContext, Client, ClientCapabilities, Content, EmbeddedResource, FormRequest, Icon, IconTheme,
    InputNeed, InputRequest, MediaContent, ResourceBody, ResourceContents, ResourceLink, Role, TextContent,
    TraceContext, UrlRequest,
};
pub use completion::IntoCompletion;
pub use context::{Amount, Context};
pub use error::{Error, Result, ToolError};
pub use output::IntoToolResult;
pub use plugin::Plugin;
pub use prompt::IntoPromptResult;
pub use resource::{IntoResourceContents, IntoResourcePage};
pub use text::FromText;
pub use toolyard_plugin_macros::plugin;

pub use schemars::{self, JsonSchema};
pub use serde::{self, Deserialize, Serialize};
pub use serde_json::{self, json, value::RawValue};

/// What the code that [`plugin`] writes refers to. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::about::{About, Picture};
    pub use crate::arguments::decode;
    pub use crate::bindings;
    pub use crate::bindings::completions::export_completions;
    pub use crate::bindings::prompts::export_prompts;
    pub use crate::bindings::resources::export_resources;
    pub use crate::bindings::tools::export_tools;
    pub use crate::completion::{Completed, Completer};
    pub use crate::output::{Returned, Structured, ViaContent, ViaContents, ViaJson, ViaStructured};
    pub use crate::plugin::{Exported, Parts};
    pub use crate::prompt::{Prompt, PromptArgument};
    pub use crate::resource::{Asked, At, Hints as ResourceHints, Listing, Readable};
    pub use crate::schema::{inline_schema, json_text, shared_schema};
    pub use crate::text::{optional, required};
    pub use crate::tool::{Hints, Input, Parameter, Tool};
    pub use crate::uri::Part;
}
