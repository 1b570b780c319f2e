//! The audit trail under many calls, and hosts that are killed while they write it: what was answered must be in it.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use crate::chaos::Dice;
use crate::host::{Host, Setup};
use crate::mcp::modern_request;
use crate::paths::host_program;
use crate::run::output;
use crate::wait::PATIENCE;

/// What a run does.
pub struct Settings {
    pub calls: u64,
    pub clients: usize,
    /// How often the host is killed, at some call or other.
    pub kills: u64,
    pub seed: u64,
}

/// What came of it.
pub struct Tally {
    pub answered: u64,
    pub killed: u64,
    /// Records of calls in the trail. More than were answered: some were written when the host was killed.
    pub recorded: u64,
    /// Calls that were answered and are not in the trail, by their number.
    pub unrecorded: Vec<u64>,
    /// Half lines that were left by hosts that were killed, and marked.
    pub torn: usize,
    /// What `toolyard audit verify` says.
    pub verified: Value,
    pub calls_per_second: f64,
}

impl Tally {
    /// Whether all is as it must be.
    pub fn is_right(&self) -> bool {
        self.unrecorded.is_empty() && self.verified["whole"] == true
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} calls answered, {:.0} a second; killed {} times",
            self.answered, self.calls_per_second, self.killed
        )?;
        writeln!(f, "{} records of calls; {} torn lines, marked", self.recorded, self.torn)?;
        writeln!(f, "answered without a record: {}", self.unrecorded.len())?;
        write!(f, "verify: {}", self.verified)
    }
}

/// Makes so many calls of hosts whose trail is durable, while they are killed one after the other.
pub fn survive(settings: &Settings) -> Tally {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let trail = folder.path().join("trail.jsonl");
    let config = format!("[audit]\nfile = {trail:?}\ndurable = true\nrotate_bytes_max = 4000000\n");
    let (mut dice, mut answered, mut killed) = (Dice::new(settings.seed), HashSet::new(), 0);
    let (begun, next) = (Instant::now(), AtomicU64::new(1));
    for round in 0..=settings.kills {
        let host = host(&config);
        let left = settings.calls.saturating_sub(answered.len() as u64);
        let share = left / (settings.kills - round + 1);
        let last = round == settings.kills;
        let until = if last { left } else { 1 + dice.roll(share.max(1)) };
        answered.extend(work(&host, settings.clients, &next, until, !last));
        if last {
            host.stop();
        } else {
            killed += 1;
        }
    }
    let calls_per_second = answered.len() as f64 / begun.elapsed().as_secs_f64();
    let (recorded, torn) = read(&trail);
    let mut unrecorded: Vec<u64> = answered.difference(&recorded).copied().collect();
    unrecorded.sort_unstable();
    Tally {
        answered: answered.len() as u64,
        killed,
        recorded: recorded.len() as u64,
        unrecorded,
        torn,
        verified: verify(&trail),
        calls_per_second,
    }
}

/// How many calls a second a host answers with this configuration.
pub fn rate(calls: u64, clients: usize, config: &str) -> f64 {
    let host = host(config);
    let next = AtomicU64::new(1);
    work(&host, clients, &next, calls / 10, false);
    let begun = Instant::now();
    let answered = work(&host, clients, &next, calls, false);
    let took = begun.elapsed();
    host.stop();
    answered.len() as f64 / took.as_secs_f64()
}

/// What `toolyard audit verify` says of a trail.
pub fn verify(trail: &Path) -> Value {
    let output = output(Command::new(host_program()).args(["audit", "verify", "--json", "--file"]).arg(trail));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("verify says no JSON ({error}): {output:?}"))
}

fn host(config: &str) -> Host {
    Setup::new().guest("echo").config(config).start()
}

/// Has `until` calls answered, and with `kill`, ends the host where it stands then. Gives the numbers of those that were
/// answered.
fn work(host: &Host, clients: usize, next: &AtomicU64, until: u64, kill: bool) -> Vec<u64> {
    let done = AtomicU64::new(0);
    let client = || {
        let mut answered = Vec::new();
        let Ok(mut line) = Line::open(host.address()) else { return answered };
        while done.load(Ordering::Relaxed) < until {
            let number = next.fetch_add(1, Ordering::Relaxed);
            match line.call(number) {
                Ok(()) => answered.push(number),
                Err(_) if kill => break,
                Err(error) => panic!("call {number} is not answered: {error}"),
            }
            if done.fetch_add(1, Ordering::Relaxed) + 1 == until && kill {
                // The others are in the middle of theirs.
                host.kill();
            }
        }
        answered
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        clients.into_iter().flat_map(|client| client.join().expect("a client does not panic")).collect()
    })
}

/// A connection that does as little as possible besides, so that the host is what is measured.
struct Line {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Line {
    fn open(address: SocketAddr) -> io::Result<Line> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Line { stream: BufReader::new(stream), host: address.to_string() })
    }

    /// A call that says its number in its trace.
    fn call(&mut self, number: u64) -> io::Result<()> {
        let trace = json!({ "traceparent": format!("00-{number:032x}-{number:016x}-01") });
        let params = json!({ "name": "echo_echo", "arguments": { "message": "hello" }, "_meta": trace });
        self.stream.get_mut().write_all(&modern_request("tools/call", params).bytes(&self.host))?;
        let (mut length, mut line) = (0, String::new());
        for place in 0.. {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if place == 0 && !line.contains(" 200 ") {
                return Err(io::Error::other(line));
            }
            if let Some(bytes) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = bytes.trim().parse().map_err(io::Error::other)?;
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let answer: Value = serde_json::from_slice(&body)?;
        let said = &answer["result"]["content"][0]["text"];
        if said == "hello" { Ok(()) } else { Err(io::Error::other(answer.to_string())) }
    }
}

/// The numbers of the calls in a trail, and how many torn lines are marked in it.
fn read(trail: &Path) -> (HashSet<u64>, usize) {
    let (mut numbers, mut torn) = (HashSet::new(), 0);
    for record in records(trail) {
        torn += usize::from(record["kind"] == "torn");
        let trace = record["trace"].as_str().and_then(|trace| trace.get(3..35));
        numbers.extend(trace.and_then(|trace| u64::from_str_radix(trace, 16).ok()));
    }
    (numbers, torn)
}

/// All records of a trail, in their order. What is no record is left out.
pub fn records(trail: &Path) -> Vec<Value> {
    let name = trail.file_name().expect("a trail has a name").to_string_lossy().into_owned();
    let files = fs::read_dir(trail.parent().expect("a trail is in a folder")).expect("a folder can be listed");
    let files = files.map(|file| file.expect("a folder can be listed").path());
    let mut full: Vec<PathBuf> = files
        .filter(|path| {
            let number = path.to_string_lossy().rsplit_once('.').map(|(_, end)| end.to_owned()).unwrap_or_default();
            let ours = path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&format!("{name}.")));
            ours && number.len() == 12 && number.bytes().all(|byte| byte.is_ascii_digit())
        })
        .collect();
    full.sort();
    full.push(trail.to_owned());
    let mut records = Vec::new();
    for path in full {
        let text = fs::read(&path).unwrap_or_else(|error| panic!("{path:?} cannot be read: {error}"));
        let lines = text.split(|byte| *byte == b'\n');
        records.extend(lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok()));
    }
    records
}
