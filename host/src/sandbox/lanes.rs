//! Two lanes: calls begin in the quick one, and what takes longer than a time slice goes on in the slow one.
//!
//! The quick lane is the threads that serve requests. The slow lane has threads of its own, to which the operating system
//! gives a processor only where the quick ones leave it: however many guests compute without end, a call that needs little is
//! not behind them. Within the slow lane, tenants take turns slice by slice, and so do the calls of each (`turns`).

use std::{
    cell::Cell,
    io,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

use futures_util::{FutureExt, future::BoxFuture};
use rustix::time::{ClockId, clock_gettime};
use tokio::{
    runtime::{self, Runtime},
    task::JoinHandle,
};

use super::{
    limits::CpuMax,
    turns::{Party, Turns},
};
use crate::inflight::Tally;

/// How often the clock of guests ticks. One that has run for two ticks leaves the quick lane.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// Ticks that a guest has in the quick lane. With one, a call that began just before a tick would be taken for a long one; with
/// two, each has at least a whole tick.
pub(super) const QUICK_TICKS: u64 = 2;

/// Ticks that a guest has in the slow lane before another gets its turn: changing over costs more than a tick is worth.
pub(super) const SLOW_TICKS: u64 = 5;

/// How much the slow lane yields to the quick one: at 10, the scheduler gives it a tenth of a processor that both want.
const SLOW_NICE: i32 = 10;

/// What has this high a score begins in the slow lane.
const SLOW_SCORE: u32 = 8;

/// What a heavy call adds to the score; a light one takes one away.
const HEAVY: u32 = 2;

/// The score is not counted further, so that what got quicker is soon quick again.
const SCORE_MAX: u32 = 16;

thread_local! {
    /// Whether a time slice ended on this thread since it was last asked.
    static SLICE_ENDED: Cell<bool> = const { Cell::new(false) };

    /// Whether this thread is of the slow lane.
    static IS_SLOW: Cell<bool> = const { Cell::new(false) };
}

/// Called when a guest is interrupted. Gives the ticks of its next slice.
pub(super) fn slice_ended() -> u64 {
    SLICE_ENDED.set(true);
    if IS_SLOW.get() { SLOW_TICKS } else { QUICK_TICKS }
}

/// Does something, and says whether a guest was interrupted meanwhile on this thread, which then wants to go on.
pub(super) fn interrupted<T>(something: impl FnOnce() -> T) -> (T, bool) {
    SLICE_ENDED.set(false);
    let done = something();
    (done, SLICE_ENDED.get())
}

/// The slow lane, and the way into it. Its threads are started when it is first needed.
#[derive(Default)]
pub struct Lanes {
    /// `None` where threads could not be had: then all is done in the quick lane.
    slow: OnceLock<Option<Slow>>,
}

struct Slow {
    runtime: Runtime,
    /// As many at once as it has threads.
    turns: Arc<Turns>,
}

impl Lanes {
    /// Does `work` in the slow lane, for nobody who waits, in turns of somebody's.
    pub(super) fn spawn(&self, whose: &Spent, work: BoxFuture<'static, ()>) {
        if let Some(slow) = self.slow() {
            slow.spawn(whose, work);
        }
    }

    /// Runs `work`, which runs guests: in the quick lane while they take less than a slice, or from the beginning in the slow
    /// one if such calls, which have this score, usually come there. Dropping the future ends the work.
    pub fn run<T: Send + 'static>(self: &Arc<Self>, score: Arc<Score>, work: BoxFuture<'static, T>) -> InLane<T> {
        let is_slow = score.is_slow();
        let mut lane = InLane { lanes: Arc::clone(self), work: Work::Quick(work, score) };
        if is_slow {
            lane.slow_down();
        }
        lane
    }

    /// The same in the slow lane from the beginning, in turns of somebody's.
    pub fn run_slow<T: Send + 'static>(self: &Arc<Self>, whose: &Arc<Spent>, work: BoxFuture<'static, T>) -> InLane<T> {
        let score = Arc::new(Score { weight: SCORE_MAX.into(), spent: Arc::clone(whose), tally: None });
        self.run(score, work)
    }

    fn slow(&self) -> Option<&Slow> {
        let start = || {
            let started = Slow::start();
            started.inspect_err(|error| tracing::warn!(%error, "no threads for the slow lane")).ok()
        };
        self.slow.get_or_init(start).as_ref()
    }
}

