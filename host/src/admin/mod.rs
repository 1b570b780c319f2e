//! What is for the operator alone, on an address of its own: health, readiness, metrics in Prometheus' form, and, for whoever has
//! the key, what the host is doing at this moment (`api`), with a page that shows it (`page`).

mod accept;
mod api;
mod audited;
mod grants;
mod guard;
mod key;
mod page;
mod reply;

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{net::TcpListener, runtime::Handle};
use tokio_util::sync::CancellationToken;

pub use api::{Audited, Reload, Watched};
pub use key::{Found, Key};

use crate::{config::AdminSettings, metrics::Metrics};

/// Prometheus' text format (its "Exposition formats", "Text-based format").
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A bound listener that is not yet served.
pub struct Admin {
    listener: TcpListener,
    parts: Parts,
}

/// What it tells.
pub struct Parts {
    pub metrics: Metrics,
    pub report: Report,
    pub settings: AdminSettings,
    pub header_read_max: Duration,
    /// What opens the API. `None`: nothing does.
    pub key: Option<Key>,
    pub watched: Watched,
}

/// Brings the metrics up to date that are looked up rather than counted.
pub type Report = Box<dyn Fn() + Send + Sync>;

impl Admin {
    /// Binds the address; port 0 picks a free one.
    pub async fn bind(address: SocketAddr, parts: Parts) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, parts })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `ended`. The host is ready until `stop`: whoever sends requests then has time to look elsewhere.
    pub async fn serve(self, stop: CancellationToken, ended: CancellationToken) {
        let shared = Arc::new(Shared { parts: self.parts, stop, began: Instant::now() });
        let router = Router::new()
            .route("/healthz", get(async || "alive\n"))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .with_state(Arc::clone(&shared))
            .merge(page::routes(&shared))
            .nest("/api/v1", api::routes(&shared))
            .layer(from_fn(guarded));
        accept::serve(self.listener, router, shared.parts.header_read_max, ended).await;
    }
}

/// What every request needs.
struct Shared {
    parts: Parts,
    /// Cancelled when the host is to end.
    stop: CancellationToken,
    /// When the listener began to serve, which is when the host did.
    began: Instant,
}

/// No page elsewhere may show, read or embed what is answered here, whatever it is.
async fn guarded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in guard::HEADERS {
        response.headers_mut().insert(name, value);
    }
    response
}

async fn ready(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    if shared.stop.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

async fn metrics(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let parts = &shared.parts;
    if parts.settings.metrics_need_key
        && let Err(refused) = guard::authorized(parts, peer.ip(), &headers)
    {
        return *refused;
    }
    (parts.report)();
    crate::metrics::in_use("tasks", Handle::current().metrics().num_alive_tasks());
    ([(header::CONTENT_TYPE, TEXT_FORMAT)], parts.metrics.render()).into_response()
}
