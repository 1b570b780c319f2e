//! What is told to those who look for servers before they connect to one: a card for each endpoint, and the catalog of cards of
//! this domain (MCP's extension "server cards", `docs/discovery.md`, a draft of 2026-07).
//!
//! It is for everybody: it needs no credentials, any page may read it, and caches may keep it. So it says what `initialize` says
//! of the server and where that is, and nothing of what is behind it; of a tenant only if its settings call it public.

use std::net::{Ipv4Addr, SocketAddr};

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::ENDPOINT;
use crate::{
    catalog::Tenants,
    config::{Config, Discovery as Settings, Identity, PublicUrl},
    ids::{Digest, TenantId},
    mcp,
};

const CATALOG: &str = "/.well-known/ai-catalog.json";
const CARD: &str = "/server-card";

/// `ServerCard.$schema`
const SCHEMA: &str = "https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json";

const CARD_TYPE: &str = "application/mcp-server-card+json";
const CATALOG_TYPE: &str = "application/ai-catalog+json";

/// Characters of a card's title.
const TITLE_CHARS_MAX: usize = 100;

/// What every answer says, whatever it is (the extension, "CORS" and "Caching").
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET")),
    (header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type, If-None-Match")),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag")),
    (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
    (header::VARY, HeaderValue::from_static("Accept")),
];

/// How this server is found.
#[derive(Debug)]
pub(super) struct Discovery {
    identity: Identity,
    settings: Settings,
    /// Where clients reach it. `None`: nobody said, and its address may be another from outside.
    url: Option<PublicUrl>,
    /// `namespace/name`
    name: String,
    /// The domain that the catalog speaks for.
    domain: String,
}

/// What a path asks for.
#[derive(Debug, PartialEq, Eq)]
enum Document<'a> {
    Catalog,
    Card,
    CardOf(&'a str),
}

impl<'a> Document<'a> {
    fn of(path: &'a str) -> Option<Self> {
        if path == CATALOG {
            return Some(Self::Catalog);
        }
        let endpoint = path.strip_suffix(CARD)?;
        if endpoint == ENDPOINT {
            return Some(Self::Card);
        }
        let tenant = endpoint.strip_prefix("/t/")?.strip_suffix(ENDPOINT)?;
        (!tenant.is_empty() && !tenant.contains('/')).then_some(Self::CardOf(tenant))
    }
}

impl Discovery {
    /// That of a host which listens at this address, with or without a certificate.
    pub(super) fn new(config: &Config, listener: Option<SocketAddr>, has_tls: bool) -> Self {
        let settings = config.discovery.clone();
        // Where only this machine reaches it, everybody who does knows it by its address. What a stranger says in `Host` is
        // never passed on: caches keep these documents.
        let own = listener.filter(|address| address.ip().is_loopback());
        let own = own.map(|address| PublicUrl::of_listener(address, has_tls));
        let url = config.public_url.clone().or(own);
        let text = url.as_ref().map(|url| url.at(""));
        let domain = text.as_deref().map_or("localhost", domain_of).to_owned();
        let name = settings.card_name.clone().unwrap_or_else(|| name_for(&domain, &config.identity.name));
        Self { identity: config.identity.clone(), settings, url, name, domain }
    }

