use futures_util::{future::BoxFuture, poll};

use super::*;

/// One party's calls, each of which takes so many turns of so long.
struct Burst {
    party: Arc<Party>,
    calls: usize,
    turns: usize,
    turn_ns: u64,
}

fn burst(calls: usize, turns: usize, turn_ns: u64) -> Burst {
    Burst { party: Arc::default(), calls, turns, turn_ns }
}

/// A call, as party and number.
type Call = (usize, usize);

/// Lanes in which every turn takes exactly what it takes. What ends at the same time on several threads ends in the order in which
/// it began.
struct Model<'a> {
    bursts: &'a [Burst],
    order: Order<Call>,
    /// Turns that each call still needs.
    left: BTreeMap<Call, usize>,
    /// Who runs, by when its turn ends, and how many began before it.
    running: BTreeMap<(u64, u64), Call>,
    begun: u64,
    now_ns: u64,
    used_ns: Vec<u64>,
    ended: Vec<Call>,
}

impl<'a> Model<'a> {
    /// All calls come at the same time, the first party's first.
    fn new(threads: usize, bursts: &'a [Burst]) -> Self {
        let (left, running, ended) = Default::default();
        let (order, used_ns) = (Order::new(threads), vec![0; bursts.len()]);
        let mut model = Self { bursts, order, left, running, begun: 0, now_ns: 0, used_ns, ended };
        for (party, burst) in bursts.iter().enumerate() {
            (0..burst.calls).for_each(|call| model.come((party, call)));
        }
        model
    }

    fn come(&mut self, call: Call) {
        let burst = &self.bursts[call.0];
        self.left.insert(call, burst.turns);
        if self.order.ask(&burst.party, call) {
            self.run(call);
        }
    }

    fn run(&mut self, call: Call) {
        self.running.insert((self.now_ns + self.bursts[call.0].turn_ns, self.begun), call);
        self.begun += 1;
    }

    /// One turn ends. `false`: there is nothing left to do.
    fn step(&mut self) -> bool {
        let Some(((now_ns, _), call)) = self.running.pop_first() else { return false };
        self.now_ns = now_ns;
        let burst = &self.bursts[call.0];
        self.used_ns[call.0] += burst.turn_ns;
        let left = self.left.get_mut(&call).expect("it came");
        *left -= 1;
        let again = (*left > 0).then_some(call);
        if again.is_none() {
            self.ended.push(call);
        }
        if let Some(next) = self.order.end(&burst.party, burst.turn_ns, again) {
            self.run(next);
        }
        true
    }

    fn run_until_ended(&mut self, call: Call) {
        while !self.ended.contains(&call) {
            assert!(self.step(), "{call:?} never ended");
        }
    }
}

#[test]
fn a_burst_of_one_party_does_not_stand_before_anothers_one_call() {
    for threads in [1, 2, 7] {
        for calls in [10, 100, 1000] {
            let bursts = [burst(calls, 20, TURN_NS), burst(1, 20, TURN_NS)];
            let mut model = Model::new(threads, &bursts);
            model.run_until_ended((1, 0));
            assert_eq!(model.ended, [(1, 0)], "{threads} threads, {calls} calls");
            // It had every second turn, or all the while one of several threads.
            let most = 21 * threads.max(2) as u64 * TURN_NS;
            assert!(model.used_ns[0] <= most, "{threads} threads, {calls} calls: {}", model.used_ns[0]);
        }
    }
}

#[test]
fn parties_get_the_same_however_many_calls_they_have() {
    let bursts = [burst(100, 1000, TURN_NS), burst(10, 1000, TURN_NS), burst(4, 1000, TURN_NS)];
    let mut model = Model::new(2, &bursts);
    for _ in 0..3000 {
        model.step();
    }
    let (least, most) = (model.used_ns.iter().min().expect("three"), model.used_ns.iter().max().expect("three"));
    assert!(most - least <= 2 * TURN_NS, "{:?}", model.used_ns);
}

#[test]
fn what_counts_is_time_and_not_turns() {
    // One gives its turns back after a tenth, as what waits for something again and again does.
    let bursts = [burst(5, 100_000, TURN_NS / 10), burst(5, 100_000, TURN_NS)];
    let mut model = Model::new(1, &bursts);
    for _ in 0..11_000 {
        model.step();
    }
    assert!(model.used_ns[0].abs_diff(model.used_ns[1]) <= 2 * TURN_NS, "{:?}", model.used_ns);
}

