//! Taking memory.

#[cfg(target_arch = "wasm32")]
use core::arch::wasm32::{memory_grow, memory_size};
use std::hint::black_box;

use crate::{Attack, Told, cpu, say};

pub(crate) const ATTACKS: &[Attack] = &[
    ("memory-page-by-page", page_by_page),
    ("memory-at-once", at_once),
    ("memory-small-pieces", small_pieces),
    ("memory-again-after-refusal", again_after_refusal),
    ("memory-all-of-it-touched", all_of_it_touched),
    ("memory-while-looping", while_looping),
];

/// Takes pages until there are none, and tells of it.
fn page_by_page() -> Told {
    while memory_grow(0, 1) != usize::MAX {}
    say(format!("has {} pages", memory_size(0)))
}

/// Takes all that 32 bits can name.
fn at_once() -> Told {
    let grown = memory_grow(0, 65_535 - memory_size(0));
    say(format!("grown: {}", grown != usize::MAX))
}

/// Never gives anything back.
fn small_pieces() -> Told {
    loop {
        black_box(Box::leak(Box::new([1_u8; 16])));
    }
}

/// Does not take no for an answer.
fn again_after_refusal() -> Told {
    loop {
        black_box(memory_grow(0, 65_535));
    }
}

/// Uses every page that it may have, and then comes back: the pages are to be the host's again.
fn all_of_it_touched() -> Told {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    for _ in 0..24 {
        hoard.push(black_box(vec![7_u8; 1 << 20]));
    }
    say(format!("touched {}", black_box(&hoard).len()))
}

/// Takes what it may, and keeps it as long as it may.
fn while_looping() -> Told {
    black_box(vec![1_u8; 24 << 20]);
    cpu::endless()
}

/// Elsewhere there is nothing to grow: this is so that all packages can be checked at once.
#[cfg(not(target_arch = "wasm32"))]
fn memory_grow(_: u32, _: usize) -> usize {
    usize::MAX
}

#[cfg(not(target_arch = "wasm32"))]
fn memory_size(_: u32) -> usize {
    0
}
