//! How much a call may send and receive.

use serde_json::{Value, json};
use toolyard_tests::{Answer, Host, Site, eventually, undisturbed};

use super::{call, error, fetch, grant, list};
use crate::expect;

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";

/// A host that may call this site, within these limits.
fn host(site: &Site, limits: &str) -> Host {
    super::host(&format!("{}methods = [\"GET\", \"POST\"]\n[plugin.caller.limits]\n{limits}\n", grant(&site.url())))
}

/// The site waits until everybody has gone.
fn deserted(site: &Site) {
    eventually("all connections to end", || (site.open_connections() == 0).then_some(()));
}

#[test]
fn too_many_requests() {
    let site = Site::saying("hello");
    let host = host(&site, "http_requests_max = 3");
    let outcomes = list(&host, "fetch_in_turn", &json!({ "url": site.url(), "count": 5 }));
    assert_eq!(outcomes[..3], ["200", "200", "200"]);
    assert!(outcomes[3..].iter().all(|outcome| outcome.contains("http_requests_max")), "{outcomes:?}");
    assert_eq!(site.connections(), 3);
    // Each call has its own.
    assert_eq!(fetch(&host, &site.url())["status"], 200);
    host.stop();
}

#[test]
fn too_many_open_requests() {
    let site = Site::open(|_| Answer::Silence(HEAD.into()));
    let host = host(&site, "http_connections_max = 2");
    let outcomes = list(&host, "fetch_together", &json!({ "url": site.url(), "count": 5 }));
    assert_eq!(outcomes[..2], ["200", "200"], "{outcomes:?}");
    assert!(outcomes[2..].iter().all(|outcome| outcome.contains("ConnectionLimitReached")), "{outcomes:?}");
    assert_eq!(site.connections(), 2);
    // What the guest left open ends with its call, and is no longer counted.
    deserted(&site);
    assert_eq!(list(&host, "fetch_together", &json!({ "url": site.url(), "count": 2 })), ["200", "200"]);
    host.stop();
}

#[test]
fn a_response_that_is_too_large() {
    for length in ["", "Content-Length: 100000000000\r\n"] {
        let head = format!("HTTP/1.1 200 OK\r\n{length}\r\n");
        let site = Site::open(move |_| Answer::Endless(head.clone().into(), vec![b'x'; 1 << 16]));
        let host = host(&site, "http_response_bytes_max = 1_000_000");
        undisturbed(&host, || {
            let fetched = fetch(&host, &site.url());
            assert!(error(&fetched).contains("HttpResponseBodySize(Some(1000000))"), "{}", error(&fetched));
        });
        deserted(&site);
        host.stop();
    }
}

#[test]
fn responses_that_are_too_large_together() {
    let site = Site::open(|_| Answer::text(&"x".repeat(400)));
    let host = host(&site, "http_response_bytes_max = 1000");
    let outcomes = list(&host, "fetch_in_turn", &json!({ "url": site.url(), "count": 3 }));
    assert_eq!(outcomes[..2], ["200", "200"]);
    assert!(outcomes[2].contains("HttpResponseBodySize"), "{outcomes:?}");
    host.stop();
}

#[test]
fn headers_that_are_too_large() {
    let one = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let large = Site::open(move |_| Answer::Bytes(one.clone().into()));
    let endless = Site::open(|_| Answer::Endless("HTTP/1.1 200 OK\r\n".into(), "X: y\r\n".repeat(1000).into()));
    let unending = Site::open(|_| Answer::Endless("HTTP/1.1 200 OK\r\nX: ".into(), vec![b'y'; 1 << 16]));
    for site in [large, endless, unending] {
        let host = host(&site, "");
        undisturbed(&host, || {
            let fetched = fetch(&host, &site.url());
            assert!(error(&fetched).contains("HttpResponseHeaderSectionSize"), "{fetched}");
        });
        deserted(&site);
        host.stop();
    }
}

#[test]
fn what_is_no_response() {
    for (said, code) in [
        ("", "ConnectionTerminated"),
        ("220 mail.example ESMTP\r\n", "HttpProtocolError"),
        ("HTTP/1.1 200 OK\r\nX y\r\n\r\n", "HttpProtocolError"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "HttpResponseIncomplete"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ""),
    ] {
        let site = Site::open(move |_| Answer::Bytes(said.into()));
        let host = host(&site, "");
        let fetched = fetch(&host, &site.url());
        assert!(error(&fetched).contains(code), "{said:?}: {fetched}");
        host.stop();
    }
}

#[test]
fn a_server_that_never_answers() {
    for site in [Site::open(|_| Answer::Silence(Vec::new())), Site::open(|_| Answer::Silence(HEAD.into()))] {
        let host = host(&site, "timeout_ms_max = 500");
        undisturbed(&host, || {
            let result = host.call("caller_fetch", &json!({ "url": site.url() }));
            assert!(expect::failure(&result).contains("500 ms"), "{result}");
        });
        assert_eq!(site.connections(), 1);
        // The request ends with its call.
        deserted(&site);
        host.stop();
    }
}

#[test]
fn a_request_that_is_too_large() {
    let site = Site::saying("hello");
    let host = host(&site, "http_request_bytes_max = 100_000");
    let upload = |bytes: u64, headers: &[&str]| -> Value {
        call(&host, "upload", &json!({ "url": site.url(), "bytes": bytes, "headers": headers }))
    };
    let small = upload(98_304, &[]);
    assert_eq!(small["status"], 200, "{small}");
    assert_eq!(site.seen_once().body.len(), 98_304);
    for headers in [&[][..], &["Content-Length: 1048576"]] {
        let large = upload(1_048_576, headers);
        assert!(error(&large).contains("HttpRequestBodySize(Some(100000))"), "{headers:?}: {large}");
    }
    deserted(&site);
    assert_eq!(site.seen().len(), 1, "no more than a part of the others came");
    host.stop();
}
