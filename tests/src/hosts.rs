//! Several hosts that serve the same clients, behind a balancer that knows nothing: each request goes to the next of them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::connection::Connection;
use crate::host::{Host, Setup};
use crate::http::{Reply, Request};
use crate::mcp::modern_request;
use crate::ports::lasting;
use crate::session::Session;
use crate::wait::eventually;

/// Who takes requests: one host, or one of several.
pub trait Target: Sync {
    /// Sends a request on a connection of its own, and leaves the answer to be read.
    fn start_sending(&self, request: &Request) -> Connection;

    /// Sends a request on a connection of its own, and reads the whole answer.
    fn send(&self, request: &Request) -> Reply {
        self.start_sending(request).read()
    }
}

impl Target for Host {
    fn start_sending(&self, request: &Request) -> Connection {
        Host::start_sending(self, request)
    }
}

/// A place in the balancer's list, and the host that has it now.
pub struct Place {
    host: RwLock<Arc<Host>>,
    /// Whether nothing is sent there.
    out: AtomicBool,
}

/// Hosts that share their state.
pub struct Hosts {
    places: Vec<Place>,
    next: AtomicUsize,
    state: TempDir,
}

impl Place {
    /// The host that is here now.
    pub fn host(&self) -> Arc<Host> {
        Arc::clone(&self.host.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Calls a tool in the modern era, and gives its result.
    pub fn call(&self, tool: &str, arguments: &Value) -> Value {
        self.host().call(tool, arguments)
    }
}

impl Target for Place {
    fn start_sending(&self, request: &Request) -> Connection {
        self.host().start_sending(request)
    }
}

impl Hosts {
    /// Starts so many hosts, each set up like this, over one store.
    pub fn start(count: usize, setup: impl Fn() -> Setup) -> Hosts {
        let state = tempfile::tempdir().expect("a temporary folder can be made");
        let start = |_| {
            let host = Arc::new(setup().listen(lasting()).state(state.path()).start());
            Place { host: RwLock::new(host), out: AtomicBool::new(false) }
        };
        Hosts { places: (0..count).map(start).collect(), next: AtomicUsize::new(0), state }
    }

    /// One of the places.
    pub fn at(&self, place: usize) -> &Place {
        &self.places[place]
    }

    pub fn iter(&self) -> impl Iterator<Item = &Place> {
        self.places.iter()
    }

    /// Where they listen.
    pub fn addresses<const N: usize>(&self) -> [SocketAddr; N] {
        let addresses: Vec<SocketAddr> = self.places.iter().map(|place| place.host().address()).collect();
        addresses.try_into().unwrap_or_else(|hosts| panic!("other than {N} hosts: {hosts:?}"))
    }

    /// Replaces the host in this place, as an orchestrator does: the old one is told to end, nothing is sent there as soon as it
    /// says that it is not ready, it ends by itself, and another takes its address.
    pub fn renew(&self, place: usize, setup: Setup) {
        let place = &self.places[place];
        let old = place.host();
        old.terminate();
        eventually("the host to say that it is not ready", || (old.admin("/readyz").status == 503).then_some(()));
        place.out.store(true, Ordering::SeqCst);
        eventually("the host to end", || old.has_ended().then_some(()));
        let setup = setup.listen(old.address()).state(self.state.path());
        *place.host.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(setup.start());
        place.out.store(false, Ordering::SeqCst);
        let old = Arc::into_inner(old).expect("nobody sends anything there any more");
        old.stopped();
    }

    /// Starts a host at this place anew, whose predecessor was killed.
    pub fn start_again(&self, place: usize, setup: Setup) {
        let place = &self.places[place];
        let setup = setup.listen(place.host().address()).state(self.state.path());
        let fresh = Arc::new(setup.start());
        *place.host.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    /// Begins a session of the legacy era, with a client that can be asked nothing.
    pub fn legacy(&self, version: &str) -> Session<'_> {
        self.legacy_with(version, &json!({}))
    }

    /// Begins a session of the legacy era, with a client that has these capabilities.
    pub fn legacy_with(&self, version: &str, capabilities: &Value) -> Session<'_> {
        Session::begin(self, version, capabilities)
    }

    /// Sends a request of the modern era.
    pub fn modern(&self, method: &str, params: Value) -> Reply {
        self.send(&modern_request(method, params))
    }

    /// Ends all hosts and checks that they ended well.
    pub fn stop(self) {
        let host = |place: Place| place.host.into_inner().unwrap_or_else(PoisonError::into_inner);
        let hosts: Vec<Arc<Host>> = self.places.into_iter().map(host).collect();
        // All are told before any is waited for.
        hosts.iter().for_each(|host| host.terminate());
        for host in hosts {
            Arc::into_inner(host).expect("nobody else holds it").stopped();
        }
    }
}

impl Target for Hosts {
    fn start_sending(&self, request: &Request) -> Connection {
        for _ in 0..=self.places.len() {
            let turn = self.next.fetch_add(1, Ordering::Relaxed);
            let place = &self.places[turn % self.places.len()];
            if !place.out.load(Ordering::SeqCst) {
                return place.start_sending(request);
            }
        }
        panic!("no host is ready");
    }
}
