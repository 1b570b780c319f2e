//! Why there is no response.

use std::fmt;

use super::BadUrl;

/// Why a request got no response. Each is a plain sentence that may be shown to the caller's model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The request is not one, or has a header that is not the plugin's to set. In words.
    InvalidRequest(String),
    /// It was not granted. The host's log says what is missing.
    Denied,
    /// The server's name leads nowhere.
    Dns,
    /// There is no connection to the server.
    Connect,
    /// The connection cannot be trusted: the certificate, or the protocol.
    Tls,
    /// It took longer than it may.
    Timeout,
    /// The response has more bytes than this, or more than the host lets through.
    TooLarge { bytes_max: Option<u64> },
    /// There are more redirects than this.
    TooManyRedirects { redirects_max: u32 },
    /// The server sends to a place that is none. In words.
    BadRedirect(String),
    /// The server answered with this status, which is no success.
    Status(u16),
    /// The plugin, or the host, has too many requests open, or made too many.
    TooMany,
    /// The response broke off, or is not what it says it is. In words.
    Response(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidRequest(reason) => f.write_str(reason),
            Self::Denied => f.write_str("this address may not be reached from here"),
            Self::Dns => f.write_str("there is no server of that name"),
            Self::Connect => f.write_str("the server cannot be reached"),
            Self::Tls => f.write_str("no secure connection to the server can be made"),
            Self::Timeout => f.write_str("the server took too long"),
            Self::TooLarge { bytes_max: Some(bytes) } => write!(f, "the response is larger than {bytes} bytes"),
            Self::TooLarge { bytes_max: None } => f.write_str("the response is too large"),
            Self::TooManyRedirects { redirects_max } => write!(f, "there are more than {redirects_max} redirects"),
            Self::BadRedirect(reason) => write!(f, "the server redirects to what is no address: {reason}"),
            Self::Status(status) => write!(f, "the server answered with status {status}"),
            Self::TooMany => f.write_str("too many requests; try again later"),
            Self::Response(reason) => write!(f, "the server's response cannot be used: {reason}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<BadUrl> for Error {
    fn from(wrong: BadUrl) -> Self {
        Self::InvalidRequest(wrong.to_string())
    }
}
