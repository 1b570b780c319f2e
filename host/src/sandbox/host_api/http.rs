//! `wasi:http/outgoing-handler`: requests to where the operator allows.

mod body;
mod outcome;
mod request;

use std::{sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, Method, Request, Response};
use hyper::client::conn::http1;
use ipnet::IpNet;
use tokio::time::timeout;
use url::{Host, Url};
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::runtime::spawn;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, io::TokioIo};

use crate::{
    config::{HeaderGrant, HttpGrant, Secrets, UrlPattern},
    metrics::OfPlugin,
    observe::{self, Along, Effect},
    sandbox::{
        call::CallState,
        granted::{Granted, Refusals},
        network::{Network, Slot, Traffic},
    },
    telemetry::{self, Span, SpanKind},
};
use body::{Download, Upload};

/// What hyper keeps of a response that was not read yet: its status and headers must fit in.
const RESPONSE_HEAD_BYTES_MAX: usize = 64 << 10;

/// What a guest may write to a request's body at once. The host keeps up to two of these for each body, also of requests that
/// are never sent.
const BODY_PIECE_BYTES_MAX: usize = 64 << 10;

/// The interface as `wasmtime-wasi-http` links it.
const TYPES: &str = "wasi:http/types@0.2.12";

/// Links `wasi:http`, all but what receives requests.
pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    // What `wasmtime-wasi-http` puts there knows no error that a body ended with.
    linker.allow_shadowing(true);
    linker.instance(TYPES)?.func_wrap("http-error-code", |store, (error,): (Resource<wasmtime::Error>,)| {
        Ok((outcome::code(store.data().table.get(&error)?),))
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Where one plugin may send requests.
pub(crate) struct Outbound {
    rules: Vec<Arc<Rule>>,
}

/// One grant, made ready.
struct Rule {
    to: UrlPattern,
    methods: Vec<String>,
    networks: Vec<IpNet>,
    /// What is added to requests: here are the secrets.
    headers: Vec<(HeaderName, HeaderValue)>,
    /// What those are called.
    secrets: Vec<String>,
    network: Arc<Network>,
}

impl Outbound {
    /// Nowhere.
    pub(crate) fn none() -> Self {
        Self { rules: Vec::new() }
    }

    /// Where `grants` say. Reads the secrets that go into headers, and what connections need of the system.
    pub(crate) fn new(grants: &[HttpGrant], secrets: &Secrets, network: &Arc<Network>) -> Result<Self, String> {
        if grants.is_empty() {
            return Ok(Self::none());
        }
        network.prepare(grants.iter().any(|grant| grant.to.is_https()))?;
        let rules = grants.iter().map(|grant| Rule::new(grant, secrets, network).map(Arc::new));
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }

    /// The first grant that takes the request: it alone says which networks are allowed, and which headers are added.
    fn rule(&self, method: &Method, url: &Url) -> Option<&Arc<Rule>> {
        self.rules.iter().find(|rule| rule.methods.iter().any(|name| name == method.as_str()) && rule.to.takes(url))
    }
}

impl Rule {
    fn new(grant: &HttpGrant, secrets: &Secrets, network: &Arc<Network>) -> Result<Self, String> {
        let headers = grant.headers.iter().map(|header| secret_header(header, secrets));
        Ok(Self {
            to: grant.to.clone(),
            methods: grant.methods.clone(),
            networks: grant.networks.clone(),
            headers: headers.collect::<Result<_, _>>()?,
            secrets: grant.headers.iter().map(|header| header.secret.to_string()).collect(),
            network: Arc::clone(network),
        })
    }
}

fn secret_header(grant: &HeaderGrant, secrets: &Secrets) -> Result<(HeaderName, HeaderValue), String> {
    let HeaderGrant { name, secret, prefix } = grant;
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no name of a header"))?;
    if request::is_the_hosts(&parsed) || parsed == http::header::CONTENT_LENGTH {
        return Err(format!("header `{name}` is what the host makes of a request; a secret cannot stand there"));
    }
    let text = format!("{prefix}{}", secrets.read(secret)?.reveal());
    // The reason would be of no use without the value, which nobody is to see.
    let value = HeaderValue::from_str(&text);
    let mut value = value.map_err(|_| format!("secret `{secret}` has a character that cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

/// What `wasi:http` asks of the host during one call.
pub(crate) struct Hooks {
    granted: Arc<Granted>,
    refusals: Refusals,
    traffic: Traffic,
}

impl Hooks {
    pub(crate) fn new(granted: &Arc<Granted>, refusals: &Refusals, traffic: &Traffic) -> Self {
        Self { granted: Arc::clone(granted), refusals: refusals.clone(), traffic: traffic.clone() }
    }

    /// Holds a request against the grants and limits, and makes it ready to go. Nothing has left the machine yet.
    fn admit(&self, request: Request<WasiBody>, options: Option<RequestOptions>) -> Result<Sending, Error> {
        let url = request::url(request.uri())?;
        let Some(rule) = self.granted.outbound.rule(request.method(), &url) else {
            let missing = request::shown(request.method(), &url);
            self.refusals.add(self.granted.plugin(), "http", &missing);
            return Err(Error::HttpRequestDenied);
        };
        let host = url.host().ok_or(Error::HttpRequestUriInvalid)?.to_owned();
        let port = url.port_or_known_default().ok_or(Error::HttpRequestUriInvalid)?;
        self.traffic.take_request().map_err(outcome::too_many_requests)?;
        let slot = self.traffic.open().map_err(|_| Error::ConnectionLimitReached)?;
        let span = spanning(&request, &url);
        let mut request = request::prepared(request, &url, &rule.headers)?;
        request::traced(request.headers_mut(), &span);
        let request = body::limited(request, &self.traffic)?;
        Ok(Sending {
            plugin: Arc::clone(self.granted.plugin()),
            refusals: self.refusals.clone(),
            traffic: self.traffic.clone(),
            rule: Arc::clone(rule),
            host,
            port,
            request,
            options: options.unwrap_or_default(),
            slot,
            span,
            along: observe::along(),
        })
    }
}

/// The span of a request to `url`, of which it says no more than where it goes.
fn spanning<B>(request: &Request<B>, url: &Url) -> Span {
    let mut span = telemetry::begin("http", SpanKind::Client);
    if span.is_seen() {
        span.set("http.request.method", request.method().to_string());
        span.set("url.scheme", url.scheme().to_owned());
        span.set("server.address", url.host_str().unwrap_or_default().to_owned());
        span.set("server.port", i64::from(url.port_or_known_default().unwrap_or_default()));
    }
    span
}

type Answer = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Hooks {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        request::is_the_hosts(name)
    }

    fn forbidden_header_filter(&mut self) -> wasmtime_wasi_http::ForbiddenHeaderFilter {
        Arc::new(request::is_the_hosts)
    }

    /// It is made of the URL that was held against the grants.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_PIECE_BYTES_MAX
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer, Error>> + Send> {
        match self.admit(request, options) {
            Ok(sending) => Box::new(sending.send()),
            Err(error) => {
                self.granted.plugin().requested(outcome::of_error(&error));
                Box::new(std::future::ready(Err(error)))
            }
        }
    }
}

/// A request on its way. Dropping the future that sends it closes its connection; so the end of a call ends all of its requests.
struct Sending {
    plugin: Arc<OfPlugin>,
    refusals: Refusals,
    traffic: Traffic,
    rule: Arc<Rule>,
    host: Host<String>,
    port: u16,
    request: Request<Upload>,
    options: RequestOptions,
    slot: Slot,
    span: Span,
    /// The task that sends is not the call's own.
    along: Option<Along>,
}

/// What came of a request, told when that is known, or when nobody waits for it any more.
struct Told {
    plugin: Arc<OfPlugin>,
    outcome: &'static str,
    span: Span,
}

impl Told {
    fn of(&mut self, sent: &Result<Answer, Error>) {
        match sent {
            Ok((response, _)) => {
                self.outcome = outcome::of_status(response.status());
                self.span.set("http.response.status_code", i64::from(response.status().as_u16()));
                if response.status().is_client_error() || response.status().is_server_error() {
                    self.span.failed(response.status().as_u16().to_string());
                }
            }
            Err(error) => {
                self.outcome = outcome::of_error(error);
                self.span.failed(self.outcome);
            }
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.plugin.requested(self.outcome);
    }
}

impl Sending {
    /// Tells whoever looks on where the request goes, and which secrets go with it.
    fn tell(&self, connected: bool) {
        let Some(along) = &self.along else { return };
        let (method, host) = (self.request.method().to_string(), self.host.to_string());
        along.touched(Effect::Http { method, host, port: self.port, tls: self.rule.to.is_https(), connected });
        for name in self.rule.secrets.iter().filter(|_| connected) {
            along.touched(Effect::Secret { name: name.clone() });
        }
    }

    async fn send(mut self) -> Result<Answer, Error> {
        let span = std::mem::replace(&mut self.span, Span::none());
        let mut told = Told { plugin: Arc::clone(&self.plugin), outcome: "dropped", span };
        let sent = self.answer().await;
        told.of(&sent);
        sent
    }

    async fn answer(self) -> Result<Answer, Error> {
        let Rule { to, networks, network, .. } = &*self.rule;
        let named = to.names_its_host();
        let found = network.addresses(&self.host, named, networks).await;
        let found = found.map_err(|why| outcome::unreachable(why, named, &self.host, &self.plugin, &self.refusals))?;
        let time = self.options.connect_timeout.unwrap_or(Duration::MAX);
        let stream = network.connect(&found, &self.host, self.port, to.is_https(), time).await;
        self.tell(stream.is_ok());
        let stream = stream.map_err(|why| outcome::not_connected(&why, &self.host, &self.plugin))?;

        let mut builder = http1::Builder::new();
        builder.max_buf_size(RESPONSE_HEAD_BYTES_MAX);
        let overlong = self.request.body().overlong();
        let explain = |error| outcome::failed(&error, &overlong, RESPONSE_HEAD_BYTES_MAX);
        let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(explain)?;
        let connection = spawn(connection);
        let first_byte = self.options.first_byte_timeout.unwrap_or(Duration::MAX);
        let response = timeout(first_byte, sender.send_request(self.request)).await;
        let response = response.map_err(|_| Error::ConnectionReadTimeout)?.map_err(explain)?;
        let between = self.options.between_bytes_timeout;
        let response = response.map(|body| Download::new(body, self.traffic, self.slot, between).boxed());
        // What went wrong on the connection shows where the response is read.
        let worker = async move {
            let _ = connection.await;
            Ok(())
        };
        Ok((response, Box::new(worker)))
    }
}

#[cfg(test)]
mod tests;
