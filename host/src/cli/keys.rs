//! `toolyard keys`: who has an API key.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use super::Outcome;
use crate::{
    auth::keys::{self, Entry},
    clock::{self, now_ms},
    config::Config,
    ids::TenantId,
};

/// Add, list, revoke and rotate API keys
#[derive(Debug, Args)]
pub(super) struct Keys {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    verb: Verb,
}

/// Where the keys are.
#[derive(Debug, Args)]
struct Place {
    /// The file of keys [default: what the configuration says in [auth] keys_file; it is made if it is not there]
    #[arg(long, value_name = "FILE", global = true)]
    file: Option<PathBuf>,
    /// The configuration (TOML) [default: toolyard.toml, if it is here]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a key and print it, once: only its hash is kept
    Add(Add),
    /// Show who has a key
    List,
    /// Take a key away
    Revoke {
        /// The key's id, which stands in it between `ty_` and the last `_`
        id: String,
    },
    /// Make a key in place of another, which stays good for a while
    Rotate(Rotate),
}

#[derive(Debug, Args)]
struct Add {
    /// What its owner is called: in policies, in the audit trail, and as the owner of tasks
    #[arg(long)]
    subject: String,
    /// The tenant that its owner is of
    #[arg(long, default_value = "default")]
    tenant: TenantId,
    /// The key's id [default: one that is made up]
    #[arg(long)]
    id: Option<String>,
    /// A scope that it grants; may be given several times
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A group that its owner is in; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    #[command(flatten)]
    until: Until,
}

#[derive(Debug, Args)]
struct Rotate {
    /// The id of the key that is to be replaced
    id: String,
    /// How long the old key stays good, such as 7d, 12h or 0s
    #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = span)]
    overlap: u64,
    #[command(flatten)]
    until: Until,
}

#[derive(Debug, Args)]
struct Until {
    /// How long the key is good, such as 90d or 12h, or until which day, such as 2027-01-31 [default: until it is revoked]
    #[arg(long, value_name = "SPAN or DATE")]
    expires: Option<String>,
}

impl Keys {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let (file, config) = self.place.file()?;
        let now_s = now_ms() / 1000;
        match self.verb {
            Verb::Add(add) => {
                let stranger =
                    config.filter(|config| !config.tenants.contains_key(&add.tenant)).map(|_| add.tenant.clone());
                add.run(&file, now_s)?;
                if let Some(tenant) = stranger {
                    eprintln!(
                        "note: the configuration has no tenant `{tenant}`; the key opens nothing until there is [tenant.{tenant}]"
                    );
                }
            }
            Verb::List => list(&file, now_s)?,
            Verb::Revoke { id } => {
                keys::update(&file, |entries| {
                    let place = position(entries, &id)?;
                    entries.remove(place);
                    Ok(())
                })
                .map_err(anyhow::Error::msg)?;
                println!("revoked: {id}");
            }
            Verb::Rotate(rotate) => rotate.run(&file, now_s)?,
        }
        Ok(Outcome::Done)
    }
}

impl Place {
    /// The file, and the configuration if it says which.
    fn file(&self) -> anyhow::Result<(PathBuf, Option<Config>)> {
        if let Some(file) = &self.file {
            return Ok((file.clone(), None));
        }
        let Some(path) = super::configuration(self.config.as_deref()) else {
            bail!("say where the keys are: --config FILE, or --file FILE; there is no {} here", super::USUAL_CONFIG)
        };
        let config = Config::read(&path)?;
        let file = config.auth.keys_file.clone();
        let none = || format!("{} has no [auth] keys_file; add it, or say --file FILE", path.display());
        Ok((file.with_context(none)?, Some(config)))
    }
}

