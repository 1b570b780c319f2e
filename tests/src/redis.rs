//! A Redis server of the test's own, which keeps what it has acknowledged.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

use crate::wait::eventually;

/// What it is called: Debian's packages `redis-server` and `valkey-server`.
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];

pub struct Redis {
    process: Mutex<Child>,
    address: SocketAddr,
    folder: TempDir,
}

impl Redis {
    pub fn start() -> Redis {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.expect("there is a free port");
        let process = Mutex::new(spawn(address, &folder));
        Redis { process, address, folder }
    }

    /// As it stands in a host's configuration.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Ends it where it stands, and starts it again with what it has kept.
    pub fn restart(&self) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        process.kill().expect("a child can be killed");
        process.wait().expect("a child can be waited for");
        *process = spawn(self.address, &self.folder);
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let process = self.process.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = process.kill();
        let _ = process.wait();
    }
}

/// Starts it, and waits until it listens.
fn spawn(address: SocketAddr, folder: &TempDir) -> Child {
    let works = |program: &&str| Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok();
    let program = PROGRAMS.iter().find(works).expect("Redis is missing: install it (Debian: redis-server)");
    let mut command = Command::new(program);
    // Nothing that it has acknowledged is lost, however it ends.
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
    command.args(["--port", &address.port().to_string()]).arg("--dir").arg(folder.path());
    let process = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("Redis starts");
    eventually("Redis to listen", || TcpStream::connect(address).ok());
    process
}
