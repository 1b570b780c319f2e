//! Connections to the operator's listener: few, and each with a clock for its headers. Whoever reaches it must not be able to take from
//! callers what they need, which are the process's files.

use std::{sync::Arc, time::Duration};

use axum::{Extension, Router, extract::ConnectInfo};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore, time};
use tokio_util::sync::CancellationToken;

/// More than probes, scrapers and browsers of all operators open.
const CONNECTIONS_MAX: usize = 256;

/// Nobody sends more than a key and what browsers add.
const HEADER_BYTES_MAX: usize = 16 << 10;

/// After a failed accept (most often: no file descriptors left) things need a moment to get better.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `ended`, and then until what was asked is answered. A connection whose headers take longer than `header_read_max`,
/// or that asks nothing for so long, is closed.
pub(super) async fn serve(listener: TcpListener, router: Router, header_read_max: Duration, ended: CancellationToken) {
    let (places, graceful) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), GracefulShutdown::new());
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(header_read_max).max_buf_size(HEADER_BYTES_MAX);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
            (listener.accept().await, place)
        };
        let Some((accepted, place)) = ended.run_until_cancelled(next).await else { break };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "no connection to the admin listener could be accepted");
                time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone().layer(Extension(ConnectInfo(peer))));
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the admin listener ended early");
            }
            drop(place);
        });
    }
    graceful.shutdown().await;
}
