//! Plugins that are loaded: calls of one of them, and of all in turn.

use std::fs;

use anyhow::{Context as _, Result};

use super::{Case, Row, Sizes, rounds};
use crate::cli::{Host, Settings};
use crate::density;
use crate::load::Target;
use crate::machine::Cores;
use crate::scale::{Hosted, Yard};
use crate::wire::{Era, Right, Template};

pub(crate) fn measure(
    host: &Host,
    settings: &Settings,
    cores: &Cores,
    progress: &mut dyn FnMut(&str),
) -> Result<Sizes> {
    let component = fs::read(&host.echo).with_context(|| format!("cannot read {}", host.echo.display()))?;
    let mut yard = Yard::new(host, &cores.all)?;
    let fill = |size: usize| {
        let component = &component;
        move |plugins: &std::path::Path| density::fill(plugins, component, size)
    };
    let largest = settings.sizes.plugins.iter().copied().max().context("sizes")?;
    progress(&format!("many plugins: compiling {largest}"));
    // On all cores, and what it leaves in memory goes with it.
    yard.start_with("", fill(largest))?.server.stop()?;
    let one = [cores.server];
    yard.cores = &one;
    let mut all = Vec::new();
    for &size in &settings.sizes.plugins {
        all.push((size, yard.start_with("", fill(size))?));
    }
    let cases = all.iter().flat_map(|(size, host)| cases(*size, host)).collect();
    let mut rows = rounds("many plugins", cases, settings, cores, progress)?;
    rows.sort_by(|one, other| one.what.cmp(&other.what));
    let starts = all.iter().map(|(size, host)| format!("{size}: {:.0} ms", host.server.start.as_secs_f64() * 1e3));
    let starts: Vec<String> = starts.collect();
    let notes = vec![format!("From start to listening on one core, compiled code cached: {}.", starts.join(", "))];
    for (_, host) in all {
        host.server.stop()?;
    }
    Ok(Sizes { of: "plugins", rows, notes })
}

fn cases(size: usize, host: &Hosted) -> [Case<'_>; 2] {
    let endpoint = &host.server.endpoint;
    let template = |copy: usize| {
        let tool = format!("{}_echo", density::name(copy));
        Template::echo(endpoint, Era::Modern, None, &tool)
    };
    let case = |what: &str, templates| Case {
        row: Row::new(what, size),
        host,
        target: Target { address: endpoint.address, templates, right: Right::Echo },
        store: None,
    };
    let in_turn = (0..size).map(template).collect();
    [case("calls of one", vec![template(0)]), case("calls of all in turn", in_turn)]
}
