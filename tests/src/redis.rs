//! Redis servers, as `redis-server` of the system is: one, one that sentinels watch, or a cluster. Each ends with its value.
//!
//! Knows nothing of the rest of this crate but `ports`, so that the host's own tests use it too.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::ports::lasting;

/// How long servers may take to start, to find each other, and to agree.
const PATIENCE: Duration = Duration::from_secs(60);

const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// A server.
pub struct Redis {
    process: Option<Child>,
    folder: TempDir,
    port: u16,
    is_tls: bool,
    password: Option<String>,
}

/// What a server is to be started with. It keeps what it was told through any end, and a restart.
#[derive(Default)]
pub struct Setup {
    lines: String,
    tls: Option<[PathBuf; 3]>,
    password: Option<String>,
    is_sentinel: bool,
}

impl Setup {
    pub fn new() -> Setup {
        Setup::default()
    }

    /// With a line of its configuration.
    pub fn line(mut self, line: &str) -> Setup {
        self.lines += line;
        self.lines.push('\n');
        self
    }

    /// With a password.
    pub fn password(mut self, password: &str) -> Setup {
        self.password = Some(password.to_owned());
        self.line(&format!("requirepass {password}"))
    }

    /// With TLS and nothing else: its certificate, its key, and who signed it.
    pub fn tls(mut self, certificate: &Path, key: &Path, authority: &Path) -> Setup {
        self.tls = Some([certificate, key, authority].map(Path::to_owned));
        self
    }

    /// As a sentinel that watches `watched` under the name `main`, alone.
    pub fn sentinel(mut self, watched: &Redis) -> Setup {
        self.is_sentinel = true;
        let port = watched.port;
        self.line(&format!("sentinel monitor main 127.0.0.1 {port} 1"))
            .line("sentinel down-after-milliseconds main 500")
            .line("sentinel failover-timeout main 2000")
    }

    /// Starts it and waits until it answers.
    pub fn start(self) -> Redis {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let port = lasting().port();
        let mut lines = self.lines;
        let dir = folder.path().display();
        write!(lines, "bind 127.0.0.1\nsave \"\"\ndir {dir}\n").expect("texts grow");
        match &self.tls {
            Some([certificate, key, authority]) => {
                let [certificate, key, authority] = [certificate, key, authority].map(|path| path.display());
                write!(lines, "port 0\ntls-port {port}\ntls-auth-clients no\ntls-cert-file {certificate}\n")
                    .expect("texts grow");
                write!(lines, "tls-key-file {key}\ntls-ca-cert-file {authority}\n").expect("texts grow");
            }
            None => writeln!(lines, "port {port}").expect("texts grow"),
        }
        if !self.is_sentinel {
            lines += "appendonly yes\nappendfsync always\n";
        }
        fs::write(folder.path().join("redis.conf"), lines).expect("a file can be written");
        let is_tls = self.tls.is_some();
        let mut redis = Redis { process: None, folder, port, is_tls, password: self.password };
        let sentinel = if self.is_sentinel { Some("--sentinel") } else { None };
        redis.spawn(sentinel);
        redis
    }
}

impl Redis {
    /// A server without anything special.
    pub fn start() -> Redis {
        Setup::new().start()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it is, for whoever speaks to it without more.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts it again, at the same place, with what it kept.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs");
        self.spawn(None);
    }

    /// Stops all its threads where they stand: it is there, and answers nobody.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.process.as_ref().expect("it runs").id().to_string();
        let status = Command::new("kill").args(["-s", signal, &pid]).status().expect("`kill` can be run");
        assert!(status.success(), "kill: {status}");
    }

    /// Asks it something, as text; gives its answer as it stands on the wire.
    pub fn ask(&self, command: &str) -> String {
        self.try_ask(command).unwrap_or_else(|error| panic!("redis-server does not answer {command}: {error}"))
    }

    fn try_ask(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], self.port)), PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut reader = BufReader::new(stream.try_clone()?);
        if let Some(password) = &self.password {
            write!(stream, "AUTH {password}\r\n")?;
            reply(&mut reader)?;
        }
        write!(stream, "{command}\r\n")?;
        reply(&mut reader)
    }

    fn spawn(&mut self, argument: Option<&str>) {
        let log = fs::File::create(self.folder.path().join("log")).expect("a file can be made");
        let mut command = Command::new("redis-server");
        command.arg(self.folder.path().join("redis.conf")).args(argument).stdin(Stdio::null()).stdout(log);
        let process = command.spawn();
        self.process =
            Some(process.unwrap_or_else(|error| panic!("`redis-server` does not start ({error}): install it")));
        wait_until("redis-server to answer", || {
            if let Ok(Some(status)) = self.process.as_mut().expect("it was started").try_wait() {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                panic!("redis-server ended with {status}: {log}");
            }
            if self.is_tls {
                TcpStream::connect(("127.0.0.1", self.port)).is_ok()
            } else {
                self.try_ask("PING").is_ok_and(|answer| answer == "+PONG")
            }
        });
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A cluster of three nodes that share the slots between them.
pub fn cluster() -> Vec<Redis> {
    let nodes: Vec<Redis> = (0..3).map(|_| cluster_node()).collect();
    for (at, node) in nodes.iter().enumerate() {
        let slots = [(0, 5460), (5461, 10922), (10923, 16383)][at];
        assert_eq!(node.ask(&format!("CLUSTER ADDSLOTSRANGE {} {}", slots.0, slots.1)), "+OK");
        for other in &nodes[..at] {
            let answer = other.ask("CONFIG GET cluster-port");
            let bus = answer.rsplit("\r\n").next().expect("an answer has a last line").to_owned();
            assert_eq!(node.ask(&format!("CLUSTER MEET 127.0.0.1 {} {bus}", other.port)), "+OK");
        }
    }
    for node in &nodes {
        wait_until("the cluster to agree", || {
            let info = node.ask("CLUSTER INFO");
            info.contains("cluster_state:ok")
                && info.contains("cluster_known_nodes:3")
                && info.contains("cluster_size:3")
        });
    }
    nodes
}

fn cluster_node() -> Redis {
    let bus = lasting().port();
    Setup::new()
        .line("cluster-enabled yes")
        .line(&format!("cluster-port {bus}"))
        .line("cluster-node-timeout 2000")
        .line("cluster-require-full-coverage no")
        .start()
}

/// One answer of the protocol (RESP2), its parts as lines; an error as it is.
fn reply(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let line = line.trim_end();
    let Some(rest) = line.strip_prefix(['$', '*']) else { return Ok(line.to_owned()) };
    let Ok(length) = rest.parse::<usize>() else { return Ok(String::new()) };
    if line.starts_with('$') {
        let mut bytes = vec![0; length + 2];
        reader.read_exact(&mut bytes)?;
        return Ok(String::from_utf8_lossy(&bytes[..length]).into_owned());
    }
    let parts: std::io::Result<Vec<String>> = (0..length).map(|_| reply(reader)).collect();
    Ok(parts?.join("\r\n"))
}

/// Looks until it is so.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain: {what}");
        thread::sleep(BETWEEN_LOOKS);
    }
}
