//! What one call may send and receive.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

use crate::{config::Limits, metrics::OfPlugin};

/// Counts what a call sends and receives. Clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Traffic {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    plugin: Arc<OfPlugin>,
    requests_max: u32,
    requests_left: AtomicU32,
    connections_max: u32,
    connections_left: AtomicU32,
    request_bytes_max: u64,
    response_bytes_max: u64,
    response_bytes_left: AtomicU64,
}

/// Room for one open request, until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot(Arc<Shared>);

impl Traffic {
    pub(crate) fn new(plugin: &Arc<OfPlugin>, limits: &Limits) -> Self {
        let shared = Shared {
            plugin: Arc::clone(plugin),
            requests_max: limits.http_requests_max,
            requests_left: AtomicU32::new(limits.http_requests_max),
            connections_max: limits.http_connections_max,
            connections_left: AtomicU32::new(limits.http_connections_max),
            request_bytes_max: limits.http_request_bytes_max,
            response_bytes_max: limits.http_response_bytes_max,
            response_bytes_left: AtomicU64::new(limits.http_response_bytes_max),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes one of the requests that the call may make; the error is how many those are.
    pub(crate) fn take_request(&self) -> Result<(), u32> {
        let Shared { requests_left, requests_max, .. } = &*self.shared;
        take(requests_left).map_err(|()| self.reached("http_requests_max", *requests_max))
    }

    /// Takes room for a request that is open; the error is how many may be.
    pub(crate) fn open(&self) -> Result<Slot, u32> {
        let Shared { connections_left, connections_max, .. } = &*self.shared;
        take(connections_left).map_err(|()| self.reached("http_connections_max", *connections_max))?;
        Ok(Slot(Arc::clone(&self.shared)))
    }

    /// Whether so many TCP connections leave room for another. Their number is known elsewhere.
    pub(crate) fn has_room_beside(&self, connections: usize) -> bool {
        let room = connections < self.shared.connections_max as usize;
        if !room {
            self.reached("http_connections_max", ());
        }
        room
    }

    /// Bytes that the body of a request may have.
    pub(crate) fn request_bytes_max(&self) -> u64 {
        self.shared.request_bytes_max
    }

    /// Says that a body is longer than that.
    pub(crate) fn request_too_long(&self) {
        self.reached("http_request_bytes_max", ());
    }

    /// Takes room for `bytes` of responses; the error is how many a call may receive.
    pub(crate) fn receive(&self, bytes: u64) -> Result<(), u64> {
        let Shared { response_bytes_left, response_bytes_max, .. } = &*self.shared;
        let take = |left: u64| left.checked_sub(bytes);
        match response_bytes_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.reached("http_response_bytes_max", *response_bytes_max)),
        }
    }

    fn reached<T>(&self, limit: &'static str, max: T) -> T {
        self.shared.plugin.limit_reached(limit);
        tracing::debug!(
            tenant = self.shared.plugin.tenant(),
            plugin = self.shared.plugin.name(),
            limit,
            "a call reached a limit"
        );
        max
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.connections_left.fetch_add(1, Ordering::Relaxed);
    }
}

fn take(left: &AtomicU32) -> Result<(), ()> {
    let one = |left: u32| left.checked_sub(1);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one).map(|_| ()).map_err(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_so_much_and_no_more() {
        let limits =
            Limits { http_requests_max: 3, http_connections_max: 2, http_response_bytes_max: 10, ..Limits::default() };
        let traffic = Traffic::new(&crate::metrics::of_plugin("default", "p"), &limits);
        let other = traffic.clone();
        let (first, second) = (traffic.open().unwrap(), other.open().unwrap());
        assert_eq!(traffic.open().unwrap_err(), 2);
        drop(first);
        let third = traffic.open().unwrap();
        assert_eq!(other.open().unwrap_err(), 2);
        drop((second, third));
        assert!(traffic.has_room_beside(1) && !traffic.has_room_beside(2));
        for _ in 0..3 {
            traffic.take_request().unwrap();
        }
        assert_eq!(traffic.take_request().unwrap_err(), 3);
        traffic.receive(9).unwrap();
        assert_eq!(traffic.receive(2).unwrap_err(), 10);
        traffic.receive(1).unwrap();
        assert_eq!(traffic.receive(1).unwrap_err(), 10);
    }
}
