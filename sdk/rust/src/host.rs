//! The border to the host: the contract's imports in a component, a recording in a native test.

use std::fmt;

use crate::bindings::toolyard::plugin::changes::Listing;
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

/// Says that a list is another one now.
#[cfg(target_family = "wasm")]
pub(crate) fn list_changed(what: Listing) {
    crate::bindings::toolyard::plugin::changes::list_changed(what);
}

/// Says that a resource is another one now.
#[cfg(target_family = "wasm")]
pub(crate) fn resource_updated(uri: &str) {
    crate::bindings::toolyard::plugin::changes::resource_updated(uri);
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn report(done: f64, total: Option<f64>, message: Option<&str>) {
    crate::testing::note_progress(done, total, message);
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn log(level: Level, context: &str, message: fmt::Arguments<'_>) {
    crate::testing::note_log(level, context, fmt::format(message));
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn list_changed(what: Listing) {
    crate::testing::note_change(crate::testing::Change::List(what));
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn resource_updated(uri: &str) {
    crate::testing::note_change(crate::testing::Change::Resource(uri.to_owned()));
}
