//! What no grant covers.

use serde_json::json;
use toolyard_tests::{Answer, Site};

use super::{DENIED, body, call, denied, error, fetch, grant, host};

#[test]
fn nothing_without_a_grant() {
    let site = Site::saying("hello");
    let host = host("");
    denied(&host, &format!("{}/inside?token=k3y", site.url()));
    let line = host.log.wait_for(&["refused", "caller", "/inside"]);
    let fields = line.to_string();
    assert!(fields.contains(&format!("GET {}/inside", site.url())), "the log names what is missing: {fields}");
    assert!(!fields.contains("k3y"), "a query may be private: {fields}");
    assert_eq!(site.connections(), 0);
    host.stop();
}

#[test]
fn each_part_of_a_grant() {
    let (site, other) = (Site::saying("hello"), Site::saying("other"));
    let url = site.url();
    let host = host(&format!("{}methods = [\"GET\", \"PUT\"]\n", grant(&format!("{url}/v1/"))));
    for path in ["/v1", "/v1/", "/v1/x?y", "/v2/../v1/x", "/v1/%2e/x"] {
        assert_eq!(body(&host, &format!("{url}{path}")), "hello", "{path}");
    }
    let put = call(&host, "fetch", &json!({ "url": format!("{url}/v1/"), "method": "PUT", "body": "hello" }));
    assert_eq!(put["status"], 200, "{put}");
    let seen = site.seen();
    let last = seen.last().expect("it was asked");
    assert_eq!((last.method.as_str(), last.body.as_slice()), ("PUT", &b"hello"[..]));

    for path in ["", "/", "/v2", "/v10", "/v1/../v2", "/v1/%2e%2e/v2", "/v1/%252e%252e/v2", "/v1/..%2fv2", "//v1/"] {
        denied(&host, &format!("{url}{path}"));
    }
    for method in ["POST", "HEAD", "DELETE", "get", "Get", "TRACE", "OPTIONS", "CONNECT"] {
        let fetched = call(&host, "fetch", &json!({ "url": format!("{url}/v1/"), "method": method }));
        assert!(error(&fetched).contains(DENIED), "{method}: {fetched}");
    }
    denied(&host, &format!("{}/v1/", other.url()));
    denied(&host, &format!("https://127.0.0.1:{}/v1/", site.port()));
    denied(&host, "http://127.0.0.1/v1/");
    assert_eq!((site.seen().len(), other.connections()), (6, 0));
    host.stop();
}

/// Each of these is, or might be taken for, this machine.
const SPELLINGS: &[&str] = &[
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.0.0.1.",
    "2130706433",
    "0x7f000001",
    "0x7F.0.0.1",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "127.255.255.254",
    "%31%32%37.0.0.1",
    "0",
    "0.0.0.0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "api.localhost",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::127.0.0.1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[fe80::1]",
    "[fec0::1]",
    "[fd00:ec2::254]",
    "10.0.0.1",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "255.255.255.255",
    "user@127.0.0.1",
    "example.com@127.0.0.1",
    "\u{2460}\u{2461}\u{2466}.\u{24ea}.\u{24ea}.\u{2460}",
    "127\u{3002}0\u{3002}0\u{3002}1",
    "[::1%25lo]",
];

#[test]
fn this_machine_however_it_is_spelled() {
    let site = Site::saying("hello");
    let port = site.port();
    // Every host, but no network that is not public.
    let host = host(&grant(&format!("http://*:{port}/")));
    for spelling in SPELLINGS {
        let fetched = fetch(&host, &format!("http://{spelling}:{port}/"));
        let error = error(&fetched);
        let refused = [DENIED, "HttpRequestUriInvalid", "is not taken"].iter().any(|words| error.contains(words));
        assert!(refused, "{spelling}: {fetched}");
    }
    assert_eq!(site.connections(), 0);
    host.stop();
}

#[test]
fn an_address_that_the_operator_wrote() {
    let site = Site::saying("hello");
    let port = site.port();
    let host = host(&format!("{}{}", grant(&site.url()), grant(&format!("http://localhost:{port}/"))));
    for spelling in ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "localhost", "LOCALHOST."] {
        assert_eq!(body(&host, &format!("http://{spelling}:{port}/")), "hello", "{spelling}");
    }
    // What it is called by others is not what was written.
    for spelling in ["[::ffff:127.0.0.1]", "127.0.0.2", "[::1]"] {
        denied(&host, &format!("http://{spelling}:{port}/"));
    }
    host.stop();
}

#[test]
fn a_redirect_is_the_guests_to_follow_and_is_held_against_the_grants() {
    let inside = Site::saying("inside");
    let location = format!("{}/secret", inside.url());
    let site = Site::open(move |_| Answer::new(302, &[("Location", &location)], ""));
    let host = host(&grant(&site.url()));
    let fetched = fetch(&host, &site.url());
    assert_eq!(fetched["status"], 302, "{fetched}");
    let followed = call(&host, "follow", &json!({ "url": site.url() }));
    assert!(error(&followed).contains(DENIED), "{followed}");
    assert_eq!((inside.connections(), site.connections()), (0, 2));
    host.stop();
}

#[test]
fn a_guest_that_tries_again_and_again_fills_no_log() {
    let site = Site::saying("hello");
    let host = host("");
    let outcomes = super::list(&host, "fetch_in_turn", &json!({ "url": site.url(), "count": 100 }));
    assert!(outcomes.len() == 100 && outcomes.iter().all(|outcome| outcome.contains(DENIED)), "{outcomes:?}");
    denied(&host, &format!("{}/last", site.url()));
    host.log.wait_for(&["refused", "/last"]);
    let lines = host.log.lines().iter().filter(|line| line.contains("not granted")).count();
    assert!((2..20).contains(&lines), "{lines} lines");
    host.stop();
}
