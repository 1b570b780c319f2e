//! Configuration: what was written ([`written`]) and what is usable ([`Config`]). Nothing below reads files or the environment.

mod admin;
mod audit;
mod auth;
mod changes;
mod check;
mod discovery;
mod grants;
mod limits;
mod mistakes;
mod nearest;
mod pattern;
mod place;
mod policy;
mod reload;
mod schema;
mod scopes;
mod seal;
mod secrets;
mod show;
mod store;
mod supply;
mod telemetry;
mod tenants;
mod text;
mod wishes;
mod written;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    ids::{PluginId, TenantId},
    seal::KeyRing,
    telemetry::LogSettings,
};

pub use admin::{AdminSettings, KeyPlace, WrittenAdmin};
pub use audit::{ArgumentsShown, AuditSettings, WrittenAudit};
#[cfg(test)]
pub(crate) use auth::auth_for_tests;
pub use auth::{Algorithm, Auth, Dpop, Issuer, TenantOf, Tls, WrittenAuth, WrittenTls};
pub use changes::Changes;
pub use check::{Checked, check, show};
pub use discovery::Discovery;
pub use grants::{FolderGrant, Grants, HeaderGrant, HttpGrant, KeyValueGrant, TcpGrant, WrittenGrants};
pub use limits::{INSTANCES_MAX, Limits, WrittenLimits};
pub use mistakes::{ConfigError, Mistakes};
pub use nearest::nearest;
pub use pattern::UrlPattern;
pub use place::{PublicUrl, canonical, trusted_url};
pub use policy::{
    ArgumentType, PolicyArguments, PolicyDefault, PolicySettings, PolicyText, Unreadable, WrittenArguments,
    WrittenPolicy,
};
pub use reload::{Adjust, Answer, Ask, Proposal, Reload, Taker};
pub use schema::schema;
pub use scopes::{ScopeTree, is_scope};
pub use secrets::{Secret, SecretName, Secrets};
pub use show::Shown;
pub use store::{SharedStore, StoreForm, StoreUrl};
pub use supply::{PluginSupply, Reference, Registry, Source, Supply, WrittenRegistry, WrittenSupply, is_loopback};
pub use telemetry::{Telemetry, WrittenTelemetry};
pub use tenants::{Quotas, TenantSettings, WrittenTenant};
pub use wishes::{Wish, Wishes};
pub use written::{Written, WrittenIcon};

use text::{Document, Seen, of_process};

/// Where `toolyard serve` listens when nobody says otherwise.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// The folder of plugins when nobody names one.
pub const DEFAULT_PLUGINS: &str = "plugins";

/// How long a host that was told to end goes on as before, so that balancers see that it is not ready any more: they look
/// every few seconds.
pub const DRAIN_NOTICE: Duration = Duration::from_secs(4);

/// Everything that the host is built from, checked.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    /// Where health, metrics and the admin page are; `None`: nowhere.
    pub admin_listen: Option<SocketAddr>,
    pub admin: AdminSettings,
    /// Whether callers without credentials may come from other machines.
    pub allow_anonymous: bool,
    /// Who may call.
    pub auth: Auth,
    /// The host's own certificate; `None`: it speaks plain HTTP.
    pub tls: Option<Tls>,
    /// Under which URL clients know the host; `None`: under the address where it listens.
    pub public_url: Option<PublicUrl>,
    /// Whether a plugin is refused that was not granted what it cannot do without.
    pub strict_grants: bool,
    pub cache_dir: CacheDir,
    /// Where the store and the machine's sealing key are. `None`: in memory, gone with the process.
    pub state_dir: Option<PathBuf>,
    /// The store, where several hosts share one. `None`: a file in `state_dir`.
    pub store: Option<SharedStore>,
    /// The keys that seal what clients keep for the host. `None`: one of this machine's own.
    pub seal: Option<KeyRing>,
    /// Origins of web pages that may call, beside those on this machine. Compared as text: `https://app.example`.
    pub allowed_origins: Vec<String>,
    pub identity: Identity,
    pub discovery: Discovery,
    pub host_limits: HostLimits,
    /// How long the door stays open after SIGTERM, where somebody can see at the admin listener that it will close.
    pub drain_notice: Duration,
    /// `default` is always one of them.
    pub tenants: BTreeMap<TenantId, Arc<TenantSettings>>,
    /// Those at the top of the file: the host's own, and the tenant `default`'s.
    pub secrets: Secrets,
    pub egress: Egress,
    /// Where calls and changes are written down. `None`: nowhere.
    pub audit: Option<AuditSettings>,
    /// Where components come from, and what must be true of them.
    pub supply: Supply,
    /// Where traces go. `None`: nothing is traced.
    pub telemetry: Option<Telemetry>,
    pub log: LogSettings,
    pub policy: PolicySettings,
}

