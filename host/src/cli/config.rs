//! `toolyard config`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Outcome, USUAL_CONFIG, counted, shown};
use crate::{
    config::{self, Checked, Mistakes, Shown},
    policy::Policy,
};

/// Looks at a configuration, with no server.
#[derive(Debug, Args)]
pub(super) struct Config {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say everything that is wrong with a configuration, each with its file and line
    Check(Check),
    /// Show what a configuration says, with its includes and references, and without its secrets
    Show(Show),
    /// Print the JSON Schema of the configuration, for editors
    Schema,
}

#[derive(Debug, Args)]
struct Check {
    /// The configuration file
    #[arg(value_name = "FILE", default_value = USUAL_CONFIG)]
    file: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Show {
    /// The configuration file
    #[arg(value_name = "FILE", default_value = USUAL_CONFIG)]
    file: PathBuf,
    /// Also what holds because nothing is written
    #[arg(long)]
    effective: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Config {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        match self.what {
            What::Check(check) => check.run(),
            What::Show(show) => show.run(),
            What::Schema => {
                println!("{:#}", config::schema());
                Ok(Outcome::Done)
            }
        }
    }
}

impl Check {
    fn run(self) -> anyhow::Result<Outcome> {
        let checked = config::check(&self.file);
        if self.json {
            let mistakes = checked.as_ref().err().map(Mistakes::iter).into_iter().flatten();
            println!("{:#}", json!({ "mistakes": mistakes.collect::<Vec<_>>() }));
        }
        let Checked { config, files, values } = checked?;
        policies(&config)?;
        if !self.json {
            let (files, values) = (counted(files, "file"), counted(values, "value"));
            let plugins = config.tenants.values().map(|tenant| tenant.plugin.len()).sum();
            let (tenants, plugins) = (counted(config.tenants.len(), "tenant"), counted(plugins, "plugin"));
            println!(
                "{}: nothing is wrong with it ({files}, {values}, {tenants}, settings of {plugins})",
                shown(&self.file.display().to_string())
            );
        }
        Ok(Outcome::Done)
    }
}

impl Show {
    fn run(self) -> anyhow::Result<Outcome> {
        let all = config::show(&self.file, self.effective)?;
        if self.json {
            println!("{:#}", json!(all));
        } else {
            print!("{}", shown(&as_text(&all)));
        }
        Ok(Outcome::Done)
    }
}

/// What is wrong with the policies that a configuration names.
fn policies(config: &config::Config) -> anyhow::Result<()> {
    let loaded = Policy::load(&config.policy).map_err(|mistakes| {
        let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the policies are wrong\n{}", mistakes.join("\n"))
    });
    loaded.map(drop)
}

/// A line for each value, with where it is from behind it.
fn as_text(all: &[Shown]) -> String {
    let line = |one: &Shown| match &one.value {
        serde_json::Value::Null => format!("# {} is not set", one.key),
        value => format!("{} = {value}", one.key),
    };
    let lines: Vec<String> = all.iter().map(line).collect();
    // So that what they are from stands below each other, but for lines that are too long for that.
    let width = lines.iter().map(|line| line.chars().count()).filter(|width| *width <= 60).max().unwrap_or_default();
    let mut text = String::new();
    for (line, one) in lines.iter().zip(all) {
        let by = if one.by.is_empty() { String::new() } else { format!(", {}", one.by.join(", ")) };
        let from = if one.value.is_null() { String::new() } else { format!("  # {}{by}", one.from) };
        text.push_str(format!("{line:width$}{from}").trim_end());
        text.push('\n');
    }
    text
}
