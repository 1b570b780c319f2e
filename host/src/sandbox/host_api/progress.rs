//! `toolyard:plugin/progress`.

use crate::sandbox::{Said, call::CallState, contract::toolyard::plugin::progress::Host};

impl Host for CallState {
    fn report(&mut self, progress: f64, total: Option<f64>, message: Option<String>) -> wasmtime::Result<()> {
        // JSON has no NaN and no infinity, and the protocol wants values that increase.
        let increases = self.progress.is_none_or(|last| progress > last);
        let wanted = self.voice.as_ref().filter(|voice| voice.progress && progress.is_finite() && increases);
        let Some(voice) = wanted else { return Ok(()) };
        self.progress = Some(progress);
        let total = total.filter(|total| total.is_finite());
        // A caller that reads too slowly misses some: progress is only ever about now.
        voice.say(Said::Progress { progress, total, message });
        Ok(())
    }
}
