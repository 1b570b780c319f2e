//! Log levels: the protocol has the eight of RFC 5424, guests the six of wasi:logging.

use super::fault::Fault;
use crate::sandbox::contract::Level;

/// The least guest level that a client hears who asked for `name`.
pub(super) fn parse(name: &str) -> Result<Level, Fault> {
    match name {
        // The protocol has nothing below `debug`.
        "debug" => Ok(Level::Trace),
        "info" => Ok(Level::Info),
        "notice" | "warning" => Ok(Level::Warn),
        "error" => Ok(Level::Error),
        "critical" | "alert" | "emergency" => Ok(Level::Critical),
        _ => {
            let name: String = name.chars().take(40).collect();
            Err(Fault::InvalidParams(format!("there is no log level `{name}`; use one of RFC 5424 in lower case")))
        }
    }
}

/// A guest's level in the protocol's words.
pub(super) fn name(level: Level) -> &'static str {
    match level {
        Level::Trace | Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warning",
        Level::Error => "error",
        Level::Critical => "critical",
    }
}
