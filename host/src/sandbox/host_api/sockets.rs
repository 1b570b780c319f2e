//! `wasi:sockets`: TCP connections to where the operator allows.
//!
//! A guest looks a name up, and connects to an address. So a name that a grant has is looked up by the host, its addresses are
//! held against what is allowed, and for the rest of the call these addresses, with the port of the grant, may be connected to.

use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    vec,
};

use ipnet::IpNet;
use url::Host;
use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::{
    p2::{
        DynPollable, Network as NetworkResource, Pollable, SocketError, SocketResult, TcpSocket, UdpSocket,
        bindings::sockets::{
            ip_name_lookup::{self, ResolveAddressStream},
            network::{self, ErrorCode, IpAddress, IpAddressFamily},
            tcp_create_socket, udp_create_socket,
        },
        subscribe,
    },
    runtime::{AbortOnDropJoinHandle, poll_noop, spawn},
    sockets::{SocketAddrUse, WasiSocketsView},
};

use crate::{
    config::TcpGrant,
    observe::{self, Effect},
    sandbox::{
        call::CallState,
        granted::{Granted, Refusals},
        network::{NameError, Network, Unreachable, fixed},
    },
};

/// What the grants of this file are called in `[plugin.NAME.grants]`.
const GRANT: &str = "tcp";

/// A name cannot be longer, dot at its end included (RFC 1035, 2.3.4).
const NAME_BYTES_MAX: usize = 254;

/// Links what is other than in `wasmtime-wasi`, over that: who makes sockets, and who looks names up.
pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    tcp_create_socket::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    udp_create_socket::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    ip_name_lookup::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Where one plugin may connect to.
pub(crate) struct Sockets {
    rules: Vec<Rule>,
    network: Option<Arc<Network>>,
}

/// One grant, made ready.
struct Rule {
    host: Host<String>,
    port: u16,
    networks: Vec<IpNet>,
}

impl Sockets {
    /// Nowhere.
    pub(crate) fn none() -> Self {
        Self { rules: Vec::new(), network: None }
    }

    /// Where `grants` say. Reads what looking up names needs of the system.
    pub(crate) fn new(grants: &[TcpGrant], network: &Arc<Network>) -> Result<Self, String> {
        if grants.is_empty() {
            return Ok(Self::none());
        }
        network.prepare(false)?;
        Ok(Self { rules: grants.iter().map(Rule::new).collect::<Result<_, _>>()?, network: Some(Arc::clone(network)) })
    }
}

impl Rule {
    fn new(grant: &TcpGrant) -> Result<Self, String> {
        let TcpGrant { host, port, networks } = grant;
        let parsed = match host.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => Host::Ipv4(address),
            Ok(IpAddr::V6(address)) => Host::Ipv6(address),
            Err(_) => Host::Domain(plain(host).to_owned()),
        };
        Ok(Self { host: parsed, port: *port, networks: networks.clone() })
    }

    /// Whether the operator wrote this address, or `localhost` for it.
    fn is_written_for(&self, address: SocketAddr) -> bool {
        let here = |addresses: Vec<IpAddr>| addresses.contains(&address.ip().to_canonical());
        self.port == address.port() && fixed(&self.host).is_some_and(here)
    }
}

/// Says for one call which addresses it may use.
pub(crate) struct Dialer {
    granted: Arc<Granted>,
    refusals: Refusals,
    /// What names led to during this call, checked.
    found: Mutex<Vec<SocketAddr>>,
}

impl Dialer {
    pub(crate) fn new(granted: &Arc<Granted>, refusals: &Refusals) -> Self {
        Self { granted: Arc::clone(granted), refusals: refusals.clone(), found: Mutex::default() }
    }

    /// Whether the call may use `address` so.
    pub(crate) fn allows(&self, address: SocketAddr, usage: SocketAddrUse) -> bool {
        match usage {
            // The system chooses where a connection comes from.
            SocketAddrUse::TcpBind => address.ip().is_unspecified() && address.port() == 0,
            SocketAddrUse::TcpConnect => {
                let written = self.granted.sockets.rules.iter().any(|rule| rule.is_written_for(address));
                let found = || self.found.lock().unwrap_or_else(PoisonError::into_inner).contains(&address);
                let allowed = written || found();
                match allowed {
                    true => observe::touched(|| Effect::Tcp { address: address.to_string() }),
                    false => self.refuse(&address),
                }
                allowed
            }
            SocketAddrUse::TcpListen
            | SocketAddrUse::TcpAccept
            | SocketAddrUse::UdpBind
            | SocketAddrUse::UdpSend
            | SocketAddrUse::UdpReceive => {
                self.refuse(&format_args!("{usage:?} {address}, which no grant allows"));
                false
            }
        }
    }

    fn refuse(&self, missing: &dyn std::fmt::Display) {
        self.refusals.add(self.granted.plugin(), GRANT, missing);
    }

    /// The addresses of a name that grants have, held against what each of them allows.
    async fn look_up(&self, host: &Host<String>) -> Result<Vec<IpAddr>, ErrorCode> {
        let Some(network) = &self.granted.sockets.network else { return Err(ErrorCode::AccessDenied) };
        let mut failed = ErrorCode::AccessDenied;
        let mut addresses = Vec::new();
        for rule in self.granted.sockets.rules.iter().filter(|rule| rule.host == *host) {
            match network.addresses(host, true, &rule.networks).await {
                Ok(found) => {
                    let mut dialable = self.found.lock().unwrap_or_else(PoisonError::into_inner);
                    dialable.extend(found.iter().map(|address| SocketAddr::new(*address, rule.port)));
                    addresses.extend(found);
                }
                Err(why) => failed = self.not_found(&why, rule),
            }
        }
        // Grants of two ports of one host found it twice.
        let mut seen = HashSet::new();
        addresses.retain(|address| seen.insert(*address));
        if addresses.is_empty() { Err(failed) } else { Ok(addresses) }
    }

