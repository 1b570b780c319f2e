//! `[tenant.NAME]`: whose plugins, grants, secrets and shares are whose.
//!
//! What stands at the top of the file (`plugins`, `[plugin.*]`, `[secret.*]`) is the tenant `default`'s.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Config, ConfigError, DEFAULT_PLUGINS, Limits, PluginSettings, PolicyArguments, SecretName, Secrets, WrittenLimits,
    secrets::WrittenSecret, written::WrittenPlugin,
};
use crate::ids::{PluginId, TenantId};

/// The part of a host's places, one in so many, that a tenant without a share of its own leaves to the others: as much as plugins of
/// one tenant leave to each other by `plugin_calls_max`.
const LEFT_TO_OTHERS: u32 = 4;

/// What belongs to one tenant.
#[derive(Debug, Clone)]
pub struct TenantSettings {
    /// The folder whose `*.wasm` files are its plugins. `None`: it has none.
    pub plugins: Option<PathBuf>,
    /// Whether strangers may know that it is there.
    pub public: bool,
    /// What holds for its plugins that have no settings of their own.
    pub limits: Limits,
    pub quotas: Quotas,
    pub plugin: BTreeMap<PluginId, PluginSettings>,
    pub secrets: Secrets,
}

/// A tenant's share of the host. `None`: no bound but the host's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Quotas {
    /// Calls that run at once. Where others have plugins, too, it is three quarters of the host's `calls_max` if nothing is said.
    pub calls_max: Option<u32>,
    /// Calls that begin in a second, with as many at once after a quiet one.
    pub calls_per_second_max: Option<u32>,
    /// Calls that begin between two midnights (UTC), on all hosts together.
    pub calls_per_day_max: Option<u64>,
    /// Milliseconds that its calls keep a processor between two midnights (UTC), on all hosts together.
    pub cpu_ms_per_day_max: Option<u64>,
    /// Streams of news that its callers have open at once.
    pub streams_max: Option<u32>,
    /// What the key-value grants of its plugins may come to, together.
    pub keyvalue_bytes_max: Option<u64>,
}

/// `[tenant.NAME]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenTenant {
    /// Its folder of plugins; without, the folder of its name in the host's.
    pub plugins: Option<PathBuf>,
    /// Whether strangers may know that it is there: it is then among what `/.well-known/ai-catalog.json` lists.
    pub public: bool,
    pub limits: WrittenLimits,
    /// Its share of the host.
    pub quotas: Quotas,
    /// What is said of its plugins.
    pub plugin: BTreeMap<PluginId, WrittenPlugin>,
    /// Secrets that its plugins can be granted.
    pub secret: BTreeMap<SecretName, WrittenSecret>,
}

/// What stands at the top of the file and is the tenant `default`'s.
pub(super) struct AtTop {
    pub(super) plugins: Option<PathBuf>,
    pub(super) plugin: BTreeMap<PluginId, WrittenPlugin>,
    pub(super) secrets: Secrets,
    /// What holds for calls of all tenants, where theirs say nothing else.
    pub(super) limits: Limits,
}

/// All tenants of a file, on a host of so many places. `default` is always one of them.
pub(super) fn tenants(
    written: BTreeMap<TenantId, WrittenTenant>,
    top: AtTop,
    calls_max: u32,
    base: &Path,
) -> Result<BTreeMap<TenantId, Arc<TenantSettings>>, ConfigError> {
    let folder = base.join(top.plugins.as_deref().unwrap_or(Path::new(DEFAULT_PLUGINS)));
    // With tenants of other names, `default` has plugins only where somebody says so.
    let has_others = written.keys().any(|id| *id != TenantId::default());
    let plugins = (top.plugins.is_some() || !has_others).then(|| folder.clone());
    let mut tenants = BTreeMap::new();
    let mut default = Some((plugins, top.plugin, top.secrets));
    for (id, written) in written {
        let within = |error: ConfigError| error.within(&format!("[tenant.{id}]"));
        let limits = written.limits.over(&top.limits).map_err(within)?;
        let (plugins, plugin, secrets) = if id == TenantId::default() {
            if written.plugins.is_some() || !written.plugin.is_empty() || !written.secret.is_empty() {
                let reason = "its plugins and secrets are those at the top of the file: write [plugin.NAME] there";
                return Err(within(ConfigError::new(reason)));
            }
            default.take().unwrap_or_default()
        } else {
            let plugins = written.plugins.map_or_else(|| folder.join(id.as_str()), |dir| base.join(dir));
            (Some(plugins), written.plugin, Secrets::new(written.secret, base).map_err(within)?)
        };
        let settings = TenantSettings::new(plugins, limits, written.quotas, (plugin, secrets), base).map_err(within)?;
        tenants.insert(id, Arc::new(TenantSettings { public: written.public, ..settings }));
    }
    if let Some((plugins, plugin, secrets)) = default {
        let settings = TenantSettings::new(plugins, top.limits, Quotas::default(), (plugin, secrets), base)?;
        tenants.insert(TenantId::default(), Arc::new(settings));
    }
    leave_room(&mut tenants, calls_max);
    Ok(tenants)
}

