//! Tasks from their beginning to their end, on each store.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;
use serde_json::{Value, json};

use super::programs::Redis;
use super::{Hosted, TASK, Yard, shared};
use crate::cli::{Host, Settings};
use crate::http1::Client;
use crate::load::used;
use crate::machine::Cores;
use crate::procfs::Account;
use crate::stats::Spread;
use crate::wire::{Endpoint, NUMBER_FIRST, Template};

/// Clients, and tasks that each has open at once: together fewer than a host runs at once, so that it is the store that is
/// measured, and not how tasks wait for places.
const CLIENTS: u32 = 8;
const OPEN_EACH: usize = 6;
/// How long a client waits that found none of its tasks ended.
const PAUSE: Duration = Duration::from_millis(1);
/// How long a task may take.
const END_MAX: Duration = Duration::from_secs(60);

/// A store, as it was measured.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) store: &'static str,
    pub(crate) rounds: Vec<Round>,
}

#[derive(Clone, Copy, Serialize)]
pub(crate) struct Round {
    pub(crate) per_second: f64,
    /// Of the host, and of the store: Redis, or the host's thread for SQLite, which is the host's too.
    pub(crate) host_us: f64,
    pub(crate) store_us: f64,
    pub(crate) host_busy: f64,
    pub(crate) store_busy: f64,
    /// Times that a client asked how a task is.
    pub(crate) gets: f64,
    /// What Redis was sent.
    pub(crate) commands: Option<f64>,
    /// From its beginning to its end, by the host's clock, in ms.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Row {
    pub(crate) fn median(&self, what: impl Fn(&Round) -> f64) -> f64 {
        Spread::of(self.rounds.iter().map(what)).map_or(f64::NAN, |spread| spread.median)
    }
}

/// One host with its store.
struct Stored {
    store: &'static str,
    redis: Option<Redis>,
    host: Hosted,
}

pub(crate) fn measure(
    host: &Host,
    settings: &Settings,
    cores: &Cores,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Row>> {
    let yard = Yard::new(host, &cores.all)?;
    let mut all = vec![Stored { store: "SQLite, embedded", redis: None, host: yard.start("")? }];
    for (store, fsync) in [("Redis, everysec", "everysec"), ("Redis, always", "always")] {
        let redis = Redis::start(fsync, &cores.all)?;
        let host = yard.start(&shared(&redis.url()))?;
        all.push(Stored { store, redis: Some(redis), host });
    }
    let mut rows: Vec<Row> = all.iter().map(|stored| Row { store: stored.store, rounds: Vec::new() }).collect();
    for round in 0..settings.rounds {
        progress(&format!("tasks: round {} of {}", round + 1, settings.rounds));
        for step in 0..all.len() {
            let at = (step + round) % all.len();
            rows[at].rounds.push(all[at].round(settings.measured * 2)?);
        }
    }
    for stored in all {
        stored.host.server.stop()?;
    }
    Ok(rows)
}

impl Stored {
    fn round(&self, measured: Duration) -> Result<Round> {
        let own = self.host.server.account();
        let store = self.redis.as_ref().map_or_else(|| own.clone().thread("store"), Redis::account);
        let commands = || self.redis.as_ref().map(Redis::commands).transpose();
        let before = commands()?;
        let run = run(&self.host.server.endpoint, Until::Over(measured), &[own, store])?;
        // Counts here are far below 2^52, where this would lose anything.
        let tasks = run.tasks as f64;
        let commands = commands()?.zip(before).map(|(after, before)| (after - before) as f64 / tasks);
        let (us, busy) = (
            |at: usize| run.cpu[at].as_secs_f64() * 1e6 / tasks,
            |at: usize| run.cpu[at].as_secs_f64() / run.elapsed.as_secs_f64(),
        );
        let quantile = |part: usize| *run.ms.get(run.ms.len() * part / 100).unwrap_or(&0);
        Ok(Round {
            per_second: tasks / run.elapsed.as_secs_f64(),
            host_us: us(0),
            store_us: us(1),
            host_busy: busy(0),
            store_busy: busy(1),
            gets: run.gets as f64 / tasks,
            commands,
            p50_ms: quantile(50) as f64,
            p99_ms: quantile(99) as f64,
        })
    }
}

/// When it is enough.
#[derive(Clone, Copy)]
pub(super) enum Until {
    Over(Duration),
    Tasks(usize),
}

/// What came of many tasks.
pub(super) struct Run {
    pub(super) tasks: u64,
    pub(super) gets: u64,
    pub(super) elapsed: Duration,
    /// What each account used.
    pub(super) cpu: Vec<Duration>,
    /// How long each took, in order.
    ms: Vec<u64>,
    pub(super) ids: Vec<String>,
}

/// Begins tasks that end by themselves, and waits for each.
pub(super) fn run(endpoint: &Endpoint, until: Until, accounts: &[Account]) -> Result<Run> {
    run_to(endpoint, TASK, "completed", until, accounts)
}

/// Begins tasks of `tool`, and waits for each until it is in `status`.
pub(super) fn run_to(endpoint: &Endpoint, tool: &str, status: &str, until: Until, accounts: &[Account]) -> Result<Run> {
    let (before, begin, begun) = (used(accounts)?, Instant::now(), AtomicU64::new(0));
    let is_enough = || match until {
        Until::Over(time) => begin.elapsed() >= time,
        Until::Tasks(count) => begun.fetch_add(1, Ordering::Relaxed) >= count as u64,
    };
    let client = || Tasker::new(endpoint, tool, status)?.work(is_enough);
    let done: Vec<Done> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        let ended =
            clients.into_iter().map(|client| client.join().map_err(|_| anyhow::anyhow!("a client panicked"))?);
        ended.collect::<Result<_>>()
    })?;
    let elapsed = begin.elapsed();
    let cpu = used(accounts)?.into_iter().zip(before).map(|(after, before)| after.saturating_sub(before)).collect();
    let mut run = Run { tasks: 0, gets: 0, elapsed, cpu, ms: Vec::new(), ids: Vec::new() };
    for done in done {
        run.gets += done.gets;
        run.ms.extend(done.ms);
        run.ids.extend(done.ids);
    }
    run.ms.sort_unstable();
    run.tasks = run.ids.len() as u64;
    ensure!(run.tasks > 0 || matches!(until, Until::Tasks(0)), "no task ended within {elapsed:?}");
    Ok(run)
}

