//! Connections: accepted within bounds, each with a clock for its headers, all ended gracefully.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};
use tokio_util::sync::CancellationToken;

use crate::config::HostLimits;

/// After a failed accept (most often: no file descriptors left) things need a moment to get better.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Headers in one request; browsers send about 20.
const HEADERS_MAX: usize = 100;

pub(super) async fn serve(listener: TcpListener, router: Router, limits: &HostLimits, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(limits.connections_max.min(Semaphore::MAX_PERMITS)));
    let graceful = GracefulShutdown::new();
    let builder = builder(limits);
    loop {
        // Without a free place the connection waits in the kernel's queue.
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
            (listener.accept().await, place)
        };
        let (accepted, place) = select! {
            biased;
            () = stop.cancelled() => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, _)) => spawn(&builder, stream, router.clone(), place, &graceful),
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if time::timeout(limits.drain_max, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end within drain_ms_max and are cut off");
    }
}

fn builder(limits: &HostLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read_max)
        .max_headers(HEADERS_MAX)
        .max_buf_size(limits.header_bytes_max);
    builder
}

fn spawn(
    builder: &http1::Builder,
    stream: TcpStream,
    router: Router,
    place: OwnedSemaphorePermit,
    graceful: &GracefulShutdown,
) {
    // An event written in two pieces would otherwise wait for the peer's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        // Clients break off at any point; that is theirs to do.
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
        drop(place);
    });
}
