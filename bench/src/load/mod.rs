//! The load: closed loops over keep-alive connections, from one thread, over epoll.
//!
//! Each connection has one request under way and sends the next when the answer is there and found right. One thread with
//! prepared bytes asks for more than the fastest server here can answer on a core; how busy the server was is measured too,
//! and tells when that is not so.
//!
//! It never sleeps: it asks for events again and again, giving way to whoever else wants its core. To wake a sleeping client
//! is work for the kernel on the account of the server that answers, several microseconds on a virtual machine, and it
//! falls due the more often the slower the server is: what was compared then would be the idleness of the client.

pub(crate) mod rounds;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use hdrhistogram::Histogram;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;

use crate::http1::{self, ANSWER_TIMEOUT};
use crate::procfs::Account;
use crate::wire::{Expected, NUMBER_FIRST, Right, Template};

/// How long and how hard one measurement is.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) connections: usize,
    /// Runs before anything is counted.
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// Whom to call, and how.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// Taken in turn.
    pub(crate) templates: Vec<Template>,
    pub(crate) right: Right,
}

/// One measurement of one server.
pub(crate) struct Slice {
    pub(crate) answers: u64,
    pub(crate) elapsed: Duration,
    /// From sending a request to having read its answer, in nanoseconds.
    pub(crate) latency: Histogram<u64>,
    /// What the server used meanwhile.
    pub(crate) server_cpu: Duration,
    /// What each account used meanwhile; the first is the server's.
    pub(crate) cpu: Vec<Duration>,
}

impl Target {
    /// A server that is called by one template.
    pub(crate) fn one(address: SocketAddr, template: &Template) -> Self {
        Self { address, templates: vec![template.clone()], right: Right::Echo }
    }
}

impl Slice {
    pub(crate) fn per_second(&self) -> f64 {
        count(self.answers) / self.elapsed.as_secs_f64()
    }

    /// CPU time of the server for each request, in µs.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.server_cpu.as_secs_f64() * 1e6 / count(self.answers)
    }

    /// How many cores the server kept busy.
    pub(crate) fn busy(&self) -> f64 {
        self.server_cpu.as_secs_f64() / self.elapsed.as_secs_f64()
    }

    /// CPU time of one account for each request, in µs.
    pub(crate) fn cpu_us_of(&self, account: usize) -> f64 {
        self.cpu[account].as_secs_f64() * 1e6 / count(self.answers)
    }

    /// How many cores one account kept busy.
    pub(crate) fn busy_of(&self, account: usize) -> f64 {
        self.cpu[account].as_secs_f64() / self.elapsed.as_secs_f64()
    }
}

/// An empty histogram: nanoseconds up to a minute, to three digits.
pub(crate) fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000_000, 3)?)
}

/// Latencies of several callers at once, each on a thread of its own. `caller` gets its number and what to note them in.
pub(crate) fn callers(
    count: u32,
    caller: impl Fn(u32, &mut Histogram<u64>) -> Result<()> + Sync,
) -> Result<Histogram<u64>> {
    let call = |number| {
        let mut latency = histogram()?;
        caller(number, &mut latency)?;
        anyhow::Ok(latency)
    };
    let call = &call;
    let mut all = histogram()?;
    thread::scope(|scope| {
        let callers: Vec<_> = (0..count).map(|number| scope.spawn(move || call(number))).collect();
        for caller in callers {
            all.add(caller.join().map_err(|_| anyhow::anyhow!("a caller panicked"))??)?;
        }
        Ok(all)
    })
}

/// A quantile in µs.
pub(crate) fn us(latency: &Histogram<u64>, quantile: f64) -> f64 {
    // Latencies are far below 2^52 ns, where this would lose anything.
    latency.value_at_quantile(quantile) as f64 / 1e3
}

/// Calls `targets` for as long as `effort` says: each caller sends each request to the next of them, over a connection of
/// its own. A single wrong answer is an error.
pub(crate) fn run(targets: &[Target], accounts: &[Account], effort: Effort) -> Result<Slice> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    // Those of a caller stand together.
    let mut connections = Vec::with_capacity(effort.connections * targets.len());
    for caller in 0..effort.connections {
        for target in targets {
            connections.push(Connection::open(target, &epoll, connections.len(), caller, effort.connections)?);
        }
    }
    let mut numbers = NUMBER_FIRST..;
    let mut next = move || numbers.next().unwrap_or(NUMBER_FIRST);
    for caller in 0..effort.connections {
        connections[caller * targets.len() + caller % targets.len()].send(next())?;
    }
    let mut window = Window::new(effort)?;
    let mut under_way = effort.connections;
    let mut events = Vec::with_capacity(connections.len());
    let mut last_event = Instant::now();
    while under_way > 0 {
        events.clear();
        epoll::wait(&epoll, spare_capacity(&mut events), Some(&Timespec::default()))?;
        if events.is_empty() {
            ensure!(last_event.elapsed() < ANSWER_TIMEOUT, "no answer within {} s", ANSWER_TIMEOUT.as_secs());
            thread::yield_now();
        } else {
            last_event = Instant::now();
        }
        for event in &events {
            let at = usize::try_from(event.data.u64())?;
            let connection = &mut connections[at];
            if !connection.receive()? {
                continue;
            }
            window.count(connection.sent.elapsed())?;
            if window.over() {
                under_way -= 1;
            } else {
                let first = at - at % targets.len();
                connections[first + (at + 1 - first) % targets.len()].send(next())?;
            }
        }
        window.turn(accounts)?;
    }
    window.slice()
}

