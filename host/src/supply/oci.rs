//! Reading from a registry (OCI distribution specification 1.1), as far as a component and its signatures need it.
//!
//! A registry is believed nothing: every body has a bound that holds while it comes, and is held against its digest. Its
//! credentials go to it alone, and to the place that it names for tokens if that is encrypted or is itself; a redirect elsewhere is
//! followed without them.

use std::time::Duration;

use http::{HeaderValue, StatusCode, header};
use reqwest::{Client, Response, Url, redirect::Policy};
use serde::Deserialize;

use super::{cosign::Signature, trust};
use crate::{
    config::{Reference, Registry, Secret, is_loopback},
    ids::Digest,
};

/// The media types of what `wkg` and others make (CNCF TAG Runtime, "Wasm OCI Artifact layout").
const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
const COMPONENT_TYPE: &str = "application/wasm";

/// The media type of a signature's payload.
const PAYLOAD_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The annotation that holds the signature itself.
const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";

const MANIFEST_TYPES: &str = "application/vnd.oci.image.manifest.v1+json";

/// Registries take manifests up to this size (distribution specification, "Pushing manifests").
const MANIFEST_BYTES_MAX: u64 = 4 << 20;

/// A payload has some hundred bytes, and a token some thousand.
const SMALL_BYTES_MAX: u64 = 64 << 10;

/// Signatures of one manifest that are looked at.
const SIGNATURES_MAX: usize = 16;

/// A registry that sends its blobs from elsewhere redirects once; some twice.
const REDIRECTS_MAX: usize = 4;

const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Without a byte for so long, a registry counts as away.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// One request with its whole answer: a component of the usual bound, at a slow line's speed.
const REQUEST_MAX: Duration = Duration::from_secs(300);

/// Why something was not had, as a clause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PullError {
    /// The registry does not answer, or says that it cannot now: later it may.
    #[error("{0}")]
    Away(String),
    /// There is nothing of that name.
    #[error("{0}")]
    Missing(String),
    /// It is not what it should be.
    #[error("{0}")]
    Wrong(String),
}

/// A component as it came, held against its digests.
#[derive(Debug)]
pub(super) struct Pulled {
    pub(super) component: Digest,
    pub(super) bytes: Vec<u8>,
}

/// A manifest as it came.
#[derive(Debug, Clone)]
pub(super) struct Manifest {
    pub(super) digest: Digest,
    pub(super) bytes: Vec<u8>,
    layers: Vec<Descriptor>,
    config_type: String,
}

/// How one registry is reached.
pub(super) struct Link {
    http: Client,
    base: Url,
    /// Unencrypted, as the operator wants it.
    plain: bool,
    login: Option<(String, Secret)>,
}

/// One repository, as long as something is pulled from it.
pub(super) struct Pulling<'a> {
    link: &'a Link,
    repository: &'a str,
    /// What the registry asked for, once it did.
    authorization: Option<HeaderValue>,
}

