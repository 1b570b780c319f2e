use std::cell::RefCell;
use std::rc::Rc;

use toolyard_plugin::http::{Error, Request, Response, Url};
use toolyard_plugin::testing::{self, Grants};
use toolyard_plugin::{Content, Result, json};

use crate::fetch::PLUGIN;
use crate::html;

fn page() -> Url {
    Url::parse("https://a.example/docs/page").unwrap()
}

/// What the plugin says to these arguments, all pieces of text after another.
fn call(grants: Grants, arguments: &toolyard_plugin::serde_json::Value) -> Result<Vec<String>> {
    let result = grants.run(|| PLUGIN.call("fetch", &arguments.to_string(), &testing::context()))?;
    let text = |content| match content {
        Content::Text(text) => text.text,
        Content::Image(image) => format!("{} {}", image.mime_type, image.data.len()),
        other => panic!("{other:?}"),
    };
    Ok(result.content.into_iter().map(text).collect())
}

/// A server for what `pages` has by URL: type and body. Anything else is not there.
fn serving(pages: &'static [(&str, &str, &str)]) -> Grants {
    Grants::none().http(|request| Ok(found(pages, request)))
}

fn found(pages: &[(&str, &str, &str)], request: &Request) -> Response {
    match pages.iter().find(|(url, ..)| *url == request.url().as_str()) {
        Some((_, "->", to)) => Response::new(302).with_header("location", to),
        Some((_, mime_type, body)) => Response::new(200)
            .with_header("content-type", mime_type)
            .with_header("set-cookie", "leak=1")
            .with_body(*body),
        None => Response::new(404).with_body("not there"),
    }
}

#[test]
fn a_page_becomes_markdown_with_whole_links() {
    let source = "<title>T</title><script>x</script><h1>Head &amp; tail</h1><p>One <b>two</b> <a href='../b#c'>three</a>\
                  <a href='javascript:x'>four</a><a href='#top'>five</a></p><img src=i.png alt=pic><!-- c --><pre><code>a\n  b</code></pre>\
                  <ul><li>x<li>y</ul><table><tr><th>k<th>v<tr><td>1<td>2</table>";
    let markdown = html::markdown(source, &page()).unwrap();
    for expected in [
        "# Head & tail",
        "One **two** [three](https://a.example/b#c)",
        "(#top)",
        "![pic](https://a.example/docs/i.png)",
        "[four]()",
        "```\na\n  b\n```",
        "*   x",
        "| 1",
        "v |",
    ] {
        assert!(markdown.contains(expected), "{expected}: {markdown}");
    }
    assert!(!markdown.contains("<!--") && !markdown.contains("script>"), "{markdown}");
    let text = html::text(source, &page()).unwrap();
    assert_eq!(text, "Head & tail\n\nOne two threefourfive\n\npic\na\n  b\n\n- x\n- y\n\nk v\n1 2", "{text}");
    let cleaned = html::source(source, &page()).unwrap();
    assert!(
        cleaned.contains("<a href=\"https://a.example/b#c\">three</a>") && !cleaned.contains("<script"),
        "{cleaned}"
    );
}

#[test]
fn the_page_says_where_its_links_start() {
    let markdown = html::markdown("<head><base href='https://b.example/x/'></head><a href=y>z</a>", &page()).unwrap();
    assert_eq!(markdown, "[z](https://b.example/x/y)");
}

#[test]
fn hostile_pages_are_converted_or_refused() {
    let deep = |tag: &str, count: usize| format!("{}x", format!("<{tag}>").repeat(count));
    for (page_source, fits) in [
        (deep("div", 1_500), true),
        (deep("blockquote", 1_500), true),
        (deep("ul><li", 1_500), true),
        (deep("table><tr><td", 1_500), true),
        (deep("b", 1_500), true),
        (deep("b", 50_000), false),
        (deep("font size=1><p", 20_000), false),
        (deep("p", 90_000), true),
        (deep("p", 110_000), false),
        (deep("div", 50_000), false),
        ("<".repeat(200_000), false),
        ("\0<a href=\"\0\">\u{fffd}</a>".into(), true),
    ] {
        let start: String = page_source.chars().take(20).collect();
        let converted = html::markdown(&page_source, &page());
        assert_eq!(converted.is_ok(), fits, "{start}");
        assert_eq!(html::text(&page_source, &page()).is_ok(), fits, "{start}");
        assert!(converted.is_ok_and(|text| text.contains(['x', '\u{fffd}'])) || !fits, "{start}");
    }
}

#[test]
fn a_long_page_comes_in_parts() {
    let site = || serving(&[("https://a.example/t", "text/plain", "0123456789")]);
    let part = |start| call(site(), &json!({ "url": "https://a.example/t", "max_chars": 4, "start": start }));
    assert_eq!(part(0).unwrap(), ["0123", "6 more characters: call again with `start` 4."]);
    assert_eq!(part(8).unwrap(), ["89"]);
    assert!(part(11).unwrap_err().message().contains("10 characters"));
}

#[test]
fn redirects_are_followed_and_said() {
    let site = serving(&[
        ("https://a.example/1", "->", "/2"),
        ("https://a.example/2", "->", "https://b.example/3"),
        ("https://b.example/3", "text/html", "<p>here</p>"),
    ]);
    assert_eq!(
        call(site, &json!({ "url": "https://a.example/1" })).unwrap(),
        ["here", "This is from https://b.example/3"]
    );
    let around = serving(&[("https://a.example/1", "->", "/1")]);
    let error = call(around, &json!({ "url": "https://a.example/1" })).unwrap_err();
    assert!(error.message().contains("more than 5 redirects"), "{error:?}");
    let out = serving(&[("https://a.example/1", "->", "file:///etc/passwd")]);
    let error = call(out, &json!({ "url": "https://a.example/1" })).unwrap_err();
    assert!(error.message().contains("redirects to what is no address"), "{error:?}");
}

