//! Programs that are run to their end.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use crate::wait::{BUILD_PATIENCE, PATIENCE, within};

/// Runs a program to its end, with nothing to read, and gives how it ended and what it printed. Panics where it cannot be started,
/// or goes on for longer than compilers do.
pub fn output(command: &mut Command) -> Output {
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let stdout = collect(child.stdout.take().expect("stdout is piped"));
    let stderr = collect(child.stderr.take().expect("stderr is piped"));
    let status = within(BUILD_PATIENCE, || child.try_wait().expect("a child can be waited for"));
    if status.is_none() {
        end(&mut child);
    }
    // What it has started may go on, and hold its outputs open.
    let all = |printed: Receiver<Vec<u8>>| {
        printed.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{command:?} left something behind that runs"))
    };
    let (stdout, stderr) = (all(stdout), all(stderr));
    let Some(status) = status else {
        let printed = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        panic!("{command:?} did not end; it printed: {} {}", printed(&stdout), printed(&stderr));
    };
    Output { status, stdout, stderr }
}

/// Waits for a process to end. One that does not within `patience` is killed, and this panics.
pub(crate) fn ended(child: &mut Child, patience: Duration, what: &str) -> ExitStatus {
    within(patience, || child.try_wait().expect("a child can be waited for")).unwrap_or_else(|| {
        end(child);
        panic!("waited {patience:?} in vain: {what}");
    })
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn collect(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut all = Vec::new();
        // What came until it broke is what there is.
        let _ = from.read_to_end(&mut all);
        let _ = sender.send(all);
    });
    receiver
}
