//! What is counted of calls, by tool. Prompts and resources of a plugin are counted as one tool each.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    histogram::{Histogram, seconds},
    names::{Names, TOOLS_MAX},
    text::Text,
};

static TOOLS: Names<OfTool, 3> = Names::new(TOOLS_MAX);

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
        !matches!(self, Self::Ok | Self::Asked)
    }
}

/// What is counted of the calls of one tool.
#[derive(Debug, Default)]
pub struct OfTool {
    begun: AtomicU64,
    ended: [AtomicU64; Outcome::ALL.len()],
    took: Histogram,
    cpu_ns: AtomicU64,
}

/// What is counted of this tool: looked up when its plugin is loaded. The names are a tenant's, a plugin's and the plugin's own
/// name for the tool.
pub fn of_tool(tenant: &str, plugin: &str, tool: &str) -> Arc<OfTool> {
    TOOLS.get([tenant, plugin, tool], |_| OfTool::default())
}

impl OfTool {
    /// A call begins.
    pub fn begin(&self) -> Running<'_> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Running { of: self, start: Instant::now(), outcome: Outcome::Dropped }
    }

    /// A run of the guest has used so much of a processor.
    pub fn used(&self, cpu: Duration) {
        self.cpu_ns.fetch_add(u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn in_flight(&self) -> u64 {
        // In this order, so that no call is seen to have ended that has not begun.
        let ended: u64 = self.ended.iter().map(|count| count.load(Ordering::Acquire)).sum();
        self.begun.load(Ordering::Acquire).saturating_sub(ended)
    }
}

/// A call that runs. Counted as dropped unless it is said how it ended.
#[derive(Debug)]
pub struct Running<'a> {
    of: &'a OfTool,
    start: Instant,
    outcome: Outcome,
}

impl Running<'_> {
    pub fn ended(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.of.took.note(self.start.elapsed());
        self.of.ended[self.outcome as usize].fetch_add(1, Ordering::Release);
    }
}

pub(super) fn render(text: &mut Text) {
    let all = TOOLS.all();
    let all: Vec<_> = all.iter().map(|(names, of)| (labels(names), of)).collect();
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