    /// A name that leads inside is one that has no addresses, for all that the guest learns.
    fn not_found(&self, why: &Unreachable, rule: &Rule) -> ErrorCode {
        match why {
            Unreachable::Forbidden(address) => {
                self.refuse(&format_args!("networks with {address}, which is where {} leads", rule.host));
                ErrorCode::NameUnresolvable
            }
            Unreachable::Name(NameError::Unknown) => ErrorCode::NameUnresolvable,
            Unreachable::Name(NameError::TimedOut | NameError::Failed(_)) => ErrorCode::TemporaryResolverFailure,
        }
    }
}

/// As in `wasmtime-wasi`.
impl network::Host for CallState {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn network_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        self.sockets().network_error_code(error)
    }
}

impl network::HostNetwork for CallState {
    fn drop(&mut self, network: Resource<NetworkResource>) -> wasmtime::Result<()> {
        self.table.delete(network)?;
        Ok(())
    }
}

impl tcp_create_socket::Host for CallState {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        let open = self.table.iter_mut().filter(|entry| entry.is::<TcpSocket>()).count();
        // A call without grants gets one socket, so that the log can say where it wanted to connect to.
        let room = if self.granted.sockets.rules.is_empty() { open == 0 } else { self.traffic.has_room_beside(open) };
        if !room {
            return Err(ErrorCode::NewSocketLimit.into());
        }
        tcp_create_socket::Host::create_tcp_socket(&mut self.sockets(), family)
    }
}

impl udp_create_socket::Host for CallState {
    async fn create_udp_socket(&mut self, _: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        self.dialer.refuse(&"UDP, which no grant allows");
        Err(ErrorCode::AccessDenied.into())
    }
}

impl ip_name_lookup::Host for CallState {
    fn resolve_addresses(
        &mut self,
        network: Resource<NetworkResource>,
        name: String,
    ) -> SocketResult<Resource<ResolveAddressStream>> {
        // The resource is the right to ask at all.
        self.table.get(&network)?;
        if name.len() > NAME_BYTES_MAX {
            return Err(ErrorCode::InvalidArgument.into());
        }
        let host = match name.parse::<IpAddr>() {
            // An address is its own answer; whether it may be connected to is seen when that is tried.
            Ok(address) => return push(self, Lookup::Found(vec![address].into_iter())),
            Err(_) => Host::parse(&name).map_err(|_| ErrorCode::InvalidArgument)?,
        };
        let host = match host {
            Host::Domain(name) => Host::Domain(plain(&name).to_owned()),
            Host::Ipv4(address) => return push(self, Lookup::Found(vec![address.into()].into_iter())),
            Host::Ipv6(address) => return push(self, Lookup::Found(vec![address.into()].into_iter())),
        };
        if !self.granted.sockets.rules.iter().any(|rule| rule.host == host) {
            self.dialer.refuse(&host);
            return Err(ErrorCode::AccessDenied.into());
        }
        // Looking up is a request, too, as far as others are concerned.
        self.traffic.take_request().map_err(|_| ErrorCode::TemporaryResolverFailure)?;
        let dialer = Arc::clone(&self.dialer);
        push(self, Lookup::Asking(spawn(async move { dialer.look_up(&host).await })))
    }
}

/// Addresses that a guest waits for, or takes one by one.
enum Lookup {
    Asking(AbortOnDropJoinHandle<Result<Vec<IpAddr>, ErrorCode>>),
    Found(vec::IntoIter<IpAddr>),
    Failed(ErrorCode),
}

#[wasmtime_wasi::async_trait]
impl Pollable for Lookup {
    async fn ready(&mut self) {
        if let Self::Asking(task) = self {
            *self = match task.await {
                Ok(addresses) => Self::Found(addresses.into_iter()),
                Err(code) => Self::Failed(code),
            };
        }
    }
}

impl ip_name_lookup::HostResolveAddressStream for CallState {
    fn resolve_next_address(&mut self, stream: Resource<ResolveAddressStream>) -> SocketResult<Option<IpAddress>> {
        let lookup = self.table.get_mut(&ours(&stream))?;
        // A guest may ask again and again, rather than wait.
        let _ = poll_noop(std::pin::pin!(lookup.ready()));
        match lookup {
            Lookup::Asking(_) => Err(ErrorCode::WouldBlock.into()),
            Lookup::Found(addresses) => Ok(addresses.next().map(IpAddress::from)),
            Lookup::Failed(code) => Err((*code).into()),
        }
    }

    fn subscribe(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.table, ours(&stream))
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Lookup>::new_own(stream.rep()))?;
        Ok(())
    }
}

/// The guest's handle has the type of `wasmtime-wasi`, whose insides are its own; what is in the table is ours.
fn ours(stream: &Resource<ResolveAddressStream>) -> Resource<Lookup> {
    if stream.owned() { Resource::new_own(stream.rep()) } else { Resource::new_borrow(stream.rep()) }
}

fn push(state: &mut CallState, lookup: Lookup) -> SocketResult<Resource<ResolveAddressStream>> {
    let pushed = state.table.push(lookup).map_err(SocketError::from)?;
    Ok(Resource::new_own(pushed.rep()))
}

/// A name without the root's dot.
fn plain(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}
