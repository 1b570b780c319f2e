//! `toolyard audit`: the trail, checked, looked at and searched.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Outcome, counted, shown};
use crate::{
    audit::{self, Filter, Follow, Known, Problem, Report, is_hash},
    clock,
    config::Config,
};

/// How often `tail --follow` looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The audit trail
#[derive(Debug, Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Check that nothing was changed, taken out, added or moved; each line that was is named
    Verify(Verify),
    /// Show the last records
    Tail(Tail),
    /// Show the records that are about something
    Query(Query),
}

/// Where the trail is.
#[derive(Debug, Args)]
struct Place {
    /// The configuration whose [audit] file it is [default: toolyard.toml, if it is here]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The trail itself, as [audit] file names it
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Verify {
    #[command(flatten)]
    place: Place,
    /// Check these files alone, in this order, rather than the whole trail
    #[arg(value_name = "FILE", conflicts_with_all = ["config", "file"])]
    files: Vec<PathBuf>,
    /// The hash of a record that must be there, as the log, a sink or an earlier `verify` had it
    #[arg(long, value_name = "HASH", value_parser = hash)]
    head: Option<String>,
    /// The hash of the record before the first, where older files were taken elsewhere
    #[arg(long, value_name = "HASH", value_parser = hash)]
    after: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Which records.
#[derive(Debug, Args)]
struct Which {
    /// Of this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Of this caller
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// Of this tool, prompt, resource or plugin
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// From then on: 2026-11-22T10:20:30Z, 2026-11-22, or how long ago, such as 15m, 2h, 7d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before then
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// That ended so: answered, tool_error, fault, asked, task, dropped
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,
    /// In which something was refused
    #[arg(long)]
    refused: bool,
    /// As they stand in the trail: one JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Tail {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    which: Which,
    /// How many
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20)]
    lines: usize,
    /// And those that come, until it is stopped
    #[arg(short, long)]
    follow: bool,
}

#[derive(Debug, Args)]
struct Query {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    which: Which,
}

impl Audit {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        match self.verb {
            Verb::Verify(verify) => verify.run(),
            Verb::Tail(tail) => tail.run(),
            Verb::Query(query) => query.run(),
        }
    }
}

impl Verify {
    fn run(self) -> anyhow::Result<Outcome> {
        let known = Known { after: self.after, head: self.head };
        let report = match self.files.is_empty() {
            true => {
                let path = self.place.path()?;
                audit::verify(&path, &known).with_context(|| unreadable(&path))?
            }
            false => audit::verify_files(&self.files, &known).context("the files cannot be read")?,
        };
        if self.json {
            println!("{:#}", as_json(&report));
        } else {
            print!("{}", shown(&as_text(&report)));
        }
        Ok(if report.problems.is_empty() { Outcome::Done } else { Outcome::ToolFailed })
    }
}

impl Query {
    fn run(self) -> anyhow::Result<Outcome> {
        let (path, filter) = (self.place.path()?, self.which.filter()?);
        let mut out = io::BufWriter::new(io::stdout().lock());
        let read = audit::query(&path, &filter, |line, record| {
            // Whoever reads may have seen enough.
            writeln!(out, "{}", self.which.line(line, record)).is_ok()
        });
        read.with_context(|| unreadable(&path))?;
        let _ = out.flush();
        Ok(Outcome::Done)
    }
}

impl Tail {
    fn run(self) -> anyhow::Result<Outcome> {
        let (path, filter) = (self.place.path()?, self.which.filter()?);
        let mut last = std::collections::VecDeque::new();
        let mut seq = 0;
        let read = audit::query(&path, &filter, |line, record| {
            seq = record["seq"].as_u64().unwrap_or(seq);
            if last.len() == self.lines {
                last.pop_front();
            }
            last.push_back(self.which.line(line, record));
            true
        });
        read.with_context(|| unreadable(&path))?;
        for line in last.iter().take(self.lines) {
            println!("{line}");
        }
        let mut follow = Follow::after(&path, seq).with_context(|| unreadable(&path))?;
        if !self.follow {
            return Ok(Outcome::Done);
        }
        loop {
            thread::sleep(LOOK_EVERY);
            let mut gone = false;
            let read = follow.look(&filter, |line, record| {
                gone = writeln!(io::stdout(), "{}", self.which.line(line, record)).is_err();
                !gone
            });
            read.with_context(|| unreadable(&path))?;
            if gone {
                break;
            }
        }
        Ok(Outcome::Done)
    }
}

impl Place {
    fn path(&self) -> anyhow::Result<PathBuf> {
        if let Some(file) = &self.file {
            return Ok(file.clone());
        }
        let Some(config) = super::configuration(self.config.as_deref()) else {
            bail!("say where the trail is: --config FILE, or --file FILE; there is no {} here", super::USUAL_CONFIG)
        };
        let settings = Config::read(&config)?.audit;
        settings.and_then(|audit| audit.file).with_context(|| format!("{}: [audit] has no `file`", config.display()))
    }
}

