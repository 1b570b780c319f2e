//! TLS for callers: the host's own certificate, read anew when its files change, so that it is renewed without a restart.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    net::TcpStream,
    select,
    signal::unix::{SignalKind, signal},
    task, time,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
    server::TlsStream,
};
use tokio_util::sync::CancellationToken;

use crate::{
    audit::{Audit, record::Change},
    config, metrics,
    stamp::Stamp,
};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is spoken within TLS.
const PROTOCOL: &[u8] = b"http/1.1";

/// The host's certificate, and what it takes to speak TLS with it.
pub struct Tls {
    acceptor: TlsAcceptor,
    current: Arc<Current>,
}

/// The certificate in force.
#[derive(Debug)]
struct Current {
    files: config::Tls,
    key: ArcSwap<CertifiedKey>,
    /// The files that it was read from, or that were no use.
    stamps: Mutex<[Option<Stamp>; 2]>,
}

impl Tls {
    /// Reads certificate and key. The error is a sentence for the operator.
    pub fn load(files: &config::Tls) -> Result<Self, String> {
        let stamps = Mutex::new(stamps(files));
        let key = ArcSwap::from_pointee(read(files)?);
        let current = Arc::new(Current { files: files.clone(), key, stamps });
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| format!("TLS cannot be set up: {error}"))?;
        let resolver: Arc<dyn ResolvesServerCert> = current.clone();
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), current })
    }

    /// Begins to speak TLS on a connection.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.acceptor.accept(stream).await
    }

    /// Reads the files again when they change, and on SIGHUP, until `stop`. What cannot be read leaves in force what was.
    pub(super) async fn watch(&self, audit: &Audit, stop: CancellationToken) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        let mut look = time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            let told = async {
                match &mut hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            let told = select! {
                () = stop.cancelled() => return,
                _ = told => true,
                _ = look.tick() => false,
            };
            let (current, audit) = (Arc::clone(&self.current), audit.clone());
            // Files may be on a disk that is far away.
            let _ = task::spawn_blocking(move || current.renew(told, &audit)).await;
        }
    }
}

impl Current {
    fn renew(&self, told: bool, audit: &Audit) {
        let note = |change, reason: Option<&str>| {
            audit.note(&Change { what: "certificate", change, reason, ..Change::default() });
        };
        let mut known = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamps(&self.files);
        if *known == now && !told {
            return;
        }
        *known = now;
        match read(&self.files) {
            Ok(key) => {
                tracing::info!("the host's certificate was read anew");
                self.key.store(Arc::new(key));
                metrics::reloaded("certificate", true);
                note("reloaded", None);
            }
            // The key comes a moment after its certificate, or before it: then the next look finds both.
            Err(reason) => {
                tracing::warn!(reason, "the host's certificate stays what it was");
                note("refused", Some(&reason));
            }
        }
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.key.load_full())
    }
}

fn stamps(files: &config::Tls) -> [Option<Stamp>; 2] {
    [&files.cert, &files.key].map(|path| Stamp::of(path))
}

fn read(files: &config::Tls) -> Result<CertifiedKey, String> {
    let wrong = |path: &Path, reason: String| format!("[tls] {}: {reason}", path.display());
    let certificates = CertificateDer::pem_file_iter(&files.cert).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = certificates.map_err(|error| wrong(&files.cert, error.to_string()))?;
    if certificates.is_empty() {
        return Err(wrong(&files.cert, "has no certificate in PEM".into()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| wrong(&files.key, error.to_string()))?;
    CertifiedKey::from_der(certificates, key, &ring::default_provider())
        .map_err(|error| wrong(&files.key, format!("is not the key of the certificate: {error}")))
}
