//! A registry that lies: what it sends is not what it should be, is endless, or is elsewhere.

use std::fs;

use toolyard_tests::{Answer, Host, Request, Site, sha256, wasm_manifest};

use super::{folder, said, saying, setup};

/// What the liar has under `/v2/p/`.
fn path(what: &str) -> String {
    format!("/v2/p/{what}")
}

fn config(site: &Site, more: &str) -> String {
    let name = format!("127.0.0.1:{}", site.port());
    format!("[plugin.p]\nsource = \"oci://{name}/p:1.0\"\n[registry.\"{name}\"]\nplain_http = true\n{more}")
}

/// A response with these bytes, whatever they are.
fn bytes(headers: &str, body: &[u8]) -> Answer {
    let head = format!("HTTP/1.1 200 Said\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    Answer::Bytes([head.as_bytes(), body].concat())
}

fn missing() -> Answer {
    Answer::new(404, &[("Connection", "close")], "")
}

fn redirect(to: &str) -> Answer {
    Answer::new(307, &[("Location", to), ("Connection", "close")], "")
}

/// Why the plugin was not pulled.
fn reason(host: &Host) -> String {
    assert_eq!(host.tools(), [""; 0]);
    host.ready["refused"][0]["reason"].as_str().unwrap_or_else(|| panic!("nothing refused: {}", host.ready)).to_owned()
}

/// Serves a true manifest for `component`, and this for its blob.
fn with_blob(component: &[u8], blob: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Site {
    let manifest = wasm_manifest(component);
    Site::open(move |request| {
        if request.path == path("manifests/1.0") {
            bytes("", &manifest)
        } else if request.path.starts_with(&path("blobs/")) {
            blob(request)
        } else {
            missing()
        }
    })
}

#[test]
fn another_component_than_the_manifest_names() {
    let (good, evil) = (saying("good", "Says."), saying("evil", "Says."));
    assert_eq!(good.len(), evil.len());
    let folder = folder();
    let site = with_blob(&good, move |_| bytes("", &evil));
    let host = setup(&folder).config(&config(&site, "")).start();
    assert!(reason(&host).contains(&format!("something else for blob {}", sha256(&good))));
    assert!(!folder.path().join("cache/components").exists(), "nothing of it is kept");
    host.stop();
}

#[test]
fn another_manifest_than_the_pinned_one() {
    let (good, evil) = (saying("good", "Says."), saying("evil", "Says."));
    let (pinned, folder) = (sha256(&wasm_manifest(&good)), folder());
    let site = Site::open(move |request| match request.path.contains("/manifests/") {
        true => bytes("", &wasm_manifest(&evil)),
        false => bytes("", &evil),
    });
    let config = config(&site, "").replace("p:1.0", &format!("p@{pinned}"));
    let host = setup(&folder).config(&config).start();
    assert!(reason(&host).contains(&format!("something else for manifest {pinned}")));
    host.stop();
}

#[test]
fn bodies_without_an_end() {
    let folder = folder();
    let head = b"HTTP/1.1 200 Said\r\nConnection: close\r\n\r\n".to_vec();
    let first = head.clone();
    let site = with_blob(b"a component", move |_| Answer::Endless(first.clone(), vec![0; 4096]));
    let host = setup(&folder).config(&config(&site, "")).start();
    assert!(reason(&host).contains("a blob of more than 11 bytes"));
    host.stop();

    let site = Site::open(move |_| Answer::Endless(head.clone(), vec![b' '; 4096]));
    let host = setup(&super::folder()).config(&config(&site, "")).start();
    assert!(reason(&host).contains("a manifest of more than 4194304 bytes"));
    host.stop();
}

#[test]
fn a_component_beyond_the_bound_is_not_begun() {
    let (component, folder) = (saying("large", "Says."), folder());
    let site = with_blob(&component.clone(), move |_| bytes("", &component));
    let host = setup(&folder).config(&config(&site, "[limits]\ncomponent_bytes_max = 1000\n")).start();
    assert!(reason(&host).contains("component_bytes_max"));
    assert!(site.seen().iter().all(|request| !request.path.contains("/blobs/")));
    host.stop();
}

#[test]
fn an_artifact_that_is_no_component() {
    let folder = folder();
    let manifest = String::from_utf8(wasm_manifest(b"an image")).expect("it is JSON");
    let manifest = manifest.replace("vnd.wasm.config.v0", "vnd.oci.image.config.v1");
    let site = Site::open(move |_| bytes("", manifest.as_bytes()));
    let host = setup(&folder).config(&config(&site, "")).start();
    assert!(reason(&host).contains("is no Wasm artifact"));
    host.stop();
}

/// With a login at this registry. The password is `open sesame`.
fn login(folder: &std::path::Path) -> String {
    fs::write(folder.join("password"), "open sesame\n").expect("a file can be written");
    let secret = format!("[secret.registry]\nfile = \"{}\"\n", folder.join("password").display());
    format!("username = \"me\"\npassword_secret = \"registry\"\n{secret}")
}

/// What an answer without credentials says.
fn unauthorized(challenge: &str) -> Answer {
    Answer::new(401, &[("WWW-Authenticate", challenge), ("Connection", "close")], "")
}

#[test]
fn credentials_do_not_follow_a_redirect_elsewhere() {
    let (component, folder) = (saying("moved", "Says."), folder());
    let blob = component.clone();
    let elsewhere = Site::open(move |_| bytes("", &blob));
    let (url, manifest) = (elsewhere.url(), wasm_manifest(&component));
    let site = Site::open(move |request| match request.value_of("Authorization") {
        None => unauthorized("Basic realm=\"liar\""),
        Some(_) if request.path == path("manifests/1.0") => bytes("", &manifest),
        Some(_) => redirect(&format!("{url}/blob?signed=yes")),
    });
    let host = setup(&folder).config(&config(&site, &login(folder.path()))).start();
    assert_eq!(said(&host), "moved");
    let asked = elsewhere.seen_once();
    assert_eq!((asked.path.as_str(), asked.value_of("Authorization")), ("/blob?signed=yes", None));
    assert!(site.seen().iter().any(|request| request.value_of("Authorization") == Some("Basic bWU6b3BlbiBzZXNhbWU=")));
    host.stop();
}

#[test]
fn a_redirect_elsewhere_that_asks_for_credentials_gets_none() {
    let (component, folder) = (saying("moved", "Says."), folder());
    let elsewhere = Site::open(|_| unauthorized("Basic realm=\"give me\""));
    let url = elsewhere.url();
    let site = with_blob(&component, move |_| redirect(&format!("{url}/blob")));
    let host = setup(&folder).config(&config(&site, &login(folder.path()))).start();
    assert!(reason(&host).contains("401"));
    assert!(elsewhere.seen().iter().all(|request| request.value_of("Authorization").is_none()));
    host.stop();
}

#[test]
fn a_place_for_tokens_that_is_not_encrypted_gets_no_password() {
    let folder = folder();
    let challenge = "Bearer realm=\"http://tokens.example/token\",service=\"liar\"";
    let site = Site::open(move |_| unauthorized(challenge));
    let host = setup(&folder).config(&config(&site, &login(folder.path()))).start();
    assert!(reason(&host).contains("which is not encrypted"));
    host.stop();
}

#[test]
fn a_token_is_fetched_where_the_registry_says_and_sent_to_the_registry() {
    let (component, folder) = (saying("token", "Says."), folder());
    let tokens = Site::open(|_| bytes("", br#"{"token":"t0ken","expires_in":300}"#));
    let (url, manifest) = (tokens.url(), wasm_manifest(&component));
    let site = Site::open(move |request| match request.value_of("Authorization") {
        Some("Bearer t0ken") if request.path == path("manifests/1.0") => bytes("", &manifest),
        Some("Bearer t0ken") => bytes("", &component),
        _ => unauthorized(&format!(
            "Bearer realm=\"{url}/token?a=b\",service=\"a registry\",scope=\"repository:x:push\""
        )),
    });
    let host = setup(&folder).config(&config(&site, &login(folder.path()))).start();
    assert_eq!(said(&host), "token");
    let asked = tokens.seen_once();
    // What it is for is the host's to say: a registry that asks for more gets no more.
    assert_eq!(asked.path, "/token?a=b&service=a+registry&scope=repository%3Ap%3Apull");
    assert_eq!(asked.value_of("Authorization"), Some("Basic bWU6b3BlbiBzZXNhbWU="));
    assert!(
        site.seen().iter().all(|request| request.value_of("Authorization").is_none_or(|said| said == "Bearer t0ken"))
    );
    host.stop();
}
