//! nginx with the configuration of `deploy/compose`, in front of three hosts.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::connection::Connection;
use crate::hosts::Target;
use crate::http::Request;
use crate::paths::target;
use crate::ports::lasting;
use crate::run::ended;
use crate::tap::Tap;
use crate::wait::{PATIENCE, eventually};

/// The hosts' names in the configuration.
const HOSTS: [&str; 3] = ["toolyard-1:8080", "toolyard-2:8080", "toolyard-3:8080"];

/// Where it logs, in its folder.
const LOG: &str = "nginx.log";

/// A balancer that takes turns, and knows nothing of sessions.
pub struct Nginx {
    process: Child,
    address: SocketAddr,
    tap: Option<Tap>,
    folder: TempDir,
}

impl Nginx {
    /// A command with the configuration in `folder`. Addresses and folders are those of this machine; all else is as it stands.
    pub fn command(folder: &Path, hosts: [SocketAddr; 3], listen: SocketAddr) -> Command {
        let deployed = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("deploy/compose/nginx.conf");
        let mut config = fs::read_to_string(deployed).expect("the configuration can be read");
        let mut replace = |from: &str, to: String| {
            assert!(config.contains(from), "no `{from}`: {config}");
            config = config.replace(from, &to);
        };
        HOSTS.into_iter().zip(hosts).for_each(|(name, host)| replace(name, host.to_string()));
        replace("listen 8080;", format!("listen {listen};"));
        replace("/tmp/", format!("{}/", folder.display()));
        let path = folder.join("nginx.conf");
        fs::write(&path, config).expect("a file can be written");
        let mut command = Command::new(program());
        command.args(["-e", "stderr", "-p"]).arg(folder).arg("-c").arg(path);
        // Where root runs the tests, nginx' processes need root to write into the test's folder.
        let user = if rustix::process::geteuid().is_root() { "user root root;" } else { "" };
        command.arg("-g").arg(format!("daemon off; {user}"));
        command
    }

    /// Takes turns between these hosts.
    pub fn before(hosts: [SocketAddr; 3]) -> Nginx {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        // Somebody may take the port before nginx does; then there is another.
        for _ in 0..10 {
            let address = lasting();
            let log = File::create(folder.path().join(LOG)).expect("a file can be made");
            let mut command = Nginx::command(folder.path(), hosts, address);
            let mut process = command.stderr(log).spawn().expect("nginx starts");
            let listens = eventually("nginx to listen, or to end", || match process.try_wait() {
                Ok(None) => TcpStream::connect(address).ok().map(|_| true),
                _ => Some(false),
            });
            if listens {
                return Nginx { process, address, tap: None, folder };
            }
        }
        panic!("nginx does not start");
    }

    /// With a tap before it, so that what foreign clients are told is checked too.
    pub fn tapped(mut self) -> Nginx {
        self.tap = Some(Tap::before(self.address));
        self
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where foreign clients find it.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.tap.as_ref().map_or(self.address, Tap::address))
    }

    /// Ends it, and checks what went through the tap.
    pub fn stop(mut self) {
        self.end();
        if let Some(tap) = self.tap.take() {
            tap.check();
        }
    }

    fn end(&mut self) {
        // SIGTERM: it ends its workers first.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        ended(&mut self.process, PATIENCE, "nginx to end");
    }
}

impl Target for Nginx {
    fn start_sending(&self, request: &Request) -> Connection {
        let mut connection = Connection::open(self.address);
        connection.write(&request.bytes(&self.address.to_string()));
        connection
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "a failed test shows what nginx logged")]
            {
                eprintln!("nginx' log: {:#?}", fs::read_to_string(self.folder.path().join(LOG)));
            }
        }
        if let Ok(None) = self.process.try_wait() {
            self.end();
        }
    }
}

/// nginx as Debian installs it, or where `cargo xtask test` has put it.
fn program() -> PathBuf {
    let known = [target().join("nginx/usr/sbin/nginx"), "/usr/sbin/nginx".into(), "nginx".into()];
    let works = |program: &PathBuf| Command::new(program).arg("-v").stderr(Stdio::null()).status().is_ok();
    known.into_iter().find(works).expect("nginx is missing: run `cargo xtask test`, which provides it")
}
