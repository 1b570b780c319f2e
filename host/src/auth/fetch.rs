//! Fetching what issuers publish.

use std::{future::Future, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use reqwest::{Client, redirect};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use url::Url;

/// How long an issuer has for one document.
const FETCH_TIME_MAX: Duration = Duration::from_secs(5);

/// Keys with chains of certificates come to a few kilobytes each.
const DOCUMENT_BYTES_MAX: usize = 512 << 10;

/// Fetches a document, or says why that did not work, for the log.
pub(super) type Get = Arc<dyn Fn(Url) -> Fetched + Send + Sync>;

pub(super) type Fetched = Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send>>;

/// Fetches over HTTP. Trusts what the system trusts, and the certificates in `ca_files`, and reads them now.
///
/// Redirects are not followed and no proxy is asked: where an issuer's documents are stands in the configuration.
pub(super) fn over_http(ca_files: &[PathBuf]) -> Result<Get, String> {
    let client = Client::builder()
        .tls_backend_preconfigured(trusting(ca_files)?)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .timeout(FETCH_TIME_MAX)
        // The next request comes minutes later.
        .pool_max_idle_per_host(0)
        .build()
        .map_err(|error| format!("no client for HTTP can be made: {error}"))?;
    Ok(Arc::new(move |url| {
        let client = client.clone();
        Box::pin(async move { get(&client, url).await })
    }))
}

async fn get(client: &Client, url: Url) -> Result<Vec<u8>, String> {
    let shown = url.to_string();
    // An address is in the message already; what is underneath it says more than the error itself.
    let wrong = |error: reqwest::Error| {
        let mut error: &dyn std::error::Error = &error.without_url();
        while let Some(deeper) = error.source() {
            error = deeper;
        }
        format!("{shown}: {error}")
    };
    let mut response = client.get(url).header("accept", "application/json").send().await.map_err(wrong)?;
    if !response.status().is_success() {
        return Err(format!("{shown}: the answer has status {}", response.status()));
    }
    let mut document = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(wrong)? {
        if document.len() + chunk.len() > DOCUMENT_BYTES_MAX {
            return Err(format!("{shown}: the answer is longer than {DOCUMENT_BYTES_MAX} bytes"));
        }
        document.extend_from_slice(&chunk);
    }
    Ok(document)
}

fn trusting(ca_files: &[PathBuf]) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for file in ca_files {
        let wrong = |reason: String| format!("`ca_files`: {}: {reason}", file.display());
        let before = roots.len();
        for certificate in CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))? {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        }
        if roots.len() == before {
            return Err(wrong("has no certificate".into()));
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder =
        builder.with_safe_default_protocol_versions().map_err(|error| format!("TLS cannot be set up: {error}"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
