//! Names to addresses.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
};
use tokio::time::timeout;

/// A name that has no answer by then has none: a guest may wait for it only so long.
const RESOLVE_TIME_MAX: Duration = Duration::from_secs(5);

/// How long one name server has for one answer, so that there is time for another.
const SERVER_TIME_MAX: Duration = Duration::from_secs(2);

/// Why a name has no addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NameError {
    /// There is no such name, or it has no addresses.
    Unknown,
    TimedOut,
    /// The name servers cannot say. The text is for the log.
    Failed(String),
}

/// Asks name servers. What they say is kept as long as they say.
pub(super) struct Resolver(TokioResolver);

impl Resolver {
    /// One that asks `servers`, or those of the system if there are none. Reads the system's configuration.
    pub(super) fn new(servers: &[SocketAddr]) -> Result<Self, String> {
        let mut builder = if servers.is_empty() {
            let system = TokioResolver::builder_tokio();
            system.map_err(|error| format!("the system's name servers cannot be read: {error}; set [egress] dns"))?
        } else {
            let config = ResolverConfig::from_name_servers(servers.iter().map(name_server).collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.timeout = SERVER_TIME_MAX;
        options.attempts = 1;
        builder.build().map(Self).map_err(|error| format!("names cannot be looked up: {error}"))
    }

    /// All addresses of `name`. Nothing of them is checked.
    pub(super) async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, NameError> {
        let found = timeout(RESOLVE_TIME_MAX, self.0.lookup_ip(name)).await.map_err(|_| NameError::TimedOut)?;
        let addresses: Vec<IpAddr> = found.map_err(|error| explain(&error))?.iter().collect();
        if addresses.is_empty() { Err(NameError::Unknown) } else { Ok(addresses) }
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

fn explain(error: &NetError) -> NameError {
    match error {
        NetError::Timeout => NameError::TimedOut,
        error if error.is_no_records_found() => NameError::Unknown,
        error => NameError::Failed(error.to_string()),
    }
}
