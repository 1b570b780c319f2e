//! The configuration file as it is written: TOML, every key optional, an unknown key an error.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CacheDir, Config, ConfigError, DEFAULT_LISTEN, DRAIN_NOTICE, Discovery, Egress, HostLimits, Identity, Limits,
    Mistakes, PluginSettings, PluginSupply, PolicyArguments, PublicUrl, SecretName, Secrets, SharedStore, Supply,
    TaskMode, ToolSettings, WrittenAdmin, WrittenArguments, WrittenAudit, WrittenAuth, WrittenGrants, WrittenLimits,
    WrittenPolicy, WrittenRegistry, WrittenSupply, WrittenTelemetry, WrittenTls,
    limits::call_limits,
    seal::WrittenSeal,
    secrets::WrittenSecret,
    store::Access,
    tenants::{self, AtTop, WrittenTenant},
    text,
};
use crate::{
    ids::{NAME_CHARS_MAX, PluginId, TenantId},
    telemetry::{LogFormat, LogSettings},
};

/// A task that lived shorter would be gone before its client asks for it a second time.
const TASK_TTL_MIN: Duration = Duration::from_secs(1);

/// The file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Written {
    /// Files whose values hold where this one says nothing: paths from this file's folder on, in which a file's name may
    /// have a `*`. The later says more than the earlier, and this file has the last word.
    pub include: Vec<String>,
    /// Address and port, such as `127.0.0.1:8080`.
    pub listen: Option<String>,
    /// Address and port of health and metrics, such as `127.0.0.1:9090`.
    #[serde(deserialize_with = "super::admin::address")]
    pub admin_listen: Option<SocketAddr>,
    /// Whether callers without credentials may come from other machines.
    pub allow_anonymous: bool,
    /// Under which URL clients know the host, such as `https://tools.example.com`.
    #[schemars(with = "Option<String>")]
    pub public_url: Option<PublicUrl>,
    /// Who may call.
    pub auth: WrittenAuth,
    /// The host's own certificate.
    pub tls: Option<WrittenTls>,
    /// Whether a plugin is refused that was not granted what it cannot do without.
    pub strict_grants: bool,
    /// The folder of plugins.
    pub plugins: Option<PathBuf>,
    /// Where compiled code is kept; empty: nowhere.
    pub cache_dir: Option<PathBuf>,
    /// Where the store and the machine's sealing key are.
    pub state_dir: Option<PathBuf>,
    /// The store that hosts share, such as `redis://HOST:PORT`.
    pub store: Option<String>,
    /// The name of the secret that is the store's password.
    pub store_password: Option<SecretName>,
    /// The name of the secret that is the sentinels' password.
    pub store_sentinel_password: Option<SecretName>,
    /// Stands before all keys in the store, so that several installations can share it.
    pub store_prefix: Option<String>,
    /// Certificates to trust instead of the system's for the store, in PEM.
    pub store_ca_files: Vec<PathBuf>,
    /// Origins of web pages that may call, beside those of this machine, such as `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    /// Milliseconds that the door stays open after SIGTERM, for those who look at `/readyz`.
    pub drain_notice_ms: Option<u64>,
    pub admin: WrittenAdmin,
    pub server: WrittenServer,
    pub seal: Option<WrittenSeal>,
    pub limits: WrittenHostLimits,
    pub tenant: BTreeMap<TenantId, WrittenTenant>,
    pub plugin: BTreeMap<PluginId, WrittenPlugin>,
    pub secret: BTreeMap<SecretName, WrittenSecret>,
    pub egress: WrittenEgress,
    pub audit: WrittenAudit,
    pub supply: WrittenSupply,
    /// By `HOST` or `HOST:PORT`.
    pub registry: BTreeMap<String, WrittenRegistry>,
    pub telemetry: WrittenTelemetry,
    pub log: WrittenLog,
    pub policy: WrittenPolicy,
}

/// `[log]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenLog {
    /// What is logged, such as `info` or `warn,plugin=info`. The environment variable `RUST_LOG` goes over it.
    pub filter: Option<String>,
    /// How lines look. `--log-format` goes over it.
    pub format: Option<LogFormat>,
}

/// `[egress]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenEgress {
    /// Name servers, such as `10.0.0.53:53`.
    pub dns: Vec<SocketAddr>,
    /// Certificates to trust beside the system's, in PEM.
    pub ca_files: Vec<PathBuf>,
}