impl Add {
    fn run(self, file: &std::path::Path, now_s: u64) -> anyhow::Result<()> {
        let expires = self.until.date(now_s)?;
        let (mut entry, key) = Entry::mint(self.id, self.tenant, self.subject, now_s)?;
        (entry.scopes, entry.groups, entry.expires) = (self.scopes, self.groups, expires);
        let id = entry.id.clone();
        keys::update(file, |entries| {
            entry.check()?;
            if entries.iter().any(|other| other.id == entry.id) {
                return Err(format!("there is a key `{}` already; give another --id, or rotate it", entry.id));
            }
            entries.push(entry);
            Ok(())
        })
        .map_err(anyhow::Error::msg)?;
        eprintln!("key `{id}`, which is shown this once:");
        println!("{key}");
        Ok(())
    }
}

impl Rotate {
    fn run(self, file: &std::path::Path, now_s: u64) -> anyhow::Result<()> {
        let expires = self.until.date(now_s)?;
        let (id, key, until) = keys::update(file, |entries| {
            let place = position(entries, &self.id)?;
            let old = &mut entries[place];
            let minted = Entry::mint(None, old.tenant.clone(), old.subject.clone(), now_s);
            let (mut new, key) = minted.map_err(|error| error.to_string())?;
            (new.scopes, new.groups) = (old.scopes.clone(), old.groups.clone());
            new.expires = expires.or_else(|| as_long_as(old, now_s));
            // One that ends sooner than that still does.
            let until = old.expires_s().unwrap_or(u64::MAX).min(now_s.saturating_add(self.overlap));
            old.expires = Some(clock::to_text(until));
            let id = new.id.clone();
            entries.push(new);
            Ok((id, key, until))
        })
        .map_err(anyhow::Error::msg)?;
        eprintln!("key `{id}`, which is shown this once; `{}` is good until {}:", self.id, clock::to_text(until));
        println!("{key}");
        Ok(())
    }
}

impl Until {
    fn date(&self, now_s: u64) -> anyhow::Result<Option<String>> {
        let Some(text) = &self.expires else { return Ok(None) };
        let until = clock::span(text).map(|span| now_s.saturating_add(span)).or_else(|| clock::from_text(text));
        let until = until.filter(|until| *until > now_s);
        let until = until.with_context(|| {
            format!("--expires: `{text}` is no time ahead; write such as 90d, 12h, 2027-01-31 or 2027-01-31T12:00:00Z")
        })?;
        Ok(Some(clock::to_text(until)))
    }
}

/// The end of a key that is to be good for as long as `old` was meant to be.
fn as_long_as(old: &Entry, now_s: u64) -> Option<String> {
    let created = old.created.as_deref().and_then(clock::from_text)?;
    let span = old.expires_s()?.saturating_sub(created);
    Some(clock::to_text(now_s.saturating_add(span)))
}

fn list(file: &std::path::Path, now_s: u64) -> anyhow::Result<()> {
    let entries = keys::read(file).map_err(anyhow::Error::msg)?;
    if entries.is_empty() {
        eprintln!("{}: there are no keys; `toolyard keys add` makes one", file.display());
    }
    for entry in entries {
        let until = match (&entry.expires, entry.expires_s()) {
            (Some(text), Some(until)) if until <= now_s => format!("ended {text}"),
            (Some(text), _) => format!("until {text}"),
            (None, _) => "until it is revoked".into(),
        };
        let words = |name: &str, words: &[String]| match words {
            [] => String::new(),
            words => format!("  {name}: {}", words.join(" ")),
        };
        let (scopes, groups) = (words("scopes", &entry.scopes), words("groups", &entry.groups));
        println!("{}  {} of {}  {until}{scopes}{groups}", entry.id, super::shown(&entry.subject), entry.tenant);
    }
    Ok(())
}

fn position(entries: &[Entry], id: &str) -> Result<usize, String> {
    entries
        .iter()
        .position(|entry| entry.id == id)
        .ok_or_else(|| format!("there is no key `{id}`; `toolyard keys list` shows them"))
}

fn span(text: &str) -> Result<u64, String> {
    clock::span(text).ok_or_else(|| "write a number and d, h, m or s, such as 7d".into())
}
