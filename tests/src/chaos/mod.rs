//! Chaos: hosts are killed, the store is restarted, and many clients of both eras go on behind a balancer. What they must never
//! see is counted.
//!
//! ```text
//! yard     three hosts, their store and nginx; who kills them
//! wire     requests that may break, and what breaking means
//! clients  what clients do, each kind again and again
//! tasks    the same of those whose calls become tasks
//! tally    what came of it
//! ```

mod clients;
mod tally;
mod tasks;
mod wire;
mod yard;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clients::{Client, KINDS};
pub use tally::Tally;
use yard::Yard;

use crate::bystander::SetOnDrop;

/// What a run does.
pub struct Settings {
    pub duration: Duration,
    pub clients: usize,
    pub store: Store,
    /// The same seed gives the same kills, clients and pauses; what meets what is up to the machine.
    pub seed: u64,
}

/// What the hosts share.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// A file.
    Sqlite,
    /// A server, which is restarted now and then.
    Redis,
}

/// Small and good enough to be unpredictable (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    pub(crate) fn between_ms(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.roll(most - least))
    }
}

/// Does it, and tells what came of it.
pub fn run(settings: &Settings) -> Tally {
    let (yard, tally) = (Yard::start(settings.store), Tally::default());
    let (over, quiet) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let _ended = [SetOnDrop(&over), SetOnDrop(&quiet)];
        let clients: Vec<_> = (0..settings.clients)
            .map(|number| {
                let kind = &KINDS[number % KINDS.len()];
                let dice = Dice(settings.seed.wrapping_add(1 + number as u64).wrapping_mul(0x2545_f491_4f6c_dd1d));
                let mut client = Client::new(&yard, &tally, dice, number);
                let name = format!("{}-{number}", kind.name);
                let over = &over;
                let live = move || client.live(kind, over);
                thread::Builder::new().name(name).spawn_scoped(scope, live).expect("a thread can be started")
            })
            .collect();
        let mut herald = Client::new(&yard, &tally, Dice(settings.seed ^ 1), settings.clients);
        let until = &quiet;
        let herald = scope.spawn(move || herald.herald(until));
        let (begun, mut dice) = (Instant::now(), Dice(settings.seed));
        while begun.elapsed() < settings.duration {
            yard.disturb(&mut dice, &tally);
        }
        over.store(true, Ordering::Relaxed);
        for client in clients {
            if client.join().is_err() {
                tally.wrong("a client broke off: what it saw is above");
            }
        }
        // Those who waited for news needed some until now.
        quiet.store(true, Ordering::Relaxed);
        if herald.join().is_err() {
            tally.wrong("the herald broke off: what it saw is above");
        }
    });
    yard.count_runs(&tally);
    yard.stop();
    tally
}