#[derive(Deserialize)]
struct WireManifest {
    config: Descriptor,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Link {
    /// The way to the registry called `name`. Reads the certificates to trust.
    pub(super) fn new(name: &str, settings: &Registry, password: Option<Secret>) -> Result<Self, String> {
        let scheme = if settings.plain_http { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{name}/v2/")).map_err(|error| format!("`{name}`: {error}"))?;
        let http = Client::builder()
            .tls_backend_preconfigured(trust::client_config(name, &settings.ca_files)?)
            // They are followed here, where it is known what may go with them.
            .redirect(Policy::none())
            // The environment is the configuration's to read.
            .no_proxy()
            .connect_timeout(CONNECT_MAX)
            .read_timeout(SILENCE_MAX)
            .timeout(REQUEST_MAX)
            .user_agent(concat!("toolyard/", env!("CARGO_PKG_VERSION")))
            .build();
        let http = http.map_err(|error| format!("`{name}` cannot be spoken to: {error}"))?;
        let login = settings.login.as_ref().zip(password).map(|((username, _), password)| (username.clone(), password));
        Ok(Self { http, base, plain: settings.plain_http, login })
    }

    pub(super) fn repository<'a>(&'a self, reference: &'a Reference) -> Pulling<'a> {
        Pulling { link: self, repository: &reference.repository, authorization: None }
    }

    fn is_own(&self, url: &Url) -> bool {
        url.scheme() == self.base.scheme()
            && url.host_str() == self.base.host_str()
            && url.port_or_known_default() == self.base.port_or_known_default()
    }
}

impl Pulling<'_> {
    /// The digest that the registry says a tag has now. `None`: it does not say. Nothing depends on whether that is true.
    pub(super) async fn hint(&mut self, tag: &str) -> Result<Option<Digest>, PullError> {
        let response = self.ask(http::Method::HEAD, &format!("manifests/{tag}"), MANIFEST_TYPES).await?;
        Ok(response.headers().get("docker-content-digest").and_then(|digest| digest.to_str().ok()?.parse().ok()))
    }

    /// The manifest that a tag or a digest names.
    pub(super) async fn manifest(&mut self, tag: Option<&str>, digest: Option<Digest>) -> Result<Manifest, PullError> {
        let name = digest.map(|digest| digest.to_string()).or(tag.map(str::to_owned));
        let name = name.ok_or_else(|| PullError::Wrong("has neither tag nor digest".into()))?;
        let response = self.ask(http::Method::GET, &format!("manifests/{name}"), MANIFEST_TYPES).await?;
        let bytes = body(response, MANIFEST_BYTES_MAX, "a manifest").await?;
        if let Some(wanted) = digest.filter(|wanted| *wanted != Digest::of(&bytes)) {
            return Err(PullError::Wrong(format!("the registry sent something else for manifest {wanted}")));
        }
        Manifest::read(bytes).map_err(PullError::Wrong)
    }

    /// The component of a manifest.
    pub(super) async fn component(&mut self, manifest: &Manifest, bytes_max: u64) -> Result<Pulled, PullError> {
        let (digest, size) = manifest.component().map_err(PullError::Wrong)?;
        if size > bytes_max {
            let reason = format!("has {size} bytes; at most {bytes_max} are taken (component_bytes_max)");
            return Err(PullError::Wrong(reason));
        }
        // A body that is longer than its descriptor says is another body.
        let bytes = self.blob(digest, size).await?;
        Ok(Pulled { component: digest, bytes })
    }

    /// What signatures there are of a manifest.
    pub(super) async fn signatures(&mut self, manifest: Digest) -> Result<Vec<Signature>, PullError> {
        let tag = format!("sha256-{}.sig", manifest.hex());
        let signed = match self.manifest(Some(&tag), None).await {
            Ok(signed) => signed,
            Err(PullError::Missing(_)) => return Ok(Vec::new()),
            Err(other) => return Err(other),
        };
        let mut signatures = Vec::new();
        let payloads = signed.layers.iter().filter(|layer| layer.media_type == PAYLOAD_TYPE);
        for layer in payloads.take(SIGNATURES_MAX) {
            let text = layer.annotations.get(SIGNATURE_ANNOTATION).map(String::as_str).unwrap_or_default();
            let signature = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text);
            let (Ok(signature), Ok(digest)) = (signature, layer.digest.parse()) else { continue };
            let payload = self.blob(digest, layer.size.min(SMALL_BYTES_MAX)).await?;
            signatures.push(Signature { payload, signature });
        }
        Ok(signatures)
    }

    async fn blob(&mut self, digest: Digest, bytes_max: u64) -> Result<Vec<u8>, PullError> {
        let response = self.ask(http::Method::GET, &format!("blobs/{digest}"), "*/*").await?;
        let bytes = body(response, bytes_max, "a blob").await?;
        if Digest::of(&bytes) != digest {
            return Err(PullError::Wrong(format!("the registry sent something else for blob {digest}")));
        }
        Ok(bytes)
    }

    /// Asks for something, with credentials if the registry wants them.
    async fn ask(&mut self, method: http::Method, path: &str, accept: &str) -> Result<Response, PullError> {
        let url = self.link.base.join(&format!("{}/{path}", self.repository));
        let url = url.map_err(|error| PullError::Wrong(format!("`{path}` is no place in a registry: {error}")))?;
        let mut response = self.follow(&method, url.clone(), accept).await?;
        if response.status() == StatusCode::UNAUTHORIZED && self.link.is_own(response.url()) {
            self.authorization = Some(self.authorize(&response).await?);
            response = self.follow(&method, url, accept).await?;
        }
        let status = response.status();
        let said = || format!("{} answers {status} for {}/{path}", self.link.base.authority(), self.repository);
        match status {
            StatusCode::OK => Ok(response),
            StatusCode::NOT_FOUND => Err(PullError::Missing(format!(
                "{}: it has no such name or tag, or shows it only with a login",
                said()
            ))),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Err(PullError::Away(said())),
            status if status.is_server_error() => Err(PullError::Away(said())),
            _ => Err(PullError::Wrong(said())),
        }
    }

