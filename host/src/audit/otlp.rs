//! Lines as OTLP logs, to a collector.

use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId,
    logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity},
};
use opentelemetry_otlp::{LogExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    logs::{LogBatch, LogExporter as _, SdkLogRecord, SdkLogger, SdkLoggerProvider},
};
use rustls::crypto::ring;
use serde::Deserialize;
use tokio::{runtime, sync::mpsc, time};
use url::Url;

use crate::{clock, metrics};

/// Lines in one request.
const BATCH_MAX: usize = 512;

/// A collector that has not answered by then is asked again.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// How often a batch is sent before it is given up, and how long to wait in between.
const ATTEMPTS_MAX: u32 = 3;
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Sends lines to one collector.
pub(super) struct Exporter {
    url: Url,
    client: reqwest::Client,
    resource: Resource,
}

/// What of a line stands beside its text.
#[derive(Deserialize)]
struct Facts {
    seq: i64,
    kind: String,
    time: String,
    tenant: Option<String>,
    outcome: Option<String>,
    trace: Option<String>,
}

impl Exporter {
    pub(super) fn new(url: &Url, host: &str) -> io::Result<Self> {
        let client = client(url).map_err(|reason| io::Error::other(format!("[audit] otlp_endpoint: {reason}")))?;
        let attributes = [
            KeyValue::new("service.name", "toolyard"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", host.to_owned()),
        ];
        let resource = Resource::builder_empty().with_attributes(attributes).build();
        Ok(Self { url: url.clone(), client, resource })
    }

    /// Sends what comes, until nobody is left who could give anything.
    pub(super) fn run(self, mut lines: mpsc::Receiver<Arc<str>>) {
        let built = runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string());
        let exporter = LogExporter::builder().with_http().with_http_client(self.client);
        let exporter = exporter.with_endpoint(self.url.as_str()).with_timeout(ANSWER_MAX).build();
        let (runtime, mut exporter) = match (built, exporter) {
            (Ok(runtime), Ok(exporter)) => (runtime, exporter),
            (runtime, exporter) => {
                let errors = [runtime.err(), exporter.err().map(|error| error.to_string())];
                tracing::error!(?errors, "the audit trail cannot be sent to the collector");
                return;
            }
        };
        exporter.set_resource(&self.resource);
        // Only for the records that it makes: what is sent is sent here, so that what is lost is counted.
        let logger = SdkLoggerProvider::builder().build().logger("audit");
        let scope = InstrumentationScope::builder("toolyard.audit").build();
        runtime.block_on(async {
            let (mut batch, mut taken) = (Vec::new(), true);
            while lines.recv_many(&mut batch, BATCH_MAX).await > 0 {
                let records: Vec<SdkLogRecord> = batch.drain(..).map(|line| record(&logger, &line)).collect();
                let sent = send(&exporter, &records, &scope).await;
                // Said when it begins and when it ends: the metric counts what is lost in between.
                match &sent {
                    Err(error) if taken => {
                        tracing::warn!(collector = %self.url, %error, "the collector does not take the audit trail");
                    }
                    Ok(()) if !taken => {
                        tracing::info!(collector = %self.url, "the collector takes the audit trail again");
                    }
                    _ => {}
                }
                taken = sent.is_ok();
            }
        });
    }
}

async fn send(exporter: &LogExporter, records: &[SdkLogRecord], scope: &InstrumentationScope) -> OTelSdkResult {
    let batch: Vec<_> = records.iter().map(|record| (record, scope)).collect();
    let mut sent = Ok(());
    for attempt in 0..ATTEMPTS_MAX {
        if attempt > 0 {
            time::sleep(AGAIN_AFTER * attempt).await;
        }
        sent = exporter.export(LogBatch::new(&batch)).await;
        if sent.is_ok() {
            return sent;
        }
    }
    metrics::audit_lost("otlp", records.len() as u64);
    sent
}

/// The line is the body, whole, so that the chain can be checked from what the collector has.
fn record(logger: &SdkLogger, line: &str) -> SdkLogRecord {
    let mut record = logger.create_log_record();
    record.set_observed_timestamp(SystemTime::now());
    record.set_severity_number(Severity::Info);
    record.set_body(AnyValue::from(line.to_owned()));
    let Ok(facts) = serde_json::from_str::<Facts>(line) else { return record };
    if let Ok(ms) = clock::parse(&facts.time, 0) {
        record.set_timestamp(SystemTime::UNIX_EPOCH + Duration::from_millis(ms));
    }
    record.set_event_name("toolyard.audit");
    record.add_attribute("toolyard.audit.seq", facts.seq);
    record.add_attribute("toolyard.audit.kind", facts.kind);
    for (name, value) in [("toolyard.tenant", facts.tenant), ("toolyard.outcome", facts.outcome)] {
        if let Some(value) = value {
            record.add_attribute(name, value);
        }
    }
    if let Some((trace, span)) = facts.trace.as_deref().and_then(trace) {
        record.set_trace_context(trace, span, Some(TraceFlags::default()));
    }
    record
}

/// The ids in a `traceparent` (W3C Trace Context, 3.2.2).
fn trace(text: &str) -> Option<(TraceId, SpanId)> {
    let mut parts = text.split('-').skip(1);
    Some((TraceId::from_hex(parts.next()?).ok()?, SpanId::from_hex(parts.next()?).ok()?))
}

/// Trusts what the system trusts, where the collector is reached over TLS.
fn client(url: &Url) -> Result<reqwest::Client, String> {
    let mut roots = rustls::RootCertStore::empty();
    if url.scheme() == "https" {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let client = reqwest::Client::builder().tls_backend_preconfigured(config).timeout(ANSWER_MAX);
    client.redirect(reqwest::redirect::Policy::none()).no_proxy().build().map_err(|error| error.to_string())
}
