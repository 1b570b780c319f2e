//! Headers: whose they are, and what is in them.

use serde_json::{Value, json};
use toolyard_tests::{Answer, Site};

use super::{call, error, grant, host};

/// A secret, and its grant to one site.
const SECRET: &str = "s3cr3t-value";

fn with_secret(url: &str) -> String {
    format!(
        "[secret.token]\ncommand = [\"echo\", \"{SECRET}\"]\n{}\
         headers = [{{ name = \"Authorization\", secret = \"token\", prefix = \"Bearer \" }}]\n",
        grant(url)
    )
}

fn fetch(host: &toolyard_tests::Host, url: &str, headers: &[&str]) -> Value {
    call(host, "fetch", &json!({ "url": url, "headers": headers }))
}

#[test]
fn headers_that_are_not_the_guests_to_set() {
    let site = Site::saying("hello");
    let host = host(&grant(&site.url()));
    for name in [
        "Host",
        "hOST",
        "Connection",
        "Keep-Alive",
        "Transfer-Encoding",
        "TE",
        "Trailer",
        "Upgrade",
        "Proxy-Authorization",
        "Proxy-Connection",
        "Forwarded",
        "Via",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Real-IP",
        "X-Original-URL",
        "X-HTTP-Method-Override",
    ] {
        let fetched = fetch(&host, &site.url(), &[&format!("{name}: internal.example")]);
        assert!(error(&fetched).contains("Forbidden"), "{name}: {fetched}");
    }
    assert_eq!(site.connections(), 0);
    host.stop();
}

#[test]
fn headers_and_lines_cannot_be_smuggled() {
    let site = Site::saying("hello");
    let host = host(&grant(&site.url()));
    let smuggled = ["X: a\r\nHost: evil", "X: a\nHost: evil", "X: a\rb", "X: a\0b", "X\r\nHost: evil", "X : y", ": y"];
    for header in smuggled {
        let fetched = fetch(&host, &site.url(), &[header]);
        assert!(error(&fetched).starts_with("header "), "{header:?}: {fetched}");
    }
    for path in ["/\r\nX: y", "/\nX: y", "/ HTTP/1.1\r\nHost: evil\r\n\r\n", "/a b", "/\0"] {
        let fetched = fetch(&host, &format!("{}{path}", site.url()), &[]);
        assert!(error(&fetched).contains("the path is not taken"), "{path:?}: {fetched}");
    }
    for method in ["GET / HTTP/1.1\r\nX: y", "G ET", ""] {
        let fetched = call(&host, "fetch", &json!({ "url": site.url(), "method": method }));
        error(&fetched);
    }
    // Two lengths, or one that is not true, are where two servers disagree where a request ends.
    for headers in [&["Content-Length: 5", "Content-Length: 6"][..], &["Content-Length: +5"], &["Content-Length: 5"]] {
        error(&fetch(&host, &site.url(), headers));
    }
    assert_eq!(site.connections(), 0);

    let fetched = fetch(&host, &site.url(), &["X-One: a", "X-One: b", "Accept: text/html"]);
    assert_eq!(fetched["status"], 200, "{fetched}");
    let seen = site.seen_once();
    let named = |name: &str| seen.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).count();
    assert_eq!((named("host"), named("x-one"), named("accept")), (1, 2, 1), "{seen:?}");
    assert_eq!(seen.value_of("Host"), Some(&*format!("127.0.0.1:{}", site.port())));
    host.stop();
}

#[test]
fn a_secret_goes_where_it_was_granted_to_and_nowhere_else() {
    let location = Site::saying("elsewhere");
    let there = location.url();
    let site = Site::open(move |_| Answer::new(302, &[("Location", &there)], "see there"));
    let host = host(
        &format!("{}{}", with_secret(&format!("{}/api/", site.url())), grant("http://127.0.0.1/"))
            .replace("http://127.0.0.1/", &location.url()),
    );
    // The guest's own is replaced, however it writes the name, and however many there are.
    let guests = ["authorization: mine", "AUTHORIZATION: mine too"];
    let fetched = fetch(&host, &format!("{}/api/x", site.url()), &guests);
    assert_eq!(fetched["status"], 302, "{fetched}");
    assert!(!fetched.to_string().contains(SECRET), "{fetched}");
    let seen = site.seen_once();
    let sent = seen.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    assert_eq!(sent.map(|(_, value)| value.as_str()).collect::<Vec<_>>(), [format!("Bearer {SECRET}")]);

    // Not to another path, nor where the server says to go.
    error(&fetch(&host, &format!("{}/other", site.url()), &[]));
    let followed = call(&host, "follow", &json!({ "url": format!("{}/api/x", site.url()) }));
    assert_eq!(followed["body"], "elsewhere", "{followed}");
    assert_eq!(location.seen_once().value_of("Authorization"), None);
    // A guest may say who it is where the host does not.
    fetch(&host, &location.url(), &["Authorization: mine"]);
    assert_eq!(location.seen()[1].value_of("Authorization"), Some("mine"));
    host.terminate();
    assert!(host.log.lines().iter().all(|line| !line.contains(SECRET)), "{:?}", host.log.lines());
}

#[test]
fn a_request_that_fails_tells_no_secret() {
    // Nobody listens there.
    let site = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = site.local_addr().expect("it listens");
    drop(site);
    let host = toolyard_tests::Setup::new().guest("caller").config(&with_secret(&format!("http://{address}/"))).start();
    let fetched = fetch(&host, &format!("http://{address}/"), &[]);
    assert!(error(&fetched).contains("ConnectionRefused"), "{fetched}");
    assert!(!fetched.to_string().contains(SECRET));
    assert!(host.log.lines().iter().all(|line| !line.contains(SECRET)));
    host.stop();
}

#[test]
fn a_secret_that_is_not_to_be_had_keeps_the_plugin_out() {
    let config = format!(
        "[secret.token]\nenv = \"TOOLYARD_TEST_NO_SUCH\"\n{}headers = [{{ name = \"X-Key\", secret = \"token\" }}]\n",
        grant("https://api.example/")
    );
    let host = host(&config);
    let reason = host.refused("caller.wasm");
    assert!(reason.contains("token") && reason.contains("TOOLYARD_TEST_NO_SUCH"), "{reason}");
    host.stop();
}
