//! The plugin contract (`wit/`) in Rust. The one home of these types; every layer above speaks of calls with them.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "plugin",
    imports: {
        // What waits for the store.
        "wasi:keyvalue/store.[method]bucket.get": async | trappable,
        "wasi:keyvalue/store.[method]bucket.set": async | trappable,
        "wasi:keyvalue/store.[method]bucket.delete": async | trappable,
        "wasi:keyvalue/store.[method]bucket.exists": async | trappable,
        "wasi:keyvalue/store.[method]bucket.list-keys": async | trappable,
        "wasi:keyvalue/atomics.[static]cas.new": async | trappable,
        "wasi:keyvalue/atomics.increment": async | trappable,
        "wasi:keyvalue/atomics.swap": async | trappable,
        "wasi:keyvalue/batch.get-many": async | trappable,
        "wasi:keyvalue/batch.set-many": async | trappable,
        "wasi:keyvalue/batch.delete-many": async | trappable,
        default: trappable,
    },
    with: {
        "wasi:keyvalue/store.bucket": super::host_api::Bucket,
        "wasi:keyvalue/atomics.cas": super::host_api::Cas,
    },
    exports: { default: async },
    // A call's context is lent to the guest, not copied first.
    ownership: Borrowing { duplicate_if_necessary: false },
});

pub use self::toolyard::plugin::types::{
    Annotations, CallContext, Client, ClientCapabilities, Content, EmbeddedResource, Error as ToolError, FormRequest,
    Icon, IconTheme, InputNeed, InputRequest, MediaContent, ResourceBody, ResourceContents, ResourceLink, Resumption,
    RetryHint, Role, TextContent, TraceContext, UrlRequest,
};
pub use exports::toolyard::plugin::{
    completions::{Completion, Reference},
    prompts::{Prompt, PromptArgument, PromptMessage, PromptOutcome, PromptResult},
    resources::{ReadOutcome, Resource, ResourceDescription, ResourcePage, ResourceTemplate},
    tools::{Outcome, Tool, ToolAnnotations, ToolResult},
};
pub use wasi::logging::logging::Level;

/// A JSON text. Guests get and give JSON as text; who needs a value parses it.
pub type Json = String;