/// What is counted: what happens between the end of the warm-up and the end of the measurement.
struct Window {
    effort: Effort,
    /// Of the warm-up, then of the measurement.
    begin: Instant,
    cpu_at_begin: Option<Vec<Duration>>,
    cpu_at_end: Option<Vec<Duration>>,
    answers: u64,
    latency: Histogram<u64>,
    elapsed: Duration,
}

impl Window {
    fn new(effort: Effort) -> Result<Self> {
        let (begin, latency) = (Instant::now(), histogram()?);
        Ok(Self { effort, begin, cpu_at_begin: None, cpu_at_end: None, answers: 0, latency, elapsed: Duration::ZERO })
    }

    /// Whether enough is measured.
    fn over(&self) -> bool {
        self.cpu_at_end.is_some()
    }

    fn count(&mut self, latency: Duration) -> Result<()> {
        if self.cpu_at_begin.is_some() && !self.over() {
            self.answers += 1;
            self.latency.record(u64::try_from(latency.as_nanos())?)?;
        }
        Ok(())
    }

    /// Looks at the clock, and opens or closes the window when it is time.
    fn turn(&mut self, accounts: &[Account]) -> Result<()> {
        let elapsed = self.begin.elapsed();
        if self.cpu_at_begin.is_none() {
            if elapsed >= self.effort.warm_up {
                self.cpu_at_begin = Some(used(accounts)?);
                self.begin = Instant::now();
            }
        } else if self.cpu_at_end.is_none() && elapsed >= self.effort.measured {
            self.elapsed = elapsed;
            self.cpu_at_end = Some(used(accounts)?);
        }
        Ok(())
    }

    fn slice(self) -> Result<Slice> {
        let (Some(begin), Some(end)) = (self.cpu_at_begin, self.cpu_at_end) else {
            bail!("the connections ended before the measurement");
        };
        ensure!(self.answers > 0, "no answer in {:?}", self.elapsed);
        let cpu: Vec<Duration> = end.iter().zip(begin).map(|(end, begin)| end.saturating_sub(begin)).collect();
        let server_cpu = *cpu.first().context("somebody's account")?;
        Ok(Slice { answers: self.answers, elapsed: self.elapsed, latency: self.latency, server_cpu, cpu })
    }
}

/// What all accounts have used.
pub(crate) fn used(accounts: &[Account]) -> Result<Vec<Duration>> {
    accounts.iter().map(Account::cpu_time).collect()
}

struct Connection {
    stream: TcpStream,
    templates: Vec<Template>,
    /// Which of them is next.
    turn: usize,
    expected: Expected,
    buffer: Box<[u8]>,
    filled: usize,
    number: u64,
    sent: Instant,
}

impl Connection {
    fn open(target: &Target, epoll: &OwnedFd, index: usize, caller: usize, callers: usize) -> Result<Self> {
        let stream = TcpStream::connect(target.address).context("cannot connect")?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(epoll, &stream, epoll::EventData::new_u64(u64::try_from(index)?), epoll::EventFlags::IN)?;
        Ok(Self {
            stream,
            templates: target.templates.clone(),
            // Not all callers begin with the same.
            turn: target.templates.len() * caller / callers,
            expected: Expected::new(target.right),
            // Echoes are a few hundred bytes: an answer that does not fit is a wrong answer.
            buffer: vec![0; 16 << 10].into_boxed_slice(),
            filled: 0,
            number: 0,
            sent: Instant::now(),
        })
    }

    fn send(&mut self, number: u64) -> Result<()> {
        self.number = number;
        self.filled = 0;
        let (turn, count) = (self.turn, self.templates.len());
        self.turn = (turn + 1) % count;
        self.sent = Instant::now();
        // The buffer of an idle connection takes a whole request, or there is something wrong with it.
        self.stream.write_all(self.templates[turn].numbered(number)).context("cannot send a request")
    }

    /// Reads what has come; true when that was a whole, right answer.
    fn receive(&mut self) -> Result<bool> {
        ensure!(self.filled < self.buffer.len(), "an answer of more than {} bytes", self.buffer.len());
        match self.stream.read(&mut self.buffer[self.filled..]) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(count) => self.filled += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error).context("cannot read an answer"),
        }
        let Some(answer) = http1::parse(&self.buffer[..self.filled])? else { return Ok(false) };
        ensure!(answer.taken == self.filled, "more than one answer to one request");
        self.expected.check(&answer, self.number)?;
        Ok(true)
    }
}

/// Counts here are far below 2^52, where this would lose anything.
fn count(number: u64) -> f64 {
    number as f64
}
