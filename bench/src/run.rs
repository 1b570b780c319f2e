//! Composition: the parts that were asked for, one after the other, into one report.

use std::io::{Write as _, stderr, stdout};

use anyhow::{Context as _, Result};

use crate::cli::{Part, Settings};
use crate::density::Density;
use crate::languages;
use crate::load::rounds::Load;
use crate::machine::Machine;
use crate::neighbours::Neighbours;
use crate::reload::Reload;
use crate::report::Report;
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
    let (mut reload, mut density, mut neighbours, mut soak, mut languages) = (None, None, None, None, None);
    if let Some(host) = &settings.host {
        if wanted(Part::Reload) {
            reload = Some(Reload::measure(host, &cores.all, settings.drops, &mut progress)?);
        }
        if wanted(Part::Density) {
            density = Some(Density::measure(host, &cores.all, settings.copies, &mut progress)?);
        }
        if wanted(Part::Neighbours) {
            let measured = settings.measured * 4;
            neighbours = Some(Neighbours::measure(host, &cores.all, settings.rounds, measured, &mut progress)?);
        }
        if wanted(Part::Languages) {
            let measured = settings.measured * 4;
            languages = Some(languages::measure(host, &cores.all, settings.rounds, measured, &mut progress)?);
        }
        if wanted(Part::Soak) {
            soak = Some(Soak::measure(host, &cores.all, settings.calls, &mut progress)?);
        }
    }
    let report = Report { machine, measured: settings.measured, load, reload, density, neighbours, soak, languages };
    write!(stdout(), "{}", report.markdown())?;
    if let Some(path) = &settings.json {
        let json = serde_json::to_string_pretty(&report.json())?;
        std::fs::write(path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
