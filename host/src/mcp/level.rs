//! Log levels: the protocol has the eight of RFC 5424, guests the six of wasi:logging.

use super::fault::Fault;
use crate::sandbox::contract::Level;

/// The least guest level that a client hears who asked for `name`. `None`: no guest has anything that serious to say.
pub(super) fn parse(name: &str) -> Result<Option<Level>, Fault> {
    match name {
        // The protocol has nothing below `debug`.
        "debug" => Ok(Some(Level::Trace)),
        "info" => Ok(Some(Level::Info)),
        "notice" | "warning" => Ok(Some(Level::Warn)),
        "error" => Ok(Some(Level::Error)),
        "critical" => Ok(Some(Level::Critical)),
        "alert" | "emergency" => Ok(None),
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
