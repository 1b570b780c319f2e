//! What the host logs.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use crate::wait::eventually;

/// The lines a host has logged so far, as JSON.
#[derive(Clone, Default)]
pub struct Log {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Log {
    /// Collects the lines that come out of `output`, on a thread that ends with it.
    pub(crate) fn collect(output: impl Read + Send + 'static) -> Log {
        let log = Log::default();
        let lines = Arc::clone(&log.lines);
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                lines.lock().expect("nobody panics with the log locked").push(line);
            }
        });
        log
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("nobody panics with the log locked").clone()
    }

    /// Waits for a line with all of these words, wherever they stand in it.
    pub fn wait_for(&self, words: &[&str]) -> Value {
        let line = eventually(&format!("a log line with {words:?}"), || self.find(words));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("a log line is not JSON ({error}): {line}"))
    }

    /// Whether there is such a line by now.
    pub fn has(&self, words: &[&str]) -> bool {
        self.find(words).is_some()
    }

    fn find(&self, words: &[&str]) -> Option<String> {
        self.lines().into_iter().find(|line| words.iter().all(|word| line.contains(word)))
    }
}
