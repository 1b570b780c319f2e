//! Deeds, good and bad, that a tool can do.

use std::hint::black_box;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::bindings::toolyard::plugin::types::Error;
use crate::bindings::toolyard::plugin::{changes, progress};
use crate::bindings::wasi::logging::logging;

/// Something clients may want to know.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum News {
    ToolsChanged,
    PromptsChanged,
    ResourcesChanged,
    /// What is at this URI has changed.
    Updated(String),
}

/// How grave a message in the log is.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    Debug,
    Info,
    Warn,
    Error,
    Critical,
}

/// Loops for ever, and does so in a way that no compiler may take out.
pub(crate) fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

pub(crate) fn allocate() -> ! {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1_u8; 1 << 20]));
    }
}

pub(crate) fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    // Never true, which only a reader knows.
    if black_box(depth) == 0 {
        return 0;
    }
    recurse(depth + 1) + frame[1]
}

pub(crate) fn flood_stdout(bytes: usize) {
    let line = "x".repeat(1023);
    for _ in 0..bytes / 1024 {
        #[expect(clippy::print_stdout, reason = "this is what it is for")]
        {
            println!("{line}");
        }
    }
}

pub(crate) fn flood_log(bytes: usize) {
    let message = "x".repeat(64 * 1024);
    for _ in 0..bytes / message.len() {
        logging::log(logging::Level::Info, "flood", &message);
    }
}

pub(crate) fn log(messages: Vec<(Level, String)>) {
    for (level, message) in messages {
        let level = match level {
            Level::Debug => logging::Level::Debug,
            Level::Info => logging::Level::Info,
            Level::Warn => logging::Level::Warn,
            Level::Error => logging::Level::Error,
            Level::Critical => logging::Level::Critical,
        };
        logging::log(level, "script", &message);
    }
}

pub(crate) fn tell(news: Vec<News>) {
    for news in news {
        match news {
            News::ToolsChanged => changes::list_changed(changes::Listing::Tools),
            News::PromptsChanged => changes::list_changed(changes::Listing::Prompts),
            News::ResourcesChanged => changes::list_changed(changes::Listing::Resources),
            News::Updated(uri) => changes::resource_updated(&uri),
        }
    }
}

pub(crate) fn report(steps: u32) {
    for step in 1..=steps {
        progress::report(f64::from(step), Some(f64::from(steps)), Some("going on"));
    }
}

pub(crate) fn wait(arguments: &str) -> Result<(), Error> {
    let arguments: Value = serde_json::from_str(arguments).map_err(|e| Error::InvalidArguments(e.to_string()))?;
    let ms = arguments["ms"].as_u64().ok_or_else(|| Error::InvalidArguments("`ms` is missing".to_owned()))?;
    progress::report(1.0, Some(2.0), Some("waiting"));
    logging::log(logging::Level::Info, "wait", "the wait has begun");
    std::thread::sleep(Duration::from_millis(ms));
    logging::log(logging::Level::Info, "wait", "the wait has ended");
    Ok(())
}
