//! `toolyard stdio`, with the harness at the other end of its pipes.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::conversation::Conversation;
use crate::host::Setup;
use crate::log::Log;
use crate::mcp::modern_params;
use crate::paths::host_program;
use crate::wait::{PATIENCE, eventually};

/// A host that speaks through pipes.
pub struct Pipe {
    process: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    conversation: Conversation,
    folder: TempDir,
    pub log: Log,
}

impl Setup {
    /// Starts the host as a desktop client does.
    pub fn start_pipe(self) -> Pipe {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut command = Command::new(host_program());
        command.args(["stdio", "--log-format", "json"]);
        self.fill(folder.path(), &mut command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let log = Log::collect(process.stderr.take().expect("stderr is piped"));
        let output = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in output.lines() {
                let line = line.unwrap_or_else(|error| format!("what comes out is no text: {error}"));
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let input = process.stdin.take();
        Pipe { process, input, lines, conversation: Conversation::default(), folder, log }
    }
}

impl Pipe {
    /// Writes one line, whatever it is. A host that has had enough need not read it.
    pub fn write(&mut self, line: &str) {
        self.conversation.add_line(line);
        let input = self.input.as_mut().expect("the input is open");
        match input.write_all(line.as_bytes()).and_then(|()| input.write_all(b"\n")) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => panic!("the host does not read: {error}"),
            _ => {}
        }
    }

    pub fn send(&mut self, message: &Value) {
        self.write(&message.to_string());
    }

    /// Sends a request of the legacy era.
    pub fn request(&mut self, id: &Value, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
    }

    /// Sends a request of the modern era.
    pub fn modern(&mut self, id: &Value, method: &str, params: Value) {
        self.request(id, method, &modern_params(params));
    }

    pub fn notify(&mut self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// `initialize` with this revision and these capabilities, and `notifications/initialized`. Gives the result.
    pub fn initialize(&mut self, version: &str, capabilities: &Value) -> Value {
        let client = json!({ "name": "toolyard-tests", "version": "1" });
        let params = json!({ "protocolVersion": version, "capabilities": capabilities, "clientInfo": client });
        self.request(&json!("init"), "initialize", &params);
        let mut response = self.read();
        assert_eq!(response["id"], "init", "{response}");
        self.notify("notifications/initialized", &json!({}));
        response["result"].take()
    }

    /// Reads the next message.
    pub fn read(&mut self) -> Value {
        self.hear().unwrap_or_else(|| panic!("the host has ended: {:#?}", self.log.lines()))
    }

    /// Reads messages up to the response with this id, and gives it and what came before.
    pub fn read_to(&mut self, id: &Value) -> (Value, Vec<Value>) {
        let mut before = Vec::new();
        loop {
            let message = self.read();
            if message["id"] == *id && message.get("method").is_none() {
                return (message, before);
            }
            before.push(message);
        }
    }

    /// The next message, `None` at the end.
    pub fn hear(&mut self) -> Option<Value> {
        let line = match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing comes: {:#?}", self.log.lines()),
        };
        let message =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("a line is not JSON ({error}): {line}"));
        self.conversation.hear_message(&message).unwrap_or_else(|wrong| panic!("{wrong}"));
        Some(message)
    }

    /// Closes the input, as a client does that is done.
    pub fn close(&mut self) {
        self.input = None;
    }

    /// Waits for the host to end.
    pub fn wait(&mut self) -> ExitStatus {
        eventually("the host to end", || self.process.try_wait().expect("a child can be waited for"))
    }

    /// Asks the host to end, as whoever started it would.
    pub fn terminate(&self) {
        kill_process(Pid::from_child(&self.process), Signal::TERM).expect("a child can be signalled");
    }

    /// Puts a file into the folder of plugins.
    pub fn put(&self, name: &str, contents: &[u8]) {
        let fresh = self.folder.path().join("fresh");
        fs::write(&fresh, contents).expect("a file can be written");
        fs::rename(fresh, self.folder.path().join("plugins").join(name)).expect("a file can be renamed");
    }

    /// Closes the input, and checks that the host says no more and ends well.
    pub fn stop(mut self) {
        self.close();
        assert_eq!(self.hear(), None, "the host has the last word");
        let status = self.wait();
        assert!(status.success(), "the host ended with {status}: {:#?}", self.log.lines());
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // It has ended already where `stop` was called.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
