//! Asking the host for what would take all that it has.

use std::hint::black_box;

use wasip2::cli::{stdin, stdout};
use wasip2::io::streams::StreamError;
use wasip2::random::{insecure, random};

use crate::{Attack, Told, say};

pub(crate) const ATTACKS: &[Attack] = &[
    ("random-all-at-once", || say(random::get_random_bytes(u64::MAX).len().to_string())),
    ("random-gigabytes", || say(random::get_random_bytes(1 << 40).len().to_string())),
    ("random-megabytes", random_megabytes),
    ("insecure-random-megabytes", insecure_random_megabytes),
    ("zeroes-without-end", zeroes_without_end),
    ("write-beyond-what-is-taken", write_beyond_what_is_taken),
    ("splice-without-end", splice_without_end),
    ("read-without-end", read_without_end),
    ("environment-flood", environment_flood),
    ("huge-argument", huge_argument),
];

/// As much as an ordinary host makes at once.
fn random_megabytes() -> Told {
    loop {
        black_box(random::get_random_bytes(20 << 20));
    }
}

fn insecure_random_megabytes() -> Told {
    loop {
        black_box(insecure::get_insecure_random_bytes(20 << 20));
    }
}

fn zeroes_without_end() -> Told {
    let told = stdout::get_stdout().write_zeroes(u64::MAX);
    say(format!("{told:?}"))
}

/// Does not ask how much may be written.
fn write_beyond_what_is_taken() -> Told {
    let told = stdout::get_stdout().write(&vec![b'u'; 10 << 20]);
    say(format!("{told:?}"))
}

fn splice_without_end() -> Told {
    let (from, to) = (stdin::get_stdin(), stdout::get_stdout());
    let mut spliced = Vec::new();
    for _ in 0..1000 {
        spliced.push(to.splice(&from, u64::MAX));
    }
    let closed = spliced.iter().filter(|told| matches!(told, Err(StreamError::Closed))).count();
    say(format!("closed {closed}"))
}

/// There is nothing to read; the host must not make room for it all the same.
fn read_without_end() -> Told {
    let told = stdin::get_stdin().read(u64::MAX);
    let skipped = stdin::get_stdin().skip(u64::MAX);
    say(format!("{told:?} {skipped:?}"))
}

fn environment_flood() -> Told {
    loop {
        black_box(wasip2::cli::environment::get_environment());
        black_box(wasip2::cli::environment::get_arguments());
        black_box(wasip2::cli::environment::initial_cwd());
    }
}

/// Hands over a text of many megabytes, which the host would have to copy to look at.
fn huge_argument() -> Told {
    let key = "k".repeat(16 << 20);
    say(format!("{:?}", crate::bindings::wasi::config::store::get(&key)))
}
