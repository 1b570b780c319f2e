//! The transport: connections, limits, and the one endpoint. Only this module and `admin` know axum.

mod accept;
mod discovery;
mod endpoint;
mod origin;
mod respond;
mod stall;
mod tls;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    auth::Authenticator,
    config::{Config, HostLimits, Taker},
    mcp::Server,
};

pub use tls::Tls;

/// The path of the endpoint.
pub const ENDPOINT: &str = "/mcp";

/// Who decides who is calling; replaced whole when the configuration changes.
pub type Auth = Arc<ArcSwap<Authenticator>>;

/// What every request needs.
pub(crate) struct Gate {
    server: Arc<Server>,
    origins: ArcSwap<origin::Origins>,
    body_bytes_max: usize,
    body_read_max: Duration,
    /// Whether the host ends soon: its answers then say that the connection ends with them.
    leaving: AtomicBool,
    auth: Auth,
    tls: Option<Arc<Tls>>,
    discovery: ArcSwap<discovery::Discovery>,
}

/// A bound listener that is not yet served.
pub struct Http {
    listener: TcpListener,
    gate: Arc<Gate>,
    limits: HostLimits,
}

impl Http {
    /// Serves on a listener, to those whom `auth` lets in.
    pub fn new(config: &Config, listener: TcpListener, server: Arc<Server>, auth: Auth, tls: Option<Tls>) -> Self {
        server.guarded_by(Arc::clone(&auth));
        let discovery = discovery::Discovery::new(config, listener.local_addr().ok(), tls.is_some());
        let gate = Gate {
            server,
            origins: ArcSwap::from_pointee(origin::Origins::new(&config.allowed_origins)),
            body_bytes_max: config.host_limits.body_bytes_max,
            body_read_max: config.host_limits.body_read_max,
            leaving: AtomicBool::new(false),
            discovery: ArcSwap::from_pointee(discovery),
            auth,
            tls: tls.map(Arc::new),
        };
        Self { listener, gate: Arc::new(gate), limits: config.host_limits.clone() }
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Takes up which origins may call, and how this server is found.
    pub fn taker(&self) -> Taker {
        let (gate, address) = (Arc::clone(&self.gate), self.local_addr().ok());
        Box::new(move |config| {
            let (gate, origins) = (Arc::clone(&gate), origin::Origins::new(&config.allowed_origins));
            let discovery = discovery::Discovery::new(config, address, gate.tls.is_some());
            Ok(Box::new(move || {
                gate.origins.store(Arc::new(origins));
                gate.discovery.store(Arc::new(discovery));
            }))
        })
    }

    /// Serves until `closing`, then ends idle connections and waits for the others, up to `drain_max`. From `leaving` on,
    /// connections are given up as soon as what they asked for is answered.
    pub async fn serve(self, leaving: CancellationToken, closing: CancellationToken) {
        let ended = CancellationToken::new();
        let watching = async {
            if let Some(tls) = &self.gate.tls {
                tls.watch(self.gate.server.audit(), ended.clone()).await;
            }
        };
        let serving = async {
            accept::serve(self.listener, Arc::clone(&self.gate), &self.limits, leaving, closing).await;
            ended.cancel();
        };
        tokio::join!(serving, watching);
    }
}
