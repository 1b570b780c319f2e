//! What is for the operator alone, on an address of its own: health, readiness, and metrics in Prometheus' form.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{Router, extract::State, http::StatusCode, http::header, response::IntoResponse, routing::get};
use tokio::{net::TcpListener, runtime::Handle};
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// Prometheus' text format (its "Exposition formats", "Text-based format").
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A bound listener that is not yet served.
pub struct Admin {
    listener: TcpListener,
    metrics: Metrics,
    report: Report,
}

/// Brings the metrics up to date that are looked up rather than counted.
pub type Report = Box<dyn Fn() + Send + Sync>;

impl Admin {
    /// Binds the address; port 0 picks a free one.
    pub async fn bind(address: SocketAddr, metrics: Metrics, report: Report) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, metrics, report })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `ended`. The host is ready until `stop`: whoever sends requests then has time to look elsewhere.
    pub async fn serve(self, stop: CancellationToken, ended: CancellationToken) {
        let state = Arc::new(Shared { metrics: self.metrics, report: self.report, stop });
        let router = Router::new()
            .route("/healthz", get(async || "alive\n"))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .with_state(state);
        let serving = axum::serve(self.listener, router).with_graceful_shutdown(ended.cancelled_owned());
        if let Err(error) = serving.await {
            tracing::warn!(%error, "the admin listener ended");
        }
    }
}

struct Shared {
    metrics: Metrics,
    report: Report,
    stop: CancellationToken,
}

async fn ready(State(state): State<Arc<Shared>>) -> impl IntoResponse {
    if state.stop.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

async fn metrics(State(state): State<Arc<Shared>>) -> impl IntoResponse {
    (state.report)();
    crate::metrics::in_use("tasks", Handle::current().metrics().num_alive_tasks());
    ([(header::CONTENT_TYPE, TEXT_FORMAT)], state.metrics.render())
}
