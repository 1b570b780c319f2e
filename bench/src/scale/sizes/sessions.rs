//! Open sessions of the legacy era: each with its stream of news open, and with something noted of it.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Resource, getrlimit, setrlimit};

use super::{Case, Row, Sizes, rounds};
use crate::cli::{Host, Settings};
use crate::http1::Client;
use crate::load::Target;
use crate::machine::Cores;
use crate::scale::tasks::{Until, run};
use crate::scale::{ECHO, Hosted, Yard};
use crate::wire::{Era, Template, initialize, set_level, stream_of_news};

/// How long a host is looked at while nobody calls it.
const IDLE: Duration = Duration::from_secs(4);

/// A host with so many sessions.
struct Visited {
    size: usize,
    host: Hosted,
    /// One of them.
    session: String,
    streams: Vec<TcpStream>,
}

pub(crate) fn measure(
    host: &Host,
    settings: &Settings,
    cores: &Cores,
    progress: &mut dyn FnMut(&str),
) -> Result<Sizes> {
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    setrlimit(Resource::Nofile, files).context("this process cannot have more files open")?;
    let one = [cores.server];
    let yard = Yard::new(host, &one)?;
    let mut all = Vec::new();
    for &size in &settings.sizes.sessions {
        progress(&format!("many sessions: opening {size}"));
        all.push(Visited::new(yard.start("")?, size)?);
    }
    let mut rows = rounds("many sessions", all.iter().map(Visited::case).collect(), settings, cores, progress)?;
    rows.extend(tasks(&all, settings, progress)?);
    let idle: Vec<String> = all.iter().map(Visited::idle).collect::<Result<_>>()?;
    let notes = vec![format!("CPU time of a host that nobody calls: {}.", idle.join(", "))];
    for visited in all {
        drop(visited.streams);
        visited.host.server.stop()?;
    }
    Ok(Sizes { of: "sessions", rows, notes })
}

/// Tasks from beginning to end beside so many sessions, to which all of them would be news.
fn tasks(all: &[Visited], settings: &Settings, progress: &mut dyn FnMut(&str)) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = all.iter().map(|visited| Row::new("a task, begun to done", visited.size)).collect();
    for round in 0..settings.rounds {
        progress(&format!("many sessions, tasks: round {} of {}", round + 1, settings.rounds));
        for step in 0..all.len() {
            let at = (step + round) % all.len();
            let server = &all[at].host.server;
            let run = run(&server.endpoint, Until::Over(settings.measured), &[server.account()])?;
            // Counts here are far below 2^52, where this would lose anything.
            let count = run.tasks as f64;
            rows[at].cpu_us.push(run.cpu[0].as_secs_f64() * 1e6 / count);
            rows[at].per_second.push(count / run.elapsed.as_secs_f64());
            rows[at].resident = server.memory()?.resident;
        }
    }
    Ok(rows)
}

impl Visited {
    fn new(host: Hosted, size: usize) -> Result<Self> {
        let endpoint = &host.server.endpoint;
        let mut client = Client::connect(endpoint.address)?;
        let (mut streams, mut session) = (Vec::with_capacity(size), String::new());
        for _ in 0..size {
            session = initialize(endpoint)?.context("a session has an id")?;
            set_level(&mut client, endpoint, &session)?;
            streams.push(stream_of_news(endpoint, &session)?);
        }
        Ok(Self { size, host, session, streams })
    }

    fn case(&self) -> Case<'_> {
        let endpoint = &self.host.server.endpoint;
        let template = Template::echo(endpoint, Era::Legacy, Some(&self.session), ECHO);
        let target = Target::one(endpoint.address, &template);
        Case { row: Row::new("tools/call", self.size), host: &self.host, target, store: None }
    }

    /// What the host uses while nobody calls it.
    fn idle(&self) -> Result<String> {
        let (before, begin) = (self.host.server.cpu_time()?, Instant::now());
        thread::sleep(IDLE);
        let part = (self.host.server.cpu_time()? - before).as_secs_f64() / begin.elapsed().as_secs_f64();
        Ok(format!("{} sessions: {:.2} % of a core", self.size, part * 100.0))
    }
}