impl Slow {
    fn start() -> io::Result<Self> {
        // One processor is left to those who serve: what is to be woken finds it free, whatever computes.
        let threads = thread::available_parallelism().map_or(1, |count| count.get().saturating_sub(1).max(1));
        Ok(Self { runtime: start(threads)?, turns: Turns::new(threads) })
    }

    fn spawn<T: Send + 'static>(&self, whose: &Spent, work: BoxFuture<'static, T>) -> JoinHandle<T> {
        self.runtime.spawn(self.turns.take(&whose.party, work))
    }
}

fn start(threads: usize) -> io::Result<Runtime> {
    runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("slow-lane")
        .on_thread_start(|| {
            IS_SLOW.set(true);
            // Without it the lanes still take turns, only not as well.
            let _ = rustix::process::setpriority_process(None, SLOW_NICE);
        })
        .enable_all()
        .build()
}

impl Drop for Lanes {
    fn drop(&mut self) {
        // Waiting for its threads would block one that serves.
        if let Some(slow) = self.slow.take().flatten() {
            slow.runtime.shutdown_background();
        }
    }
}

/// Work in one of the lanes.
pub struct InLane<T> {
    lanes: Arc<Lanes>,
    work: Work<T>,
}

enum Work<T> {
    /// With the score of such calls, which knows whose they are.
    Quick(BoxFuture<'static, T>, Arc<Score>),
    Slow(JoinHandle<T>),
    /// Between the two.
    Nowhere,
}

impl<T: Send + 'static> InLane<T> {
    fn slow_down(&mut self) {
        let Some(slow) = self.lanes.slow() else { return };
        self.work = match std::mem::replace(&mut self.work, Work::Nowhere) {
            Work::Quick(work, score) => Work::Slow(slow.spawn(&score.spent, work)),
            other => other,
        };
    }
}

