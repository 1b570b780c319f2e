//! Redis and nginx, as the system's packages have them. Each ends with its value.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::procfs::{Account, children};
use crate::server::pinned;

/// How long a program may take until it listens.
const READY_TIMEOUT: Duration = Duration::from_secs(20);
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// The configuration that is deployed, whose hosts are replaced by those that there are.
const NGINX_CONF: &str = include_str!("../../../deploy/compose/nginx.conf");

/// A process that is asked to end when it is needed no longer.
struct Daemon {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

/// One Redis server that keeps what it is told.
pub(super) struct Redis(Daemon);

/// nginx, taking turns between hosts.
pub(super) struct Nginx(Daemon);

impl Daemon {
    /// Starts what `command` makes of a folder and a free address, and waits until it listens there.
    fn start(what: &str, command: impl FnOnce(&Path, SocketAddr) -> Result<Command>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = File::create(folder.path().join("log"))?;
        let mut command = command(folder.path(), address)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("cannot start {what}"))?;
        let mut daemon = Self { child, address, folder };
        let begin = Instant::now();
        while TcpStream::connect(address).is_err() {
            let has_ended = daemon.child.try_wait()?.is_some();
            if has_ended || begin.elapsed() > READY_TIMEOUT {
                let log = fs::read_to_string(daemon.folder.path().join("log")).unwrap_or_default();
                bail!("{what} does not get ready; its log:\n{log}");
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        Ok(daemon)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // SIGTERM rather than SIGKILL: nginx ends its workers first. It may have ended already.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

impl Redis {
    /// `fsync` is `appendfsync`.
    pub(super) fn start(fsync: &str, cores: &[usize]) -> Result<Self> {
        let daemon = Daemon::start("redis-server, which has to be installed,", |folder, address| {
            let config = folder.join("redis.conf");
            let (folder, port) = (folder.display(), address.port());
            let text =
                format!("bind 127.0.0.1\nport {port}\ndir {folder}\nsave \"\"\nappendonly yes\nappendfsync {fsync}\n");
            fs::write(&config, text)?;
            let mut command = pinned(Path::new("redis-server"), cores)?;
            command.arg(config);
            Ok(command)
        })?;
        Ok(Self(daemon))
    }

    pub(super) fn url(&self) -> String {
        format!("redis://{}", self.0.address)
    }

    pub(super) fn account(&self) -> Account {
        Account::of([self.0.child.id()])
    }

    /// How many commands it has been sent, those of scripts not counted.
    pub(super) fn commands(&self) -> Result<u64> {
        let stats = self.info("commandstats")?;
        let calls = stats.lines().filter(|line| is_sent(line)).map(calls_of);
        calls.sum::<Option<u64>>().with_context(|| format!("commandstats: {stats}"))
    }

    fn info(&self, section: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.0.address)?;
        stream.set_read_timeout(Some(READY_TIMEOUT))?;
        write!(stream, "INFO {section}\r\n")?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length: usize = line.trim().strip_prefix('$').and_then(|length| length.parse().ok()).context(line)?;
        let mut text = vec![0; length];
        reader.read_exact(&mut text)?;
        Ok(String::from_utf8(text)?)
    }
}

/// What hosts send for an operation: scripts, and what needs none. What scripts do is counted under other names.
fn is_sent(line: &str) -> bool {
    let name = line.strip_prefix("cmdstat_").and_then(|line| line.split(':').next());
    matches!(name, Some("eval" | "evalsha" | "get" | "hmget" | "hget" | "publish" | "zrangebyscore"))
}

fn calls_of(line: &str) -> Option<u64> {
    line.split_once("calls=")?.1.split(',').next()?.parse().ok()
}

impl Nginx {
    /// In front of `hosts`. `unpacked` is where the project keeps an nginx that is not installed.
    pub(super) fn before(hosts: &[SocketAddr], unpacked: &Path, cores: &[usize]) -> Result<Self> {
        let program = program(unpacked)?;
        let daemon = Daemon::start("nginx", |folder, address| {
            let config = folder.join("nginx.conf");
            fs::write(&config, config_of(hosts, address, folder)?)?;
            let mut command = pinned(&program, cores)?;
            command.args(["-e", "stderr", "-p"]).arg(folder).arg("-c").arg(config);
            // Where root runs it, its processes need root to write into the folder.
            let user = if rustix::process::geteuid().is_root() { "user root root;" } else { "" };
            command.arg("-g").arg(format!("daemon off; {user}"));
            Ok(command)
        })?;
        Ok(Self(daemon))
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// With its workers.
    pub(super) fn account(&self) -> Result<Account> {
        let pid = self.0.child.id();
        Ok(Account::of(children(pid)?.into_iter().chain([pid])))
    }
}

fn program(unpacked: &Path) -> Result<PathBuf> {
    let known = [PathBuf::from("/usr/sbin/nginx"), unpacked.to_owned(), "nginx".into()];
    let works = |program: &PathBuf| {
        let asked = Command::new(program).arg("-v").stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    known.into_iter().find(works).context("nginx is missing: `cargo xtask bench` provides it")
}

/// The deployed configuration with these hosts in place of its own.
fn config_of(hosts: &[SocketAddr], listen: SocketAddr, folder: &Path) -> Result<String> {
    let (before, rest) = NGINX_CONF.split_once("        server toolyard-1:8080").context("no first host in it")?;
    let last = rest.find("server toolyard-3:8080").context("no last host in it")?;
    let after = &rest[last..];
    let (server, after) = after.split_once('\n').context("nothing after the hosts")?;
    let settings = server.strip_prefix("server toolyard-3:8080").context("a host without settings")?;
    let mut config = before.to_owned();
    for host in hosts {
        writeln!(config, "        server {host}{settings}")?;
    }
    config.push_str(after);
    ensure!(config.contains("listen 8080;"), "it listens elsewhere");
    let config = config.replace("listen 8080;", &format!("listen {listen};"));
    Ok(config.replace("/tmp/", &format!("{}/", folder.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nginx_is_configured_as_deployed_but_for_who_is_where() {
        let [one, two, listen] = [1, 2, 3].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let config = config_of(&[one, two], listen, Path::new("/folder")).expect("it is as it was");
        let servers: Vec<&str> = config.lines().filter(|line| line.trim().starts_with("server 127")).collect();
        let settings = "max_fails=1 fail_timeout=1s;";
        assert_eq!(servers, [format!("        server {one} {settings}"), format!("        server {two} {settings}")]);
        assert!(config.contains("listen 127.0.0.1:3;") && config.contains("pid /folder/nginx.pid;"), "{config}");
        assert!(!config.contains("toolyard-") && !config.contains("/tmp/"), "{config}");
        assert!(config.contains("keepalive 64;") && config.contains("proxy_pass http://toolyard;"), "{config}");
    }

    #[test]
    fn commands_are_counted_as_they_are_sent() {
        assert!(is_sent("cmdstat_evalsha:calls=7,usec=1") && is_sent("cmdstat_publish:calls=1"));
        assert!(!is_sent("cmdstat_hset:calls=7") && !is_sent("cmdstat_getset:calls=7"));
        assert_eq!(calls_of("cmdstat_evalsha:calls=7,usec=1,usec_per_call=0.1"), Some(7));
    }
}
