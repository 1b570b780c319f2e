//! `wasi:logging/logging`: into the host's log.

use crate::sandbox::{
    call::CallState,
    contract::{Level, wasi::logging::logging::Host},
};

impl Host for CallState {
    fn log(&mut self, level: Level, context: String, message: String) -> wasmtime::Result<()> {
        if !self.log.take_room(context.len() + message.len()) {
            return Ok(());
        }
        let plugin = self.log.plugin();
        // Debug form, so that a message cannot pretend to be a line of the host's own.
        match level {
            Level::Trace => tracing::trace!(target: "plugin", plugin, ?context, "{message:?}"),
            Level::Debug => tracing::debug!(target: "plugin", plugin, ?context, "{message:?}"),
            Level::Info => tracing::info!(target: "plugin", plugin, ?context, "{message:?}"),
            Level::Warn => tracing::warn!(target: "plugin", plugin, ?context, "{message:?}"),
            Level::Error | Level::Critical => tracing::error!(target: "plugin", plugin, ?context, "{message:?}"),
        }
        Ok(())
    }
}
