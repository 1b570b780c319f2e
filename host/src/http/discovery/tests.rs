use std::path::Path;

use http_body_util::BodyExt;

use super::*;
use crate::{config::Written, signals::Signals};

const CONFIG: &str = "
    public_url = 'https://tools.example.com/a/'
    [server]
    name = 'yard'
    title = 'Example tools'
    version = '1.2.3'
    description = 'Time and text.'
    [tenant.acme]
    public = true
    [tenant.hidden]
";

struct Yard {
    discovery: Discovery,
    tenants: Tenants,
}

fn yard(config: &str, listener: Option<&str>) -> Yard {
    let config = Written::parse(config).unwrap().usable(Path::new("/")).unwrap();
    let tenants = Tenants::new(Signals::new());
    tenants.set(&config.tenants);
    Yard {
        discovery: Discovery::new(&config, listener.map(|address| address.parse().unwrap()), config.tls.is_some()),
        tenants,
    }
}

impl Yard {
    fn ask(&self, method: &Method, path: &str, headers: &[(&'static str, &str)]) -> Option<Response> {
        let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        self.discovery.answer(&self.tenants, method, path, &headers.collect())
    }

    fn get(&self, path: &str, headers: &[(&'static str, &str)]) -> Response {
        self.ask(&Method::GET, path, headers).unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        let response = self.get(path, &[]);
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }
}

#[tokio::test]
async fn a_card_says_what_the_server_is_and_where() {
    let card = yard(CONFIG, None).json("/mcp/server-card").await;
    let versions = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"];
    assert_eq!(
        card,
        json!({
            "$schema": SCHEMA,
            "name": "com.example.tools/yard",
            "version": "1.2.3",
            "description": "Time and text.",
            "title": "Example tools",
            "remotes": [{
                "type": "streamable-http",
                "url": "https://tools.example.com/a/mcp",
                "supportedProtocolVersions": versions,
            }],
        })
    );
}

#[tokio::test]
async fn only_public_tenants_are_told_of() {
    let yard = yard(CONFIG, None);
    let card = yard.json("/t/acme/mcp/server-card").await;
    assert_eq!(card["name"], "com.example.tools/yard.acme");
    assert_eq!(card["remotes"][0]["url"], "https://tools.example.com/a/t/acme/mcp");
    let catalog = yard.json("/.well-known/ai-catalog.json").await;
    assert_eq!(
        catalog,
        json!({ "specVersion": "1.0", "entries": [
            {
                "identifier": "urn:air:tools.example.com:mcp:yard",
                "type": CARD_TYPE,
                "url": "https://tools.example.com/a/mcp/server-card",
            },
            {
                "identifier": "urn:air:tools.example.com:mcp:yard.acme",
                "type": CARD_TYPE,
                "url": "https://tools.example.com/a/t/acme/mcp/server-card",
            },
        ]})
    );
    let mut answers = Vec::new();
    for path in ["/t/hidden/mcp/server-card", "/t/nobody/mcp/server-card", "/t/default/mcp/server-card"] {
        let (head, body) = yard.get(path, &[]).into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        answers.push(format!("{} {:?} {body:?}", head.status, head.headers));
    }
    assert!(answers[0].starts_with("404") && answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

#[tokio::test]
async fn nothing_is_told_where_nobody_said_what_the_address_is() {
    let far = yard("", Some("10.0.0.1:8080"));
    assert_eq!(far.get("/mcp/server-card", &[("host", "evil.example")]).status(), StatusCode::NOT_FOUND);
    let near = yard("", Some("127.0.0.1:8080")).json("/mcp/server-card").await;
    assert_eq!(
        (&near["name"], &near["remotes"][0]["url"]),
        (&json!("localhost/toolyard"), &json!("http://127.0.0.1:8080/mcp"))
    );
}

#[test]
fn what_somebody_has_already_is_not_sent_again() {
    let yard = yard(CONFIG, None);
    let first = yard.get("/mcp/server-card", &[]);
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".into()] {
        let again = yard.get("/mcp/server-card", &[("if-none-match", &known)]);
        assert_eq!(
            (again.status(), again.headers()["etag"].to_str().unwrap()),
            (StatusCode::NOT_MODIFIED, tag.as_str())
        );
        assert_eq!(again.headers()["cache-control"], "public, max-age=3600");
    }
    assert_eq!(yard.get("/mcp/server-card", &[("if-none-match", "\"x\"")]).status(), StatusCode::OK);
    assert_ne!(yard.get("/t/acme/mcp/server-card", &[]).headers()["etag"].to_str().unwrap(), tag);
}

#[test]
fn any_page_may_read_it() {
    let yard = yard(CONFIG, None);
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::POST] {
        let response = yard.ask(&method, "/mcp/server-card", &[("origin", "https://app.example")]).unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("access-control-allow-origin"), "*");
        assert_eq!(header("access-control-allow-methods"), "GET");
        assert_eq!(header("access-control-allow-headers"), "Content-Type, If-None-Match");
        assert_eq!(header("access-control-expose-headers"), "ETag");
        let expected = match method {
            Method::OPTIONS => StatusCode::NO_CONTENT,
            Method::POST => StatusCode::METHOD_NOT_ALLOWED,
            _ => StatusCode::OK,
        };
        assert_eq!(response.status(), expected);
    }
    assert!(
        yard.ask(&Method::GET, "/mcp", &[]).is_none()
            && yard.ask(&Method::GET, "/t/a/b/mcp/server-card", &[]).is_none()
    );
}

#[test]
fn it_comes_in_the_type_that_is_asked_for() {
    let yard = yard(CONFIG, None);
    let check = |accept: &str, expected: Option<&str>| {
        let response = yard.get("/mcp/server-card", &[("accept", accept)]);
        let given = response.headers().get("content-type").map(|value| value.to_str().unwrap());
        match expected {
            Some(expected) => assert_eq!(given, Some(expected), "{accept}"),
            None => assert_eq!(response.status(), StatusCode::NOT_ACCEPTABLE, "{accept}"),
        }
    };
    check("*/*", Some(CARD_TYPE));
    check("application/mcp-server-card+json", Some(CARD_TYPE));
    check("application/json", Some("application/json"));
    check("application/json, application/*;q=0.5", Some("application/json"));
    check("application/mcp-server-card+json;q=0, */*", Some("application/json"));
    check("text/html", None);
    check("application/*;q=0", None);
}
