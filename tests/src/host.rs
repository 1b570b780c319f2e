//! A host as users have it: a process with a folder of plugins.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::connection::Connection;
use crate::http::{Reply, Request};
use crate::log::Log;
use crate::mcp::modern_request;
use crate::paths::{guest, host_program, plugin, target};
use crate::run::ended;
use crate::script::scripted;
use crate::session::Session;
use crate::tap::Tap;
use crate::wait::{BUILD_PATIENCE, PATIENCE, eventually};

/// What a host is to be started with.
#[derive(Default)]
pub struct Setup {
    files: Vec<(String, Vec<u8>)>,
    config: String,
    arguments: Vec<String>,
    under: Vec<String>,
    cache: Option<PathBuf>,
    state: Option<PathBuf>,
    listen: Option<SocketAddr>,
    unheard: bool,
    tapped: bool,
}

/// A host that runs.
pub struct Host {
    process: Child,
    folder: TempDir,
    address: SocketAddr,
    tap: Option<Tap>,
    /// What it said when it was ready.
    pub ready: Value,
    pub log: Log,
}

impl Setup {
    pub fn new() -> Setup {
        Setup::default()
    }

    /// With one of the plugins in `plugins/`.
    pub fn plugin(self, name: &str) -> Setup {
        self.file(&format!("{name}.wasm"), plugin(name))
    }

    /// With one of the guests in `tests/guests/`.
    pub fn guest(self, name: &str) -> Setup {
        self.file(&format!("{name}.wasm"), guest(name))
    }

    /// With a plugin that does what the script says.
    pub fn script(self, name: &str, script: &Value) -> Setup {
        self.file(&format!("{name}.wasm"), scripted(script))
    }

    /// With any file in the folder of plugins, or in one of its folders.
    pub fn file(mut self, name: &str, contents: impl Into<Vec<u8>>) -> Setup {
        self.files.push((name.to_owned(), contents.into()));
        self
    }

    /// With this configuration, as TOML.
    pub fn config(mut self, toml: &str) -> Setup {
        self.config += toml;
        self
    }

