//! `toolyard-chaos`: hosts are killed and their store is restarted, while many clients go on. Ends with what came of it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line, and talks to whoever runs it")]

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use toolyard_tests::chaos::{Settings, Store, run};

const USAGE: &str = "toolyard-chaos [--seconds 300] [--clients 200] [--store redis|sqlite] [--seed N]";

fn main() -> ExitCode {
    match settings() {
        Ok(settings) => {
            println!("seed {}", settings.seed);
            let tally = run(&settings);
            println!("{tally}");
            if tally.violations().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(wrong) => {
            eprintln!("error: {wrong}\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn settings() -> Result<Settings, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
    let seed = u64::from(now.subsec_nanos());
    let mut settings = Settings { duration: Duration::from_secs(300), clients: 200, store: Store::Redis, seed };
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("`{flag}` says nothing"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("`{flag} {value}`: it must be a number"));
        match (flag.as_str(), value.as_str()) {
            ("--seconds", _) => settings.duration = Duration::from_secs(number()?),
            ("--clients", _) => settings.clients = usize::try_from(number()?).map_err(|error| error.to_string())?,
            ("--seed", _) => settings.seed = number()?,
            ("--store", "redis") => settings.store = Store::Redis,
            ("--store", "sqlite") => settings.store = Store::Sqlite,
            _ => return Err(format!("`{flag} {value}` says nothing here")),
        }
    }
    Ok(settings)
}
