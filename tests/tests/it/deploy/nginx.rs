//! `deploy/compose/nginx.conf`, in front of three hosts with Compose's configuration.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use toolyard_tests::{Connection, Host, Reply, Request, eventually, modern_request, target};

use super::files::{good, run, text};
use super::redis::Redis;
use super::setup;
use crate::expect;

/// What the tool `echo` takes. Its header has a character that nginx would usually drop the header for.
pub(super) const SCHEMA: &str =
    r#"{"type":"object","properties":{"user_id":{"type":"string","x-mcp-header":"user_id.of"}}}"#;

/// The hosts' names in the configuration.
const HOSTS: [&str; 3] = ["toolyard-1:8080", "toolyard-2:8080", "toolyard-3:8080"];

/// Where it logs, in its folder.
const LOG: &str = "nginx.log";

struct Nginx {
    process: Child,
    address: SocketAddr,
    folder: TempDir,
}

/// nginx as Debian installs it, or where `cargo xtask test` has put it.
fn program() -> PathBuf {
    let known = [target().join("nginx/usr/sbin/nginx"), "/usr/sbin/nginx".into(), "nginx".into()];
    let works = |program: &PathBuf| Command::new(program).arg("-v").stderr(Stdio::null()).status().is_ok();
    known.into_iter().find(works).expect("nginx is missing: run `cargo xtask test`, which provides it")
}

/// A command with the configuration in `folder`. Addresses and folders are those of this machine; all else is as it stands.
fn command(folder: &Path, hosts: [SocketAddr; 3], listen: SocketAddr) -> Command {
    let mut config = text("compose/nginx.conf");
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

impl Nginx {
    fn before(hosts: [SocketAddr; 3]) -> Nginx {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        // Somebody may take the port before nginx does; then there is another.
        for _ in 0..10 {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let address = free.expect("there is a free port");
            let log = File::create(folder.path().join(LOG)).expect("a file can be made");
            let mut command = command(folder.path(), hosts, address);
            let mut process = command.stderr(log).spawn().expect("nginx starts");
            let listens = eventually("nginx to listen, or to end", || match process.try_wait() {
                Ok(None) => TcpStream::connect(address).ok().map(|_| true),
                _ => Some(false),
            });
            if listens {
                return Nginx { process, address, folder };
            }
        }
        panic!("nginx does not start");
    }

    fn start_sending(&self, request: &Request) -> Connection {
        let mut connection = Connection::open(self.address);
        connection.write(&request.bytes(&self.address.to_string()));
        connection
    }

    fn send(&self, request: &Request) -> Reply {
        self.start_sending(request).read()
    }

    fn echo(&self, arguments: &Value) -> Value {
        let reply = self.send(&modern_request("tools/call", json!({ "name": "d_echo", "arguments": arguments })));
        expect::json_text(&reply.result())
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
        // SIGTERM: it ends its workers first.
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.process),
            rustix::process::Signal::TERM,
        );
        let _ = self.process.wait();
    }
}

/// Three hosts, and the Redis that they share.
fn hosts() -> ([Host; 3], Redis) {
    let redis = Redis::start();
    (std::array::from_fn(|_| setup("compose", Some(&redis)).start()), redis)
}

#[test]
fn the_configuration_is_what_nginx_takes() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let nowhere: SocketAddr = "127.0.0.1:1".parse().expect("it is an address");
    let mut tried = command(folder.path(), [nowhere; 3], nowhere);
    good(tried.arg("-t"));
    // It would have something to say.
    let path = folder.path().join("nginx.conf");
    let wrong = fs::read_to_string(&path).expect("it was written").replace("proxy_buffering", "proxy_bufering");
    fs::write(&path, wrong).expect("a file can be written");
    assert!(!run(&mut tried).status.success());
}

#[test]
fn what_the_host_takes_goes_through() {
    let (hosts, _redis) = hosts();
    let nginx = Nginx::before(hosts.each_ref().map(Host::address));

    // A large body, a long header, and a header with a name that nginx knows nothing of.
    let large = "x".repeat(3 << 20);
    assert_eq!(nginx.echo(&json!({ "a": large })), json!({ "a": large }));
    let arguments = json!({ "user_id": "y".repeat(20_000) });
    let call = modern_request("tools/call", json!({ "name": "d_echo", "arguments": arguments }));
    let known = call.header("Mcp-Param-user_id.of", &"y".repeat(20_000));
    assert_eq!(expect::json_text(&nginx.send(&known).result()), arguments);

    // What is not MCP stays outside.
    for path in ["/metrics", "/readyz", "/"] {
        assert_eq!(nginx.send(&Request::bare("GET", path)).status, 404, "{path}");
    }
    assert_eq!(nginx.send(&Request::bare("GET", "/nginx-health")).status, 200);
    drop(nginx);
    hosts.into_iter().for_each(Host::stop);
}

#[test]
fn events_go_on_as_they_come() {
    let (hosts, _redis) = hosts();
    let nginx = Nginx::before(hosts.each_ref().map(Host::address));
    let params = json!({ "name": "d_wait", "arguments": { "ms": 15_000 }, "_meta": { "progressToken": 1 } });
    let mut call = nginx.start_sending(&modern_request("tools/call", params));
    assert_eq!(call.read_head().expect("an answer begins").header("Content-Type"), Some("text/event-stream"));
    // The tool says that it runs long before it has ended.
    assert_eq!(call.next_message().expect("it says so")["method"], "notifications/progress");
    // Who leaves has cancelled: no host lets the tool run to its end before it ends itself.
    drop(call);
    let logs = hosts.each_ref().map(|host| host.log.clone());
    hosts.into_iter().for_each(Host::stop);
    drop(nginx);
    assert!(!logs.iter().any(|log| log.has(&["the wait has ended"])));
}

#[test]
fn a_host_that_is_gone_is_gone_for_nobody() {
    let (hosts, _redis) = hosts();
    let nginx = Nginx::before(hosts.each_ref().map(Host::address));
    let [first, second, third] = hosts;
    for number in 0..6 {
        assert_eq!(nginx.echo(&json!({ "a": number })), json!({ "a": number }));
    }
    first.stop();
    for number in 0..12 {
        assert_eq!(nginx.echo(&json!({ "a": number })), json!({ "a": number }));
    }
    // A session of the earlier era goes on at whoever is there.
    let initialize = json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": { "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } },
    });
    let begun = nginx.send(&Request::post(initialize.to_string()));
    let session = begun.header("Mcp-Session-Id").expect("the host gives an id").to_owned();
    second.stop();
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "d_echo", "arguments": { "a": 1 } } });
    for _ in 0..6 {
        let request = Request::post(call.to_string());
        let request = request.header("Mcp-Session-Id", &session).header("MCP-Protocol-Version", "2025-11-25");
        assert_eq!(expect::json_text(&nginx.send(&request).result()), json!({ "a": 1 }));
    }
    drop(nginx);
    third.stop();
}
