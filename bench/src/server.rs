//! A server as a subprocess: start it on given cores, read what it used, stop it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use serde_json::Value;

use crate::cli::Pinned;
use crate::http1::Client;
use crate::machine;
use crate::procfs::{self, Account, Held, Memory};
use crate::wire::Endpoint;

/// How long a server may take until it listens. A host with a hundred plugins compiles them all before.
const READY_TIMEOUT: Duration = Duration::from_secs(300);
/// How long a server may take to end when asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// A running server, which ends at the latest with this value.
pub(crate) struct Server {
    child: Child,
    /// What it writes to stderr, in a file without a name: a pipe that nobody reads would stop it.
    log: File,
    pub(crate) endpoint: Endpoint,
    /// What it said when it was ready: one JSON object.
    pub(crate) ready: Value,
    /// From its start until it said so.
    pub(crate) start: Duration,
}

impl Server {
    /// Starts one of this program's own servers.
    pub(crate) fn peer(command: &str, cores: &[usize]) -> Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        Self::start(&program, &[command.into()], cores)
    }

    /// Starts the host on a folder of plugins.
    pub(crate) fn host(program: &Path, plugins: &Path, cache: &Path, cores: &[usize]) -> Result<Self> {
        Self::host_with(program, plugins, cache, cores, None)
    }

    /// The same with a configuration.
    pub(crate) fn host_with(
        program: &Path,
        plugins: &Path,
        cache: &Path,
        cores: &[usize],
        config: Option<&Path>,
    ) -> Result<Self> {
        let mut arguments: Vec<&OsStr> = vec![
            "serve".as_ref(),
            "--listen".as_ref(),
            "127.0.0.1:0".as_ref(),
            "--plugins".as_ref(),
            plugins.as_ref(),
            "--cache-dir".as_ref(),
            cache.as_ref(),
            "--json".as_ref(),
        ];
        if let Some(config) = config {
            arguments.extend([OsStr::new("--config"), config.as_os_str()]);
        }
        let arguments: Vec<OsString> = arguments.into_iter().map(OsStr::to_owned).collect();
        Self::start(program, &arguments, cores)
    }

    fn start(program: &Path, arguments: &[OsString], cores: &[usize]) -> Result<Self> {
        let log = tempfile::tempfile().context("cannot create a temporary file")?;
        let begin = Instant::now();
        let mut child = pinned(program, cores)?
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.try_clone()?)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let line = first_line(&mut child);
        let start = begin.elapsed();
        // Made first, so that the process ends with it whatever comes now.
        let nowhere = Endpoint::of("http://127.0.0.1:0/")?;
        let mut server = Self { child, log, endpoint: nowhere, ready: Value::Null, start };
        let ready = line.and_then(|line| {
            server.ready = serde_json::from_str(&line).with_context(|| format!("it said {line:?}"))?;
            Endpoint::of(server.ready["url"].as_str().context("it did not say where it listens")?)
        });
        match ready {
            Ok(endpoint) => server.endpoint = endpoint,
            Err(error) => {
                let log = server.log_text();
                return Err(error.context(format!("{} did not get ready; its log:\n{log}", program.display())));
            }
        }
        Ok(server)
    }

    /// The CPU time it has used, on all its threads.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        procfs::cpu_time(self.child.id())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// For measuring what it uses.
    pub(crate) fn account(&self) -> Account {
        Account::of([self.pid()])
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        procfs::memory(self.child.id())
    }

    /// What it holds on to, as the kernel and its own metrics say.
    pub(crate) fn held(&self, admin: &Endpoint) -> Result<Held> {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", admin.address);
        let mut client = Client::connect(admin.address)?;
        let answer = client.send(request.as_bytes())?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        drop(client);
        let in_use = |what: &str| -> Result<usize> {
            let name = format!("toolyard_in_use{{what=\"{what}\"}} ");
            let count = text.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok());
            count.with_context(|| format!("the metrics say nothing of {what}"))
        };
        let pid = self.child.id();
        Ok(Held {
            memory: self.memory()?,
            files: procfs::entries(pid, "fd")?,
            threads: procfs::entries(pid, "task")?,
            tasks: in_use("tasks")?,
            instances: in_use("instances")?,
            memories: in_use("memories")?,
            tables: in_use("tables")?,
            stacks: in_use("stacks")?,
            warm_instances: in_use("warm instances")?,
        })
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).context("cannot send SIGTERM")?;
        let begin = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(begin.elapsed() < STOP_TIMEOUT, "the server does not end; its log:\n{}", self.log_text());
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    fn log_text(&mut self) -> String {
        let mut text = String::new();
        let read = self.log.rewind().and_then(|()| self.log.read_to_string(&mut text));
        if let Err(error) = read {
            return format!("(not readable: {error})");
        }
        text
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that runs `program` on `cores`, and ends with this process.
pub(crate) fn pinned(program: &Path, cores: &[usize]) -> Result<Command> {
    let cores: Vec<String> = cores.iter().map(usize::to_string).collect();
    let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
    command.args(["pinned", "--cores", &cores.join(","), "--"]).arg(program);
    Ok(command)
}

/// Becomes `program` on `cores`, and ends with whoever started it. Set from inside the new process, since doing it from
/// outside, between fork and exec, is not safe code.
pub(crate) fn become_pinned(pinned: &Pinned) -> Result<()> {
    machine::stay_on(&pinned.cores)?;
    set_parent_process_death_signal(Some(Signal::KILL)).context("cannot bind the process to its parent")?;
    let (program, arguments) = pinned.program.split_first().context("no program")?;
    let error = Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}

/// The first line that `child` prints. What it prints later is read too, and dropped.
fn first_line(child: &mut Child) -> Result<String> {
    let mut lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        // Whoever waits for it may have given up.
        let _ = sender.send(lines.next());
        lines.for_each(drop);
    });
    match receiver.recv_timeout(READY_TIMEOUT) {
        Ok(Some(line)) => Ok(line?),
        Ok(None) => bail!("it ended without a word"),
        Err(_) => bail!("it said nothing for {} s", READY_TIMEOUT.as_secs()),
    }
}
