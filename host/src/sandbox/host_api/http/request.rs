//! A guest's request, as it goes out.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header::HOST, uri::PathAndQuery};
use url::{Position, Url};
use wasmtime_wasi_http::Error;

use crate::telemetry::Span;

/// A longer URL is refused by most servers.
const URL_BYTES_MAX: usize = 16 << 10;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Whether a header is not the guest's to set: it is about the connection, which is the host's; it says where a request came
/// from or was going to, as only a proxy knows; or it makes of a request another one than was held against the grants.
pub(super) fn is_the_hosts(name: &HeaderName) -> bool {
    let name = name.as_str();
    let by_name = matches!(
        name,
        "host"
            | "connection"
            | "keep-alive"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "forwarded"
            | "via"
            | "x-real-ip"
            | "x-client-ip"
            | "true-client-ip"
            | "x-original-url"
            | "x-rewrite-url"
            | "x-http-method"
            | "x-http-method-override"
            | "x-method-override"
    );
    by_name || name.starts_with("proxy-") || name.starts_with("x-forwarded-")
}

/// The URL of a request, as the URL standard reads it: every spelling of an address becomes one, and `..` is gone.
pub(super) fn url(uri: &Uri) -> Result<Url, Error> {
    // A name and password would be for the guest to hide a host behind.
    if uri.authority().is_none_or(|authority| authority.as_str().contains('@')) {
        return Err(Error::HttpRequestUriInvalid);
    }
    let text = uri.to_string();
    if text.len() > URL_BYTES_MAX {
        return Err(Error::HttpRequestUriTooLong);
    }
    let url = Url::parse(&text).map_err(|_| Error::HttpRequestUriInvalid)?;
    let plain = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    if plain { Ok(url) } else { Err(Error::HttpRequestUriInvalid) }
}

/// What the log says of a request that is not granted: no query, since that may be private.
pub(super) fn shown(method: &Method, url: &Url) -> String {
    format!("{method} {}", &url[..Position::AfterPath])
}

/// The request as it goes out: to the URL that was held against the grants, with the host's own headers over the guest's.
pub(super) fn prepared<B>(
    mut request: Request<B>,
    url: &Url,
    added: &[(HeaderName, HeaderValue)],
) -> Result<Request<B>, Error> {
    let path: PathAndQuery =
        url[Position::BeforePath..Position::AfterQuery].parse().map_err(|_| Error::HttpRequestUriInvalid)?;
    *request.uri_mut() = Uri::from(path);
    let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]);
    let host = host.map_err(|_| Error::HttpRequestUriInvalid)?;

    let headers = request.headers_mut();
    let refused: Vec<HeaderName> = headers.keys().filter(|name| is_the_hosts(name)).cloned().collect();
    for name in refused {
        headers.remove(name);
    }
    headers.insert(HOST, host);
    for (name, value) in added {
        headers.insert(name, value.clone());
    }
    Ok(request)
}

/// Tells the server which trace the request belongs to, unless the guest does so.
pub(super) fn traced(headers: &mut HeaderMap, span: &Span) {
    if headers.contains_key(TRACEPARENT) {
        return;
    }
    let Some((traceparent, tracestate)) = span.to_propagate() else { return };
    // Both were read strictly, or are the host's own.
    if let Ok(value) = HeaderValue::try_from(traceparent) {
        headers.insert(TRACEPARENT, value);
    }
    if let Some(Ok(value)) = tracestate.map(HeaderValue::try_from) {
        headers.insert(TRACESTATE, value);
    }
}
