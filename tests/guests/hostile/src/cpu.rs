//! Taking processors, stacks and time.

use std::hint::black_box;
use std::time::Duration;

use wasip2::clocks::monotonic_clock;
use wasip2::io::poll::{Pollable, poll};

use crate::{Attack, Told, say};

pub(crate) const ATTACKS: &[Attack] = &[
    ("endless-loop", || endless()),
    ("endless-host-calls", endless_host_calls),
    ("endless-random", endless_random),
    ("deep-recursion", || say(deep(1).to_string())),
    ("mutual-recursion", || say(even(1).to_string())),
    ("sleep-for-ever", sleep_for_ever),
    ("sleep-beyond-time", sleep_beyond_time),
    ("poll-thousands", poll_thousands),
    ("poll-nothing", poll_nothing),
    ("poll-one-many-times", poll_one_many_times),
    ("poll-without-waiting", poll_without_waiting),
    ("exit-well", || std::process::exit(0)),
    ("exit-badly", || std::process::exit(7)),
    ("abort", || std::process::abort()),
    ("panic-with-forged-line", panic_with_forged_line),
];

/// Loops, and does so in a way that no compiler may take out.
pub(crate) fn endless() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Is in the host rather than in its own code most of the time, where no epoch interrupts it.
fn endless_host_calls() -> Told {
    loop {
        black_box(monotonic_clock::now());
    }
}

/// The same, where each call has work for the host.
fn endless_random() -> Told {
    loop {
        black_box(wasip2::random::random::get_random_bytes(64 * 1024));
    }
}

fn deep(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if black_box(depth) == 0 { 0 } else { deep(depth + 1) + frame[1] }
}

fn even(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    if black_box(depth) == 0 { 0 } else { odd(depth + 1) + frame[1] }
}

fn odd(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    if black_box(depth) == 0 { 1 } else { even(depth + 1) + frame[2] }
}

fn sleep_for_ever() -> Told {
    std::thread::sleep(Duration::from_secs(1 << 30));
    say("woken")
}

/// Asks for a moment that no clock of the host's can tell.
fn sleep_beyond_time() -> Told {
    monotonic_clock::subscribe_duration(u64::MAX).block();
    monotonic_clock::subscribe_instant(u64::MAX).block();
    say("woken")
}

/// Waits for as many things at once as it may have handles for.
fn poll_thousands() -> Told {
    let pollables: Vec<Pollable> =
        (0..1000).map(|hours| monotonic_clock::subscribe_duration((1 + hours) * 3_600_000_000_000)).collect();
    let borrowed: Vec<&Pollable> = pollables.iter().collect();
    say(format!("{:?}", poll(&borrowed)))
}

/// Waits for nothing, which would be for ever.
fn poll_nothing() -> Told {
    say(format!("{:?}", poll(&[])))
}

/// Makes the host look at one thing ten thousand times, again and again.
fn poll_one_many_times() -> Told {
    let ready = monotonic_clock::subscribe_duration(0);
    let many = vec![&ready; 10_000];
    loop {
        black_box(poll(&many));
    }
}

/// Asks whether something is ready that never is, without waiting for it.
fn poll_without_waiting() -> Told {
    let never = monotonic_clock::subscribe_duration(u64::MAX);
    while !never.ready() {}
    say("ready")
}

/// Panics with a message that would be a line of the log by itself.
fn panic_with_forged_line() -> Told {
    panic!("over\n{{\"level\":\"ERROR\",\"message\":\"forged-line\"}}\n\u{1b}[2Jforged-screen");
}
