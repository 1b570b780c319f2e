//! `toolyard-trail`: many calls of hosts that are killed while they write their audit trail, and what the trail costs.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line, and talks to whoever runs it")]

use std::process::ExitCode;

use toolyard_tests::trail::{Settings, rate, survive};

const USAGE: &str = "toolyard-trail [--calls 100000] [--clients 32] [--kills 5] [--seed 1]";

fn main() -> ExitCode {
    match settings() {
        Ok(settings) => {
            let tally = survive(&settings);
            println!("{tally}");
            rates(&settings);
            if tally.is_right() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(wrong) => {
            eprintln!("error: {wrong}\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

/// Off, on, durable, and off again, so that it shows how much one run differs from the next.
fn rates(settings: &Settings) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let on = |name: &str, more: &str| format!("[audit]\nfile = {:?}\n{more}", folder.path().join(name));
    for (name, config) in [
        ("off", String::new()),
        ("on", on("on.jsonl", "")),
        ("durable", on("durable.jsonl", "durable = true\n")),
        ("off", String::new()),
    ] {
        println!("audit {name}: {:.0} calls a second", rate(settings.calls / 4, settings.clients, &config));
    }
}

fn settings() -> Result<Settings, String> {
    let mut settings = Settings { calls: 100_000, clients: 32, kills: 5, seed: 1 };
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("`{flag}` says nothing"))?;
        let number = value.parse::<u64>().map_err(|_| format!("`{flag} {value}`: it must be a number"))?;
        match flag.as_str() {
            "--calls" => settings.calls = number,
            "--clients" => settings.clients = usize::try_from(number).map_err(|error| error.to_string())?,
            "--kills" => settings.kills = number,
            "--seed" => settings.seed = number,
            _ => return Err(format!("`{flag} {value}` says nothing here")),
        }
    }
    Ok(settings)
}
