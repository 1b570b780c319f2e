//! HTTPS: who is trusted.

use toolyard_tests::{Answer, Authority, Host, Names, Setup, Site};

use super::{body, error, fetch, grant, host};

/// A host that trusts this authority beside the system's, and may call this URL.
fn trusting(authority: &Authority, url: &str) -> Host {
    host(&format!("[egress]\nca_files = [\"{}\"]\n{}", authority.file().display(), grant(url)))
}

#[test]
fn an_authority_that_is_known() {
    let authority = Authority::new();
    let site = Site::secured(&authority, "localhost", |_| Answer::text("hello"));
    let url = format!("https://localhost:{}/", site.port());
    let host = trusting(&authority, &url);
    assert_eq!(body(&host, &url), "hello");
    assert_eq!(site.seen_once().value_of("Host"), Some(&*format!("localhost:{}", site.port())));
    host.stop();

    let site = Site::secured(&authority, "127.0.0.1", |_| Answer::text("by address"));
    let url = format!("https://127.0.0.1:{}/", site.port());
    let host = trusting(&authority, &url);
    assert_eq!(body(&host, &url), "by address");
    host.stop();
}

#[test]
fn an_authority_that_nobody_knows() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let site = Site::secured(&stranger, "localhost", |_| Answer::text("hello"));
    let url = format!("https://localhost:{}/", site.port());
    for host in [host(&grant(&url)), trusting(&authority, &url)] {
        let fetched = fetch(&host, &url);
        assert!(error(&fetched).contains("TlsCertificateError"), "{fetched}");
        host.stop();
    }
    assert_eq!(site.seen().len(), 0);
}

#[test]
fn a_certificate_for_another_name() {
    let authority = Authority::new();
    let names = Names::new(&[("bank.test", &["127.0.0.1"])]);
    let site = Site::secured(&authority, "localhost", |_| Answer::text("hello"));
    let url = format!("https://bank.test:{}/", site.port());
    let host = host(&format!(
        "[egress]\ndns = [\"{}\"]\nca_files = [\"{}\"]\n{}networks = [\"127.0.0.0/8\"]\n",
        names.address(),
        authority.file().display(),
        grant(&url)
    ));
    let fetched = fetch(&host, &url);
    assert!(error(&fetched).contains("TlsCertificateError"), "{fetched}");
    assert_eq!(site.seen().len(), 0);
    host.stop();
}

#[test]
fn a_server_that_speaks_no_tls() {
    let site = Site::saying("hello");
    let url = format!("https://127.0.0.1:{}/", site.port());
    let host = host(&grant(&url));
    let fetched = fetch(&host, &url);
    assert!(error(&fetched).contains("Tls"), "{fetched}");
    host.stop();
}

#[test]
fn certificates_that_are_not_there() {
    let config = format!("[egress]\nca_files = [\"no-such.pem\"]\n{}", grant("https://api.example/"));
    let host = Setup::new().guest("caller").guest("echo").config(&config).start();
    let reason = host.refused("caller.wasm");
    assert!(reason.contains("ca_files") && reason.contains("no-such.pem"), "{reason}");
    // Nobody else needs them.
    assert!(host.tools().contains(&"echo_echo".to_owned()));
    host.stop();
}
