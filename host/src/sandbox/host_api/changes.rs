//! `toolyard:plugin/changes`: news for clients that listen.

use crate::{
    sandbox::{
        call::CallState,
        contract::toolyard::plugin::changes::{Host, Listing},
    },
    signals::News,
};

/// News from one call; what is beyond would only say again that things changed.
pub(crate) const CHANGES_MAX: u32 = 256;

impl CallState {
    fn tell(&mut self, news: News) {
        if let Some(signals) = self.signals.as_ref().filter(|_| self.changes < CHANGES_MAX) {
            self.changes += 1;
            signals.send(news);
        }
    }
}

impl Host for CallState {
    fn list_changed(&mut self, what: Listing) -> wasmtime::Result<()> {
        self.tell(match what {
            Listing::Tools => News::Tools,
            Listing::Prompts => News::Prompts,
            Listing::Resources => News::Resources,
        });
        Ok(())
    }

    fn resource_updated(&mut self, uri: String) -> wasmtime::Result<()> {
        // A plugin speaks for its own resources only.
        if self.prefixes.iter().any(|prefix| uri.starts_with(prefix)) {
            self.tell(News::Resource { uri });
        }
        Ok(())
    }
}
