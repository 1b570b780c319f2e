//! `toolyard:plugin/progress`.

use std::time::{Duration, Instant};

use crate::{
    metrics::OfPlugin,
    observe::{self, Seen},
    sandbox::{Said, call::CallState, contract::toolyard::plugin::progress::Host},
};

/// What a call has reported so far.
#[derive(Debug)]
pub(crate) struct Progress {
    last: Option<f64>,
    per_second_max: u32,
    /// The second that is being counted, and what was passed on in it.
    second: Option<(Instant, u32)>,
    limited: bool,
}

impl Progress {
    pub(crate) fn new(per_second_max: u32) -> Self {
        Self { last: None, per_second_max, second: None, limited: false }
    }

    /// Whether one more may be passed on now.
    fn has_room(&mut self, plugin: &OfPlugin) -> bool {
        let now = Instant::now();
        let counting = self.second.filter(|(since, _)| now.duration_since(*since) < Duration::from_secs(1));
        let (since, count) = counting.unwrap_or((now, 0));
        if count >= self.per_second_max {
            if !std::mem::replace(&mut self.limited, true) {
                plugin.limit_reached("progress_per_second_max");
            }
            return false;
        }
        self.second = Some((since, count + 1));
        true
    }
}

impl Host for CallState {
    fn report(&mut self, progress: f64, total: Option<f64>, message: Option<String>) -> wasmtime::Result<()> {
        observe::say(|| Seen::Progress { progress, total, message: message.clone() });
        // JSON has no NaN and no infinity, and the protocol wants values that increase.
        let increases = self.progress.last.is_none_or(|last| progress > last);
        let wanted = self.voice.as_ref().filter(|voice| voice.progress && progress.is_finite() && increases);
        let Some(voice) = wanted else { return Ok(()) };
        // The end is always told.
        let done = total == Some(progress);
        if !done && !self.progress.has_room(self.granted.plugin()) {
            return Ok(());
        }
        self.progress.last = Some(progress);
        let total = total.filter(|total| total.is_finite());
        // A caller that reads too slowly misses some: progress is only ever about now.
        voice.say(Said::Progress { progress, total, message });
        Ok(())
    }
}
