//! Composition: the parts that were asked for, one after the other, into one report.

use std::io::{Write as _, stderr, stdout};

use anyhow::{Context as _, Result};

use crate::cli::{Host, Part, Settings};
use crate::density::Density;
use crate::languages;
use crate::load::rounds::Load;
use crate::machine::{Cores, Machine};
use crate::neighbours::Neighbours;
use crate::reload::Reload;
use crate::report::Report;
use crate::scale::hosts::Hosts;
use crate::scale::{sizes, tasks};
use crate::soak::Soak;

pub(crate) fn run(settings: &Settings) -> Result<()> {
    let machine = Machine::look()?;
    let cores = machine.cores.clone();
    let wanted = |part| settings.parts.contains(&part);
    let mut progress = |what: &str| {
        // It is for whoever watches; nobody may.
        let _ = writeln!(stderr(), "{what}");
    };
    let load = wanted(Part::Load).then(|| Load::measure(settings, &cores, &mut progress)).transpose()?;
    let mut report = Report::new(machine, settings.measured, load);
    if let Some(host) = &settings.host {
        single(host, settings, &cores, &mut report, &mut progress)?;
        scale(host, settings, &cores, &mut report, &mut progress)?;
    }
    write!(stdout(), "{}", report.markdown())?;
    if let Some(path) = &settings.json {
        let json = serde_json::to_string_pretty(&report.json())?;
        std::fs::write(path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// What is measured of one host.
fn single(
    host: &Host,
    settings: &Settings,
    cores: &Cores,
    report: &mut Report,
    progress: &mut dyn FnMut(&str),
) -> Result<()> {
    for part in &settings.parts {
        let measured = settings.measured * 4;
        match part {
            Part::Reload => report.reload = Some(Reload::measure(host, &cores.all, settings.drops, progress)?),
            Part::Density => report.density = Some(Density::measure(host, &cores.all, settings.copies, progress)?),
            Part::Neighbours => {
                let found = Neighbours::measure(host, &cores.all, settings.rounds, measured, progress)?;
                report.neighbours = Some(found);
            }
            Part::Languages => {
                report.languages = Some(languages::measure(host, &cores.all, settings, measured, progress)?);
            }
            Part::Soak => report.soak = Some(Soak::measure(host, &cores.all, settings.calls, progress)?),
            _ => {}
        }
    }
    Ok(())
}

/// What is measured of several hosts, or of many things.
fn scale(
    host: &Host,
    settings: &Settings,
    cores: &Cores,
    report: &mut Report,
    progress: &mut dyn FnMut(&str),
) -> Result<()> {
    for part in &settings.parts {
        match part {
            Part::Hosts => report.hosts = Some(Hosts::measure(host, settings, cores, progress)?),
            Part::Tasks => report.tasks = Some(tasks::measure(host, settings, cores, progress)?),
            Part::ManyTasks => report.sizes.push(sizes::tasks::measure(host, settings, cores, progress)?),
            Part::ManyPlugins => report.sizes.push(sizes::plugins::measure(host, settings, cores, progress)?),
            Part::ManyTenants => report.sizes.push(sizes::tenants::measure(host, settings, cores, progress)?),
            Part::ManySessions => report.sizes.push(sizes::sessions::measure(host, settings, cores, progress)?),
            _ => {}
        }
    }
    Ok(())
}
