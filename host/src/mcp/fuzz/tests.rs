//! The short run: all of the corpus, and as many mutations of it as a test run has time for.

use std::{fs, panic, path::Path};

use super::*;

/// Mutations of the corpus in each test.
const MUTATIONS: u64 = 20_000;

/// What the code looks for, put in now and then.
const WORDS: [&[u8]; 24] = [
    b"{session}",
    b"\n\n",
    b"\n",
    b": ",
    b"mcp-session-id",
    b"mcp-method",
    b"mcp-name",
    b"mcp-protocol-version",
    b"2026-07-28",
    b"2025-03-26",
    b"=?base64?",
    b"?=",
    b"{\"",
    b"\":",
    b"[",
    b"]",
    b"}",
    b"\\u0061",
    b"\\ud800",
    b"null",
    b"1e308",
    b"-0",
    b"\"jsonrpc\":\"2.0\",",
    b"18446744073709551615",
];

/// SplitMix64: the same mutations in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound.max(1) as u64).expect("it is below a usize")
    }

    fn of<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }
}

/// A few small changes, as a fuzzer makes them.
fn mutated(corpus: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut data = corpus[chance.below(corpus.len())].clone();
    for _ in 0..=chance.below(4) {
        let place = chance.below(data.len() + 1);
        let end = (place + 1 + chance.below(16)).min(data.len());
        match chance.below(7) {
            0 if place < data.len() => data[place] ^= 1 << chance.below(8),
            1 if place < data.len() => data[place] = u8::try_from(chance.below(256)).expect("it is a byte"),
            2 => drop(data.drain(place..end)),
            3 => data.splice(place..place, chance.of(&WORDS).iter().copied()).for_each(drop),
            4 => data.extend_from_within(place..end),
            5 => {
                let other = &corpus[chance.below(corpus.len())];
                let from = chance.below(other.len() + 1);
                data.splice(place.., other[from..].iter().copied()).for_each(drop);
            }
            _ => data.truncate(place),
        }
    }
    data
}

fn replay(target: &str, door: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let listed = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = listed.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    let corpus: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let mut chance = Chance(1);
    let mutations = (0..MUTATIONS).map(|_| mutated(&corpus, &mut chance));
    for input in corpus.iter().cloned().chain(mutations) {
        if let Err(payload) = panic::catch_unwind(|| door(&input)) {
            #[expect(clippy::print_stderr, reason = "a failing input is what the run is for")]
            {
                eprintln!("{target}: this input fails: {}", input.escape_ascii());
            }
            panic::resume_unwind(payload);
        }
    }
}

#[test]
fn requests() {
    replay("request", request);
}

#[test]
fn lines_on_a_pipe() {
    replay("pipe", pipe);
}

#[test]
fn headers_of_modern_requests() {
    replay("headers", headers);
}

#[test]
fn sealed_values() {
    replay("sealed", sealed);
}

#[test]
fn ids_of_events() {
    replay("events", events);
}

#[test]
fn strict_json() {
    replay("arguments", arguments);
}

#[test]
fn schemas_of_plugins() {
    replay("schema", schema);
}