    /// With another argument of the command line.
    pub fn argument(mut self, argument: &str) -> Setup {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Started by this program with these arguments, which becomes the host.
    pub fn under(mut self, words: &[String]) -> Setup {
        self.under = words.to_owned();
        self
    }

    /// With compiled code kept in this folder. Otherwise tests share it, as restarts of a host do.
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> Setup {
        self.cache = Some(folder.into());
        self
    }

    /// With its state kept in this folder, as hosts do that serve the same clients. Otherwise each has its own.
    pub fn state(mut self, folder: impl Into<PathBuf>) -> Setup {
        self.state = Some(folder.into());
        self
    }

    /// At this address. Otherwise at a port that is free.
    pub fn listen(mut self, address: SocketAddr) -> Setup {
        self.listen = Some(address);
        self
    }

    /// With nobody at the other end of its log, as when the process that read it has ended.
    pub fn unheard(mut self) -> Setup {
        self.unheard = true;
        self
    }

    /// With a tap before it, so that what it says to foreign clients is checked too.
    pub fn tapped(mut self) -> Setup {
        self.tapped = true;
        self
    }

    /// Starts the host and waits until it is ready.
    pub fn start(self) -> Host {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let words = self.under.iter().map(OsString::from).chain([host_program().into()]);
        let words: Vec<OsString> = words.collect();
        let mut command = Command::new(&words[0]);
        let listen = self.listen.map_or_else(|| "127.0.0.1:0".to_owned(), |address| address.to_string());
        command.args(&words[1..]).args(["serve", "--listen", &listen, "--json", "--log-format", "json"]);
        let (unheard, tapped) = (self.unheard, self.tapped);
        self.fill(folder.path(), &mut command);
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let stderr = process.stderr.take().expect("stderr is piped");
        let log = if unheard { Log::default() } else { Log::collect(stderr) };
        let ready = read_ready(&mut process, &log);
        let address = address_of(&ready);
        let tap = tapped.then(|| Tap::before(address));
        Host { process, folder, address, tap, ready, log }
    }

    /// Puts into `folder` what the host needs, and says in `command` where it is.
    pub(crate) fn fill(self, folder: &Path, command: &mut Command) {
        fs::create_dir(folder.join("plugins")).expect("a folder can be made");
        for (name, contents) in &self.files {
            let file = folder.join("plugins").join(name);
            fs::create_dir_all(file.parent().expect("it is in a folder")).expect("a folder can be made");
            fs::write(file, contents).expect("a file can be written");
        }
        let config = folder.join("toolyard.toml");
        // Nobody balances here, and nobody needs to be given notice.
        let notice = if self.config.contains("drain_notice_ms") { "" } else { "drain_notice_ms = 0\n" };
        fs::write(&config, format!("{notice}{}", self.config)).expect("a file can be written");
        let cache = self.cache.unwrap_or_else(|| target().join("tmp/compiled"));
        let state = self.state.unwrap_or_else(|| folder.join("state"));
        command.arg("--plugins").arg(folder.join("plugins")).arg("--config").arg(&config);
        command.arg("--cache-dir").arg(cache).arg("--state-dir").arg(state).args(&self.arguments);
    }
}

/// What the host says when it is ready. It may have to compile its plugins first.
fn read_ready(process: &mut Child, log: &Log) -> Value {
    let stdout = process.stdout.take().expect("stdout is piped");
    let (sender, first) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        // Nobody waits for it any more where it comes too late.
        let _ = sender.send(BufReader::new(stdout).read_line(&mut line).map(|_| line));
    });
    let Ok(line) = first.recv_timeout(BUILD_PATIENCE) else {
        let _ = process.kill();
        let _ = process.wait();
        panic!("the host does not get ready: {:#?}", log.lines());
    };
    let line = line.expect("stdout can be read");
    if line.is_empty() {
        let status = ended(process, PATIENCE, "the host to end, which has closed its output");
        panic!("the host did not start ({status}): {:#?}", log.lines());
    }
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("the first line is not JSON ({error}): {line}"))
}

fn address_of(ready: &Value) -> SocketAddr {
    let url = ready["url"].as_str().unwrap_or_else(|| panic!("no url: {ready}"));
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let address = rest.and_then(|rest| rest.strip_suffix("/mcp"));
    address.and_then(|address| address.parse().ok()).unwrap_or_else(|| panic!("an unexpected url: {url}"))
}

impl Host {
    /// Where foreign clients find it.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.tap.as_ref().map_or(self.address, Tap::address))
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder of plugins.
    pub fn plugins(&self) -> PathBuf {
        self.folder.path().join("plugins")
    }

    /// Its configuration, beside which its lock file is.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("toolyard.toml")
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// A connection of its own.
    pub fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// Sends a request on a connection of its own, and reads the whole answer.
    pub fn send(&self, request: &Request) -> Reply {
        self.start_sending(request).read()
    }

    /// Sends a request on a connection of its own, and leaves the answer to be read.
    pub fn start_sending(&self, request: &Request) -> Connection {
        let mut connection = self.connect();
        connection.write(&request.bytes(&self.address.to_string()));
        connection
    }

    /// Sends a request of the modern era.
    pub fn modern(&self, method: &str, params: Value) -> Reply {
        self.send(&modern_request(method, params))
    }

    /// Asks the admin listener, where there is one.
    pub fn admin(&self, path: &str) -> Reply {
        self.admin_send(&Request::bare("GET", path))
    }

    /// Sends a request to the admin listener.
    pub fn admin_send(&self, request: &Request) -> Reply {
        let address = self.admin_address();
        let mut connection = Connection::open(address);
        connection.write(&request.bytes(&address.to_string()));
        connection.read()
    }

    /// Where the admin listener is.
    pub fn admin_address(&self) -> SocketAddr {
        let url = self.ready["admin"].as_str().unwrap_or_else(|| panic!("no admin listener: {}", self.ready));
        let address = url.strip_prefix("http://").and_then(|address| address.parse().ok());
        address.unwrap_or_else(|| panic!("an unexpected url: {url}"))
    }

