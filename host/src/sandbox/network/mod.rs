//! How what guests send leaves this machine: names are resolved once, their addresses are held against what is allowed, and
//! connections go to an address that was checked. So a name cannot lead elsewhere between the check and the use.
//!
//! Whose address is it? If the operator wrote an address, or `localhost`, as the host of a grant, that address is granted with
//! it, whatever it is: nobody else can change where it leads. A name is different. Whoever owns it says where it leads, so its
//! addresses must be public, or in the `networks` of the grant.

mod addresses;
mod connect;
mod resolver;
mod tls;
mod traffic;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, OnceLock},
};

use arc_swap::ArcSwap;
use ipnet::IpNet;
use tokio_rustls::TlsConnector;
use url::Host;

pub(crate) use connect::ConnectError;
pub(crate) use resolver::NameError;
pub(crate) use traffic::{Slot, Traffic};

use crate::config::{Egress, Taker};
use resolver::Resolver;

/// Addresses of one name that are tried; the rest is not looked at.
const ADDRESSES_MAX: usize = 8;

/// The way out, one for all plugins; replaced whole when the configuration changes.
pub struct Network {
    ways: ArcSwap<Ways>,
}

/// What a way out takes. What it needs of the system is read when a grant first needs it.
struct Ways {
    egress: Egress,
    resolver: OnceLock<Result<Resolver, String>>,
    tls: OnceLock<Result<TlsConnector, String>>,
}

/// Why there is no address to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreachable {
    Name(NameError),
    /// There are addresses, and none is allowed. This is one of them.
    Forbidden(IpAddr),
}

impl Network {
    /// The way out that `egress` describes. Reads nothing yet.
    pub fn new(egress: Egress) -> Self {
        Self { ways: ArcSwap::from_pointee(Ways::new(egress)) }
    }

    /// Takes up another way out, for connections that are made from then on. It must be there as far as plugins need it.
    pub fn taker(self: &Arc<Self>) -> Taker {
        let network = Arc::clone(self);
        Box::new(move |config| {
            let (before, next) = (network.ways.load(), Ways::new(config.egress.clone()));
            let wrong = |reason| anyhow::anyhow!("[egress] {reason}");
            // Files that are named are read again although they have the same names.
            before.resolver.get().map(|_| next.resolver()).transpose().map_err(wrong)?;
            before.tls.get().map(|_| next.connector()).transpose().map_err(wrong)?;
            let network = Arc::clone(&network);
            Ok(Box::new(move || network.ways.store(Arc::new(next))))
        })
    }

    /// Reads what connections to names need, and with `tls`, what encrypted ones need. May block. The error is a sentence for
    /// the operator.
    pub(crate) fn prepare(&self, tls: bool) -> Result<(), String> {
        let ways = self.ways.load();
        ways.resolver()?;
        if tls {
            ways.connector()?;
        }
        Ok(())
    }

    /// The addresses of `host` that may be connected to, in the order in which to try them. `written` says that the operator
    /// wrote this very host into the grant; `networks` are allowed beside what is public.
    pub(crate) async fn addresses(
        &self,
        host: &Host<String>,
        written: bool,
        networks: &[IpNet],
    ) -> Result<Vec<IpAddr>, Unreachable> {
        let found = match fixed(host) {
            Some(addresses) if written => return Ok(addresses),
            Some(addresses) => addresses,
            None => {
                let ways = self.ways.load_full();
                let resolver = ways.resolver().map_err(|reason| Unreachable::Name(NameError::Failed(reason)))?;
                resolver.resolve(&host.to_string()).await.map_err(Unreachable::Name)?
            }
        };
        checked(&found, networks)
    }

    fn connector(&self) -> Result<TlsConnector, String> {
        self.ways.load().connector().cloned()
    }
}

impl Ways {
    fn new(egress: Egress) -> Self {
        Self { egress, resolver: OnceLock::new(), tls: OnceLock::new() }
    }

    fn resolver(&self) -> Result<&Resolver, String> {
        self.resolver.get_or_init(|| Resolver::new(&self.egress.dns)).as_ref().map_err(Clone::clone)
    }

    fn connector(&self) -> Result<&TlsConnector, String> {
        self.tls.get_or_init(|| tls::connector(&self.egress.ca_files)).as_ref().map_err(Clone::clone)
    }
}

/// The addresses of a host that no name server is asked about: those of an address, and of this machine (RFC 6761, 6.3).
pub(crate) fn fixed(host: &Host<String>) -> Option<Vec<IpAddr>> {
    match host {
        Host::Ipv4(address) => Some(vec![(*address).into()]),
        Host::Ipv6(address) => Some(vec![(*address).into()]),
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            let here = name == "localhost" || name.ends_with(".localhost");
            here.then(|| vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
        }
    }
}

/// Those of `found` that may be connected to. A name that leads to good and to bad addresses leads to the good ones.
fn checked(found: &[IpAddr], networks: &[IpNet]) -> Result<Vec<IpAddr>, Unreachable> {
    let allowed = found.iter().copied().filter(|address| addresses::is_allowed(*address, networks));
    let allowed: Vec<IpAddr> = allowed.take(ADDRESSES_MAX).collect();
    match found.first() {
        Some(first) if allowed.is_empty() => Err(Unreachable::Forbidden(*first)),
        Some(_) => Ok(allowed),
        None => Err(Unreachable::Name(NameError::Unknown)),
    }
}

#[cfg(test)]
mod tests;
