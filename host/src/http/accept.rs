//! Connections: accepted within bounds, each with a clock for its headers, all ended gracefully.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};
use tokio_util::sync::CancellationToken;

use super::{
    Gate, endpoint,
    stall::{Movement, Noted},
};
use crate::config::HostLimits;

/// How often a connection looks whether it still moves.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// After a failed accept (most often: no file descriptors left) things need a moment to get better.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Headers in one request; browsers send about 20.
const HEADERS_MAX: usize = 100;

pub(super) async fn serve(listener: TcpListener, gate: Arc<Gate>, limits: &HostLimits, stop: CancellationToken) {
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
            Ok((stream, _)) => spawn(&builder, stream, Arc::clone(&gate), place, &graceful, limits.header_read_max),
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
        // `stall` does this, for less.
        .header_read_timeout(None)
        .max_headers(HEADERS_MAX)
        .max_buf_size(limits.header_bytes_max);
    builder
}

fn spawn(
    builder: &http1::Builder,
    stream: TcpStream,
    gate: Arc<Gate>,
    place: OwnedSemaphorePermit,
    graceful: &GracefulShutdown,
    header_read_max: Duration,
) {
    // An event written in two pieces would otherwise wait for the peer's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let movement = Movement::new();
    let noted = Noted { stream, movement: Arc::clone(&movement) };
    let moving = Arc::clone(&movement);
    let service = service_fn(move |request| {
        let (gate, serving) = (Arc::clone(&gate), moving.serving());
        async move {
            let response = endpoint::serve(&gate, request).await;
            drop(serving);
            Ok::<_, Infallible>(response)
        }
    });
    let connection = graceful.watch(builder.serve_connection(TokioIo::new(noted), service));
    tokio::spawn(async move {
        let mut connection = pin!(connection);
        let mut look = time::interval(LOOK_EVERY);
        loop {
            select! {
                biased;
                ended = &mut connection => {
                    // Clients break off at any point; that is theirs to do.
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection ended early");
                    }
                    break;
                }
                _ = look.tick() => {
                    if movement.has_stalled(header_read_max) {
                        break;
                    }
                }
            }
        }
        drop(place);
    });
}
