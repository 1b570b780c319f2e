//! HTTPS by hand, with a look at who answers.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::http::{Reply, Request};
use crate::wait::PATIENCE;

/// Sends a request to a server whose certificate is for `name` and hangs on the one in `ca`. Gives the answer, and the server's own
/// certificate.
pub fn ask_secured(address: SocketAddr, name: &str, ca: &Path, request: &Request) -> Result<(Reply, Vec<u8>), String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).expect("it is a certificate")).expect("it can be trusted");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.expect("the provider has the usual protocols");
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a name or an address");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client can be made");
    let stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    let mut stream = StreamOwned::new(connection, stream);
    stream.write_all(&request.bytes(&address.to_string())).map_err(|error| error.to_string())?;
    let certificate = stream.conn.peer_certificates().and_then(|chain| chain.first()).map(|own| own.to_vec());
    let mut input = BufReader::new(stream);
    let mut reply = Reply::read_head(&mut input).map_err(|error| error.to_string())?;
    reply.read_body(&mut input).map_err(|error| error.to_string())?;
    Ok((reply, certificate.expect("it was checked")))
}