#[test]
fn calls_of_one_party_take_turns() {
    let bursts = [burst(5, 3, TURN_NS)];
    let mut model = Model::new(1, &bursts);
    while model.step() {}
    assert_eq!(model.ended, [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4)]);
    assert_eq!(model.now_ns, 15 * TURN_NS, "no turn was lost");
}

#[test]
fn a_call_that_needs_little_does_not_wait_for_all_of_its_party_that_compute() {
    for threads in [1, 2] {
        let party = Arc::default();
        let long = Burst { party: Arc::clone(&party), ..burst(1000, 20, TURN_NS) };
        let short = Burst { party, ..burst(100, 1, TURN_NS / 100) };
        let bursts = [long, short];
        let mut model = Model::new(threads, &bursts[..1]);
        for _ in 0..5000 {
            model.step();
        }
        model.bursts = &bursts;
        model.used_ns.push(0);
        let came_ns = model.now_ns;
        (0..100).for_each(|call| model.come((1, call)));
        model.run_until_ended((1, 0));
        assert!(model.now_ns - came_ns <= 3 * TURN_NS, "{threads} threads: {}", model.now_ns - came_ns);
        // Nor do those that compute wait for all that need little: they have every second turn.
        let before_ns = model.used_ns[0];
        model.run_until_ended((1, 99));
        assert!(model.used_ns[0] - before_ns >= 98 * TURN_NS, "{threads} threads");
    }
}

#[test]
fn who_was_away_is_owed_nothing_and_owes_what_it_had() {
    let [steady, late] = &[(); 2].map(|()| Arc::<Party>::default());
    let mut order = Order::new(1);
    assert!(order.ask(steady, 'a'));
    for _ in 0..100 {
        assert_eq!(order.end(steady, TURN_NS, Some('a')), Some('a'), "nobody else is there");
    }
    // It comes after a long time, and gets every second turn, not the next hundred.
    assert!(!order.ask(late, 'b'));
    let (mut given, mut running) = (String::new(), 'a');
    for _ in 0..10 {
        let party = if running == 'a' { steady } else { late };
        running = order.end(party, TURN_NS, Some(running)).expect("both want more");
        given.push(running);
    }
    assert_eq!(given, "bababababa");
}

#[test]
fn who_leaves_a_line_leaves_no_trace() {
    let [a, b] = [(); 2].map(|()| Arc::<Party>::default());
    let mut order = Order::new(1);
    assert!(order.ask(&a, 1));
    assert!(!order.ask(&a, 2) && !order.ask(&b, 3) && !order.ask(&a, 4));
    order.leave(&b, &3);
    order.leave(&a, &2);
    assert_eq!(order.end(&a, TURN_NS, None), Some(4));
    assert_eq!(order.end(&a, TURN_NS, None), None);
    assert!(order.lines.is_empty());
    assert_eq!(order.free, 1);
}

/// Work that never ends.
fn endless() -> BoxFuture<'static, ()> {
    std::future::poll_fn(|_| Poll::Pending).boxed()
}

/// How many polls it has had.
fn counted(count: &Arc<AtomicU64>) -> BoxFuture<'static, ()> {
    let count = Arc::clone(count);
    std::future::poll_fn(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        Poll::Pending
    })
    .boxed()
}

#[tokio::test]
async fn a_turn_that_nobody_wants_any_more_is_passed_on() {
    let turns = Turns::new(1);
    let (party, count) = (Arc::<Party>::default(), Arc::<AtomicU64>::default());
    // Somebody runs, as on another thread.
    assert!(turns.order().ask(&party, Arc::default()));
    let (mut first, mut second) = (turns.take(&party, endless()), turns.take(&party, endless()));
    let mut third = turns.take(&party, counted(&count));
    for work in [&mut first, &mut second, &mut third] {
        assert!(poll!(work).is_pending());
    }
    // It leaves while it waits; the next while it has been given its turn.
    drop(first);
    turns.end(&party, Duration::ZERO, None);
    assert!(poll!(&mut third).is_pending());
    assert_eq!(count.load(Ordering::Relaxed), 0, "it is the second's turn");
    drop(second);
    assert!(poll!(&mut third).is_pending());
    assert_eq!(count.load(Ordering::Relaxed), 1);
    drop(third);
    assert_eq!(turns.order().free, 1);
}

#[tokio::test]
async fn a_panic_ends_its_turn() {
    let turns = Turns::new(1);
    let party = Arc::<Party>::default();
    let panics = turns.take(&party, async { panic!("in a turn") }.boxed());
    assert!(std::panic::AssertUnwindSafe(panics).catch_unwind().await.is_err());
    assert_eq!(turns.order().free, 1);
}