/// `[server]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenServer {
    /// For programs.
    pub name: Option<String>,
    /// For people.
    pub title: Option<String>,
    /// Default: Toolyard's own.
    pub version: Option<String>,
    /// For the model: what this server is for.
    pub instructions: Option<String>,
    /// Where people read about it.
    pub website_url: Option<String>,
    pub icons: Vec<WrittenIcon>,
    /// Its name among all servers: a domain in reverse and a name, such as `com.example/tools`.
    pub card_name: Option<String>,
    /// What it is for, in 100 characters.
    pub description: Option<String>,
}

/// `[[server.icons]]`: written as in the file, given out as the protocol's `Icon`.
#[derive(Debug, Clone, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenIcon {
    /// An `https:` or `data:` URI.
    pub src: String,
    /// Such as `image/png`.
    #[serde(skip_serializing_if = "Option::is_none", rename(serialize = "mimeType"))]
    pub mime_type: Option<String>,
    /// Such as `48x48` or `any`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sizes: Vec<String>,
    /// The background that it is made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theme: Option<WrittenTheme>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WrittenTheme {
    Light,
    Dark,
}

/// Makes the type of `[limits]`. The limits of calls are repeated in it rather than flattened in: serde cannot refuse
/// unknown keys beside a flattened part.
macro_rules! define_host_limits {
    ($({ $(#[doc = $own_doc:literal])+ $own:ident: $own_type:ty })* $($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr,)+) => {
        /// `[limits]`: the host's own, and those of calls for all plugins.
        #[derive(Debug, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct WrittenHostLimits {
            $($(#[doc = $own_doc])+ pub $own: Option<$own_type>,)*
            $($(#[doc = $doc])+ pub $name: Option<$type>,)+
        }

        impl WrittenHostLimits {
            fn for_calls(&self) -> WrittenLimits {
                WrittenLimits { $($name: self.$name,)+ }
            }
        }
    };
}
call_limits!(define_host_limits
    {
        /// Calls that run at once.
        calls_max: u32
    }
    {
        /// Calls that wait for their turn; those beyond are refused at once.
        queue_max: u32
    }
    {
        /// Fresh instances that are kept ready, of all plugins together.
        warm_instances_max: u32
    }
    {
        /// Milliseconds that a call waits for its turn before it is refused.
        queue_wait_ms_max: u64
    }
    {
        /// A request's body.
        body_bytes_max: usize
    }
    {
        /// Milliseconds after which a body that has not arrived is not waited for.
        body_read_ms_max: u64
    }
    {
        /// A request's line and headers together.
        header_bytes_max: usize
    }
    {
        /// Milliseconds after which a client that has not sent its headers is cut off.
        header_read_ms_max: u64
    }
    {
        /// Connections that are open at once.
        connections_max: usize
    }
    {
        /// A component's file.
        component_bytes_max: u64
    }
    {
        /// Milliseconds that a client has to answer what a plugin asks of it.
        input_wait_ms_max: u64
    }
    {
        /// Milliseconds that a legacy session lives.
        session_ttl_ms: u64
    }
    {
        /// Milliseconds that calls in flight may go on after SIGTERM.
        drain_ms_max: u64
    }
    {
        /// Tasks of one tenant that have not ended.
        tasks_max: u64
    }
    {
        /// Tasks of one tenant that have ended, and whose results are still there.
        tasks_ended_max: u64
    }
    {
        /// Tasks that run on this host at once; the others wait.
        tasks_running_max: u32
    }
    {
        /// Milliseconds that a task lives from its creation on, if it does not come to its end before.
        task_ttl_ms: u64
    }
    {
        /// Milliseconds that a task's result stays, at least.
        task_result_ttl_ms: u64
    }
);

/// `[plugin.NAME]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenPlugin {
    /// Stands before its tools' names, with `_` between. Empty: nothing, not even the `_`. Default: its name.
    pub prefix: Option<String>,
    pub limits: WrittenLimits,
    /// What is said of single tools, by the plugin's own name for them.
    pub tool: BTreeMap<String, WrittenTool>,
    pub grants: WrittenGrants,
    /// Fresh instances that are kept ready.
    pub warm: Option<u32>,
    /// Whether it may define resources of its own, whose number nothing bounds.
    pub own_resources: bool,
    /// Where it is, if not in the plugin folder: `oci://HOST/NAME:TAG` or `file:PATH`.
    pub source: Option<String>,
    /// Public keys of which one must have signed it.
    pub signed_by: Vec<PathBuf>,
    /// Whether it may describe itself otherwise under the same version.
    pub allow_changes: bool,
    /// What a caller's token must hold for anything of it.
    pub scopes: Vec<String>,
}

/// `[plugin.NAME.tool.TOOL]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenTool {
    pub limits: WrittenLimits,
    /// When its calls become tasks.
    pub task: Option<TaskMode>,
    /// What a caller's token must hold, beside what the plugin as a whole asks for.
    pub scopes: Vec<String>,
    /// Arguments that policies may see.
    pub policy_arguments: Option<WrittenArguments>,
}

impl Written {
    /// Parses a file's text.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        text::written(text).map_err(Mistakes::into_first)
    }

    /// Fills in the defaults and checks the rest. `base` is the folder that relative paths start from.
    pub fn usable(self, base: &Path) -> Result<Config, ConfigError> {
        let listen = self.listen.as_deref().unwrap_or(DEFAULT_LISTEN);
        let listen = listen.parse().map_err(|_| {
            ConfigError::new(format!(
                "`listen` is `{listen}`; it must be an address and a port, such as {DEFAULT_LISTEN}"
            ))
        })?;
        let limits = self.limits.for_calls().over(&Limits::default()).map_err(|error| error.within("[limits]"))?;
        let secrets = Secrets::new(self.secret, base)?;
        let access = Access {
            password: self.store_password,
            sentinel_password: self.store_sentinel_password,
            prefix: self.store_prefix,
            ca_files: self.store_ca_files.iter().map(|file| base.join(file)).collect(),
        };
        let supply = Supply::new(self.supply, self.registry, base, &secrets)?;
        let store = SharedStore::new(self.store.as_deref(), access, &secrets)?;
        let top = AtTop { plugins: self.plugins, plugin: self.plugin, secrets: secrets.clone(), limits };
        let (admin_listen, admin) = self.admin.usable(self.admin_listen, &secrets, base)?;
        let (identity, discovery) = self.server.usable()?;
        let host_limits = self.limits.for_host().map_err(|error| error.within("[limits]"))?;
        let tenants = tenants::tenants(self.tenant, top, host_limits.calls_max, base)?;
        let auth = self.auth.usable(base)?;
        if let Some((unknown, place)) = auth.tenants().find(|(tenant, _)| !tenants.contains_key(*tenant)) {
            return Err(ConfigError::new(format!("{place}: there is no tenant `{unknown}`; add [tenant.{unknown}]")));
        }
        Ok(Config {
            listen,
            admin_listen,
            admin,
            allow_anonymous: self.allow_anonymous,
            auth,
            tls: self.tls.map(|tls| tls.usable(base)),
            public_url: self.public_url,
            strict_grants: self.strict_grants,
            cache_dir: match self.cache_dir {
                Some(dir) if dir.as_os_str().is_empty() => CacheDir::Nowhere,
                Some(dir) => CacheDir::At(base.join(dir)),
                None => CacheDir::Usual,
            },
            allowed_origins: self
                .allowed_origins
                .iter()
                .map(|origin| origin.trim_end_matches('/').to_owned())
                .collect(),
            state_dir: self.state_dir.map(|dir| base.join(dir)),
            store,
            seal: self.seal.map(|seal| seal.usable(base)).transpose()?,
            identity,
            discovery,
            host_limits,
            drain_notice: self.drain_notice_ms.map_or(DRAIN_NOTICE, Duration::from_millis),
            policy: self.policy.usable(base, tenants::policy_arguments(&tenants)?)?,
            tenants,
            telemetry: self.telemetry.usable(base, &secrets)?,
            log: self.log.usable()?,
            secrets,
            audit: self.audit.usable(base)?,
            egress: Egress {
                dns: self.egress.dns,
                ca_files: self.egress.ca_files.iter().map(|file| base.join(file)).collect(),
            },
            supply,
        })
    }
}

impl WrittenLog {
    fn usable(self) -> Result<LogSettings, ConfigError> {
        let filter = self.filter.map(|filter| filter.parse()).transpose();
        let filter = filter.map_err(|reason: String| ConfigError::new(format!("[log] `filter`: {reason}")))?;
        Ok(LogSettings { filter: filter.unwrap_or_default(), format: self.format.unwrap_or_default() })
    }
}

impl WrittenServer {
    fn usable(self) -> Result<(Identity, Discovery), ConfigError> {
        let icons = self.icons.into_iter().map(WrittenIcon::usable).collect::<Result<_, _>>()?;
        let discovery = Discovery::new(self.card_name, self.description)?;
        let identity = Identity {
            name: self.name.unwrap_or_else(|| "toolyard".into()),
            title: self.title,
            version: self.version.unwrap_or_else(|| env!("CARGO_PKG_VERSION").into()),
            instructions: self.instructions,
            website_url: self.website_url,
            icons,
        };
        Ok((identity, discovery))
    }
}

impl WrittenIcon {
    fn usable(self) -> Result<Self, ConfigError> {
        if self.src.starts_with("https:") || self.src.starts_with("data:") {
            Ok(self)
        } else {
            Err(ConfigError::new(format!("[[server.icons]] src: `{}` must be an https: or data: URI", self.src)))
        }
    }
}

impl WrittenHostLimits {
    fn for_host(&self) -> Result<HostLimits, ConfigError> {
        let default = HostLimits::default();
        let calls_max = self.calls_max.unwrap_or(default.calls_max);
        // Each call reserves address space for its slots; beyond this the reservation itself fails.
        if !(1..=4096).contains(&calls_max) {
            return Err(ConfigError::new(format!("`calls_max` is {calls_max}; it must be from 1 to 4096")));
        }
        Ok(HostLimits {
            calls_max,
            queue_max: self.queue_max.unwrap_or(default.queue_max),
            warm_instances_max: self.warm_instances_max.unwrap_or(default.warm_instances_max),
            queue_wait_max: self.queue_wait_ms_max.map_or(default.queue_wait_max, Duration::from_millis),
            body_bytes_max: self.body_bytes_max.unwrap_or(default.body_bytes_max),
            body_read_max: self.body_read_ms_max.map_or(default.body_read_max, Duration::from_millis),
            // hyper needs room to read a request line at all.
            header_bytes_max: self.header_bytes_max.unwrap_or(default.header_bytes_max).max(8 << 10),
            header_read_max: self.header_read_ms_max.map_or(default.header_read_max, Duration::from_millis),
            connections_max: self.connections_max.unwrap_or(default.connections_max).max(1),
            component_bytes_max: self.component_bytes_max.unwrap_or(default.component_bytes_max),
            input_wait_max: self.input_wait_ms_max.map_or(default.input_wait_max, Duration::from_millis),
            session_ttl: self.session_ttl_ms.map_or(default.session_ttl, Duration::from_millis),
            drain_max: self.drain_ms_max.map_or(default.drain_max, Duration::from_millis),
            tasks_max: self.tasks_max.unwrap_or(default.tasks_max),
            tasks_ended_max: self.tasks_ended_max.unwrap_or(default.tasks_ended_max),
            tasks_running_max: self.tasks_running_max.unwrap_or(default.tasks_running_max).max(1),
            task_ttl: self.task_ttl_ms.map_or(default.task_ttl, Duration::from_millis).max(TASK_TTL_MIN),
            task_result_ttl: self.task_result_ttl_ms.map_or(default.task_result_ttl, Duration::from_millis),
        })
    }
}

impl WrittenPlugin {
    pub(super) fn usable(self, host: &Limits, base: &Path) -> Result<PluginSettings, ConfigError> {
        if let Some(prefix) = self.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
            prefix.parse::<PluginId>().map_err(|error| ConfigError::new(format!("prefix: {error}")))?;
            if prefix.len() >= NAME_CHARS_MAX {
                return Err(ConfigError::new("prefix: leaves no room for a tool's name"));
            }
        }
        let limits = self.limits.over(host)?;
        let mut tools = BTreeMap::new();
        for (tool, written) in self.tool {
            let own = written.limits.over(&limits).map_err(|error| error.within(&format!("tool.{tool}")))?;
            if (own.plugin_calls_max, own.plugin_queue_max) != (limits.plugin_calls_max, limits.plugin_queue_max) {
                return Err(ConfigError::new(format!(
                    "tool.{tool}: `plugin_calls_max` and `plugin_queue_max` are of the plugin as a whole"
                )));
            }
            let scopes = checked_scopes(written.scopes).map_err(|error| error.within(&format!("tool.{tool}")))?;
            let policy_arguments = written.policy_arguments.map(PolicyArguments::from).unwrap_or_default();
            tools.insert(tool, ToolSettings { limits: own, task: written.task, scopes, policy_arguments });
        }
        let grants = self.grants.usable(base).map_err(|error| error.within("grants"))?;
        let supply = PluginSupply::new(self.source.as_deref(), &self.signed_by, self.allow_changes, base)?;
        Ok(PluginSettings {
            prefix: self.prefix,
            limits,
            tools,
            grants,
            warm: self.warm,
            own_resources: self.own_resources,
            supply,
            scopes: checked_scopes(self.scopes)?,
        })
    }
}

/// Scopes as tokens can hold them: they travel in a header, separated by spaces (RFC 6749, 3.3).
fn checked_scopes(scopes: Vec<String>) -> Result<Vec<String>, ConfigError> {
    let legal = |c: char| matches!(c, '!' | '#'..='[' | ']'..='~');
    match scopes.iter().find(|scope| scope.is_empty() || !scope.chars().all(legal)) {
        Some(wrong) => {
            Err(ConfigError::new(format!("scopes: `{wrong}` is no scope: leave out spaces, quotes and `\\`")))
        }
        None => Ok(scopes),
    }
}
