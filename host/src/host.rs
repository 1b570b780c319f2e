//! The composition root: everything is built here, once, from a [`Config`].

mod door;
mod reload;

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::{net::TcpListener, sync::mpsc, time};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::door::Door;
use crate::{
    admin::{self, Admin, Audited, Key, Watched},
    audit::Audit,
    catalog::{self, Live, Loaders, Order, Tenants, Whose, Yard},
    config::{CacheDir, Config, PublicUrl, Reload, SecretName, Taker},
    hosts::Hosts,
    http::{Http, Tls},
    ids::TenantId,
    mcp::{Parts, Runner, Server, stdio},
    metrics::Metrics,
    observe::Observer,
    policy::Policy,
    sandbox::{Network, Options, Outside, Sandbox, Settings},
    seal::KeyRing,
    signals::Signals,
    store::{Credentials, Redis, Sqlite, Store},
    supply::Supply,
    telemetry::{self, Exporting, Tracer},
};

/// How long answers on the admin listener may take after the last call.
const ADMIN_END_MAX: Duration = Duration::from_secs(1);

/// How long a start waits for registries. What comes later is served when it is there.
pub const REGISTRIES_WAIT_MAX: Duration = Duration::from_secs(20);

/// Orders to whoever reads the plugin folders that may wait; each waits for a few files at most.
const ORDERS_MAX: usize = 16;

/// The file of the embedded store, in the state folder.
const STORE_FILE: &str = "state.db";

/// The file of the machine's own sealing key, in the state folder.
const KEY_FILE: &str = "seal.key";

/// A host that has loaded its plugins and serves nobody yet.
pub struct Host {
    config: Arc<Config>,
    server: Arc<Server>,
    policy: Policy,
    signals: Signals,
    tenants: Arc<Tenants>,
    loaders: Loaders,
    orders: (mpsc::Sender<Order>, mpsc::Receiver<Order>),
    store: Arc<dyn Store>,
    ring: KeyRing,
    yard: Arc<Yard>,
    hosts: Arc<Hosts>,
    metrics: Metrics,
    traces: Option<Exporting>,
    /// Where another configuration comes from, and what takes it up beside the plugins.
    reload: Option<Reload>,
    takers: Vec<Taker>,
    background: TaskTracker,
    stopping: CancellationToken,
}

/// A host that is bound to an address.
pub struct Bound {
    host: Host,
    http: Http,
    door: Arc<Door>,
    admin: Option<Admin>,
    admin_key_file: Option<PathBuf>,
    addr: SocketAddr,
}

impl Host {
    /// Builds the engine, opens the store, loads the plugins that are there.
    pub async fn build(config: Config) -> Result<Self> {
        Self::build_observed(config, None).await
    }

    /// The same, with somebody who looks on at all calls.
    pub async fn build_observed(config: Config, observer: Option<Observer>) -> Result<Self> {
        let (config, metrics) = (Arc::new(config), Metrics::start());
        let policy = policy(&config)?;
        let signals = Signals::new();
        let tenants = Arc::new(Tenants::new(signals.clone()));
        let (background, stopping) = (TaskTracker::new(), CancellationToken::new());
        let (store, ring) = state(&config).await?;
        let hosts = Arc::new(Hosts::new(Arc::clone(&store), signals.clone())?);
        let audit = config.audit.as_ref().map(|settings| Audit::start(settings, hosts.id())).transpose();
        let audit = audit.map_err(anyhow::Error::msg)?.unwrap_or_default();
        let yard = Arc::new(yard(&config, Arc::clone(&store))?);
        let id = hosts.id().to_string();
        let start = |settings| telemetry::start_traces(settings, &config.secrets, &id);
        let traces = config.telemetry.as_ref().map(start).transpose()?;
        let parts = Parts {
            tenants: Arc::clone(&tenants),
            signals: signals.clone(),
            hosts: Arc::clone(&hosts),
            ring: ring.clone(),
            store: Arc::clone(&store),
            lanes: Arc::clone(yard.sandbox().lanes()),
            background: background.clone(),
            stopping: stopping.clone(),
            audit: audit.clone(),
            observer,
            tracer: traces.as_ref().map(|traces| traces.tracer().clone()),
            policy: policy.clone(),
        };
        let server = Arc::new(Server::new(&config, parts));
        if let Err(error) = server.recall().await {
            // They are read again when the store is there.
            tracing::warn!("what is known of sessions cannot be read: {error}");
        }
        let supply = Arc::new(Supply::open(&config).map_err(anyhow::Error::msg)?.audited(audit.clone()));
        let mut loaders = Loaders::new(Arc::clone(&config), Arc::clone(&yard), Arc::clone(&tenants), supply, audit);
        loaders.first_look(REGISTRIES_WAIT_MAX).await;
        if let Err((dir, error)) = loaders.scan(&Whose::All).await.whole() {
            let dir = dir.display();
            let what = format!("cannot read the plugin folder `{dir}`; create it, or name another with --plugins");
            return Err(anyhow::Error::new(error).context(what));
        }
        if let Err(error) = tenants.settle(&*store).await {
            tracing::warn!("what tenants have used today on other hosts is not known yet: {error}");
        }
        let orders = mpsc::channel(ORDERS_MAX);
        let (reload, takers) = (None, Vec::new());
        Ok(Self {
            config,
            server,
            policy,
            signals,
            tenants,
            loaders,
            orders,
            store,
            ring,
            yard,
            hosts,
            metrics,
            traces,
            reload,
            takers,
            background,
            stopping,
        })
    }