/// How plugins' requests leave this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Egress {
    /// Name servers. Empty: those of the system.
    pub dns: Vec<SocketAddr>,
    /// Certificates to trust beside the system's, in PEM.
    pub ca_files: Vec<PathBuf>,
}

/// Where compiled code is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheDir {
    /// Where this user's caches are; the command line knows where that is.
    Usual,
    At(PathBuf),
    /// Compile anew after each start.
    Nowhere,
}

/// How the server introduces itself to clients.
#[derive(Debug, Clone)]
pub struct Identity {
    pub name: String,
    pub title: Option<String>,
    pub version: String,
    /// For the model: what this server is for.
    pub instructions: Option<String>,
    pub website_url: Option<String>,
    pub icons: Vec<WrittenIcon>,
}

/// Bounds of the host as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostLimits {
    /// Calls that run at once.
    pub calls_max: u32,
    /// Calls that wait for their turn; those beyond are refused at once.
    pub queue_max: u32,
    /// Fresh instances that are kept ready, of all plugins together.
    pub warm_instances_max: u32,
    /// How long a call waits for its turn before it is refused.
    pub queue_wait_max: Duration,
    /// A request's body.
    pub body_bytes_max: usize,
    /// A body that has not arrived by then is not waited for.
    pub body_read_max: Duration,
    /// A request's line and headers together.
    pub header_bytes_max: usize,
    /// A client that has not sent its headers by then is cut off.
    pub header_read_max: Duration,
    pub connections_max: usize,
    /// A component's file.
    pub component_bytes_max: u64,
    /// How long a client has to answer what a plugin asks of it.
    pub input_wait_max: Duration,
    /// How long a legacy session lives.
    pub session_ttl: Duration,
    /// How long calls in flight may go on after SIGTERM.
    pub drain_max: Duration,
    /// Tasks of one tenant that have not ended.
    pub tasks_max: u64,
    /// Tasks of one tenant that have ended and can be read of.
    pub tasks_ended_max: u64,
    /// Tasks that run on this host at once; the others wait.
    pub tasks_running_max: u32,
    /// How long a task lives from its creation on, if it does not come to its end before.
    pub task_ttl: Duration,
    /// How long a task's result stays, at least.
    pub task_result_ttl: Duration,
}

impl Default for HostLimits {
    fn default() -> Self {
        Self {
            calls_max: 256,
            queue_max: 1024,
            warm_instances_max: 64,
            queue_wait_max: Duration::from_secs(5),
            body_bytes_max: 4 << 20,
            body_read_max: Duration::from_secs(30),
            header_bytes_max: 64 << 10,
            header_read_max: Duration::from_secs(10),
            connections_max: 10_000,
            // StarlingMonkey makes 12 MB, Python 19.
            component_bytes_max: 64 << 20,
            // A person may have to find a password first.
            input_wait_max: Duration::from_secs(600),
            session_ttl: Duration::from_secs(7 * 24 * 3600),
            drain_max: Duration::from_secs(25),
            // More than a tenant's agents begin by hand, and less than would keep all hosts busy for a day.
            tasks_max: 1_000,
            // A hundred in each second for as long as a result stays.
            tasks_ended_max: 100_000,
            // A quarter of the calls that run at once: tasks are long, and plain calls are to find room.
            tasks_running_max: 64,
            task_ttl: Duration::from_secs(3600),
            task_result_ttl: Duration::from_secs(900),
        }
    }
}

