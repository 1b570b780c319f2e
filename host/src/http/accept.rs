//! Connections: accepted within bounds, each with a clock for its headers, all ended gracefully.

use std::{
    convert::Infallible,
    net::IpAddr,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::http::{HeaderValue, header};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    select,
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};
use tokio_util::sync::CancellationToken;

use super::{
    Gate, endpoint,
    stall::{Movement, Noted},
    tls::Tls,
};
use crate::config::HostLimits;

/// How often a connection looks whether it still moves.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// After a failed accept (most often: no file descriptors left) things need a moment to get better.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Whoever was let in last has this long to say what it wants, before connections without a request are ended.
const LAST_REQUESTS: Duration = Duration::from_millis(250);

/// Headers in one request; browsers send about 20.
const HEADERS_MAX: usize = 100;

pub(super) async fn serve(
    listener: TcpListener,
    gate: Arc<Gate>,
    limits: &HostLimits,
    leaving: CancellationToken,
    closing: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(limits.connections_max.min(Semaphore::MAX_PERMITS)));
    let graceful = GracefulShutdown::new();
    let builder = builder(limits);
    let let_in = |(stream, peer): (TcpStream, IpAddr), place| {
        // An event written in two pieces would otherwise wait for the peer's delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let guest = Guest {
            builder: builder.clone(),
            gate: Arc::clone(&gate),
            peer,
            place,
            places: Arc::clone(&places),
            watcher: graceful.watcher(),
            header_read_max: limits.header_read_max,
        };
        match &gate.tls {
            None => drop(tokio::spawn(guest.serve(stream))),
            Some(tls) => drop(tokio::spawn(guest.serve_secured(Arc::clone(tls), stream))),
        }
    };
    loop {
        // Without a free place the connection waits in the kernel's queue.
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
            (listener.accept().await, place)
        };
        let (accepted, place) = select! {
            biased;
            () = closing.cancelled() => break,
            () = leaving.cancelled(), if !gate.leaving.load(Ordering::Relaxed) => {
                gate.leaving.store(true, Ordering::Relaxed);
                continue;
            }
            next = next => next,
        };
        match accepted {
            Ok((stream, peer)) => let_in((stream, peer.ip()), place),
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    gate.leaving.store(true, Ordering::Relaxed);
    for arrived in last_in_line(listener) {
        // Without a free place nobody was let in before either.
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            let_in(arrived, place);
        }
    }
    time::sleep(LAST_REQUESTS).await;
    if time::timeout(limits.drain_max, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end within drain_ms_max and are cut off");
    }
}

/// Closes the door, and gives the connections that the kernel had let in: whoever is behind them takes them for accepted, and may
/// have sent a request.
fn last_in_line(listener: TcpListener) -> Vec<(TcpStream, IpAddr)> {
    let listener = match listener.into_std() {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, "connections that were not yet accepted are cut off");
            return Vec::new();
        }
    };
    // It does not block: without a next one it fails.
    let streams = std::iter::from_fn(|| listener.accept().ok()).filter_map(|(stream, peer)| {
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer.ip()))
    });
    streams.collect()
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

/// What a connection takes along.
struct Guest {
    builder: http1::Builder,
    gate: Arc<Gate>,
    /// The other end.
    peer: IpAddr,
    place: OwnedSemaphorePermit,
    /// All of them.
    places: Arc<Semaphore>,
    watcher: Watcher,
    header_read_max: Duration,
}

impl Guest {
    /// Whoever does not come to terms in time is let go: the greeting is as bounded as headers are.
    async fn serve_secured(self, tls: Arc<Tls>, stream: TcpStream) {
        match time::timeout(self.header_read_max, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.serve(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, "a connection did not come to speak TLS"),
            Err(_) => tracing::debug!("a connection did not come to speak TLS in time"),
        }
    }

    async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { builder, gate, peer, place, places, watcher, header_read_max } = self;
        let movement = Movement::new();
        let noted = Noted { stream, movement: Arc::clone(&movement) };
        let moving = Arc::clone(&movement);
        let service = service_fn(move |request| {
            let (gate, serving) = (Arc::clone(&gate), moving.serving());
            async move {
                let mut response = endpoint::serve(&gate, peer, request).await;
                drop(serving);
                if gate.leaving.load(Ordering::Relaxed) {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response)
            }
        });
        let mut connection = pin!(watcher.watch(builder.serve_connection(TokioIo::new(noted), service)));
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
                    if movement.has_stalled(header_read_max, places.available_permits() == 0) {
                        break;
                    }
                }
            }
        }
        drop(place);
    }
}
