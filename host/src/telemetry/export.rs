//! The way of spans out: a bounded queue, one task that sends what is in it, and an end. Nobody who serves ever waits for it.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use opentelemetry::KeyValue;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanExporter as _},
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::{
    select,
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::traces::Tracer;
use crate::{
    config::{Secrets, Telemetry},
    metrics,
};

/// Spans that wait to be sent. Beyond it they are dropped, and counted.
const QUEUE_MAX: usize = 8192;

/// Spans in one message.
const BATCH_MAX: usize = 512;

/// How long the first span of a batch waits for others.
const GATHER: Duration = Duration::from_secs(1);

/// A collector that has not taken a batch by then has not taken it.
const EXPORT_MAX: Duration = Duration::from_secs(10);

/// How long the end of the host waits for the last spans to go.
const END_MAX: Duration = Duration::from_secs(3);

/// Spans on their way out, until the host ends.
pub struct Exporting {
    tracer: Tracer,
    sending: JoinHandle<()>,
    ending: CancellationToken,
}

/// Begins to trace. Reads the secrets and certificates of the configuration. `instance` tells this host from others of its name.
pub fn start(telemetry: &Telemetry, secrets: &Secrets, instance: &str) -> Result<Exporting> {
    let exporter = exporter(telemetry, secrets, instance).context("[telemetry]")?;
    let (sender, spans) = mpsc::channel(QUEUE_MAX);
    let ending = CancellationToken::new();
    let sending = tokio::spawn(Sending { exporter, spans, is_away: false }.run(ending.clone()));
    let tracer = Tracer::new(sender, telemetry.sample_ratio, telemetry.propagates);
    Ok(Exporting { tracer, sending, ending })
}

impl Exporting {
    /// What begins traces.
    pub fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// Sends what is there, for as long as the end of a host may take.
    pub async fn end(self) {
        self.ending.cancel();
        let aborting = self.sending.abort_handle();
        if timeout(END_MAX, self.sending).await.is_err() {
            aborting.abort();
            tracing::warn!("the last spans did not go out in time");
        }
    }
}

struct Sending {
    exporter: SpanExporter,
    spans: mpsc::Receiver<SpanData>,
    /// Whether the last batch was not taken.
    is_away: bool,
}

impl Sending {
    async fn run(mut self, ending: CancellationToken) {
        let mut batch = Vec::new();
        loop {
            let has_ended = select! {
                biased;
                () = ending.cancelled() => true,
                Some(span) = self.spans.recv() => {
                    batch.push(span);
                    false
                }
            };
            if has_ended {
                break;
            }
            let gathered = sleep(GATHER);
            tokio::pin!(gathered);
            while batch.len() < BATCH_MAX {
                select! {
                    Some(span) = self.spans.recv() => batch.push(span),
                    () = &mut gathered => break,
                    () = ending.cancelled() => break,
                }
            }
            self.send(&mut batch).await;
        }
        while let Ok(span) = self.spans.try_recv() {
            batch.push(span);
            if batch.len() == BATCH_MAX {
                self.send(&mut batch).await;
            }
        }
        self.send(&mut batch).await;
    }

    async fn send(&mut self, batch: &mut Vec<SpanData>) {
        if batch.is_empty() {
            return;
        }
        let count = batch.len() as u64;
        let sent = timeout(EXPORT_MAX, self.exporter.export(std::mem::take(batch))).await;
        let failure = match sent {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("it did not answer within {} s", EXPORT_MAX.as_secs())),
        };
        metrics::spans(if failure.is_none() { "sent" } else { "failed" }, count);
        // Said once, when it begins and when it is over: a collector that is away is away for many batches.
        match &failure {
            Some(error) if !self.is_away => {
                tracing::warn!(error, "the collector does not take traces; they are counted and dropped until it does");
            }
            None if self.is_away => tracing::info!("the collector takes traces again"),
            _ => {}
        }
        self.is_away = failure.is_some();
    }
}

fn exporter(telemetry: &Telemetry, secrets: &Secrets, instance: &str) -> Result<SpanExporter> {
    let mut headers = std::collections::HashMap::new();
    for header in &telemetry.headers {
        let secret = secrets.read(&header.secret).map_err(anyhow::Error::msg)?;
        let value = format!("{}{}", header.prefix, secret.reveal());
        // A header that is none would be left out without a word.
        http::HeaderName::from_bytes(header.name.as_bytes())
            .map_err(|_| anyhow!("headers: `{}` is no name of a header", header.name))?;
        if http::HeaderValue::from_str(&value).is_err() {
            bail!("headers: secret `{}` has a character that cannot stand in a header", header.secret);
        }
        headers.insert(header.name.clone(), value);
    }
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client(&telemetry.ca_files)?)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(telemetry.traces_url.as_str())
        .with_timeout(EXPORT_MAX)
        .with_headers(headers)
        .build()
        .context("traces cannot be sent")?;
    exporter.set_resource(&resource(&telemetry.service_name, instance));
    Ok(exporter)
}

/// What sends telemetry is (OpenTelemetry semantic conventions, "Service").
fn resource(service: &str, instance: &str) -> Resource {
    let attributes = [
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", instance.to_owned()),
    ];
    Resource::builder_empty().with_service_name(service.to_owned()).with_attributes(attributes).build()
}

/// A client that trusts what the system trusts, and the certificates in `ca_files`. It follows no redirect and asks no proxy: a
/// header with a secret goes where the configuration says.
fn client(ca_files: &[PathBuf]) -> Result<reqwest::Client> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for file in ca_files {
        let text = fs::read(file).with_context(|| format!("ca_files: {} cannot be read", file.display()))?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let certificates = certificates.with_context(|| format!("ca_files: {}", file.display()))?;
        if certificates.is_empty() {
            bail!("ca_files: {} has no certificate", file.display());
        }
        for certificate in certificates {
            roots.add(certificate).with_context(|| format!("ca_files: {}", file.display()))?;
        }
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("TLS cannot be set up")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(EXPORT_MAX)
        .build()
        .context("no client for the collector can be made")
}