/// What the operator says about one plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginSettings {
    /// In front of its tools' names, with `_` between. Empty: nothing, not even the `_`.
    pub prefix: Option<String>,
    pub limits: Limits,
    /// What is said of single tools, by the plugin's own name for them.
    pub tools: BTreeMap<String, ToolSettings>,
    pub grants: Grants,
    /// Fresh instances that are kept ready. `None`: as many as the plugin's start makes worth it.
    pub warm: Option<u32>,
    /// Whether it may define resources of its own, whose number nothing bounds.
    pub own_resources: bool,
    pub supply: PluginSupply,
    /// What a caller must have been granted by whoever made its token, for anything of it.
    pub scopes: Vec<String>,
}

/// What the operator says about one tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolSettings {
    pub limits: Limits,
    /// `None`: what suits the tool.
    pub task: Option<TaskMode>,
    /// What a caller must have been granted beside the plugin's own.
    pub scopes: Vec<String>,
    /// Arguments that policies may see.
    pub policy_arguments: PolicyArguments,
}

/// When calls of a tool become tasks. Only those of clients that know tasks do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TaskMode {
    Never,
    /// A call that takes longer than `task_after_ms`.
    WhenSlow,
    /// Each call, before the plugin runs.
    AtOnce,
    /// The same, and clients that know no tasks are refused.
    Required,
}

impl Config {
    /// The defaults, with nothing written.
    pub fn new() -> Self {
        Written::default().usable(Path::new(".")).expect("the defaults are usable: a test builds them")
    }

    /// Reads `path` and what it includes, with the environment of this process. Paths in a file are relative to its folder.
    pub fn read(path: &Path) -> Result<Self, Mistakes> {
        Ok(Document::read(path, &of_process, &mut Seen::default())?.usable()?.config)
    }

    /// The tenant that a host has of whom none is written.
    pub fn default_tenant(&self) -> &Arc<TenantSettings> {
        self.tenants.get(&TenantId::default()).expect("whoever makes a Config puts it in")
    }

    /// Has the default tenant's plugins in another folder.
    pub fn set_plugins(&mut self, dir: PathBuf) {
        let tenant = self.tenants.get_mut(&TenantId::default()).expect("whoever makes a Config puts it in");
        Arc::make_mut(tenant).plugins = Some(dir);
    }

    /// Takes away all grants that need secrets, for those who only look.
    pub fn without_secrets(&mut self) {
        let tenants = self.tenants.values_mut().map(Arc::make_mut);
        for settings in tenants.flat_map(|tenant| tenant.plugin.values_mut()) {
            settings.grants = settings.grants.clone().without_secrets();
        }
    }

    /// What holds for a plugin of the default tenant.
    pub fn for_plugin(&self, plugin: &PluginId) -> PluginSettings {
        self.default_tenant().for_plugin(plugin)
    }

    /// The largest table any plugin may have: the pool is built for it.
    pub fn table_elements_max(&self) -> usize {
        let of = |tenant: &Arc<TenantSettings>| {
            let own = tenant.plugin.values().map(|settings| settings.limits.table_elements_max);
            own.chain([tenant.limits.table_elements_max]).max()
        };
        self.tenants.values().filter_map(of).max().unwrap_or_default()
    }
}

impl PluginSettings {
    /// Of a plugin of which nothing is said.
    pub fn new(limits: Limits) -> Self {
        Self {
            prefix: None,
            limits,
            tools: BTreeMap::new(),
            grants: Grants::default(),
            warm: None,
            own_resources: false,
            supply: PluginSupply::default(),
            scopes: Vec::new(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