    /// The key to the admin API that the host made for itself.
    pub fn admin_key(&self) -> String {
        let file = self.ready["admin_key_file"].as_str().unwrap_or_else(|| panic!("no key: {}", self.ready));
        fs::read_to_string(file).expect("the key can be read").trim().to_owned()
    }

    /// Begins a session of the legacy era, with a client that can be asked nothing.
    pub fn legacy(&self, version: &str) -> Session<'_> {
        self.legacy_with(version, &json!({}))
    }

    /// Begins a session of the legacy era, with a client that has these capabilities.
    pub fn legacy_with(&self, version: &str, capabilities: &Value) -> Session<'_> {
        Session::begin(self, version, capabilities)
    }

    /// Calls a tool in the modern era, and gives its result.
    pub fn call(&self, tool: &str, arguments: &Value) -> Value {
        self.modern("tools/call", json!({ "name": tool, "arguments": arguments })).result()
    }

    /// The public names of all tools, in their order.
    pub fn tools(&self) -> Vec<String> {
        let result = self.modern("tools/list", json!({})).result();
        assert!(result.get("nextCursor").is_none(), "more tools than a page: {result}");
        let tools = result["tools"].as_array().unwrap_or_else(|| panic!("no tools: {result}"));
        tools.iter().map(|tool| tool["name"].as_str().expect("a name is a text").to_owned()).collect()
    }

    /// Waits until the tools are these.
    pub fn wait_for_tools(&self, expected: &[&str]) {
        eventually(&format!("tools/list to be {expected:?}"), || (self.tools() == expected).then_some(()));
    }

    /// Puts a file into the folder of plugins, as a careful operator would: whole or not at all.
    pub fn put(&self, name: &str, contents: &[u8]) {
        let fresh = self.folder.path().join("fresh");
        fs::write(&fresh, contents).expect("a file can be written");
        fs::rename(fresh, self.plugins().join(name)).expect("a file can be renamed");
    }

    /// Why a file was refused when the host started.
    pub fn refused(&self, file: &str) -> &str {
        let refused = self.ready["refused"].as_array().unwrap_or_else(|| panic!("no `refused`: {}", self.ready));
        let entry =
            refused.iter().find(|entry| entry["file"].as_str().is_some_and(|path| Path::new(path).ends_with(file)));
        let reason = entry.and_then(|entry| entry["reason"].as_str());
        reason.unwrap_or_else(|| panic!("{file} was not refused: {}", self.ready))
    }

    /// Asks the host to end, as an orchestrator would.
    pub fn terminate(&self) {
        let pid = Pid::from_child(&self.process);
        kill_process(pid, Signal::TERM).expect("a child can be signalled");
    }

    /// Whether the host has ended.
    pub fn has_ended(&self) -> bool {
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(Pid::from_child(&self.process)), ended);
        status.expect("a child can be waited for").is_some()
    }

    /// Waits for the host to end.
    pub fn wait(&mut self) -> ExitStatus {
        eventually("the host to end", || self.process.try_wait().expect("a child can be waited for"))
    }

    /// Ends the host where it stands, as a machine that loses its power would.
    pub fn kill(&self) {
        kill_process(Pid::from_child(&self.process), Signal::KILL).expect("a child can be signalled");
    }

    /// Ends the host and checks that it ended well.
    pub fn stop(self) {
        self.terminate();
        self.stopped();
    }

    /// Waits until the host has ended, as it was told to, and checks that it ended well.
    pub(crate) fn stopped(mut self) {
        let status = self.wait();
        assert!(status.success(), "the host ended with {status}: {:#?}", self.log.lines());
        if let Some(tap) = &self.tap {
            tap.check();
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "a failed test shows what the host logged")]
            {
                eprintln!("the host's log: {:#?}", self.log.lines());
            }
        }
        // It has ended already where `stop` was called.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
