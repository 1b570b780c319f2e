//! A step: a heading, the work, and how long it took.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::processes;

/// How long tests may say nothing: longer than the longest of them takes on a slow machine.
const SILENCE: Duration = Duration::from_secs(600);

/// How often to look whether a program has ended that says nothing.
const LOOK: Duration = Duration::from_secs(1);

/// Does `work` under a heading, and says how it ended and how long it took.
pub(crate) fn step<T>(heading: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("\n== {heading}");
    let start = Instant::now();
    let done = work();
    let seconds = start.elapsed().as_secs_f64();
    match &done {
        Ok(_) => println!("   {heading}: done in {seconds:.1} s"),
        Err(error) => println!("   {heading}: FAILED after {seconds:.1} s: {error:#}"),
    }
    done
}

/// Runs `command`, its output going where ours goes. An exit code other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("`{}` does not start", words(command)))?;
    succeeded(command, status)
}

/// Runs `command` and hands each line of its standard output to `line`, besides printing it. One that says nothing for [`SILENCE`] is
/// ended, and the error tells what it was running: a test that waits for ever is a test that failed.
pub(crate) fn run_reading(command: &mut Command, mut line: impl FnMut(&str)) -> Result<()> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("`{}` does not start", words(command)))?;
    let output = child.stdout.take().context("the output was asked for")?;
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || BufReader::new(output).lines().try_for_each(|text| sender.send(text)));
    let mut heard = Instant::now();
    let status = loop {
        match lines.recv_timeout(LOOK) {
            Ok(text) => {
                let text = text.with_context(|| format!("`{}` prints what is no text", words(command)))?;
                println!("{text}");
                line(&text);
                heard = Instant::now();
            }
            Err(RecvTimeoutError::Disconnected) => break child.wait()?,
            Err(RecvTimeoutError::Timeout) => {
                // What it started may hold its output open and never say a word.
                if let Some(status) = child.try_wait()? {
                    break status;
                }
                if heard.elapsed() > SILENCE {
                    let running = processes::family(child.id());
                    processes::end(&running);
                    child.wait()?;
                    let running: Vec<&str> = running.iter().map(|process| process.words.as_str()).collect();
                    bail!(
                        "it said nothing for {SILENCE:?} and was ended; it was running:\n     {}",
                        running.join("\n     ")
                    );
                }
            }
        }
    };
    succeeded(command, status)
}

/// Whether `program` can be started at all.
pub(crate) fn exists(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{}` ended with {status}", words(command));
    }
    Ok(())
}

/// The command as one would type it, shortened to what tells it from others.
pub(crate) fn words(command: &Command) -> String {
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    let mut words: Vec<_> = std::iter::once(command.get_program().to_string_lossy()).chain(arguments).collect();
    if words.len() > 6 {
        words.truncate(6);
        words.push("…".into());
    }
    words.join(" ")
}
