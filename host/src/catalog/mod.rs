//! What is loaded: an immutable snapshot of plugins and tools, replaced whole when a file changes.

mod clash;
mod found;
mod headers;
mod loader;
mod loaders;
mod offer;
mod plugin;
mod schema;
mod seen;
mod share;
mod slots;
mod tenants;
mod watcher;

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    path::PathBuf,
    sync::Arc,
};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::Notify;

pub use found::read_wishes;
pub use headers::{HeaderKind, HeaderParam};
pub use loader::Loader;
pub use loaders::{Loaders, Scanned, Whose};
pub use plugin::{Owned, Plugin, Program, Prompt, Tool, Yard};
pub use schema::Schema;
pub use share::{Entry, Exceeded, Share, StreamPlace};
pub use slots::{Full, Slot, Slots};
pub use tenants::{Tenant, Tenants};
pub use watcher::{Order, watch};

use crate::{
    ids::{Digest, PluginId, PromptName, ToolName},
    signals::{News, TenantSignals},
};

/// All that is loaded at one moment. Never edited: a change makes a new one.
#[derive(Default)]
pub struct Catalog {
    plugins: BTreeMap<PluginId, Arc<Plugin>>,
    tools: HashMap<ToolName, Arc<Tool>>,
    prompts: HashMap<PromptName, Arc<Prompt>>,
    refused: Vec<Refused>,
}

/// A file that is not serving, or not serving what it now holds, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refused {
    pub file: PathBuf,
    /// What the file held, if it could be read.
    #[serde(skip)]
    pub digest: Option<Digest>,
    pub reason: String,
    /// Whether it is held back: it describes itself otherwise than before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
}

impl Catalog {
    fn new(plugins: BTreeMap<PluginId, Arc<Plugin>>, refused: Vec<Refused>) -> Self {
        let tools = plugins
            .values()
            .flat_map(|plugin| plugin.tools())
            .map(|tool| (tool.name().clone(), Arc::clone(tool)))
            .collect();
        let prompts = plugins
            .values()
            .flat_map(|plugin| plugin.prompts())
            .map(|prompt| (prompt.name().clone(), Arc::clone(prompt)))
            .collect();
        Self { plugins, tools, prompts, refused }
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

    /// The prompt of that public name.
    pub fn prompt(&self, name: &str) -> Option<&Arc<Prompt>> {
        self.prompts.get(name)
    }

    /// The plugin that answers for `uri`: the one with the longest fitting prefix.
    pub fn answering_for(&self, uri: &str) -> Option<&Arc<Plugin>> {
        let fitting = |plugin: &&Arc<Plugin>| {
            let prefixes = plugin.program().prefixes.iter().filter(|prefix| uri.starts_with(prefix.as_str()));
            prefixes.map(String::len).max()
        };
        self.plugins
            .values()
            .filter_map(|plugin| Some((fitting(&plugin)?, plugin)))
            .max_by_key(|(len, _)| *len)
            .map(|(_, plugin)| plugin)
    }

    /// The plugins from `from` on, itself included.
    pub fn plugins_from(&self, from: Option<&PluginId>) -> impl Iterator<Item = &Arc<Plugin>> {
        let start = from.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Included);
        self.plugins.range::<PluginId, _>((start, std::ops::Bound::Unbounded)).map(|(_, plugin)| plugin)
    }

    /// What differs between two snapshots, as clients see them.
    fn differences(&self, other: &Self) -> Vec<News> {
        let tools = |catalog: &Self| {
            hash(
                catalog
                    .plugins()
                    .flat_map(|plugin| plugin.tools())
                    .map(|tool| (tool.name().clone(), format!("{:?} {:?}", tool.described(), tool.task()))),
            )
        };
        let prompts = |catalog: &Self| {
            hash(
                catalog
                    .plugins()
                    .flat_map(|plugin| plugin.prompts())
                    .map(|prompt| (prompt.name().clone(), format!("{:?}", prompt.described()))),
            )
        };
        // A plugin lists its resources itself, so another version of it may list others, and so may one with other grants.
        let resources = |catalog: &Self| {
            hash(
                catalog
                    .plugins()
                    .filter(|plugin| plugin.has_resources())
                    .map(|plugin| (plugin.id().clone(), plugin.digest(), format!("{:?}", plugin.grants()))),
            )
        };
        let mut news = Vec::new();
        if tools(self) != tools(other) {
            news.push(News::Tools);
        }
        if prompts(self) != prompts(other) {
            news.push(News::Prompts);
        }
        if resources(self) != resources(other) {
            news.push(News::Resources);
        }
        news
    }

    /// Files that are not serving what they hold.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// Those of them that are held back until somebody has looked at what changed.
    pub fn held(&self) -> impl Iterator<Item = &Refused> {
        self.refused.iter().filter(|refused| refused.held)
    }
}

fn hash(items: impl Iterator<Item = impl Hash>) -> u64 {
    let mut hasher = DefaultHasher::new();
    items.for_each(|item| item.hash(&mut hasher));
    hasher.finish()
}

/// The catalog in force. Readers take the snapshot of the moment and keep it as long as they need.
pub struct Live {
    current: ArcSwap<Catalog>,
    published: Notify,
    signals: TenantSignals,
}

impl Live {
    /// An empty catalog, whose changes are told to `signals`.
    pub fn new(signals: TenantSignals) -> Self {
        Self { current: ArcSwap::default(), published: Notify::new(), signals }
    }

    /// The snapshot of this moment, for a short look.
    pub fn now(&self) -> Guard<Arc<Catalog>> {
        self.current.load()
    }

    fn publish(&self, catalog: Catalog) {
        let before = self.current.swap(Arc::new(catalog));
        for news in before.differences(&self.now()) {
            self.signals.send(news);
        }
        self.published.notify_waiters();
    }

    /// Waits until a snapshot is in force in which `find` finds what it looks for.
    pub async fn until<T>(&self, find: impl Fn(&Catalog) -> Option<T>) -> T {
        loop {
            // It hears from here on, so that nothing is missed between the look and the wait.
            let published = self.published.notified();
            if let Some(found) = find(&self.now()) {
                return found;
            }
            published.await;
        }
    }
}
