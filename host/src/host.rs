//! The composition root: everything is built here, once, from a [`Config`].

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use tokio::time;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    catalog::{self, Live, Loader},
    config::{CacheDir, Config},
    http::Http,
    mcp::Server,
    sandbox::{Options, Sandbox, Settings},
};

/// A host that is bound and loaded, but does not serve yet.
pub struct Host {
    http: Http,
    addr: SocketAddr,
    live: Arc<Live>,
    loader: Loader,
    settings: Settings,
    background: TaskTracker,
    drain_max: Duration,
}

impl Host {
    /// Builds the engine, binds the address, loads the plugins that are there.
    pub async fn build(config: Config) -> Result<Self> {
        let sandbox = Arc::new(sandbox(&config)?);
        let settings = sandbox.settings();
        let live = Arc::new(Live::default());
        let background = TaskTracker::new();
        let server = Arc::new(Server::new(&config, Arc::clone(&live), background.clone()));
        let http = Http::bind(&config, server).await.with_context(|| format!("cannot listen on {}", config.listen))?;
        let addr = http.local_addr().context("the listener has no address")?;
        let drain_max = config.host_limits.drain_max;
        let plugins = config.plugins.clone();
        let mut loader = Loader::new(Arc::new(config), sandbox, Arc::clone(&live));
        loader.scan().await.with_context(|| {
            let dir = plugins.display();
            format!("cannot read the plugin folder `{dir}`; create it, or name another with --plugins")
        })?;
        Ok(Self { http, addr, live, loader, settings, background, drain_max })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What is loaded.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// Which of the engine's fast paths are in force.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Serves until `stop`, then drains: no new connections, calls in flight end within the grace period.
    pub async fn run(self, stop: CancellationToken) {
        let watching = CancellationToken::new();
        let watcher = tokio::spawn(catalog::watch(self.loader, watching.clone()));
        self.http.serve(stop).await;
        watching.cancel();
        let _ = watcher.await;
        self.background.close();
        if time::timeout(self.drain_max, self.background.wait()).await.is_err() {
            tracing::warn!("some calls whose client is gone did not end within drain_ms_max");
        }
    }
}

/// The sandbox that a configuration asks for.
pub fn sandbox(config: &Config) -> Result<Sandbox> {
    Sandbox::new(&Options {
        calls_max: config.host_limits.calls_max,
        table_elements_max: config.table_elements_max(),
        cache_dir: match &config.cache_dir {
            CacheDir::At(dir) => Some(dir.clone()),
            CacheDir::Usual | CacheDir::Nowhere => None,
        },
    })
}
