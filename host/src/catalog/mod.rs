//! What is loaded: an immutable snapshot of plugins and tools, replaced whole when a file changes.

mod headers;
mod loader;
mod plugin;
mod schema;
mod watcher;

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
};

use arc_swap::{ArcSwap, Guard};

pub use headers::{HeaderKind, HeaderParam};
pub use loader::Loader;
pub use plugin::{Plugin, Program, Tool};
pub use schema::Schema;
pub use watcher::watch;

use crate::ids::{PluginId, ToolName};

/// All that is loaded at one moment. Never edited: a change makes a new one.
#[derive(Default)]
pub struct Catalog {
    plugins: BTreeMap<PluginId, Arc<Plugin>>,
    tools: HashMap<ToolName, Arc<Tool>>,
    refused: Vec<Refused>,
}

/// A file that is not serving, or not serving what it now holds, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refused {
    pub file: PathBuf,
    pub reason: String,
}

impl Catalog {
    fn new(plugins: BTreeMap<PluginId, Arc<Plugin>>, refused: Vec<Refused>) -> Self {
        let tools = plugins
            .values()
            .flat_map(|plugin| plugin.tools())
            .map(|tool| (tool.name().clone(), Arc::clone(tool)))
            .collect();
        Self { plugins, tools, refused }
    }

    /// The tool of that public name.
    pub fn tool(&self, name: &str) -> Option<&Arc<Tool>> {
        self.tools.get(name)
    }

    /// The plugins, by name.
    pub fn plugins(&self) -> impl Iterator<Item = &Arc<Plugin>> {
        self.plugins.values()
    }

    /// The plugin of that name.
    pub fn plugin(&self, id: &str) -> Option<&Arc<Plugin>> {
        self.plugins.get(id)
    }

    /// The tools of `from` and all plugins after it, each with its plugin and its place there: plugins by name, tools as
    /// the plugin orders them. The same on every host with the same plugins.
    pub fn tools_from(&self, from: Option<&PluginId>) -> impl Iterator<Item = (&PluginId, usize, &Arc<Tool>)> {
        let start = from.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Included);
        self.plugins
            .range::<PluginId, _>((start, std::ops::Bound::Unbounded))
            .flat_map(|(id, plugin)| plugin.tools().iter().enumerate().map(move |(place, tool)| (id, place, tool)))
    }

    /// Files that are not serving what they hold.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }
}

/// The catalog in force. Readers take the snapshot of the moment and keep it as long as they need.
#[derive(Default)]
pub struct Live {
    current: ArcSwap<Catalog>,
}

impl Live {
    /// The snapshot of this moment, for a short look.
    pub fn now(&self) -> Guard<Arc<Catalog>> {
        self.current.load()
    }

    fn publish(&self, catalog: Catalog) {
        self.current.store(Arc::new(catalog));
    }
}
