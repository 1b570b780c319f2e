//! What policies are asked, and what they answer.

use std::sync::Arc;

use crate::{config::PolicyArguments, ids::TenantId};

/// What a caller wants to do with something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// To see that it is there.
    List,
    /// To call a tool.
    Call,
    /// To get a prompt.
    Get,
    /// To read a resource.
    Read,
}

impl Action {
    pub(super) const ALL: [Self; 4] = [Self::List, Self::Call, Self::Get, Self::Read];

    /// As policies name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Call => "call",
            Self::Get => "get",
            Self::Read => "read",
        }
    }
}

/// A thing, as far as policies see it.
#[derive(Debug, Clone, Copy)]
pub struct What<'a> {
    /// Whose it is. Nobody of another tenant may do anything with it, whatever policies say.
    pub tenant: &'a TenantId,
    pub plugin: &'a str,
    /// The public name of a tool or a prompt; the URI of a resource.
    pub name: &'a str,
    /// The plugin's own name of a tool or a prompt; the URI of a resource.
    pub own: &'a str,
    pub kind: Kind,
    /// The arguments that policies may see.
    pub arguments: &'a PolicyArguments,
}

/// Which kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Tool(Hints),
    Prompt,
    Resource,
    /// A template of resources.
    Template,
}

impl Kind {
    /// What is done with such a thing, beside listing it.
    pub fn action(self) -> Action {
        match self {
            Self::Tool(_) => Action::Call,
            Self::Prompt => Action::Get,
            Self::Resource | Self::Template => Action::Read,
        }
    }

    /// Whether there are only as many as plugins describe. Of the others callers make up names.
    pub(super) fn is_described(self) -> bool {
        matches!(self, Self::Tool(_) | Self::Prompt)
    }
}

/// What a plugin says of its tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hints {
    pub read_only: bool,
    pub destructive: bool,
    pub idempotent: bool,
    pub open_world: bool,
}

impl Hints {
    /// What was said, and for the rest what the protocol takes for granted (MCP 2026-07-28, `ToolAnnotations`). What only reads
    /// destroys nothing and may be done twice.
    pub fn new(
        read_only: Option<bool>,
        destructive: Option<bool>,
        idempotent: Option<bool>,
        open_world: Option<bool>,
    ) -> Self {
        let read_only = read_only.unwrap_or(false);
        Self {
            read_only,
            destructive: !read_only && destructive.unwrap_or(true),
            idempotent: read_only || idempotent.unwrap_or(false),
            open_world: open_world.unwrap_or(true),
        }
    }
}

/// What policies say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub allowed: bool,
    /// The policy that decides: its `@id`, or its file and line. `None`: none fits, or there are no policies.
    pub rule: Option<Arc<str>>,
}

impl Decision {
    pub(super) const fn allowed() -> Self {
        Self { allowed: true, rule: None }
    }

    pub(super) const fn denied() -> Self {
        Self { allowed: false, rule: None }
    }
}
