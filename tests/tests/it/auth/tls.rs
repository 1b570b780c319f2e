//! The host's own certificate.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use toolyard_tests::{Authority, Host, Request, Setup, ask_secured, eventually, modern_request};

fn host(folder: &Path) -> Host {
    let config = format!("[tls]\ncert = '{0}/cert.pem'\nkey = '{0}/key.pem'\n", folder.display());
    Setup::new().guest("echo").config(&config).start()
}

fn request() -> Request {
    modern_request("tools/list", json!({}))
}

#[test]
fn a_certificate_is_renewed_while_the_host_runs() {
    let authority = Authority::new();
    let (files, renewed) = (authority.files("127.0.0.1"), authority.files("127.0.0.1"));
    let host = host(files.path());
    assert!(host.ready["url"].as_str().is_some_and(|url| url.starts_with("https://")), "{}", host.ready);
    let ask = || ask_secured(host.address(), "127.0.0.1", &authority.file(), &request()).expect("it is trusted");
    let (reply, first) = ask();
    assert!(reply.result()["tools"].as_array().is_some_and(|tools| !tools.is_empty()));

    // The certificate first: with the old key it is of no use, and nobody notices.
    let put = |name: &str| fs::copy(renewed.path().join(name), files.path().join(name)).expect("a file can be copied");
    put("cert.pem");
    host.log.wait_for(&["certificate stays what it was"]);
    assert_eq!(ask().1, first);
    put("key.pem");
    eventually("the new certificate", || (ask().1 != first).then_some(()));

    // SIGHUP reads it whether or not it has changed, and ends nothing.
    let pid = Pid::from_raw(host.pid().try_into().expect("a process id")).expect("a process id");
    let reads = || host.log.lines().iter().filter(|line| line.contains("certificate was read anew")).count();
    let before = reads();
    kill_process(pid, Signal::HUP).expect("a child can be signalled");
    eventually("the certificate to be read", || (reads() > before).then_some(()));
    assert_eq!(ask().0.status, 200);
    host.stop();
}

#[test]
fn whoever_speaks_no_tls_gets_no_answer() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let files = authority.files("127.0.0.1");
    let host = host(files.path());
    let mut connection = host.connect();
    connection.write(&request().bytes("127.0.0.1"));
    assert!(connection.try_read().is_err());
    let untrusted = ask_secured(host.address(), "127.0.0.1", &stranger.file(), &request());
    assert!(untrusted.is_err_and(|error| error.contains("certificate")));
    assert!(ask_secured(host.address(), "127.0.0.1", &authority.file(), &request()).is_ok());
    host.stop();
}
