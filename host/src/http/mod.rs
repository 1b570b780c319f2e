//! The transport: connections, limits, and the one endpoint. Only this module and `admin` know axum.

mod accept;
mod discovery;
mod endpoint;
mod origin;
mod respond;
mod stall;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    auth::Principal,
    config::{Config, HostLimits},
    mcp::Server,
};

/// The path of the endpoint.
pub const ENDPOINT: &str = "/mcp";

/// What every request needs.
pub(crate) struct Gate {
    server: Arc<Server>,
    origins: origin::Origins,
    body_bytes_max: usize,
    body_read_max: Duration,
    /// Whether the host ends soon: its answers then say that the connection ends with them.
    leaving: AtomicBool,
    discovery: discovery::Discovery,
    /// Whoever calls a host that asks nobody who they are.
    anonymous: Arc<Principal>,
}

/// A bound listener that is not yet served.
pub struct Http {
    listener: TcpListener,
    gate: Arc<Gate>,
    limits: HostLimits,
}

impl Http {
    /// Binds the address; port 0 picks a free one.
    pub async fn bind(config: &Config, server: Arc<Server>) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        // What is told in public is that others reach it at: not what a stranger says in `Host`.
        let own = listener.local_addr()?;
        let own = own.ip().is_loopback().then(|| format!("http://{own}"));
        let gate = Gate {
            server,
            origins: origin::Origins::new(&config.allowed_origins),
            body_bytes_max: config.host_limits.body_bytes_max,
            body_read_max: config.host_limits.body_read_max,
            leaving: AtomicBool::new(false),
            discovery: discovery::Discovery::new(config, own),
            anonymous: Arc::new(Principal::anonymous()),
        };
        Ok(Self { listener, gate: Arc::new(gate), limits: config.host_limits.clone() })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `closing`, then ends idle connections and waits for the others, up to `drain_max`. From `leaving` on,
    /// connections are given up as soon as what they asked for is answered.
    pub async fn serve(self, leaving: CancellationToken, closing: CancellationToken) {
        accept::serve(self.listener, self.gate, &self.limits, leaving, closing).await;
    }
}