    /// What it was built from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The tenants there are.
    pub fn tenants(&self) -> &Arc<Tenants> {
        &self.tenants
    }

    /// Who may do what. Reloading it takes effect with the next request; lists may then be others.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What is loaded of the tenant `default`.
    pub fn live(&self) -> Arc<Live> {
        let tenant = self.tenants.get(TenantId::default().as_str());
        Arc::clone(&tenant.expect("every configuration has the tenant `default`").live)
    }

    /// Where whoever reads the plugin folders is told what to do, once the host runs.
    pub fn orders(&self) -> mpsc::Sender<Order> {
        self.orders.0.clone()
    }

    /// What runs its calls, for those that no client makes.
    pub fn runner(&self) -> &Runner {
        self.server.runner()
    }

    /// Where calls and changes are written down.
    pub fn audit(&self) -> &Audit {
        self.server.audit()
    }

    /// Which of the engine's fast paths are in force.
    pub fn settings(&self) -> Settings {
        self.yard.sandbox().settings()
    }

    /// Has it take up what `reload` reads while it serves.
    pub fn reloading(self, reload: Option<Reload>) -> Self {
        Self { reload, ..self }
    }

    /// Binds the address of the configuration.
    ///
    /// A host that anybody can reach and that asks nobody who they are is refused, unless the configuration says that this is
    /// meant.
    pub async fn bind(self) -> Result<Bound> {
        self.check_wishes()?;
        let config = &self.config;
        let listen = config.listen;
        door::check_reach(config, listen)?;
        let listener = TcpListener::bind(listen).await.with_context(|| {
            format!(
                "cannot listen on {listen}; say another address with `listen` or --listen, or end what has this one"
            )
        })?;
        let addr = listener.local_addr().context("the listener has no address")?;
        let kept = (self.ring.clone(), self.server.audit().clone(), Arc::clone(&self.store));
        let door = Door::new(config, addr, kept)?;
        let tls = config.tls.as_ref().map(Tls::load).transpose().map_err(anyhow::Error::msg)?;
        let http = Http::new(config, listener, Arc::clone(&self.server), door.auth(), tls);
        let (admin, admin_key_file) = match self.config.admin_listen {
            Some(address) => {
                let (parts, key_file) = self.admin_parts().context("the admin listener")?;
                let admin = Admin::bind(address, parts).await;
                (Some(admin.with_context(|| format!("cannot listen on {address} for the operator; say another with [admin] listen, or end what has this one"))?), key_file)
            }
            None => (None, None),
        };
        Ok(Bound { host: self, http, door, admin, admin_key_file, addr })
    }

    /// What the operator is told, and where the key is that this machine made for that.
    fn admin_parts(&self) -> Result<(admin::Parts, Option<PathBuf>)> {
        let settings = self.config.admin.clone();
        let found = Key::find(&settings, &self.config.secrets, self.config.state_dir.as_deref());
        let found = found.map_err(anyhow::Error::msg)?;
        let (orders, trail) = (self.orders(), self.audit().clone());
        let ask = self.reload.as_ref().map(Reload::ask);
        let audited = trail.is_on().then(|| -> Audited { Box::new(move |count| last_records(&trail, count)) });
        let watched = Watched {
            server: Arc::clone(&self.server),
            calls_max: self.config.host_limits.calls_max,
            reload: Box::new(move || Box::pin(reload::again(ask.clone(), orders.clone()))),
            audited,
        };
        let (metrics, report) = (self.metrics.clone(), self.report());
        let header_read_max = self.config.host_limits.header_read_max;
        Ok((admin::Parts { metrics, report, settings, header_read_max, key: found.key, watched }, found.file))
    }

