//! The Redis of `deploy/`, started by the same lines of shell as there.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use toolyard_tests::{eventually, output};

use super::files::{document, documents, word};

const PASSWORD: &str = "0123456789abcdef0123456789abcdef";

/// A Redis that asks for a password.
pub(super) struct Redis {
    process: Child,
    pub(super) address: SocketAddr,
    folder: TempDir,
}

/// The script of `deploy/compose`.
fn composed() -> String {
    let file = document("compose/compose.yaml");
    // Compose reads `$$` as `$`.
    word(&file["services"]["redis"]["command"][0]).replace("$$", "$").replace("/run/secrets/redis-password", SECRET)
}

/// The script of `deploy/kubernetes-with-redis`.
fn orchestrated() -> String {
    let objects = documents("kubernetes-with-redis/redis.yaml");
    let set = objects.iter().find(|object| object["kind"] == "StatefulSet").expect("there is one");
    word(&set["spec"]["template"]["spec"]["containers"][0]["args"][0]).to_owned()
}

/// Where both find the password, as the second writes it.
const SECRET: &str = "/run/secrets/toolyard/redis-password";

impl Redis {
    pub(super) fn start() -> Redis {
        Redis::by(&composed())
    }

    /// Runs the script, with folders and the port of this machine.
    fn by(script: &str) -> Redis {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let secret = folder.path().join("password");
        // As `openssl` writes it: with an end of line.
        fs::write(&secret, format!("{PASSWORD}\n")).expect("a file can be written");
        // Somebody may take the port before Redis does; then there is another.
        for _ in 0..10 {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let address = free.expect("there is a free port");
            let mut script = script.to_owned();
            for (from, to) in [
                ("dir /data", format!("bind 127.0.0.1\nport {}\ndir {}", address.port(), folder.path().display())),
                (SECRET, secret.display().to_string()),
            ] {
                assert!(script.contains(from), "no `{from}`: {script}");
                script = script.replace(from, &to);
            }
            let mut shell = Command::new("/bin/sh");
            shell.args(["-ec", &script]).stdout(Stdio::null());
            let mut process = shell.spawn().expect("there is a shell");
            let listens = eventually("Redis to listen, or to end", || match process.try_wait() {
                Ok(None) => TcpStream::connect(address).ok().map(|_| true),
                _ => Some(false),
            });
            if listens {
                return Redis { process, address, folder };
            }
        }
        panic!("Redis does not start: is it installed (Debian: redis-server)?");
    }

    /// The file with its password.
    pub(super) fn secret(&self) -> String {
        self.folder.path().join("password").display().to_string()
    }

    /// What it says to a command.
    fn ask(&self, password: &str, words: &[&str]) -> String {
        let mut command = Command::new("redis-cli");
        command.args(["-p", &self.address.port().to_string()]).args(words).env("REDISCLI_AUTH", password);
        let output = output(&mut command);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
    }
}

#[test]
fn redis_keeps_what_it_acknowledges_and_asks_for_the_password() {
    for script in [composed(), orchestrated()] {
        let redis = Redis::by(&script);
        assert!(!redis.ask("wrong", &["PING"]).contains("PONG"));
        assert!(redis.ask(PASSWORD, &["PING"]).contains("PONG"));
        let said = redis.ask(PASSWORD, &["CONFIG", "GET", "*"]);
        for setting in
            ["appendonly\nyes", "appendfsync\nalways", "maxmemory-policy\nnoeviction", "maxmemory\n536870912"]
        {
            assert!(said.contains(setting), "{setting:?}: {said}");
        }
        // The shell became Redis, so what tells the shell to end tells Redis; and nobody reads the password off its words.
        let words = fs::read_to_string(format!("/proc/{}/cmdline", redis.process.id())).expect("it runs");
        assert!(words.contains("redis-server") && !words.contains(PASSWORD), "{words}");
    }
}