    async fn follow(&self, method: &http::Method, mut url: Url, accept: &str) -> Result<Response, PullError> {
        for _ in 0..=REDIRECTS_MAX {
            let mut request = self.link.http.request(method.clone(), url.clone()).header(header::ACCEPT, accept);
            if let Some(authorization) = self.authorization.as_ref().filter(|_| self.link.is_own(&url)) {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            let response = request.send().await.map_err(|error| away(&error))?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
            let next = location.and_then(|location| url.join(location).ok());
            let next = next.ok_or_else(|| PullError::Wrong(format!("{url} redirects nowhere")))?;
            if next.scheme() != "https" && (url.scheme() == "https" || next.scheme() != "http") {
                return Err(PullError::Wrong(format!("{url} redirects to {next}, which is not encrypted")));
            }
            url = next;
        }
        Err(PullError::Wrong(format!("more than {REDIRECTS_MAX} redirects, the last to {url}")))
    }

    /// What to say of ourselves, as the registry asks for it (distribution's "Token Authentication Specification"; RFC 7617).
    async fn authorize(&self, response: &Response) -> Result<HeaderValue, PullError> {
        let challenges = response.headers().get_all(header::WWW_AUTHENTICATE).iter();
        let challenges: Vec<Challenge> =
            challenges.filter_map(|value| Challenge::parse(value.to_str().ok()?)).collect();
        if let Some(bearer) = challenges.iter().find(|challenge| challenge.scheme == "bearer") {
            return self.token(bearer).await;
        }
        if challenges.iter().all(|challenge| challenge.scheme != "basic") {
            return Err(PullError::Wrong("the registry asks for credentials in a way that is not known".into()));
        }
        let (username, password) = self.link.login.as_ref().ok_or_else(|| {
            let registry = self.link.base.authority();
            PullError::Wrong(format!("{registry} asks for a password: give one in [registry.\"{registry}\"]"))
        })?;
        let text = format!("{username}:{}", password.reveal());
        let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
        secret_header(&format!("Basic {text}"))
    }

    async fn token(&self, challenge: &Challenge) -> Result<HeaderValue, PullError> {
        let realm = challenge.get("realm").and_then(|realm| Url::parse(realm).ok());
        let mut realm = realm.ok_or_else(|| PullError::Wrong("the registry does not say where tokens are".into()))?;
        let near = self.link.plain && realm.host_str().is_some_and(is_loopback);
        if realm.scheme() != "https" && !self.link.is_own(&realm) && !near {
            return Err(PullError::Wrong(format!("the registry's tokens are at {realm}, which is not encrypted")));
        }
        let scope = format!("repository:{}:pull", self.repository);
        realm.query_pairs_mut().extend_pairs(challenge.get("service").map(|service| ("service", service)));
        realm.query_pairs_mut().append_pair("scope", &scope);
        let mut request = self.link.http.get(realm.clone());
        if let Some((username, password)) = &self.link.login {
            request = request.basic_auth(username, Some(password.reveal()));
        }
        let response = request.send().await.map_err(|error| away(&error))?;
        let status = response.status();
        if status != StatusCode::OK {
            let said = format!("{} answers {status} where it should give a token", realm.authority());
            return Err(if status.is_server_error() { PullError::Away(said) } else { PullError::Wrong(said) });
        }
        let bytes = body(response, SMALL_BYTES_MAX, "a token").await?;
        let token = serde_json::from_slice::<Token>(&bytes).ok().and_then(|token| token.token.or(token.access_token));
        let token = token.ok_or_else(|| PullError::Wrong(format!("{} gives no token", realm.authority())))?;
        secret_header(&format!("Bearer {token}"))
    }
}

impl Manifest {
    /// Reads what a registry has under a name.
    pub(super) fn read(bytes: Vec<u8>) -> Result<Self, String> {
        let read: WireManifest = serde_json::from_slice(&bytes)
            .map_err(|_| "is not the manifest of an artifact (an index has to be named by what is in it)".to_owned())?;
        let digest = Digest::of(&bytes);
        Ok(Self { digest, bytes, layers: read.layers, config_type: read.config.media_type })
    }

