//! TLS to servers: who is trusted.

use std::{path::PathBuf, sync::Arc};

use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, pem::PemObject},
    },
};

/// What [`connector`] speaks within TLS.
const PROTOCOL: &[u8] = b"http/1.1";

/// Trusts what the system trusts, and the certificates in `ca_files`. Reads all of them. The error is a sentence for the
/// operator.
pub(super) fn connector(ca_files: &[PathBuf]) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    let (taken, _) = roots.add_parsable_certificates(system.certs);
    if taken == 0 {
        tracing::warn!("the system trusts no certificates: requests over https work only with [egress] ca_files");
    }
    for file in ca_files {
        let wrong = |reason: String| format!("[egress] ca_files: {}: {reason}", file.display());
        let certificates = CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
        let mut any = false;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            any = true;
        }
        if !any {
            return Err(wrong("has no certificate".into()));
        }
    }
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