    fn report(&self) -> admin::Report {
        let (yard, tenants) = (Arc::clone(&self.yard), Arc::clone(&self.tenants));
        Box::new(move || {
            yard.sandbox().report();
            tenants.report();
        })
    }

    /// Whether all plugins have what they cannot do without, if the configuration wants that.
    fn check_wishes(&self) -> Result<()> {
        if !self.config.strict_grants {
            return Ok(());
        }
        let mut unmet = Vec::new();
        for tenant in self.tenants.all() {
            let Some(settings) = self.config.tenants.get(&tenant.id) else { continue };
            for plugin in tenant.live.now().plugins() {
                let grants = settings.for_plugin(plugin.id()).grants;
                unmet.extend(plugin.wishes().unmet(&grants).map(|wish| format!("{}: {wish}", plugin.id())));
            }
        }
        if unmet.is_empty() {
            return Ok(());
        }
        bail!(
            "plugins wish for what they were not granted: {}; grant it in [plugin.NAME.grants], or start without --strict-grants",
            unmet.join("; ")
        )
    }

    /// Serves one client on standard input and output, until it is gone or `stop`.
    pub async fn run_stdio(self, stop: CancellationToken) -> Result<()> {
        if self.config.audit.as_ref().is_some_and(|audit| audit.stdout) {
            bail!("[audit] stdout: standard output is the client's here; leave it out, or use `toolyard serve`");
        }
        self.check_wishes()?;
        let line_bytes_max = self.config.host_limits.body_bytes_max;
        let (server, stopping) = (Arc::clone(&self.server), self.stopping.clone());
        let input = tokio::io::BufReader::new(tokio::io::stdin());
        let serve = async move {
            let served = stdio::serve(server, input, tokio::io::stdout(), line_bytes_max, stop).await;
            stopping.cancel();
            served
        };
        self.while_watching(serve).await.context("standard input or output broke")
    }

    /// Does `serving` with the folder watched and the other hosts heard, then waits for what goes on without a client, up to
    /// the grace period.
    async fn while_watching<T>(self, serving: impl Future<Output = T>) -> T {
        let watching = CancellationToken::new();
        let (orders, takers, audit) = (self.orders.0.clone(), self.takers, self.server.audit().clone());
        let follow = |reload| tokio::spawn(reload::follow(reload, takers, orders, audit, watching.clone()));
        let following = self.reload.map(follow);
        let watcher = tokio::spawn(catalog::watch(self.loaders, self.orders.1, watching.clone()));
        let settled = CancellationToken::new();
        let (tenants, store) = (Arc::clone(&self.tenants), Arc::clone(&self.store));
        let settling = tokio::spawn(tenants.keep_settling(store, settled.clone()));
        self.background.spawn(self.server.run_tasks());
        let (server, hosts) = (Arc::clone(&self.server), Arc::clone(&self.hosts));
        // Until the last call has ended, it can be answered and cancelled from elsewhere.
        let among_others = tokio::spawn(async move { tokio::join!(server.attend(), hosts.speak()) });
        let served = serving.await;
        watching.cancel();
        let _ = watcher.await;
        if let Some(following) = following {
            let _ = following.await;
        }
        drain(&self.background, self.config.host_limits.drain_max).await;
        among_others.abort();
        settled.cancel();
        let _ = settling.await;
        self.hosts.leave().await;
        self.server.audit().close().await;
        if let Some(traces) = self.traces {
            traces.end().await;
        }
        served
    }
}

impl Bound {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The endpoint, as somebody on this machine reaches it.
    pub fn url(&self) -> String {
        PublicUrl::of_listener(self.addr, self.host.config.tls.is_some()).endpoint(None)
    }

    /// Where health and metrics are, if anywhere.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().and_then(|admin| admin.local_addr().ok())
    }

    /// Where the key to the admin API is, if this machine made it.
    pub fn admin_key_file(&self) -> Option<&Path> {
        self.admin_key_file.as_deref()
    }

    /// The host itself.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Serves until `stop`, then drains. First it only says that it is not ready, for `drain_notice`, so that nobody is sent here
    /// who would find the door closed. Then there are no new connections, streams of news end, and calls in flight end within
    /// the grace period.
    pub async fn run(self, stop: CancellationToken) {
        let Self { mut host, http, door, admin, .. } = self;
        let own = [host.server.taker(), host.yard.network().taker(), host.server.audit().taker(), reload::log_taker()];
        host.takers.extend([http.taker(), door.taker(), host.policy.taker(&host.signals)]);
        host.takers.extend(own.into_iter().chain(host.server.tracer().map(Tracer::taker)));
        let (stopping, ended) = (host.stopping.clone(), CancellationToken::new());
        // Without an admin listener there is nowhere to see it.
        let notice = if admin.is_some() { host.config.drain_notice } else { Duration::ZERO };
        let admin = admin.map(|admin| tokio::spawn(admin.serve(stop.clone(), ended.clone())));
        let serving = async move {
            tokio::join!(http.serve(stop.clone(), stopping.clone()), async {
                stop.cancelled().await;
                time::sleep(notice).await;
                stopping.cancel();
            });
        };
        door.tend();
        host.while_watching(serving).await;
        ended.cancel();
        door.close().await;
        if let Some(admin) = admin {
            // Whoever holds a connection open must not keep the host from ending.
            let _ = time::timeout(ADMIN_END_MAX, admin).await;
        }
    }
}

