//! Turns in the slow lane: it has few threads, and all who compute want them.
//!
//! Whoever has had least goes next, and that is counted by party, not by call: a party with a thousand calls gets as much as one
//! with a single call. Its own calls take turns within what it gets, those that had none yet and those that had in turn: what needs
//! little, and came here by a mishap of the machine's, does not wait for all that compute. This is fair queueing by start times (Goyal, Vin,
//! Cheng: "Start-time Fair Queuing", 1996): each turn moves its party on in a time of its own by what the turn took, the party
//! that is furthest behind is next, and one that wanted nothing for a while begins where the others are.

use std::{
    collections::{BTreeMap, VecDeque},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt, task::AtomicWaker};

use super::lanes::{self, SLOW_TICKS, TICK, thread_time};

/// What a turn is taken to last while it lasts, in nanoseconds: with several threads, a party's next turn may be given before it
/// is known what the one before took.
const TURN_NS: u64 = TICK.as_nanos() as u64 * SLOW_TICKS;

/// Somebody whose work takes turns with others'.
#[derive(Debug)]
pub(super) struct Party {
    /// Tells it from others that are as far.
    id: u64,
    /// How far it is. Changed only under the lock of the turns; it is here so that it lasts as long as the party does, and is
    /// forgotten with it.
    at_ns: AtomicU64,
}

impl Default for Party {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), at_ns: AtomicU64::new(0) }
    }
}

impl Party {
    fn at_ns(&self) -> u64 {
        self.at_ns.load(Ordering::Relaxed)
    }

    fn place(&self) -> (u64, u64) {
        (self.at_ns(), self.id)
    }
}

/// Who goes on, and who waits. Knows no threads and no clock.
#[derive(Debug)]
struct Order<T> {
    /// Turns that can be given at once. While there are some, nobody waits.
    free: usize,
    /// How far the party was that was given a turn last.
    now_ns: u64,
    /// Those who wait, the party that is furthest behind first.
    lines: BTreeMap<(u64, u64), Line<T>>,
}

/// One party's, each queue in the order in which they came.
#[derive(Debug)]
struct Line<T> {
    party: Arc<Party>,
    /// Those that had no turn yet, and those that had. Never both empty.
    queues: [VecDeque<T>; 2],
    /// Whose turn it is, if there are some in both.
    next: usize,
}

const FRESH: usize = 0;
const AGAIN: usize = 1;

impl<T: PartialEq> Line<T> {
    fn of(party: &Arc<Party>) -> Self {
        Self { party: Arc::clone(party), queues: Default::default(), next: FRESH }
    }

    fn pop(&mut self) -> Option<T> {
        let queue = if self.queues[self.next].is_empty() { 1 - self.next } else { self.next };
        self.next = 1 - queue;
        self.queues[queue].pop_front()
    }

    fn is_empty(&self) -> bool {
        self.queues.iter().all(VecDeque::is_empty)
    }
}

impl<T: PartialEq> Order<T> {
    fn new(turns: usize) -> Self {
        Self { free: turns, now_ns: 0, lines: BTreeMap::new() }
    }

    /// Whether `who` may go on at once. If not, it waits.
    fn ask(&mut self, party: &Arc<Party>, who: T) -> bool {
        if self.lines.contains_key(&party.place()) {
            self.wait(party, who, FRESH);
            return false;
        }
        // What it had no use for is not owed to it.
        party.at_ns.fetch_max(self.now_ns, Ordering::Relaxed);
        if self.free > 0 {
            self.free -= 1;
            self.begin(party);
            return true;
        }
        self.wait(party, who, FRESH);
        false
    }

    /// A turn of `party` has ended, which took so long. Gives who is next, which may be who had it, if that wants it `again`.
    fn end(&mut self, party: &Arc<Party>, took_ns: u64, again: Option<T>) -> Option<T> {
        // A clock that did not move must not make a turn free.
        self.move_to(party, party.at_ns().saturating_sub(TURN_NS) + took_ns.max(1));
        if let Some(who) = again {
            self.wait(party, who, AGAIN);
        }
        let Some(mut first) = self.lines.first_entry() else {
            self.free += 1;
            return None;
        };
        let (party, next) = (Arc::clone(&first.get().party), first.get_mut().pop());
        if first.get().is_empty() {
            first.remove();
        }
        self.begin(&party);
        next
    }

