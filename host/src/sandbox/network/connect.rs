//! Connections to addresses that were checked.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::rustls::{self, AlertDescription, pki_types::ServerName};
use url::Host;

use super::Network;

/// A server that is not connected to by then, TLS included, is not there.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// What requests travel on: TCP, or TLS in it.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("there is no answer")]
    TimedOut,
    #[error("nobody listens there")]
    Refused,
    #[error("it cannot be reached: {0}")]
    Failed(io::Error),
    /// The server's certificate is not trusted, or not for this name.
    #[error("{0}")]
    Certificate(rustls::Error),
    /// The server ended the handshake.
    #[error("the server ended the handshake: {0:?}")]
    Alert(AlertDescription),
    #[error("{0}")]
    Tls(io::Error),
}

impl Network {
    /// Connects to the first of `addresses` that answers, and with `tls`, proves that it is `host`. Takes at most `time`.
    pub(crate) async fn connect(
        &self,
        addresses: &[IpAddr],
        host: &Host<String>,
        port: u16,
        tls: bool,
        time: Duration,
    ) -> Result<Box<dyn Transport>, ConnectError> {
        let end = Instant::now() + time.min(CONNECT_TIME_MAX);
        let stream = connect_first(addresses, port, end).await?;
        if !tls {
            return Ok(Box::new(stream));
        }
        let connector = self.connector().map_err(|reason| ConnectError::Tls(io::Error::other(reason)))?;
        let handshake = connector.connect(server_name(host)?, stream);
        let secured = timeout_at(end, handshake).await.map_err(|_| ConnectError::TimedOut)?;
        Ok(Box::new(secured.map_err(why_not_secured)?))
    }
}

/// Tries one after the other; each has its share of the time that is left.
async fn connect_first(addresses: &[IpAddr], port: u16, end: Instant) -> Result<TcpStream, ConnectError> {
    let mut failed = ConnectError::TimedOut;
    for (tried, address) in addresses.iter().enumerate() {
        let left = end.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        failed = match timeout(share, TcpStream::connect(SocketAddr::new(*address, port))).await {
            Ok(Ok(stream)) => {
                // Requests are small and answers are waited for: nothing is gained by sending later.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => ConnectError::Refused,
            Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => ConnectError::TimedOut,
            Ok(Err(error)) => ConnectError::Failed(error),
            Err(_) => ConnectError::TimedOut,
        };
    }
    Err(failed)
}

fn server_name(host: &Host<String>) -> Result<ServerName<'static>, ConnectError> {
    match host {
        Host::Ipv4(address) => Ok(ServerName::from(IpAddr::from(*address))),
        Host::Ipv6(address) => Ok(ServerName::from(IpAddr::from(*address))),
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            ServerName::try_from(name.to_owned()).map_err(|error| ConnectError::Tls(io::Error::other(error)))
        }
    }
}

fn why_not_secured(error: io::Error) -> ConnectError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(alert)) => ConnectError::Alert(*alert),
        Some(wrong @ rustls::Error::InvalidCertificate(_)) => ConnectError::Certificate(wrong.clone()),
        _ => ConnectError::Tls(error),
    }
}
