//! The service under a deterministic simulator: the code that runs is the code that serves, in virtual time, on three hosts
//! whose clocks disagree, that die, stop, begin again and are cut off from the store; with requests, answers and signals that
//! are lost, come late or twice.
//!
//! `service` has what hosts do for each other when nothing goes wrong but one thing, in the same virtual time.
//!
//! What must hold is checked at every start of a guest (`guests`), every write (`store`), everything a client sees
//! (`clients`), and at the end. `TOOLYARD_SEED` runs one seed again.

mod clients;
mod executor;
mod guests;
mod hosts;
mod service;
mod store;

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use self::{
    clients::{Accepted, Client},
    executor::{Executor, Owner},
    hosts::Hosts,
};
use super::machine::Rules;

const HOSTS: usize = 3;
const CLIENTS: u64 = 40;
const RULES: Rules = Rules { attempts_max: 3, result_ttl_ms: 30_000 };
const TTL_MS_MAX: u64 = 120_000;

/// Fewer than there are clients, so that some are refused.
const OPEN_MAX: u64 = 25;

/// Clients begin within this, and faults end a while after it.
const BUSY_MS: u64 = 120_000;
const FAULTS_END: Duration = Duration::from_secs(180);

/// By then all must have ended: what never ends by itself runs out of time.
const END: Duration = Duration::from_secs(180 + 120 + 60);

/// Steps of the test: enough for each kind of accident to meet each other at many places.
const STEPS_MIN: u64 = 4_000_000;

/// What one seed led to.
#[derive(Debug, Default)]
struct Outcome {
    steps: u64,
    writes: u64,
    starts: u64,
    tasks: u64,
    tally: BTreeMap<String, u64>,
}

/// Plays one seed to its end. The error says what was wrong and what happened before.
fn play(seed: u64) -> Result<Outcome, String> {
    let executor = Executor::new(seed);
    let hosts = Hosts::new(executor.clone());
    let accepted = Accepted::default();
    for number in 0..CLIENTS {
        Client::begin(&hosts, number, &accepted);
    }
    for index in 0..HOSTS {
        executor.spawn(Owner::World, Box::pin(trouble(Arc::clone(&hosts), index)));
    }
    hosts.disk.faults(true);
    let mut steps = executor.run(FAULTS_END);
    hosts.disk.faults(false);
    (0..HOSTS).for_each(|index| hosts.begin(index));
    steps += executor.run(END);

    let unended = hosts.disk.unended();
    if !unended.is_empty() {
        executor.violation(format!("never ended: {unended:?}"));
    }
    let accepted = accepted.lock().unwrap_or_else(PoisonError::into_inner);
    for (id, _) in accepted.iter().filter(|(id, _)| hosts.disk.end_of(id).is_none()) {
        executor.violation(format!("a client was told of task {id}, which has no end"));
    }
    let mut tally = BTreeMap::new();
    hosts.disk.tally(&mut tally);
    hosts.guests.tally(&mut tally);
    let outcome = Outcome {
        steps,
        writes: hosts.disk.writes(),
        starts: hosts.guests.starts(),
        tasks: accepted.len() as u64,
        tally,
    };
    // Lives hold each other; ended, they do not.
    (0..HOSTS).for_each(|index| hosts.kill(index));
    executor.kill(Owner::World);
    match executor.failure() {
        None => Ok(outcome),
        Some((what, events)) => {
            Err(format!("TOOLYARD_SEED={seed}: {what}\nafter {steps} steps; before that:\n{}", events.join("\n")))
        }
    }
}

/// One accident after the other befalls a host.
async fn trouble(hosts: Arc<Hosts>, index: usize) {
    let executor = hosts.executor.clone();
    loop {
        executor.sleep(executor.some_ms(25_000)).await;
        if executor.now() >= FAULTS_END {
            return;
        }
        match executor.below(100) {
            0..35 => hosts.kill(index),
            35..50 => {
                hosts.stop(index);
                executor.sleep(executor.some_ms(12_000)).await;
                hosts.kill(index);
            }
            50..80 => {
                let time = executor.some_ms(25_000);
                // Now and then it is the store that is away, for all.
                let all = executor.happens(20);
                for host in (0..HOSTS).filter(|host| all || *host == index) {
                    executor.event(|| format!("host {host} is cut off for {time:?}"));
                    hosts.disk.cut(host, time);
                }
            }
            _ => hosts.set_clock(index),
        }
        executor.sleep(executor.some_ms(8_000)).await;
        hosts.begin(index);
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a seed from the clock must be known to be played again")]
fn whatever_happens_nothing_is_lost_or_run_twice() {
    if let Ok(seed) = std::env::var("TOOLYARD_SEED") {
        let seed = seed.parse().expect("TOOLYARD_SEED is a number");
        eprintln!("{:?}", play(seed).unwrap_or_else(|failure| panic!("{failure}")));
        return;
    }
    let fresh = crate::clock::now_ms();
    eprintln!("seed from the clock: {fresh}");
    let mut all = Outcome::default();
    for seed in std::iter::once(fresh).chain(0..) {
        let one = play(seed).unwrap_or_else(|failure| panic!("{failure}"));
        all.steps += one.steps;
        all.writes += one.writes;
        all.starts += one.starts;
        all.tasks += one.tasks;
        one.tally.into_iter().for_each(|(how, count)| *all.tally.entry(how).or_default() += count);
        if all.steps >= STEPS_MIN {
            break;
        }
    }
    eprintln!("{all:?}");
    // Otherwise it would not have been a test of them.
    let ways =
        ["completed", "cancelled", "failed (lost)", "failed (stopped)", "failed (expired)", "failed (by the guest)"];
    let guests = ["result", "fault", "retryable", "asks", "never ends"];
    for how in ways.iter().chain(&guests) {
        assert!(all.tally.contains_key(*how), "no task or guest ended so: {how}");
    }
}

#[test]
fn a_seed_plays_the_same_again() {
    let play = || play(1).map(|outcome| (outcome.steps, outcome.writes, outcome.starts));
    assert_eq!(play(), play());
}
