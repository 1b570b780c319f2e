//! One thread, virtual time, and one source of chance: given a seed, everything happens again as it did.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures_util::future::BoxFuture;

/// What is remembered of what happened, for the report of a failure.
const EVENTS_MAX: usize = 120;

/// Who a job belongs to: a life of a host, with which it ends, or the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    World,
    Host { index: usize, life: u64 },
}

/// The simulation's time, chance and jobs. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Executor {
    inner: Arc<Mutex<Inner>>,
    ready: Arc<Ready>,
}

#[derive(Default)]
struct Inner {
    now: Duration,
    chance: u64,
    jobs: BTreeMap<u64, Job>,
    timers: BTreeMap<(Duration, u64), Waker>,
    next: u64,
    events: VecDeque<String>,
    violation: Option<String>,
}

struct Job {
    owner: Owner,
    /// Taken out while it is polled.
    future: Option<BoxFuture<'static, ()>>,
}

/// Jobs that can go on.
#[derive(Default)]
struct Ready(Mutex<Vec<u64>>);

struct JobWaker {
    job: u64,
    ready: Arc<Ready>,
}

impl Wake for JobWaker {
    fn wake(self: Arc<Self>) {
        let mut ready = lock(&self.ready.0);
        if !ready.contains(&self.job) {
            ready.push(self.job);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Executor {
    pub(super) fn new(seed: u64) -> Self {
        let executor = Self::default();
        lock(&executor.inner).chance = seed;
        executor
    }

    /// True time, which no host knows.
    pub(super) fn now(&self) -> Duration {
        lock(&self.inner).now
    }

    /// The next random number (SplitMix64).
    pub(super) fn chance(&self) -> u64 {
        let mut inner = lock(&self.inner);
        inner.chance = inner.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = inner.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(super) fn below(&self, bound: u64) -> u64 {
        self.chance() % bound.max(1)
    }

    /// True `percent` times in a hundred.
    pub(super) fn happens(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Up to so many milliseconds.
    pub(super) fn some_ms(&self, most: u64) -> Duration {
        Duration::from_millis(self.below(most + 1))
    }

    pub(super) fn sleep(&self, time: Duration) -> Sleep {
        Sleep { executor: self.clone(), at: self.now() + time, number: None }
    }

    pub(super) fn spawn(&self, owner: Owner, future: BoxFuture<'static, ()>) {
        let job = {
            let mut inner = lock(&self.inner);
            inner.next += 1;
            let job = inner.next;
            inner.jobs.insert(job, Job { owner, future: Some(future) });
            job
        };
        lock(&self.ready.0).push(job);
    }

    /// Ends all jobs of `owner` where they stand.
    pub(super) fn kill(&self, owner: Owner) {
        let killed: Vec<Job> = {
            let mut inner = lock(&self.inner);
            let ids: Vec<u64> = inner.jobs.iter().filter(|(_, job)| job.owner == owner).map(|(id, _)| *id).collect();
            ids.iter().filter_map(|id| inner.jobs.remove(id)).collect()
        };
        // Outside of the lock: what ends may wake others.
        drop(killed);
    }

    /// Remembers what happened.
    pub(super) fn event(&self, event: impl FnOnce() -> String) {
        let text = event();
        let mut inner = lock(&self.inner);
        if inner.events.len() == EVENTS_MAX {
            inner.events.pop_front();
        }
        let at = inner.now.as_millis();
        inner.events.push_back(format!("{at:>8} {text}"));
    }

    /// What must not be has happened. The first one counts.
    pub(super) fn violation(&self, what: String) {
        let mut inner = lock(&self.inner);
        inner.violation.get_or_insert(what);
    }

    /// What went wrong, and what happened before.
    pub(super) fn failure(&self) -> Option<(String, Vec<String>)> {
        let inner = lock(&self.inner);
        inner.violation.clone().map(|violation| (violation, inner.events.iter().cloned().collect()))
    }

    /// Goes on until `until`, or until something went wrong. Gives the steps made: jobs that were taken a bit further.
    pub(super) fn run(&self, until: Duration) -> u64 {
        let mut steps = 0;
        while lock(&self.inner).violation.is_none() {
            let count = lock(&self.ready.0).len();
            if count == 0 {
                if !self.advance(until) {
                    break;
                }
                continue;
            }
            // Which of those that can go on does so is chance too.
            let chosen = usize::try_from(self.below(count as u64)).unwrap_or_default();
            let job = lock(&self.ready.0).swap_remove(chosen);
            self.poll(job);
            steps += 1;
        }
        steps
    }

    /// Time passes until the next timer, or `until`. `false` if that comes first.
    fn advance(&self, until: Duration) -> bool {
        let waker = {
            let mut inner = lock(&self.inner);
            let next = inner.timers.first_key_value().map(|(key, _)| *key).filter(|(at, _)| *at <= until);
            let Some((at, number)) = next else {
                inner.now = inner.now.max(until);
                return false;
            };
            inner.now = inner.now.max(at);
            inner.timers.remove(&(at, number))
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    fn poll(&self, id: u64) {
        let future = lock(&self.inner).jobs.get_mut(&id).and_then(|job| job.future.take());
        let Some(mut future) = future else { return };
        let waker = Waker::from(Arc::new(JobWaker { job: id, ready: Arc::clone(&self.ready) }));
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        let mut inner = lock(&self.inner);
        if polled.is_ready() {
            inner.jobs.remove(&id);
        } else if let Some(job) = inner.jobs.get_mut(&id) {
            job.future = Some(future);
            return;
        }
        drop(inner);
        drop(future);
    }
}

/// Waits in virtual time.
pub(super) struct Sleep {
    executor: Executor,
    at: Duration,
    number: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let executor = self.executor.clone();
        let mut inner = lock(&executor.inner);
        if inner.now >= self.at {
            return Poll::Ready(());
        }
        let number = *self.number.get_or_insert_with(|| {
            inner.next += 1;
            inner.next
        });
        inner.timers.insert((self.at, number), context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let gone = lock(&self.executor.inner).timers.remove(&(self.at, number));
            drop(gone);
        }
    }
}

#[test]
fn a_seed_gives_the_same_again() {
    let run = || {
        let executor = Executor::new(7);
        for job in 0..5 {
            let inside = executor.clone();
            executor.spawn(
                Owner::World,
                Box::pin(async move {
                    for _ in 0..20 {
                        inside.sleep(inside.some_ms(9)).await;
                        inside.event(|| format!("{job}"));
                    }
                }),
            );
        }
        executor.run(Duration::from_secs(1));
        executor.violation("none".into());
        executor.failure().unwrap().1
    };
    let events = run();
    assert_eq!(events, run());
    let jobs: BTreeSet<&str> = events.iter().map(|event| &event[9..]).collect();
    assert_eq!((events.len(), jobs.len()), (100, 5));
}
