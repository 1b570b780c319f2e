//! Certificates that only this test trusts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;

/// Somebody who says who is who.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no name is no wrong name");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("keys can be made");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("it can sign for itself");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).expect("a file can be written");
        Authority { issuer, folder }
    }

    /// Its certificate, in PEM.
    pub fn file(&self) -> PathBuf {
        Path::new(self.folder.path()).join("ca.pem")
    }

    /// What a server of this name needs that is not of this process: `cert.pem` and `key.pem`.
    pub fn files(&self, name: &str) -> TempDir {
        let key = KeyPair::generate().expect("keys can be made");
        let params = CertificateParams::new([name.to_owned()]).expect("a name or an address");
        let certificate = params.signed_by(&key, &self.issuer).expect("it can sign");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for (name, text) in [("cert.pem", certificate.pem()), ("key.pem", key.serialize_pem())] {
            std::fs::write(folder.path().join(name), text).expect("a file can be written");
        }
        folder
    }

    /// What a server of this name needs.
    pub(crate) fn server(&self, name: &str) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("keys can be made");
        let params = CertificateParams::new([name.to_owned()]).expect("a name or an address");
        let certificate = params.signed_by(&key, &self.issuer).expect("it can sign");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.expect("the provider has the usual protocols").with_no_client_auth();
        Arc::new(builder.with_single_cert(vec![certificate.into()], key).expect("the key is the certificate's"))
    }
}

impl Default for Authority {
    fn default() -> Authority {
        Authority::new()
    }
}
