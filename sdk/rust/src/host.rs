//! The border to the host: the contract's imports in a component, a recording in a native test.

use std::fmt;

use crate::log::Level;

/// Reports progress.
#[cfg(target_family = "wasm")]
pub(crate) fn report(done: f64, total: Option<f64>, message: Option<&str>) {
    crate::bindings::toolyard::plugin::progress::report(done, total, message);
}

/// Writes to the log.
#[cfg(target_family = "wasm")]
pub(crate) fn log(level: Level, context: &str, message: fmt::Arguments<'_>) {
    crate::bindings::wasi::logging::logging::log(level, context, &fmt::format(message));
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn report(done: f64, total: Option<f64>, message: Option<&str>) {
    crate::testing::note_progress(done, total, message);
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn log(level: Level, context: &str, message: fmt::Arguments<'_>) {
    crate::testing::note_log(level, context, fmt::format(message));
}