/// Where several have plugins, none that nobody gave a share takes all places of the host.
fn leave_room(tenants: &mut BTreeMap<TenantId, Arc<TenantSettings>>, calls_max: u32) {
    if !are_several(tenants) {
        return;
    }
    let most = (calls_max - calls_max / LEFT_TO_OTHERS).max(1);
    for settings in tenants.values_mut() {
        Arc::make_mut(settings).quotas.calls_max.get_or_insert(most);
    }
}

/// Whether more than one of them has plugins.
fn are_several(tenants: &BTreeMap<TenantId, Arc<TenantSettings>>) -> bool {
    let has_plugins = |settings: &&Arc<TenantSettings>| settings.plugins.is_some() || settings.has_sources();
    tenants.values().filter(has_plugins).count() > 1
}

impl Config {
    /// Tasks of one tenant that the host runs at once: where several have plugins, not all that it runs.
    pub fn tasks_running_of_tenant_max(&self) -> u32 {
        let max = self.host_limits.tasks_running_max;
        if are_several(&self.tenants) { max.saturating_sub((max / LEFT_TO_OTHERS).max(1)).max(1) } else { max }
    }
}

/// The arguments of all tools that policies may see.
pub(super) fn policy_arguments(
    tenants: &BTreeMap<TenantId, Arc<TenantSettings>>,
) -> Result<PolicyArguments, ConfigError> {
    let mut all = PolicyArguments::default();
    for (tenant, settings) in tenants {
        for (plugin, settings) in &settings.plugin {
            for (tool, settings) in &settings.tools {
                let whose = if *tenant == TenantId::default() { String::new() } else { format!("tenant.{tenant}.") };
                let place = || format!("[{whose}plugin.{plugin}.tool.{tool}]");
                all.join(&settings.policy_arguments).map_err(|error| error.within(&place()))?;
            }
        }
    }
    Ok(all)
}

impl TenantSettings {
    fn new(
        plugins: Option<PathBuf>,
        limits: Limits,
        quotas: Quotas,
        (written, secrets): (BTreeMap<PluginId, WrittenPlugin>, Secrets),
        base: &Path,
    ) -> Result<Self, ConfigError> {
        let mut plugin = BTreeMap::new();
        for (id, written) in written {
            let settings = written.usable(&limits, base).map_err(|error| error.within(&format!("[plugin.{id}]")))?;
            if let Some(unknown) = settings.grants.secret_names().find(|name| !secrets.knows(name)) {
                let reason = format!("[plugin.{id}] grants: there is no secret `{unknown}`; add [secret.{unknown}]");
                return Err(ConfigError::new(reason));
            }
            plugin.insert(id, settings);
        }
        quotas.check(&plugin)?;
        Ok(Self { plugins, public: false, limits, quotas, plugin, secrets })
    }

    /// What holds for `plugin`: its own settings, or the tenant's.
    pub fn for_plugin(&self, plugin: &PluginId) -> PluginSettings {
        self.plugin.get(plugin).cloned().unwrap_or_else(|| PluginSettings::new(self.limits.clone()))
    }
}

impl TenantSettings {
    /// Whether any plugin comes from elsewhere than its folder.
    pub fn has_sources(&self) -> bool {
        self.plugin.values().any(|settings| settings.supply.source.is_some())
    }
}

impl Quotas {
    /// What each plugin may keep is held to while it writes; here it is enough that all of it together is not too much.
    fn check(&self, plugins: &BTreeMap<PluginId, PluginSettings>) -> Result<(), ConfigError> {
        if self.calls_max == Some(0) {
            return Err(ConfigError::new("quotas: `calls_max` is 0, so that no call could ever run; use at least 1"));
        }
        let Some(bytes_max) = self.keyvalue_bytes_max else { return Ok(()) };
        let grants = plugins.values().filter_map(|settings| settings.grants.keyvalue.as_ref());
        let granted: u64 = grants.map(|grant| grant.bytes_max).fold(0, u64::saturating_add);
        if granted > bytes_max {
            return Err(ConfigError::new(format!(
                "quotas: its plugins are granted {granted} bytes of key-value data, and `keyvalue_bytes_max` is {bytes_max}; \
                 set smaller `bytes_max` in their grants"
            )));
        }
        Ok(())
    }
}
