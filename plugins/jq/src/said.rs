//! What a program says beside its outputs: `debug` and `stderr` go to the host's log.

use std::cell::RefCell;

use log::{LevelFilter, Log, Metadata, Record};
use toolyard_plugin::log::{Level, write};

thread_local! {
    /// The last thing that went to `stderr`: what `halt_error` halted with.
    static LAST: RefCell<String> = RefCell::default();
}

/// Starts to listen. What was said before is forgotten.
pub(crate) fn listen() {
    LAST.take();
    // Fails when it was done before, which is as good.
    if log::set_logger(&Listener).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
}

/// The last thing that went to `stderr`.
pub(crate) fn last() -> String {
    LAST.take()
}

struct Listener;

impl Log for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Other crates have nothing to say to an operator.
        metadata.target().starts_with("jaq")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let stderr = record.level() == log::Level::Error;
        write(if stderr { Level::Info } else { Level::Debug }, "jq", *record.args());
        if stderr {
            LAST.set(record.args().to_string());
        }
    }

    fn flush(&self) {}
}