impl Which {
    fn filter(&self) -> anyhow::Result<Filter> {
        let now = clock::now_ms();
        let time = |text: &Option<String>| text.as_deref().map(|text| clock::parse(text, now)).transpose();
        Ok(Filter {
            tenant: self.tenant.clone(),
            subject: self.subject.clone(),
            tool: self.tool.clone(),
            since_ms: time(&self.since).map_err(anyhow::Error::msg).context("--since")?,
            until_ms: time(&self.until).map_err(anyhow::Error::msg).context("--until")?,
            outcome: self.outcome.clone(),
            refused: self.refused,
        })
    }

    fn line(&self, line: &str, record: &Value) -> String {
        if self.json { line.to_owned() } else { shown(&sentence(record)) }
    }
}

/// A record for people: when, whose, what, what came of it, and what it touched.
fn sentence(record: &Value) -> String {
    let text = |key: &str| record[key].as_str().unwrap_or_default();
    let mut words = vec![text("time").to_owned(), record["seq"].to_string()];
    // Not every record has all of it: whoever was not let in is nobody's, and asked for nothing that was read.
    let joined = |keys: &[&str], by: &str| {
        let words: Vec<&str> = keys.iter().map(|key| text(key)).filter(|word| !word.is_empty()).collect();
        words.join(by)
    };
    let who = match (text("tenant"), text("subject")) {
        ("", _) => "somebody".to_owned(),
        (tenant, "") => format!("somebody at {tenant}"),
        (tenant, subject) => format!("{tenant}/{subject}"),
    };
    match text("kind") {
        "call" => {
            let took = record["duration_us"].as_u64().unwrap_or_default();
            let (what, outcome) = (joined(&["method", "name"], " "), joined(&["outcome", "reason"], " "));
            words.push(format!("{who} {what}: {outcome} in {took} µs"));
        }
        "refused" => {
            let status = record["status"].as_u64().map(|status| format!(" ({status})")).unwrap_or_default();
            let what = joined(&["method", "name"], " ");
            let what = if what.is_empty() { what } else { format!(" {what}") };
            words.push(format!("{who}{what}: refused, {}{status}", text("reason")));
        }
        "plugin" => {
            let change = joined(&["change", "reason"], ": ");
            words.push(format!("plugin {}/{} {change}", text("tenant"), text("plugin")));
        }
        "changed" => words.push(format!("{} {}", joined(&["what", "name"], " "), joined(&["change", "reason"], ": "))),
        "missing" => words.push(format!("{} records are missing here", record["records"])),
        kind => words.push(kind.to_owned()),
    }
    for effect in record["effects"].as_array().into_iter().flatten() {
        words.push(format!("[{}]", touched(effect)));
    }
    if let Some(more) = record["effects_more"].as_u64() {
        words.push(format!("[{more} more]"));
    }
    words.join(" ").replace('\n', " ")
}

fn touched(effect: &Value) -> String {
    let names = ["effect", "how", "method", "host", "address", "path", "name", "grant", "missing"];
    let words = names.iter().filter_map(|name| effect[*name].as_str());
    let mut text = words.collect::<Vec<_>>().join(" ");
    if let Some(port) = effect["port"].as_u64() {
        text.push_str(&format!(":{port}"));
    }
    if effect["connected"] == false {
        text.push_str(" (not reached)");
    }
    if let Some(times) = effect["times"].as_u64().filter(|times| *times > 1) {
        text.push_str(&format!(" x{times}"));
    }
    text
}

fn as_text(report: &Report) -> String {
    let mut lines: Vec<String> = Vec::new();
    for problem in &report.problems {
        lines.push(format!("{}: {}", place(problem), problem.what));
    }
    for note in &report.notes {
        lines.push(format!("note: {}: {}", place(note), note.what));
    }
    let Report { files, records, first, last, head, .. } = report;
    let verdict = if report.problems.is_empty() { "whole" } else { "NOT whole" };
    lines.push(format!(
        "{verdict}: {records} records ({first} to {last}) in {}; the last one's hash is {head}",
        counted(*files, "file")
    ));
    lines.join("\n") + "\n"
}

fn place(problem: &Problem) -> String {
    problem.line.map_or_else(|| problem.file.clone(), |line| format!("{}:{line}", problem.file))
}

fn as_json(report: &Report) -> Value {
    let list = |problems: &[Problem]| {
        let problems = problems.iter();
        problems
            .map(|problem| json!({ "file": problem.file, "line": problem.line, "what": problem.what }))
            .collect::<Vec<_>>()
    };
    json!({
        "whole": report.problems.is_empty(),
        "files": report.files,
        "records": report.records,
        "first": report.first,
        "last": report.last,
        "head": report.head,
        "problems": list(&report.problems),
        "notes": list(&report.notes),
    })
}

fn hash(text: &str) -> Result<String, String> {
    if is_hash(text) { Ok(text.to_owned()) } else { Err("a hash has 64 digits: 0 to 9, a to f".into()) }
}

fn unreadable(path: &Path) -> String {
    format!("the audit trail `{}` cannot be read", path.display())
}
