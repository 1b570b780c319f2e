//! How a server is found by those who have not connected to it: cards, and the catalog of a domain.

use serde_json::{Value, json};
use toolyard_tests::{Host, Reply, Request, Setup, check_server_card};

const CONFIG: &str = "
    public_url = 'https://tools.example.com'
    [server]
    title = 'Example tools'
    card_name = 'com.example/tools'
    description = 'Time and text.'
    icons = [{ src = 'https://tools.example.com/icon.png', mime_type = 'image/png', sizes = ['48x48'] }]
    [tenant.acme]
    public = true
    [tenant.hidden]
";

fn host(config: &str) -> Host {
    let host = Setup::new().config(config);
    // Tenants have folders of their own.
    host.file("acme/.keep", "").file("hidden/.keep", "").start()
}

fn ask(host: &Host, path: &str) -> Reply {
    host.send(&Request::bare("GET", path))
}

#[test]
fn the_catalog_leads_to_cards_that_the_schema_knows() {
    let host = host(CONFIG);
    let catalog = ask(&host, "/.well-known/ai-catalog.json");
    assert_eq!(catalog.header("content-type"), Some("application/ai-catalog+json"));
    let catalog = catalog.json();
    assert_eq!(catalog["specVersion"], "1.0");
    let entries = catalog["entries"].as_array().expect("entries are a list");
    let urls: Vec<&str> = entries.iter().map(|entry| entry["url"].as_str().expect("a URL is a text")).collect();
    let base = "https://tools.example.com";
    assert_eq!(urls, [format!("{base}/mcp/server-card"), format!("{base}/t/acme/mcp/server-card")]);
    for url in urls {
        let card = ask(&host, url.strip_prefix(base).expect("it is on this server"));
        assert_eq!(card.header("content-type"), Some("application/mcp-server-card+json"));
        check_server_card(&card.json());
    }
    let card = ask(&host, "/mcp/server-card").json();
    assert_eq!((&card["name"], &card["title"]), (&json!("com.example/tools"), &json!("Example tools")));
    // As the server says of itself once one has connected.
    let said = host.modern("server/discover", json!({})).result();
    let said = &said["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!((&card["version"], &card["icons"]), (&said["version"], &said["icons"]));
    host.stop();
}

#[test]
fn a_host_on_this_machine_has_a_card_without_being_told_its_url() {
    let host = host("");
    let card = ask(&host, "/mcp/server-card").json();
    check_server_card(&card);
    assert_eq!(card["remotes"][0]["url"], host.url());
    let versions: Vec<Value> = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"].map(Value::from).into();
    assert_eq!(card["remotes"][0]["supportedProtocolVersions"], json!(versions));
    // What a stranger calls the host is not passed on to others.
    let led = host.send(&Request::bare("GET", "/mcp/server-card").header("Host", "evil.example")).json();
    assert_eq!(led, card);
    host.stop();
}

#[test]
fn a_tenant_that_is_not_public_is_as_one_that_is_not_there() {
    let host = host(CONFIG);
    let shown = |tenant: &str| {
        let reply = ask(&host, &format!("/t/{tenant}/mcp/server-card"));
        (reply.status, reply.body.clone(), reply.header("content-type").map(str::to_owned))
    };
    assert_eq!(shown("acme").0, 200);
    assert_eq!(shown("hidden"), shown("nobody"));
    assert_eq!(shown("hidden").0, 404);
    host.stop();
}

#[test]
fn any_page_may_read_a_card_and_nobody_has_to_read_it_twice() {
    let host = host(CONFIG);
    // Of a page that may not call the endpoint.
    let page = Request::bare("GET", "/mcp/server-card").header("Origin", "https://elsewhere.example");
    let first = host.send(&page);
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "GET"),
        ("access-control-allow-headers", "Content-Type, If-None-Match"),
        ("access-control-expose-headers", "ETag"),
        ("cache-control", "public, max-age=3600"),
    ] {
        assert_eq!(first.header(name), Some(value), "{name}");
    }
    let tag = first.header("etag").expect("it has a tag");
    let again = host.send(&page.clone().header("If-None-Match", tag));
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(tag)));
    let preflight =
        host.send(&Request::bare("OPTIONS", "/mcp/server-card").header("Origin", "https://elsewhere.example"));
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, Some("*")));
    let wrong = host.send(&page.header("Accept", "text/html"));
    assert_eq!(wrong.status, 406);
    // The endpoint itself stays as it was.
    let foreign = Request::bare("GET", "/mcp").header("Origin", "https://elsewhere.example");
    assert_eq!(host.send(&foreign).status, 403);
    host.stop();
}
