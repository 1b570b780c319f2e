//! The log: to standard error, for people or for programs. What it has and how it looks can change while the host runs.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    str::FromStr,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter, Registry,
    fmt::{
        FmtContext, FormatEvent,
        format::{DefaultFields, Format, Full, Json, Writer},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    reload::{self, Handle},
    util::SubscriberInitExt,
};

/// How lines of the log look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged, such as `info` or `warn,plugin=info`: directives as `tracing-subscriber` reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

/// The log of a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogSettings {
    pub filter: LogFilter,
    pub format: LogFormat,
}

/// What changes the filter of the log that was started.
static FILTER: OnceLock<Handle<EnvFilter, Registry>> = OnceLock::new();

/// Whether lines are JSON. The log is one for the process, as standard error is.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Starts logging. Called once; what later calls say holds from then on.
pub fn start(settings: &LogSettings) {
    let (filter, handle) = reload::Layer::new(settings.filter.read());
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        .with_writer(|| Unread)
        .event_format(Lines::default());
    let started = tracing_subscriber::registry().with(filter).with(lines).try_init();
    // Where somebody else logs, as in tests, nothing here is in force.
    if started.is_ok() {
        let _ = FILTER.set(handle);
    }
    set(settings);
}

/// Has the log be like this from now on.
pub fn set(settings: &LogSettings) {
    IS_JSON.store(settings.format == LogFormat::Json, Ordering::Relaxed);
    if let Some(handle) = FILTER.get() {
        // It fails only where the log is gone.
        let _ = handle.reload(settings.filter.read());
    }
}

impl LogFilter {
    /// What is said in the environment, of which only what reads counts.
    pub fn lenient(text: &str) -> Self {
        Self(text.to_owned())
    }

    fn read(&self) -> EnvFilter {
        EnvFilter::new(&self.0)
    }
}

impl Default for LogFilter {
    /// Plugins and host are heard from `info` on.
    fn default() -> Self {
        Self("info".into())
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no filter; write a level such as info, or levels such as warn,plugin=info");
        EnvFilter::try_new(text).map_err(|_| wrong())?;
        // A word alone that is no level would be the name of a module, of which then everything is logged, and nothing else.
        let is_level = |word: &str| ["off", "error", "warn", "info", "debug", "trace"].contains(&word);
        let is_plain = |word: &str| word.bytes().all(|b| b.is_ascii_alphabetic());
        match text.split(',').map(str::trim).find(|word| is_plain(word) && !is_level(&word.to_ascii_lowercase())) {
            Some(_) => Err(wrong()),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("use `text` or `json`".into()),
        }
    }
}

/// Both ways in which lines look.
struct Lines {
    text: Format<Full>,
    json: Format<Json>,
}

impl Default for Lines {
    fn default() -> Self {
        // The host has spans of its own, and none of this library's.
        let json = Format::default().json().flatten_event(true).with_current_span(false).with_span_list(false);
        Self { text: Format::default().with_target(false), json }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> FormatEvent<S, DefaultFields> for Lines {
    fn format_event(
        &self,
        context: &FmtContext<'_, S, DefaultFields>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        match IS_JSON.load(Ordering::Relaxed) {
            true => self.json.format_event(context, writer, event),
            false => self.text.format_event(context, writer, event),
        }
    }
}

/// Standard error, whether or not somebody still reads it: a log that cannot be written must not stop the one who wrote.
struct Unread;

impl Write for Unread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = io::stderr().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_checked() {
        for good in ["info", "off", "WARN", "warn,plugin=info", "error,toolyard::catalog=off", "plugin=debug"] {
            assert_eq!(good.parse::<LogFilter>().map(|filter| filter.to_string()).as_deref(), Ok(good));
        }
        for wrong in ["loud", "info,loud", "plugin=loud", "warn,,[", "info=info=info"] {
            let error = wrong.parse::<LogFilter>().unwrap_err();
            assert!(error.starts_with(&format!("`{wrong}` is no filter; ")), "{error}");
        }
    }
}
