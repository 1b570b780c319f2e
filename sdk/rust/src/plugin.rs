//! A plugin as a table.

use std::mem::ManuallyDrop;

use crate::completion::Completer;
use crate::prompt::Prompt;
use crate::resource::{Listing, Readable};
use crate::tool::Tool;

/// What [`plugin`](crate::plugin) makes of a module: its `PLUGIN`. Tests go through it as the host would.
#[derive(Debug)]
pub struct Plugin {
    pub(crate) parts: Parts,
}

/// What a plugin has to offer, each in the order of the source.
#[doc(hidden)]
#[derive(Debug)]
pub struct Parts {
    pub tools: &'static [Tool],
    pub resources: &'static [Readable],
    pub listings: &'static [Listing],
    pub prompts: &'static [Prompt],
    pub completers: &'static [Completer],
}

impl Plugin {
    #[doc(hidden)]
    pub const fn new(parts: Parts) -> Self {
        Self { parts }
    }
}

/// Keeps a value from being dropped. The instance ends with the call, and its memory with it: freeing piece by piece what a call was
/// given would only take time.
pub(crate) fn leaked<T>(value: T) -> ManuallyDrop<T> {
    ManuallyDrop::new(value)
}

/// A plugin that the macro exports from a component: of each interface of the contract, the implementation is beside what
/// it exports, and is in the component only if the macro asks for it.
#[doc(hidden)]
pub trait Exported {
    const PLUGIN: &'static Plugin;
}