/// The last records of the trail, the newest first.
fn last_records(trail: &Audit, count: usize) -> Vec<serde_json::Value> {
    trail.recent(count).iter().rev().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

async fn drain(background: &TaskTracker, drain_max: Duration) {
    background.close();
    if time::timeout(drain_max, background.wait()).await.is_err() {
        tracing::warn!("some calls whose client is gone did not end within drain_ms_max");
    }
}

/// The policies. Every mistake in them is told, one in a line.
fn policy(config: &Config) -> Result<Policy> {
    let policy = Policy::load(&config.policy).map_err(|mistakes| {
        let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}", mistakes.join("\n"))
    })?;
    for odd in policy.warnings() {
        tracing::warn!(policy = %odd, "a policy is odd");
    }
    Ok(policy)
}

/// What plugins are made with.
fn yard(config: &Config, store: Arc<dyn Store>) -> Result<Yard> {
    let sandbox = Sandbox::new(&Options {
        calls_max: config.host_limits.calls_max,
        table_elements_max: config.table_elements_max(),
        warm_instances_max: config.host_limits.warm_instances_max,
        cache_dir: match &config.cache_dir {
            CacheDir::At(dir) => Some(dir.clone()),
            CacheDir::Usual | CacheDir::Nowhere => None,
        },
        pooling: true,
    })?;
    let outside = Outside { store, network: Arc::new(Network::new(config.egress.clone())) };
    Ok(Yard::new(sandbox, outside))
}

/// What plugins are made with, for one that is used without a host around it.
pub async fn yard_alone(config: &Config) -> Result<Arc<Yard>> {
    let (store, _) = state(config).await?;
    Ok(Arc::new(yard(config, store)?))
}

/// The store and the keys.
async fn state(config: &Config) -> Result<(Arc<dyn Store>, KeyRing)> {
    if let Some(dir) = &config.state_dir {
        private_dir(dir).with_context(|| {
            format!("cannot make the state folder `{}`; name another with --state-dir", dir.display())
        })?;
    }
    Ok((store(config).await?, ring(config)?))
}

async fn store(config: &Config) -> Result<Arc<dyn Store>> {
    let Some(shared) = &config.store else {
        let Some(dir) = &config.state_dir else { return Ok(Arc::new(Sqlite::in_memory()?)) };
        let store = Sqlite::open(&dir.join(STORE_FILE));
        return Ok(Arc::new(store.with_context(|| format!("cannot open the store in `{}`", dir.display()))?));
    };
    if config.seal.is_none() {
        tracing::warn!("hosts that share a store need the same keys in [seal]: without, none knows another's sessions");
    }
    let secret = |name: &Option<SecretName>| {
        let read = name.as_ref().map(|name| config.secrets.read(name)).transpose();
        read.map_err(anyhow::Error::msg).context("the store's password cannot be read")
    };
    let mut ca = Vec::new();
    for file in &shared.ca_files {
        ca.extend(fs::read(file).with_context(|| format!("`store_ca_files`: {} cannot be read", file.display()))?);
        ca.push(b'\n');
    }
    let credentials = Credentials {
        password: secret(&shared.password)?,
        sentinel_password: secret(&shared.sentinel_password)?,
        ca: (!ca.is_empty()).then_some(ca),
    };
    Ok(Arc::new(Redis::connect(shared, &credentials).await.context("cannot use the store")?))
}

fn ring(config: &Config) -> Result<KeyRing> {
    if let Some(ring) = &config.seal {
        return Ok(ring.clone());
    }
    let Some(dir) = &config.state_dir else { return Ok(KeyRing::ephemeral()?) };
    KeyRing::in_file(&dir.join(KEY_FILE)).with_context(|| format!("cannot read the key in `{}`", dir.display()))
}

fn private_dir(dir: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}
