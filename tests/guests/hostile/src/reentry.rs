//! Coming back into the host where it is in the middle of something.
//!
//! A component cannot be called while it calls: the component model has no way to write that down. Two moments are left at
//! which a guest's code runs inside of what the host does: when the host asks for room for a result, and when it gives back the
//! room of the last answer. Both go through the allocator, which here is the attack's own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU8, Ordering};

use wasip2::clocks::monotonic_clock;
use wasip2::random::random;

use crate::{Attack, Told, say};

pub(crate) const ATTACKS: &[Attack] = &[
    ("reentry-from-allocation", reentry_from_allocation),
    ("reentry-from-clean-up", reentry_from_clean_up),
    ("loop-in-allocation", loop_in_allocation),
    ("loop-in-clean-up", loop_in_clean_up),
    ("room-in-the-wrong-place", room_in_the_wrong_place),
];

const HONEST: u8 = 0;
const CALLS_WHEN_ASKED: u8 = 1;
const CALLS_WHEN_GIVEN_BACK: u8 = 2;
const LOOPS_WHEN_ASKED: u8 = 3;
const LOOPS_WHEN_GIVEN_BACK: u8 = 4;
const LIES: u8 = 5;

static MANNER: AtomicU8 = AtomicU8::new(HONEST);

/// Rust's own, until it is told to be otherwise.
struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

#[expect(unsafe_code, reason = "an allocator cannot be had otherwise")]
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match MANNER.load(Ordering::Relaxed) {
            CALLS_WHEN_ASKED => _ = monotonic_clock::now(),
            LOOPS_WHEN_ASKED => crate::cpu::endless(),
            // Where no memory is; aligned, so that nothing else is wrong with it.
            LIES => return 0xffff_ff00 as *mut u8,
            _ => {}
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        match MANNER.load(Ordering::Relaxed) {
            CALLS_WHEN_GIVEN_BACK => _ = monotonic_clock::now(),
            LOOPS_WHEN_GIVEN_BACK => crate::cpu::endless(),
            _ => {}
        }
        unsafe { System.dealloc(at, layout) }
    }
}

fn reentry_from_allocation() -> Told {
    in_a_manner(CALLS_WHEN_ASKED)
}

fn loop_in_allocation() -> Told {
    in_a_manner(LOOPS_WHEN_ASKED)
}

fn room_in_the_wrong_place() -> Told {
    in_a_manner(LIES)
}

/// Makes the host ask for room.
fn in_a_manner(manner: u8) -> Told {
    MANNER.store(manner, Ordering::Relaxed);
    let bytes = random::get_random_bytes(100);
    MANNER.store(HONEST, Ordering::Relaxed);
    say(format!("got {}", bytes.len()))
}

/// The answer is complete; what is left is to give back its room.
fn reentry_from_clean_up() -> Told {
    MANNER.store(CALLS_WHEN_GIVEN_BACK, Ordering::Relaxed);
    say("answered")
}

fn loop_in_clean_up() -> Told {
    MANNER.store(LOOPS_WHEN_GIVEN_BACK, Ordering::Relaxed);
    say("answered")
}
