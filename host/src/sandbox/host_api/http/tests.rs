//! What goes out of a guest's request, and what does not.

use http::{HeaderMap, Uri, header};

use super::*;

fn url(text: &str) -> Result<String, Error> {
    request::url(&text.parse::<Uri>().unwrap()).map(|url| url.to_string())
}

/// Sends nothing: what would be sent.
fn prepared(text: &str, headers: &[(&'static str, &str)], added: &[(&'static str, &str)]) -> (String, HeaderMap) {
    let uri: Uri = text.parse().unwrap();
    let url = request::url(&uri).unwrap();
    let mut guests = Request::builder().uri(uri);
    for (name, value) in headers {
        guests = guests.header(*name, *value);
    }
    let header =
        |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    let added: Vec<_> = added.iter().map(header).collect();
    let (parts, ()) = request::prepared(guests.body(()).unwrap(), &url, &added).unwrap().into_parts();
    (parts.uri.to_string(), parts.headers)
}

#[test]
fn every_spelling_of_an_address_is_one() {
    for spelling in ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "%31%32%37.0.0.1"] {
        // Not all of them are an authority to `http`; those that are mean the same.
        let Ok(uri) = format!("http://{spelling}/").parse::<Uri>() else { continue };
        assert_eq!(request::url(&uri).unwrap().to_string(), "http://127.0.0.1/", "{spelling}");
    }
    assert_eq!(url("http://[::ffff:127.0.0.1]/").unwrap(), "http://[::ffff:7f00:1]/");
    assert_eq!(url("HTTPS://EXAMPLE.com:443/a/../b/%2e%2e/c?d").unwrap(), "https://example.com/c?d");
}

#[test]
fn what_is_no_plain_url_is_refused() {
    for text in ["http://user@a/", "http://user:password@a/", "http://a@127.0.0.1/", "ftp://a/", "file://a/"] {
        assert!(matches!(url(text), Err(Error::HttpRequestUriInvalid)), "{text}");
    }
    let long = format!("http://a/{}", "b".repeat(20_000));
    assert!(matches!(url(&long), Err(Error::HttpRequestUriTooLong)));
}

#[test]
fn the_hosts_headers_stand_over_the_guests() {
    let theirs = [
        ("host", "evil.example"),
        ("authorization", "guest"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-anything", "x"),
        ("forwarded", "for=127.0.0.1"),
        ("via", "x"),
        ("proxy-authorization", "x"),
        ("connection", "authorization"),
        ("transfer-encoding", "chunked"),
        ("te", "trailers"),
        ("x-http-method-override", "DELETE"),
        ("x-original-url", "/admin"),
        ("accept", "text/html"),
    ];
    let (path, headers) = prepared("http://a.example:8080/b?c=d", &theirs, &[("authorization", "Bearer k3y")]);
    assert_eq!(path, "/b?c=d");
    let left: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(headers[header::HOST], "a.example:8080");
    assert_eq!(headers.get_all(header::AUTHORIZATION).iter().collect::<Vec<_>>(), ["Bearer k3y"]);
    assert_eq!(headers[header::ACCEPT], "text/html");
    assert_eq!(left.len(), 3, "{left:?}");
    assert_eq!(prepared("https://[::1]:443/", &[], &[]).1[header::HOST], "[::1]");
}

#[test]
fn the_path_that_is_sent_is_the_one_that_was_checked() {
    for (text, sent) in [
        ("http://a", "/"),
        ("http://a?b", "/?b"),
        ("http://a//b/../c", "//c"),
        ("http://a/b/%2e%2e/c", "/c"),
        ("http://a/b?c=../d", "/b?c=../d"),
        ("http://a/%0d%0aX: y".replace(' ', "%20").as_str(), "/%0d%0aX:%20y"),
    ] {
        assert_eq!(prepared(text, &[], &[]).0, sent, "{text}");
    }
}

#[test]
fn the_log_shows_no_query() {
    let url = Url::parse("https://a.example:8443/b?token=k3y").unwrap();
    assert_eq!(request::shown(&Method::GET, &url).to_string(), "GET https://a.example:8443/b");
    let long = Url::parse(&format!("https://a/{}", "b".repeat(10_000))).unwrap();
    assert_eq!(request::shown(&Method::GET, &long).to_string().len(), 256);
}
