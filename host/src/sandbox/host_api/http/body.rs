//! Bodies, counted on their way.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, header::CONTENT_LENGTH};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};
use wasmtime_wasi_http::{Error, WasiBody};

use super::outcome;
use crate::sandbox::network::{Slot, Traffic};

/// Whether a body turned out too long, and how long it may be: what a connection fails with does not say so itself.
#[derive(Debug, Clone)]
pub(super) struct Overlong {
    found: Arc<AtomicBool>,
    pub(super) bytes_max: u64,
}

impl Overlong {
    pub(super) fn is_found(&self) -> bool {
        self.found.load(Ordering::Relaxed)
    }
}

/// What a guest sends.
pub(super) struct Upload {
    inner: WasiBody,
    bytes_left: u64,
    traffic: Traffic,
    overlong: Overlong,
}

/// The request with its body held to `http_request_bytes_max`. One that announces more is refused at once.
pub(super) fn limited(request: Request<WasiBody>, traffic: &Traffic) -> Result<Request<Upload>, Error> {
    let bytes_max = traffic.request_bytes_max();
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|bytes: u64| bytes > bytes_max) {
        traffic.request_too_long();
        return Err(Error::HttpRequestBodySize(Some(bytes_max)));
    }
    Ok(request.map(|inner| {
        let overlong = Overlong { found: Arc::default(), bytes_max };
        Upload { inner, bytes_left: bytes_max, traffic: traffic.clone(), overlong }
    }))
}

impl Upload {
    pub(super) fn overlong(&self) -> Overlong {
        self.overlong.clone()
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        loop {
            let Some(frame) = std::task::ready!(Pin::new(&mut self.inner).poll_frame(context)) else {
                return Poll::Ready(None);
            };
            // Trailers are not sent: some servers take them for headers, among which the host's own would be missing.
            let Ok(bytes) = frame?.into_data() else { continue };
            let Some(left) = self.bytes_left.checked_sub(bytes.len() as u64) else {
                self.overlong.found.store(true, Ordering::Relaxed);
                self.traffic.request_too_long();
                return Poll::Ready(Some(Err(Error::HttpRequestBodySize(Some(self.overlong.bytes_max)))));
            };
            self.bytes_left = left;
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// What a server sends.
pub(super) struct Download {
    inner: Incoming,
    traffic: Traffic,
    /// Given back when the body has ended, or is dropped.
    slot: Option<Slot>,
    /// How long the guest waits for the next piece.
    patience: Option<(Duration, Pin<Box<Sleep>>)>,
}

impl Download {
    pub(super) fn new(inner: Incoming, traffic: Traffic, slot: Slot, patience: Option<Duration>) -> Self {
        let patience = patience.map(|patience| (patience, Box::pin(sleep(patience))));
        Self { inner, traffic, slot: Some(slot), patience }
    }

    pub(super) fn boxed(self) -> WasiBody {
        self.boxed_unsync()
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let Some((_, wait)) = &mut self.patience else { return Poll::Pending };
                std::task::ready!(wait.as_mut().poll(context));
                return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
            }
        };
        if let Some((patience, wait)) = &mut self.patience {
            // A time that is beyond what a clock shows never comes.
            if let Some(end) = Instant::now().checked_add(*patience) {
                wait.as_mut().reset(end);
            }
        }
        let Some(frame) = frame else {
            self.slot = None;
            return Poll::Ready(None);
        };
        let frame = frame.map_err(|error| outcome::incomplete(&error))?;
        let bytes = frame.data_ref().map_or(0, |bytes| bytes.len() as u64);
        let room = self.traffic.receive(bytes);
        Poll::Ready(Some(room.map(|()| frame).map_err(|max| Error::HttpResponseBodySize(Some(max)))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
