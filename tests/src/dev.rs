//! `toolyard dev`, with the harness at the other end of its pipes.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use crate::connection::Connection;
use crate::http::{Reply, Request};
use crate::paths::host_program;
use crate::wait::{BUILD_PATIENCE, eventually, eventually_within};

/// A `toolyard dev` that runs.
pub struct Dev {
    process: Child,
    input: Option<ChildStdin>,
    /// Everything that it and its tools have printed, line by line.
    lines: Arc<Mutex<Vec<String>>>,
    /// How many of the lines a test has already looked at.
    read: usize,
}

impl Dev {
    /// Starts it for a project, in an environment that `prepare` completes.
    pub fn start(project: &Path, arguments: &[&str], prepare: impl FnOnce(&mut Command)) -> Dev {
        let mut command = Command::new(host_program());
        command.args(["dev", "--listen", "127.0.0.1:0"]).args(arguments).arg(project).env_remove("RUST_LOG");
        prepare(&mut command);
        // One pipe for both, so that lines stay in their order.
        let (output, end) = io::pipe().expect("a pipe can be made");
        let other_end = end.try_clone().expect("a pipe can be cloned");
        command.stdin(Stdio::piped()).stdout(end).stderr(other_end);
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        // The ends that are ours go with the command: the output ends with those who write to it.
        drop(command);
        let lines = Arc::new(Mutex::new(Vec::new()));
        collect(output, &lines);
        let input = process.stdin.take();
        Dev { process, input, lines, read: 0 }
    }

    /// Waits for a line with all of these words behind those that were waited for before, and gives it. A build may come first.
    pub fn wait_for(&mut self, words: &[&str]) -> String {
        let (lines, from) = (Arc::clone(&self.lines), self.read);
        let find = || {
            let lines = lines.lock().expect("nobody panics with the lines locked");
            let is_it = |line: &String| words.iter().all(|word| line.contains(word));
            let at = lines.iter().skip(from).position(is_it)?;
            Some((from + at + 1, lines[from + at].clone()))
        };
        let (read, line) = eventually_within(BUILD_PATIENCE, &format!("a line with {words:?}"), find);
        self.read = read;
        line
    }

    /// Everything that was printed so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("nobody panics with the lines locked").clone()
    }

    /// Types a line.
    pub fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("the input is open");
        input.write_all(format!("{line}\n").as_bytes()).expect("it reads what is typed");
    }

    /// The address in the line that says where it serves.
    pub fn address(&mut self) -> SocketAddr {
        let line = self.wait_for(&["http://"]);
        let address = line.split("http://").nth(1).and_then(|rest| rest.split("/mcp").next());
        address.and_then(|address| address.parse().ok()).unwrap_or_else(|| panic!("an unexpected line: {line}"))
    }

    /// Sends a request as a client does.
    pub fn send(address: SocketAddr, request: &Request) -> Reply {
        let mut connection = Connection::open(address);
        connection.write(&request.bytes(&address.to_string()));
        connection.read()
    }

    /// Closes the input, and gives how it ended.
    pub fn close(mut self) -> ExitStatus {
        self.input = None;
        self.wait()
    }

    /// Waits for it to end by itself.
    pub fn wait(&mut self) -> ExitStatus {
        eventually("`toolyard dev` to end", || self.process.try_wait().expect("a child can be waited for"))
    }

    /// Interrupts it, as Ctrl-C does.
    pub fn interrupt(&self) {
        kill_process(Pid::from_child(&self.process), Signal::INT).expect("a child can be signalled");
    }
}

/// Collects lines on a thread that ends with the output.
fn collect(output: impl Read + Send + 'static, lines: &Arc<Mutex<Vec<String>>>) {
    let lines = Arc::clone(lines);
    thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            let line = line.unwrap_or_else(|error: io::Error| format!("what comes out is no text: {error}"));
            lines.lock().expect("nobody panics with the lines locked").push(line);
        }
    });
}

impl Drop for Dev {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "a failed test shows what was printed")]
            {
                eprintln!("what `toolyard dev` printed: {:#?}", self.lines());
            }
        }
        // It has ended already where a test waited for that.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
