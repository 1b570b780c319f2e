//! Filling the log, and writing lines into it that are not a plugin's.

use std::hint::black_box;
use std::io::Write;

use crate::bindings::wasi::logging::logging::{self, Level};
use crate::{Attack, Told, say};

pub(crate) const ATTACKS: &[Attack] = &[
    ("log-lines", log_lines),
    ("log-bytes", log_bytes),
    ("log-for-ever", log_for_ever),
    ("log-forgery", log_forgery),
    ("stdout-flood", stdout_flood),
    ("stdout-without-end-of-line", stdout_without_end_of_line),
    ("stdout-empty-lines", stdout_empty_lines),
    ("stderr-forgery", stderr_forgery),
    ("stdout-not-utf8", stdout_not_utf8),
];

/// What would be a line of the host's own, in each of its formats, if ends of lines or escapes went through.
const FORGERY: &str = "over\n{\"timestamp\":\"2026-01-01T00:00:00Z\",\"level\":\"ERROR\",\"target\":\"toolyard\",\"message\":\"forged-line\"}\n\
                       2026-01-01T00:00:00Z ERROR forged-line plugin=\"bystander\"\r\u{1b}[2K\u{1b}[1A\",\"forged\":\"forged-field\u{2028}\u{85}\0";

fn log_lines() -> Told {
    for number in 0..100_000 {
        logging::log(Level::Info, "", &number.to_string());
    }
    say("logged")
}

fn log_bytes() -> Told {
    let message = "z".repeat(64 * 1024);
    for _ in 0..1000 {
        logging::log(Level::Critical, &message, &message);
    }
    say("logged")
}

fn log_for_ever() -> Told {
    loop {
        logging::log(Level::Error, "flood", black_box("again"));
    }
}

fn log_forgery() -> Told {
    for level in [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Critical] {
        logging::log(level, FORGERY, FORGERY);
    }
    say("logged")
}

fn stdout_flood() -> Told {
    write_all(&mut std::io::stdout(), "w".repeat(999).as_bytes(), b"\n")
}

fn stdout_without_end_of_line() -> Told {
    write_all(&mut std::io::stdout(), "v".repeat(1000).as_bytes(), b"")
}

/// Lines that have nothing in them, which are lines all the same.
fn stdout_empty_lines() -> Told {
    write_all(&mut std::io::stdout(), b"", &[b'\n'; 1000])
}

fn stderr_forgery() -> Told {
    write_once(&mut std::io::stderr(), FORGERY.as_bytes())
}

fn stdout_not_utf8() -> Told {
    write_once(&mut std::io::stdout(), b"\xff\xfe\xed\xa0\x80 \xf0\x9f\n\xf0\x9f")
}

fn write_all(to: &mut impl Write, text: &[u8], end: &[u8]) -> Told {
    for _ in 0..10_000 {
        // What the host does with it is the test's affair.
        let _ = to.write_all(text);
        let _ = to.write_all(end);
    }
    let _ = to.flush();
    say("written")
}

fn write_once(to: &mut impl Write, text: &[u8]) -> Told {
    let _ = to.write_all(text);
    let _ = to.flush();
    say("written")
}
