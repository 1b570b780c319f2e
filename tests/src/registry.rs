//! A registry of OCI artifacts: Debian's `docker-registry`, and what is pushed to it.

use std::fs::{self, File};
use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Reply, Request};
use crate::paths::target;
use crate::ports::lasting;
use crate::wait::{PATIENCE, eventually};

/// The media types of what `wkg` makes, and of what `cosign` makes (the crate `oci-wasm`, and cosign's `SIGNATURE_SPEC.md`).
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
const WASM_LAYER: &str = "application/wasm";
const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// The user and the password of a registry that asks for one, and what `htpasswd -B` makes of them.
pub const LOGIN: (&str, &str) = ("me", "open sesame");
const HTPASSWD: &str = "me:$2b$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n";
/// The same in the words of RFC 7617.
const AUTHORIZATION: &str = "Basic bWU6b3BlbiBzZXNhbWU=";

/// A registry that runs. Its artifacts outlive its process.
pub struct Registry {
    process: Option<Child>,
    address: SocketAddr,
    is_closed: bool,
    folder: TempDir,
}

/// What was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The digest of the manifest, as `sha256:…`.
    pub manifest: String,
    /// The digest of the component.
    pub component: String,
}

impl Registry {
    /// Open to everybody.
    pub fn start() -> Registry {
        Registry::new(false)
    }

    /// For those who know the password in [`LOGIN`].
    pub fn closed() -> Registry {
        Registry::new(true)
    }

    fn new(is_closed: bool) -> Registry {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("htpasswd"), HTPASSWD).expect("a file can be written");
        // Somebody may take the port before the registry does; then there is another.
        for _ in 0..10 {
            let address = lasting();
            if let Some(process) = run(folder.path(), address, is_closed) {
                return Registry { process: Some(process), address, is_closed, folder };
            }
        }
        panic!("docker-registry does not start");
    }

    /// `HOST:PORT`.
    pub fn name(&self) -> String {
        self.address.to_string()
    }

    /// What a host must be told to speak to it.
    pub fn config(&self) -> String {
        format!("[registry.\"{}\"]\nplain_http = true\n", self.name())
    }

    /// Ends it, as when a network is gone.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("a child can be killed");
            process.wait().expect("a child can be waited for");
        }
    }

    /// Starts it again, where it was and with what it had.
    pub fn start_again(&mut self) {
        self.process = run(self.folder.path(), self.address, self.is_closed);
        assert!(self.process.is_some(), "docker-registry does not start again");
    }

    /// Pushes a component as `wkg oci push` does, and gives its digests.
    pub fn push(&self, repository: &str, tag: &str, component: &[u8]) -> Pushed {
        let config = wasm_config(component);
        self.blob(repository, &config);
        self.blob(repository, component);
        let manifest = wasm_manifest(component);
        self.manifest(repository, tag, &manifest);
        Pushed { manifest: sha256(&manifest), component: sha256(component) }
    }

    /// Puts a signature of a manifest beside it, as `cosign sign --key` does.
    pub fn sign(&self, repository: &str, manifest: &str, payload: &[u8], signature: &str) {
        let config = b"{}";
        self.blob(repository, config);
        self.blob(repository, payload);
        let signed = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [{
                "mediaType": PAYLOAD, "digest": sha256(payload), "size": payload.len(),
                "annotations": { "dev.cosignproject.cosign/signature": signature },
            }],
        });
        let tag = format!("{}.sig", manifest.replace(':', "-"));
        self.manifest(repository, &tag, signed.to_string().as_bytes());
    }

    /// Puts any manifest there.
    pub fn manifest(&self, repository: &str, tag: &str, manifest: &[u8]) {
        let mut put =
            Request::bare("PUT", &format!("/v2/{repository}/manifests/{tag}")).header("Content-Type", MANIFEST);
        put.body = manifest.to_vec();
        let reply = self.send(put);
        assert_eq!(reply.status, 201, "{reply:?}");
    }

    fn blob(&self, repository: &str, bytes: &[u8]) {
        let reply = self.send(Request::bare("POST", &format!("/v2/{repository}/blobs/uploads/")));
        assert_eq!(reply.status, 202, "{reply:?}");
        let location = reply.header("Location").expect("an upload is somewhere");
        let path = location.split_once("/v2/").map(|(_, path)| path).expect("it is below /v2/");
        let mut put = Request::bare("PUT", &format!("/v2/{path}&digest={}", sha256(bytes)));
        put.body = bytes.to_vec();
        let reply = self.send(put.header("Content-Type", "application/octet-stream"));
        assert_eq!(reply.status, 201, "{reply:?}");
    }

    fn send(&self, request: Request) -> Reply {
        let length = request.body.len().to_string();
        let mut request = request.header("Content-Length", &length).header("Connection", "close");
        if self.is_closed {
            request = request.header("Authorization", AUTHORIZATION);
        }
        let mut stream = TcpStream::connect(self.address).expect("the registry listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        stream.write_all(&request.bytes(&self.name())).expect("the registry reads");
        let mut input = BufReader::new(stream);
        let mut reply = Reply::read_head(&mut input).expect("the registry answers");
        reply.read_body(&mut input).expect("the answer is whole");
        reply
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "a failed test shows what the registry logged")]
            {
                eprintln!("the registry's log: {:?}", fs::read_to_string(self.folder.path().join("log")));
            }
        }
        self.stop();
    }
}