    /// `who` does not wait any more.
    fn leave(&mut self, party: &Party, who: &T) {
        let Some(line) = self.lines.get_mut(&party.place()) else { return };
        line.queues.iter_mut().for_each(|queue| queue.retain(|waiting| waiting != who));
        if line.is_empty() {
            self.lines.remove(&party.place());
        }
    }

    fn wait(&mut self, party: &Arc<Party>, who: T, queue: usize) {
        let line = self.lines.entry(party.place()).or_insert_with(|| Line::of(party));
        line.queues[queue].push_back(who);
    }

    fn begin(&mut self, party: &Party) {
        self.now_ns = self.now_ns.max(party.at_ns());
        self.move_to(party, party.at_ns() + TURN_NS);
    }

    fn move_to(&mut self, party: &Party, at_ns: u64) {
        let line = self.lines.remove(&party.place());
        party.at_ns.store(at_ns, Ordering::Relaxed);
        if let Some(line) = line {
            self.lines.insert(party.place(), line);
        }
    }
}

/// The turns of one slow lane. Its lock is taken by what is in that lane, and held for a look into a map.
#[derive(Debug)]
pub(super) struct Turns(Mutex<Order<Arc<Ticket>>>);

/// Somebody's place in a line.
#[derive(Debug, Default)]
struct Ticket {
    /// Set under the lock of the turns.
    is_given: AtomicBool,
    waker: AtomicWaker,
}

impl PartialEq for Ticket {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Turns {
    /// So many at once.
    pub(super) fn new(turns: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Order::new(turns))))
    }

    /// The same work, which goes on only in turns of `party`: one poll is one turn.
    pub(super) fn take<F: Future + Unpin>(self: &Arc<Self>, party: &Arc<Party>, work: F) -> InTurn<F> {
        InTurn { work, turns: Arc::clone(self), party: Arc::clone(party), ticket: Arc::default(), waits: false }
    }

    fn end(&self, party: &Arc<Party>, took: Duration, again: Option<Arc<Ticket>>) {
        let mut order = self.order();
        let next = order.end(party, u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), again);
        if let Some(next) = &next {
            next.is_given.store(true, Ordering::Release);
        }
        drop(order);
        if let Some(next) = next {
            next.waker.wake();
        }
    }

    fn leave(&self, party: &Arc<Party>, ticket: &Arc<Ticket>) {
        let mut order = self.order();
        if ticket.is_given.load(Ordering::Acquire) {
            drop(order);
            // It was given a turn that it has no use for any more.
            self.end(party, Duration::ZERO, None);
        } else {
            order.leave(party, ticket);
        }
    }

    fn order(&self) -> MutexGuard<'_, Order<Arc<Ticket>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Work that goes on in turns.
pub(super) struct InTurn<F> {
    work: F,
    turns: Arc<Turns>,
    party: Arc<Party>,
    ticket: Arc<Ticket>,
    waits: bool,
}

impl<F: Future + Unpin> Future for InTurn<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        // Before the ticket is shown to anybody, so that no turn is given to one who does not hear of it.
        this.ticket.waker.register(context.waker());
        let may_go = if this.waits {
            this.ticket.is_given.swap(false, Ordering::AcqRel)
        } else {
            this.turns.order().ask(&this.party, Arc::clone(&this.ticket))
        };
        this.waits = !may_go;
        if this.waits {
            return Poll::Pending;
        }
        let mut turn = Turn { turns: &this.turns, party: &this.party, since: thread_time(), again: None };
        let (polled, is_interrupted) = lanes::interrupted(|| this.work.poll_unpin(context));
        if is_interrupted && polled.is_pending() {
            // It goes on computing as soon as it may: it is in its line before anybody else gets this turn.
            this.waits = true;
            turn.again = Some(Arc::clone(&this.ticket));
        }
        polled
    }
}

impl<F> Drop for InTurn<F> {
    fn drop(&mut self) {
        if self.waits {
            self.turns.leave(&self.party, &self.ticket);
        }
    }
}

/// A turn that lasts until this is dropped, also by a guest that brings its host down to a panic.
struct Turn<'a> {
    turns: &'a Turns,
    party: &'a Arc<Party>,
    since: Duration,
    /// Who wants the next.
    again: Option<Arc<Ticket>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.end(self.party, thread_time().saturating_sub(self.since), self.again.take());
    }
}

#[cfg(test)]
mod tests;