#[derive(Default)]
struct Done {
    ids: Vec<String>,
    gets: u64,
    ms: Vec<u64>,
}

/// One client with several tasks open.
struct Tasker<'a> {
    client: Client,
    endpoint: &'a Endpoint,
    begin: Vec<u8>,
    status: &'a str,
    open: VecDeque<(String, Instant)>,
    done: Done,
}

impl<'a> Tasker<'a> {
    fn new(endpoint: &'a Endpoint, tool: &str, status: &'a str) -> Result<Self> {
        let begin = Template::task(endpoint, tool, &json!({ "message": "hello" })).numbered(NUMBER_FIRST).to_vec();
        let client = Client::connect(endpoint.address)?;
        Ok(Self { client, endpoint, begin, status, open: VecDeque::new(), done: Done::default() })
    }

    fn work(mut self, is_enough: impl Fn() -> bool) -> Result<Done> {
        let (mut is_over, mut in_vain) = (false, 0);
        loop {
            if !is_over && self.open.len() < OPEN_EACH {
                is_over = is_enough();
                if !is_over {
                    self.start()?;
                }
                continue;
            }
            let Some((id, begun)) = self.open.pop_front() else { return Ok(self.done) };
            if self.look(&id)? {
                self.done.ids.push(id);
                in_vain = 0;
                continue;
            }
            ensure!(begun.elapsed() < END_MAX, "a task is not {} within {END_MAX:?}", self.status);
            self.open.push_back((id, begun));
            in_vain += 1;
            if in_vain >= self.open.len() {
                thread::sleep(PAUSE);
                in_vain = 0;
            }
        }
    }

    fn start(&mut self) -> Result<()> {
        let answer = self.client.send(&self.begin)?;
        let value: Value = serde_json::from_slice(&answer.body)?;
        let id = value["result"]["taskId"].as_str().with_context(|| format!("no task: {value}"))?;
        self.open.push_back((id.to_owned(), Instant::now()));
        Ok(())
    }

    /// Whether the task is as it is to be.
    fn look(&mut self, id: &str) -> Result<bool> {
        self.done.gets += 1;
        let mut template = Template::get_task(self.endpoint, id);
        let answer = self.client.send(template.numbered(NUMBER_FIRST))?;
        let value: Value = serde_json::from_slice(&answer.body)?;
        let task = &value["result"];
        match task["status"].as_str() {
            Some(status) if status == self.status => {
                let time = |key: &str| task[key].as_str().and_then(ms_of_day).context("a time");
                let (begun, ended) = (time("createdAt")?, time("lastUpdatedAt")?);
                // Around midnight it is the next day.
                self.done.ms.push((ended + 86_400_000 - begun) % 86_400_000);
                Ok(true)
            }
            Some("working") => Ok(false),
            _ => bail!("a task went wrong: {value}"),
        }
    }
}

/// Milliseconds since midnight in `2026-01-02T03:04:05.678Z`.
fn ms_of_day(time: &str) -> Option<u64> {
    let part = |at: usize, length: usize| time.get(at..at + length)?.parse::<u64>().ok();
    Some(((part(11, 2)? * 60 + part(14, 2)?) * 60 + part(17, 2)?) * 1000 + part(20, 3)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(ms_of_day("2026-11-22T01:02:03.004Z"), Some(3_723_004));
        assert_eq!(ms_of_day("2026-11-22"), None);
    }
}