    /// The answer to a request for one of the documents; `None` if it is for something else.
    pub(super) fn answer(
        &self,
        tenants: &Tenants,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Option<Response> {
        let document = Document::of(path)?;
        let mut response = match *method {
            Method::GET | Method::HEAD => self.give(tenants, &document, headers),
            Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
            _ => {
                let allow = [(header::ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"))];
                (StatusCode::METHOD_NOT_ALLOWED, allow, "read it by GET\n").into_response()
            }
        };
        for (name, value) in HEADERS {
            response.headers_mut().entry(name).or_insert(value);
        }
        Some(response)
    }

    fn give(&self, tenants: &Tenants, document: &Document<'_>, headers: &HeaderMap) -> Response {
        let written = self.url.as_ref().and_then(|url| match document {
            Document::Catalog => Some((self.catalog(url, tenants), CATALOG_TYPE)),
            Document::Card => Some((self.card(url, None), CARD_TYPE)),
            Document::CardOf(tenant) => {
                let tenant = tenants.get(tenant).filter(|tenant| tenant.is_public())?;
                Some((self.card(url, Some(&tenant.id)), CARD_TYPE))
            }
        });
        let Some((document, own_type)) = written else {
            // The same whether there is no such tenant or nobody may know of it. It may come to be: nothing keeps this.
            let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            return (StatusCode::NOT_FOUND, headers, "there is nothing here\n").into_response();
        };
        let Some(media_type) = accepted(headers, own_type) else {
            let text = format!("this is {own_type}, or application/json\n");
            return (StatusCode::NOT_ACCEPTABLE, text).into_response();
        };
        let body = document.to_string();
        // Of the type too: the same text under two types is two representations (RFC 9110, 8.8.3).
        let digest = Digest::of(format!("{media_type}\n{body}").as_bytes()).to_string();
        let tag = format!("\"{}\"", digest.rsplit(':').next().unwrap_or_default());
        let Ok(tag_value) = HeaderValue::from_str(&tag) else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        if is_known(headers, &tag) {
            return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag_value)]).into_response();
        }
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(media_type)), (header::ETAG, tag_value)];
        (headers, body).into_response()
    }

    fn catalog(&self, url: &PublicUrl, tenants: &Tenants) -> Value {
        let entry = |tenant: Option<&TenantId>| {
            json!({
                "identifier": format!("urn:air:{}:mcp:{}", self.domain, own_part(&self.name_of(tenant))),
                "type": CARD_TYPE,
                "url": format!("{}{CARD}", url.endpoint(tenant)),
            })
        };
        let public: Vec<_> = tenants.all().into_iter().filter(|tenant| tenant.is_public()).collect();
        let entries: Vec<_> =
            std::iter::once(entry(None)).chain(public.iter().map(|tenant| entry(Some(&tenant.id)))).collect();
        json!({ "specVersion": "1.0", "entries": entries })
    }

    fn card(&self, url: &PublicUrl, tenant: Option<&TenantId>) -> Value {
        let mut card = json!({
            "$schema": SCHEMA,
            "name": self.name_of(tenant),
            "version": self.identity.version,
            "description": self.settings.description,
            "remotes": [{
                "type": "streamable-http",
                "url": url.endpoint(tenant),
                "supportedProtocolVersions": mcp::versions(),
            }],
        });
        let title = self.identity.title.as_deref();
        if let Some(title) = title.filter(|title| (1..=TITLE_CHARS_MAX).contains(&title.chars().count())) {
            card["title"] = json!(title);
        }
        if let Some(website) = &self.identity.website_url {
            card["websiteUrl"] = json!(website);
        }
        if !self.identity.icons.is_empty() {
            card["icons"] = json!(self.identity.icons);
        }
        card
    }

    fn name_of(&self, tenant: Option<&TenantId>) -> String {
        tenant.map_or_else(|| self.name.clone(), |tenant| format!("{}.{tenant}", self.name))
    }
}

fn own_part(name: &str) -> &str {
    name.split_once('/').map_or(name, |(_, own)| own)
}

/// The domain in a URL. An address is none, and speaks for this machine alone.
fn domain_of(url: &str) -> &str {
    let authority = url.split("://").nth(1).unwrap_or(url).split('/').next().unwrap_or_default();
    let name = authority.split(':').next().unwrap_or_default();
    let is_address = authority.starts_with('[') || name.parse::<Ipv4Addr>().is_ok();
    if is_address { "localhost" } else { name }
}

/// `com.example.tools/NAME` for `tools.example.com`.
fn name_for(domain: &str, name: &str) -> String {
    let namespace: Vec<&str> = domain.rsplit('.').collect();
    let legal = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    format!("{}/{}", namespace.join("."), name.chars().map(legal).collect::<String>())
}

/// The media type that the client takes: the document's own, if it may, or plain JSON.
fn accepted(headers: &HeaderMap, own_type: &'static str) -> Option<&'static str> {
    let mut ranges = Vec::new();
    for value in headers.get_all(header::ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
            let media_type = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok()));
            ranges.push((media_type, weight.unwrap_or(1.0)));
        }
    }
    if !headers.contains_key(header::ACCEPT) {
        return Some(own_type);
    }
    // The range that says most counts (RFC 9110, 12.5.1).
    let weight = |media_type: &str| {
        let most = [media_type, "application/*", "*/*"].into_iter();
        most.filter_map(|range| ranges.iter().find(|(other, _)| other == range)).map(|(_, weight)| *weight).next()
    };
    let (own, plain) = (weight(own_type).unwrap_or(0.0), weight("application/json").unwrap_or(0.0));
    if own <= 0.0 && plain <= 0.0 {
        return None;
    }
    Some(if own >= plain { own_type } else { "application/json" })
}

/// Whether the client has it already (RFC 9110, 13.1.2; the comparison is the weak one).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests;