    /// The digest and the size of its component.
    pub(super) fn component(&self) -> Result<(Digest, u64), String> {
        if self.config_type != CONFIG_TYPE {
            return Err(format!("is no Wasm artifact: its config is {:?}, not {CONFIG_TYPE}", self.config_type));
        }
        let [layer] = self.layers.as_slice() else {
            return Err(format!("has {} layers; a component is one", self.layers.len()));
        };
        if layer.media_type != COMPONENT_TYPE {
            return Err(format!("has a layer of type {:?}, not {COMPONENT_TYPE}", layer.media_type));
        }
        let digest = layer.digest.parse().map_err(|_| format!("has a layer by {:?}, not by SHA-256", layer.digest))?;
        Ok((digest, layer.size))
    }
}

/// One challenge of `WWW-Authenticate` (RFC 9110, 11.6.1).
struct Challenge {
    scheme: String,
    params: Vec<(String, String)>,
}

impl Challenge {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, mut rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let mut params = Vec::new();
        while let Some((name, after)) = rest.split_once('=') {
            let after = after.trim_start();
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => after.split_once(',').map_or((after, ""), |(value, after)| (value.trim(), after)),
            };
            params.push((name.trim().to_ascii_lowercase(), value.to_owned()));
            rest = after.trim_start_matches([',', ' ']);
        }
        Some(Self { scheme: scheme.to_ascii_lowercase(), params })
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(param, _)| param == name).map(|(_, value)| value.as_str())
    }
}

fn secret_header(text: &str) -> Result<HeaderValue, PullError> {
    let value = HeaderValue::from_str(text);
    let mut value = value.map_err(|_| PullError::Wrong("the registry's token fits into no header".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A body, as long as it stays within its bound.
async fn body(mut response: Response, bytes_max: u64, what: &str) -> Result<Vec<u8>, PullError> {
    let long = || PullError::Wrong(format!("the registry sends {what} of more than {bytes_max} bytes"));
    if response.content_length().is_some_and(|length| length > bytes_max) {
        return Err(long());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| away(&error))? {
        if bytes.len() as u64 + chunk.len() as u64 > bytes_max {
            return Err(long());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A failed request, in the words of all that led to it.
fn away(error: &reqwest::Error) -> PullError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(reason) = source {
        text = format!("{text}: {reason}");
        source = reason.source();
    }
    // What rustls says of an answer that is none of TLS.
    if text.contains("InvalidContentType")
        && let Some(url) = error.url()
    {
        let host = url.authority();
        text =
            format!("{host} does not speak TLS; if it is not meant to, set plain_http = true in [registry.\"{host}\"]");
    }
    PullError::Away(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_read_as_registries_write_them() {
        let text =
            r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push""#;
        let challenge = Challenge::parse(text).unwrap();
        assert_eq!(challenge.scheme, "bearer");
        assert_eq!(challenge.get("realm"), Some("https://auth.example/token"));
        assert_eq!(challenge.get("service"), Some("registry.example"));
        assert_eq!(challenge.get("scope"), Some("repository:a/b:pull,push"));
        let basic = Challenge::parse("Basic realm=\"Registry Realm\"").unwrap();
        assert_eq!((basic.scheme.as_str(), basic.get("realm")), ("basic", Some("Registry Realm")));
        let bare = Challenge::parse("bearer Realm=https://a, Service = b").unwrap();
        assert_eq!((bare.get("realm"), bare.get("service")), (Some("https://a"), Some("b")));
        assert!(Challenge::parse("Bearer realm=\"open").is_none());
        assert_eq!(Challenge::parse("Negotiate").unwrap().params, []);
    }

    fn check(manifest: &str, expected: &str) {
        let shown = match Manifest::read(manifest.as_bytes().to_vec()).and_then(|manifest| manifest.component()) {
            Ok((digest, size)) => format!("{digest} {size}"),
            Err(reason) => reason,
        };
        assert!(shown.contains(expected), "{manifest}: {shown}");
    }

    #[test]
    fn a_component_is_the_one_layer_of_a_wasm_artifact() {
        let digest = Digest::of(b"component");
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
                "config":{{"mediaType":"{CONFIG_TYPE}","digest":"{digest}","size":1}},
                "layers":[{{"mediaType":"{COMPONENT_TYPE}","digest":"{digest}","size":9}}]}}"#
        );
        check(&manifest, &format!("{digest} 9"));
        check(&manifest.replace(CONFIG_TYPE, "application/vnd.oci.image.config.v1+json"), "is no Wasm artifact");
        check(&manifest.replace(COMPONENT_TYPE, "application/vnd.oci.image.layer.v1.tar"), "has a layer of type");
        check(
            &manifest.replace(r#""layers":[{"#, r#""layers":[{"mediaType":"a","digest":"b","size":1},{"#),
            "has 2 layers",
        );
        check(&manifest.replace(r#""layers""#, r#""manifests""#), "has 0 layers");
        check(&manifest.replace("sha256:", "sha512:"), "not by SHA-256");
        check(&manifest.replace("9}", "-9}"), "is not the manifest of an artifact");
        check(r#"{"schemaVersion":2,"manifests":[]}"#, "an index has to be named");
        check("", "is not the manifest");
    }
}
