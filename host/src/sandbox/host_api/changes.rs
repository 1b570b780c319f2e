//! `toolyard:plugin/changes`: news for clients that listen.

use crate::{
    sandbox::{
        call::CallState,
        contract::toolyard::plugin::changes::{Host, Listing},
    },
    signals::Signal,
};

/// News from one call; what is beyond would only say again that things changed.
pub(crate) const CHANGES_MAX: u32 = 256;

impl CallState {
    fn signal(&mut self, signal: Signal) {
        if let Some(signals) = self.signals.as_ref().filter(|_| self.changes < CHANGES_MAX) {
            self.changes += 1;
            signals.send(signal);
        }
    }
}

impl Host for CallState {
    fn list_changed(&mut self, what: Listing) -> wasmtime::Result<()> {
        self.signal(match what {
            Listing::Tools => Signal::ToolsChanged,
            Listing::Prompts => Signal::PromptsChanged,
            Listing::Resources => Signal::ResourcesChanged,
        });
        Ok(())
    }

    fn resource_updated(&mut self, uri: String) -> wasmtime::Result<()> {
        // A plugin speaks for its own resources only.
        if self.prefixes.iter().any(|prefix| uri.starts_with(prefix)) {
            self.signal(Signal::ResourceUpdated { uri });
        }
        Ok(())
    }
}