impl<T: Send + 'static> Future for InLane<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if let Work::Quick(work, _) = &mut self.work {
            let (polled, is_interrupted) = interrupted(|| work.poll_unpin(context));
            if polled.is_ready() || !is_interrupted {
                return polled;
            }
            self.slow_down();
            if matches!(self.work, Work::Quick(..)) {
                return Poll::Pending;
            }
        }
        let Work::Slow(work) = &mut self.work else { return Poll::Pending };
        match work.poll_unpin(context) {
            Poll::Ready(Ok(value)) => Poll::Ready(value),
            Poll::Ready(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The lane ends with the host, and with the host whoever waits here.
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

impl<T> Drop for InLane<T> {
    fn drop(&mut self) {
        if let Work::Slow(work) = &self.work {
            work.abort();
        }
    }
}

/// How heavy the calls of one tool have been lately.
#[derive(Debug, Default)]
pub struct Score {
    weight: AtomicU32,
    spent: Arc<Spent>,
    tally: Option<Arc<Tally>>,
}

/// What somebody's calls have had: processor time, and turns in the slow lane.
#[derive(Debug, Default)]
pub struct Spent {
    /// Time is counted only where somebody wants to know: calls that count write to one place.
    is_counted: AtomicBool,
    nanos: AtomicU64,
    party: Arc<Party>,
}

impl Spent {
    /// Whether processor time is counted from now on.
    pub fn count(&self, is_counted: bool) {
        self.is_counted.store(is_counted, Ordering::Relaxed);
    }

    /// In milliseconds.
    pub fn millis(&self) -> u64 {
        self.nanos.load(Ordering::Relaxed) / 1_000_000
    }

    pub(crate) fn add(&self, cpu: Duration) {
        if self.is_counted.load(Ordering::Relaxed) {
            // 2^64 ns are five hundred years.
            self.nanos.fetch_add(u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }
}

impl Score {
    /// Of calls whose processor time is somebody's, and is counted.
    pub fn of(spent: &Arc<Spent>, tally: &Arc<Tally>) -> Self {
        Self { weight: AtomicU32::new(0), spent: Arc::clone(spent), tally: Some(Arc::clone(tally)) }
    }

    /// Whether the next call begins in the slow lane.
    pub fn is_slow(&self) -> bool {
        self.weight.load(Ordering::Relaxed) >= SLOW_SCORE
    }

    /// Takes note of a call, whose time is already spent.
    pub(super) fn note(&self, cpu: Duration) {
        if let Some(tally) = &self.tally {
            tally.spent(cpu);
        }
        let score = self.weight.load(Ordering::Relaxed);
        if cpu > TICK {
            self.add(HEAVY);
        } else if score > 0 {
            self.weight.store(score - 1, Ordering::Relaxed);
        }
    }

    /// Takes note of a call that the host had to stop, however soon: a trap costs more than the guest's own time, and one that
    /// traps again and again is not to stand in the way of those that answer.
    pub(super) fn note_stopped(&self) {
        self.add(HEAVY + 1);
    }

    fn add(&self, weight: u32) {
        let score = self.weight.load(Ordering::Relaxed);
        self.weight.store((score + weight).min(SCORE_MAX), Ordering::Relaxed);
    }
}

/// A guest's future with its processor time measured, and ended when that is used up.
pub(super) struct Metered<F> {
    guest: F,
    polls: u32,
    cpu: Duration,
    cpu_max: CpuMax,
    score: Arc<Score>,
}

/// The processor time was used up.
#[derive(Debug)]
pub(super) struct UsedUp;

impl<F: Future + Unpin> Metered<F> {
    pub(super) fn new(guest: F, cpu_max: CpuMax, score: &Arc<Score>) -> Self {
        Self { guest, polls: 0, cpu: Duration::ZERO, cpu_max, score: Arc::clone(score) }
    }
}

impl<F: Future + Unpin> Future for Metered<F> {
    type Output = Result<F::Output, UsedUp>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        // Most calls end in their first poll, for which the clock on the wall is near enough and costs a tenth; not in the slow lane,
        // whose threads are made to wait: what came there by a mishap would never be found to be light.
        let is_near = this.polls == 0 && !IS_SLOW.get();
        let start = if is_near { Clock::Wall(Instant::now()) } else { Clock::Thread(thread_time()) };
        this.polls = this.polls.saturating_add(1);
        let polled = this.guest.poll_unpin(context);
        let used = start.elapsed();
        this.cpu += used;
        // At once: whoever goes on for minutes has spent it before it ends.
        this.score.spent.add(used);
        match polled {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending if this.cpu > this.cpu_max.now() => Poll::Ready(Err(UsedUp)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<F> Drop for Metered<F> {
    fn drop(&mut self) {
        self.score.note(self.cpu);
    }
}

enum Clock {
    Wall(Instant),
    Thread(Duration),
}

impl Clock {
    fn elapsed(&self) -> Duration {
        match self {
            Self::Wall(since) => since.elapsed(),
            Self::Thread(since) => thread_time().saturating_sub(*since),
        }
    }
}

/// The processor time of this thread.
pub(super) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_uses_up_its_slice_goes_on_in_the_slow_lane() {
        let lanes = Arc::new(Lanes::default());
        let serving = runtime::Builder::new_current_thread().build().unwrap();
        let name = || thread::current().name().unwrap_or_default().to_owned();
        let work = async move {
            let before = name();
            let mut slices = 0;
            std::future::poll_fn(|context| {
                slices += 1;
                slice_ended();
                context.waker().wake_by_ref();
                if slices == 3 { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            (before, name())
        };
        let (before, after) = serving.block_on(lanes.run(Arc::default(), work.boxed()));
        assert_ne!(before, "slow-lane");
        assert_eq!(after, "slow-lane");
        // What only waits stays where it is.
        let waits = async move {
            tokio::task::yield_now().await;
            name()
        };
        assert_eq!(serving.block_on(lanes.run(Arc::default(), waits.boxed())), before);
        assert_eq!(serving.block_on(lanes.run_slow(&Arc::default(), async move { name() }.boxed())), "slow-lane");
    }

    #[test]
    fn work_ends_with_whoever_waits_for_it() {
        let lanes = Arc::new(Lanes::default());
        let (alive, mut gone) = tokio::sync::oneshot::channel::<()>();
        let serving = runtime::Builder::new_current_thread().build().unwrap();
        let work = async move {
            let _alive = alive;
            std::future::pending::<()>().await;
        };
        drop(lanes.run_slow(&Arc::default(), work.boxed()));
        assert!(serving.block_on(&mut gone).is_err());
    }

    #[test]
    fn what_was_heavy_becomes_quick_again() {
        let score = Score::default();
        for _ in 0..100 {
            score.note(Duration::from_millis(20));
        }
        assert!(score.is_slow());
        for _ in 0..SCORE_MAX {
            score.note(Duration::from_micros(20));
        }
        assert!(!score.is_slow());
    }

    #[test]
    fn what_keeps_being_stopped_is_heavy_however_soon_it_ends() {
        let score = Score::default();
        for _ in 0..SLOW_SCORE {
            score.note(Duration::from_micros(20));
            score.note_stopped();
        }
        assert!(score.is_slow());
        for _ in 0..SCORE_MAX {
            score.note(Duration::from_micros(20));
        }
        assert!(!score.is_slow());
    }
}