/// The manifest of a component, as `wkg oci push` makes it.
pub fn wasm_manifest(component: &[u8]) -> Vec<u8> {
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(WASM_CONFIG, &wasm_config(component)),
        "layers": [descriptor(WASM_LAYER, component)],
    });
    manifest.to_string().into_bytes()
}

/// `sha256:…`
pub fn sha256(bytes: &[u8]) -> String {
    let digits = digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256:{digits}")
}

fn wasm_config(component: &[u8]) -> Vec<u8> {
    let config = json!({
        "created": "2026-11-22T00:00:00Z", "author": null, "architecture": "wasm", "os": "wasip2",
        "layerDigests": [sha256(component)],
        "component": { "exports": ["toolyard:plugin/tools@0.1.0"], "imports": [], "target": null },
    });
    config.to_string().into_bytes()
}

fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": sha256(bytes), "size": bytes.len() })
}

/// Starts it, and waits until it listens. `None`: it ended at once.
fn run(folder: &Path, address: SocketAddr, is_closed: bool) -> Option<Child> {
    let auth = if is_closed {
        format!("auth:\n  htpasswd:\n    realm: test\n    path: {}\n", folder.join("htpasswd").display())
    } else {
        String::new()
    };
    let config = format!(
        "version: 0.1\nlog:\n  level: warn\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {address}\n{auth}",
        folder.join("data").display()
    );
    let path = folder.join("config.yml");
    fs::write(&path, config).expect("a file can be written");
    let log = || File::options().create(true).append(true).open(folder.join("log")).expect("a file can be made");
    let mut command = Command::new(program());
    command.arg("serve").arg(&path).stdin(Stdio::null()).stdout(log()).stderr(log());
    let mut process = command.spawn().expect("docker-registry starts");
    let listens = eventually("docker-registry to listen, or to end", || match process.try_wait() {
        Ok(None) => TcpStream::connect(address).ok().map(|_| true),
        _ => Some(false),
    });
    listens.then_some(process)
}

/// `docker-registry` as Debian installs it, or where `cargo xtask test` has put it.
fn program() -> PathBuf {
    let known = [target().join("docker-registry/usr/bin/docker-registry"), "docker-registry".into()];
    let works = |program: &PathBuf| {
        Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    known.into_iter().find(works).expect("docker-registry is missing: run `cargo xtask test`, which provides it")
}