#[test]
fn robots_txt_is_asked_at_every_hop() {
    const SITE: &[(&str, &str, &str)] = &[
        ("https://a.example/robots.txt", "text/plain", "User-agent: toolyard-fetch\nDisallow: /not"),
        ("https://a.example/not", "text/plain", "secret"),
        ("https://b.example/", "->", "https://a.example/not"),
    ];
    for url in
        ["https://a.example/not", "https://b.example/", "https://a.example/x/..%2f../not", "https://a.example/%6eot"]
    {
        let error = call(serving(SITE), &json!({ "url": url }));
        assert!(!format!("{error:?}").contains("secret"), "{url}");
    }
    let error = call(serving(SITE), &json!({ "url": "https://b.example/" })).unwrap_err();
    assert!(error.message().contains("robots.txt asks programs not to"), "{error:?}");
    let url = json!({ "url": "https://a.example/not" });
    assert_eq!(call(serving(SITE).config("ignore_robots", "true"), &url).unwrap(), ["secret"]);
    assert_eq!(call(serving(SITE).config("user_agent", "other/1"), &url).unwrap(), ["secret"]);
    assert!(
        call(serving(SITE).config("ignore_robots", "yes"), &url).unwrap_err().message().contains("`ignore_robots`")
    );
}

#[test]
fn a_site_that_cannot_say_is_left_alone() {
    for (status, allowed) in [(200, true), (404, true), (401, true), (500, false), (503, false)] {
        let server = move |request: &Request| match request.url().path() {
            "/robots.txt" => Ok(Response::new(status)),
            _ => Ok(Response::new(200).with_body("page")),
        };
        let result = call(Grants::none().http(server), &json!({ "url": "https://a.example/x" }));
        assert_eq!(result.is_ok(), allowed, "{status}: {result:?}");
    }
    let server = |request: &Request| match request.url().path() {
        "/robots.txt" => Err(Error::Timeout),
        _ => Ok(Response::new(200)),
    };
    assert!(call(Grants::none().http(server), &json!({ "url": "https://a.example/x" })).is_err());
}

#[test]
fn requests_say_who_asks_and_take_nothing_packed() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&seen);
    let server = move |request: &Request| {
        log.borrow_mut().extend(request.headers().iter().map(|(name, value)| format!("{name}: {value}")));
        Ok(Response::new(200).with_header("content-encoding", "gzip").with_header("content-type", "text/plain"))
    };
    let error =
        call(Grants::none().config("user_agent", "our-bot/1").http(server), &json!({ "url": "http://a.example/" }));
    assert!(error.unwrap_err().message().contains("`gzip`"));
    assert!(
        seen.borrow().contains(&"user-agent: our-bot/1".to_owned())
            && seen.borrow().contains(&"accept-encoding: identity".to_owned())
    );
}

#[test]
fn what_cannot_be_given_says_why() {
    const SITE: &[(&str, &str, &str)] = &[
        ("https://a.example/pdf", "application/pdf", "%PDF"),
        ("https://a.example/bin", "text/plain", "a\0b"),
        ("https://a.example/png", "image/png", "1234"),
        ("https://a.example/json", "application/json; charset=utf-8", "{\"a\": 1}"),
        ("https://a.example/empty", "text/html", "<script>1</script>"),
    ];
    let get = |path: &str, format: &str| {
        call(serving(SITE), &json!({ "url": format!("https://a.example/{path}"), "format": format }))
    };
    assert!(get("pdf", "raw").unwrap_err().message().contains("`application/pdf`"));
    assert!(get("bin", "raw").is_err());
    assert_eq!(get("png", "markdown").unwrap(), ["image/png 4"]);
    assert_eq!(get("json", "markdown").unwrap(), ["{\"a\": 1}"]);
    assert!(get("json", "html").unwrap_err().message().contains("is not HTML"));
    assert!(get("empty", "markdown").unwrap()[1].contains("has no text"));
    assert!(get("missing", "text").unwrap_err().message().contains("status 404"));
    for url in ["a.example", "ftp://a.example/", "https://u:p@a.example/"] {
        assert!(
            matches!(
                call(serving(SITE), &json!({ "url": url })).unwrap_err(),
                toolyard_plugin::Error::InvalidArguments(_)
            ),
            "{url}"
        );
    }
    let error = call(Grants::none(), &json!({ "url": "https://a.example/" })).unwrap_err();
    assert_eq!(
        error,
        toolyard_plugin::Error::denied("https://a.example/robots.txt: this address may not be reached from here")
    );
}

#[test]
fn a_body_that_is_too_large_is_not_read() {
    let server = |request: &Request| match request.url().path() {
        "/robots.txt" => Ok(Response::new(200).with_body(vec![b'x'; 600 << 10])),
        _ => Ok(Response::new(200).with_header("content-type", "text/plain").with_body(vec![b'x'; (4 << 20) + 1])),
    };
    let error = call(Grants::none().http(server), &json!({ "url": "https://a.example/x" })).unwrap_err();
    assert!(error.message().contains("larger than 4194304 bytes"), "{error:?}");
}
