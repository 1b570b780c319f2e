//! What is counted of calls, by tool. Prompts and resources of a plugin are counted as one tool each.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    histogram::{Histogram, seconds},
    names::{Names, TOOLS_MAX},
    text::Text,
};

static TOOLS: Names<OfTool, 3> = Names::new(TOOLS_MAX);

/// In place of a tool's name, for calls that are of none. No tool's name looks so.
const NO_TOOL: &str = "(none)";

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    /// The tool says that it could not do it.
    Error,
    /// Its arguments did not fit.
    Invalid,
    /// The plugin asks the user something first.
    Asked,
    /// It ran into a limit and was stopped.
    Limit,
    /// It failed inside and was stopped.
    Trapped,
    /// Its result is not what it promised.
    Broken,
    /// There was no place for it.
    Busy,
    /// An error of the protocol's.
    Fault,
    /// Nobody waited for it any more.
    Dropped,
}

impl Outcome {
    const ALL: [Self; 10] = [
        Self::Ok,
        Self::Error,
        Self::Invalid,
        Self::Asked,
        Self::Limit,
        Self::Trapped,
        Self::Broken,
        Self::Busy,
        Self::Fault,
        Self::Dropped,
    ];

    /// As labels and traces have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Invalid => "invalid",
            Self::Asked => "asked",
            Self::Limit => "limit",
            Self::Trapped => "trapped",
            Self::Broken => "broken",
            Self::Busy => "busy",
            Self::Fault => "fault",
            Self::Dropped => "dropped",
        }
    }

    /// Whether somebody has to look at it.
    pub fn is_failure(self) -> bool {
        !matches!(self, Self::Ok | Self::Asked | Self::Dropped)
    }

    /// Whether it was the tool that failed: arguments that do not fit, a share that is used up and a client that went are others' doing.
    pub fn is_failure_of_tool(self) -> bool {
        self.is_failure() && !matches!(self, Self::Invalid | Self::Busy)
    }
}

/// What is counted under the labels of one tool, or of several that are counted together.
#[derive(Debug, Default)]
pub struct OfTool(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    /// Of those that are not there any more: a counter never goes back.
    gone: Numbers,
    /// Of the others, by where they are.
    here: HashMap<usize, Arc<Numbers>>,
}

/// The one place where the calls of a tool are counted, for as long as there is the tool. What is told of them, here and
/// elsewhere, is read from it.
#[derive(Debug)]
pub struct Counts {
    of: Arc<OfTool>,
    numbers: Arc<Numbers>,
}

#[derive(Debug, Default)]
struct Numbers {
    begun: AtomicU64,
    ended: [AtomicU64; Outcome::ALL.len()],
    took: Histogram,
    cpu_ns: AtomicU64,
}

/// What is counted of this tool: looked up when its plugin is loaded. The names are a tenant's, a plugin's and the tool's public
/// one; without a tool, it is what is counted of the plugin's prompts and resources.
pub fn of_tool(tenant: &str, plugin: &str, tool: Option<&str>) -> Arc<OfTool> {
    TOOLS.get([tenant, plugin, tool.unwrap_or(NO_TOOL)], |_| OfTool::default())
}

impl OfTool {
    /// Begins to count the calls of one tool. Its lock is taken here, and when somebody looks; never by a call.
    pub fn count(self: &Arc<Self>) -> Counts {
        let numbers = Arc::<Numbers>::default();
        self.counted().here.insert(place(&numbers), Arc::clone(&numbers));
        Counts { of: Arc::clone(self), numbers }
    }

    fn sum(&self) -> Numbers {
        let (sum, counted) = (Numbers::default(), self.counted());
        counted.here.values().for_each(|numbers| sum.add(numbers));
        sum.add(&counted.gone);
        sum
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(numbers: &Arc<Numbers>) -> usize {
    Arc::as_ptr(numbers).addr()
}

impl Counts {
    /// A call begins.
    pub fn begun(&self) {
        self.numbers.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// A call has ended, which took so long.
    pub fn ended(&self, outcome: Outcome, took: Duration) {
        self.numbers.took.note(took);
        self.numbers.ended[outcome as usize].fetch_add(1, Ordering::Release);
    }

    /// A run of the guest has used so much of a processor.
    pub fn used(&self, cpu: Duration) {
        self.numbers.cpu_ns.fetch_add(u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Calls that have ended.
    pub fn calls(&self) -> u64 {
        self.numbers.all_ended()
    }

    /// Those of them that failed by their tool's doing.
    pub fn failed(&self) -> u64 {
        let failed = Outcome::ALL.into_iter().filter(|outcome| outcome.is_failure_of_tool());
        failed.map(|outcome| self.numbers.ended[outcome as usize].load(Ordering::Relaxed)).sum()
    }

    /// Calls that have begun and not ended.
    pub fn in_flight(&self) -> u64 {
        self.numbers.in_flight()
    }
}

impl Drop for Counts {
    fn drop(&mut self) {
        let mut counted = self.of.counted();
        counted.here.remove(&place(&self.numbers));
        counted.gone.add(&self.numbers);
    }
}

impl Numbers {
    fn all_ended(&self) -> u64 {
        self.ended.iter().map(|count| count.load(Ordering::Acquire)).sum()
    }

    fn in_flight(&self) -> u64 {
        // In this order, so that no call is seen to have ended that has not begun.
        let ended = self.all_ended();
        self.begun.load(Ordering::Acquire).saturating_sub(ended)
    }

    fn add(&self, other: &Self) {
        for (sum, count) in self.ended.iter().zip(&other.ended) {
            sum.fetch_add(count.load(Ordering::Acquire), Ordering::Relaxed);
        }
        self.begun.fetch_add(other.begun.load(Ordering::Acquire), Ordering::Relaxed);
        self.took.add(&other.took);
        self.cpu_ns.fetch_add(other.cpu_ns.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

pub(super) fn render(text: &mut Text) {
    let all = TOOLS.all();
    let all: Vec<_> = all.iter().map(|(names, of)| (labels(names), of.sum())).collect();
    text.metric("toolyard_calls_total", "counter", "Calls that have ended, by how.");
    for ([tenant, plugin, tool], of) in &all {
        for outcome in Outcome::ALL {
            let count = of.ended[outcome as usize].load(Ordering::Relaxed);
            // What never happened has no line, except that all went well so far.
            if count > 0 || outcome == Outcome::Ok {
                let labels = [*tenant, *plugin, *tool, ("outcome", outcome.name())];
                text.sample("toolyard_calls_total", &labels, count);
            }
        }
    }
    text.metric("toolyard_call_duration_seconds", "histogram", "From the beginning of a call to its end.");
    for (labels, of) in &all {
        text.histogram("toolyard_call_duration_seconds", labels, &of.took);
    }
    text.metric("toolyard_calls_in_flight", "gauge", "Calls that have begun and not ended.");
    for (labels, of) in &all {
        text.sample("toolyard_calls_in_flight", labels, of.in_flight());
    }
    text.metric("toolyard_guest_cpu_seconds_total", "counter", "Processor time that guests have used.");
    for (labels, of) in &all {
        text.sample("toolyard_guest_cpu_seconds_total", labels, seconds(of.cpu_ns.load(Ordering::Relaxed)));
    }
}

fn labels([tenant, plugin, tool]: &[String; 3]) -> [(&str, &str); 3] {
    [("tenant", tenant), ("plugin", plugin), ("tool", tool)]
}
