//! The plugin `fetch`, through the host: what a site is asked, what a model reads, and what happens without grants.

use serde_json::{Value, json};
use toolyard_tests::{Answer, Host, Request, Setup, Site, plugin};

use crate::expect;

const ROBOTS: &str = "User-agent: *\nDisallow: /private\n";

/// A small site, each page at its path.
fn site() -> Site {
    Site::open(page)
}

fn page(request: &Request) -> Answer {
    let html = |body: &str| Answer::new(200, &[("Content-Type", "text/html"), ("Set-Cookie", "leak=1")], body);
    match request.path.as_str() {
        "/robots.txt" => Answer::text(ROBOTS),
        "/" => html("<title>Home</title><script>no()</script><h1>Hello</h1><p>Go <a href='next'>on</a>.</p>"),
        "/private" => Answer::text("for people"),
        "/moved" => Answer::new(302, &[("Location", "/")], ""),
        "/away" => Answer::new(302, &[("Location", "http://169.254.169.254/latest/meta-data/")], ""),
        "/away-https" => Answer::new(302, &[("Location", "https://localhost:1/")], ""),
        "/broken" => Answer::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort".to_vec()),
        "/no-http" => Answer::Bytes(b"\x16\x03\x01\x00\x00".to_vec()),
        "/endless" => Answer::Endless(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
            b"400\r\n".iter().chain(&[b'x'; 0x400]).chain(b"\r\n").copied().collect(),
        ),
        "/image" => Answer::new(200, &[("Content-Type", "image/png")], "\u{89}PNG"),
        _ => Answer::new(404, &[], "nothing"),
    }
}

/// A host with the plugin, which may ask the site at `url`.
fn host(url: &str, more: &str) -> Host {
    let grant = format!("[[plugin.fetch.grants.http]]\nurl = \"{url}/\"\nnetworks = [\"127.0.0.0/8\"]\n{more}");
    Setup::new().plugin("fetch").config(&grant).start()
}

fn fetch(host: &Host, url: &str) -> Value {
    host.call("fetch_fetch", &json!({ "url": url }))
}

#[test]
fn a_page_is_read() {
    let site = site();
    let host = host(&site.url(), "[plugin.fetch.grants.config]\nuser_agent = \"our-bot/1\"\n");
    let result = fetch(&host, &site.url());
    assert_eq!(expect::text(&result), format!("Home\n\n# Hello\n\nGo [on]({}/next).", site.url()));
    assert!(!result.to_string().contains("leak"), "{result}");
    let result = fetch(&host, &format!("{}/moved", site.url()));
    assert_eq!(result["content"][1]["text"], format!("This is from {}/", site.url()));
    let image = fetch(&host, &format!("{}/image", site.url()));
    assert_eq!(
        (&image["content"][0]["type"], &image["content"][0]["mimeType"]),
        (&json!("image"), &json!("image/png"))
    );

    let part = host.call("fetch_fetch", &json!({ "url": site.url(), "format": "text", "max_chars": 5 }));
    assert_eq!(part["content"][0]["text"], "Hello");
    assert_eq!(part["content"][1]["text"], "8 more characters: call again with `start` 5.");
    for request in site.seen() {
        assert_eq!(request.value_of("user-agent"), Some("our-bot/1"), "{request:?}");
        assert_eq!((request.method.as_str(), request.value_of("accept-encoding")), ("GET", Some("identity")));
    }
    host.stop();
}

#[test]
fn robots_txt_holds_unless_the_operator_says_otherwise() {
    let site = site();
    let private = format!("{}/private", site.url());
    let polite = host(&site.url(), "");
    assert!(expect::failure(&fetch(&polite, &private)).contains("robots.txt asks programs not to fetch this"));
    assert!(site.seen().iter().all(|request| request.path == "/robots.txt"), "the page was not asked for");
    polite.stop();
    let told = host(&site.url(), "[plugin.fetch.grants.config]\nignore_robots = \"true\"\n");
    assert_eq!(expect::text(&fetch(&told, &private)), "for people");
    told.stop();
}

#[test]
fn without_a_grant_it_answers_plainly() {
    let site = site();
    let host = Setup::new().plugin("fetch").start();
    let said = expect::failure(&fetch(&host, &site.url()));
    assert_eq!(said, format!("{}/robots.txt: this address may not be reached from here", site.url()));
    host.log.wait_for(&["it is not granted", "http", "/robots.txt"]);
    assert!(site.seen().is_empty());
    host.stop();
}

#[test]
fn redirects_lead_nowhere_else() {
    let site = site();
    let host = host(&site.url(), "");
    for path in ["/away", "/away-https"] {
        let said = expect::failure(&fetch(&host, &format!("{}{path}", site.url())));
        assert!(said.contains("this address may not be reached from here"), "{said}");
    }
    host.log.wait_for(&["it is not granted", "169.254.169.254"]);
    host.stop();
}

#[test]
fn what_goes_wrong_is_said_in_words() {
    let site = site();
    let host = host(&site.url(), "");
    for (path, said) in [
        ("/missing", "answered with status 404"),
        ("/broken", "broke off"),
        ("/no-http", "the server"),
        ("/endless", "larger than 4194304 bytes"),
    ] {
        let failure = expect::failure(&fetch(&host, &format!("{}{path}", site.url())));
        assert!(failure.contains(said), "{path}: {failure}");
    }
    for url in ["ftp://a.example/", "https://user:secret@a.example/", "nonsense"] {
        expect::failure(&fetch(&host, url));
    }
    host.stop();
}

#[test]
fn plugins_carry_their_wishes() {
    for name in ["fetch", "filesystem", "memory"] {
        let component = plugin(name);
        let wishes = include_str_of(name);
        // A custom section: its length, the length of its name, its name, what is in it.
        let section = [&[15][..], b"toolyard:wishes", wishes.as_bytes()].concat();
        let there = component.windows(section.len()).filter(|window| *window == section.as_slice()).count();
        assert_eq!(there, 1, "{name} has its wishes once");
    }
}

fn include_str_of(name: &str) -> &'static str {
    match name {
        "fetch" => include_str!("../../../plugins/fetch/wishes.toml"),
        "filesystem" => include_str!("../../../plugins/filesystem/wishes.toml"),
        _ => include_str!("../../../plugins/memory/wishes.toml"),
    }
}
