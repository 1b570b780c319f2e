//! `wasi:logging/logging`: into the host's log, and to the client if it asked for that level.

use crate::{
    observe::{self, Seen},
    sandbox::{
        Said,
        call::CallState,
        contract::{Level, wasi::logging::logging::Host},
    },
};

impl Host for CallState {
    fn log(&mut self, level: Level, context: String, message: String) -> wasmtime::Result<()> {
        if !self.log.take_room(context.len() + message.len()) {
            return Ok(());
        }
        let (tenant, plugin) = (self.log.plugin().tenant(), self.log.plugin().name());
        // Debug form, so that a message cannot pretend to be a line of the host's own.
        match level {
            Level::Trace => tracing::trace!(target: "plugin", tenant, plugin, ?context, "{message:?}"),
            Level::Debug => tracing::debug!(target: "plugin", tenant, plugin, ?context, "{message:?}"),
            Level::Info => tracing::info!(target: "plugin", tenant, plugin, ?context, "{message:?}"),
            Level::Warn => tracing::warn!(target: "plugin", tenant, plugin, ?context, "{message:?}"),
            Level::Error | Level::Critical => {
                tracing::error!(target: "plugin", tenant, plugin, ?context, "{message:?}");
            }
        }
        observe::say(|| Seen::Log { level: name(level), message: message.clone() });
        if let Some(voice) = self.voice.as_ref().filter(|voice| voice.log.is_some_and(|least| level >= least)) {
            let logger = (!context.is_empty()).then_some(context);
            voice.say(Said::Log { level, logger, message });
        }
        Ok(())
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Trace => "trace",
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
        Level::Critical => "critical",
    }
}

impl PartialOrd for Level {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        // In the order in which the contract lists them.
        Some((*self as u8).cmp(&(*other as u8)))
    }
}
